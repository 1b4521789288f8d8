"""A small HTTP server that answers as GitHub or GitLab document it, and misbehaves where it is told to.

It keeps comments, statuses and pull requests in memory. Whoever has no token gets 401; `me` is whose token it is, `below`
what may stand before every path.
"""

from __future__ import annotations

import enum
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN = "canary-5f1e9a"  # noqa: S105 (opens this server only)
DATE = "Mon, 02 Feb 2026 12:00:00 GMT"
NOON = 1770033600
"""DATE as a Unix time, in which GitHub tells its limits."""


class When(enum.Enum):
    """Whether the forge did what it was asked before it misbehaves."""

    INSTEAD = enum.auto()
    AFTERWARDS = enum.auto()


@dataclass
class Fault:
    """One misbehaviour for the next `times` requests whose method and path match; status 0 hangs up."""

    method: str
    path: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "no"}'
    times: int = 1
    when: When = When.INSTEAD


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


Answer = tuple[int, Any]


class ForgeServer:
    """Serves inside the context; `routes` maps a method and a pattern of the path to what answers."""

    def __init__(self) -> None:
        """Bind a free port of the loopback interface."""
        self.seen: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.me: str | None = "robot"
        self.largest_page = 100
        self.below = ""
        self.routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> str:
        """The server's root."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def route(self, method: str, pattern: str, answer: Callable[..., Answer]) -> None:
        """Answer what matches; groups of the pattern follow the request as arguments."""
        self.routes.append((method, re.compile(pattern + r"\Z"), answer))

    def asked(self, method: str, part: str) -> int:
        """Count requests."""
        return sum(1 for m, path in self.seen if m == method and part in path)

    def _answer(self, request: Request) -> Answer:
        for method, pattern, answer in self.routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                return answer(request, *found.groups())
        return 404, {"message": "Not Found"}

    def _fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == request.method and re.search(fault.path, request.path):
                fault.times -= 1
                return fault
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                parts = urlsplit(self.path)
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                path = unquote(parts.path).removeprefix(outer.below)
                request = Request(self.command, path, query, json.loads(content) if content else None)
                with outer._lock:
                    outer.seen.append((request.method, request.path))
                    outer.headers.append(dict(self.headers))
                    fault = outer._fault(request)
                    if fault is not None:
                        if fault.when is When.AFTERWARDS:
                            outer._answer(request)
                        if fault.status == 0:
                            self.close_connection = True
                            return
                        self.reply(fault.status, fault.body, {"Date": DATE, **fault.headers})
                        return
                    if TOKEN not in self.headers.get("Authorization", ""):
                        self.reply(401, b'{"message": "Bad credentials"}', {})
                        return
                    status, value = outer._answer(request)
                headers = {}
                if isinstance(value, list):
                    value, headers = outer.page(request, value)
                self.reply(status, value if isinstance(value, bytes) else json.dumps(value).encode(), headers)

            def reply(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
                self.send_response_only(status)
                for name, text in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815 (http.server's names)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler

    def page(self, request: Request, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """Cut a list to the page asked for, and say by Link whether it goes on."""
        size = min(int(request.query.get("per_page", 30)), self.largest_page)
        number = int(request.query.get("page", 1))
        more = len(items) > number * size
        link = {"Link": f'<{self.address}{request.path}?page={number + 1}>; rel="next"'} if more else {}
        return items[(number - 1) * size : number * size], link


class GitHub(ForgeServer):
    """One repository, acme/ml, below the root as on api.github.com."""

    def __init__(self) -> None:
        """Begin with one pull request, number 7, of a branch in the same repository.

        All share `comments`, but for those that have a list of their own in `comments_of`.
        """
        super().__init__()
        self.comments: list[dict[str, Any]] = []
        self.comments_of: dict[int, list[dict[str, Any]]] = {}
        self.statuses: list[tuple[str, dict[str, Any]]] = []
        self.reviews: list[dict[str, Any]] = []
        self.files = [{"filename": "models/churn/model.yaml", "status": "modified"}]
        self.log = b""
        self.jobs = [{"id": 31, "name": "release / verdict", "conclusion": "success"}]
        self.pulls = [self.pull_of(7, "change", "a" * 40)]
        self.brought: dict[str, list[dict[str, Any]]] = {}
        self.writers = {"grace": "write", "ada": "admin", "mallory": "read"}
        self.teams = {("owners", "grace"): "active", ("owners", "mallory"): "pending"}
        at = "/repos/acme/ml"
        self.route("GET", "/user", lambda _: (200, {"login": self.me}) if self.me else (403, {"message": "integration"}))
        self.route("GET", rf"{at}/pulls", self._list)
        self.route("POST", rf"{at}/pulls", self._open)
        self.route("PATCH", rf"{at}/pulls/(\d+)", self._edit)
        self.route("GET", rf"{at}/pulls/(\d+)", lambda _, n: self._one(int(n)))
        self.route("GET", rf"{at}/pulls/\d+/files", lambda _: (200, self.files))
        self.route("GET", rf"{at}/pulls/\d+/reviews", lambda _: (200, self.reviews))
        self.route("GET", rf"{at}/issues/(\d+)/comments", lambda _, n: (200, self.comments_of.get(int(n), self.comments)))
        self.route("POST", rf"{at}/issues/(\d+)/comments", self._write)
        self.route("PATCH", rf"{at}/issues/comments/(\d+)", self._rewrite)
        self.route("DELETE", rf"{at}/issues/comments/(\d+)", self._remove)
        self.route("POST", rf"{at}/statuses/(\w+)", self._status)
        self.route("GET", rf"{at}/commits/(\w+)/pulls", lambda _, sha: (200, self.brought.get(sha, [])))
        self.route("GET", rf"{at}/collaborators/(\S+)/permission", self._permission)
        self.route("GET", r"/orgs/acme/teams/(\w+)/memberships/(\w+)", self._membership)
        run = {"id": 9, "head_sha": "a" * 40, "conclusion": "success", "html_url": "https://forge.example/run/9"}
        self.route("GET", rf"{at}/actions/runs/9", lambda _: (200, run))
        self.route("GET", rf"{at}/actions/runs/9/jobs", lambda _: (200, {"jobs": self.jobs}))
        self.route("GET", rf"{at}/actions/jobs/31/logs", lambda _: (200, self.log))

    @staticmethod
    def pull_of(number: int, branch: str, sha: str, source: str = "acme/ml") -> dict[str, Any]:
        """Describe an open pull request into main."""
        return {
            "number": number,
            "state": "open",
            "title": "Better",
            "body": None,
            "changed_files": 1,
            "user": {"login": "ada"},
            "head": {"sha": sha, "ref": branch, "repo": {"full_name": source}},
            "base": {"ref": "main", "repo": {"full_name": "acme/ml"}},
        }

    def said(self, author: str, body: str) -> None:
        """Let somebody comment."""
        self.comments.append({"id": len(self.comments) + 1, "user": {"login": author}, "body": body})

    def _one(self, number: int) -> Answer:
        found = [p for p in self.pulls if p["number"] == number]
        return (200, found[0]) if found else (404, {"message": "Not Found"})

    def _list(self, request: Request) -> Answer:
        found = [p for p in self.pulls if p["state"] == request.query.get("state", "open")]
        head = request.query.get("head")
        return 200, [p for p in found if head in {None, f"acme:{p['head']['ref']}"}]

    def _permission(self, _: Request, login: str) -> Answer:
        level = self.writers.get(login)
        return (200, {"permission": level}) if level else (404, {"message": "Not Found"})

    def _membership(self, _: Request, team: str, login: str) -> Answer:
        state = self.teams.get((team, login))
        return (200, {"state": state}) if state else (404, {"message": "Not Found"})

    def _open(self, request: Request) -> Answer:
        number = 100 + len(self.pulls)
        self.pulls.append(self.pull_of(number, request.body["head"], "b" * 40) | _texts(request))
        return 201, self.pulls[-1]

    def _edit(self, request: Request, number: str) -> Answer:
        _, found = self._one(int(number))
        found.update({name: request.body[name] for name in ("title", "body", "state") if name in request.body})
        return 200, found

    def _write(self, request: Request, number: str) -> Answer:
        if int(number) in self.comments_of:
            self.comments_of[int(number)].append({"id": 900, "user": {"login": self.me}, "body": request.body["body"]})
            return 201, self.comments_of[int(number)][-1]
        self.said(self.me or "github-actions[bot]", request.body["body"])
        return 201, self.comments[-1]

    def _rewrite(self, request: Request, number: str) -> Answer:
        [found] = [c for c in self.comments if c["id"] == int(number)]
        found["body"] = request.body["body"]
        return 200, found

    def _remove(self, _: Request, number: str) -> Answer:
        self.comments = [c for c in self.comments if c["id"] != int(number)]
        return 204, b""

    def _status(self, request: Request, sha: str) -> Answer:
        self.statuses.append((sha, request.body))
        return 201, {}


def _texts(request: Request) -> dict[str, Any]:
    return {"title": request.body["title"], "body": request.body["body"]}


class GitLab(ForgeServer):
    """One project, acme/ml, below /api/v4."""

    def __init__(self) -> None:
        """Begin with one merge request, number 7, whose head is as old as noon."""
        super().__init__()
        self.notes: list[dict[str, Any]] = []
        self.statuses: list[tuple[str, dict[str, str]]] = []
        self.approved_by: list[dict[str, Any]] = []
        self.log = b""
        self.requests = [self.request_of(7, "change", "a" * 40)]
        at = "/api/v4/projects/acme/ml"
        one = {"created_at": "2026-02-02T12:00:00.000Z", "head_commit_sha": "a" * 40}
        older = {"created_at": "2026-01-01T12:00:00.000Z", "head_commit_sha": "c" * 40}
        change = {"old_path": "models/churn/model.yaml", "new_path": "models/churn/other.yaml"}
        self.route("GET", "/api/v4/user", lambda _: (200, {"username": self.me}))
        self.route("GET", rf"{at}/merge_requests", self._list)
        self.route("POST", rf"{at}/merge_requests", self._open)
        self.route("PUT", rf"{at}/merge_requests/(\d+)", self._edit)
        self.route("GET", rf"{at}/merge_requests/7", lambda _: (200, self.requests[0]))
        self.route("GET", rf"{at}/merge_requests/7/diffs", lambda _: (200, [change]))
        self.route("GET", rf"{at}/merge_requests/7/approvals", lambda _: (200, {"approved_by": self.approved_by}))
        self.route("GET", rf"{at}/merge_requests/7/versions", lambda _: (200, [one, older]))
        self.route("GET", rf"{at}/merge_requests/7/notes", lambda _: (200, self.notes))
        self.route("POST", rf"{at}/merge_requests/7/notes", self._write)
        self.route("PUT", rf"{at}/merge_requests/7/notes/(\d+)", self._rewrite)
        self.route("POST", rf"{at}/statuses/(\w+)", self._status)
        brought = [{"iid": 7, "state": "merged"}, {"iid": 8, "state": "opened"}]
        self.route(
            "GET", rf"{at}/repository/commits/(\w+)/merge_requests", lambda _, sha: (200, brought if sha[0] == "a" else [])
        )
        self.route("GET", "/api/v4/users", self._person)
        self.route("GET", rf"{at}/members/all/(\d+)", self._member)
        self.route("GET", r"/api/v4/groups/(acme/\w+)/members/all/(\d+)", lambda _, group, n: self._in_group(group, n))
        run = {"sha": "a" * 40, "status": "success", "web_url": "https://forge.example/p/9"}
        self.route("GET", rf"{at}/pipelines/9", lambda _: (200, run))
        jobs = [{"id": 31, "name": "release / verdict", "status": "failed"}]
        self.route("GET", rf"{at}/pipelines/9/jobs", lambda _: (200, jobs))
        self.route("GET", rf"{at}/jobs/31/trace", lambda _: (200, self.log))

    @staticmethod
    def request_of(number: int, branch: str, sha: str, source: int = 5) -> dict[str, Any]:
        """Describe an open merge request into main."""
        return {
            "iid": number,
            "state": "opened",
            "title": "Better",
            "description": None,
            "sha": sha,
            "source_branch": branch,
            "target_branch": "main",
            "source_project_id": source,
            "target_project_id": 5,
            "author": {"username": "ada"},
        }

    def said(self, author: str, body: str) -> None:
        """Let somebody comment."""
        self.notes.append({"id": len(self.notes) + 1, "author": {"username": author}, "body": body})

    def _list(self, request: Request) -> Answer:
        branch, state = request.query.get("source_branch"), request.query.get("state")
        found = [r for r in self.requests if branch in {None, r["source_branch"]}]
        return 200, [r for r in found if r["state"] == state]

    def _person(self, request: Request) -> Answer:
        known = {"grace": 1, "ada": 2, "mallory": 3}
        login = request.query["username"]
        return 200, [{"id": known[login], "username": login}] if login in known else []

    def _member(self, _: Request, number: str) -> Answer:
        level = {"1": 30, "2": 50, "3": 20}.get(number)
        return (200, {"access_level": level}) if level else (404, {"message": "Not Found"})

    def _in_group(self, group: str, number: str) -> Answer:
        found = (group, number) in {("acme/owners", "1"), ("acme/guests", "3")}
        return (200, {"access_level": 10}) if found else (404, {"message": "Not Found"})

    def _open(self, request: Request) -> Answer:
        made = self.request_of(100 + len(self.requests), request.body["source_branch"], "b" * 40)
        self.requests.append(made | {name: request.body[name] for name in ("title", "description")})
        return 201, self.requests[-1]

    def _edit(self, request: Request, number: str) -> Answer:
        [found] = [r for r in self.requests if r["iid"] == int(number)]
        if request.body.pop("state_event", None) == "close":
            if found["state"] != "opened":
                return 400, {"message": "cannot transition"}
            found["state"] = "closed"
        found.update(request.body)
        return 200, found

    def _write(self, request: Request) -> Answer:
        self.said(self.me or "", request.body["body"])
        return 201, self.notes[-1]

    def _rewrite(self, request: Request, number: str) -> Answer:
        [found] = [n for n in self.notes if n["id"] == int(number)]
        found["body"] = request.body["body"]
        return 200, found

    def _status(self, request: Request, sha: str) -> Answer:
        if self.statuses and self.statuses[-1][1]["state"] == request.query["state"]:
            return 400, {"message": "Cannot transition status via :enqueue from :pending"}
        self.statuses.append((sha, request.query))
        return 201, {}
