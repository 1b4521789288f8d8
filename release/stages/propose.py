"""Propose: a promotion as a pull request of its own, the reviews that count for it, and its end.

The commit is the one that `release.stages.promote` would push, on a branch of its own. While the operation is the same the
branch is not touched, because approvals stick to its head. Nothing is merged here: people may, or `promote` is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from release.artifact.forge import OWNERS, Opinion
from release.artifact.intent import Already, Approvals, Asked, Change, Refused, Unapproved
from release.artifact.proposal import branch_of, proposed
from release.deciding import Attempt, observe, settle, told
from release.errors import EnvironmentTroubleError, SecurityRefusalError
from release.landing import Done, Landed, Proposal, land
from release.records import EventKind, Outcome, PromoteRecord

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from release.artifact.forge import PullRequest, Review
    from release.artifact.intent import DeployState, Promotion
    from release.ports import Clock, DeployBranch, Forge, Source
    from release.records import Commit, Digest, EnvironmentName, Event, ModelName, VerdictRecord

    _Found = tuple[Commit | None, DeployState, Change | Already]

MARKER = "<!-- release-proposal -->"
"""What our comment on a proposal begins with."""

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where proposals are made: the deploy branch, the sources, the forge of the deploy branch, and how to wait."""

    branch: DeployBranch
    source: Source
    forge: Forge
    clock: Clock
    pause: Callable[[float], None]
    rng: random.Random


def propose(
    promotion: Promotion,
    *,
    desk: Desk,
    rejudge: Callable[[Event | None], VerdictRecord],
    describe: Callable[[Attempt], tuple[str, str]],
) -> PromoteRecord:
    """Open the pull request of a promotion, or bring the open one up to date; repeating it changes nothing.

    Before anything is proposed on a new verdict, the ledger takes the verdict down. `describe` returns title and Markdown
    of a change as it would be promoted. What somebody closed by hand is opened again for a person only. Raises what stands
    in the way of the promotion but for approvals, and what `rejudge`, the forge and the branch raise.
    """
    # Whoever asks for a review wants one: with nobody needed, nothing would wait.
    intent = replace(promotion, needed=max(1, promotion.needed), approvals=None)
    while True:
        intent, end = _noted(intent, desk, rejudge)
        if end is not None:
            break
    tip, state, found = end
    if isinstance(found, Already):
        return told(
            promotion,
            outcome=Outcome.ALREADY,
            operation=found.operation,
            release=found.release,
            branch=desk.branch.name,
            tip=tip,
            number=1,
        )
    attempt = Attempt(change=found, state=state, outcome=Outcome.PROPOSED)
    name = branch_of(promotion.environment, promotion.model)
    for number in range(1, _TRIES + 1):
        head = _pushed(attempt, promotion, tip, name, desk)
        if isinstance(head, _Declined):
            why = f"pull request #{head.pull} was closed by hand"
            fix = f"`release promote {promotion.model} --to {promotion.environment} --propose` opens another"
            attempt = replace(attempt, outcome=Outcome.WAITING, why=why, fix=fix)
            return replace(attempt.record(promotion, name, head.head, number), pull=head.pull)
        if head is not None:
            record = attempt.record(promotion, name, head, number)
            title, body = describe(attempt)
            return replace(record, pull=desk.forge.propose(name, desk.branch.name, title, body))
        desk.pause(desk.rng.uniform(0, 1))
    what = f"others moved the branch {_TRIES} times in a row; nothing was proposed"
    raise EnvironmentTroubleError(what, where=name, fix="run again")


def _noted(
    intent: Promotion, desk: Desk, rejudge: Callable[[Event | None], VerdictRecord]
) -> tuple[Promotion, _Found | None]:
    """Take down what is new, a verdict or inputs; at the next call return what there is to propose, and at which tip."""

    def at(tip: Commit | None, now: datetime) -> Proposal[Attempt] | Done[_Found]:
        nonlocal intent
        state = observe(intent, desk.branch, desk.source, tip)
        intent, decision = settle(intent, state, now, rejudge=rejudge)
        match decision:
            case Change(event=event) if event.kind is not EventKind.PROMOTED:
                return Proposal(
                    changes=decision.changes, message=decision.message, what=Attempt(change=decision, state=state)
                )
            case Already() | Change():
                return Done(what=(tip, state, decision))
            case Refused(error=error):
                raise error
            case Unapproved(note=None, change=change):
                return Done(what=(tip, state, change))
            case Unapproved(note=note):
                assert note is not None  # noqa: S101 (the case before)
                return Proposal(changes=note.changes, message=note.message, what=Attempt(change=note, state=state))
            case _:
                assert_never(decision)

    end = land(at, branch=desk.branch, clock=desk.clock, pause=desk.pause, rng=desk.rng, verb="proposed")
    return intent, None if isinstance(end, Landed) else end.what


@dataclass(frozen=True)
class _Declined:
    """Somebody closed the pull request of this head."""

    head: Commit
    pull: int


def _pushed(attempt: Attempt, promotion: Promotion, tip: Commit | None, name: str, desk: Desk) -> Commit | _Declined | None:
    """Bring the branch to the change and return its head; None when somebody else moved it meanwhile.

    A head that is this operation stays. It moves only where it could not be merged any more and nobody's approval would be
    lost; a pull request about another operation is closed first, so that no approval of it is taken for one of this.
    """
    change, ledger = attempt.change, attempt.state.ledger.content
    head = desk.branch.other(name)
    event = standing(desk.branch, head)
    number = desk.forge.proposals(desk.branch.name).get(name)
    if head is not None and event is not None and _same(event, change.event):
        asks = number is not None or promotion.asked is Asked.BY_A_PERSON
        declined = None if asks else desk.forge.declined(name, desk.branch.name, head)
        if declined is not None:
            return _Declined(head, declined)
        mergeable = (desk.branch.read(head, promotion.ledger_path) or b"").startswith(ledger)
        reviewed = number is not None and promotion.needed > 0 and bool(desk.forge.pull(number).reviews)
        if mergeable or reviewed:
            return head
    elif number is not None:
        close(number, f"Superseded: {promotion.model} {change.release.version} is proposed anew.", forge=desk.forge)
    made = desk.branch.commit(tip, change.changes, change.message, desk.clock.now())
    return made if desk.branch.push(name, made, head) else None


def _same(one: Event, other: Event) -> bool:
    """Say whether two events are the same promotion, whoever wrote it, when, and after how many other lines."""
    return replace(one, seq=other.seq, prev=other.prev, at=other.at, by=other.by) == other


def standing(branch: DeployBranch, head: Commit | None) -> Event | None:
    """Return the promotion that a branch's head is; None when it is none, or not exactly one."""
    try:
        return None if head is None else proposed(branch.change(head))
    except SecurityRefusalError:
        return None


def close(number: int, why: str, *, forge: Forge) -> None:
    """Close a proposal and say why; one that is closed already only gets the comment."""
    forge.comment(number, MARKER, f"{MARKER}\n{why}\n")
    forge.close(number)


def approvals(
    model: ModelName,
    environment: EnvironmentName,
    operation: Digest,
    *,
    people: Sequence[str],
    branch: DeployBranch,
    forge: Forge,
) -> Approvals:
    """Count the reviews of a promotion's own pull request, at its head commit, if that is this very operation.

    `people` are those whose word counts: logins, ORG/TEAM, or OWNERS (who may write to the repository), which is meant where
    none are named. The author's own word does not count.
    """
    name = branch_of(environment, model)
    number = forge.proposals(branch.name).get(name)
    if number is None:
        return Approvals(operation=operation, pull=0)
    pull, head = forge.pull(number), branch.other(name)
    event = standing(branch, head) if pull.head == head else None
    if event is None or event.operation != operation:
        return Approvals(operation=operation, pull=number)
    counted = [review for review in pull.reviews if _counts(review, pull, people or (OWNERS,), forge)]
    return Approvals(
        operation=operation,
        pull=number,
        by=tuple(sorted(one.author for one in counted if one.opinion is Opinion.APPROVED)),
        against=tuple(sorted(one.author for one in counted if one.opinion is Opinion.REFUSED)),
    )


def _counts(review: Review, pull: PullRequest, people: Sequence[str], forge: Forge) -> bool:
    author = review.author.lower()
    if author == pull.author.lower():
        return False
    for one in people:
        if one == OWNERS:
            found = review.official or forge.belongs(review.author, one)
        elif "/" in one:
            found = forge.belongs(review.author, one.removeprefix("@"))
        else:
            found = author == one.removeprefix("@").lower()
        if found:
            return True
    return False
