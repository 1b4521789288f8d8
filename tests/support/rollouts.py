"""Observations for tests: what a cluster shows of a release, healthy unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from release.observed import Analysis, Metric, Observation, Phase, Pods, RunPhase

if TYPE_CHECKING:
    from release.records import Event, ReleaseId


def image(release: ReleaseId | None) -> str:
    assert release
    return f"{release.image_repository}@{release.image_digest}"


def analysis(phase: RunPhase, *metrics: str, hash_: str = "new", message: str = "") -> Analysis:
    """Measure metrics, `error-rate` unless named; a metric takes the phase of the run."""
    names = metrics or ("error-rate",)
    successful = 3 if phase is RunPhase.SUCCESSFUL else 0
    told = tuple(Metric(name=name, phase=phase, successful=successful, values=("[0.5]",)) for name in names)
    return Analysis(name=f"run-{hash_}", pods=hash_, phase=phase, revision="2", message=message, metrics=told)


def seen(event: Event, *, stable: ReleaseId | None = None, **changes: Any) -> Observation:
    """Show the release of an event: fully rolled out, or, with `stable`, as a canary beside that release."""
    pods = {"new": Pods(image=image(event.release), revision="2")}
    if stable is not None:
        pods["old"] = Pods(image=image(stable), revision="1")
    fields: dict[str, Any] = {
        "where": "models/churn-staging",
        "generation": "7",
        "observed_generation": "7",
        "phase": Phase.HEALTHY if stable is None else Phase.PROGRESSING,
        "operation": event.operation,
        "current": "new",
        "stable": "new" if stable is None else "old",
        "pods": pods,
        "analyses": (analysis(RunPhase.SUCCESSFUL),) if stable is None else (),
    }
    return Observation(**{**fields, **changes})
