"""Rollback: which release an environment returns to, and the one commit that returns to it.

Pure. Freeze windows and approvals are ignored on purpose: at night nobody is there to give them. What the cluster makes of
the commit is `release.stages.reconcile`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact import repackage
from release.artifact.amendment import Amendment, Nothing, Place, Tip, Writer, superseded
from release.errors import BadInputError, ConflictError, GateFailedError
from release.records import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.records import Event, ReleaseId

CAUSE = "rollback"


class Leaves(enum.Enum):
    """What becomes of the release that is left."""

    REJECTED = enum.auto()
    """It is not promoted here again until an override."""
    KEPT = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Patched:
    """A release whose runtime is too old to return to, and what is put there instead: its model on the present runtime."""

    of: ReleaseId
    release: ReleaseId


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """The order: whatever the tip looks like, it is about leaving `leaving`, the release that served when it was given.

    `to` is a version or the beginning of a digest (of model or image), None for the verified release before the serving one.
    """

    place: Place
    to: str | None
    leaves: Leaves
    leaving: ReleaseId | None
    reason: str
    by: str | None
    patched: Patched | None = None


def decide(order: Rollback, tip: Tip, now: datetime) -> Amendment | Nothing:
    """Say what rolling back means at this tip. Raises what `aim` raises, and ConflictError when it aims elsewhere by now."""
    target = aim(order, tip)
    if isinstance(target, Nothing):
        return target
    current = _serving(order, tip)
    if order.patched is not None:
        if current.kind is EventKind.RESTORED and current.release == order.patched.release:
            return Nothing(why=f"{_version(current)} is back already, on the present runtime", event=current)
        target = _on_the_present_runtime(order, order.patched, tip, current, target)
    return _change(order, tip, now, current, target)


def aim(order: Rollback, tip: Tip) -> Event | Nothing:
    """Return the event of the release that an order returns to at this tip.

    Raises BadInputError when nothing serves or `to` names nothing; GateFailedError when no release, or not the one named,
    was verified here; ConflictError when another release serves by now, or the values are about another operation.
    """
    place, ledger, current = order.place, tip.ledger, _serving(order, tip)
    where = f"{place.model} in {place.environment}"
    done = _done(order, ledger, current)
    if done is not None:
        return done
    if order.leaving is not None and current.release is not None and order.leaving != current.release:
        what = f"{current.release.version} serves by now, not {order.leaving.version}"
        raise ConflictError(what, where=where, fix="look at `release status`, then run again if it is still wanted")
    target = _named(ledger, order, current) if order.to is not None else _before(ledger, place, current)
    if superseded(tip, current, place):
        what = f"{place.values_path} is not what the ledger says was put there"
        raise ConflictError(what, where=where, fix="find out who edited release.operation, and undo that first")
    return target


def _serving(order: Rollback, tip: Tip) -> Event:
    place = order.place
    current = events.serving(tip.ledger, place.environment)
    if current is None or current.release is None:
        where = f"{place.model} in {place.environment}"
        raise BadInputError("nothing serves there", where=where, fix=f"see `release history {place.model}`")
    return current


def _on_the_present_runtime(order: Rollback, patched: Patched, tip: Tip, current: Event, target: Event) -> Event:
    """Return the event of a target as if its model had always been in the image that was made for it now.

    Its cause says whether that image has to prove itself: not where it was verified here before.
    """
    place = order.place
    where = f"{place.model} in {place.environment}"
    if target.release != patched.of:
        raise ConflictError(f"it would return to {_version(target)} by now", where=where, fix="run again")
    if current.release == patched.release:
        what = f"{_version(target)} was on an older runtime than runtime.minimum, and on the present one it is what serves"
        raise GateFailedError(what, where=where, fix="name another release by --to, or lower runtime.minimum")
    proof = events.verified(tip.ledger, place.environment, patched.release)
    proven = proof is not None and proof.release == patched.release
    return replace(target, release=patched.release, cause=CAUSE if proven else repackage.CAUSE)


def _version(event: Event) -> str:
    return event.release.version if event.release else "nothing"


def _done(order: Rollback, ledger: Ledger, current: Event) -> Nothing | None:
    """Return why nothing is left: a rollback holds the environment, and asked again it would go back one more."""
    hold = events.held(ledger, order.place.environment)
    if current.kind is not EventKind.RESTORED or current.release is None:
        return None
    already = hold is not None and hold.cause == CAUSE if order.to is None else events.called(current.release, order.to)
    why = f"rolled back to {current.release.version} on {current.at}; name another by --to"
    return Nothing(why=why, event=current) if already else None


def _proven(ledger: Ledger, place: Place, current: Event) -> list[Event]:
    """Return the events by which releases other than the serving one were put here and then verified, oldest first."""
    found: list[Event] = []
    for event in ledger.events[: current.seq]:
        if event.environment != place.environment or event.kind not in {EventKind.PROMOTED, EventKind.RESTORED}:
            continue
        if event.release is None or event.release == current.release:
            continue  # the same model in the same image with another chart is another release
        proof = events.verified(ledger, place.environment, event.release)
        if proof is not None and proof.release is not None and proof.release.chart == event.release.chart:
            found.append(event)
    return found


def _before(ledger: Ledger, place: Place, current: Event) -> Event:
    proven = _proven(ledger, place, current)
    if not proven:
        what = "no release before the serving one was verified there"
        fix = f"promote another, or `release retire {place.model} --env {place.environment}`"
        raise GateFailedError(what, where=f"{place.model} in {place.environment}", fix=fix)
    return proven[-1]


def _named(ledger: Ledger, order: Rollback, current: Event) -> Event:
    place, name = order.place, order.to or ""
    where = f"{place.model} in {place.environment}"
    if current.release is not None and events.called(current.release, name):
        raise BadInputError(f"{name} is what serves there", where=where, fix="name another, see `release history`")
    proven = [event for event in _proven(ledger, place, current) if event.release and events.called(event.release, name)]
    # One model that was put on another runtime since is meant in its newest image.
    if len({event.release.model_digest for event in proven if event.release}) > 1:
        raise BadInputError(f"{name} names several releases", where=where, fix="name one by its image digest")
    if proven:
        return proven[-1]
    listed = sorted({one.release.version for one in _proven(ledger, place, current) if one.release})
    fix = f"verified there: {', '.join(listed) or 'none'}"
    if any(event.release and events.called(event.release, name) for event in ledger.events):
        raise GateFailedError(f"{name} was not verified there, or was taken back since", where=where, fix=fix)
    raise BadInputError(f"no release is called {name}", where=where, fix=fix)


def _change(order: Rollback, tip: Tip, now: datetime, current: Event, target: Event) -> Amendment:
    place, writer = order.place, Writer(order.place, tip, now)
    left, release = current.release, target.release
    if left is None or release is None:  # both were chosen for having one
        raise ConflictError("an event names no release", where=place.model, fix="see `release history`")
    if order.leaves is Leaves.REJECTED:
        writer.tell(
            EventKind.REJECTED,
            operation=current.operation,
            commit=current.commit,
            release=left,
            cause=CAUSE,
            reason=order.reason,
            by=order.by,
        )
    operation = writer.operation(release)
    # Only what was verified here goes without a canary; the target of an order as it stands in the ledger always was.
    cause = repackage.CAUSE if order.patched is not None and target.cause == repackage.CAUSE else CAUSE
    kept = writer.restore(current, target, operation, fast=cause == CAUSE)
    writer.tell(
        EventKind.HELD, operation=operation, release=release, cause=CAUSE, reason=f"rolled back: {order.reason}", by=order.by
    )
    writer.tell(
        EventKind.RESTORED,
        operation=operation,
        commit=target.commit,
        release=release,
        inputs=target.inputs,
        cause=cause,
        reason=order.reason,
        by=order.by,
    )
    body = f"Left: {left.version}, image {left.image_digest}\nWhy: {order.reason}\n"
    body += f"Put on the present runtime instead of image {order.patched.of.image_digest}\n" if order.patched else ""
    body += f"Not touched, because somebody changed them: {', '.join(kept)}\n" if kept else ""
    return writer.amendment(f"{place.model} back to {release.version} in {place.environment}", body)
