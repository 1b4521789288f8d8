"""A Rollout, its ReplicaSets and its AnalysisRuns, as the Kubernetes API writes them, turned into one observation.

Pure: decoded JSON in, records out, and tolerant of what is not there yet. Asking the API is `release.adapters.cluster`, what
an observation means is `release.artifact.meaning`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from release.observed import Analysis, Metric, Observation, Phase, Pods, RunPhase

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Mapping

E = TypeVar("E", bound="enum.StrEnum")

HASH = "rollouts-pod-template-hash"
_REVISION = "rollout.argoproj.io/revision"
_OURS = "model-release/"
_CONTAINER = "model"
_SHOWN = 5
_LATE = "timed out progressing"
_COMPARED = re.compile(r"(?<![\w)])result(?:\[0\])?\s*(<=|>=|<|>)\s*([-+.\deE]+)")


def observation(
    rollout: Mapping[str, Any], replica_sets: Iterable[Mapping[str, Any]], runs: Iterable[Mapping[str, Any]]
) -> Observation:
    """Return what one read says. ReplicaSets and runs that the Rollout does not own are left out."""
    meta, status, spec = rollout["metadata"], rollout.get("status") or {}, rollout["spec"]
    notes = meta.get("annotations") or {}
    progressing = _condition(status, "Progressing")
    late = progressing.get("message") or ""
    said = progressing.get("reason") == "ProgressDeadlineExceeded" or _LATE in late
    unsure = [one for one in status.get("pauseConditions") or () if one.get("reason") == "InconclusiveAnalysisRun"]
    healthy = _condition(status, "Healthy")
    canary = (spec.get("strategy") or {}).get("canary") or {}
    return Observation(
        where=f"{meta['namespace']}/{meta['name']}",
        generation=str(meta.get("generation")),
        observed_generation=str(status.get("observedGeneration")),
        phase=_member(Phase, status.get("phase"), Phase.UNKNOWN),
        message=_line(status.get("message")),
        operation=notes.get(f"{_OURS}operation") or None,
        stable=status.get("stableRS") or None,
        current=status.get("currentPodHash") or None,
        pods={_hash(one): _pods(one) for one in replica_sets if _owned(one, meta) and _hash(one)},
        aborted=_time(status.get("abortedAt")) if status.get("abort") else None,
        late=_line(late) if said else None,
        unsure=_time(unsure[0].get("startTime")) if unsure else None,
        healthy_since=_time(healthy.get("lastTransitionTime")) if healthy.get("status") == "True" else None,
        when_unsure=notes.get(f"{_OURS}when-unsure") or "pause",
        timeout=notes.get(f"{_OURS}timeout") or "10m",
        step=status.get("currentStepIndex"),
        steps=len(canary.get("steps") or ()),
        weight=((status.get("canary") or {}).get("weights") or {}).get("canary", {}).get("weight"),
        analyses=tuple(_analysis(one) for one in runs if _owned(one, meta)),
    )


def _owned(one: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    return any(owner.get("uid") == meta.get("uid") for owner in one["metadata"].get("ownerReferences") or ())


def _hash(one: Mapping[str, Any]) -> str:
    return str((one["metadata"].get("labels") or {}).get(HASH, ""))


def _pods(one: Mapping[str, Any]) -> Pods:
    containers = one["spec"]["template"]["spec"]["containers"]
    image = next((each["image"] for each in containers if each["name"] == _CONTAINER), containers[0]["image"])
    return Pods(image=image, revision=(one["metadata"].get("annotations") or {}).get(_REVISION))


def _analysis(one: Mapping[str, Any]) -> Analysis:
    status = one.get("status") or {}
    results = status.get("metricResults") or ()
    asked = {metric["name"]: metric for metric in (one.get("spec") or {}).get("metrics") or ()}
    return Analysis(
        name=one["metadata"]["name"],
        pods=_hash(one),
        phase=_member(RunPhase, status.get("phase"), RunPhase.PENDING),
        revision=(one["metadata"].get("annotations") or {}).get(_REVISION),
        message=_line(status.get("message")),
        metrics=tuple(_metric(result, asked.get(result["name"], {})) for result in results if not result.get("dryRun")),
    )


def _metric(result: Mapping[str, Any], asked: Mapping[str, Any]) -> Metric:
    values = [str(one.get("value") or one.get("message") or one.get("phase")) for one in result.get("measurements") or ()]
    return Metric(
        name=result["name"],
        phase=_member(RunPhase, result.get("phase"), RunPhase.PENDING),
        successful=int(result.get("successful") or 0),
        values=tuple(_line(value) for value in values[-_SHOWN:]),
        message=_line(result.get("message")),
        limit=_limit(str(asked.get("successCondition") or "")),
        asked=int(count) if (count := str(asked.get("count"))).isdigit() else None,
    )


def _limit(condition: str) -> str:
    """Return what the measured number is compared with, without the guards around it; empty when there are several."""
    found = _COMPARED.findall(condition)
    return " ".join(found[0]) if len(found) == 1 else ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), {})


def _member(kind: type[E], text: object, other: E) -> E:
    return kind(str(text)) if text in set(kind) else other


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def _line(text: object) -> str:
    """Return what others wrote as one line of printable text: it goes into commit messages and onto terminals."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text or "")).split())[:500]
