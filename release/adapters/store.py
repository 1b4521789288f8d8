"""The local memory under `.release/`: blobs by digest, records by the digest of what they were made from, looks by test set.

Everything in it can be deleted at any time; what it saves is work. Writes are atomic, reads check digests.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, TypeVar

from release.adapters.process import write_whole
from release.artifact.serial import canonical, digest_of, load
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Digest

if TYPE_CHECKING:
    from pathlib import Path

R = TypeVar("R")
_HEX = re.compile(r"[0-9a-f]{64}\Z")


class FolderStore:
    """A `release.ports.Store` in a folder."""

    def __init__(self, root: Path) -> None:
        """Keep everything below `root`, which is made when something is first written."""
        self.root = root

    def put(self, content: bytes) -> Digest:
        """Keep a blob, atomically. Raises EnvironmentTroubleError when the disk refuses."""
        digest = digest_of(content)
        path = self._blob(digest)
        if self.get(digest) is None:
            self.write(path, content)
        return digest

    def get(self, digest: Digest) -> bytes | None:
        """Return a blob whose digest has been checked, None when it is not here or damaged."""
        content = self._read(self._blob(digest))
        return content if content is not None and digest_of(content) == digest else None

    def put_record(self, stage: str, key: Digest, record: object) -> None:
        """Keep a stage's record under the digest of its inputs, atomically."""
        self.write(self._record(stage, key), canonical(record) + b"\n")

    def get_record(self, stage: str, key: Digest, kind: type[R]) -> R | None:
        """Return the record kept under `key`, None when there is none or it was written in another form."""
        path = self._record(stage, key)
        content = self._read(path)
        if content is None:
            return None
        with contextlib.suppress(BadInputError):
            return load(kind, content, where=str(path))
        return None

    def records(self, stage: str, kind: type[R]) -> list[R]:
        """Return every record of a stage that can be read, in the order of their keys."""
        folder = self.root / "records" / stage
        paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
        found = (self.get_record(stage, Digest("sha256:" + path.stem), kind) for path in paths)
        return [record for record in found if record is not None]

    def look(self, test: Digest, challenger: Digest) -> None:
        """Remember that a test set has judged a challenger; repeats are free."""
        path = self.root / "looks" / _hex(test) / _hex(challenger)
        if not path.exists():
            self.write(path, b"")

    def looks(self, test: Digest) -> frozenset[Digest]:
        """Return the challengers that a test set has judged here."""
        folder = self.root / "looks" / _hex(test)
        # What a killed process left half-written is no look.
        names = [path.name for path in folder.iterdir() if _HEX.match(path.name)] if folder.is_dir() else []
        return frozenset(Digest(f"sha256:{name}") for name in names)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all. Raises EnvironmentTroubleError when the disk refuses."""
        try:
            write_whole(path, content)
        except OSError as error:
            raise EnvironmentTroubleError(
                f"cannot write: {error.strerror}",
                where=str(path),
                fix="free disk space or correct permissions, then run again",
            ) from error

    def _blob(self, digest: Digest) -> Path:
        return self.root / "blobs" / _hex(digest)

    def _record(self, stage: str, key: Digest) -> Path:
        return self.root / "records" / stage / f"{_hex(key)}.json"

    @staticmethod
    def _read(path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentTroubleError(
                f"cannot read: {error.strerror}", where=str(path), fix="correct permissions, then run again"
            ) from error


def _hex(digest: Digest) -> str:
    """Return a digest's file name. Raises SecurityRefusalError for what is no digest: it might be a path."""
    name = digest.removeprefix("sha256:")
    if not _HEX.match(name):
        raise SecurityRefusalError(f"{digest[:80]!r} is no digest", fix="run the stage that named it again")
    return name
