"""The source repository, read with git: commits, trees, files as they were.

Reads only, and few processes whatever the number of models. Writing commits, and the deploy branch, live in
`release.adapters.deploy_branch`; what a folder or a file means is for the callers.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import CommandFailedError, Git, write_whole
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NETWORK = 600.0
"""Seconds that a fetch may take."""
_OBJECT_NAME = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


class GitSource:
    """A work tree and the commits behind it; satisfies `release.ports.Source`."""

    def __init__(self, root: Path, env: Mapping[str, str | None] | None = None) -> None:
        """Read the repository whose work tree's root is `root`; nothing is checked or started yet.

        `env` is for git, such as where more objects are.
        """
        self._root = root
        self._git = Git(root, env or {})

    @classmethod
    def find(cls, start: Path) -> GitSource:
        """Return the repository that `start` is in, also from a sub-folder or a linked work tree; one process.

        A repository without commits is fine here. Raises BadInputError outside of a repository and in a bare one,
        EnvironmentTroubleError when git does not trust the repository's owner.
        """
        if not start.is_dir():
            raise BadInputError("there is no such folder", where=str(start), fix="name a folder of a git repository")
        try:
            top = Git(start).run("rev-parse", "--show-toplevel")
        except CommandFailedError as error:
            if b"dubious ownership" in error.stderr:
                fix = f"if you trust it: git config --global --add safe.directory {start}"
                raise EnvironmentTroubleError("the repository belongs to another user", where=str(start), fix=fix) from error
            if b"must be run in a work tree" in error.stderr:
                fix = "run in a clone that has its files checked out"
                raise BadInputError("this is a git repository without a work tree", where=str(start), fix=fix) from error
            fix = "run in a clone, or `git init` and commit first"
            raise BadInputError("not a git repository", where=str(start), fix=fix) from error
        return cls(Path(os.fsdecode(top.removesuffix(b"\n"))))

    @property
    def root(self) -> Path:
        """The work tree's root."""
        return self._root

    def resolve(self, revision: str) -> Commit:
        """Name the commit of a revision; a branch that is only on `origin` counts as one here too.

        Raises BadInputError for no such revision and for a repository without commits, EnvironmentTroubleError where a
        shallow clone may merely lack it.
        """
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise BadInputError(f"{revision!r} is no revision", fix="name a commit, a branch or a tag")
        for candidate in (revision, f"refs/remotes/origin/{revision}"):
            found = self._commit(candidate)
            if found is not None:
                return found
        if self._commit("HEAD") is None:
            raise BadInputError("the repository has no commit yet", where=str(self._root), fix="commit first: git commit")
        if self._shallow():
            raise self._lacking(revision)
        raise BadInputError(
            f"there is no commit {revision!r}", where=str(self._root), fix="see `git branch --all` for names"
        )

    def fetch(self, branch: str) -> Commit:
        """Bring a branch of `origin` and return its commit. Raises EnvironmentTroubleError when that cannot be done."""
        tracking = f"refs/remotes/origin/{branch}"
        try:
            self._git.run("fetch", "--quiet", "--no-tags", "origin", f"+refs/heads/{branch}:{tracking}", timeout=_NETWORK)
        except CommandFailedError as error:
            what, fix = f"cannot fetch {branch}: {error.reason}", "check the address, the network and your access"
            raise EnvironmentTroubleError(what, where="origin", fix=fix) from error
        return self.resolve(tracking)

    def merge_base(self, one: Commit, other: Commit) -> Commit:
        """Return the best common ancestor.

        Raises EnvironmentTroubleError when this clone lacks it, BadInputError when there is none.
        """
        found = self._asking(one, other, args=("merge-base", one, other))
        if found is not None:
            return Commit(found)
        if self._shallow():
            raise self._lacking(one)
        raise BadInputError(
            f"{one[:12]} and {other[:12]} share no history", where=str(self._root), fix="name a base that they share"
        )

    def is_ancestor(self, older: Commit, newer: Commit) -> bool:
        """Say whether `older` is `newer` or among its ancestors.

        Raises EnvironmentTroubleError when this clone lacks either, or is too shallow to tell.
        """
        if self._asking(older, newer, args=("merge-base", "--is-ancestor", older, newer)) is not None:
            return True
        # In a shallow clone "no" may mean "cut off"; only the opposite order proves it.
        if self._shallow() and self._git.says("merge-base", "--is-ancestor", newer, older) is None:
            raise self._lacking(older)
        return False

    def tree(self, commit: Commit, *paths: str) -> Mapping[str, str]:
        """Map every file below `paths` to its Git object name; one process.

        Raises SecurityRefusalError for a symbolic link or a submodule below `paths`; EnvironmentTroubleError when this clone
        lacks the commit.
        """
        try:
            return {path: entry.name for path, entry in self._git.files(commit, *paths).items()}
        except CommandFailedError as error:
            self._require(error, commit)
            raise

    def read(self, commit: Commit, path: str) -> bytes | None:
        """Return a file's bytes at a commit, None when it is not there; raises as `read_many` does."""
        return self.read_many(commit, [path]).get(path)

    def read_many(self, commit: Commit, paths: Sequence[str]) -> Mapping[str, bytes]:
        """Return the bytes of those of `paths` that are files at a commit; one process.

        Raises EnvironmentTroubleError when this clone lacks the commit.
        """
        contents = self._git.blobs([f"{commit}:{path}" for path in paths])
        found = {path: content for path, content in zip(paths, contents, strict=True) if content is not None}
        if paths and not found and self._commit(commit) is None:
            raise self._lacking(commit)
        return found

    def objects(self, names: Sequence[str]) -> Sequence[str | None]:
        """Return the object name behind each `commit:path`, None where there is none; one process."""
        if any("\n" in name for name in names):
            raise SecurityRefusalError("a path with a line break cannot be read", fix="rename the file")
        if not names:
            return []
        request = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
        # The answer for a missing object repeats the request, whose spaces must not be mistaken for fields.
        lines = self._git.run("cat-file", "--batch-check=%(objectname)", input=request).decode(errors="replace").splitlines()
        return [line if _OBJECT_NAME.match(line) else None for line in lines]

    def contents(self, names: Sequence[str]) -> Sequence[bytes | None]:
        """Return the bytes behind each `commit:path`, None where there is no file; one process."""
        return self._git.blobs(names)

    def changed(self, base: Commit, head: Commit, *paths: str) -> Sequence[str]:
        """Return the paths below `paths` (everywhere without) that differ between two commits; one process.

        Raises EnvironmentTroubleError when this clone lacks either.
        """
        try:
            args = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head, "--", *paths)
            return _split(self._git.run(*args))
        except CommandFailedError as error:
            self._require(error, base, head)
            raise

    def dirty(self, *paths: str) -> Sequence[str]:
        """Return the paths below `paths` whose work-tree copy differs from HEAD, untracked files included; one process."""
        args = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", *paths)
        return [record[3:] for record in _split(self._git.run(*args))]

    def export(self, commit: Commit, path: str, into: Path) -> None:
        """Write the files below `path`, as they are at `commit`, under `into` by their paths relative to `path`.

        Every file is written whole or not at all. Raises BadInputError when nothing is there, SecurityRefusalError for
        links, submodules and names that would leave `into`.
        """
        files = self.tree(commit, path)
        if not files:
            raise BadInputError(f"there is no {path!r} at {commit[:12]}", where=str(self._root), fix="commit it")
        names = {
            name: name.removeprefix(path.rstrip("/") + "/") if name != path else name.rsplit("/", 1)[-1] for name in files
        }
        for name in names.values():
            if {"", ".", "..", ".git"} & set(name.lower().split("/")):
                raise SecurityRefusalError(f"{name!r} leaves the folder it belongs to", where=commit[:12], fix="remove it")
        contents = self._git.blobs(list(files.values()))
        for name, content in zip(files, contents, strict=True):
            if content is None:
                raise self._lacking(commit)
            write_whole(into / names[name], content)

    def identity(self) -> str | None:
        """Return who git would name as the author here, `Name <address>`, None when nobody is configured."""
        name, address = (self._git.says("config", "--get", f"user.{part}") for part in ("name", "email"))
        return f"{name} <{address}>" if name and address else None

    def _commit(self, revision: str) -> Commit | None:
        found = self._git.says("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return Commit(found) if found else None

    def _asking(self, *commits: Commit, args: tuple[str, ...]) -> str | None:
        try:
            return self._git.says(*args)
        except CommandFailedError as error:
            self._require(error, *commits)
            raise

    def _require(self, cause: CommandFailedError, *commits: Commit) -> None:
        for commit in commits:
            if self._commit(commit) is None:
                raise self._lacking(commit) from cause

    def _shallow(self) -> bool:
        return self._git.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def _lacking(self, revision: str) -> EnvironmentTroubleError:
        """Say how to get what this clone does not hold."""
        deepen = " --unshallow" if self._shallow() else ""
        branch = revision.removeprefix("refs/remotes/").removeprefix("origin/").split("~")[0].split("^")[0]
        wanted = "" if _OBJECT_NAME.match(revision) else f" +refs/heads/{branch}:refs/remotes/origin/{branch}"
        what = f"this {'shallow ' if deepen else ''}clone lacks {revision[:60]} or the history up to it"
        return EnvironmentTroubleError(what, where=str(self._root), fix=f"run: git fetch{deepen} origin{wanted}")


def _split(listing: bytes) -> list[str]:
    return listing.decode(errors="surrogateescape").split("\0")[:-1]
