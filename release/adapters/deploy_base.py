"""What every deploy branch does alike: reads, commits made without a work tree, the memory of the tip that was last seen.

A branch whose ledgers were rewritten since then is refused here, before anybody reads it. Where the branch lives, and how it
is moved, must not live here.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import CommandFailedError, Git, write_whole
from release.errors import ConflictError, SecurityRefusalError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LEDGERS = "charts/environments/ledger"
BARE = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
NOWHERE = b"ref: refs/heads/none\n"
_NOBODY = ("release", "release@localhost")


class Branch:
    """What both kinds share: reads, commits, and the memory of the tip that was last seen."""

    def __init__(self, root: Path, branch: str, home: Path) -> None:
        """Work from the repository at `root`, and keep under `home` what has to be remembered."""
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

    def change(self, commit: Commit) -> Mapping[str, tuple[bytes | None, bytes | None]]:
        """Return what a commit changed: each path's bytes before and after, None where it was or is not; four processes.

        Nothing for a merge, which is nobody's change.
        """
        git = self._git
        if git.says("rev-parse", "--verify", "--quiet", f"{commit}^2") is not None:
            return {}
        before = git.says("rev-parse", "--verify", "--quiet", f"{commit}^1")
        args = (before, commit) if before else ("--root", "--no-commit-id", commit)
        listing = git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", *args)
        paths = listing.decode(errors="surrogateescape").split("\0")[:-1]
        old = git.blobs([f"{before}:{path}" for path in paths]) if before else [None] * len(paths)
        new = git.blobs([f"{commit}:{path}" for path in paths])
        return {path: (was, now) for path, was, now in zip(paths, old, new, strict=True)}

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
            git.run("update-index", "-z", "--index-info", input="".join(lines).encode(), env=private)
            # Git puts a folder where a file was, and the other way round; the tool removes nothing.
            lost = (
                git.run("diff-index", "--cached", "--name-only", "--diff-filter=D", "-z", tip, env=private) if tip else b""
            )
            if lost:
                gone = lost.decode(errors="replace").split("\0")[0]
                what = f"{gone} is where the release has to put {', '.join(changes)}"
                raise ConflictError(what, where=self._branch, fix=f"move {gone} out of the way")
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
        for name, content in (("config", BARE), ("HEAD", NOWHERE)):
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


def _store(git: Git, place: Path, contents: list[bytes]) -> list[str]:
    """Write blobs and return their names; one process however many."""
    paths = [place / f"blob-{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    listed = "".join(f"{path}\n" for path in paths).encode(errors="surrogateescape")
    return git.run("hash-object", "-w", "--no-filters", "--stdin-paths", input=listed).decode().split()
