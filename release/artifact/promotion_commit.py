"""What the commit of a promotion, or of a judgement, holds: values, ledger, the chart's copy, predictions, a message.

Pure. Whether it may be made is `release.artifact.promotion`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.admission import named
from release.artifact.intent import Change
from release.artifact.serial import digest_json, digest_of
from release.artifact.strict import canonical_line
from release.artifact.values import patch
from release.errors import BadInputError, SecurityRefusalError
from release.records import EventKind, Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from release.artifact.intent import DeployState, Promotion
    from release.artifact.ledger import Fields, Ledger
    from release.artifact.yaml_scalar import Scalar
    from release.records import Comparison, Digest, EnvironmentName, Event, ModelName, ReleaseId, VerdictRecord

APPROVED = "promotion"
"""The cause of an `approved` event that let a promotion through; those of overrides name the override."""


def operation_of(ledger: Ledger, model: ModelName, environment: EnvironmentName, release: ReleaseId) -> Digest:
    """Return the id of putting a release somewhere next: it depends on the event before there, so it never comes twice."""
    before = events.previous(ledger, environment)
    return digest_json([model, environment, release, digest_of(canonical_line(before)) if before else None])


def promoted(
    promotion: Promotion,
    state: DeployState,
    release: ReleaseId,
    operation: Digest,
    now: datetime,
    evidence: Evidence | None,
    predictions: Mapping[str, str],
) -> Change:
    """Put a release into an environment: its values, the copy of its chart, and the events, approvals first."""
    ledger = state.ledger
    given = promotion.approvals
    for person in given.by if given and given.operation == operation else ():
        ledger, _ = events.append(
            ledger,
            EventKind.APPROVED,
            at=now,
            model=promotion.model,
            environment=promotion.environment,
            operation=operation,
            release=release,
            cause=APPROVED,
            reason=f"pull request #{given.pull}" if given else None,
            by=person,
        )
    grown, _ = events.append(
        ledger,
        EventKind.PROMOTED,
        at=now,
        model=promotion.model,
        environment=promotion.environment,
        operation=operation,
        commit=promotion.commit,
        release=release,
        inputs=promotion.inputs,
        evidence=evidence,
        predictions=predictions,
        cause=promotion.cause,
        by=promotion.by,
    )
    event = grown.events[-1]
    values = patch(state.files.get(promotion.values_path, promotion.draft), owned(event), where=promotion.values_path)
    wanted = {promotion.values_path: values, promotion.ledger_path: grown.content, **_chart(promotion, state)}
    if promotion.predictions:
        path, content = promotion.predictions
        wanted[path] = content
    return Change(
        changes={path: content for path, content in wanted.items() if state.files.get(path) != content},
        message=_message(
            f"{promotion.model} {release.version} to {promotion.environment}", event, release.model_digest, release
        ),
        event=event,
        operation=operation,
        release=release,
    )


def owned(event: Event) -> dict[str, Scalar]:
    """Return what the commit of a `promoted` event writes to the values: all scalars that the tool owns."""
    release = event.release
    if release is None or event.operation is None or event.commit is None:
        raise BadInputError(f"event {event.seq} does not say what was promoted", where=event.model)
    return {
        "image.repository": release.image_repository,
        "image.digest": release.image_digest,
        "model.digest": release.model_digest,
        "model.version": release.version,
        "release.operation": event.operation,
        "release.commit": event.commit,
        "release.fast": False,
        "chart.path": release.chart,
    }


def settlement(promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime) -> Change:
    """Record that new inputs ask for nothing new: what serves is what they give, so they are due no longer."""
    grown, _ = events.append(
        state.ledger,
        EventKind.JUDGED,
        at=now,
        model=promotion.model,
        environment=promotion.environment,
        operation=operation,
        commit=promotion.commit,
        release=release,
        inputs=promotion.inputs,
        reason="the same release from new inputs",
        by=promotion.by,
    )
    event = grown.events[-1]
    return Change(
        changes={promotion.ledger_path: grown.content},
        message=_message(
            f"{promotion.model} {release.version} serves in {promotion.environment}", event, release.model_digest, release
        ),
        event=event,
        operation=operation,
        release=release,
    )


def judged(
    promotion: Promotion,
    state: DeployState,
    release: ReleaseId,
    verdict: VerdictRecord,
    now: datetime,
    *,
    reason: str,
    waits: ReleaseId | None,
) -> Change:
    """Take down that inputs were judged and not promoted, so that they are due no longer.

    It is about no environment: none of their operations changes by it. `waits` is the release that approvals may still
    promote, on this very evidence; None where it is refused for good.
    """
    final = events.last_final(state.ledger)
    preceding = digest_of(canonical_line(final)) if final else None
    fields: Fields = {
        "operation": digest_json([promotion.model, EventKind.JUDGED, release.model_digest, promotion.inputs, preceding]),
        "commit": promotion.commit,
        "challenger": release.model_digest,
        "release": waits,
        "inputs": promotion.inputs,
        "evidence": evidence_of(verdict),
        "predictions": predicted(promotion, verdict) if waits else {},
        "reason": reason,
        "cause": promotion.cause,
        "by": promotion.by,
    }
    grown, _ = events.append(state.ledger, EventKind.JUDGED, at=now, model=promotion.model, **fields)
    event = grown.events[-1]
    end = "waits for approval" if waits else "is not promoted"
    return Change(
        changes={promotion.ledger_path: grown.content},
        message=_message(f"{promotion.model} judged {verdict.verdict}, {end}", event, release.model_digest, waits, reason),
        event=event,
        operation=fields["operation"] or release.model_digest,
        release=release,
    )


def _chart(promotion: Promotion, state: DeployState) -> dict[str, bytes]:
    """Return the release's copy of the chart when the branch has none yet; one that is there is never written again."""
    if not promotion.chart:
        raise BadInputError("there is no chart", where="charts/model", fix="commit charts/model, see `release init`")
    folder = promotion.chart_path
    wanted = {f"{folder}/{path}": content for path, content in promotion.chart.items()}
    there = {path: content for path, content in state.files.items() if path.startswith(f"{folder}/")}
    if there and there != wanted:
        fix = "restore the folder from the deploy branch's history"
        raise SecurityRefusalError("this copy of the chart is not what its name says", where=folder, fix=fix)
    return {} if there else wanted


def evidence_of(verdict: VerdictRecord) -> Evidence:
    """Return a verdict as small as a ledger keeps it."""
    return Evidence(
        verdict=verdict.verdict,
        record=digest_json(verdict),
        champion=verdict.champion,
        test=verdict.test_set.digest,
        metrics={named(c): (c.champion, c.challenger, *_limits(c)) for c in verdict.comparisons},
    )


def _limits(comparison: Comparison) -> tuple[float | None, float | None]:
    """Return the limits of the difference; a relative margin is judged by a contrast, from which its allowance is taken.

    So that "above zero" means better in every ledger. The allowance is that share of the champion's value as it was seen.
    """
    low, high, value = comparison.low, comparison.high, comparison.champion
    if comparison.asks != "relative" or comparison.margin is None or value is None or comparison.method == "same-model":
        return low, high
    allowed = comparison.margin * value
    return (None if low is None else low - allowed), (None if high is None else high - allowed)


def predicted(promotion: Promotion, verdict: VerdictRecord) -> dict[str, str]:
    """Return where the predictions are that are committed with a promotion, empty where none are."""
    if promotion.predictions is None:
        return {}
    path, content = promotion.predictions
    said = {"path": path, "digest": digest_of(content), "test": verdict.test_set.digest}
    return said if promotion.threshold is None else said | {"threshold": repr(promotion.threshold)}


def _message(subject: str, event: Event, model_digest: Digest, release: ReleaseId | None, body: str = "") -> str:
    trailers = {
        "Release-Model": event.model,
        "Release-Environment": event.environment,
        "Release-Model-Digest": model_digest,
        "Release-Image-Digest": release.image_digest if release else None,
        "Release-Operation": event.operation,
        "Release-Event": event.kind,
    }
    lines = "".join(f"{name}: {value}\n" for name, value in trailers.items() if value)
    return f"release: {subject}\n\n" + (f"{body}\n\n" if body else "") + lines
