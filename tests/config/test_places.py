"""Names of environments, namespaces and registries that nothing could be deployed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from release.config.build import load_model, load_project
from release.config.names import model_name
from release.config.places import check_serving
from release.config.source import parse
from release.errors import BadInputError, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable

STAGING = "{name: staging, promote: automatic}"


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        (
            "name: production,",
            "name: pre-production,",
            2,
            (
                'm.yaml:8:12: "pre-production" is longer than 12 characters, which the names of objects have left for it; '
                "choose a shorter name"
            ),
        ),
        (
            STAGING,
            "{name: staging, namespace: Models}",
            2,
            'm.yaml:7:32: "Models" is no namespace; use lower-case letters, digits and inner hyphens, at most 63 in all',
        ),
        (
            STAGING,
            '{name: staging, context: " "}',
            2,
            'm.yaml:7:30: " " is no context; choose from `kubectl config get-contexts`',
        ),
        (
            "oci:.release/registry",
            "oci:../elsewhere",
            3,
            (
                'm.yaml:2:11: the folder of the registry leaves the repository: "oci:../elsewhere"; '
                "name a folder in it, such as oci:.release/registry"
            ),
        ),
        (
            "oci:.release/registry",
            '"oci:"',
            2,
            'm.yaml:2:11: "oci:" is no registry; write oci:FOLDER, or a registry\'s host[:port]/prefix',
        ),
    ],
)
def test_what_no_cluster_could_have_is_refused(
    project_with: Callable[..., bytes], old: str, new: str, code: int, line: str
) -> None:
    """By file, line and column, before anything is made for it."""
    with pytest.raises(ReleaseError) as caught:
        load_project(project_with(old, new), where="m.yaml")
    assert (caught.value.code, str(caught.value)) == (code, line)


def test_twelve_characters_and_a_context_are_fine(project_with: Callable[..., bytes]) -> None:
    """The longest name, and names of contexts as clouds write them."""
    project = load_project(
        project_with(STAGING, '{name: staging-west, context: "arn:aws:eks/x y"}', "after: staging", "after: staging-west"),
        where="m",
    )
    assert project.environments[0].context == "arn:aws:eks/x y"


def test_the_longest_names_together_make_a_helm_release() -> None:
    """Helm allows 53 characters; more would fail on the cluster only."""
    assert len(f"{model_name('m' * 40)}-{'e' * 12}") == 53
    with pytest.raises(BadInputError):
        model_name("m" * 41)


SERVING = "serving: {format: skops, cpu: 500m, memory: 512Mi}"


def test_serving_knows_the_environments_there_are(
    model_with: Callable[..., bytes], project_with: Callable[..., bytes]
) -> None:
    """A misspelt one would be ignored for ever; the nearest is named."""
    project = load_project(project_with(), where="release.yaml")
    right = model_with(SERVING, "serving: {environments: {production: {replicas: 5}}}")
    check_serving(load_model(right, where="m.yaml"), project, parse(right, where="m.yaml"))
    wrong = model_with(SERVING, "serving: {environments: {productoin: {replicas: 5}}}")
    with pytest.raises(BadInputError) as caught:
        check_serving(load_model(wrong, where="m.yaml"), project, parse(wrong, where="m.yaml"))
    assert str(caught.value) == ('m.yaml:36:26: release.yaml has no environment "productoin"; did you mean "production"?')
