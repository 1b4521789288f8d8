"""Models for the tests of serving, trained and written the way `release train` does it, and a server as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import requests

from release.adapters.store import FolderStore
from release.artifact.model import installed_versions
from release.config.model import ModelSpec
from release.records import Commit, Digest, ModelName
from release.stages.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MIXED: dict[str, Any] = {
    "age": {"type": "int", "min": 0, "max": 120},
    "dose": {"type": "float", "missing": 0.5},
    "smoker": {"type": "bool"},
    "grade": {"type": "category", "values": ["low", "mid", "high"]},
    "note": {"type": "text", "missing": 0.5},
}
MIXED_FEATURES: list[Any] = [
    {"impute": {"columns": ["dose"], "strategy": "median"}},
    {"scale": {"columns": ["age", "dose"], "method": "standard"}},
    {"one-hot": {"columns": ["grade"]}},
    {"tf-idf": {"columns": ["note"]}},
]
NUMBERS: dict[str, Any] = {"age": {"type": "int"}, "weight": {"type": "float", "min": 0}, "smoker": {"type": "bool"}}
TARGETS = {"binary": "ill", "multiclass": "kind", "regression": "cost"}
ESTIMATORS = {"binary": "logistic-regression", "multiclass": "random-forest", "regression": "ridge"}

GOOD: dict[str, tuple[str, list[Any]]] = {
    "age": ("INT64", [30, 61]),
    "dose": ("FP64", [0.25, None]),
    "smoker": ("BOOL", [True, False]),
    "grade": ("BYTES", ["low", "high"]),
    "note": ("BYTES", ["slept well", None]),
}


class Quiet:
    """Progress that nobody watches."""

    @contextlib.contextmanager
    def step(self, _: str) -> Iterator[None]:
        """Say nothing."""
        yield

    def note(self, what: str) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Trained:
    """A trained model: its digest, and its files in a folder and as bytes."""

    digest: Digest
    folder: Path
    files: Mapping[str, bytes]


def rows(count: int = 150) -> pd.DataFrame:
    drawn = np.random.RandomState(3)
    age = drawn.randint(20, 80, count)
    dose = drawn.random_sample(count).round(3)
    grade = drawn.choice(["low", "mid", "high"], count)
    pull = age / 30 + 2 * dose + (grade == "high") + drawn.normal(0, 0.5, count)
    return pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(count)],
            "age": age,
            "dose": np.where(drawn.random_sample(count) < 0.2, np.nan, dose),
            "weight": (50 + 40 * drawn.random_sample(count)).round(1),
            "smoker": np.where(drawn.random_sample(count) < 0.3, "true", "false"),
            "grade": grade,
            "note": [["slept well", "no pain", "pain at night", ""][number] for number in drawn.randint(0, 4, count)],
            "ill": (pull > np.median(pull)).astype(int),
            "kind": np.array(["a", "b", "c"])[np.digitize(pull, np.quantile(pull, [0.3, 0.7]))],
            "cost": pull.round(4),
        }
    )


def spec(task: str, columns: Mapping[str, Any], features: list[Any], serves: str = "skops") -> ModelSpec:
    known = {*rows(4).columns} - {"id", TARGETS[task], *columns}
    return ModelSpec.model_validate_json(
        json.dumps(
            {
                "owner": "team",
                "task": task,
                "data": {
                    "train": "a.csv",
                    "test": "b.csv",
                    "target": TARGETS[task],
                    "id": "id",
                    "columns": dict(columns),
                    "ignore": sorted(known),
                },
                "features": features,
                "estimator": {"kind": ESTIMATORS[task], "params": {}},
                "serving": {"format": serves},
                "seed": 7,
            }
        )
    )


def trained(task: str, columns: Mapping[str, Any], features: list[Any], folder: Path, serves: str = "skops") -> Trained:
    data, model = folder / "data", folder / "model"
    data.mkdir(parents=True)
    model.mkdir()
    rows().to_csv(data / "a.csv", index=False)
    store = FolderStore(folder / "state")
    record = train(
        ModelName("demo"),
        spec(task, columns, features, serves),
        commit=Commit("0" * 40),
        key=Digest("sha256:" + "0" * 64),
        folder=data,
        versions=installed_versions(),
        store=store,
        progress=Quiet(),
    )
    files = {name: store.get(digest) or b"" for name, digest in record.files.items()}
    for name, content in files.items():
        (model / name).write_bytes(content)
    return Trained(record.model_digest, model, files)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str
    grpc: str

    def infer(self, inputs: list[dict[str, Any]], **more: Any) -> requests.Response:
        """Post tensors."""
        return self.post(json.dumps({"inputs": inputs, **more}))

    def post(self, body: str | bytes, path: str = "/v2/models/demo/infer", **headers: str) -> requests.Response:
        """Post a body."""
        sent = {"Content-Type": "application/json", **headers}
        return requests.post(self.url + path, data=body, headers=sent, timeout=30)

    def get(self, path: str) -> requests.Response:
        """Get a path."""
        return requests.get(self.url + path, timeout=30)

    def metrics(self) -> dict[str, float]:
        """Return every series, named as Prometheus' text format has it."""
        lines = [line for line in self.get("/metrics").text.splitlines() if line.startswith("model_")]
        found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
        assert len(found) == len(lines)
        return found

    def metric(self, series: str) -> float:
        """Return the value of one series."""
        return self.metrics()[series]


def environment(model: Trained, **settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "MODEL_NAME": "demo",
        "MODEL_DIR": str(model.folder),
        "MODEL_DIGEST": model.digest,
        "POD_TEMPLATE_HASH": "abc",
        "MODEL_VERSION": "7",
        "IMAGE_DIGEST": "sha256:image",
        **settings,
    }


@contextlib.contextmanager
def serving(model: Trained, **settings: str) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it in the end."""
    http, grpc = free_port(), free_port()
    ports = {"HTTP_PORT": str(http), "GRPC_PORT": str(grpc), "DRAIN_SECONDS": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "release.serving"],
        env=environment(model, **{**ports, **settings}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    server = Server(process, f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}")
    try:
        _wait(server)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def _wait(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(server.process.communicate()[0].decode())
        with contextlib.suppress(requests.ConnectionError):
            if server.get("/v2/health/ready").status_code == requests.codes.ok:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not become ready")


def tensors(**change: Any) -> list[dict[str, Any]]:
    """Return two good rows as one tensor a column; `change` replaces parts of one (`grade={"data": [1, 2]}`) or drops it."""
    made = []
    for name, (datatype, data) in GOOD.items():
        if change.get(name, {}) is None:
            continue
        made.append({"name": name, "datatype": datatype, "shape": [len(data)], "data": data, **change.get(name, {})})
    return made
