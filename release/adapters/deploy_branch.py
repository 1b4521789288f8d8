"""The deploy branch: reading its tip, making a commit on top of it, moving it by compare-and-swap.

`open_branch` chooses between a branch on a remote and one of this repository alone. What the files mean is for the stages,
with one exception: a branch whose ledgers were rewritten since they were last seen is refused here, before anybody reads it.

Git's own locks outlive a killed process. So nothing that git locks is shared: fetch and push run in a private git folder
each, and what they have in common is objects, which are named by content, and one small file that is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import CommandFailedError, Git, redacted, write_whole
from release.adapters.work_tree import Journal, WorkTree, locked
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

LEDGERS = "charts/environments/ledger"
_NETWORK = 600.0
_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|\Z)))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![/.])\Z")
_BARE = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_NOWHERE = b"ref: refs/heads/none\n"
_NOBODY = ("release", "release@localhost")
_STALE = 3600.0


def open_branch(source_root: Path, repository: str, branch: str, cache: Path) -> RemoteBranch | LocalBranch:
    """Return the deploy branch that `release.yaml` names; one process, no network.

    `repository` is `.` for the repository at `source_root` (its remote `origin`, or itself when it has none), else the URL
    or path of another one, relative to `source_root`. Everything remembered goes under the folder `cache`. Raises BadInputError
    for what is no branch or repository.
    """
    if not _BRANCH.match(branch):
        raise BadInputError(f"{branch!r} is no branch name", where="deploy.branch", fix="use letters, digits, - _ . /")
    if not repository or repository.startswith("-") or not repository.isprintable():
        raise BadInputError(f"{repository!r} is no repository", where="deploy.repository", fix="write `.`, a URL or a path")
    home = cache / hashlib.sha256(f"{repository}\n{branch}".encode()).hexdigest()[:16]
    if repository != ".":
        return RemoteBranch(source_root, branch, home, repository, own=None)
    git = Git(source_root)
    common = source_root / os.fsdecode(git.run("rev-parse", "--git-common-dir").removesuffix(b"\n"))
    try:
        url = os.fsdecode(git.run("remote", "get-url", "--push", "origin").removesuffix(b"\n"))
    except CommandFailedError:
        return LocalBranch(source_root, branch, home, common)
    return RemoteBranch(source_root, branch, home, url, own=common.resolve())


class _Branch:
    """What both kinds share: reads, commits, and the memory of the tip that was last seen."""

    def __init__(self, root: Path, branch: str, home: Path) -> None:
        self._root = root
        self._branch = branch
        self._ref = f"refs/heads/{branch}"
        self._home = home

    @property
    def name(self) -> str:
        """The branch, as people call it."""
        return self._branch

    @property
    def _git(self) -> Git:
        """Git, with the objects of this branch in reach."""
        return Git(self._root)

    def read(self, tip: Commit | None, path: str) -> bytes | None:
        """Return a file's bytes at `tip`, None when it is not there; one process."""
        if tip is None:
            return None
        [content] = self._git.blobs([f"{tip}:{path}"])
        if content is None:
            self._git.run("cat-file", "-e", f"{tip}^{{commit}}")  # absent from the tree, not for want of the tree
        return content

    def read_all(self, tip: Commit | None, folder: str) -> Mapping[str, bytes]:
        """Return every file below `folder` at `tip`, by path; two processes.

        Raises SecurityRefusalError for a symbolic link or a submodule among them.
        """
        return {} if tip is None else self._git.read(tip, folder)

    def commit(self, tip: Commit | None, changes: Mapping[str, bytes], message: str, at: datetime) -> Commit:
        """Make (not publish) a commit on top of `tip` in which `changes` replace or add whole files.

        Author and committer are the user's git identity, else release <release@localhost>; the date is `at`. Neither the
        index nor any file of a work tree is touched. Raises SecurityRefusalError when a path is a link or a submodule now,
        ConflictError when something that is no folder is in the way.
        """
        self._prepare()
        git = self._git
        modes = {path: entry.mode for path, entry in git.files(tip, *changes).items()} if tip else {}
        with tempfile.TemporaryDirectory(dir=self._home, prefix="run-") as place:
            private = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            if tip:
                git.run("read-tree", tip, env=private)
            names = _store(git, Path(place), list(changes.values()))
            lines = [f"{modes.get(path, '100644')} {name}\t{path}\0" for path, name in zip(changes, names, strict=True)]
            try:
                git.run("update-index", "-z", "--add", "--index-info", input="".join(lines).encode(), env=private)
            except CommandFailedError as error:
                what = f"something that is no folder is in the way of {', '.join(changes)}"
                raise ConflictError(what, where=self._branch, fix="remove it from the branch") from error
            tree = git.run("write-tree", env=private).decode().strip()
        parent = ("-p", tip) if tip else ()
        args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", tree, *parent)
        return Commit(git.run(*args, input=message.encode(), env=self._signature(at)).decode().strip())

    def _signature(self, at: datetime) -> dict[str, str]:
        name, email = self._identity
        date = f"@{int(at.timestamp())} +0000"
        people = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", email))
        }
        return {**people, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}

    @cached_property
    def _identity(self) -> tuple[str, str]:
        try:
            shown = (
                Git(self._root).run("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT").decode(errors="replace")
            )
        except CommandFailedError:
            return _NOBODY
        found = re.match(r"(.+) <(.+)> \d+ [+-]\d+\n?\Z", shown)
        return (found[1], found[2]) if found else _NOBODY

    def _prepare(self) -> None:
        """Make the folder that everything of this branch is kept in: a bare repository, so that git reads it."""
        for folder in ("objects/pack", "objects/info", "refs"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        for name, content in (("config", _BARE), ("HEAD", _NOWHERE)):
            if not (self._home / name).exists():
                write_whole(self._home / name, content)

    def _seen(self) -> Commit | None:
        """Return the tip that was last seen and accepted."""
        with contextlib.suppress(FileNotFoundError):
            return Commit((self._home / "tip").read_text().strip())
        return None

    def _remember(self, tip: Commit) -> None:
        self._prepare()
        write_whole(self._home / "tip", f"{tip}\n".encode())

    def _accept(self, seen: Commit | None, tip: Commit | None) -> None:
        """Remember a new tip. Raises SecurityRefusalError, also on every later try, unless each ledger has only grown."""
        if seen is not None and seen != tip:
            git = self._git
            before, after = git.files(seen, LEDGERS), git.files(tip, LEDGERS) if tip else {}
            moved = [path for path, entry in before.items() if after.get(path) != entry]
            kept = [path for path in moved if path in after]
            was = dict(zip(moved, git.blobs([before[path].name for path in moved]), strict=True))
            now = dict(zip(kept, git.blobs([after[path].name for path in kept]), strict=True))
            for path in moved:
                old, new = was[path], now.get(path)
                if old is None or new is None or not new.startswith(old):
                    raise SecurityRefusalError(
                        f"the ledger no longer begins with the lines it had at {seen[:12]}: {self._branch} was rewritten",
                        where=path,
                        fix=f"find out by whom and restore it; if it was meant, remove {self._home}",
                    )
        if tip is not None and tip != self._seen():
            self._remember(tip)


class RemoteBranch(_Branch):
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
        tip = self._advertised()
        if tip is not None and tip != known:
            tip = self._fetched(known)
        self._prepare()
        self._accept(known, tip)
        return tip

    def publish(self, commit: Commit, expected: Commit | None) -> bool:
        """Move the branch from `expected` to `commit`, atomically; False when it was no longer at `expected`.

        A push that git reports as failed is settled by reading the ref again. Raises EnvironmentTroubleError when the remote
        cannot be reached, or refuses although the branch is where it was expected.
        """
        lease = f"--force-with-lease={self._ref}:{expected or ''}"
        quiet = ("--quiet", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
        try:
            with self._private(expected) as git:
                git.run("push", *quiet, lease, self._url, f"{commit}:{self._ref}", timeout=_NETWORK)
        except EnvironmentTroubleError as error:
            now = self._advertised()
            if now == expected:
                raise self._trouble("the remote refuses the push", error) from error
            if now != commit:
                return False
        self._remember(commit)
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

    def _advertised(self) -> Commit | None:
        """Ask the remote where the branch is."""
        try:
            listing = (
                Git(self._root).run("ls-remote", "--quiet", self._url, self._ref, timeout=_NETWORK).decode(errors="replace")
            )
        except CommandFailedError as error:
            raise self._trouble("cannot read the deploy branch's repository", error) from error
        for line in listing.splitlines():
            name, _, ref = line.partition("\t")
            if ref == self._ref:
                return Commit(name)
        return None

    def _fetched(self, known: Commit | None) -> Commit:
        """Bring the remote's tip and what it needs; the answer may be newer than what was advertised."""
        depth = ("--depth=1",) if self._own is None else ()
        quiet = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-commit-graph", *depth)
        with self._private(known) as git:
            try:
                git.run("fetch", *quiet, self._url, self._ref, timeout=_NETWORK)
            except CommandFailedError as error:
                raise self._trouble("cannot fetch the deploy branch", error) from error
            return Commit((Path(str(git.env["GIT_DIR"])) / "FETCH_HEAD").read_text().split("\t", 1)[0])

    @contextlib.contextmanager
    def _private(self, known: Commit | None) -> Iterator[Git]:
        """Give a git folder to one process alone: nobody meets its locks, and `known` is what it says that it has."""
        self._prepare()
        with tempfile.TemporaryDirectory(dir=self._home, prefix="run-", ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            self._sweep(place)
            write_whole(place / "HEAD", _NOWHERE)
            (place / "refs").mkdir()
            environment = {"GIT_DIR": folder, **self._objects()}
            if self._own is not None:
                environment |= {"GIT_COMMON_DIR": str(self._own), "GIT_WORK_TREE": str(self._root)}
            else:
                write_whole(place / "config", _BARE)
            if known is not None:
                write_whole(place / "refs" / "worktree" / "known", f"{known}\n".encode())
                if self._own is None:
                    write_whole(place / "shallow", f"{known}\n".encode())
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

    def _trouble(self, what: str, error: EnvironmentTroubleError) -> EnvironmentTroubleError:
        why = error.reason if isinstance(error, CommandFailedError) else error.what
        fix = "check the address, the network and your access, then run again"
        return EnvironmentTroubleError(f"{what}: {why}", where=f"{redacted(self._url)} {self._branch}", fix=fix)


class LocalBranch(_Branch):
    """A branch of a repository that has no remote; satisfies `release.ports.DeployBranch`."""

    def __init__(self, root: Path, branch: str, home: Path, common: Path) -> None:
        """Remember where the branch is; `common` is the repository's git folder."""
        super().__init__(root, branch, home)
        self._lock = common / "release.lock"
        self._journal = Journal.of(common, self._ref)

    def tip(self, *, fetch: bool) -> Commit | None:
        """Return the branch's tip; with `fetch`, finish what a killed publication left and check the ledgers."""
        if fetch:
            with locked(self._lock):
                self._finish()
        tip = self._current()
        if fetch:
            self._accept(self._seen(), tip)
        return tip

    def publish(self, commit: Commit, expected: Commit | None) -> bool:
        """Move the branch from `expected` to `commit`, atomically; False when it was no longer at `expected`.

        A work tree that has the branch checked out follows. Raises ConflictError, and moves nothing, when local changes are
        in its way; EnvironmentTroubleError when git cannot lock the branch.
        """
        with locked(self._lock):
            self._finish()
            if self._current() != expected:
                return False
            tree = WorkTree.showing(self._git, self._ref)
            if tree:
                tree.require_room(expected, commit)
                self._journal.begin(expected, commit)
            absent = "0" * len(commit)
            refusal = None
            try:
                self._git.run("update-ref", "-m", "release", self._ref, commit, expected or absent)
            except CommandFailedError as error:
                refusal = error
            now = self._current()
            if now == commit:
                self._finish()
                self._remember(commit)
                return True
            self._journal.end()
            if now == expected and refusal:
                fix = "wait for the other git command, or remove a stale lock file if none runs"
                raise EnvironmentTroubleError(f"cannot move the branch: {refusal.reason}", where=self._branch, fix=fix)
            return False

    def _current(self) -> Commit | None:
        found = self._git.says("rev-parse", "--verify", "--quiet", f"{self._ref}^{{commit}}")
        return Commit(found) if found else None

    def _finish(self) -> None:
        """Let the work tree follow a move that was begun; a move that did not happen is forgotten."""
        move = self._journal.unfinished()
        if move is None:
            return
        old, new = move
        tree = WorkTree.showing(self._git, self._ref) if self._current() == new else None
        if tree:
            tree.require_room(old, new)
            tree.follow(old, new)
        self._journal.end()


def _store(git: Git, place: Path, contents: list[bytes]) -> list[str]:
    """Write blobs and return their names; one process however many."""
    paths = [place / f"blob-{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    listed = "".join(f"{path}\n" for path in paths).encode(errors="surrogateescape")
    return git.run("hash-object", "-w", "--no-filters", "--stdin-paths", input=listed).decode().split()
