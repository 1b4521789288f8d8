"""Promote: name a package by digest in one environment's values, in one commit that also says why.

Decide, then act: `release.artifact.promotion` computes the commit from an intent and a tip of the deploy branch; here it is
published by compare-and-swap, and decided again whenever somebody else was faster. What nobody asked for and is refused is
published too, as an event. A dry-run shows it instead. Training and judging are done before, and git is reached through
ports only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from release.artifact.intent import Already, Asked, Change, Promotion, Refused, Rejudge, Unapproved
from release.artifact.promotion import decide
from release.deciding import Attempt, observe, settle, told
from release.errors import ConflictError
from release.landing import PATIENCE, Done, Landed, Proposal, land
from release.records import Outcome, PromoteRecord

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from release.artifact.intent import Approvals, DeployState
    from release.ports import Clock, DeployBranch, Source
    from release.records import Commit, Digest, Event, VerdictRecord

    Needless = Already | Refused | Unapproved

__all__ = ["PATIENCE", "Promotion", "preview", "promote"]


def promote(
    promotion: Promotion,
    *,
    branch: DeployBranch,
    source: Source,
    clock: Clock,
    rejudge: Callable[[Event | None], VerdictRecord],
    pause: Callable[[float], None],
    rng: random.Random,
    approvals: Callable[[Digest], Approvals] | None = None,
    bound: int = 20,
) -> PromoteRecord:
    """Promote, once, however often this is called or interrupted.

    On a lost race the intent is applied to the fresh tip, after a random `pause` (in seconds), `bound` times at most; when
    the champion changed, `rejudge` is given its event and returns the new verdict; where approvals are needed, `approvals`
    is given the operation and returns what reviewers say of it. What nobody asked for and is refused, or waits for
    approvals, is an event and no error. Raises what `decide`, `rejudge`, `approvals` and the branch raise;
    EnvironmentTroubleError when every attempt was lost.
    """
    intent = promotion

    def propose(tip: Commit | None, now: datetime) -> Proposal[Attempt] | Done[tuple[Needless, DeployState]]:
        nonlocal intent
        state = observe(intent, branch, source, tip)
        intent, decision = settle(intent, state, now, rejudge=rejudge, approvals=approvals)
        found = _attempted(intent, decision, state)
        if not isinstance(found, Attempt):
            return Done(what=(found, state))
        return Proposal(changes=found.change.changes, message=found.change.message, what=found)

    end = land(propose, branch=branch, clock=clock, pause=pause, rng=rng, bound=bound, verb="promoted")
    if isinstance(end, Landed):
        return end.what.record(intent, branch.name, end.commit, end.attempts)
    found, state = end.what
    # Ours, though the remote said no or nothing, when the very event is in the ledger.
    for one in end.tried:
        if one.what.change.event in state.ledger.events:
            return one.what.record(intent, branch.name, one.commit, end.attempts)
    return _needless(intent, found, branch, end.tip, end.attempts)


def preview(promotion: Promotion, *, branch: DeployBranch, source: Source, clock: Clock) -> PromoteRecord:
    """Show what `promote` would commit on top of the tip that is known here, approvals granted; nothing is written.

    Raises what `decide` raises, and ConflictError when the verdict is about another champion than that tip's.
    """
    tip = branch.tip(fetch=False)
    state = observe(promotion, branch, source, tip)
    decision = decide(promotion, state, clock.now())
    match decision:
        case Rejudge():
            raise ConflictError(
                "there is no verdict about this tip's champion", where=promotion.model, fix="run `release gate` again"
            )
        case Already():
            return _needless(promotion, decision, branch, tip, 0)
        case Refused():
            raise decision.error
        case Change() as change:
            return Attempt(change=change, state=state).record(promotion, branch.name, None, 0)
        case Unapproved(change=change, error=error):
            attempt = Attempt(change=change, state=state, why=error.what, fix=error.fix)
            return attempt.record(promotion, branch.name, None, 0)
        case _:
            assert_never(decision)


def _attempted(
    intent: Promotion, decision: Change | Already | Unapproved | Refused, state: DeployState
) -> Attempt | Needless:
    """Say what a decision asks to commit, if anything. Raises what stands in the way of a person."""
    match decision:
        case Already():
            return decision
        case Change():
            return Attempt(change=decision, state=state)
        case Unapproved(error=error) if intent.asked is Asked.BY_A_PERSON:
            raise error
        case Refused(note=note, error=error) | Unapproved(note=note, error=error):
            outcome = Outcome.REFUSED if isinstance(decision, Refused) else Outcome.WAITING
            if note is None:
                return decision
            return Attempt(change=note, state=state, outcome=outcome, why=error.what, fix=error.fix)
        case _:
            assert_never(decision)


def _needless(promotion: Promotion, found: Needless, branch: DeployBranch, tip: Commit | None, number: int) -> PromoteRecord:
    """Tell of a decision that asks for no commit."""
    match found:
        case Already(operation=operation, release=release):
            outcome, why, fix = Outcome.ALREADY, None, None
        case Refused(release=release, error=error):
            outcome, operation, why, fix = Outcome.REFUSED, release.model_digest, error.what, error.fix
        case Unapproved(change=change, error=error):
            outcome, operation, release, why, fix = Outcome.WAITING, change.operation, change.release, error.what, error.fix
        case _:
            assert_never(found)
    return told(
        promotion,
        outcome=outcome,
        operation=operation,
        release=release,
        branch=branch.name,
        tip=tip,
        number=number,
        why=why,
        fix=fix,
    )
