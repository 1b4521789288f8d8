"""A real Gitea, by address: RELEASE_TEST_FORGE (its root) and RELEASE_TEST_FORGE_LOGIN (user:password of an administrator).

LAB_FORGE and LAB_FORGE_LOGIN do as well. Without either the tests fail, and say so: they never pass by being skipped.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from support.git import git, isolate, repository

from release.adapters.forge import open_forge
from release.artifact.forge import detect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from release.ports import Forge

DEADLINE = 240.0


@dataclass(frozen=True)
class Gitea:
    """The forge as a person with a password uses it."""

    root: str
    login: tuple[str, str]

    def ask(self, method: str, path: str, body: Any = None, *, sudo: str = "") -> Any:
        """Ask the interface, and expect it to do so; `sudo` acts as another user."""
        headers = {"Sudo": sudo} if sudo else {}
        answer = requests.request(
            method, f"{self.root}/api/v1{path}", json=body, auth=self.login, headers=headers, timeout=30
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def token(self, *scopes: str, user: str = "") -> str:
        """Make a token with these scopes."""
        user = user or self.login[0]
        made = self.ask("POST", f"/users/{user}/tokens", {"name": secrets.token_hex(6), "scopes": list(scopes)})
        return str(made["sha1"])


@dataclass(frozen=True)
class Project:
    """A repository of its own on the forge, and a clone of it with one commit on main."""

    gitea: Gitea
    name: str
    clone: Path

    @property
    def at(self) -> str:
        """The repository's path in the interface."""
        return f"/repos/{self.name}"

    def ask(self, method: str, path: str, body: Any = None, *, sudo: str = "") -> Any:
        """Ask about this repository."""
        return self.gitea.ask(method, self.at + path, body, sudo=sudo)

    def push(self, branch: str) -> str:
        """Push HEAD to a branch and return the commit."""
        git(self.clone, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return git(self.clone, "rev-parse", "HEAD")

    def approve(self, run: Any) -> None:
        """Let a run of an outsider's pull request start, as a maintainer does by a button; there is no call for it."""
        user, password = self.gitea.login
        with requests.Session() as browser:
            fields = {"user_name": user, "password": password}
            assert browser.post(f"{self.gitea.root}/user/login", data=fields, timeout=30).ok
            assert browser.post(f"{run['html_url']}/approve", timeout=30).ok

    def runs(self) -> list[Any]:
        """Return the runs of this repository's workflows."""
        return list(self.ask("GET", "/actions/runs")["workflow_runs"] or [])

    def forge(self, token: str) -> Forge:
        """Open our adapter on it."""
        return open_forge(detect(self.gitea.root, f"{self.gitea.root}/api/v1", self.name), token)

    def opened(self, branch: str, *, sudo: str = "", head: str = "") -> int:
        """Open a pull request without our adapter."""
        fields = {"head": head or branch, "base": "main", "title": "By hand"}
        return int(until(lambda: self._open(fields, sudo))["number"])

    def _open(self, fields: dict[str, str], sudo: str) -> Any:
        try:
            return self.ask("POST", "/pulls", fields, sudo=sudo)
        except AssertionError as error:
            if "404" in str(error):
                return None
            raise


def until(probe: Callable[[], Any], deadline: float = DEADLINE) -> Any:
    """Ask until there is an answer."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = probe()
        if found:
            return found
        time.sleep(0.3)
    pytest.fail(f"nothing came of it within {deadline:.0f} s", pytrace=False)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="session")
def gitea() -> Gitea:
    """Return the forge that the environment names."""
    root = os.environ.get("RELEASE_TEST_FORGE") or os.environ.get("LAB_FORGE") or ""
    login = os.environ.get("RELEASE_TEST_FORGE_LOGIN") or os.environ.get("LAB_FORGE_LOGIN") or ""
    if not root or ":" not in login:
        pytest.fail("no forge: set RELEASE_TEST_FORGE and RELEASE_TEST_FORGE_LOGIN", pytrace=False)
    user, _, password = login.partition(":")
    return Gitea(root.rstrip("/"), (user, password))


@pytest.fixture
def project(gitea: Gitea, tmp_path: Path) -> Iterator[Project]:
    """Make a repository that is gone after the test."""
    name = f"test-{secrets.token_hex(5)}"
    gitea.ask("POST", "/user/repos", {"name": name, "default_branch": "main", "auto_init": False})
    clone = repository(tmp_path / "clone", {"README.md": b"hello\n", ".gitignore": b".release/\n"})
    user, password = gitea.login
    scheme, _, rest = gitea.root.partition("://")
    git(clone, "remote", "add", "origin", f"{scheme}://{user}:{password}@{rest}/{user}/{name}.git")
    made = Project(gitea, f"{user}/{name}", clone)
    made.push("main")
    yield made
    # A runner whose repository vanishes under it reports into the void for minutes, and takes no other job meanwhile.
    until(lambda: all(run["status"] == "completed" for run in made.runs()))
    gitea.ask("DELETE", made.at)


@pytest.fixture(scope="session")
def guests(gitea: Gitea) -> Iterator[list[str]]:
    """Collect users to remove in the end: a repository whose pull request lost its author cannot even be listed."""
    names: list[str] = []
    yield names
    for name in names:
        gitea.ask("DELETE", f"/admin/users/{name}?purge=true")


@pytest.fixture
def outsider(gitea: Gitea, guests: list[str]) -> str:
    """Make a user who may write nothing of ours."""
    name = f"user-{secrets.token_hex(5)}"
    fields = {"username": name, "password": secrets.token_hex(12), "email": f"{name}@example.org"}
    gitea.ask("POST", "/admin/users", {**fields, "must_change_password": False})
    guests.append(name)
    return name
