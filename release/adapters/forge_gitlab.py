"""Merge requests on GitLab, over its REST interface, version 4: https://docs.gitlab.com/api/rest/.

GitLab's approvals name no commit, so one counts only when it is younger than the head's version of the merge request. What
other forges need must not live here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from release.adapters.forge_wire import Need
from release.artifact.forge import CONTEXT, OWNERS, Check, Opinion, PullRequest, Review, Run, described
from release.errors import BadInputError, ConflictError
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.adapters.forge_wire import Wire

_STATES = {Check.PENDING: "pending", Check.SUCCESS: "success", Check.FAILURE: "failed", Check.ERROR: "failed"}
_SIZE = "per_page"
_CONFLICT = 409
_DEVELOPER = 30
"""The least role that may push: https://docs.gitlab.com/api/members/#roles."""


class GitLabForge:
    """One project's merge requests. Satisfies `release.ports.Forge`."""

    def __init__(self, wire: Wire, repository: str) -> None:
        """Work on the project `group/name`."""
        self._wire = wire
        self._at = f"/projects/{quote(repository, safe='')}"
        self._repository = repository

    def pull(self, number: int) -> PullRequest:
        """Return a merge request, with the approvals of its head commit and the changed files.

        Raises BadInputError when there is none, EnvironmentTroubleError as all methods do.
        """
        return self._wire.again(lambda: self._pull(number))

    def run(self, number: int) -> Run:
        """Return a finished pipeline, with the log of the job that judged. Raises BadInputError when there is none."""
        return self._wire.again(lambda: self._run(number))

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write the note, or bring it up to date; of several of ours, which races leave, the oldest is kept."""
        self._wire.again(lambda: self._comment(number, marker, body))

    def status(self, commit: Commit, state: Check, description: str, url: str = "", *, context: str = CONTEXT) -> None:
        """Set a commit status, `release / verdict` unless named; setting it twice only repeats it."""
        query = {"state": _STATES[state], "name": context, "description": described(description)}
        query |= {"target_url": url} if url else {}
        self._wire.again(lambda: self._status(commit, query))

    def propose(self, branch: str, base: str, title: str, body: str) -> int:
        """Open a merge request, or update title and body of the open one. Raises ConflictError when GitLab refuses it."""
        return self._wire.again(lambda: self._propose(branch, base, title, body))

    def proposals(self, base: str) -> Mapping[str, int]:
        """Return the open merge requests from this project's own branches into `base`: number by branch."""
        found = self._wire.again(lambda: self._open(target_branch=base))
        ours = [one for one in found if one["source_project_id"] == one["target_project_id"]]
        return {one["source_branch"]: int(one["iid"]) for one in ours}

    def declined(self, branch: str, base: str, head: Commit) -> int | None:
        """Return the merge request of this very head that was closed without being merged; of the latest ones only."""
        need = _need("to list merge requests", "read_api")
        query = {"state": "closed", "source_branch": branch, "target_branch": base, "order_by": "updated_at"}
        found = self._wire.again(lambda: self._wire.get(f"{self._at}/merge_requests", need, query=query)) or []
        return next((int(one["iid"]) for one in found if one["sha"] == head), None)

    def close(self, number: int) -> None:
        """Close a merge request without merging it; one that is closed or merged stays so."""
        need, path = _need("to close a merge request"), f"{self._at}/merge_requests/{number}"

        def closed() -> None:
            found = self._wire.get(path, need) or {}
            if found.get("state") == "opened":  # closing a closed one is refused
                self._wire.done(self._wire.send("PUT", path, need, body={"state_event": "close"}), need)

        self._wire.again(closed)

    def merged(self, commit: Commit) -> tuple[int, ...]:
        """Return the merged merge requests that brought a commit, however they were merged."""
        need = _need("to find the merge request of a commit", "read_api")
        path = f"{self._at}/repository/commits/{commit}/merge_requests"
        found = self._wire.again(lambda: self._wire.get(path, need)) or []
        return tuple(int(one["iid"]) for one in found if one["state"] == "merged")

    def belongs(self, login: str, group: str) -> bool:
        """Say whether somebody may push here (OWNERS: the role Developer or more), or is in the group of this full path."""
        return self._wire.again(lambda: self._belongs(login, group))

    def _belongs(self, login: str, group: str) -> bool:
        need = _need("to ask who is in a group", "read_api")
        people = self._wire.get("/users", need, query={"username": login}) or []
        if not people:
            return False
        at = self._at if group == OWNERS else f"/groups/{quote(group, safe='')}"
        member = self._wire.get(f"{at}/members/all/{people[0]['id']}", need)
        return member is not None and (group != OWNERS or member["access_level"] >= _DEVELOPER)

    def _status(self, commit: Commit, query: dict[str, str]) -> None:
        need = _need("to set a commit status")
        reply = self._wire.send("POST", f"{self._at}/statuses/{commit}", need, query=query)
        # GitLab refuses to set the state that is set already, which is what we want.
        if reply.status != 400 or b"Cannot transition status" not in reply.content:  # noqa: PLR2004 (Bad Request)
            self._wire.done(reply, need)

    def _pull(self, number: int) -> PullRequest:
        need, at = _need("to read a merge request", "read_api"), f"{self._at}/merge_requests/{number}"
        found = self._wire.get(at, need)
        if found is None:
            raise BadInputError(
                f"there is no merge request {number} that this token may see",
                where=f"{self._wire.api}{self._at}",
                fix=f"check the number, and that the token has {need.permission}",
            )
        same = found["source_project_id"] == found["target_project_id"]
        changes = self._wire.pages(f"{at}/diffs", need, size=_SIZE)
        return PullRequest(
            number=number,
            head=Commit(found["sha"]),
            branch=found["source_branch"],
            base=found["target_branch"],
            author=found["author"]["username"],
            source=self._repository if same else f"project {found['source_project_id']}",
            target=self._repository,
            reviews=self._approvals(at, need),
            files=tuple(dict.fromkeys(change[name] for change in changes for name in ("old_path", "new_path"))),
            url=found.get("web_url") or "",
        )

    def _approvals(self, at: str, need: Need) -> tuple[Review, ...]:
        approvals = self._wire.get(f"{at}/approvals", need) or {}
        versions = self._wire.get(f"{at}/versions", need) or []
        if not versions:
            return ()
        since = datetime.fromisoformat(versions[0]["created_at"])
        return tuple(
            Review(author=one["user"]["username"], opinion=Opinion.APPROVED)
            for one in approvals.get("approved_by", ())
            if one.get("approved_at") and datetime.fromisoformat(one["approved_at"]) >= since
        )

    def _run(self, number: int) -> Run:
        need = _need("to read a pipeline", "read_api")
        found = self._wire.get(f"{self._at}/pipelines/{number}", need)
        if found is None:
            raise BadInputError(
                f"there is no pipeline {number}", where=f"{self._wire.api}{self._at}", fix="check its number"
            )
        jobs = self._wire.pages(f"{self._at}/pipelines/{number}/jobs", need, size=_SIZE)
        ours = [job for job in jobs if job["name"] == CONTEXT]
        log = b""
        if ours:
            reply = self._wire.send("GET", f"{self._at}/jobs/{ours[0]['id']}/trace", need)
            log = b"" if reply.missing else self._wire.done(reply, need).content
        return Run(
            head=Commit(found["sha"]),
            conclusion=(ours[0] if ours else found).get("status") or "",
            pulls=tuple(one["iid"] for one in self._open() if one["sha"] == found["sha"]),
            log=log,
            url=found.get("web_url") or "",
        )

    def _comment(self, number: int, marker: str, body: str) -> None:
        need, at = _need("to comment on a merge request"), f"{self._at}/merge_requests/{number}/notes"
        me = self._wire.get("/user", need) or {}
        notes = self._wire.pages(at, need, size=_SIZE, query={"sort": "asc"})
        # Anybody may write our marker; only our own notes are ours to keep.
        ours = [n for n in notes if n["author"]["username"] == me.get("username") and n["body"].startswith(marker)]
        if not ours:
            self._wire.done(self._wire.send("POST", at, need, body={"body": body}), need)
            return
        first, *others = sorted(ours, key=lambda n: int(n["id"]))
        if first["body"].rstrip() != body.rstrip():
            self._wire.done(self._wire.send("PUT", f"{at}/{first['id']}", need, body={"body": body}), need)
        for other in others:
            self._wire.send("DELETE", f"{at}/{other['id']}", need)

    def _propose(self, branch: str, base: str, title: str, body: str) -> int:
        need = _need("to open a merge request")
        known = self._proposed(branch, base)
        if known is None:
            fields = {"source_branch": branch, "target_branch": base, "title": title, "description": body}
            reply = self._wire.send("POST", f"{self._at}/merge_requests", need, body=fields)
            if reply.fine:
                return int(self._wire.parsed(reply)["iid"])
            if reply.status != _CONFLICT:
                self._wire.done(reply, need)
            known = self._proposed(branch, base)  # somebody else may just have opened it
        if known is None:
            raise ConflictError(
                f"the forge accepts no merge request from {branch} into {base}",
                where=f"{self._wire.api}{self._at}",
                fix="push the branch with a commit that the other does not have",
            )
        number = int(known["iid"])
        if (known["title"], known.get("description") or "") != (title, body):
            path, fields = f"{self._at}/merge_requests/{number}", {"title": title, "description": body}
            self._wire.done(self._wire.send("PUT", path, need, body=fields), need)
        return number

    def _proposed(self, branch: str, base: str) -> Any:
        for one in self._open(source_branch=branch, target_branch=base):
            if one["source_project_id"] == one["target_project_id"]:
                return one
        return None

    def _open(self, **query: str) -> list[Any]:
        need, query = _need("to list merge requests", "read_api"), {"state": "opened", **query}
        return self._wire.pages(f"{self._at}/merge_requests", need, size=_SIZE, query=query)


def _need(what: str, scope: str = "api") -> Need:
    return Need(what=what, permission=f"the scope {scope}")
