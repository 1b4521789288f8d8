"""An HTTP proxy in front of a real registry, for tests: it forwards, and misbehaves where it is told to.

`BearerProxy` is also the token server that large registries put beside themselves.
"""

from __future__ import annotations

import base64
import enum
import http.client
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Kind(enum.Enum):
    """What goes wrong."""

    ANSWER = "answers by itself; the registry hears nothing"
    CUT_UPLOAD = "reads half of the request, then hangs up"
    CUT_ANSWER = "promises the whole answer, sends half of it, then hangs up"
    LOSE_ANSWER = "lets the registry do it, then hangs up"
    REWRITE = "changes headers of the answer"
    CORRUPT = "changes the answer's first byte"


@dataclass
class Fault:
    """One misbehaviour, for the next `times` requests whose method and path match."""

    kind: Kind
    method: str
    path: str
    times: int = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultProxy:
    """Forwards to `target` (host:port); `seen` holds the method and path of every request, in order."""

    def __init__(self, target: str) -> None:
        """Bind a free port; requests are served inside the context."""
        self.target = target
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def take(self, method: str, path: str) -> Fault | None:
        """Note a request, and return the fault that is due for it."""
        with self._lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, method: str) -> int:
        """Return how many requests had this method."""
        return Counter(one for one, _ in self.seen)[method]

    def intercept(self, _handler: Handler, _body: bytes) -> bool:
        """Answer a request in the registry's place; False leaves it to the registry."""
        return False


class BearerProxy(FaultProxy):
    """Wants a bearer token for /v2/, and hands them out at /token for a password or a refresh token."""

    def __init__(self, target: str, *, basic: str = "", refresh: str = "", realm: str = "") -> None:
        """Accept one `user:password` and one refresh token."""
        super().__init__(target)
        self.basic, self.refresh, self.token = basic, refresh, "granted-canary"
        self.realm = realm or f"http://{self.address}/token"
        self.scopes: list[str] = []

    def intercept(self, handler: Handler, body: bytes) -> bool:
        """Ask for a token, or hand one out."""
        parts = urlsplit(handler.path)
        given = handler.headers.get("Authorization", "")
        if parts.path == "/token":
            asked = parse_qs(body.decode() if handler.command == "POST" else parts.query)
            self.scopes += asked["scope"]
            wanted = "Basic " + base64.b64encode(self.basic.encode()).decode()
            right = asked.get("refresh_token") == [self.refresh] if handler.command == "POST" else given == wanted
            handler.reply(200 if right else 401, {}, json.dumps({"access_token": self.token} if right else {}).encode())
            return True
        if given != f"Bearer {self.token}":
            handler.reply(401, {"WWW-Authenticate": f'Bearer realm="{self.realm}",service="lab",scope="x"'}, b"")
            return True
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is none of the proxy's errors."""


class Handler(BaseHTTPRequestHandler):
    """One request: forwarded, or not."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one(self) -> None:
        """Serve one request, well or badly, and close the connection."""
        proxy = self.server.proxy
        self.close_connection = True
        fault = proxy.take(self.command, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault and fault.kind is Kind.CUT_UPLOAD:
            self.rfile.read(length // 2)
            return
        body = self.rfile.read(length)
        if fault and fault.kind is Kind.ANSWER:
            self.reply(fault.status, fault.headers, b"")
        elif not proxy.intercept(self, body):
            self.forward(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 (names that http.server looks for)

    def forward(self, body: bytes, fault: Fault | None) -> None:
        """Let the registry answer, and pass its answer on as the fault has it."""
        connection = http.client.HTTPConnection(self.server.proxy.target, timeout=20)
        try:
            headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP_BY_HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content, headers = answer.read(), dict(answer.getheaders())
        finally:
            connection.close()
        match fault.kind if fault else None:
            case Kind.LOSE_ANSWER:
                return
            case Kind.REWRITE:
                headers |= fault.headers
            case Kind.CORRUPT:
                content = bytes([content[0] ^ 1]) + content[1:]
            case Kind.CUT_ANSWER:
                self.reply(answer.status, headers, content[: len(content) // 2], announced=len(content))
                return
        self.reply(answer.status, headers, content)

    def reply(self, status: int, headers: Mapping[str, str], content: bytes, *, announced: int | None = None) -> None:
        """Send an answer; `announced` is a length that is not kept to."""
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content) if announced is None else announced))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
