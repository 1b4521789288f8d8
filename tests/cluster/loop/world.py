"""Everything the loop's tests act on: a repository on a forge, an image registry, a cluster that follows the deploy branch.

Driven by git and HTTP alone, as people and pipelines do. `loop.source` writes and reads Git, `loop.place` reads the cluster,
`loop.watching` runs beside.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import requests
import yaml
from deployed import Cluster, push_image, run
from forge.conftest import Gitea
from loop import repository
from loop.load import Load, bodies
from loop.place import Place, connect, reached
from loop.repository import ENVIRONMENTS, MODEL, PRODUCTION, ROOT, STAGING, Proposal
from loop.source import DEPLOY, LEDGER, Source
from loop.watching import TOOL, Reconciler, Recorder, environment

from release.artifact import ledger as events
from release.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from release.records import Event

PATIENCE = 300.0
_NOT_FEATURES = frozenset({"sample_id", "malignant"})
_RATES = {STAGING: 8.0, PRODUCTION: 20.0}
_SERVED = "/opt/release/release/serving/served.py"
_BROKEN = """\
FROM {runtime}
USER 0
RUN grep -q 'def answered' {served} && printf '\\nServedModel.answered = None\\n' >> {served}
USER 65532:65532
"""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The real parts, by address."""

    cluster: Cluster
    gitea: Gitea
    registry: str
    base: str
    index: str | None = None
    ca: str | None = None


def addresses() -> Addresses:
    """Return the parts that the environment names; `tests/cluster/conftest.py` has said what is missing."""
    user, _, password = os.environ["RELEASE_TEST_FORGE_LOGIN"].partition(":")
    return Addresses(
        cluster=Cluster(os.environ["RELEASE_TEST_KUBECONFIG"], os.environ["RELEASE_TEST_PROMETHEUS"]),
        gitea=Gitea(os.environ["RELEASE_TEST_FORGE"].rstrip("/"), (user, password)),
        registry=os.environ["RELEASE_TEST_REGISTRY"],
        base=os.environ["RELEASE_TEST_BASE"],
        index=os.environ.get("RELEASE_TEST_INDEX"),
        ca=os.environ.get("RELEASE_TEST_CA"),
    )


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A point in the loop's history: the events so far, and the time on the monotonic clock."""

    events: int
    time: float


@dataclass
class World:
    """The loop, closed. Use as a context: leaving it takes everything away again."""

    at: Addresses
    folder: Path
    say: Callable[[str], None] = print
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    chance: random.Random = field(default_factory=lambda: random.Random(secrets.randbits(64)))

    def __enter__(self) -> Self:
        """Make repository, runtime image and namespaces."""
        with contextlib.ExitStack() as stack:
            self._build(stack)
            self._stack: ExitStack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything away."""
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        self.registry = f"{self.at.registry}/loop-{self.mark}"
        self.places = {
            name: Place(name, f"loop-{self.mark}-{name}", connect(self.at.cluster.kubeconfig)) for name in ENVIRONMENTS
        }
        for place in self.places.values():
            stack.callback(place.close)
        self.git = Source.made(self.at.gitea, f"loop-{self.mark}", self.folder)
        stack.callback(self.git.ask, "DELETE", "")
        # A runner whose repository vanishes under it takes no other job for minutes.
        stack.callback(self.idle)
        self.runtime = self._runtime()
        for place in self.places.values():
            self.at.cluster.kubectl("create", "namespace", place.namespace)
            stack.callback(self.at.cluster.kubectl, "delete", "namespace", place.namespace, "--wait=false")
        stack.callback(self._unfollow)
        self.recorder = Recorder(self.git.ledger, self.places, told=lambda one: self.say(one.text()))

    def start(self, stack: ExitStack) -> None:
        """Push a first model to the main branch, reconcile, wait until it serves everywhere, and begin to send requests."""
        self.release(self.another(0.1, keep=10), "A first model", beside=repository.scaffold())
        stack.enter_context(self.recorder)
        self.until(lambda: self.git.file(LEDGER), "the first promotion")
        # Not before: an ApplicationSet that finds no branch looks again after three minutes only.
        self.follow()
        self.watcher = stack.enter_context(self.reconciler())
        for name in ENVIRONMENTS:
            self.settled(self.put(name))
        self.loads = {name: stack.enter_context(self.load(name)) for name in ENVIRONMENTS}

    # --- what people do ---------------------------------------------------------------------------------------------------

    def another(self, c: float, keep: int | None = None) -> Proposal:
        """Return a proposal that nobody made before: the same numbers in every run would find what an earlier one left."""
        return Proposal(c=round(c * (1 + self.chance.uniform(1e-5, 1e-3)), 9), keep=keep)

    def release(
        self, proposal: Proposal, message: str, *, runtime: str | None = None, beside: Mapping[str, bytes] | None = None
    ) -> str:
        """Push a model to the main branch, which releases it on this runtime or on the usual one; return the commit."""
        names = {name: place.namespace for name, place in self.places.items()}
        project = repository.project(self.registry, runtime or self.runtime, names)
        return self.git.write({**(beside or {}), **project, **proposal.files}, message)

    def promote(self, place: str) -> None:
        """Promote what the main branch's head has to an environment, from somebody's terminal."""
        laptop = self.git.clone("laptop")
        for words in (["train", MODEL], ["package", MODEL], ["promote", MODEL, "--to", place]):
            self.tool(laptop, *words)

    def tool(self, clone: Path, *words: str) -> str:
        """Run the toolkit in a clone, as in a terminal; return what it printed."""
        done = subprocess.run(
            [str(TOOL), *words], cwd=clone, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"release {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a terminal."""
        return environment(self.at.cluster.kubeconfig)

    # --- what one waits for -----------------------------------------------------------------------------------------------

    def until(self, ask: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Ask until there is an answer; fail with the state of everything otherwise."""
        end = time.monotonic() + seconds
        while not (found := ask()):
            assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}\n{self.told()}"
            time.sleep(0.4)
        return found

    def now(self) -> Moment:
        """Return this moment."""
        return Moment(events=len(self.git.ledger().events), time=time.monotonic())

    def since(self, then: Moment, place: str) -> list[Event]:
        """Return what was written to the ledger about an environment since."""
        return [one for one in self.git.ledger().events[then.events :] if one.environment == place]

    def put(self, place: str, then: Moment | None = None, kind: EventKind = EventKind.PROMOTED) -> Event:
        """Wait for a promotion (or a restore) in an environment since a moment, or ever; return its event."""

        def ask() -> Event | None:
            found = self.git.ledger().events[then.events if then else 0 :]
            return next((one for one in found if (one.kind, one.environment) == (kind, place)), None)

        return self.until(ask, f"what is {kind} in {place}")

    def canary(self, event: Event) -> str:
        """Wait until the canary of what an event put is being measured; return its pods' hash."""
        place = self.places[str(event.environment)]

        def ask() -> str | None:
            rollout = place.rollout()
            if rollout is None or reached(rollout, event) != "observed":
                return None
            label = str(rollout["status"].get("currentPodHash"))
            return label if any(one["status"].get("phase") == "Running" for one in place.runs(label)) else None

        return str(self.until(ask, f"the canary of #{event.seq} to be measured"))

    def settled(self, event: Event) -> Event:
        """Wait until the ledger says what became of what an event put; return that event."""
        place, operation = event.environment, event.operation
        assert place
        assert operation
        return self.until(
            lambda: events.outcome(self.git.ledger(), place, operation), f"{event.kind} #{event.seq} to be settled"
        )

    def idle(self) -> None:
        """Wait until the forge runs nothing of this repository."""
        runs = self.git.project.runs
        self.until(lambda: all(run["status"] == "completed" for run in runs()), "the forge's jobs to end")

    def recorded(self) -> None:
        """Wait until the recorder has told all that the ledger knows."""
        self.until(
            lambda: self.recorder.seen == len(self.git.ledger().events) and not self.recorder.open, "the recorder", 60
        )

    def told(self) -> str:
        """Return the state of everything, for a failure's message."""
        history = self.git.ledger().events
        lines = [f"{e.seq} {e.kind} {e.environment} {e.cause or ''} {e.reason or ''}"[:400] for e in history]
        for place in self.places.values():
            status = (place.rollout() or {}).get("status") or {}
            lines.append(f"{place.name}: {status.get('phase')} {status.get('message', '')}")
        runs = self.git.project.runs()[:6]
        lines += [f"run {one['id']} {one['path']}: {one['status']} {one.get('conclusion')}" for one in runs]
        log = self.folder / "reconcile.log"
        return "\n".join([*lines, *(log.read_text().splitlines()[-12:] if log.exists() else [])])

    # --- cluster, registry, processes -------------------------------------------------------------------------------------

    def follow(self, prometheus: Mapping[str, str] | None = None) -> None:
        """Have Argo CD follow the deploy branch; environments are measured by the Prometheus given, else by the real one.

        Returns when the AnalysisTemplates that are there ask it.
        """
        wanted = {name: (prometheus or {}).get(name, self.at.cluster.prometheus) for name in self.places}
        environments = [
            {"name": place.name, "namespace": place.namespace, "prometheus": wanted[place.name]}
            for place in self.places.values()
        ]
        settings = {"repository": self.git.url, "branch": DEPLOY, "environments": environments, "requeue": 3}
        words = ("template", "argo", str(ROOT / "charts" / "argocd"), "--namespace", "argocd", "--values=-")
        self._argocd = run("helm", *words, stdin=yaml.safe_dump(settings))
        self.at.cluster.kubectl("apply", "-f", "-", stdin=self._argocd)
        for name, address in wanted.items():
            self.until(lambda name=name, address=address: self.places[name].asks() <= {address}, f"{name} to ask {address}")

    def _unfollow(self) -> None:
        rendered = getattr(self, "_argocd", None)
        if rendered is not None:
            self.at.cluster.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=rendered)
            names = [place.release for place in self.places.values()]
            self.at.cluster.kubectl("delete", "applications", "-n", "argocd", "--ignore-not-found", *names)

    def _runtime(self) -> str:
        """Build the serving runtime as its owner does, once; return its reference."""
        words = ["runtime", "--base", self.at.base, "--to", f"{self.registry}/runtime", "--json"]
        words += ["--index", self.at.index] if self.at.index else []
        words += ["--ca", self.at.ca] if self.at.ca else []
        return str(json.loads(self.tool(self.git.project.clone, *words))["image"])

    def broken_runtime(self) -> str:
        """Make a runtime whose server is ready and answers every request with 500; return its reference."""
        tag = f"{self.registry}/runtime:broken"
        run("docker", "build", "-q", "-t", tag, "-", stdin=_BROKEN.format(runtime=self.runtime, served=_SERVED))
        return f"{self.registry}/runtime@{push_image(tag)}"

    def errors(self) -> dict[str, float]:
        """Return how many 5xx Prometheus saw pods answer lately, by pod-template hash."""
        query = 'sum by (pod_template_hash) (max_over_time(model_requests_total{code=~"5.."}[10m]))'
        url = f"{self.at.cluster.prometheus}/api/v1/query"
        answer = requests.get(url, params={"query": query}, timeout=30).json()
        return {one["metric"]["pod_template_hash"]: float(one["value"][1]) for one in answer["data"]["result"]}

    def reconciler(self, name: str = "reconcile") -> Reconciler:
        """Return a reconciler in a clone of its own."""
        path = self.folder / name
        return Reconciler(path if path.exists() else self.git.clone(name), self.environment, self.folder / f"{name}.log")

    def load(self, place: str) -> Load:
        """Return a load for an environment's live Service."""
        rows = bodies(ROOT / "models" / "breast-cancer" / "data" / "test.csv", _NOT_FEATURES)
        return Load(self.places[place].address(), f"/v2/models/{MODEL}/infer", rows, _RATES[place])
