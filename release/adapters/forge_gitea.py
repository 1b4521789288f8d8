"""Pull requests on Gitea and Forgejo: GitHub's interface with other words, below `/api/v1`.

https://docs.gitea.com/api. A branch that was just pushed may be unknown for a moment, so a 404 to opening a pull request is
tried again. What GitHub shares must not live here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.adapters.forge_github import Dialect, GitHubForge
from release.artifact.forge import Opinion

if TYPE_CHECKING:
    from release.adapters.forge_wire import Wire

GITEA = Dialect(
    size="limit",
    bot="gitea-actions",
    opinions={"APPROVED": Opinion.APPROVED, "REQUEST_CHANGES": Opinion.REFUSED},
    permissions={
        "pull": "the scope read:repository",
        "run": "the scope read:repository",
        "comment": "the scope write:issue",
        "status": "the scope write:repository",
        "propose": "the scope write:repository",
        "person": "the scope read:repository, of an administrator of the repository",
        "team": "the scope read:organization",
    },
    merged="pull",
    team_by_name=False,
    latest="recentupdate",
    late=frozenset({404}),
)


def gitea_forge(wire: Wire, repository: str) -> GitHubForge:
    """Return a Gitea repository's pull requests."""
    return GitHubForge(wire, repository, GITEA)
