"""Reconcile: what the cluster made of a promotion becomes an event, and what failed is restored in Git.

Level-triggered: `decide` looks at one observation and one ledger and knows nothing of what was seen before, so that a lost,
late or repeated run changes nothing. Reading the cluster is an adapter's; what a read means is `release.artifact.meaning`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from release.amending import AmendRecord, Desk, amend, observe
from release.artifact import ledger as events
from release.artifact.actions import ALARM, SPELL, Action, Follow, Hold, Mode, Next, Undo, Verify, amendment, version
from release.artifact.meaning import INFRASTRUCTURE, Failed, Trouble, Verified, Waiting, edited, meaning
from release.artifact.repackage import CAUSE as REPACKAGED
from release.records import EventKind
from release.schedule import closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.artifact.amendment import Amendment, Nothing, Place, Tip
    from release.artifact.ledger import Ledger
    from release.observed import Observation
    from release.records import EnvironmentName, Event

_PUTS = frozenset({EventKind.PROMOTED, EventKind.RESTORED})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What release.yaml says of the environment, and `withdrawals`: when others of its models were withdrawn lately."""

    environment: EnvironmentName
    soak: timedelta = timedelta()
    following: tuple[Next, ...] = ()
    withdrawals: tuple[datetime, ...] = ()


def decide(seen: Observation | None, ledger: Ledger, now: datetime, settings: Settings) -> tuple[Action, ...]:
    """Say what follows from one read of the cluster; pure, and nothing once it is in the ledger."""
    here = settings.environment
    current = events.serving(ledger, here)
    subject = _subject(seen, ledger, here) or current
    if subject is None or subject.operation is None:
        return ()
    settled = events.outcome(ledger, here, subject.operation)
    if settled is not None:
        return _after(seen, subject, settled, current, ledger, now, settings)
    first = _is_first(subject, ledger, here)
    fast = subject.kind is EventKind.RESTORED and subject.cause != REPACKAGED
    found = meaning(seen, subject, needs_analysis=not (first or fast), soak=settings.soak, now=now)
    match found:
        case Waiting() | Trouble():
            return (found,)
        case Verified():
            if current is None or current.operation != subject.operation:
                return (Waiting(why="it is superseded in Git, and the cluster follows"),)
            return (Verify(subject=subject, found=found),)
        case Failed():
            return _undone(seen, subject, found, ledger, now, settings)
        case _:
            assert_never(found)


def _after(
    seen: Observation | None,
    subject: Event,
    settled: Event,
    current: Event | None,
    ledger: Ledger,
    now: datetime,
    settings: Settings,
) -> tuple[Action, ...]:
    """Say what follows when all is said about the operation that the cluster is at."""
    if current is not None and current.operation != subject.operation:
        return (Waiting(why=f"the cluster has not taken {version(current)} yet, it is at {version(subject)}"),)
    if settled.kind is not EventKind.VERIFIED:
        return ()
    by_hand = edited(seen, subject)
    return (by_hand,) if by_hand else _onward(subject, ledger, now, settings)


def _subject(seen: Observation | None, ledger: Ledger, here: EnvironmentName) -> Event | None:
    """Return the event whose operation the cluster says it is at: the serving one, or one that is superseded by now."""
    if seen is None or seen.operation is None:
        return None
    puts = (event for event in reversed(ledger.events) if event.kind in _PUTS)
    return next((one for one in puts if one.environment == here and one.operation == seen.operation), None)


def _is_first(subject: Event, ledger: Ledger, here: EnvironmentName) -> bool:
    """Say whether nothing ever came up here before, or all was retired: a Rollout without stable pods runs no canary."""
    before = [event for event in ledger.events[: subject.seq - 1] if event.environment == here]
    ends = [place for place, event in enumerate(before) if event.kind is EventKind.RETIRED]
    puts = [event for event in before[ends[-1] + 1 if ends else 0 :] if event.kind in _PUTS and event.operation]
    settled = [events.outcome(ledger, here, event.operation) for event in puts if event.operation]
    return all(one is not None and one.kind is not EventKind.VERIFIED for one in settled)


def _undone(
    seen: Observation | None, subject: Event, found: Failed, ledger: Ledger, now: datetime, settings: Settings
) -> tuple[Action, ...]:
    here, current = settings.environment, events.serving(ledger, settings.environment)
    hold = _hold(found, ledger, now, settings)
    if current is None or current.operation != subject.operation:
        return (Undo(subject=subject, found=found, target=None, hold=hold),)  # superseded: an event only
    if subject.kind is EventKind.RESTORED:
        fix = f"look at {seen.where if seen else here}, then `release rollback {subject.model} --to` another"
        return (Trouble(why=f"what was restored fails too: {found.reason}", fix=fix),)
    stable = seen.image(seen.stable) if seen else None
    if stable is None or (seen is not None and seen.stable == seen.current):
        return (Undo(subject=subject, found=found, target=None, hold=hold),)  # nothing was there before
    proof = events.last_verified(ledger, here)
    target = _put(proof, ledger) if proof else None
    image = f"{target.release.image_repository}@{target.release.image_digest}" if target and target.release else None
    if target is None or image != stable:
        what = f"{found.reason}; the stable pods run {stable}, which is not what the ledger verified last"
        return (Trouble(why=what, fix=f"`release rollback {subject.model} --env {here} --to` what shall serve"),)
    return (Undo(subject=subject, found=found, target=target, hold=hold),)


def _put(proof: Event, ledger: Ledger) -> Event | None:
    """Return the event by which a verified release was put where it is."""
    puts = [e for e in ledger.events[: proof.seq - 1] if e.kind in _PUTS]
    mine = [event for event in puts if event.environment == proof.environment and event.release == proof.release]
    return mine[-1] if mine else None


def _hold(found: Failed, ledger: Ledger, now: datetime, settings: Settings) -> Hold:
    if found.cause != INFRASTRUCTURE:
        return Hold.NO
    mine = [
        datetime.fromisoformat(event.at)
        for event in ledger.events
        if (event.kind, event.environment, event.cause) == (EventKind.WITHDRAWN, settings.environment, INFRASTRUCTURE)
    ]
    lately = [at for at in (*mine, *settings.withdrawals) if now - at < SPELL]
    return Hold.TOO_MANY if len(lately) + 1 >= ALARM else Hold.NO


def _onward(subject: Event, ledger: Ledger, now: datetime, settings: Settings) -> tuple[Action, ...]:
    """Say what each next environment gets; what was restored here goes nowhere by itself."""
    if subject.kind is not EventKind.PROMOTED or subject.release is None:
        return ()
    return tuple(action for one in settings.following if (action := _next(one, subject, ledger, now, settings)) is not None)


def _next(one: Next, subject: Event, ledger: Ledger, now: datetime, settings: Settings) -> Action | None:
    there = [event for event in ledger.events if event.environment == one.environment]
    known = {*_PUTS, EventKind.REJECTED, EventKind.WITHDRAWN}
    tried = any(event.kind in known and event.release == subject.release for event in there)
    retired = bool(there) and there[-1].kind is EventKind.RETIRED
    if one.mode is Mode.MANUAL or tried or retired or subject.release is None:
        return None
    if events.held(ledger, one.environment) is not None:
        return Waiting(why=f"{one.environment} is held: promote by hand, or `release resume {subject.model}`")
    left = one.soak - events.soaked(ledger, settings.environment, subject.release, now=now)
    if left > timedelta():
        return Waiting(why=f"soaking for {left} more before {one.environment}")
    closed = closing(one.freeze, now)
    if closed is not None:
        return Waiting(why=f'{one.environment} is frozen now, by "{closed.text}"')
    return Follow(next=one, subject=subject)


@dataclass(frozen=True, kw_only=True)
class ReconcileRecord:
    """What came of one read: the amendment, and what was said of the next environments."""

    amended: AmendRecord
    onward: tuple[str, ...]
    trouble: str | None


def reconcile(
    place: Place, seen: Observation | None, settings: Settings, *, desk: Desk, follow: Callable[[Follow], str]
) -> ReconcileRecord:
    """Bring the ledger up to one read of the cluster, then let `follow` take the release on and say what it did.

    Raises what `amend` and `follow` raise.
    """

    def at(tip: Tip, now: datetime) -> Amendment | Nothing:
        return amendment(decide(seen, tip.ledger, now, settings), place, tip, now)

    amended = amend(place, at, desk=desk, verb="reconciled")
    fresh = observe(place, desk.branch, desk.branch.tip(fetch=False))
    onward, trouble = [], None
    for action in decide(seen, fresh.ledger, desk.clock.now(), settings):
        match action:
            case Follow():
                onward.append(follow(action))
            case Waiting():
                onward.append(action.why)
            case Trouble():
                trouble = f"{action.why}; {action.fix}"
            case Verify() | Undo():
                pass  # decided anew on the tip by the next run: somebody was faster
            case _:
                assert_never(action)
    return ReconcileRecord(amended=amended, onward=tuple(onward), trouble=trouble)
