"""What a cluster shows of each model beside what Git asks for, and what to do where they differ; for `release status`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from release.artifact.actions import Follow, Undo, Verify
from release.artifact.ledger import instant
from release.artifact.meaning import Trouble, Waiting
from release.errors import OutOfReachError, ReleaseError
from release.stages.reconcile import decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.actions import Action
    from release.artifact.ledger import Ledger
    from release.cli.reconciling import Clusters
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.observed import Analysis, Delivery, Metric, Observation
    from release.records import ModelName
    from release.stages.reconcile import Settings


def is_known() -> bool:
    """Say whether somebody told us of a cluster: by KUBECONFIG, or by running us in one."""
    return bool(os.environ.get("KUBECONFIG") or os.environ.get("KUBERNETES_SERVICE_HOST"))


@dataclass(frozen=True)
class Eyes:
    """What one look needs: the clusters, where Argo CD's Applications are, and which clusters gave no answer this time."""

    clusters: Clusters
    argocd: str
    silent: dict[str | None, str] = field(default_factory=dict)


def actual(
    workspace: Workspace, eyes: Eyes, ledgers: Mapping[ModelName, Ledger], model: ModelName, where: EnvironmentSpec
) -> dict[str, Any]:
    """Return what the cluster shows of a model in an environment; trouble with the cluster is said, not raised."""
    from release.cli.reconciling import settings  # noqa: PLC0415 (pulls in promote; as above)

    if where.context in eyes.silent:
        return {"trouble": eyes.silent[where.context]}
    try:
        cluster = eyes.clusters.of(where)
        seen = cluster.observe(where.namespace, model, where.name)
        delivery = cluster.application(eyes.argocd, f"{model}-{where.name}")
    except OutOfReachError as error:
        eyes.silent[where.context] = str(error)
        return {"trouble": str(error)}
    except ReleaseError as error:
        return {"trouble": str(error)}
    others = {name: ledger for name, ledger in ledgers.items() if name != model}
    advice = _advice(seen, ledgers[model], workspace, settings(workspace, where, others)) if model in ledgers else []
    argocd = {"delivery": delivery, "tip": workspace.branch.tip(fetch=False)}
    if seen is None:
        return {"phase": None, "advice": advice, **argocd}
    return {
        "phase": seen.phase,
        "message": seen.message,
        "step": seen.step,
        "steps": seen.steps,
        "weight": seen.weight,
        "unsure_since": instant(seen.unsure) if seen.unsure else None,
        "stable": seen.image(seen.stable),
        "canary": seen.image(seen.current) if seen.current != seen.stable else None,
        "operation": seen.operation,
        "analyses": seen.runs(),
        "advice": advice,
        **argocd,
    }


def _advice(seen: Observation | None, ledger: Ledger, workspace: Workspace, settings: Settings) -> list[str]:
    return [_said(action) for action in decide(seen, ledger, workspace.clock.now(), settings)]


def _said(action: Action) -> str:
    match action:
        case Waiting():
            return action.why
        case Trouble():
            return f"{action.why}; {action.fix}"
        case Verify():
            return "good: `release reconcile` will verify it"
        case Undo():
            back = f" and restore {action.target.release.version}" if action.target and action.target.release else ""
            return f"{action.found.reason}: `release reconcile` will record it as {action.found.kind}{back}"
        case Follow():
            return f"next: {action.next.environment}, {action.next.mode}"
        case _:
            assert_never(action)


def lines(shown: Mapping[str, Any]) -> list[str]:
    """Return the lines that say it under a model's own line."""
    if "trouble" in shown:
        return [f"    cluster: unknown, {shown['trouble']}"]
    delivery = _delivery(shown["delivery"], shown["tip"]) if shown["delivery"] else []
    if shown["phase"] is None:
        return ["    cluster: nothing", *delivery, *(f"    {said}" for said in shown["advice"])]
    step = f" step {shown['step']} of {shown['steps']}" if shown["step"] is not None and shown["steps"] else ""
    weight = f" at {shown['weight']}%" if shown["weight"] else ""
    canary = f", canary {_short(shown['canary'])}{weight}" if shown["canary"] else ""
    message = f", {shown['message']}" if shown["message"] else ""
    told = [f"    cluster: {shown['phase']}{step}, stable {_short(shown['stable'])}{canary}{message}"]
    told += [_measured(run, one) for run in shown["analyses"] for one in run.metrics]
    if shown["unsure_since"] is not None:
        told.append(f"    paused since {shown['unsure_since']}: the analysis is inconclusive")
    return [*told, *delivery, *(f"    {said}" for said in shown["advice"])]


def _measured(run: Analysis, one: Metric) -> str:
    """Say how a metric stands: its last value beside its limit, and how many measurements were good."""
    value = f" {one.values[-1].strip('[]') or 'nothing'}" if one.values else ""
    limit = f", limit {one.limit}" if one.limit else ""
    count = f", {one.successful} of {one.asked} good" if one.asked else ""
    said = f" ({one.message})" if one.message else ""
    return f"    {run.name}: {one.name} {one.phase}{value}{limit}{count}{said}"


def _delivery(one: Delivery, tip: str | None) -> list[str]:
    """Say what Argo CD makes of it, and what to do where it does not follow Git."""
    behind = f", Git is at {tip[:12]}" if tip and one.revision and tip != one.revision else ""
    at = f" at {one.revision[:12]}" if one.revision else ""
    told = [f"    Argo CD: {one.sync}{at}{behind}, {one.health}"]
    if one.paused:
        fix = f"`argocd app sync {one.name}`, or let it sync by itself again"
        told.append(f"    Application {one.name} is paused, {one.paused}: {fix}")
    if one.drifted:
        what = ", ".join(one.drifted)
        told.append(f"    differs from Git: {what}; a sync puts it back, a change that is meant belongs into Git")
    return told + [f"    Application {one.name}: {trouble}" for trouble in one.troubles]


def _short(image: str | None) -> str:
    return image.rpartition("@sha256:")[2][:12] if image else "nothing"
