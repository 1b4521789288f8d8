"""The model server beside a raw ASGI server and `mlflow models serve`, all with the same model, on loopback.

Train first (`release dry-run breast-cancer`), then, in an environment with the extra `serving`:

python benchmarks/serving.py --model FOLDER --digest sha256:… [--mlflow PYTHON] [--rounds 3] [--seconds 3]

FOLDER holds the model's files; PYTHON is an interpreter with mlflow and this package, often another one. The client is one
process with prepared requests over kept connections, so that it costs little of the two cores. Rounds go through all
servers in turn, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RAW = """
import json, sys
from pathlib import Path
import numpy as np, pandas as pd, uvicorn
from release.artifact import canonical
folder = Path(sys.argv[1])
names = [column["name"] for column in json.loads((folder / "model.json").read_bytes())["columns"]]
model = canonical.load((folder / "model.skops").read_bytes(), where="model")
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    out = b"{}"
    if body:
        rows = json.loads(body)["inputs"][0]
        frame = pd.DataFrame(np.asarray(rows["data"], dtype=float).reshape(rows["shape"]), columns=names)
        out = json.dumps({"outputs": model.predict_proba(frame)[:, 1].tolist()}).encode()
    head = [(b"content-length", str(len(out)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": out})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="critical", access_log=False, lifespan="off")
"""
SAVE = """
import sys
from pathlib import Path
import mlflow.sklearn
from release.artifact import canonical
model = canonical.load((Path(sys.argv[1]) / "model.skops").read_bytes(), where="model")
mlflow.sklearn.save_model(model, sys.argv[2], serialization_format="cloudpickle", pyfunc_predict_fn="predict_proba",
                          pip_requirements=[])
"""

TEN = 10
"""Smaller numbers are shown with decimals."""


@dataclass(frozen=True)
class Contender:
    """A server to start, how it is asked whether it is ready, and what it is sent."""

    name: str
    command: list[str]
    env: dict[str, str]
    ready: str
    path: str

    def request(self, rows: list[list[float]], columns: list[str]) -> bytes:
        """Return a whole HTTP request."""
        if self.path == "/invocations":
            body = json.dumps({"dataframe_split": {"columns": columns, "data": rows}}).encode()
        else:
            flat = [cell for row in rows for cell in row]
            tensor = {"name": "all", "datatype": "FP64", "shape": [len(rows), len(columns)], "data": flat}
            body = json.dumps({"inputs": [tensor]}).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Measured:
    """One round of one server: seconds until ready, MiB, and what a client saw."""

    ready: float
    memory: float
    p50: float
    p99: float
    many: float
    batch: float


@contextlib.contextmanager
def running(one: Contender, port: int) -> Iterator[tuple[int, float]]:
    """Start a server; give its process and the seconds until it was ready."""
    start = time.perf_counter()
    env = {**os.environ, **one.env}
    process = subprocess.Popen(one.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None, f"{one.name} ended"
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{one.ready}", timeout=5).close()
                break
            time.sleep(0.02)
        yield process.pid, time.perf_counter() - start
    finally:
        tree = descendants(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        for pid in tree:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.wait()


def descendants(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += descendants(int(child))
    return found


def mebibytes(pid: int) -> float:
    """Return the proportional memory of a process tree."""
    total = 0
    for one in descendants(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


def load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    """Send one request after the other on each connection; return how long each took, in seconds."""
    selector = selectors.DefaultSelector()
    taken: list[float] = []
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
        connection.sendall(request)
    until = time.perf_counter() + seconds
    while selector.get_map() and time.perf_counter() < until + 30:
        for key, _ in selector.select(timeout=1):
            connection, state = key.fileobj, key.data
            assert isinstance(connection, socket.socket)
            state[1] += connection.recv(1 << 20)
            if not complete(state[1]):
                continue
            now = time.perf_counter()
            assert state[1].startswith(b"HTTP/1.1 200"), state[1][:300]
            taken.append(now - state[0])
            if now >= until:
                selector.unregister(connection)
                connection.close()
                continue
            state[0], state[1] = now, b""
            connection.sendall(request)
    return taken


def complete(received: bytes) -> bool:
    """Say whether a whole response has arrived."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0]) if lengths else body.endswith(b"0\r\n\r\n")


def measure(one: Contender, port: int, rows: list[list[float]], columns: list[str], seconds: float) -> Measured:
    """Start a server and put it through all measurements."""
    single = one.request(rows[:1], columns)
    thousand = one.request((rows * 1000)[:1000], columns)
    with running(one, port) as (pid, ready):
        load(port, single, 1, 1)
        alone = sorted(load(port, single, 1, seconds))
        many = load(port, single, 16, seconds)
        batches = load(port, thousand, 1, seconds)
        memory = mebibytes(pid)
    return Measured(
        ready,
        memory,
        1000 * statistics.median(alone),
        1000 * alone[int(len(alone) * 0.99)],
        len(many) / sum(many) * 16,
        1000 * len(batches) / sum(batches),
    )


def contenders(folder: Path, digest: str, mlflow: str | None, scratch: Path) -> list[tuple[Contender, int]]:
    """List the servers, ours first, each with its port."""
    env = {"MODEL_NAME": "m", "MODEL_DIR": str(folder), "MODEL_DIGEST": digest, "HTTP_PORT": "18310", "GRPC_PORT": "18311"}
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    raw = scratch / "raw.py"
    raw.write_text(RAW)
    ours = [sys.executable, "-m", "release.serving"]
    found = [
        (Contender("release", ours, {**env, "DRAIN_SECONDS": "0"}, "/v2/health/ready", "/v2/models/m/infer"), 18310),
        (Contender("raw ASGI", [sys.executable, str(raw), str(folder), "18320"], quiet, "/", "/"), 18320),
    ]
    if mlflow:
        saved = scratch / "mlflow"
        subprocess.run([mlflow, "-c", SAVE, str(folder), str(saved)], check=True, stderr=subprocess.DEVNULL)
        serve = [mlflow, "-m", "mlflow", "models", "serve", "-m", str(saved), "-p", "18330", "--env-manager", "local"]
        # It starts its server by name.
        path = {"PATH": f"{Path(mlflow).parent}{os.pathsep}{os.environ['PATH']}"}
        found.append((Contender("mlflow models serve", serve, {**quiet, **path}, "/ping", "/invocations"), 18330))
    return found


def main() -> None:
    """Print a Markdown table of medians, and one of ratios within rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--digest", required=True)
    parser.add_argument("--mlflow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    golden = json.loads((options.model / "golden.json").read_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        servers = contenders(options.model, options.digest, options.mlflow, Path(scratch))
        rounds = [
            [measure(one, port, golden["rows"], golden["columns"], options.seconds) for one, port in servers]
            for _ in range(options.rounds)
        ]
    fields = ("ready", "memory", "p50", "p99", "many", "batch")
    print("| server | ready s | PSS MiB | 1 row p50 ms | p99 ms | 16 connections req/s | 1000 rows: rows/s |")
    print("|---|---|---|---|---|---|---|")
    for number, (one, _) in enumerate(servers):
        cells = [statistics.median(getattr(found[number], field) for found in rounds) for field in fields]
        print(f"| {one.name} | " + " | ".join(f"{cell:.3f}" if cell < TEN else f"{cell:.0f}" for cell in cells) + " |")
    for number, (one, _) in enumerate(servers[1:], start=1):
        ratios = [statistics.median(getattr(f[0], field) / getattr(f[number], field) for f in rounds) for field in fields]
        print(f"| release / {one.name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
