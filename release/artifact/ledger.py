"""A model's ledger: lines of canonical JSON chained by digest, and everything that is derived from them.

Pure: bytes in, facts out. Champion, serving release, looks and bars are computed here and stored nowhere. Where the file
lives, and how it is committed, must not live here; nor may pydantic, because `release plan` reads ledgers and starts fast.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict, Unpack

from release.artifact.serial import digest_of
from release.artifact.strict import canonical_line, event_of
from release.errors import SecurityRefusalError
from release.records import Event, EventKind, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.records import Commit, Digest, EnvironmentName, Evidence, Inputs, ModelName, ReleaseId

_RESTORE = "restore the file from the deploy branch's history; only the tool writes it"
_SHORTEST = 7
_SERVES = frozenset({EventKind.PROMOTED, EventKind.RESTORED})
_UNDOES = frozenset({EventKind.REJECTED, EventKind.WITHDRAWN})


class Fields(TypedDict, total=False):
    """What an event may say beyond its place in the chain; see `release.records.Event`."""

    environment: EnvironmentName | None
    operation: Digest | None
    commit: Commit | None
    challenger: Digest | None
    release: ReleaseId | None
    inputs: Inputs | None
    evidence: Evidence | None
    predictions: Mapping[str, str]
    reason: str | None
    cause: str | None
    by: str | None
    until: str | None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The file's bytes and the events they say. `head` is the digest of the last line, None when there is none."""

    content: bytes
    events: tuple[Event, ...]
    head: Digest | None


EMPTY = Ledger(content=b"", events=(), head=None)


def parse(content: bytes, where: str) -> Ledger:
    """Read a ledger and check its chain; `where` is the file, for messages.

    Raises SecurityRefusalError, naming the line, when a line is not as the tool writes it, `seq` does not count from 1 or
    `prev` is not the digest of the line before.
    """
    events: list[Event] = []
    head: Digest | None = None
    lines = content.split(b"\n")
    if lines.pop():
        raise SecurityRefusalError("the last line is cut off", where=f"{where}:{len(lines) + 1}", fix=_RESTORE)
    for number, line in enumerate(lines, 1):
        at = f"{where}:{number}"
        event = _event(line, at)
        if event.seq != number:
            raise SecurityRefusalError(f"this line says it is number {event.seq}", where=at, fix=_RESTORE)
        if event.prev != head:
            raise SecurityRefusalError(
                "the chain is broken: prev is not the digest of the line before", where=at, fix=_RESTORE
            )
        if events and event.model != events[0].model:
            raise SecurityRefusalError(f"this line is about {event.model}", where=at, fix=_RESTORE)
        events.append(event)
        head = digest_of(line)
    return Ledger(content=content, events=tuple(events), head=head)


def _event(line: bytes, at: str) -> Event:
    try:
        event = event_of(json.loads(line.decode()))
        canonical = canonical_line(event)
    except RecursionError as error:
        raise SecurityRefusalError("this line nests too deeply", where=at, fix=_RESTORE) from error
    except ValueError as error:
        raise SecurityRefusalError(f"this line is no event: {error}", where=at, fix=_RESTORE) from error
    if canonical != line:
        raise SecurityRefusalError("this line is not written as the tool writes it", where=at, fix=_RESTORE)
    return event


def append(
    ledger: Ledger, kind: EventKind, *, at: datetime, model: ModelName, **fields: Unpack[Fields]
) -> tuple[Ledger, bytes]:
    """Return the ledger with one more event, and the line (with its line end) that says it; the bytes before are kept.

    `at` must know its time zone; it is written in UTC, to the second.
    """
    event = Event(seq=len(ledger.events) + 1, prev=ledger.head, kind=kind, at=instant(at), model=model, **fields)
    line = canonical_line(event)
    grown = Ledger(content=ledger.content + line + b"\n", events=(*ledger.events, event), head=digest_of(line))
    return grown, line + b"\n"


def instant(at: datetime) -> str:
    """Write a time as ledgers do: ISO 8601 in UTC, to the second. Raises ValueError without a time zone."""
    if at.utcoffset() is None:
        raise ValueError("a time without a time zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def same(one: ReleaseId | None, other: ReleaseId | None) -> bool:
    """Say whether two releases carry the same model in the same image; environments differ in chart and version only."""
    return (
        one is not None
        and other is not None
        and (one.model_digest, one.image_digest) == (other.model_digest, other.image_digest)
    )


def called(release: ReleaseId, name: str) -> bool:
    """Say whether people mean a release by `name`: its version, or seven or more digits of its model's or image's digest."""
    digits = name.removeprefix("sha256:")
    digests = (release.model_digest, release.image_digest)
    return release.version == name or (
        len(digits) >= _SHORTEST and any(digest.removeprefix("sha256:").startswith(digits) for digest in digests)
    )


def previous(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the last event of an environment."""
    return next((event for event in reversed(ledger.events) if event.environment == environment), None)


def serving(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the event by which something serves in an environment: the last promoted or restored that was not undone.

    A release is undone by `retired`, and by `rejected` or `withdrawn` of that very operation (of that release, where the
    event names no operation); what serves then is what a `restored` names next.
    """
    current: Event | None = None
    for event in ledger.events:
        if event.environment != environment:
            continue
        if event.kind in _SERVES:
            current = event
        elif event.kind is EventKind.RETIRED or (event.kind in _UNDOES and _about(event, current)):
            current = None
    return current


def _about(event: Event, current: Event | None) -> bool:
    if current is None:
        return False
    if event.operation is not None and current.operation is not None:
        return event.operation == current.operation
    return event.release is None or same(event.release, current.release)


def verified(ledger: Ledger, environment: EnvironmentName, release: ReleaseId) -> Event | None:
    """Return the event by which a release (model and image) counts as verified in an environment.

    With which chart does not matter, except that what takes a release back takes it back with its chart only: a redeploy
    that failed says nothing against the same image where it was.
    """
    found: dict[str, Event | None] = {}
    for event in ledger.events:
        if event.environment != environment or event.release is None or not same(event.release, release):
            continue
        if event.kind is EventKind.VERIFIED:
            found[event.release.chart] = event
        elif event.kind in _UNDOES:
            found[event.release.chart] = None
    if release.chart in found:
        return found[release.chart]
    return max((event for event in found.values() if event is not None), key=lambda event: event.seq, default=None)


def last_verified(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the event of the release that was verified last in an environment and not taken back since."""
    for event in reversed(ledger.events):
        if event.kind is EventKind.VERIFIED and event.environment == environment and event.release is not None:
            proof = verified(ledger, environment, event.release)
            if proof is not None and proof.release == event.release:
                return event
    return None


def outcome(ledger: Ledger, environment: EnvironmentName, operation: Digest) -> Event | None:
    """Return the event that settled an operation: it was verified, rejected or withdrawn."""
    settles = {EventKind.VERIFIED, *_UNDOES}
    found = (event for event in ledger.events if event.kind in settles and event.environment == environment)
    return next((event for event in found if event.operation == operation), None)


def held(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the event that stops automatic promotion to an environment, until a person promotes or resumes."""
    found: Event | None = None
    for event in ledger.events:
        if event.environment != environment:
            continue
        if event.kind is EventKind.HELD:
            found = event
        elif event.kind is EventKind.PROMOTED or (event.kind is EventKind.OVERRIDDEN and event.cause == "held"):
            found = None
    return found


def soaked(ledger: Ledger, environment: EnvironmentName, release: ReleaseId, *, now: datetime) -> timedelta:
    """Return for how long a release (model and image) has served, verified, in an environment.

    Stays are added up; what takes the release back ends them all.
    """
    total, since = timedelta(), None
    for event in ledger.events:
        if event.environment != environment:
            continue
        ours, at = same(event.release, release), datetime.fromisoformat(event.at)
        if event.kind in _UNDOES and ours:
            total, since = timedelta(), None
        elif event.kind is EventKind.VERIFIED and ours:
            since = since or at
        elif since is not None and (event.kind is EventKind.RETIRED or (event.kind in _SERVES and not ours)):
            total, since = total + (at - since), None
    return total if since is None else total + (now - since)


def champion(ledger: Ledger, environments: Sequence[EnvironmentName]) -> Event | None:
    """Return the event of the champion: whom a challenger has to beat.

    It is what serves in the last of `environments` (in their order) that has a verified release; where nothing is verified
    yet, what was promoted last and still serves.
    """
    current = {environment: serving(ledger, environment) for environment in environments}
    proven = {event.environment for event in ledger.events if event.kind is EventKind.VERIFIED}
    for environment in reversed(environments):
        event = current[environment]
        if event is not None and environment in proven:
            return event
    return max((event for event in current.values() if event is not None), key=lambda event: event.seq, default=None)


def anchor(ledger: Ledger, environments: Sequence[EnvironmentName], metric: str | None) -> Event | None:
    """Return the event of the anchor: the last release that was shown better on the primary `metric`, else the first.

    Of the releases that were promoted where the champion serves; what was rejected or withdrawn is none, and a retirement
    begins a new line. Shown better means that the interval of the evidence lies above zero (`better`). None without a
    champion.
    """
    beaten = champion(ledger, environments)
    line: list[Event] = []
    for event in ledger.events if beaten is not None and beaten.environment is not None else ():
        if event.kind is EventKind.REJECTED and event.cause == "model" and event.release is not None:
            barred_model = event.release.model_digest
            line = [one for one in line if one.release is None or one.release.model_digest != barred_model]
        if beaten is None or event.environment != beaten.environment:
            continue
        if event.kind is EventKind.PROMOTED and event.release is not None:
            line.append(event)
        elif event.kind in _UNDOES:
            line = [one for one in line if not _about(event, one)]
        elif event.kind is EventKind.RETIRED:
            line = []
    shown = (event for event in reversed(line) if metric is not None and better(event.evidence, metric))
    return next(shown, line[0] if line else beaten)


def better(evidence: Evidence | None, metric: str) -> bool:
    """Say whether evidence shows a gain on a metric over the champion of then: its lower limit lies above zero."""
    known = evidence.metrics.get(metric) if evidence is not None and evidence.champion is not None else None
    low = known[2] if known is not None else None
    return low is not None and low > 0


def looks(ledger: Ledger, test: Digest) -> set[Digest]:
    """Return the digests of the challengers that a test set has judged."""
    found: set[Digest] = set()
    for event in ledger.events:
        if event.cause == Kind.REPACKAGE:
            continue  # the same model in another image: it was compared with what it said itself
        about = {event.evidence.test if event.evidence else None, event.inputs.test if event.inputs else None}
        looked = event.challenger or (event.release.model_digest if event.release is not None else None)
        if test in about and looked is not None:
            found.add(looked)
    return found


def last_final(ledger: Ledger) -> Event | None:
    """Return the event that settled the newest inputs: they were promoted, or judged and refused.

    Promoting on to a further environment settles nothing new, and does not count.
    """
    settled: Event | None = None
    places: dict[tuple[Digest, Digest], set[EnvironmentName | None]] = {}
    for event in ledger.events:
        if event.inputs is None or event.kind not in {EventKind.PROMOTED, EventKind.JUDGED}:
            continue
        if event.kind is EventKind.PROMOTED and event.release is not None:
            before = places.setdefault((event.release.model_digest, event.release.image_digest), set())
            further = bool(before) and event.environment not in before
            before.add(event.environment)
            if further:
                continue
        settled = event
    return settled


def last_inputs(ledger: Ledger) -> Inputs | None:
    """Return the inputs that the last final event settled."""
    event = last_final(ledger)
    return event.inputs if event else None


def version_of(ledger: Ledger, model_digest: Digest) -> str:
    """Return `v<N>`: the version under which a model was promoted before, else the next one."""
    known: dict[Digest, str] = {}
    for event in ledger.events:
        if event.kind is EventKind.PROMOTED and event.release is not None:
            known.setdefault(event.release.model_digest, event.release.version)
    return known.get(model_digest, f"v{len(known) + 1}")


def barred(ledger: Ledger, model_digest: Digest, *, now: datetime) -> Event | None:
    """Return the event that bars a model's digest everywhere: rejected for cause `model`, and no override since."""
    found: Event | None = None
    for event in ledger.events:
        if event.release is not None and event.release.model_digest != model_digest:
            continue
        if event.kind is EventKind.REJECTED and event.cause == "model" and event.release is not None:
            found = event
        elif _lifts(event, now):
            found = None
    return found


def rejected(ledger: Ledger, release: ReleaseId, *, environment: EnvironmentName, now: datetime) -> Event | None:
    """Return the event that rejected this release (model, image and chart) in an environment, and no override since."""
    found: Event | None = None
    for event in ledger.events:
        if event.environment not in {environment, None}:
            continue
        if event.kind is EventKind.REJECTED and same(event.release, release) and event.release is not None:
            found = event if event.release.chart == release.chart else found
        elif _lifts(event, now) and (event.release is None or same(event.release, release)):
            found = None
    return found


def overridden(
    ledger: Ledger, cause: str, *, environment: EnvironmentName, release: ReleaseId, now: datetime
) -> Event | None:
    """Return an unexpired override of a kind (`gate`, `environment`, `freeze`) that covers a release in an environment."""
    for event in reversed(ledger.events):
        covers = event.environment in {environment, None} and (event.release is None or same(event.release, release))
        if event.kind is EventKind.OVERRIDDEN and event.cause == cause and covers and _unexpired(event, now):
            return event
    return None


def _lifts(event: Event, now: datetime) -> bool:
    return event.kind is EventKind.OVERRIDDEN and event.cause == "rejected" and _unexpired(event, now)


def _unexpired(event: Event, now: datetime) -> bool:
    return event.until is None or now < datetime.fromisoformat(event.until)
