"""A deploy branch of a repository that has no remote: moved in place, with the old value expected.

A work tree that has it checked out follows, by `release.adapters.work_tree`. One process at a time moves a branch: the lock
is the kernel's, so that it ends with the process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from release.adapters.deploy_base import Branch
from release.adapters.process import CommandFailedError
from release.adapters.work_tree import Journal, WorkTree, locked
from release.errors import EnvironmentTroubleError
from release.records import Commit

if TYPE_CHECKING:
    from pathlib import Path

    from release.adapters.process import Git


class LocalBranch(Branch):
    """A branch of a repository that has no remote; satisfies `release.ports.DeployBranch`."""

    def __init__(self, root: Path, branch: str, home: Path, common: Path) -> None:
        """Remember where the branch is; `common` is the repository's git folder."""
        super().__init__(root, branch, home)
        self._lock = common / "release.lock"
        self._journal = Journal.of(common, self._ref)

    def tip(self, *, fetch: bool) -> Commit | None:
        """Return the branch's tip; with `fetch`, finish what a killed publication left and check the ledgers."""
        if fetch:
            with locked(self._lock) as lock:
                self._finish(self._holding(lock))
        tip = self._current()
        if fetch:
            self._accept(self._seen(), tip)
        return tip

    def publish(self, commit: Commit, expected: Commit | None) -> bool:
        """Move the branch from `expected` to `commit`, atomically; False when it was no longer at `expected`.

        A work tree that has the branch checked out follows. Raises ConflictError, and moves nothing, when local changes are
        in its way; EnvironmentTroubleError when git cannot lock the branch.
        """
        with locked(self._lock) as lock:
            git = self._holding(lock)
            self._finish(git)
            if self._current() != expected:
                return False
            tree = WorkTree.showing(git, self._ref)
            if tree:
                tree.require_room(expected, commit)
                self._journal.begin(expected, commit)
            absent = "0" * len(commit)
            refusal = None
            try:
                git.run("update-ref", "-m", "release", self._ref, commit, expected or absent)
            except CommandFailedError as error:
                refusal = error
            now = self._current()
            if now == commit:
                self._finish(git)
                self._remember(commit)
                return True
            self._journal.end()
            if now == expected and refusal:
                fix = "wait for the other git command, or remove a stale lock file if none runs"
                raise EnvironmentTroubleError(f"cannot move the branch: {refusal.reason}", where=self._branch, fix=fix)
            return False

    def other(self, branch: str) -> Commit | None:
        """Return the tip of another branch, None when there is none."""
        return self._at(f"refs/heads/{branch}")

    def push(self, branch: str, commit: Commit, expected: Commit | None) -> bool:
        """Move another branch, whatever it held; False when it was not at `expected`.

        Raises EnvironmentTroubleError when git cannot lock it, or somebody works on it here.
        """
        ref = f"refs/heads/{branch}"
        with locked(self._lock) as lock:
            git = self._holding(lock)
            if self._at(ref) != expected:
                return False
            if WorkTree.showing(git, ref):
                raise EnvironmentTroubleError("this branch is checked out", where=branch, fix="switch to another one")
            git.run("update-ref", "-m", "release", ref, commit, expected or "0" * len(commit))
        return True

    def _current(self) -> Commit | None:
        return self._at(self._ref)

    def _at(self, ref: str) -> Commit | None:
        found = self._git.says("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return Commit(found) if found else None

    def _holding(self, lock: int) -> Git:
        """Return git that keeps the lock: killed after it was started, we leave it at work, and nobody may come between."""
        return replace(self._git, holding=(lock,))

    def _finish(self, git: Git) -> None:
        """Let the work tree follow a move that was begun; a move that did not happen is forgotten."""
        move = self._journal.unfinished()
        if move is None:
            return
        old, new = move
        tree = WorkTree.showing(git, self._ref) if self._current() == new else None
        if tree:
            tree.require_room(old, new)
            tree.follow(old, new)
        self._journal.end()
