"""A repository whose deploy branch has releases, and what may happen to them: for tests of what follows a promotion."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from release.adapters.deploy_branch import open_branch
from release.adapters.git import GitSource
from release.amending import Desk
from release.artifact import ledger as events
from release.artifact.amendment import Place
from release.records import EventKind, ModelName
from release.stages.promote import promote
from support.git import git, repository
from support.promotions import STAGING, promotion, rejudged, values_of

if TYPE_CHECKING:
    from pathlib import Path

    from release.artifact.ledger import Ledger
    from release.ports import DeployBranch
    from release.records import Commit, EnvironmentName, Event, PromoteRecord

MODEL = ModelName("churn")
PLACE = Place(model=MODEL, environment=STAGING)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, time: datetime = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)) -> None:
        """Begin at `time`, a Friday noon unless given."""
        self.time = time

    def now(self) -> datetime:
        """Tell the time."""
        return self.time

    def forward(self, **parts: float) -> None:
        """Move on by a `timedelta`."""
        self.time += timedelta(**parts)


@dataclass
class Site:
    """A source repository without a remote, and its deploy branch."""

    root: Path
    head: str
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def at(cls, folder: Path) -> Site:
        """Make one."""
        root = repository(folder, {"models/churn/model.yaml": b"x\n", ".gitignore": b".release/\n"})
        return cls(root, git(root, "rev-parse", "HEAD"))

    def copied(self, folder: Path) -> Site:
        """Return the same elsewhere: copying is cheaper than promoting anew."""
        shutil.copytree(self.root, folder, symlinks=True)
        return Site(folder, self.head, Clock(self.clock.time))

    @property
    def branch(self) -> DeployBranch:
        """The branch as a new run opens it."""
        return open_branch(self.root, ".", "deploy", self.root / ".release/deploy")

    @property
    def desk(self) -> Desk:
        """Where amendments are written, without waiting."""
        return Desk(branch=self.branch, clock=self.clock, pause=lambda _: None, rng=random.Random(7))

    @property
    def ledger(self) -> Ledger:
        """The ledger at the tip."""
        path = PLACE.ledger_path
        return events.parse((git(self.root, "show", f"deploy:{path}") + "\n").encode(), path)

    @property
    def kinds(self) -> list[str]:
        """The kinds of all events, in their order."""
        return [event.kind.value for event in self.ledger.events]

    @property
    def commits(self) -> int:
        """How many commits the branch has."""
        return len(git(self.root, "log", "--format=%H", "deploy").splitlines())

    def values(self, place: Place = PLACE) -> dict[str, Any]:
        """Read the values as Helm would."""
        return values_of(self.root, "deploy", place.values_path)

    def promote(self, name: str, **changes: Any) -> PromoteRecord:
        """Promote a model that passes."""
        intent = promotion(self.head, name, **changes)

        def judge(champion: Event | None) -> Any:
            return rejudged(name, champion)

        return promote(
            intent,
            branch=self.branch,
            source=GitSource(self.root),
            clock=self.clock,
            rejudge=judge,
            pause=lambda _: None,
            rng=random.Random(7),
        )

    def verify(self, environment: EnvironmentName = STAGING) -> None:
        """Verify what serves, as a cluster that is content would make us."""
        serving = events.serving(self.ledger, environment)
        assert serving
        self.tell(
            EventKind.VERIFIED, environment=environment, operation=serving.operation, release=serving.release, commit=None
        )

    def release(self, name: str, environment: EnvironmentName = STAGING, **changes: Any) -> None:
        """Promote and verify."""
        self.promote(name, environment=environment, **changes)
        self.verify(environment)

    def tell(self, kind: EventKind, **fields: Any) -> None:
        """Append an event."""
        grown, _ = events.append(self.ledger, kind, at=self.clock.now(), model=MODEL, **fields)
        self.put({PLACE.ledger_path: grown.content})

    def put(self, files: dict[str, bytes]) -> Commit:
        """Commit files to the deploy branch as somebody else."""
        branch = open_branch(self.root, ".", "deploy", self.root / ".release/other")
        tip = branch.tip(fetch=True)
        made = branch.commit(tip, files, "By hand\n", self.clock.now())
        assert branch.publish(made, tip)
        return made

    def edit(self, old: str, new: str, place: Place = PLACE) -> None:
        """Change the text of the values file."""
        content = self.branch.read(self.branch.tip(fetch=False), place.values_path) or b""
        assert old.encode() in content
        self.put({place.values_path: content.replace(old.encode(), new.encode())})
