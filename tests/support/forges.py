"""A forge in memory, whose branches are those of a real repository: for tests of what is proposed and who approves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from release.artifact.forge import CONTEXT, OWNERS, Check, Opinion, PullRequest, Review, Run
from release.errors import BadInputError
from release.records import Commit
from support.git import git

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROBOT = "robot"
"""Whose token it is: the author of what is proposed."""


@dataclass
class Opened:
    """A pull request: the reviews remember the head that they are about."""

    number: int
    branch: str
    base: str
    title: str
    body: str
    state: str = "open"
    head: str = ""
    comments: list[str] = field(default_factory=list)
    reviews: list[tuple[str, Opinion, str]] = field(default_factory=list)


class MemoryForge:
    """One repository's pull requests; satisfies `release.ports.Forge`."""

    def __init__(self, root: Path) -> None:
        """Take branches from the repository at `root`, in which ada and grace may write, and grace is in acme/owners."""
        self._root = root
        self.opened: list[Opened] = []
        self.statuses: list[tuple[str, Check, str, str]] = []
        self.brought: dict[str, tuple[int, ...]] = {}
        self.writers = {"ada", "grace", ROBOT}
        self.teams = {"acme/owners": {"grace"}}
        self.asked: list[str] = []

    def one(self, number: int) -> Opened:
        """Return a pull request."""
        return next(one for one in self.opened if one.number == number)

    def review(self, number: int, author: str, opinion: Opinion = Opinion.APPROVED) -> None:
        """Let somebody review the head as it is now."""
        one = self.one(number)
        one.reviews.append((author, opinion, self._head(one)))

    def pull(self, number: int) -> PullRequest:
        """Return a pull request as it stands."""
        self.asked.append("pull")
        one = self.one(number)
        head = self._head(one)
        last = {author: opinion for author, opinion, about in one.reviews if about == head}
        return PullRequest(
            number=number,
            head=Commit(head),
            branch=one.branch,
            base=one.base,
            author=ROBOT,
            source="acme/ml",
            target="acme/ml",
            reviews=tuple(Review(author=author, opinion=opinion) for author, opinion in last.items()),
            files=(),
        )

    def run(self, number: int) -> Run:
        """There is none."""
        raise BadInputError(f"there is no run {number}")

    def comment(self, number: int, marker: str, body: str) -> None:
        """Keep one comment."""
        one = self.one(number)
        one.comments = [*(text for text in one.comments if not text.startswith(marker)), body]

    def status(self, commit: Commit, state: Check, description: str, url: str = "", *, context: str = CONTEXT) -> None:
        """Remember a status."""
        del url
        self.statuses.append((commit, state, description, context))

    def propose(self, branch: str, base: str, title: str, body: str) -> int:
        """Open or update."""
        self.asked.append("propose")
        number = self.proposals(base).get(branch)
        if number is None:
            number = len(self.opened) + 1
            self.opened.append(Opened(number, branch, base, title, body))
        one = self.one(number)
        one.title, one.body = title, body
        return number

    def proposals(self, base: str) -> Mapping[str, int]:
        """List what is open."""
        return {one.branch: one.number for one in self.opened if one.state == "open" and one.base == base}

    def declined(self, branch: str, base: str, head: Commit) -> int | None:
        """Find what was closed."""
        known: list[Any] = [one for one in self.opened if (one.branch, one.base, one.head) == (branch, base, head)]
        return next((one.number for one in known if one.state == "closed"), None)

    def close(self, number: int) -> None:
        """Close, and keep the head that it had."""
        one = self.one(number)
        one.head, one.state = self._head(one), "closed"

    def merged(self, commit: Commit) -> Sequence[int]:
        """Return what was said to have brought it."""
        return self.brought.get(commit, ())

    def belongs(self, login: str, group: str) -> bool:
        """Look into the sets above."""
        return login in (self.writers if group == OWNERS else self.teams.get(group, set()))

    def _head(self, one: Opened) -> str:
        return one.head or git(self._root, "rev-parse", f"refs/heads/{one.branch}")
