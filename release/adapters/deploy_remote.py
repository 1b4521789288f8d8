"""A deploy branch on a remote: fetched, and moved by a push that expects the old value.

Git's own locks outlive a killed process. So nothing that git locks is shared: fetch and push run in a private git folder
each, and what they have in common is objects, which are named by content, and one small file that is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.deploy_base import BARE, NOWHERE, Branch
from release.adapters.process import CommandFailedError, Git, redacted
from release.errors import EnvironmentTroubleError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator

_NETWORK = 600.0
"""Seconds that a fetch or a push may take."""
_AGAIN = "check the address, the network and your access, then run again"
_STALE = 3600.0
"""Seconds after which a private folder is taken for a killed process's."""


class RemoteBranch(Branch):
    """A branch of a remote repository; satisfies `release.ports.DeployBranch`.

    `own` is this repository's git folder when the remote is its own `origin`: its objects and its credentials are then used,
    and nothing is written to it. Other repositories are fetched shallowly.
    """

    def __init__(self, root: Path, branch: str, home: Path, url: str, *, own: Path | None) -> None:
        """Remember where the branch is; nothing is contacted yet."""
        super().__init__(root, branch, home)
        self._url = url
        self._own = own

    @property
    def _git(self) -> Git:
        if self._own is None:
            return Git(self._root, {"GIT_DIR": str(self._home)})
        return Git(self._root, self._objects() if (self._home / "objects").is_dir() else {})

    def tip(self, *, fetch: bool) -> Commit | None:
        """Return the branch's tip: the remote's when `fetch` or when none was ever seen here, else the last one seen.

        Raises EnvironmentTroubleError when the remote cannot be reached, SecurityRefusalError when a ledger was rewritten.
        """
        known = self._known()
        if known is not None and not fetch:
            return known
        tip = self._fetched(known, self._ref, depth=1)
        self._prepare()
        self._accept(known, tip)
        return tip

    def publish(self, commit: Commit, expected: Commit | None) -> bool:
        """Move the branch from `expected` to `commit`, atomically; False when it was no longer at `expected`.

        A push that git reports as failed is settled by reading the ref again. Raises EnvironmentTroubleError when the remote
        cannot be reached, or refuses although the branch is where it was expected.
        """
        moved = self._moved(self._branch, commit, expected, known=expected)
        if moved:
            self._remember(commit)
        return moved

    def other(self, branch: str) -> Commit | None:
        """Return the tip of another branch of the remote, asked for now; None when there is none. Raises as `tip` does."""
        # With its parent, so that `change` can tell what it changed.
        return self._fetched(self._known(), f"refs/heads/{branch}", depth=2)

    def push(self, branch: str, commit: Commit, expected: Commit | None) -> bool:
        """Move another branch of the remote, whatever it held; False when it was not at `expected`. Raises as `publish`."""
        return self._moved(branch, commit, expected, known=self._known())

    def _moved(self, branch: str, commit: Commit, expected: Commit | None, *, known: Commit | None) -> bool:
        ref = f"refs/heads/{branch}"
        lease = f"--force-with-lease={ref}:{expected or ''}"
        quiet = ("--quiet", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        try:
            with self._private(known) as git:
                git.run("push", *quiet, lease, self._url, f"{commit}:{ref}", timeout=_NETWORK)
        except EnvironmentTroubleError as error:
            now = self._advertised(ref)
            if now == expected:
                fix = f"let this identity push to {branch}: its access, or a rule that protects the branch, keeps it out"
                raise self._trouble("the remote refuses the push", error, fix) from error
            return now == commit
        return True

    def _known(self) -> Commit | None:
        """Return the newest tip this machine has seen: ours, or that of a later `git fetch` by people."""
        seen = self._seen()
        if self._own is None:
            return seen
        found = self._git.says("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{self._branch}^{{commit}}")
        tracked = Commit(found) if found else None
        if seen is None or tracked is None or seen == tracked:
            return seen or tracked
        return tracked if self._git.says("merge-base", "--is-ancestor", seen, tracked) is not None else seen

    def _advertised(self, wanted: str) -> Commit | None:
        """Ask the remote where a branch is."""
        try:
            said = Git(self._root).run("ls-remote", "--quiet", self._url, wanted, timeout=_NETWORK)
        except CommandFailedError as error:
            raise self._trouble("cannot read the deploy branch's repository", error) from error
        for line in said.decode(errors="replace").splitlines():
            name, _, ref = line.partition("\t")
            if ref == wanted:
                return Commit(name)
        return None

    def _fetched(self, known: Commit | None, ref: str, *, depth: int) -> Commit | None:
        """Bring a branch's tip from the remote and what it needs, `depth` commits of another repository's.

        None when the remote has no such branch.
        """
        shallow = (f"--depth={depth}",) if self._own is None else ()
        quiet = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-commit-graph", *shallow)
        with self._private(known) as git:
            try:
                git.run("fetch", *quiet, self._url, ref, timeout=_NETWORK)
            except CommandFailedError as error:
                if self._advertised(ref) is None:
                    return None
                raise self._trouble("cannot fetch the deploy branch", error) from error
            return Commit((Path(str(git.env["GIT_DIR"])) / "FETCH_HEAD").read_text().split("\t", 1)[0])

    @contextlib.contextmanager
    def _private(self, known: Commit | None) -> Iterator[Git]:
        """Give a git folder to one process alone: nobody meets its locks, and `known` is what it says that it has."""
        self._prepare()
        with tempfile.TemporaryDirectory(dir=self._home, prefix="run-", ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            self._sweep(place)
            (place / "HEAD").write_bytes(NOWHERE)
            (place / "refs" / "worktree").mkdir(parents=True)
            environment = {"GIT_DIR": folder, **self._objects()}
            if self._own is not None:
                environment |= {"GIT_COMMON_DIR": str(self._own), "GIT_WORK_TREE": str(self._root)}
            else:
                (place / "config").write_bytes(BARE)
            if known is not None:
                (place / "refs" / "worktree" / "known").write_text(f"{known}\n")
                if self._own is None:
                    (place / "shallow").write_text(f"{known}\n")
            yield Git(self._root, environment)

    def _objects(self) -> dict[str, str]:
        """Make git write objects to our own folder, and read those of the source repository too."""
        environment = {"GIT_OBJECT_DIRECTORY": str(self._home / "objects")}
        if self._own is not None:
            path = str(self._own / "objects").replace("\\", "\\\\").replace('"', '\\"')
            environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = f'"{path}"'
        return environment

    def _sweep(self, newest: Path) -> None:
        """Remove the private folders of killed processes, by age: a living one may be at work."""
        for left in self._home.glob("run-*"):
            with contextlib.suppress(FileNotFoundError):
                if newest.stat().st_mtime - left.stat().st_mtime > _STALE:
                    shutil.rmtree(left, ignore_errors=True)

    def _trouble(self, what: str, error: EnvironmentTroubleError, fix: str = _AGAIN) -> EnvironmentTroubleError:
        why = error.reason if isinstance(error, CommandFailedError) else error.what
        return EnvironmentTroubleError(f"{what}: {why}", where=f"{redacted(self._url)} {self._branch}", fix=fix)
