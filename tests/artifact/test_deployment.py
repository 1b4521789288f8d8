"""What is rendered: a chart and values, completed as a promotion leaves them."""

from __future__ import annotations

import dataclasses

import pytest

from release.artifact.deployment import ANY_DIGEST, Deployment, Origin, complete, effective
from release.artifact.values import draft, patch, read
from release.errors import BadInputError
from release.records import EnvironmentName, ModelName

CHART = {"values.yaml": b"serving: {replicas: 1, cpu: 500m}\nlimits:\n  error_rate: 0.01\n", "Chart.yaml": b"name: model\n"}


def deployment(values: bytes = b"serving: {replicas: 3}\n") -> Deployment:
    return Deployment(
        model=ModelName("churn"),
        environment=EnvironmentName("staging"),
        namespace="models",
        chart=CHART,
        values=values,
        origin=Origin.TREE,
        where="charts/environments/staging/churn.yaml",
    )


def test_a_draft_gets_placeholders_and_a_canary() -> None:
    """What the first promotion will write is filled in, so that the chart's schema takes it."""
    first = draft(model="churn", environment="staging", serving={"replicas": 1}, rollout={"steps": [10]})
    values = read(complete(patch(first, {"release.fast": True}, where="v"), repository="r/churn", where="v"), where="v")
    assert (values["image.repository"], values["release.fast"]) == ("r/churn", False)
    assert values["image.digest"] == values["model.digest"] == ANY_DIGEST


def test_what_was_promoted_stays_what_it_is() -> None:
    """Only what is empty is filled."""
    digest = "sha256:" + "a" * 64
    there = patch(b"{}\n", {"image.repository": "r/x", "image.digest": digest, "model.digest": digest}, where="v")
    values = read(complete(there, repository="r/churn", where="v"), where="v")
    assert [values[name] for name in ("image.repository", "image.digest", "model.digest")] == ["r/x", digest, digest]


def test_values_that_cannot_be_patched_are_refused_by_line() -> None:
    """As a promotion would refuse them."""
    with pytest.raises(BadInputError, match=r"^v:1:8: image must be a mapping"):
        complete(b"image: [1]\n", repository="r", where="v")


def test_values_lie_over_the_charts_defaults_as_helm_has_it() -> None:
    """Mappings in depth; null takes a default away; a list replaces one."""
    values = b"serving: {replicas: 3, cpu: null}\nrollout: {steps: [5]}\n"
    assert effective(deployment(values)) == {
        "serving": {"replicas": 3},
        "limits": {"error_rate": 0.01},
        "rollout": {"steps": [5]},
    }


@pytest.mark.parametrize("content", [b"a: [\n", b"- a\n"])
def test_values_that_are_no_mapping_are_refused_with_their_file(content: bytes) -> None:
    """The chart's own defaults too: people edit them."""
    with pytest.raises(BadInputError, match=r"^charts/model/values.yaml: "):
        effective(dataclasses.replace(deployment(), chart={"values.yaml": content}))
    with pytest.raises(BadInputError, match=r"^charts/environments/staging/churn.yaml: "):
        effective(deployment(content))


@pytest.mark.parametrize(
    "change",
    [
        {"values": b"serving: {replicas: 4}\n"},
        {"namespace": "other"},
        {"environment": EnvironmentName("production")},
        {"chart": {**CHART, "templates/x.yaml": b""}},
    ],
)
def test_the_key_changes_with_all_that_decides_the_render(change: dict[str, object]) -> None:
    """And with nothing else: where the values are said to come from does not matter."""
    one = deployment()
    assert dataclasses.replace(one, **change).key != one.key  # type: ignore[arg-type]
    assert dataclasses.replace(one, where="elsewhere", origin=Origin.BRANCH).key == one.key
