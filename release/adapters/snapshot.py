"""Uncommitted changes as a commit that only this machine has, for rehearsals.

Objects go to a folder of their own, with the repository's as alternates; refs, index and work tree are not touched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.adapters.process import Git
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NOBODY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "uncommitted"), ("EMAIL", "uncommitted@localhost"), ("DATE", "@0 +0000"))
}


@dataclass(frozen=True)
class Snapshot:
    """A commit, the environment in which git finds it, and which files differ from HEAD in words."""

    commit: Commit
    env: Mapping[str, str | None]
    summary: str


def take(root: Path, folder: Path, paths: tuple[str, ...]) -> Snapshot | None:
    """Make a commit of the work tree's files below `paths` on top of HEAD; None when git sees no change there.

    The same changes on the same HEAD give the same commit. Raises EnvironmentTroubleError when git cannot write to `folder`.
    """
    git = Git(root)
    status = git.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", *paths)
    changed = [record[3:] for record in status.split(b"\0") if record]
    if not changed:
        return None
    objects = folder / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    common = root / os.fsdecode(git.run("rev-parse", "--git-common-dir").removesuffix(b"\n"))
    env = {"GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(str(common / "objects"))}
    index = {**env, "GIT_INDEX_FILE": str(folder / f"index.{os.getpid()}")}
    head = git.says("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    try:
        git.run("read-tree", head or "--empty", env=index)
        git.run("update-index", "--add", "--remove", "-z", "--stdin", input=b"\0".join(changed) + b"\0", env=index)
        tree = git.run("write-tree", env=index).decode().strip()
    finally:
        (folder / f"index.{os.getpid()}").unlink(missing_ok=True)
    parents = ("-p", head) if head else ()
    made = git.run("commit-tree", tree, *parents, "-m", "uncommitted", env={**env, **_NOBODY}).decode().strip()
    first = os.fsdecode(changed[0])
    return Snapshot(Commit(made), env, first if len(changed) == 1 else f"{first} and {len(changed) - 1} more")


def _quoted(path: str) -> str:
    """Quote a path for git's list of paths, in which a colon would end it."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
