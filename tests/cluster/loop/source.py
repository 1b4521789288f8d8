"""The repository under test as people have it: a clone to write from, a forge to ask, what Git says of the deploy state."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import requests
from forge.conftest import Gitea, Project
from loop.repository import MODEL
from support.git import git
from support.git import repository as make_repository

from release.artifact import ledger as events
from release.artifact import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from release.artifact.ledger import Ledger

DEPLOY = "deploy"
LEDGER = f"charts/environments/ledger/{MODEL}.jsonl"
_ATTEMPTS = 8
_SECONDS = 30


def values_path(place: str) -> str:
    """Return the path of an environment's values file."""
    return f"charts/environments/{place}/{MODEL}.yaml"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit of the deploy branch."""

    sha: str
    message: str

    def trailer(self, name: str) -> str | None:
        """Return a trailer."""
        found = [line.partition(": ")[2] for line in self.message.splitlines() if line.startswith(f"{name}: ")]
        return found[-1] if found else None


@dataclass(frozen=True)
class Source:
    """A repository on a forge, and a person's clone of it in `folder`."""

    project: Project
    folder: Path

    @classmethod
    def made(cls, gitea: Gitea, name: str, folder: Path) -> Self:
        """Make a repository that is empty but for a clone's first commit, which is not pushed yet."""
        gitea.ask("POST", "/user/repos", {"name": name, "default_branch": "main", "auto_init": False})
        clone = make_repository(folder / "person", {"README.md": b"Models.\n"})
        user, password = gitea.login
        scheme, _, rest = gitea.root.partition("://")
        git(clone, "remote", "add", "origin", f"{scheme}://{user}:{password}@{rest}/{user}/{name}.git")
        return cls(Project(gitea, f"{user}/{name}", clone), folder)

    @property
    def url(self) -> str:
        """The repository's address for those who only read."""
        return f"{self.project.gitea.root}/{self.project.name}.git"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the forge about the repository."""
        return self.project.ask(method, path, body)

    def clone(self, name: str) -> Path:
        """Return a clone that may push, up to date with the main branch."""
        path = self.folder / name
        if path.exists():
            git(path, "pull", "-q", "--ff-only")
        else:
            git(self.folder, "clone", "-q", git(self.project.clone, "remote", "get-url", "origin"), name)
        return path

    # --- what people write ------------------------------------------------------------------------------------------------

    def write(self, files: Mapping[str, bytes], message: str) -> str:
        """Commit files on top of the main branch, push, and return the commit."""
        return self._pushed("main", lambda: files, message)

    def edit(self, place: str, change: Callable[[str], str], message: str) -> str:
        """Edit an environment's values file on the deploy branch, as whoever owns it may; return the commit."""

        def files() -> dict[str, bytes]:
            path = self.project.clone / values_path(place)
            before = path.read_text()
            after = change(before)
            assert after != before, f"nothing to edit in {place}"
            return {values_path(place): after.encode()}

        return self._pushed(DEPLOY, files, message)

    def set(self, place: str, owned: Mapping[str, Any], message: str) -> str:
        """Set scalars that are the tool's by hand on the deploy branch, which nobody should; return the commit."""
        return self.edit(place, lambda text: values.patch(text.encode(), owned, where=place).decode(), message)

    def propose(self, files: Mapping[str, bytes], title: str) -> tuple[int, str]:
        """Push a branch with these files and open a pull request; return its number and head."""
        branch = f"change-{secrets.token_hex(4)}"
        self._checkout("main")
        git(self.project.clone, "checkout", "-q", "-b", branch)
        self._commit(files, title)
        head = self.project.push(branch)
        return self.project.opened(branch), head

    def merge(self, number: int) -> str:
        """Merge a pull request by the forge's button, and return the merge commit; Gitea may still be looking at it."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(AssertionError):
                self.ask("POST", f"/pulls/{number}/merge", {"Do": "merge"})
                break
            time.sleep(1)
        merged = self.ask("GET", f"/pulls/{number}")
        assert merged["merged"], f"#{number} was not merged: {merged}"
        return str(merged["merge_commit_sha"])

    def _checkout(self, branch: str) -> None:
        clone = self.project.clone
        git(clone, "fetch", "-q", "origin")
        remote = git(clone, "rev-parse", "-q", "--verify", f"refs/remotes/origin/{branch}", check=False)
        git(clone, "checkout", "-q", "-B", branch, *([f"origin/{branch}"] if remote else []))

    def _commit(self, files: Mapping[str, bytes], message: str) -> None:
        for name, content in files.items():
            path = self.project.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        git(self.project.clone, "add", "--all")
        git(self.project.clone, "commit", "-q", "-m", message)

    def _pushed(self, branch: str, files: Callable[[], Mapping[str, bytes]], message: str) -> str:
        """Commit on a branch's tip and push; where the tool was faster, again on the new tip."""
        for _ in range(_ATTEMPTS):
            self._checkout(branch)
            self._commit(files(), message)
            with contextlib.suppress(AssertionError):
                return self.project.push(branch)
        return self.project.push(branch)

    # --- what Git says ----------------------------------------------------------------------------------------------------

    def file(self, path: str) -> bytes:
        """Return a file of the deploy branch as the forge has it, nothing when it is not there."""
        gitea = self.project.gitea
        url = f"{gitea.root}/api/v1{self.project.at}/raw/{path}"
        answer = requests.get(url, params={"ref": DEPLOY}, auth=gitea.login, timeout=_SECONDS)
        if answer.status_code == requests.codes.not_found:
            return b""
        answer.raise_for_status()
        return answer.content

    def ledger(self) -> Ledger:
        """Return the ledger, its chain checked."""
        return events.parse(self.file(LEDGER), LEDGER)

    def text(self, place: str) -> str:
        """Return an environment's values file."""
        return self.file(values_path(place)).decode()

    def owned(self, place: str) -> Mapping[str, Any]:
        """Return the scalars that the tool owns in an environment's values file."""
        return values.read(self.file(values_path(place)), where=values_path(place))

    def commits(self) -> list[Commit]:
        """Return the commits of the deploy branch, newest first."""
        git(self.project.clone, "fetch", "-q", "origin")
        told = git(self.project.clone, "log", "-z", "--format=%H %B", f"origin/{DEPLOY}")
        parts = [one.partition(" ") for one in told.split("\0") if one.strip()]
        return [Commit(sha=sha, message=message) for sha, _, message in parts]
