"""What may follow from a look at a cluster, as data, and the commit that it makes.

Pure. Which of them follows is decided in `release.stages.reconcile`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from release.artifact.amendment import Amendment, Nothing, Place, Tip, Writer, superseded
from release.artifact.meaning import INFRASTRUCTURE, Failed, Trouble, Verified, Waiting
from release.records import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from release.records import EnvironmentName, Event
    from release.schedule import Window

ALARM = 3
"""So many withdrawals for want of infrastructure stop promotions…"""
SPELL = timedelta(minutes=10)
"""…when they come within this time."""


class Mode(enum.StrEnum):
    """How a release reaches an environment after the one before has verified it; names are those of `promote:`."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"
    PULL_REQUEST = "pull-request"


@dataclass(frozen=True, kw_only=True)
class Next:
    """An environment that comes after this one."""

    environment: EnvironmentName
    mode: Mode
    soak: timedelta = timedelta()
    freeze: tuple[Window, ...] = ()


class Hold(enum.Enum):
    """Whether a failure also stops automatic promotion."""

    NO = enum.auto()
    TOO_MANY = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Verify:
    """The operation `subject` is verified."""

    subject: Event
    found: Verified


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The operation `subject` failed; `target` is what its environment returns to, None where nothing is restored."""

    subject: Event
    found: Failed
    target: Event | None
    hold: Hold


@dataclass(frozen=True, kw_only=True)
class Follow:
    """The next environment is to get what `subject` put here."""

    next: Next
    subject: Event


Action = Verify | Undo | Follow | Waiting | Trouble


def amendment(actions: tuple[Action, ...], place: Place, tip: Tip, now: datetime) -> Amendment | Nothing:
    """Turn what was decided into a commit; pure."""
    for action in actions:
        match action:
            case Verify():
                return _verify(action, place, tip, now)
            case Undo():
                return _undo(action, place, tip, now)
            case Waiting() | Trouble():
                return Nothing(why=action.why)
            case Follow():
                continue
            case _:
                assert_never(action)
    return Nothing(why="nothing to do")


def _verify(action: Verify, place: Place, tip: Tip, now: datetime) -> Amendment:
    writer, subject = Writer(place, tip, now), action.subject
    told = "; ".join(action.found.lines) or "no canary was needed"
    writer.tell(EventKind.VERIFIED, operation=subject.operation, commit=subject.commit, release=subject.release, reason=told)
    return writer.amendment(
        f"{place.model} {version(subject)} verified in {place.environment}", "\n".join(action.found.lines)
    )


def _undo(action: Undo, place: Place, tip: Tip, now: datetime) -> Amendment:
    writer, subject, found = Writer(place, tip, now), action.subject, action.found
    writer.tell(
        found.kind,
        operation=subject.operation,
        commit=subject.commit,
        release=subject.release,
        cause=found.cause,
        reason=found.reason,
    )
    lines = [f"Why: {found.reason}", *found.lines]
    if action.hold is Hold.TOO_MANY:
        why = f"{ALARM} withdrawals within {SPELL}: {found.reason}"
        writer.tell(EventKind.HELD, cause=INFRASTRUCTURE, reason=why)
        lines.append(f"Held: {why}")
    subject_line = f"{place.model} {version(subject)} {found.kind} in {place.environment}"
    target = action.target
    if target is not None and target.release is not None and not superseded(tip, subject, place):
        operation = writer.operation(target.release)
        kept = writer.restore(subject, target, operation)
        lines += [f"Not touched, because somebody changed them: {', '.join(kept)}"] if kept else []
        writer.tell(
            EventKind.RESTORED,
            operation=operation,
            commit=target.commit,
            release=target.release,
            cause=found.cause,
            reason=found.reason,
        )
        subject_line += f", {target.release.version} restored"
    return writer.amendment(subject_line, "\n".join(lines))


def version(event: Event) -> str:
    """Return the version that an event is about."""
    return event.release.version if event.release else "nothing"
