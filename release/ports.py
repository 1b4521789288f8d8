"""What stages need from the outside world, as small protocols.

Only types live here. Adapters satisfy these protocols; in-memory versions for tests live under `tests/`. Every method
translates its library's failures into `release.errors`; *retryable* is `EnvironmentTroubleError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from release.artifact.deployment import Deployment
    from release.artifact.findings import Finding
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

    def other(self, branch: str) -> Commit | None:
        """Return the tip of another branch of the same repository, None when there is none; the remote is asked."""

    def push(self, branch: str, commit: Commit, expected: Commit | None) -> bool:
        """Move another branch of the same repository to a commit, as `publish` does, whatever history it had."""

    def change(self, commit: Commit) -> Mapping[str, tuple[bytes | None, bytes | None]]:
        """Return each path that a commit changed, with its bytes before and after; nothing for a merge."""


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

    def push(self, repository: str, image: Image, tag: str, *, lender: Lender | None = None) -> None:
        """Store an image and tag it; storing it twice is one storing.

        What the image only names and is not there yet comes from `lender`. Raises SecurityRefusalError on another digest.
        """

    def manifest(self, repository: str, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, digest checked; None when it is not there."""

    def blob(self, repository: str, digest: Digest) -> bytes | None:
        """Return a blob's bytes, digest checked; None when it is not there."""

    def fetch(self, repository: str, digest: Digest, into: BinaryIO) -> bool:
        """Write a blob, digest checked, into an empty file in pieces; False when it is not there."""


@dataclass(frozen=True)
class Lender:
    """A repository, of this registry or of another one, that has the layers of a base."""

    registry: Registry
    repository: str

    @property
    def name(self) -> str:
        """The repository with its registry, as in `image.repository`."""
        return f"{self.registry.name}/{self.repository}"


class Renderer(Protocol):
    """What turns a chart and values into manifests, without a cluster."""

    def render(self, deployment: Deployment) -> str:
        """Return the manifests as one YAML text. Raises BadInputError for values or templates that are refused."""

    def lint(self, deployment: Deployment) -> Sequence[Finding]:
        """Return what is wrong with the chart, given these values."""


class Validator(Protocol):
    """A checker of rendered manifests that somebody else wrote."""

    def validate(self, rendered: Mapping[str, str]) -> Mapping[str, Sequence[Finding]]:
        """Return what is wrong with each render, by its name; what concerns all of them is under the empty name."""


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

    def status(self, commit: Commit, state: Check, description: str, url: str = "", *, context: str = ...) -> None:
        """Set the commit status that branch protection asks for, or another `context`; `url` is where it leads."""

    def propose(self, branch: str, base: str, title: str, body: str) -> int:
        """Open the pull request from a pushed branch into `base`, or bring the open one up to date; return its number."""

    def proposals(self, base: str) -> Mapping[str, int]:
        """Return the open pull requests from this repository's own branches into `base`: number by branch."""

    def declined(self, branch: str, base: str, head: Commit) -> int | None:
        """Return the pull request of this very head that was closed without being merged, None when there is none."""

    def close(self, number: int) -> None:
        """Close a pull request without merging it; one that is closed or merged stays so."""

    def merged(self, commit: Commit) -> Sequence[int]:
        """Return the merged pull requests that brought a commit, however they were merged."""

    def belongs(self, login: str, group: str) -> bool:
        """Say whether somebody is in a group: OWNERS is who may write to the repository, others are named ORG/TEAM."""
