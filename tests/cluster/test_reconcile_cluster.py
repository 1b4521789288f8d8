"""Reconcile against a real cluster: what its Rollouts really say becomes the event that the contract names for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.amending import PLACE, Site
from support.git import isolate
from support.promotions import STAGING, promotion, rejudged

from release.adapters.cluster import connect
from release.artifact import ledger as events
from release.errors import BadInputError, EnvironmentTroubleError
from release.observed import Phase
from release.stages.reconcile import Settings, reconcile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployed import Cluster

    from release.observed import Observation
    from release.stages.reconcile import ReconcileRecord

SETTINGS = Settings(environment=STAGING)
MISSING = "sha256:" + "0" * 64


@dataclass
class Place:
    """A namespace in which the values on the deploy branch are applied, as Argo CD would, to a Rollout without a server."""

    cluster: Cluster
    namespace: str
    site: Site
    image: Callable[[str], tuple[str, str]]

    def promote(self, behaviour: str, digest: str | None = None) -> None:
        """Promote a model in a real image."""
        repository, known = self.image(behaviour)
        package = replace(promotion(self.site.head, behaviour).package, repository=repository, digest=digest or known)
        self.site.promote(behaviour, package=package, verdict=rejudged(behaviour, None))

    def sync(self, query: str = "vector(0)", prometheus: str | None = None, **step: Any) -> None:
        """Apply what the values say, with one metric measured by `query`."""
        values = self.site.values()
        labels = {"app.kubernetes.io/name": "churn", "app.kubernetes.io/part-of": "model-release"}
        notes = {"model-release/operation": values["release"]["operation"], "model-release/timeout": "1s"}
        steps = [] if values["release"]["fast"] else [{"setWeight": 50}, step or _measure()]
        image = f"{values['image']['repository']}@{values['image']['digest']}"
        container = {"name": "model", "image": image, "command": ["sleep", "100000"]}
        metric = {
            "name": "error-rate",
            "interval": "1s",
            "initialDelay": "1s",
            "count": 2,
            "consecutiveErrorLimit": 0,
            "successCondition": "len(result) > 0 && result[0] <= 1",
            "failureCondition": "len(result) > 0 && result[0] > 1",
            "provider": {"prometheus": {"address": prometheus or self.cluster.prometheus, "query": query}},
        }
        spec = {
            "replicas": 1,
            "progressDeadlineSeconds": 10,
            "progressDeadlineAbort": True,
            "selector": {"matchLabels": labels},
            "strategy": {"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        }
        objects = [
            _thing("AnalysisTemplate", self.namespace, "quality", {"metrics": [metric]}),
            _thing("Rollout", self.namespace, "churn-staging", spec, labels=labels, annotations=notes),
        ]
        self.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def look(self) -> Observation | None:
        """Read the cluster."""
        return connect(None).observe(self.namespace, "churn", "staging")

    def settle(self, what: str) -> ReconcileRecord:
        """Reconcile, as a job on a timer would, until something was written."""
        done: list[ReconcileRecord] = []

        def ask() -> bool:
            self.site.clock.forward(seconds=0.5)
            done.append(reconcile(PLACE, self.look(), SETTINGS, desk=self.site.desk, follow=lambda _: ""))
            return done[-1].amended.deploy_commit is not None

        self.site.clock.time = datetime.now(UTC)  # the cluster's own clock
        self.cluster.wait(ask, what)
        return done[-1]

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """The kinds and causes of all events."""
        return [(event.kind.value, event.cause) for event in self.site.ledger.events]

    @property
    def served(self) -> str | None:
        """The image digest that serves by the ledger."""
        event = events.serving(self.site.ledger, STAGING)
        return event.release.image_digest if event and event.release else None


def _measure() -> dict[str, Any]:
    return {"analysis": {"templates": [{"templateName": "quality"}]}}


def _thing(kind: str, namespace: str, name: str, spec: dict[str, Any], **meta: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def place(
    cluster: Cluster, image: Callable[[str], tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Make a place where a good release is verified, by what the cluster shows of it."""
    isolate(monkeypatch)
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)
    made = Place(cluster, f"test-{uuid.uuid4().hex[:8]}", Site.at(tmp_path / "source"), image)
    cluster.kubectl("create", "namespace", made.namespace)
    try:
        assert made.look() is None
        made.promote("good")
        made.sync()
        made.settle("the first release to be verified")
        assert made.told == [("promoted", None), ("verified", None)]
        yield made
    finally:
        cluster.kubectl("delete", "namespace", made.namespace, "--wait=false")


def test_a_good_canary_is_verified_by_its_analysis(place: Place) -> None:
    """Not before the cluster took the operation, and with the measurements in the event."""
    place.promote("errors")
    before = place.look()
    assert before is not None
    assert before.phase is Phase.HEALTHY
    done = reconcile(PLACE, before, SETTINGS, desk=place.site.desk, follow=lambda _: "")
    assert "the cluster has not taken v2 yet" in done.amended.why
    place.sync()
    [event] = place.settle("the canary to be verified").amended.events
    assert event.kind == "verified"
    assert "error-rate Successful, measured [0], [0]" in str(event.reason)


@pytest.mark.parametrize(
    ("trouble", "event"),
    [
        ({"query": "vector(5)"}, ("rejected", "serving")),
        ({"prometheus": "http://127.0.0.1:1"}, ("withdrawn", "infrastructure")),
        ({"query": "vector(0) > 1"}, ("withdrawn", "infrastructure")),
        ({"pause": {}}, ("withdrawn", "person")),
        ({"digest": MISSING}, ("withdrawn", "infrastructure")),
    ],
    ids=["failed", "prometheus-down", "no-traffic", "aborted-by-a-person", "image-missing"],
)
def test_what_failed_is_restored_in_git_and_verified_again(
    place: Place, trouble: dict[str, Any], event: tuple[str, str]
) -> None:
    """The event is the one for what really happened; synced again, the cluster shows the restored release, once."""
    good = place.served
    place.promote("errors", trouble.pop("digest", None))
    place.sync(**trouble)
    if "pause" in trouble:
        words = ("patch", "rollout", "churn-staging", "-n", place.namespace, "--subresource=status", "--type=merge")
        place.cluster.wait(lambda: (place.look() or _none()).phase is Phase.PAUSED, "the canary to pause")
        place.cluster.kubectl(*words, "-p", json.dumps({"status": {"abort": True}}))
    place.settle("the failure to be restored")
    assert place.told[3:] == [event, ("restored", event[1])]
    assert place.served == good
    place.sync()
    place.settle("the restored release to be verified")
    assert place.told[5:] == [("verified", None)]


def _none() -> Any:
    raise AssertionError("the Rollout is gone")


def test_the_command_watches_and_status_tells(place: Place) -> None:
    """Two watchers at once verify a release once and restore a failed one once; status shows cluster and advice."""
    (place.site.root / "release.yaml").write_text(
        "deploy: {repository: ., branch: deploy}\n"
        f"environments: [{{name: staging, namespace: {place.namespace}, promote: automatic}}]\n"
    )
    command = [str(Path(sys.executable).with_name("release"))]

    def status() -> str:
        return subprocess.run(
            [*command, "status", "churn", "--cluster"], cwd=place.site.root, check=True, capture_output=True, text=True
        ).stdout

    place.site.clock.time = datetime.now(UTC)
    watchers = [
        subprocess.Popen([*command, "reconcile", "--watch"], cwd=place.site.root, stderr=subprocess.PIPE) for _ in range(2)
    ]
    try:
        place.promote("errors")
        assert "the cluster has not taken v2 yet, it is at v1" in status()
        place.sync()
        place.cluster.wait(lambda: len(place.told) == 4, "v2 to be verified")
        place.promote("slow")
        place.sync("vector(5)")
        place.cluster.wait(lambda: len(place.told) == 7, "v3 to be restored")
        place.sync()
        place.cluster.wait(lambda: len(place.told) == 8, "v2 to be verified again")
    finally:
        for watcher in watchers:
            watcher.terminate()
        ended = [(watcher.wait(30), watcher.communicate()[1].decode()) for watcher in watchers]
    assert [code for code, _ in ended] == [130, 130]
    assert all("a bug" not in said for _, said in ended), ended
    assert [kind for kind, _ in place.told[2:]] == ["promoted", "verified", "promoted", "rejected", "restored", "verified"]
    assert "cluster: Healthy" in status()


def test_changes_are_reported_as_they_happen(place: Place) -> None:
    """A watch wakes for an edit, long before the interval is over."""
    changes = connect(None).changes({place.namespace}, 120)
    next(changes)
    woken = threading.Event()

    def wait() -> None:
        next(changes)
        woken.set()

    threading.Thread(target=wait, daemon=True).start()
    place.cluster.kubectl("annotate", "rollout", "churn-staging", "-n", place.namespace, "looked=at")
    assert woken.wait(30)


def test_trouble_with_a_cluster_is_told_in_one_line(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, forbidden, unreachable, unknown: each its own words and remedy, and exit code 5 or 2."""
    monkeypatch.setenv("KUBECONFIG", cluster.kubeconfig)
    settings = yaml.safe_load(Path(cluster.kubeconfig).read_text())

    def told(change: Callable[[dict[str, Any]], object], kind: type[Exception] = EnvironmentTroubleError) -> str:
        changed = json.loads(json.dumps(settings))
        change(changed)
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(changed))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        with pytest.raises(kind) as caught:
            connect(None).observe("default", "churn", "staging")
        return str(caught.value)

    def by_token(token: str) -> Callable[[dict[str, Any]], object]:
        return lambda one: one["users"][0].update(user={"token": token})

    assert "the cluster refuses the credentials; log in to it again" in told(by_token("wrong"))
    token = cluster.kubectl("create", "token", "default", "-n", "default").strip()
    assert "default: this account may not list rollouts there; grant get, list and watch" in told(by_token(token))
    unreachable = told(lambda one: one["clusters"][0]["cluster"].update(server="https://127.0.0.1:1"))
    assert "the cluster cannot be reached" in unreachable
    assert "Connection refused" in unreachable
    with pytest.raises(BadInputError, match='the kubeconfig has no context "elsewhere"'):
        connect("elsewhere")
