"""What people order and the ledger remembers: overrides, the end of a hold, and a model's retirement.

Pure: each order is decided at a tip, and ordered twice it is one event. What an override then allows is decided where it is
asked for, in `release.artifact.ledger` and `release.artifact.promotion`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta  # noqa: TC003 (records are read at run time)
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.amendment import Amendment, Nothing, Place, Tip, Writer
from release.errors import BadInputError, GateFailedError
from release.records import EventKind

if TYPE_CHECKING:
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.records import EnvironmentName, Event, ReleaseId


class Overridden(enum.StrEnum):
    """What may be overridden."""

    GATE = "gate"
    """A verdict that is FAIL or INCONCLUSIVE; what is INVALID says nothing and stays refused."""
    ENVIRONMENT = "environment"
    """That the environment before has to verify the release, and its soak."""
    FREEZE = "freeze"
    REJECTED = "rejected"


class Reach(enum.Enum):
    """How far an override goes."""

    HERE = enum.auto()
    EVERYWHERE = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Override:
    """The order: which rule gives way, where, for which release (None: any of the model), why, by whom, until when.

    It is about the environment of `place`, or about all of them with `reach` EVERYWHERE. `needed` is how many must approve
    beside `by`, `longest` what release.yaml allows it to last; `until` is None for that.
    """

    place: Place
    kind: Overridden
    release: str | None
    reason: str
    by: str | None
    approvers: tuple[str, ...]
    needed: int
    longest: timedelta
    until: datetime | None = None
    reach: Reach = Reach.HERE

    @property
    def environment(self) -> EnvironmentName | None:
        """The one environment that it covers, None for all."""
        return self.place.environment if self.reach is Reach.HERE else None

    @property
    def where(self) -> str:
        """The same in words."""
        return f"{self.place.model} in {self.environment or 'all environments'}"


@dataclass(frozen=True, kw_only=True)
class Resume:
    """The order to end a hold."""

    place: Place
    reason: str | None
    by: str | None


@dataclass(frozen=True, kw_only=True)
class Retire:
    """The order to take a model out of an environment."""

    place: Place
    reason: str | None
    by: str | None


def override(order: Override, tip: Tip, now: datetime) -> Amendment | Nothing:
    """Record an override and who approved it.

    Raises GateFailedError when too few others approve; BadInputError for no reason, an expiry that is past or too far, a
    release that the ledger does not know, and a rejection that is not there.
    """
    place, where = order.place, order.where
    if not order.reason.strip():
        raise BadInputError("an override needs a reason", where=where, fix="say why by --reason")
    others = sorted({one.strip() for one in order.approvers if one.strip()} - {order.by})
    until = order.until or now + order.longest
    if until <= now or until > now + order.longest:
        said = "is over already" if until <= now else f"is later than the {order.longest} that release.yaml allows"
        raise BadInputError(
            f"{events.instant(until)} {said}", where=where, fix=f"at most {events.instant(now + order.longest)}"
        )
    release = _release(order, tip.ledger, now)
    again = _same(order, tip.ledger, release, now)
    if again is not None:
        return Nothing(why=f"overridden already, until {again.until}", event=again)
    if len(others) < order.needed:
        what = f"{order.needed} others must approve, {len(others)} did"
        raise GateFailedError(what, where=where, fix="name each by --approver; whoever asks does not count")
    writer = Writer(place, tip, now)
    for one in others:
        said = f"override {order.kind}"
        writer.tell(
            EventKind.APPROVED, environment=order.environment, release=release, cause=said, reason=order.reason, by=one
        )
    writer.tell(
        EventKind.OVERRIDDEN,
        environment=order.environment,
        release=release,
        cause=order.kind.value,
        reason=order.reason,
        by=order.by,
        until=events.instant(until),
    )
    about = f" of {release.version}" if release else ""
    body = f"Why: {order.reason}\nUntil: {events.instant(until)}\nApproved by: {', '.join(others) or 'nobody was needed'}\n"
    return writer.amendment(f"{place.model} {order.kind} overridden{about} in {order.environment or 'all'}", body)


def _same(order: Override, ledger: Ledger, release: ReleaseId | None, now: datetime) -> Event | None:
    """Return an override that says this already, and that nothing has made void since."""
    for event in reversed(ledger.events):
        if event.kind is EventKind.REJECTED and order.kind is Overridden.REJECTED and events.same(event.release, release):
            return None
        told = (event.kind, event.environment, event.cause) == (
            EventKind.OVERRIDDEN,
            order.environment,
            order.kind.value,
        )
        ends = event.until is None or event.until > events.instant(now)
        if told and ends and (event.release, event.reason, event.by) == (release, order.reason, order.by):
            return event
    return None


def _release(order: Override, ledger: Ledger, now: datetime) -> ReleaseId | None:
    """Return the release that an override is about; a rejection is lifted for one release only, the last one by default."""
    history = f"see `release history {order.place.model}`"
    known = [event for event in ledger.events if event.release is not None and _concerns(event, order)]
    if order.release is not None:
        name = order.release
        known = [one for one in known if one.release is not None and events.called(one.release, name)]
    elif order.kind is not Overridden.REJECTED:
        return None
    if not known:
        what = (
            "nothing was rejected there" if order.release is None else f"the ledger knows no such release, {order.release}"
        )
        raise BadInputError(what, where=order.where, fix=history)
    found = known[-1]
    if order.kind is Overridden.REJECTED and found.release is not None and found.environment is not None:
        refused = events.barred(ledger, found.release.model_digest, now=now) or events.rejected(
            ledger, found.release, environment=found.environment, now=now
        )
        if not refused and not _same(order, ledger, found.release, now):
            raise BadInputError("nothing is rejected there any more", where=order.where, fix=history)
    return found.release


def _concerns(event: Event, order: Override) -> bool:
    """Say whether an override of this kind may be about the event's release; of rejections, about what was rejected."""
    if order.kind is not Overridden.REJECTED:
        return True
    here = order.environment in {None, event.environment} or event.cause == "model"
    return event.kind is EventKind.REJECTED and here


def resume(order: Resume, tip: Tip, now: datetime) -> Amendment | Nothing:
    """End a hold: automatic promotion to the environment goes on."""
    place = order.place
    hold = events.held(tip.ledger, place.environment)
    if hold is None:
        return Nothing(why=f"{place.environment} is not held")
    writer = Writer(place, tip, now)
    writer.tell(EventKind.OVERRIDDEN, cause="held", reason=order.reason, by=order.by)
    return writer.amendment(f"{place.model} resumed in {place.environment}", f"Held since {hold.at}: {hold.reason or ''}")


def retire(order: Retire, tip: Tip, now: datetime) -> Amendment | Nothing:
    """Take a model out of an environment: scaled to zero, and nothing counts as serving there any more.

    Raises BadInputError when nothing ever served there, or its values name no number of replicas.
    """
    place = order.place
    current = events.serving(tip.ledger, place.environment)
    before = events.previous(tip.ledger, place.environment)
    if before is None:
        where = f"{place.model} in {place.environment}"
        raise BadInputError("nothing was ever promoted there", where=where, fix="see `release status`")
    if current is None and before.kind is EventKind.RETIRED:
        return Nothing(why=f"retired on {before.at}", event=before)
    writer = Writer(place, tip, now)
    writer.retire()
    writer.tell(
        EventKind.RETIRED,
        operation=current.operation if current else None,
        release=current.release if current else None,
        reason=order.reason,
        by=order.by,
    )
    return writer.amendment(f"{place.model} retired from {place.environment}", f"Why: {order.reason or 'not said'}\n")
