"""What an observation says of one operation: verified, failed and why, or not yet; an abort is not a verdict.

Pure. Which event follows, and what is restored, is `release.stages.reconcile`; Argo CD is not asked, because it shows
Healthy for what was there before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from release.observed import Phase, RunPhase
from release.records import EventKind
from release.schedule import duration

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from release.observed import Analysis, Observation
    from release.records import Event

MODEL_METRICS = frozenset({"score-psi", "prediction-rate", "null-rate", "refused-rate"})
"""Metrics of charts/model that speak of the model. All others speak of serving: in doubt no digest is barred everywhere."""

INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """It serves, and was measured; `lines` say what was measured."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """It failed: `kind` is REJECTED or WITHDRAWN, `lines` hold the measurements."""

    kind: EventKind
    cause: str
    reason: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Nothing can be said yet."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Time will not help: a person has to look."""

    why: str
    fix: str


Finding = Verified | Failed | Waiting | Trouble


def meaning(seen: Observation | None, subject: Event, *, needs_analysis: bool, soak: timedelta, now: datetime) -> Finding:
    """Say what one read means for the operation `subject`; rows and conditions are those of the deploy state's contract.

    `needs_analysis` is False for the first release of an environment and for one restored without a canary; `soak` is how
    long it has to be Healthy before it counts as verified.
    """
    if seen is None:
        return Waiting(why="the cluster has no Rollout of it yet")
    if seen.operation is not None and seen.operation != subject.operation:
        return Waiting(why=f"the cluster has not taken it yet, it is at operation {seen.operation[7:19] or 'none'}")
    if seen.observed_generation != seen.generation:
        return Waiting(why="its controller has not seen the newest Rollout yet")
    if seen.image(seen.current) != _wanted(subject):
        return _another_image(seen)
    if seen.phase is Phase.HEALTHY and seen.stable == seen.current:
        return _proof(seen, needs_analysis=needs_analysis, soak=soak, now=now)
    return _failure(seen, now) or _progress(seen)


def edited(seen: Observation | None, subject: Event) -> Trouble | None:
    """Say so when a Rollout at a settled operation runs, or is on its way to, another image than that operation's."""
    if seen is None or seen.operation != subject.operation or seen.observed_generation != seen.generation:
        return None
    if seen.image(seen.current) in {None, _wanted(subject)}:
        return None
    return _by_hand(seen)


def _wanted(subject: Event) -> str | None:
    return f"{subject.release.image_repository}@{subject.release.image_digest}" if subject.release else None


def _another_image(seen: Observation) -> Finding:
    if seen.operation is None or seen.image(seen.current) is None:
        return Waiting(why=f"the cluster shows another image, {seen.image(seen.current) or 'none'}")
    return _by_hand(seen)


def _by_hand(seen: Observation) -> Trouble:
    what = f"somebody edited the Rollout by hand: its image is {seen.image(seen.current)}"
    return Trouble(why=what, fix=f"let Argo CD sync {seen.where}, or edit the values in Git instead")


def _proof(seen: Observation, *, needs_analysis: bool, soak: timedelta, now: datetime) -> Finding:
    runs = seen.runs()
    doubtful = [run for run in runs if run.phase is not RunPhase.SUCCESSFUL]
    if needs_analysis and doubtful:
        what = f"Healthy, although AnalysisRun {doubtful[0].name} is {doubtful[0].phase}"
        if doubtful[0].phase in {RunPhase.RUNNING, RunPhase.PENDING}:
            return Waiting(why=what)
        return Trouble(why=what, fix="somebody went on by hand: promote it again, or override --kind environment")
    if needs_analysis and not any(_measured(run) for run in runs):
        return Waiting(why="Healthy, but no AnalysisRun of its pods was successful")
    if soak:
        if seen.healthy_since is None:
            return Waiting(why="Healthy, but since when is not said")
        left = soak - (now - seen.healthy_since)
        if left > timedelta():
            return Waiting(why=f"Healthy, soaking for {left} more")
    return Verified(lines=_told(runs))


def _measured(run: Analysis) -> bool:
    """Say whether every metric was measured: a run that was ended before its first measurement counts as Successful too."""
    return bool(run.metrics) and all(one.phase is RunPhase.SUCCESSFUL and one.successful > 0 for one in run.metrics)


def _failure(seen: Observation, now: datetime) -> Failed | None:
    runs = seen.runs()
    failed = [one for run in runs if run.phase is RunPhase.FAILED for one in run.metrics if one.phase is RunPhase.FAILED]
    if failed:
        return _rejected(seen, sorted({one.name for one in failed}))
    infrastructure = _infrastructure(seen, runs, now)
    if infrastructure is not None:
        return Failed(kind=EventKind.WITHDRAWN, cause=INFRASTRUCTURE, reason=infrastructure, lines=_told(runs))
    if seen.aborted is not None:
        lines = (*_told(runs), *([seen.message] if seen.message else []))
        return Failed(kind=EventKind.WITHDRAWN, cause="person", reason="aborted by a person", lines=lines)
    return None


def _infrastructure(seen: Observation, runs: Iterable[Analysis], now: datetime) -> str | None:
    """Return what kept the release from being judged: nobody measured it, or it never ran."""
    for run in runs:
        if run.phase is RunPhase.ERROR:
            return f"analysis {run.name} could not measure: {run.message or 'no reason was given'}"
    if seen.late is not None:
        return f"the deadline passed: {seen.late}"
    if seen.unsure is not None:
        allowed = timedelta() if seen.when_unsure == "abort" else duration(seen.timeout)
        if now - seen.unsure >= allowed:
            return f"the analysis stayed inconclusive for {allowed}"
    return None


def _rejected(seen: Observation, names: list[str]) -> Failed:
    if seen.stable != seen.current and seen.image(seen.stable) == seen.image(seen.current):
        cause = "redeploy"
    else:
        # Errors and slowness bend what the model seems to say, so they explain the rest when both failed.
        cause = "model" if all(name in MODEL_METRICS for name in names) else "serving"
    return Failed(kind=EventKind.REJECTED, cause=cause, reason=f"failed: {', '.join(names)}", lines=_told(seen.runs()))


def _progress(seen: Observation) -> Finding:
    if seen.unsure is not None:
        left = "it is paused" if seen.when_unsure == "abort" else f"paused for at most {seen.timeout}"
        return Waiting(why=f"the analysis is inconclusive, {left}")
    if seen.phase is Phase.DEGRADED:
        what = f"the Rollout is Degraded: {seen.message or 'no reason was given'}"
        return Trouble(why=what, fix=f"look at {seen.where}; its chart or its values may be wrong")
    steps = f", step {seen.step} of {seen.steps}" if seen.step is not None and seen.steps else ""
    return Waiting(why=f"{seen.phase}{steps}")


def _told(runs: Iterable[Analysis]) -> tuple[str, ...]:
    """Return one line for every metric: run, name, phase, values, message."""
    lines = []
    for run in runs:
        for one in run.metrics:
            values = f", measured {', '.join(one.values)}" if one.values else ""
            said = f" ({one.message})" if one.message else ""
            lines.append(f"{run.name}: {one.name} {one.phase}{values}{said}")
        if not run.metrics:
            lines.append(f"{run.name}: {run.phase}{f' ({run.message})' if run.message else ''}")
    return tuple(lines)
