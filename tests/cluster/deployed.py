"""A model deployed by charts/model on a real cluster, driven by helm and kubectl, read by its own status."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from release.artifact import values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHART = Path(__file__).resolve().parents[2] / "charts" / "model"
IMAGE = Path(__file__).with_name("model_image")
NAME = "nuclei"
SERVING = {"cpu": "50m", "memory": "64Mi", "replicas": 3}
ROLLOUT = {"steps": [50], "traffic": "live", "analysis": {"interval": "5s", "count": 3, "min_requests": 30}}
BODIES = [line.encode() for line in (IMAGE / "replay.jsonl").read_text().splitlines()]


def run(*words: str, env: dict[str, str] | None = None, stdin: str | None = None) -> str:
    done = subprocess.run(words, env=env, input=stdin, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def build_image(repository: str, base: str, behaviour: str) -> tuple[str, str]:
    """Build and push the stand-in; return repository and digest."""
    tag = f"{repository}:{behaviour}"
    run(
        "docker",
        "build",
        "-q",
        "-t",
        tag,
        "--build-arg",
        f"BASE={base}",
        "--build-arg",
        f"BEHAVIOUR={behaviour}",
        str(IMAGE),
    )
    return repository, push_image(tag)


def push_image(tag: str) -> str:
    """Push a tagged image and return its manifest's digest."""
    repository = tag.rpartition(":")[0]
    run("docker", "push", "-q", tag)
    named: list[str] = json.loads(run("docker", "inspect", "--format", "{{json .RepoDigests}}", tag))
    (digest,) = {one.partition("@")[2] for one in named if one.startswith(f"{repository}@")}
    return digest


@dataclass(frozen=True)
class Cluster:
    """A cluster by its kubeconfig, and the Prometheus that measures it."""

    kubeconfig: str
    prometheus: str

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl against this cluster."""
        return run("kubectl", *words, env={**os.environ, "KUBECONFIG": self.kubeconfig}, stdin=stdin)

    def get(self, *words: str) -> dict[str, Any]:
        """Return what `kubectl get` finds."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def wait(self, ask: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait until `ask` says yes; fail, naming `what`, after so many seconds."""
        end = time.monotonic() + seconds
        while not ask():
            assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
            time.sleep(0.5)


@dataclass
class Load:
    """Requests over new connections, as many as were asked a second; every answer is counted."""

    host: str
    rate: float
    answers: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Begin to send, once the first pods are known to the nodes, who learn of a new Service after their readiness."""
        end = time.monotonic() + 30
        while (answer := self._ask(0)) != "200":
            assert time.monotonic() < end, f"{self.host} does not answer: {answer}"
            time.sleep(0.2)
        self.threads = [threading.Thread(target=self._send, args=(start,)) for start in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for what is in flight."""
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _send(self, start: int) -> None:
        number = start * 25
        while not self.stop.wait(4 / self.rate):
            number += 1
            self.answers[self._ask(number)] += 1

    def _ask(self, number: int) -> str:
        try:
            connection = http.client.HTTPConnection(self.host, 80, timeout=10)
            connection.request("POST", f"/v2/models/{NAME}/infer", BODIES[number % len(BODIES)], {"Connection": "close"})
            status = str(connection.getresponse().status)
            connection.close()
        except OSError as error:
            return repr(error)
        return status


@dataclass
class Model:
    """One release of the chart in a namespace: given new values as Argo CD would, then watched."""

    cluster: Cluster
    namespace: str
    image: Callable[[str], tuple[str, str]]
    name: str = NAME
    runs_before: frozenset[str] = frozenset()

    def values(self, behaviour: str, version: str, *, digest: str | None = None, fast: bool = False) -> dict[str, Any]:
        """Return what the tool would write, with the behaviour's image."""
        repository, known = self.image(behaviour)
        owned: dict[str, str | bool] = {
            "image.repository": repository,
            "image.digest": digest or known,
            "model.digest": "sha256:" + sha256(version.encode()).hexdigest(),
            "model.version": version,
            "release.fast": fast,
        }
        content = values.draft(model=NAME, environment="test", serving=SERVING, rollout=ROLLOUT)
        found: dict[str, Any] = yaml.safe_load(values.patch(content, owned, where="test.yaml"))
        found["prometheus"] = {"address": self.cluster.prometheus}
        return found

    def release(
        self, behaviour: str, *, version: str, digest: str | None = None, fast: bool = False, **rollout: object
    ) -> None:
        """Apply the chart with these values; `rollout` overrides its section."""
        content = self.values(behaviour, version, digest=digest, fast=fast)
        prometheus = rollout.pop("prometheus", None)
        content["rollout"] |= rollout
        if prometheus:
            content["prometheus"]["address"] = prometheus
        self.runs_before = frozenset(one["metadata"]["name"] for one in self._runs())
        words = ("template", self.name, str(CHART), "--kube-version=1.34.0", "--namespace", self.namespace, "--values=-")
        self.cluster.kubectl("apply", "-f", "-", stdin=run("helm", *words, stdin=yaml.safe_dump(content)))

    @property
    def rollout(self) -> dict[str, Any]:
        """Return the Rollout as it is now."""
        return self.cluster.get("rollout", self.name, "-n", self.namespace)

    def wait(self, reached: Callable[[dict[str, Any]], bool], what: str, seconds: float = 120) -> dict[str, Any]:
        """Wait for a status that speaks of the present specification, and return it."""
        seen: dict[str, Any] = {}

        def ask() -> bool:
            one = self.rollout
            seen.clear()
            seen.update(one.get("status", {}))
            return str(seen.get("observedGeneration")) == str(one["metadata"]["generation"]) and reached(seen)

        self.cluster.wait(ask, what, seconds)
        return seen

    def runs(self) -> list[dict[str, Any]]:
        """Return the AnalysisRuns since the last release was applied."""
        return [one for one in self._runs() if one["metadata"]["name"] not in self.runs_before]

    def measured(self) -> dict[str, dict[str, Any]]:
        """Return the results of the latest AnalysisRun by the metric's name."""
        results = self.runs()[-1]["status"].get("metricResults", [])
        return {one["name"]: one for one in results}

    def served(self) -> str:
        """Return the image digest of the stable ReplicaSet."""
        label = f"rollouts-pod-template-hash={self.rollout['status']['stableRS']}"
        (found,) = self.cluster.get("replicaset", "-n", self.namespace, "-l", label)["items"]
        name: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return name.partition("@")[2]

    @contextmanager
    def load(self, rate: float = 40) -> Iterator[Counter[str]]:
        """Send requests to the live Service while the block runs; yields the answers' count."""
        service = self.cluster.get("service", self.name, "-n", self.namespace)
        with Load(service["spec"]["clusterIP"], rate) as load:
            yield load.answers

    def _runs(self) -> list[dict[str, Any]]:
        found = self.cluster.get("analysisrun", "-n", self.namespace)["items"]
        return sorted(found, key=lambda one: str(one["metadata"]["creationTimestamp"]))
