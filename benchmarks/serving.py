"""The model server beside raw ASGI servers and `mlflow models serve`, all with the same model, on loopback.

`python benchmarks/images.py --venvs FOLDER` makes the environments of the two runtime images; then, in an environment with
the extras `serving` and `onnx`:

python benchmarks/serving.py --skops-python FOLDER/skops/bin/python --onnx-python FOLDER/onnx/bin/python
    [--model models/breast-cancer] [--mlflow PYTHON] [--rounds 3] [--seconds 3]

The model is trained here, once for each format. PYTHON is an interpreter with mlflow and this package, often another one.
The client is one process with prepared requests over kept connections, so that it costs little of the two cores. Rounds go
through all servers in turn, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import shutil
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

import yaml

from release.adapters.store import FolderStore
from release.artifact.model import installed_versions
from release.config.model import ModelSpec
from release.records import Commit, Digest, ModelName
from release.stages.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator

LOAD = {
    "skops": """
import pandas as pd
from release.artifact import canonical
model = canonical.load((folder / "model.skops").read_bytes(), where="model")
names = [column["name"] for column in json.loads((folder / "model.json").read_bytes())["columns"]]
def score(block):
    return model.predict_proba(pd.DataFrame(block, columns=names))[:, 1].tolist()
""",
    "onnx": """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
model = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
def score(block):
    return model.run(None, {"numbers": block})[0][:, 0].tolist()
""",
}
RAW = """
import json, sys
from pathlib import Path
import numpy as np, uvicorn
folder = Path(sys.argv[1])
{load}
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    out = b"{{}}"
    if body:
        rows = json.loads(body)["inputs"][0]
        block = np.asarray(rows["data"], dtype=float).reshape(rows["shape"])
        out = json.dumps({{"outputs": score(block)}}).encode()
    head = [(b"content-length", str(len(out)).encode())]
    await send({{"type": "http.response.start", "status": 200, "headers": head}})
    await send({{"type": "http.response.body", "body": out}})
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

PAIRS = [
    ("release, onnx", "raw ASGI, onnx"),
    ("release, skops", "raw ASGI, skops"),
    ("release, onnx", "mlflow models serve"),
    ("release, skops", "mlflow models serve"),
]
ROOT = Path(__file__).parents[1]
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


def trained(source: Path, format_name: str, folder: Path) -> str:
    """Train a model of the repository in one format, write its files into a folder, and return its digest."""
    raw = yaml.safe_load((source / "model.yaml").read_text())
    raw["serving"]["format"] = format_name
    store = FolderStore(folder / "state")
    record = train(
        ModelName(source.name),
        ModelSpec.model_validate_json(json.dumps(raw)),
        commit=Commit("0" * 40),
        key=Digest("sha256:" + "0" * 64),
        folder=source,
        versions=installed_versions(),
        store=store,
        progress=Quiet(),
    )
    for name, digest in record.files.items():
        (folder / name).write_bytes(store.get(digest) or b"")
    shutil.rmtree(folder / "state")
    return record.model_digest


class Quiet:
    """Progress that nobody watches."""

    @contextlib.contextmanager
    def step(self, _: str) -> Iterator[None]:
        """Say nothing."""
        yield

    def note(self, what: str) -> None:
        """Say nothing."""


def contenders(options: argparse.Namespace, scratch: Path) -> list[tuple[Contender, int]]:
    """List the servers, ours first, each with its port."""
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    found = []
    for port, (name, python) in enumerate({"onnx": options.onnx_python, "skops": options.skops_python}.items(), start=1):
        folder = scratch / name
        folder.mkdir()
        env = {"MODEL_NAME": "m", "MODEL_DIR": str(folder), "MODEL_DIGEST": trained(options.model, name, folder)}
        env |= {"HTTP_PORT": str(18300 + port), "GRPC_PORT": str(18310 + port), "DRAIN_SECONDS": "0", **quiet}
        ours = [python, "-m", "release.serving"]
        found.append((Contender(f"release, {name}", ours, env, "/v2/health/ready", "/v2/models/m/infer"), 18300 + port))
        raw = scratch / f"raw_{name}.py"
        raw.write_text(RAW.format(load=LOAD[name]))
        bare = [sys.executable, str(raw), str(folder), str(18320 + port)]
        found.append((Contender(f"raw ASGI, {name}", bare, quiet, "/", "/"), 18320 + port))
    if options.mlflow:
        saved = scratch / "mlflow"
        subprocess.run(
            [options.mlflow, "-c", SAVE, str(scratch / "skops"), str(saved)], check=True, env={**os.environ, **quiet}
        )
        serve = [
            options.mlflow,
            "-m",
            "mlflow",
            "models",
            "serve",
            "-m",
            str(saved),
            "-p",
            "18330",
            "--env-manager",
            "local",
        ]
        # It starts its server by name.
        path = {"PATH": f"{Path(options.mlflow).parent}{os.pathsep}{os.environ['PATH']}"}
        found.append((Contender("mlflow models serve", serve, {**quiet, **path}, "/ping", "/invocations"), 18330))
    return found


def main() -> None:
    """Print a Markdown table of medians, and one of ratios within rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "breast-cancer")
    parser.add_argument("--skops-python", default=sys.executable)
    parser.add_argument("--onnx-python", default=sys.executable)
    parser.add_argument("--mlflow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        servers = contenders(options, Path(scratch))
        golden = json.loads((Path(scratch) / "skops" / "golden.json").read_bytes())
        rounds = [
            {one.name: measure(one, port, golden["rows"], golden["columns"], options.seconds) for one, port in servers}
            for _ in range(options.rounds)
        ]
    fields = ("ready", "memory", "p50", "p99", "many", "batch")
    print("| server | ready s | PSS MiB | 1 row p50 ms | p99 ms | 16 connections req/s | 1000 rows: rows/s |")
    print("|---|---|---|---|---|---|---|")
    for name in rounds[0]:
        cells = [statistics.median(getattr(found[name], field) for found in rounds) for field in fields]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" if cell < TEN else f"{cell:.0f}" for cell in cells) + " |")
    for ours, other in PAIRS:
        if other in rounds[0]:
            ratios = [
                statistics.median(getattr(f[ours], field) / getattr(f[other], field) for f in rounds) for field in fields
            ]
            print(f"| {ours} / {other} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
