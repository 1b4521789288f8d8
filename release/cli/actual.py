"""What a cluster shows of each model beside what Git asks for, and what to do where they differ; for `release status`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, assert_never

from release.artifact.actions import Follow, Undo, Verify
from release.artifact.meaning import Trouble, Waiting
from release.errors import ReleaseError
from release.stages.reconcile import decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.actions import Action
    from release.artifact.ledger import Ledger
    from release.cli.reconciling import Clusters
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.observed import Observation
    from release.records import ModelName
    from release.stages.reconcile import Settings


def is_known() -> bool:
    """Say whether somebody told us of a cluster: by KUBECONFIG, or by running us in one."""
    return bool(os.environ.get("KUBECONFIG") or os.environ.get("KUBERNETES_SERVICE_HOST"))


def actual(
    workspace: Workspace, clusters: Clusters, ledgers: Mapping[ModelName, Ledger], model: ModelName, where: EnvironmentSpec
) -> dict[str, Any]:
    """Return what the cluster shows of a model in an environment; trouble with the cluster is said, not raised."""
    from release.cli.reconciling import settings  # noqa: PLC0415 (pulls in promote; only where a cluster is read)

    try:
        seen = clusters.of(where).observe(where.namespace, model, where.name)
    except ReleaseError as error:
        return {"trouble": str(error)}
    others = {name: ledger for name, ledger in ledgers.items() if name != model}
    advice = _advice(seen, ledgers[model], workspace, settings(workspace, where, others)) if model in ledgers else []
    if seen is None:
        return {"phase": None, "advice": advice}
    return {
        "phase": seen.phase,
        "message": seen.message,
        "step": seen.step,
        "steps": seen.steps,
        "stable": seen.image(seen.stable),
        "canary": seen.image(seen.current) if seen.current != seen.stable else None,
        "operation": seen.operation,
        "analyses": seen.runs(),
        "advice": advice,
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
    if shown["phase"] is None:
        return ["    cluster: nothing", *(f"    {said}" for said in shown["advice"])]
    step = f" step {shown['step']} of {shown['steps']}" if shown["step"] is not None and shown["steps"] else ""
    canary = f", canary {_short(shown['canary'])}" if shown["canary"] else ""
    told = [f"    cluster: {shown['phase']}{step}, stable {_short(shown['stable'])}{canary}"]
    told += [
        f"    {run.name}: {one.name} {one.phase}{' ' + one.values[-1] if one.values else ''}"
        for run in shown["analyses"]
        for one in run.metrics
    ]
    return [*told, *(f"    {said}" for said in shown["advice"])]


def _short(image: str | None) -> str:
    return image.rpartition("@sha256:")[2][:12] if image else "nothing"
