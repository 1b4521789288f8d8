"""A stand-in for a cluster's API server, for tests: lists and watches a few objects, and misbehaves where it is told to.

Plain HTTP on the loopback interface. What it serves is what `objects` holds, by namespace and kind; every request is noted.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.records import Event

CUT = b"<cut>"


@dataclass
class Fault:
    """One misbehaviour, for the next `times` requests of a verb (`list`, `watch`) for a kind; status 0 hangs up.

    With status 200 `body` is sent as it is: `CUT` at its end leaves the answer unfinished.
    """

    verb: str
    kind: str
    status: int = 500
    body: bytes = b"{}"
    times: int = 1


@dataclass
class KubeApi:
    """The server; `seen` counts requests by verb and kind."""

    port: int = 0
    objects: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=lambda: {"models"})
    faults: list[Fault] = field(default_factory=list)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    version: int = 100

    def __enter__(self) -> Self:
        """Serve; on the same port as before when it was served already."""
        self.changed = threading.Condition()
        self.stopped = False
        self.events: deque[dict[str, Any]] = deque()
        self.server = _Server(self, self.port)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, hanging up on whoever watches."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def put(self, namespace: str, kind: str, one: dict[str, Any]) -> None:
        """Add or replace an object, and tell whoever watches."""
        with self.changed:
            self.version += 1
            one["metadata"] |= {"namespace": namespace, "resourceVersion": str(self.version)}
            kept = [
                each
                for each in self.objects.get((namespace, kind), [])
                if each["metadata"]["name"] != one["metadata"]["name"]
            ]
            self.objects[namespace, kind] = [*kept, one]
            self.events.append({"type": "MODIFIED", "object": one})
            self.changed.notify_all()

    def take(self, verb: str, kind: str) -> Fault | None:
        """Note a request, and return the fault that is due for it."""
        with self.changed:
            self.seen[verb, kind] += 1
            for fault in self.faults:
                if (fault.verb, fault.kind) == (verb, kind) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    @contextmanager
    def kubeconfig(self, path: Path, **user: str) -> Iterator[Path]:
        """Write a kubeconfig that leads here."""
        path.write_text(json.dumps(settings(f"http://127.0.0.1:{self.port}", **user)))
        yield path


def settings(server: str, **user: str) -> dict[str, Any]:
    """Return a kubeconfig with one context, `here`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "none", **user}}],
    }


def refusal(code: int, message: str) -> bytes:
    """Return what an API server says when it refuses."""
    return json.dumps({"kind": "Status", "status": "Failure", "code": code, "reason": "Said", "message": message}).encode()


def serve(api: KubeApi, event: Event, namespace: str = "models", **status: Any) -> None:
    """Show the release of an event as a Rollout that is all there; `status` changes what it says."""
    release, name = event.release, f"{event.model}-{event.environment}"
    assert release
    labels = {"app.kubernetes.io/name": event.model, "app.kubernetes.io/part-of": "model-release"}
    container = {"name": "model", "image": f"{release.image_repository}@{release.image_digest}"}
    rollout = {
        "metadata": {
            "name": name,
            "uid": name,
            "generation": 1,
            "labels": labels,
            "annotations": {"model-release/operation": event.operation},
        },
        "spec": {"selector": {"matchLabels": labels}, "strategy": {"canary": {"steps": []}}},
        "status": {"observedGeneration": "1", "phase": "Healthy", "stableRS": "one", "currentPodHash": "one", **status},
    }
    pods = {
        "metadata": {
            "name": f"{name}-one",
            "labels": {**labels, "rollouts-pod-template-hash": "one"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Rollout", "name": name, "uid": name}],
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    api.put(namespace, "replicasets", pods)
    api.put(namespace, "rollouts", rollout)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, api: KubeApi, port: int) -> None:
        self.api = api
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        api, url = self.server.api, urlsplit(self.path)
        query, words = parse_qs(url.query), url.path.strip("/").split("/")
        namespace = words[words.index("namespaces") + 1]
        last = words[words.index("namespaces") + 2 :]
        kind = last[0] if last else "namespaces"
        watching = query.get("watch", ["false"])[0].lower() == "true"
        fault = api.take("watch" if watching else "list", kind)
        self.close_connection = True
        if fault is not None:
            self._misbehave(fault)
        elif kind == "namespaces":
            self._answer(*((200, b"{}") if namespace in api.namespaces else (404, refusal(404, "not found"))))
        elif watching:
            self._watch(api, namespace, kind, int(query["resourceVersion"][0]), float(query["timeoutSeconds"][0]))
        else:
            found = [
                one for one in api.objects.get((namespace, kind), []) if len(last) == 1 or one["metadata"]["name"] == last[1]
            ]
            if len(last) == 1:
                whole = {"kind": "List", "metadata": {"resourceVersion": str(api.version)}, "items": _selected(found, query)}
                self._answer(200, json.dumps(whole).encode())
            else:
                self._answer(*((200, json.dumps(found[0]).encode()) if found else (404, refusal(404, "not found"))))

    def _misbehave(self, fault: Fault) -> None:
        if fault.status and not fault.body.endswith(CUT):
            self._answer(fault.status, fault.body)
        elif fault.status:
            self.send_response(fault.status)
            self.send_header("Content-Length", str(len(fault.body) + 100))
            self.end_headers()
            self.wfile.write(fault.body.removesuffix(CUT))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, api: KubeApi, namespace: str, kind: str, version: int, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end = time.monotonic() + seconds
        while not api.stopped and time.monotonic() < end:
            with api.changed:
                due = [
                    one
                    for one in api.events
                    if _after(one, version) and one["object"] in api.objects.get((namespace, kind), [])
                ]
                if not due:
                    api.changed.wait(min(1.0, end - time.monotonic()))
            for one in due:
                version = int(one["object"]["metadata"]["resourceVersion"])
                line = json.dumps(one).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        if not api.stopped:
            self.wfile.write(b"0\r\n\r\n")


def _after(event: dict[str, Any], version: int) -> bool:
    return int(event["object"]["metadata"]["resourceVersion"]) > version


def _selected(found: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    wanted = [pair.split("=", 1) for pair in query.get("labelSelector", [""])[0].split(",") if pair]
    return [one for one in found if all((one["metadata"].get("labels") or {}).get(name) == value for name, value in wanted)]
