"""A stand-in for a model server: the V2 routes and the metrics that charts/model asks for, nothing learnt.

What it does wrong is in the file `behaviour` beside it: `good`, `errors` (a 500 for every second request), `shifted` (other
scores for the same requests), `missing` (sees nulls where there are none), `slow`, or `refuses` (a 400 for every second
request).
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHAVIOUR = Path(__file__).with_name("behaviour").read_text().strip()
HASH = os.environ.get("POD_TEMPLATE_HASH", "")
DIGEST = os.environ.get("MODEL_DIGEST", "")
LIMITS = (0.01, 0.1, 0.5, 1.0, 5.0)
LOCK = threading.Lock()

requests = Counter(dict.fromkeys(("200", "400", "422", "500", "503"), 0))
scores = Counter({f"{tenth / 10:.1f}": 0 for tenth in range(10)})
classes = Counter({"0": 0, "1": 0})
nulls = Counter({"x": 0, "y": 0})
buckets = Counter({str(limit): 0 for limit in LIMITS} | {"+Inf": 0})


def metrics() -> str:
    """Return all counters, each with the pods' hash and each there from the start."""
    lines = [f'model_info{{model_digest="{DIGEST}",pod_template_hash="{HASH}"}} 1']
    for name, label, counts in (
        ("model_requests_total", "code", requests),
        ("model_score_bin_total", "bin", scores),
        ("model_predictions_total", "class", classes),
        ("model_null_total", "feature", nulls),
        ("model_request_seconds_bucket", "le", buckets),
    ):
        lines += [f'{name}{{{label}="{key}",pod_template_hash="{HASH}"}} {count}' for key, count in counts.items()]
    return "\n".join(lines) + "\n"


def infer(body: bytes) -> tuple[int, bytes]:
    """Score the request's only number, and do what the behaviour says."""
    value = json.loads(body)["inputs"][0]["data"][0]
    with LOCK:
        turn = sum(requests.values())
        if BEHAVIOUR in {"errors", "refuses"} and turn % 2:
            return (500, b"broken") if BEHAVIOUR == "errors" else (400, b"refused")
        score = value**4 if BEHAVIOUR == "shifted" else value
        scores[f"{min(int(score * 10), 9) / 10:.1f}"] += 1
        classes[str(int(score >= 0.5))] += 1
        nulls["x"] += BEHAVIOUR == "missing"
    if BEHAVIOUR == "slow":
        time.sleep(1.5)
    return 200, json.dumps({"outputs": [{"name": "score", "shape": [1], "datatype": "FP64", "data": [score]}]}).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers over HTTP/1.1, as a real server does."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer probes and scrapes."""
        self._answer(200, metrics().encode() if self.path == "/metrics" else b"{}")

    def do_POST(self) -> None:
        """Answer an inference and count it."""
        start = time.monotonic()
        code, answer = infer(self.rfile.read(int(self.headers["Content-Length"])))
        spent = time.monotonic() - start
        with LOCK:
            requests[str(code)] += 1
            for limit in (*LIMITS, "+Inf"):
                buckets[str(limit)] += spent <= float(limit)
        self._answer(code, answer)

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        # Prometheus refuses a scrape that does not name its type.
        self.send_header("Content-Type", "text/plain; version=0.0.4" if self.path == "/metrics" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        """Keep silent."""


class Server(ThreadingHTTPServer):
    """Waits for requests in flight when it closes."""

    daemon_threads = False
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("", 8080), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()
