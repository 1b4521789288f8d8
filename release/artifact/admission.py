"""Which release may be promoted where and when: one function a rule, each saying in one line why not.

Pure. In which order the rules are asked is `release.artifact.promotion`; what is then committed is not known here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from release.artifact import ledger as events
from release.artifact.intent import Asked, Lineage
from release.errors import ConflictError, GateFailedError, InconclusiveError
from release.records import EventKind, Verdict
from release.schedule import closing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from release.artifact.intent import Promotion
    from release.artifact.ledger import Ledger
    from release.records import Comparison, EnvironmentName, Event, ModelName, ReleaseId, VerdictRecord


def named(comparison: Comparison) -> str:
    """Name a comparison uniquely: a metric may be primary, a floor and judged on slices at once."""
    about = comparison.metric
    if comparison.slice is not None:
        about = f"{comparison.metric}:{comparison.slice}"
    elif comparison.role == "floor":
        about = f"{comparison.metric}:floor"
    # No metric is called so, and slices follow a metric: nothing else can have this name.
    return about if comparison.against == "champion" else f"{comparison.against}:{about}"


def why_not(verdict: VerdictRecord, model: ModelName) -> GateFailedError | InconclusiveError | None:
    """Return what a verdict that is no PASS says, None for PASS."""
    told = [_told(comparison) for comparison in verdict.comparisons if comparison.verdict is not Verdict.PASS]
    # The record's own reasons repeat those of its comparisons, which are told already.
    other = [reason for reason in verdict.reasons if not any(c.reason and c.reason in reason for c in verdict.comparisons)]
    why = "; ".join([*told, *other]) or "no reason was recorded"
    match verdict.verdict:
        case Verdict.PASS:
            return None
        case Verdict.FAIL | Verdict.INVALID:
            fix = "see `release report`; nothing was promoted"
            return GateFailedError(f"the verdict is {verdict.verdict}: {why}", where=model, fix=fix)
        case Verdict.INCONCLUSIVE:
            fix = f"{verdict.rows_needed} test rows would tell" if verdict.rows_needed else "see `release report`"
            return InconclusiveError(f"the verdict is INCONCLUSIVE: {why}", where=model, fix=fix)
        case _:
            assert_never(verdict.verdict)


def _told(comparison: Comparison) -> str:
    return f"{named(comparison)} {comparison.verdict}" + (f" ({comparison.reason})" if comparison.reason else "")


def waived(promotion: Promotion, ledger: Ledger, release: ReleaseId, verdict: Verdict, now: datetime) -> bool:
    """Say whether owners took a verdict upon themselves; what is INVALID says nothing, and cannot be."""
    override = events.overridden(ledger, "gate", environment=promotion.environment, release=release, now=now)
    return override is not None and verdict is not Verdict.INVALID


def standing(ledger: Ledger, release: ReleaseId, environments: Sequence[EnvironmentName]) -> Event | None:
    """Return the event whose evidence speaks for a release (model and image), so that nobody need judge it again.

    The verdict that brought it into one environment stands for the next: by then it is its own champion. One that was
    taken down because approvals were missing stands as long as the champion it is about.
    """
    best = events.champion(ledger, environments)
    beaten = best.release.model_digest if best and best.release else None
    for event in reversed(ledger.events):
        evidence = event.evidence
        if evidence is None or not events.same(event.release, release):
            continue
        match event.kind:
            case EventKind.PROMOTED if evidence.verdict is Verdict.PASS:
                return event
            case EventKind.PROMOTED if evidence.verdict is Verdict.INCONCLUSIVE and _approved(ledger, event):
                return event
            case EventKind.JUDGED if beaten in {evidence.champion, release.model_digest}:
                return event
            case _:
                continue
    return None


def _approved(ledger: Ledger, promoted: Event) -> bool:
    return any((one.kind, one.operation) == (EventKind.APPROVED, promoted.operation) for one in ledger.events)


def needed(promotion: Promotion, ledger: Ledger, release: ReleaseId, unsure: Verdict, now: datetime) -> int:
    """Return how many must approve: as many as release.yaml says, and one at least where the verdict `unsure` needs it."""
    override = events.overridden(ledger, "environment", environment=promotion.environment, release=release, now=now)
    count = promotion.needed if override is None else 0
    review = unsure is Verdict.INCONCLUSIVE and not waived(promotion, ledger, release, unsure, now)
    return max(count, 1 if review else 0)


def unapproved(
    promotion: Promotion, release: ReleaseId, missing: int, unsure: Verdict
) -> GateFailedError | InconclusiveError:
    """Say how many approvals there are of the `missing` many, and where to give them."""
    given, where = promotion.approvals, f"{promotion.model} {release.version}"
    has = ", ".join(given.by) if given and given.by else "nobody"
    what = f"{promotion.environment} asks for {missing} approval{'s' if missing > 1 else ''}, {has} approved it"
    if given and given.against:
        what = f"{', '.join(given.against)} asked for changes; {what}"
    fix = f"review pull request #{given.pull}" if given and given.pull else "--propose opens the pull request to review"
    if unsure is Verdict.INCONCLUSIVE:
        return InconclusiveError(f"the verdict is INCONCLUSIVE, which takes a review: {what}", where=where, fix=fix)
    return GateFailedError(what, where=where, fix=fix)


def rejection(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> GateFailedError | None:
    """Return why a release that was rejected before stays out, None for one that was not."""
    environment, where = promotion.environment, f"{promotion.model} {release.version}"
    bar = events.barred(ledger, release.model_digest, now=now)
    if bar is not None:
        fix = f"`release override {promotion.model} --kind rejected` if that was wrong"
        what = f"this model was rejected on {bar.at}: {bar.reason or 'no reason was recorded'}"
        return GateFailedError(what, where=where, fix=fix)
    refused = events.rejected(ledger, release, environment=environment, now=now)
    if refused is not None:
        fix = f"release another, or `release override {promotion.model} --kind rejected`"
        what = f"{environment} rejected this release on {refused.at}: {refused.reason or 'no reason was recorded'}"
        return GateFailedError(what, where=where, fix=fix)
    return None


def require_proven(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> None:
    """Refuse what the environment before has not verified."""
    environment = promotion.environment
    if promotion.after is None or events.verified(ledger, promotion.after, release) is not None:
        return
    if events.overridden(ledger, "environment", environment=environment, release=release, now=now) is None:
        fix = f"promote it to {promotion.after} and wait until `release reconcile` has verified it there"
        what = f"{promotion.after} has not verified this release, and {environment} comes after it"
        raise GateFailedError(what, where=f"{promotion.model} {release.version}", fix=fix)


def require_time(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> None:
    """Refuse what comes too early: before it has soaked, in a freeze window, or of itself where somebody holds."""
    environment, where = promotion.environment, f"{promotion.model} {release.version}"
    hold = events.held(ledger, environment)
    if hold is not None and promotion.asked is Asked.AUTOMATICALLY:
        what = f"{environment} is held since {hold.at}: {hold.reason or 'no reason was recorded'}"
        fix = f"`release promote {promotion.model} --to {environment}` by hand, or `release resume {promotion.model}`"
        raise GateFailedError(what, where=where, fix=fix)
    closed = closing(promotion.freeze, now)
    if closed is not None and not events.overridden(ledger, "freeze", environment=environment, release=release, now=now):
        fix = f"wait until it is over, or `release override {promotion.model} --kind freeze`"
        raise GateFailedError(f'{environment} is frozen now, by "{closed.text}"', where=where, fix=fix)
    if promotion.after is None or not promotion.soak:
        return
    left = promotion.soak - events.soaked(ledger, promotion.after, release, now=now)
    if left > timedelta() and not events.overridden(
        ledger, "environment", environment=environment, release=release, now=now
    ):
        until = events.instant(now + left)
        what = f"it has to serve in {promotion.after} for {promotion.soak} before {environment}, {left} more"
        raise GateFailedError(what, where=where, fix=f"promote it after {until}, or override --kind environment")


def require_forward(promotion: Promotion, lineage: Lineage, current: Event | None) -> None:
    """Refuse a source commit that is older than the one that serves, or beside it."""
    serves = f"{promotion.environment} serves commit {(current.commit if current and current.commit else '?')[:12]}"
    ours = promotion.commit[:12]
    match lineage:
        case Lineage.FORWARD:
            return
        case Lineage.BACKWARD:
            fix = "promote from the newer commit, or `release rollback`"
            raise ConflictError(f"{serves}, which is newer than {ours}", where=promotion.model, fix=fix)
        case Lineage.DIVERGED:
            fix = "merge the two and promote from the merge"
            raise ConflictError(f"{serves}, which {ours} does not contain", where=promotion.model, fix=fix)
        case _:
            assert_never(lineage)


def require_newest(promotion: Promotion, settled: Lineage, final: Event | None) -> None:
    """Refuse what nobody asked for from a source commit that is not as new as the last one that was judged."""
    if settled is not Lineage.FORWARD:
        newest = (final.commit if final and final.commit else "?")[:12]
        what = f"commit {newest} has been judged since, which {promotion.commit[:12]} does not contain"
        raise ConflictError(what, where=promotion.model, fix="nothing to do: the newer commit's job decides")
