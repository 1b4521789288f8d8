"""Pull requests on GitHub, over its REST interface; on forges that copied it, with another `Dialect`.

https://docs.github.com/rest. What differs between GitHub and those that copied it is data; what they do not share at all
must not live here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from release.adapters.forge_wire import Need
from release.artifact.forge import CONTEXT, OWNERS, Check, Opinion, PullRequest, Review, Run, described
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.adapters.forge_wire import Wire

_CONFLICT, _UNPROCESSABLE = 409, 422
_WRITES = frozenset({"write", "admin", "owner"})


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Where forges of this family differ.

    `size` is the query parameter for items a page, `bot` who a CI job's own token is, `opinions` the states of a review that
    count, the `permissions` in the forge's words, `merged` ends the path to the pull requests of a commit, `team_by_name`
    is where a team need not be looked up first, `latest` the order that begins with what changed last, `late` the answers
    that what was just pushed may get for a moment.
    """

    size: str
    bot: str
    opinions: Mapping[str, Opinion]
    permissions: Mapping[str, str]
    merged: str = "pulls"
    team_by_name: bool = True
    latest: str = "updated"
    late: frozenset[int] = frozenset()


GITHUB = Dialect(
    size="per_page",
    bot="github-actions[bot]",
    opinions={"APPROVED": Opinion.APPROVED, "CHANGES_REQUESTED": Opinion.REFUSED},
    permissions={
        "pull": "the permission pull-requests: read",
        "run": "the permission actions: read",
        "comment": "the permission pull-requests: write",
        "status": "the permission statuses: write",
        "propose": "the permissions pull-requests: write and contents: write",
        "person": "the permission metadata: read",
        "team": "the organization permission members: read",
    },
)


class GitHubForge:
    """One repository's pull requests. Satisfies `release.ports.Forge`."""

    def __init__(self, wire: Wire, repository: str, dialect: Dialect = GITHUB) -> None:
        """Work on `repository`, `owner/name`."""
        self._wire = wire
        self._at = f"/repos/{repository}"
        self._repository = repository
        self._dialect = dialect

    def pull(self, number: int) -> PullRequest:
        """Return a pull request, with the reviews of its head commit and the changed files.

        Raises BadInputError when there is none, EnvironmentTroubleError as all methods do.
        """
        return self._wire.again(lambda: self._pull(number))

    def run(self, number: int) -> Run:
        """Return a finished run, with the log of the job that judged. Raises BadInputError when there is none."""
        return self._wire.again(lambda: self._run(number))

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write the comment, or bring it up to date; of several of ours, which races leave, the oldest is kept."""
        self._wire.again(lambda: self._comment(number, marker, body))

    def status(self, commit: Commit, state: Check, description: str, url: str = "", *, context: str = CONTEXT) -> None:
        """Set a commit status, `release / verdict` unless named; setting it twice only repeats it."""
        body = {"state": state.value, "context": context, "description": described(description), "target_url": url}
        need = self._need("status", "to set a commit status")
        path = f"{self._at}/statuses/{commit}"
        self._wire.again(lambda: self._wire.done(self._wire.send("POST", path, need, body=body), need))

    def propose(self, branch: str, base: str, title: str, body: str) -> int:
        """Open a pull request, or update title and body of the open one. Raises ConflictError when the forge refuses it."""
        return self._wire.again(lambda: self._propose(branch, base, title, body))

    def proposals(self, base: str) -> Mapping[str, int]:
        """Return the open pull requests from this repository's own branches into `base`: number by branch."""
        ours = self._wire.again(self._open)
        return {pull["head"]["ref"]: int(pull["number"]) for pull in ours if self._is_ours(pull, base)}

    def declined(self, branch: str, base: str, head: Commit) -> int | None:
        """Return the pull request of this very head that was closed without being merged; of the latest ones only."""
        need = self._need("pull", "to list pull requests")
        mine = f"{self._repository.partition('/')[0]}:{branch}"
        query = {"state": "closed", "head": mine, "base": base, "sort": self._dialect.latest, "direction": "desc"}
        found = self._wire.again(lambda: self._wire.get(f"{self._at}/pulls", need, query=query)) or []
        ours = [one for one in found if self._is_ours(one, base) and not one.get("merged_at")]
        return next((int(one["number"]) for one in ours if (one["head"]["ref"], one["head"]["sha"]) == (branch, head)), None)

    def close(self, number: int) -> None:
        """Close a pull request without merging it; one that is closed or merged stays so."""
        need = self._need("comment", "to close a pull request")
        path = f"{self._at}/pulls/{number}"
        self._wire.again(lambda: self._wire.done(self._wire.send("PATCH", path, need, body={"state": "closed"}), need))

    def merged(self, commit: Commit) -> tuple[int, ...]:
        """Return the merged pull requests that brought a commit, however they were merged."""
        need = self._need("pull", "to find the pull request of a commit")
        found = self._wire.again(lambda: self._wire.get(f"{self._at}/commits/{commit}/{self._dialect.merged}", need))
        # GitHub lists them, Gitea gives the one.
        pulls = found if isinstance(found, list) else [found] if found else []
        return tuple(int(pull["number"]) for pull in pulls if pull.get("merged_at"))

    def belongs(self, login: str, group: str) -> bool:
        """Say whether somebody may write here (OWNERS), or is an active member of the team ORG/TEAM."""
        return self._wire.again(lambda: self._may_write(login) if group == OWNERS else self._is_member(login, group))

    def _may_write(self, login: str) -> bool:
        need = self._need("person", "to ask who may write here")
        found = self._wire.get(f"{self._at}/collaborators/{quote(login, safe='')}/permission", need) or {}
        return found.get("permission") in _WRITES

    def _is_member(self, login: str, team: str) -> bool:
        need = self._need("team", "to ask who is in a team")
        organization, _, name = team.partition("/")
        member = quote(login, safe="")
        if self._dialect.team_by_name:
            path = f"/orgs/{quote(organization, safe='')}/teams/{quote(name, safe='')}/memberships/{member}"
            return (self._wire.get(path, need) or {}).get("state") == "active"
        teams = self._wire.pages(f"/orgs/{quote(organization, safe='')}/teams", need, size=self._dialect.size)
        found = [one["id"] for one in teams if one["name"].lower() == name.lower()]
        return any(self._wire.get(f"/teams/{one}/members/{member}", need) is not None for one in found)

    def _pull(self, number: int) -> PullRequest:
        need = self._need("pull", "to read a pull request")
        found = self._wire.get(f"{self._at}/pulls/{number}", need)
        if found is None:
            raise BadInputError(
                f"there is no pull request {number} that this token may see",
                where=f"{self._wire.api}{self._at}",
                fix=f"check the number, and that the token has {need.permission}",
            )
        files = self._wire.pages(f"{self._at}/pulls/{number}/files", need, size=self._dialect.size)
        if len(files) < found.get("changed_files", 0):
            what = f"the forge lists {len(files)} of the {found['changed_files']} files that pull request {number} changes"
            raise EnvironmentTroubleError(what, where=self._wire.api, fix="split the pull request")
        head = Commit(found["head"]["sha"])
        reviews = self._wire.pages(f"{self._at}/pulls/{number}/reviews", need, size=self._dialect.size)
        return PullRequest(
            number=number,
            head=head,
            branch=found["head"]["ref"],
            base=found["base"]["ref"],
            author=found["user"]["login"],
            source=(found["head"].get("repo") or {}).get("full_name", ""),  # the fork may be gone
            target=found["base"]["repo"]["full_name"],
            reviews=self._opinions(reviews, head),
            files=tuple(name for file in files for name in (file["filename"], file.get("previous_filename")) if name),
            url=found.get("html_url") or "",
        )

    def _opinions(self, reviews: list[Any], head: Commit) -> tuple[Review, ...]:
        """Keep each reviewer's last word about the head commit; a mere comment takes nothing back, a dismissal does."""
        last: dict[str, Review] = {}
        for review in reviews:
            author = (review.get("user") or {}).get("login")
            if not author or review.get("commit_id") != head:
                continue
            opinion = self._dialect.opinions.get(review["state"])
            if review.get("dismissed") or review["state"] == "DISMISSED":
                last.pop(author, None)
            elif opinion is not None:
                # Only Gitea says it; what GitHub calls a member need not be allowed to write.
                last[author] = Review(author=author, opinion=opinion, official=review.get("official") is True)
        return tuple(last.values())

    def _run(self, number: int) -> Run:
        need = self._need("run", "to read a run of a workflow")
        found = self._wire.get(f"{self._at}/actions/runs/{number}", need)
        if found is None:
            where = f"{self._wire.api}{self._at}"
            raise BadInputError(f"there is no run {number}", where=where, fix="give github.event.workflow_run.id")
        jobs = self._wire.get(f"{self._at}/actions/runs/{number}/jobs", need, query={self._dialect.size: 50}) or {}
        ours = [job for job in jobs.get("jobs", ()) if job["name"] == CONTEXT]
        log = b""
        if ours:
            reply = self._wire.send("GET", f"{self._at}/actions/jobs/{ours[-1]['id']}/logs", need)
            log = b"" if reply.missing else self._wire.done(reply, need).content
        head = found["head_sha"]
        return Run(
            head=Commit(head),
            conclusion=(ours[-1] if ours else found).get("conclusion") or "",
            # Not from the run itself: GitHub leaves them out for forks.
            pulls=tuple(pull["number"] for pull in self._open() if pull["head"]["sha"] == head),
            log=log,
            url=found.get("html_url") or "",
        )

    def _comment(self, number: int, marker: str, body: str) -> None:
        need = self._need("comment", "to comment on a pull request")
        me = self._me()
        comments = self._wire.pages(f"{self._at}/issues/{number}/comments", need, size=self._dialect.size)
        # Anybody may write our marker; only our own comments are ours to keep.
        ours = [c for c in comments if c["user"]["login"] == me and (c.get("body") or "").startswith(marker)]
        if not ours:
            path = f"{self._at}/issues/{number}/comments"
            self._wire.done(self._wire.send("POST", path, need, body={"body": body}), need)
            return
        first, *others = sorted(ours, key=lambda c: int(c["id"]))
        if first["body"].replace("\r\n", "\n").rstrip() != body.rstrip():
            path = f"{self._at}/issues/comments/{first['id']}"
            self._wire.done(self._wire.send("PATCH", path, need, body={"body": body}), need)
        for other in others:
            self._wire.send("DELETE", f"{self._at}/issues/comments/{other['id']}", need)

    def _me(self) -> str:
        """Name whom the token is; a CI job's own token may not ask."""
        need = Need(what="to ask who we are", permission="any permission")
        try:
            found = self._wire.get("/user", need)
        except EnvironmentTroubleError:
            found = None
        return found["login"] if isinstance(found, dict) and found.get("login") else self._dialect.bot

    def _propose(self, branch: str, base: str, title: str, body: str) -> int:
        need = replace(self._need("propose", "to open a pull request"), late=self._dialect.late)
        known = self._proposed(branch, base)
        if known is None:
            fields = {"head": branch, "base": base, "title": title, "body": body}
            reply = self._wire.send("POST", f"{self._at}/pulls", need, body=fields)
            if reply.fine:
                return int(self._wire.parsed(reply)["number"])
            if reply.status not in {_CONFLICT, _UNPROCESSABLE}:
                self._wire.done(reply, need)
            known = self._proposed(branch, base)  # somebody else may just have opened it
        if known is None:
            raise ConflictError(
                f"the forge accepts no pull request from {branch} into {base}",
                where=f"{self._wire.api}{self._at}",
                fix="push the branch with a commit that the other does not have",
            )
        number = int(known["number"])
        if (known["title"], (known.get("body") or "").replace("\r\n", "\n")) != (title, body):
            path = f"{self._at}/pulls/{number}"
            self._wire.done(self._wire.send("PATCH", path, need, body={"title": title, "body": body}), need)
        return number

    def _proposed(self, branch: str, base: str) -> Any:
        return next((one for one in self._open() if self._is_ours(one, base) and one["head"]["ref"] == branch), None)

    def _is_ours(self, pull: Any, base: str) -> bool:
        ours = ((pull["head"].get("repo") or {}).get("full_name") or "").lower() == self._repository.lower()
        return bool(ours and pull["base"]["ref"] == base)

    def _open(self) -> list[Any]:
        need = replace(self._need("pull", "to list pull requests"), late=self._dialect.late)
        return self._wire.pages(f"{self._at}/pulls", need, size=self._dialect.size, query={"state": "open"})

    def _need(self, name: str, what: str) -> Need:
        return Need(what=what, permission=self._dialect.permissions[name])
