"""Letting a checked-out deploy branch follow a commit that was made behind its back, and nothing else.

Only a repository without a remote needs this: there the branch is moved in place, and a work tree that shows it must show
the new files without losing what people changed. The branch moves first, by compare-and-swap; a journal lets the next run
finish what a killed one began. Part of `release.adapters.deploy_branch`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import write_whole
from release.errors import ConflictError, EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.adapters.process import Entry, Git


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an advisory lock on a file, and give its descriptor.

    The kernel releases the lock when every process that has the descriptor is gone, however they go.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


@dataclass(frozen=True)
class WorkTree:
    """A work tree in which the branch is checked out."""

    git: Git

    @classmethod
    def showing(cls, git: Git, ref: str) -> WorkTree | None:
        """Find the work tree of a repository, the main or a linked one, that has `ref` checked out."""
        for block in git.run("worktree", "list", "--porcelain").decode(errors="surrogateescape").split("\n\n"):
            lines = block.splitlines()
            if f"branch {ref}" in lines:
                folder = Path(lines[0].removeprefix("worktree "))
                if folder.is_dir():
                    return cls(replace(git, folder=folder))
        return None

    def require_room(self, old: str | None, new: str) -> None:
        """Raise ConflictError when local changes are in the way of going from `old` to `new`.

        A path may be as it was or already as it will be, in the index and on disk alike. Raises EnvironmentTroubleError when
        the index is locked.
        """
        lock = self.git.folder / self.git.run("rev-parse", "--git-path", "index.lock").decode().removesuffix("\n")
        if lock.exists():
            fix = "wait for the other git command, or remove the file if none runs"
            raise EnvironmentTroubleError("the index is locked", where=str(lock), fix=fix)
        before, after = self._change(old, new)
        staged, there = self._staged(after), self._on_disk(after)
        for path, entry in after.items():
            fitting = {before[path].name if path in before else None, entry.name}
            if not {staged.get(path), there.get(path)} <= fitting:
                fix = f"commit or restore {path}, then run again"
                raise ConflictError("local changes are in the way", where=str(self.git.folder / path), fix=fix)

    def follow(self, old: str | None, new: str) -> None:
        """Bring index and files from `old` to `new`; what differs in neither is not touched."""
        _, after = self._change(old, new)
        index = "".join(f"{entry.mode} {entry.name}\t{path}\0" for path, entry in after.items())
        self.git.run("update-index", "-z", "--index-info", input=index.encode(errors="surrogateescape"))
        listed = "".join(f"{path}\0" for path in after).encode(errors="surrogateescape")
        self.git.run("checkout-index", "-f", "-u", "-q", "-z", "--stdin", input=listed)

    def _change(self, old: str | None, new: str) -> tuple[dict[str, Entry], dict[str, Entry]]:
        """Return the files that differ, as they were and as they will be. The tool never removes one."""
        after = self.git.files(new)
        if old is None:
            return {}, after
        before = self.git.files(old)
        changed = {path: entry for path, entry in after.items() if before.get(path) != entry}
        return before, changed

    def _staged(self, paths: dict[str, Entry]) -> dict[str, str]:
        listing = self.git.run("ls-files", "--stage", "-z", "--", *paths).decode(errors="surrogateescape")
        records = (record.split("\t", 1) for record in listing.split("\0")[:-1])
        # A path in conflict is listed by stages other than 0, which fit nothing.
        return {path: name if stage == "0" else "" for head, path in records for _, name, stage in [head.split(" ")]}

    def _on_disk(self, paths: dict[str, Entry]) -> dict[str, str]:
        present = [path for path in paths if (self.git.folder / path).exists() or (self.git.folder / path).is_symlink()]
        files = [
            path for path in present if (self.git.folder / path).is_file() and not (self.git.folder / path).is_symlink()
        ]
        listed = "".join(f"{path}\n" for path in files).encode(errors="surrogateescape")
        names = self.git.run("hash-object", "--stdin-paths", input=listed).decode().splitlines() if files else []
        return {**dict.fromkeys(present, ""), **dict(zip(files, names, strict=True))}


@dataclass(frozen=True)
class Journal:
    """What a publication is about to do to a work tree, kept beside the repository until it is done."""

    path: Path

    @classmethod
    def of(cls, git_folder: Path, ref: str) -> Journal:
        """Return a branch's journal; one a branch, shared by all work trees."""
        return cls(git_folder / f"release-{hashlib.sha256(ref.encode()).hexdigest()[:16]}.json")

    def begin(self, old: str | None, new: str) -> None:
        """Write down a move of the branch."""
        write_whole(self.path, json.dumps([old, new]).encode())

    def unfinished(self) -> tuple[str | None, str] | None:
        """Return the move that was begun and perhaps not finished."""
        try:
            old, new = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        return old, new

    def end(self) -> None:
        """Forget the move."""
        self.path.unlink(missing_ok=True)
