"""Manifests: what would be deployed, looked at before it is: rendered, linted by our rules, and by whoever else is there.

Findings are collected, never raised here: one model's mistake must not hide another's. Which deployments there are, and what
a finding means for the exit code, is for the callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from release.artifact.deployment import Origin, effective
from release.artifact.findings import Finding, Severity, error, note
from release.artifact.manifest_change import parsed
from release.artifact.rollout_lint import lint
from release.artifact.traffic_lint import lint_traffic
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from release.artifact.deployment import Deployment
    from release.ports import Renderer, Validator
    from release.records import EnvironmentName, ModelName


@dataclass(frozen=True, kw_only=True)
class ManifestRecord:
    """What was found in one model's manifests in one environment; `values` says whose values they were rendered with."""

    model: ModelName
    environment: EnvironmentName
    values: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything that was found; `general` concerns all deployments alike."""

    manifests: tuple[ManifestRecord, ...]
    general: tuple[Finding, ...]


def inspect(
    deployments: Sequence[Deployment],
    *,
    renderer: Renderer | None,
    validators: Sequence[Validator],
    render: Callable[[Renderer, Deployment], str],
) -> Inspection:
    """Look at deployments; without a `renderer` only at their values. `render` may remember what was rendered before."""
    found: dict[str, list[Finding]] = {one.name: list(_traffic(one)) for one in deployments}
    rendered: dict[str, str] = {}
    charts: set[str] = set()
    for one in deployments if renderer is not None else ():
        assert renderer is not None  # noqa: S101 (for the types: the loop is empty without)
        try:
            text = render(renderer, one)
            found[one.name] += lint(parsed(text, where=one.where))
        except BadInputError as refused:
            found[one.name].append(error("helm template", refused.what, refused.fix))
            continue
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as odd:
            # A chart may be anything; what our rules cannot read, they cannot answer for.
            what = f"its manifests are not formed as our rules expect ({type(odd).__name__}: {odd})"
            found[one.name].append(error("charts/model", what, "compare it with the chart that `release init` brings"))
        rendered[one.name] = text
        if one.chart_key not in charts:
            charts.add(one.chart_key)
            found[one.name] += renderer.lint(one)
    general = _validated(found, rendered, validators)
    return Inspection(manifests=tuple(_record(one, found[one.name]) for one in deployments), general=tuple(general))


def _traffic(deployment: Deployment) -> tuple[Finding, ...]:
    """Refuse live traffic that cannot judge; of values that only a change elsewhere can correct, it is merely said."""
    try:
        told = tuple(lint_traffic("rollout", effective(deployment)))
    except BadInputError as refused:
        return (error(refused.where, refused.what, refused.fix),)
    match deployment.origin:
        case Origin.DRAFT | Origin.TREE:
            return told
        case Origin.BRANCH:
            return tuple(note(one.where, one.what, one.fix) for one in told)
        case _:
            assert_never(deployment.origin)


def _validated(
    found: Mapping[str, list[Finding]], rendered: Mapping[str, str], validators: Sequence[Validator]
) -> list[Finding]:
    general: list[Finding] = []
    for validator in validators if rendered else ():
        for name, told in validator.validate(rendered).items():
            found.get(name, general).extend(told)
    return general


def _record(deployment: Deployment, found: Sequence[Finding]) -> ManifestRecord:
    return ManifestRecord(
        model=deployment.model,
        environment=deployment.environment,
        values=deployment.where,
        findings=tuple(sorted(dict.fromkeys(found), key=lambda one: list(Severity).index(one.severity))),
    )
