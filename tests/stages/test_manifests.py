"""What is found in manifests before they are deployed: collected over all deployments, by all who look."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.deployment import Deployment, Origin
from release.artifact.findings import Finding, Severity, error, note
from release.errors import BadInputError
from release.records import EnvironmentName, ModelName
from release.stages.manifests import Inspection, inspect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.ports import Renderer, Validator

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "charts" / "golden"
CHART = {"values.yaml": (ROOT / "charts/model/values.yaml").read_bytes()}


class Printed:
    """A renderer whose charts are printed already: a golden render by its scenario, or a refusal."""

    def __init__(self, scenarios: Mapping[str, str]) -> None:
        """Print these texts by the deployment's name."""
        self.scenarios = scenarios
        self.linted: list[str] = []

    def render(self, deployment: Deployment) -> str:
        """Return the text, or refuse where there is none."""
        if deployment.name not in self.scenarios:
            raise BadInputError("templates fail", where=deployment.where, fix="correct them")
        return self.scenarios[deployment.name]

    def lint(self, deployment: Deployment) -> Sequence[Finding]:
        """Remember who was asked, and say one thing."""
        self.linted.append(deployment.name)
        return (note("helm lint", "an icon is recommended"),)


class Counting:
    """A validator that tells how many renders it was shown."""

    def validate(self, rendered: Mapping[str, str]) -> Mapping[str, Sequence[Finding]]:
        """Say it of all of them, and something of each."""
        return {"": [note("counting", f"{len(rendered)} renders")], **{name: [error("x", "wrong")] for name in rendered}}


def golden(scenario: str) -> str:
    return (GOLDEN / scenario / "manifests.yaml").read_text()


def deployment(name: str, *, rps: str = "40", origin: Origin = Origin.TREE) -> Deployment:
    return Deployment(
        model=ModelName(name),
        environment=EnvironmentName("staging"),
        namespace="models",
        chart=CHART,
        values=f"rollout: {{rps: {rps}}}\n".encode(),
        origin=origin,
        where=f"charts/environments/staging/{name}.yaml",
    )


def look(*deployments: Deployment, renderer: Printed | None = None, validators: Sequence[Validator] = ()) -> Inspection:
    def render(one: Renderer, what: Deployment) -> str:
        return one.render(what)

    return inspect(deployments, renderer=renderer, validators=validators, render=render)


def test_one_refusal_does_not_hide_the_rest() -> None:
    """What cannot be rendered is an error of its own deployment; the others are looked at, errors first."""
    renderer = Printed({"good-staging": golden("canary")})
    found = look(deployment("bad"), deployment("good"), renderer=renderer, validators=[Counting()])
    bad, good = found.manifests
    assert [str(one) for one in bad.findings] == ["error: helm template: templates fail; correct them"]
    assert good.findings[0] == error("x", "wrong")
    assert {one.severity for one in good.findings[1:]} == {Severity.NOTE}
    assert any("is really" in one.what for one in good.findings)
    assert [str(one) for one in found.general] == ["note: counting: 1 renders"]


def test_a_chart_is_linted_once() -> None:
    """Every deployment has its values checked by the render; the chart itself is the same."""
    renderer = Printed({"a-staging": golden("canary"), "b-staging": golden("fast")})
    found = look(deployment("a"), deployment("b"), renderer=renderer)
    assert renderer.linted == ["a-staging"]
    assert [[one.where for one in record.findings].count("helm lint") for record in found.manifests] == [1, 0]


def test_without_helm_only_the_values_are_looked_at() -> None:
    """Whether traffic suffices is arithmetic, and nobody is asked to validate nothing."""
    found = look(deployment("a", rps="null"), deployment("b"), validators=[Counting()])
    assert [len(record.findings) for record in found.manifests] == [1, 0]
    assert found.manifests[0].findings[0].severity is Severity.ERROR
    assert found.general == ()


def test_too_little_traffic_in_values_kept_elsewhere_is_a_note() -> None:
    """No change to this tree could correct them."""
    [record] = look(deployment("a", rps="0.1", origin=Origin.BRANCH)).manifests
    assert [one.severity for one in record.findings] == [Severity.NOTE]
    [drafted] = look(deployment("a", rps="0.1", origin=Origin.DRAFT)).manifests
    assert [one.severity for one in drafted.findings] == [Severity.ERROR]


def test_a_chart_that_renders_something_else_is_told_as_such() -> None:
    """People may replace the chart; what our rules cannot read is an error, never a crash."""
    odd = {"a-staging": "kind: Rollout\nmetadata: {name: a}\nspec: {strategy: {canary: {steps: 5}}, template: {spec: {}}}\n"}
    [record] = look(deployment("a"), renderer=Printed(odd)).manifests
    assert "not formed as our rules expect" in record.findings[0].what
    [broken] = look(deployment("a"), renderer=Printed({"a-staging": "kind: [\n"})).manifests
    assert "what is not YAML" in broken.findings[0].what


def test_a_finding_is_told_once() -> None:
    """Two validators that agree are one complaint."""
    renderer = Printed({"a-staging": golden("fast")})
    [record] = look(deployment("a"), renderer=renderer, validators=[Counting(), Counting()]).manifests
    assert record.findings.count(error("x", "wrong")) == 1
    assert dataclasses.astuple(record)[:3] == ("a", "staging", "charts/environments/staging/a.yaml")
