"""What is wanted of a promotion, the tip that it meets, and what may come of it, as plain data.

Deciding is `release.artifact.promotion`; nothing here is asked of git, a forge, a clock or a registry.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from release.artifact.serial import digest_json, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.ledger import Ledger
    from release.errors import GateFailedError, InconclusiveError
    from release.records import (
        Commit,
        Digest,
        EnvironmentName,
        Event,
        Inputs,
        ModelName,
        PackageRecord,
        ReleaseId,
        VerdictRecord,
    )
    from release.schedule import Window

ENVIRONMENTS = "charts/environments"
LEDGERS = f"{ENVIRONMENTS}/ledger"
VERSIONS = "charts/versions"


class Asked(enum.Enum):
    """Who wants a promotion: what nobody asks for stops where the environment is held, and leaves its refusal behind."""

    BY_A_PERSON = enum.auto()
    AUTOMATICALLY = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """The package of a promotion as a ledger names it, where there is no record of its making."""

    model_digest: Digest
    repository: str
    digest: Digest


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """What reviewers say of one operation, in its pull request (0 where there is none), at the head commit.

    `by` are those whose word counts and who approve, `against` those who ask for changes; the author is in neither.
    """

    operation: Digest
    pull: int
    by: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The intent, whatever the deploy branch looks like: it is applied anew to every tip.

    `verdict` is None where none is known here: then the ledger must hold one on the same release, or somebody must judge.

    `after` is the environment that must have verified the same release first. `commit` is the source commit, `inputs` the
    digests at it. `chart` holds the files of `charts/model` at that commit by relative path, `draft` the values file for the
    case that there is none. `predictions` is a repository path and a CSV to commit with the rest. `by` is who
    asked, `threshold` the model's own (binary), without which committed predictions are no labels. `soak` is how long the
    environment `after` must have served the release, verified; in the windows `freeze` nothing is promoted. `needed` is how
    many must approve, `approvals` what is known of that. `cause` is for the ledger, where no new judgement is the reason.
    """

    model: ModelName
    environment: EnvironmentName
    after: EnvironmentName | None
    commit: Commit
    inputs: Inputs
    package: PackageRecord | Packaged
    verdict: VerdictRecord | None
    environments: tuple[EnvironmentName, ...]
    chart: Mapping[str, bytes]
    draft: bytes
    predictions: tuple[str, bytes] | None
    by: str | None
    threshold: float | None = None
    asked: Asked = Asked.BY_A_PERSON
    soak: timedelta = timedelta()
    freeze: tuple[Window, ...] = ()
    needed: int = 0
    approvals: Approvals | None = None
    cause: str | None = None

    @property
    def values_path(self) -> str:
        """Where the values are."""
        return f"{ENVIRONMENTS}/{self.environment}/{self.model}.yaml"

    @property
    def ledger_path(self) -> str:
        """Where the events are."""
        return f"{LEDGERS}/{self.model}.jsonl"

    @property
    def chart_path(self) -> str:
        """Where the release's own copy of the chart is: a folder named by what is in it."""
        return chart_folder(self.chart)


def chart_folder(chart: Mapping[str, bytes]) -> str:
    """Return the folder of a release's copy of the chart: named by its files, which are given by relative path."""
    files = {path: digest_of(content) for path, content in chart.items()}
    return f"{VERSIONS}/{digest_json(files).removeprefix('sha256:')[:16]}"


class Lineage(enum.Enum):
    """How the promotion's source commit relates to another one."""

    FORWARD = enum.auto()
    """There is no other one, or it is this commit or an ancestor of it."""
    BACKWARD = enum.auto()
    DIVERGED = enum.auto()


@dataclass(frozen=True, kw_only=True)
class DeployState:
    """What a promotion needs to know of one tip: the files that it may touch, as they are, and the ledger among them.

    `lineage` is about the commit that serves in the environment, `settled` about that of the last final event.
    """

    files: Mapping[str, bytes]
    ledger: Ledger
    lineage: Lineage
    settled: Lineage = Lineage.FORWARD


@dataclass(frozen=True, kw_only=True)
class Change:
    """A commit to be made: whole files by path, and the event that it records."""

    changes: Mapping[str, bytes]
    message: str
    event: Event
    operation: Digest
    release: ReleaseId


@dataclass(frozen=True, kw_only=True)
class Already:
    """The release serves there by the ledger; nothing to do."""

    event: Event
    operation: Digest
    release: ReleaseId


@dataclass(frozen=True, kw_only=True)
class Rejudge:
    """The verdict is about another champion than this tip's."""

    champion: Event | None


@dataclass(frozen=True, kw_only=True)
class Unapproved:
    """Nothing but approvals is missing, `needed` of them. `change` is what reviewers are to be shown.

    `note` is the event by which the ledger takes down that this was judged and waits, None where it says so already;
    `error` is what to tell a person.
    """

    change: Change
    needed: int
    note: Change | None
    error: GateFailedError | InconclusiveError


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Nobody asked, and it is refused for good: a new commit may do better, these inputs are due no longer.

    `note` is the event that takes this down, None where the ledger says so already.
    """

    note: Change | None
    release: ReleaseId
    error: GateFailedError | InconclusiveError
