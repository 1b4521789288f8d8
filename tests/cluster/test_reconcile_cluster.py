"""Reconcile against a real cluster: what its Rollouts really say becomes the event that the contract names for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from placed import SETTINGS, Place
from support.amending import PLACE, Site
from support.git import isolate

from release.adapters.cluster import connect
from release.errors import BadInputError, EnvironmentTroubleError
from release.observed import Phase
from release.stages.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployed import Cluster

MISSING = "sha256:" + "0" * 64


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
    forbidden = "system:serviceaccount:default:default may not list rollouts in namespace default; ask for list and watch"
    assert forbidden in told(by_token(token))
    unreachable = told(lambda one: one["clusters"][0]["cluster"].update(server="https://127.0.0.1:1"))
    assert "the cluster cannot be reached" in unreachable
    assert "Connection refused" in unreachable
    with pytest.raises(BadInputError, match='the kubeconfig has no context "elsewhere"'):
        connect("elsewhere")


def test_status_follows_a_canary(place: Place) -> None:
    """Desired beside actual, the canary's phase and step, each metric beside its limit, and why it stands still."""
    (place.site.root / "release.yaml").write_text(
        "deploy: {repository: ., branch: deploy}\n"
        f"environments: [{{name: staging, namespace: {place.namespace}, promote: automatic}}]\n"
    )
    seen: list[str] = []

    def shows(*patterns: str) -> bool:
        command = [str(Path(sys.executable).with_name("release")), "status", "churn", "--cluster"]
        done = subprocess.run(command, cwd=place.site.root, check=True, capture_output=True, text=True)
        seen.append(done.stdout)
        return all(re.search(pattern, done.stdout) for pattern in patterns)

    place.promote("errors")
    assert shows("not verified yet", "the cluster has not taken v2 yet, it is at v1"), seen[-1]
    images = [place.image(behaviour)[1][7:19] for behaviour in ("good", "errors")]
    place.sync("vector(0) > 1")
    unsure = r"error-rate Inconclusive nothing, limit <= 1, 0 of 2 good"
    place.cluster.wait(
        lambda: shows(
            rf"cluster: Paused step 1 of 2, stable {images[0]}, canary {images[1]}",
            unsure,
            r"paused since 20\S+Z: the analysis is inconclusive",
            r"the analysis stayed inconclusive for 0:00:01: `release reconcile` will record it as withdrawn and restore v1",
        ),
        "status to say that the canary is paused, and what will follow",
    )
    place.settle("the release to be withdrawn")
    place.sync()
    place.settle("the restored one to be verified")
    assert shows(rf"cluster: Healthy.*stable {images[0]}\n", r"v1 .*, verified"), seen[-1]
