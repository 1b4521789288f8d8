"""The deploy branch, wherever `release.yaml` says it lives: the choice between a remote's branch and this repository's own.

How each is read and moved is in `deploy_remote` and `deploy_local`, which build on `deploy_base`; what the files on it mean
is for the stages.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from release.adapters.deploy_local import LocalBranch
from release.adapters.deploy_remote import RemoteBranch
from release.adapters.process import Git
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

_BRANCH = re.compile(r"(?!.*(\.\.|//|/\.|\.lock(/|\Z)))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![/.])\Z")


def open_branch(source_root: Path, repository: str, branch: str, cache: Path) -> RemoteBranch | LocalBranch:
    """Return the deploy branch that `release.yaml` names; few processes, no network.

    `repository` is `.` for the repository at `source_root` (its remote `origin`, or itself when it has none), else the URL
    or path of another one, relative to `source_root`. Everything remembered goes under the folder `cache`. Raises
    BadInputError for what is no branch or repository.
    """
    if not _BRANCH.match(branch):
        raise BadInputError(f"{branch!r} is no branch name", where="deploy.branch", fix="use letters, digits, - _ . /")
    if not repository or repository.startswith("-") or not repository.isprintable():
        raise BadInputError(f"{repository!r} is no repository", where="deploy.repository", fix="write `.`, a URL or a path")

    def home(address: str) -> Path:
        return cache.absolute() / hashlib.sha256(f"{address}\n{branch}".encode()).hexdigest()[:16]

    if repository != ".":
        return RemoteBranch(source_root, branch, home(repository), repository, own=None)
    git = Git(source_root)
    common = (source_root / os.fsdecode(git.run("rev-parse", "--git-common-dir").removesuffix(b"\n"))).resolve()
    if git.says("config", "--get", "remote.origin.url") is None:
        return LocalBranch(source_root, branch, home("."), common)
    url = os.fsdecode(git.run("remote", "get-url", "--push", "origin").removesuffix(b"\n"))
    return RemoteBranch(source_root, branch, home(url), url, own=common)
