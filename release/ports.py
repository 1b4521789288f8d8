"""What stages need from the outside world, as small protocols.

Only types live here. Adapters satisfy these protocols; in-memory versions for tests live under `tests/`. Every method
translates its library's failures into `release.errors`; *retryable* is `EnvironmentTroubleError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from release.artifact.forge import Check, PullRequest, Run
    from release.artifact.oci import Image
    from release.records import Commit, Digest, EvaluateRecord, ModelName, TrainRecord, VerdictRecord

R = TypeVar("R")


class Clock(Protocol):
    """Where the time comes from, so that tests can set it."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""


class Progress(Protocol):
    """Where stages say what they are doing; the core never prints."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Announce a long step; its end and duration are shown when the context closes."""

    def note(self, what: str) -> None:
        """Say one thing that a user wants to know."""


class Source(Protocol):
    """The Git repository with `models/` and `release.yaml`. All paths are relative to its root, with `/`."""

    @property
    def root(self) -> Path:
        """The work tree's root."""

    def resolve(self, revision: str) -> Commit:
        """Name the commit of a revision. Raises BadInputError, or EnvironmentTroubleError in a shallow clone."""

    def merge_base(self, one: Commit, other: Commit) -> Commit:
        """Return the best common ancestor. Raises EnvironmentTroubleError when a shallow clone lacks it."""

    def is_ancestor(self, older: Commit, newer: Commit) -> bool:
        """Say whether `older` is `newer` or among its ancestors. Raises EnvironmentTroubleError when either is missing."""

    def tree(self, commit: Commit, *paths: str) -> Mapping[str, str]:
        """Map every file below `paths` to its Git object name."""

    def read(self, commit: Commit, path: str) -> bytes | None:
        """Return a file's bytes at a commit, None when it is not there."""

    def changed(self, base: Commit, head: Commit, *paths: str) -> Sequence[str]:
        """Return the paths below `paths` that differ between two commits."""

    def objects(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return the object name behind each `commit:path`, None where there is none, in one call."""

    def contents(self, names: Sequence[str]) -> Sequence[bytes | None]:
        """Return the bytes of each `commit:path`, None where there is none, in one call."""

    def read_many(self, commit: Commit, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of those of `paths` that exist at a commit, in one call."""

    def dirty(self, *paths: str) -> Sequence[str]:
        """Return the paths below `paths` whose work-tree copy differs from HEAD, untracked files included."""

    def identity(self) -> str | None:
        """Return who acts here, `Name <address>`, None when nobody is configured."""

    def export(self, commit: Commit, path: str, into: Path) -> None:
        """Write the files below `path`, as they are at `commit`, under the folder `into`."""


class DeployBranch(Protocol):
    """The branch that holds `charts/environments/`, wherever it lives."""

    @property
    def name(self) -> str:
        """The branch, as people call it."""

    def tip(self, *, fetch: bool) -> Commit | None:
        """Return the branch's tip, asking the remote first when `fetch`; None when the branch does not exist yet."""

    def read(self, tip: Commit | None, path: str) -> bytes | None:
        """Return a file's bytes at `tip`, None when it is not there."""

    def read_all(self, tip: Commit | None, folder: str) -> Mapping[str, bytes]:
        """Return every file below `folder` at `tip`, by path."""

    def commit(self, tip: Commit | None, changes: Mapping[str, bytes], message: str, at: datetime) -> Commit:
        """Make (not publish) a commit on top of `tip` in which `changes` replace or add whole files."""

    def publish(self, commit: Commit, expected: Commit | None) -> bool:
        """Move the branch from `expected` to `commit`, atomically; False when it was no longer at `expected`.

        Decides by reading the ref again, never by a message: a push that was accepted but whose reply was lost is True.
        Raises EnvironmentTroubleError when the remote cannot be reached or refuses for another reason.
        """


class Store(Protocol):
    """The local memory under `.release/`: blobs by digest, records by the digest of what they were made from."""

    def put(self, content: bytes) -> Digest:
        """Keep a blob, atomically."""

    def get(self, digest: Digest) -> bytes | None:
        """Return a blob whose digest has been checked, None when it is not here (a damaged one is not here)."""

    def put_record(self, stage: str, key: Digest, record: object) -> None:
        """Keep a stage's record under the digest of its inputs, atomically."""

    def get_record(self, stage: str, key: Digest, kind: type[R]) -> R | None:
        """Return the record kept under `key`, None when there is none or it cannot be read any more."""


class Registry(Protocol):
    """Where images are kept by digest: a folder (OCI image layout) or a server (OCI distribution)."""

    @property
    def name(self) -> str:
        """The address that `image.repository` starts with."""

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether a manifest is there."""

    def push(self, repository: str, image: Image, tag: str) -> None:
        """Store an image and tag it; storing it twice is one storing. Raises SecurityRefusalError on another digest."""

    def manifest(self, repository: str, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, digest checked; None when it is not there."""

    def blob(self, repository: str, digest: Digest) -> bytes | None:
        """Return a blob's bytes, digest checked; None when it is not there."""


class Tracking(Protocol):
    """The index that people browse. Never read back as truth; a failure to write is told, not raised by the release."""

    def index(
        self,
        train: TrainRecord,
        evaluate: EvaluateRecord | None,
        verdict: VerdictRecord | None,
        artifacts: Mapping[str, bytes],
    ) -> None:
        """Log one challenger: idempotent by model digest and commit. Raises EnvironmentTroubleError."""

    def known(self, model: ModelName) -> set[Digest]:
        """Return the digests of a model's registered versions. Raises EnvironmentTroubleError."""

    def alias(self, model: ModelName, aliases: Mapping[str, Digest]) -> None:
        """Point aliases (`champion`, `challenger`) at the versions with these digests. Raises EnvironmentTroubleError."""


class Forge(Protocol):
    """Where pull requests are: one repository on GitHub, GitLab or Gitea.

    Every method may be repeated. All raise EnvironmentTroubleError when the forge cannot be reached, goes on failing, or
    refuses a permission, which is named.
    """

    def pull(self, number: int) -> PullRequest:
        """Return an open or closed pull request as it stands. Raises BadInputError when there is none."""

    def run(self, number: int) -> Run:
        """Return a finished run of a pull request's workflow. Raises BadInputError when there is none."""

    def comment(self, number: int, marker: str, body: str) -> None:
        """Keep one comment of ours, the one that begins with `marker`, at `body`, on a pull request."""

    def status(self, commit: Commit, state: Check, description: str, url: str = "") -> None:
        """Set the commit status that branch protection asks for; `url` is where it leads."""

    def propose(self, branch: str, base: str, title: str, body: str) -> int:
        """Open the pull request from a pushed branch into `base`, or bring the open one up to date; return its number."""
