"""What happens to a release after its promotion, as one commit: events for the ledger and, where it is restored, values.

Pure, and the same for people's orders and for what a cluster reports. Who decides what, and how the commit is published,
must not live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from release.artifact import ledger as events
from release.artifact.intent import ENVIRONMENTS
from release.artifact.repackage import CAUSE
from release.artifact.scaling import to_zero
from release.artifact.serial import digest_json, digest_of
from release.artifact.strict import canonical_line
from release.artifact.values import patch, read
from release.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from release.artifact.ledger import Fields, Ledger
    from release.artifact.yaml_scalar import Scalar
    from release.records import Digest, EnvironmentName, Event, EventKind, ModelName, ReleaseId


@dataclass(frozen=True, kw_only=True)
class Place:
    """One model in one environment."""

    model: ModelName
    environment: EnvironmentName

    @property
    def values_path(self) -> str:
        """Where the values are."""
        return f"{ENVIRONMENTS}/{self.environment}/{self.model}.yaml"

    @property
    def ledger_path(self) -> str:
        """Where the events are."""
        return f"{ENVIRONMENTS}/ledger/{self.model}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Tip:
    """What one tip of the deploy branch says of a place; `values` is None where there is no file."""

    values: bytes | None
    ledger: Ledger


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """A commit to be made: whole files by path, its message, and the events it records, the last one being the point.

    `needs` are files that must be on the branch already, or what is restored could not be rendered.
    """

    changes: Mapping[str, bytes]
    message: str
    events: tuple[Event, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Nothing is left to do, because of `event` where there is one; `why` says so."""

    why: str
    event: Event | None = None


class Writer:
    """Collects events on top of a tip; the amendment is what it has in the end."""

    def __init__(self, place: Place, tip: Tip, now: datetime) -> None:
        """Begin with what is there."""
        self._place, self._tip, self._now = place, tip, now
        self.ledger = tip.ledger
        self._values: bytes | None = None
        self._needs: tuple[str, ...] = ()

    def tell(self, kind: EventKind, **fields: Unpack[Fields]) -> Event:
        """Record one event in the place."""
        whole: Fields = {"environment": self._place.environment, **fields}
        self.ledger, _ = events.append(self.ledger, kind, at=self._now, model=self._place.model, **whole)
        return self.ledger.events[-1]

    def operation(self, release: ReleaseId) -> Digest:
        """Return the id of putting a release here next: it depends on the event before, so it never comes twice."""
        before = events.previous(self.ledger, self._place.environment)
        preceding = digest_of(canonical_line(before)) if before else None
        return digest_json([self._place.model, self._place.environment, release, preceding])

    def restore(self, wrote: Event, target: Event, operation: Digest, *, fast: bool = True) -> tuple[str, ...]:
        """Set the values back from what `wrote` put there to what `target` names, as `operation`.

        Without `fast` it is analysed as a canary: what was never verified there, in that very image, has to prove itself.
        Each scalar is set only where it is still what `wrote` wrote; the names of those that are not are returned.
        """
        content, where = self._tip.values, self._place.values_path
        if content is None or target.release is None:
            fix = "find out who removed it, and promote a release again"
            raise ConflictError("there is no values file to restore", where=where, fix=fix)
        now, before, after = read(content, where=where), scalars(wrote), scalars(target)
        after |= {"release.operation": operation, "release.fast": fast}
        mine = {name: value for name, value in after.items() if value is not None and now.get(name) == before[name]}
        self._values = patch(content, mine, where=where)
        self._needs = (f"{target.release.chart}/Chart.yaml",)
        return tuple(name for name in after if name not in mine)

    def retire(self) -> None:
        """Scale to zero what serves; where there is no values file, nothing does."""
        if self._tip.values is not None:
            self._values = to_zero(self._tip.values, where=self._place.values_path)

    def amendment(self, subject: str, body: str = "") -> Amendment:
        """Return the commit: its message has a subject, a body and the trailers of the last event."""
        told = self.ledger.events[len(self._tip.ledger.events) :]
        changes = {self._place.ledger_path: self.ledger.content}
        if self._values is not None and self._values != self._tip.values:
            changes[self._place.values_path] = self._values
        text = f"release: {subject}\n\n" + (f"{body.strip()}\n\n" if body else "") + _trailers(self._place, told[-1])
        return Amendment(changes=changes, message=text, events=told, needs=self._needs)


def superseded(tip: Tip, wrote: Event, place: Place) -> bool:
    """Say whether the values are by now about another operation than the one that `wrote` was."""
    if tip.values is None:
        return True
    return read(tip.values, where=place.values_path)["release.operation"] != wrote.operation


def scalars(event: Event) -> dict[str, Scalar | None]:
    """Return what the event's commit wrote to the values: all scalars that the tool owns."""
    release = event.release
    if release is None:
        raise ConflictError(f"event {event.seq} names no release", where=event.model, fix="see `release history`")
    return {
        "image.repository": release.image_repository,
        "image.digest": release.image_digest,
        "model.digest": release.model_digest,
        "model.version": release.version,
        "release.operation": event.operation,
        "release.commit": event.commit,
        "release.fast": event.kind == "restored" and event.cause != CAUSE,
        "chart.path": release.chart,
    }


def _trailers(place: Place, event: Event) -> str:
    release = event.release
    trailers = {
        "Release-Model": place.model,
        "Release-Environment": event.environment,
        "Release-Model-Digest": release.model_digest if release else None,
        "Release-Image-Digest": release.image_digest if release else None,
        "Release-Operation": event.operation,
        "Release-Event": event.kind,
    }
    return "".join(f"{name}: {value}\n" for name, value in trailers.items() if value)
