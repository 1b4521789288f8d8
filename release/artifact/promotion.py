"""What promoting means at one tip of the deploy branch: the one commit that follows, or why none does.

Pure: nothing is asked of git, a forge, a clock or a registry. Publishing the commit, and trying again when somebody else was
faster, is `release.stages.promote`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact import admission, promotion_commit, repackage
from release.artifact import ledger as events
from release.artifact.intent import (
    Already,
    Asked,
    Change,
    DeployState,
    Lineage,
    Packaged,
    Promotion,
    Refused,
    Rejudge,
    Unapproved,
)
from release.errors import BadInputError
from release.records import EventKind, ReleaseId, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from release.errors import GateFailedError, InconclusiveError
    from release.records import Digest, Event, Evidence, VerdictRecord

__all__ = [
    "Already",
    "Asked",
    "Change",
    "DeployState",
    "Lineage",
    "Packaged",
    "Promotion",
    "Refused",
    "Rejudge",
    "Unapproved",
    "decide",
]


def decide(promotion: Promotion, state: DeployState, now: datetime) -> Change | Already | Rejudge | Unapproved | Refused:
    """Say what promoting means at this tip; pure.

    What a person asks for and is refused raises: GateFailedError for FAIL and INVALID, for a release or a model that was
    rejected and for one that the environment before has not verified; InconclusiveError. What nobody asks for is `Refused`
    where that is final. Raises ConflictError when a newer or unrelated commit serves (or, where nobody asks, was judged);
    BadInputError when the verdict is about another model than the package's; SecurityRefusalError when the chart's copy is
    not what its name says.
    """
    environment, verdict, ledger = promotion.environment, promotion.verdict, state.ledger
    if verdict is not None and verdict.challenger != promotion.package.model_digest:
        what = f"the verdict is about {verdict.challenger[:19]}, the package holds {promotion.package.model_digest[:19]}"
        raise BadInputError(what, where=promotion.model, fix="run `release gate` and `release package` on the same commit")
    release = ReleaseId(
        model_digest=promotion.package.model_digest,
        image_repository=promotion.package.repository,
        image_digest=promotion.package.digest,
        chart=promotion.chart_path,
        version=events.version_of(ledger, promotion.package.model_digest),
    )
    operation = promotion_commit.operation_of(ledger, promotion.model, environment, release)
    done = _done(promotion, state, release, operation, now)
    if done is not None:
        return done
    stands = admission.standing(ledger, release, promotion.environments)
    if stands is None:
        repackage.require_serving(promotion, ledger, release, now)
    if promotion.asked is Asked.AUTOMATICALLY and (stands is None or verdict is not None):
        admission.require_newest(promotion, state.settled, events.last_final(ledger))
        stale = _stale(promotion, state, release) if stands is None else None
        early = stale or _refused(promotion, state, release, now, stands)
        if early is not None:
            return early
    refused = admission.rejection(promotion, ledger, release, now)
    if refused is not None:
        raise refused
    admission.require_proven(promotion, ledger, release, now)
    admission.require_time(promotion, ledger, release, now)
    admission.require_forward(promotion, state.lineage, events.serving(ledger, environment))
    if stands is not None:
        return _on_evidence(promotion, state, release, operation, now, stands)
    return _on_verdict(promotion, state, release, operation, now)


def _done(
    promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime
) -> Already | Change | None:
    """Return what is left to do about a release that serves already: nothing, or to record that new inputs give it too."""
    current = events.serving(state.ledger, promotion.environment)
    if current is not None and current.release == release:
        if events.last_inputs(state.ledger) in {None, promotion.inputs} or state.lineage is not Lineage.FORWARD:
            return Already(event=current, operation=current.operation or operation, release=release)
        return promotion_commit.settlement(promotion, state, release, operation, now)
    for event in state.ledger.events:
        if event.operation == operation:
            return Already(event=event, operation=operation, release=release)
    return None


def _stale(promotion: Promotion, state: DeployState, release: ReleaseId) -> Rejudge | None:
    """Ask for another judgement where there is none, or one about another champion than this tip's."""
    if promotion.verdict is not None and promotion.cause == repackage.CAUSE:
        return None  # it was compared with what it said itself, whoever the champion is
    champion = events.champion(state.ledger, promotion.environments)
    beaten = champion.release.model_digest if champion and champion.release else None
    if promotion.verdict is None or beaten not in {promotion.verdict.champion, release.model_digest}:
        return Rejudge(champion=champion)
    return None


def _refused(
    promotion: Promotion, state: DeployState, release: ReleaseId, now: datetime, stands: Event | None
) -> Refused | None:
    """Refuse for good what the verdict refuses, or what was rejected before: the same inputs would give the same again."""
    verdict = promotion.verdict
    if verdict is None:
        return None
    error: GateFailedError | InconclusiveError | None = admission.rejection(promotion, state.ledger, release, now)
    if error is None and stands is None and not admission.waived(promotion, state.ledger, release, verdict.verdict, now):
        error = None if _may_be_reviewed(verdict) else admission.why_not(verdict, promotion.model)
    if error is None:
        return None
    final = events.last_final(state.ledger)
    known = final is not None and final.kind is EventKind.JUDGED and final.inputs == promotion.inputs
    if known and final is not None and final.challenger == release.model_digest:
        return Refused(note=None, release=release, error=error)
    note = promotion_commit.judged(promotion, state, release, verdict, now, reason=error.what, waits=None)
    return Refused(note=note, release=release, error=error)


def _may_be_reviewed(verdict: VerdictRecord) -> bool:
    return verdict.verdict is Verdict.INCONCLUSIVE and bool(verdict.review)


def _on_evidence(
    promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime, stands: Event
) -> Change | Unapproved:
    """Promote on what the ledger says of this release already."""
    judged_only = stands.kind is EventKind.JUDGED and stands.evidence is not None
    unsure = stands.evidence.verdict if judged_only and stands.evidence else Verdict.PASS
    return _approved(promotion, state, release, operation, now, unsure, (stands.evidence, stands.predictions), None)


def _on_verdict(
    promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime
) -> Change | Unapproved | Rejudge:
    """Promote on a verdict of this very commit."""
    verdict = promotion.verdict
    stale = _stale(promotion, state, release)
    if stale is not None or verdict is None:
        return stale or Rejudge(champion=None)
    error = admission.why_not(verdict, promotion.model)
    unsure = verdict.verdict
    if error is not None and not admission.waived(promotion, state.ledger, release, unsure, now):
        if not _may_be_reviewed(verdict):
            raise error
    else:
        unsure = Verdict.PASS
    evidence = repackage.inherited(promotion, state.ledger, promotion_commit.evidence_of(verdict))
    grounds = evidence, promotion_commit.predicted(promotion, verdict)
    return _approved(promotion, state, release, operation, now, unsure, grounds, verdict)


def _approved(
    promotion: Promotion,
    state: DeployState,
    release: ReleaseId,
    operation: Digest,
    now: datetime,
    unsure: Verdict,
    grounds: tuple[Evidence | None, Mapping[str, str]],
    verdict: VerdictRecord | None,
) -> Change | Unapproved:
    """Promote if enough people approved this very operation."""
    missing = admission.needed(promotion, state.ledger, release, unsure, now)
    given = promotion.approvals if promotion.approvals and promotion.approvals.operation == operation else None
    change = promotion_commit.promoted(promotion, state, release, operation, now, *grounds)
    if missing == 0 or (given is not None and len(given.by) >= missing and not given.against):
        return change
    error = admission.unapproved(promotion, release, missing, unsure)
    note = None
    if verdict is not None:
        note = promotion_commit.judged(promotion, state, release, verdict, now, reason=error.what, waits=release)
    return Unapproved(change=change, needed=missing, note=note, error=error)
