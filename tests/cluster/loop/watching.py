"""What runs beside the loop's tests: `release reconcile --watch` as a terminal would run it, and who notes the times."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import requests
import urllib3
from kubernetes import client
from loop.place import reached, ready
from loop.timeline import HEALTHY, PUSHED, READY, SETTLED, SYNCED, Timeline

from release.artifact import ledger as events
from release.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loop.place import Place

    from release.artifact.ledger import Ledger
    from release.records import Event

TOOL = Path(sys.executable).with_name("release")
PUTS = frozenset({EventKind.PROMOTED, EventKind.RESTORED})
_EVERY = 0.4
_TRANSIENT = (requests.RequestException, urllib3.exceptions.HTTPError, client.ApiException, OSError)


@dataclass
class Reconciler:
    """One `release reconcile --watch` in a clone of its own; its standard error goes to a file."""

    clone: Path
    environment: Mapping[str, str]
    log: Path

    def __enter__(self) -> Self:
        """Start it."""
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(
                [str(TOOL), "reconcile", "--watch"], cwd=self.clone, env=dict(self.environment), stdout=said, stderr=said
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it as a service manager does."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        if self.process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """Kill it where it stands."""
        self.process.kill()
        self.process.wait()

    @property
    def alive(self) -> bool:
        """Whether it still runs: a watch ends by being told to only."""
        return self.process.poll() is None


@dataclass
class Restless:
    """Reconcilers that are killed at random moments and started again, until the block ends."""

    make: Callable[[int], Reconciler]
    number: int
    seed: int = 0
    killed: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Start them."""
        self.threads = [threading.Thread(target=self._live, args=(which,)) for which in range(self.number)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them for good."""
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _live(self, which: int) -> None:
        chance = random.Random(self.seed + which)
        while not self.over.is_set():
            one = self.make(which).__enter__()
            self.over.wait(chance.uniform(0.5, 6))
            one.kill()
            self.killed += 1


@dataclass
class Recorder:
    """Follows every promotion and restore from its push to its end, as it happens."""

    ledger: Callable[[], Ledger]
    places: Mapping[str, Place]
    timelines: list[Timeline] = field(default_factory=list)
    open: list[tuple[Event, Timeline]] = field(default_factory=list)
    seen: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    told: Callable[[Timeline], None] = lambda _: None

    def __enter__(self) -> Self:
        """Begin to look."""
        self.thread = threading.Thread(target=self._look_on)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self.over.set()
        self.thread.join()

    def _look_on(self) -> None:
        while not self.over.wait(_EVERY):
            with contextlib.suppress(*_TRANSIENT):  # forge and cluster may be restarted meanwhile
                self._look()

    def _look(self) -> None:
        ledger = self.ledger()
        for event in ledger.events[self.seen :]:
            if event.kind in PUTS and event.release is not None:
                title = f"{event.environment} {event.release.version} {event.kind}"
                self.open.append((event, Timeline(title)))
                self.open[-1][1].mark(PUSHED)
        self.seen = len(ledger.events)
        self.open = [(event, timeline) for event, timeline in self.open if not self._ended(ledger, event, timeline)]

    def _ended(self, ledger: Ledger, event: Event, timeline: Timeline) -> bool:
        for stage in self._reached(self.places[str(event.environment)], event):
            timeline.mark(stage)
        end = events.outcome(ledger, event.environment, event.operation) if event.environment and event.operation else None
        if end is None:
            return False
        timeline.mark(SETTLED)
        timeline.ended = f"{end.kind}, {end.cause}" if end.cause else str(end.kind)
        self.timelines.append(timeline)
        self.told(timeline)
        return True

    def _reached(self, place: Place, event: Event) -> Iterator[str]:
        rollout = place.rollout()
        step = reached(rollout, event)
        if step:
            yield SYNCED
        if rollout is not None and step in {"observed", "healthy"}:
            current = rollout["status"].get("currentPodHash")
            if current and any(ready(pod) for pod in place.pods(current)):
                yield READY
            if step == "healthy":
                yield HEALTHY


def environment(kubeconfig: str) -> dict[str, str]:
    """Return the variables of a terminal in which the toolkit is used: a kubeconfig, no git settings of the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "RELEASE_"))}
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    person = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _PERSON.items()}
    return {**kept, **git, **person, "KUBECONFIG": kubeconfig}


_PERSON = {"NAME": "Ada", "EMAIL": "ada@example.org"}
