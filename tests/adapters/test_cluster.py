"""The cluster's reader against a server that misbehaves: it goes on by itself, never hammers, and says what is wrong."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from support.kube_api import CUT, Fault, KubeApi, refusal, settings

from release.adapters.cluster import Cluster, connect
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROLLOUT: dict[str, Any] = {
    "metadata": {"name": "churn-staging", "labels": {"app.kubernetes.io/part-of": "model-release"}},
    "spec": {"selector": {"matchLabels": {}}},
}
GONE = json.dumps({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}).encode() + b"\n"
ASK = "ask for list and watch of rollouts, list of analysisruns and replicasets there, as charts/reconciler grants it"
WHO = 'rollouts.argoproj.io is forbidden: User "system:serviceaccount:a:b" cannot list resource "rollouts"'


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with KubeApi() as one:
        yield one


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return what makes a text the kubeconfig."""

    def write(text: str) -> Path:
        path = tmp_path / "kubeconfig"
        path.write_text(text)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        return path

    return write


@pytest.fixture
def cluster(api: KubeApi, at: Callable[[str], Path]) -> Cluster:
    at(json.dumps(settings(f"http://127.0.0.1:{api.port}")))
    return connect(None)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("watch", "rollouts", status=410, body=refusal(410, "too old")),
        Fault("watch", "rollouts", status=200, body=GONE),
        Fault("watch", "rollouts", status=0),
        Fault("watch", "rollouts", status=200, body=b'{"type": "MODIFIED", "obj' + CUT),
        Fault("watch", "rollouts", status=200, body=b"<html>a proxy between us</html>\n"),
        Fault("watch", "rollouts", status=200, body=b'{"type": "MODIFIED"}\n'),
        Fault("watch", "rollouts", status=200, body=b""),
    ],
    ids=["gone", "gone-midway", "hung-up", "cut", "not-json", "no-object", "ended"],
)
def test_a_watch_that_broke_is_begun_again_and_sees_the_next_change(cluster: Cluster, api: KubeApi, fault: Fault) -> None:
    """Whatever ended it, the next change wakes us long before the interval is over."""
    api.faults.append(fault)
    changes = cluster.changes({"models"}, 300)
    next(changes)
    while api.seen["watch", "rollouts"] < 2:
        time.sleep(0.01)
    if api.seen["list", "rollouts"] > 1:
        next(changes)  # what was listed anew is a reason to look, too
    api.put("models", "rollouts", ROLLOUT)
    next(changes)


@pytest.mark.slow
def test_a_server_that_ends_every_watch_at_once_is_not_hammered(cluster: Cluster, api: KubeApi) -> None:
    """The pauses grow: while we look for five seconds, a handful of requests, not thousands."""
    api.faults.append(Fault("watch", "rollouts", status=200, body=b"", times=1_000_000))
    changes = cluster.changes({"models"}, 2.5)
    for _ in range(3):
        next(changes)
    assert 2 <= api.seen["watch", "rollouts"] <= 8


@pytest.mark.slow
def test_a_watch_is_followed_from_where_it_ended(cluster: Cluster, api: KubeApi) -> None:
    """A watch that ran its time is continued by its version, without listing again; at the latest we look by ourselves."""
    changes = cluster.changes({"models"}, 1.5)
    for _ in range(4):
        next(changes)
    # On a busy machine an answer may come too late once, and is listed anew; never each time.
    assert api.seen["list", "rollouts"] < api.seen["watch", "rollouts"]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Fault("list", "rollouts", status=401), "here: models: the cluster refuses the credentials; log in to it again"),
        (
            Fault("list", "rollouts", status=403, body=refusal(403, WHO)),
            f"here: models: system:serviceaccount:a:b may not list rollouts in namespace models; {ASK}",
        ),
        (
            Fault("list", "analysisruns", status=403, body=b"<html>"),
            f"here: models: this account may not list analysisruns in namespace models; {ASK}",
        ),
        (
            Fault("list", "rollouts", status=404),
            "here: models: the cluster does not know rollouts; install Argo Rollouts in it",
        ),
        (
            Fault("list", "replicasets", status=503),
            "here: models: the cluster answers 503 Service Unavailable to list replicasets; run again",
        ),
    ],
    ids=["refused", "forbidden", "forbidden-by-a-proxy", "no-argo-rollouts", "unavailable"],
)
def test_trouble_is_one_line_with_its_remedy(api: KubeApi, cluster: Cluster, fault: Fault, line: str) -> None:
    """Each names what is missing, and is worth another try (exit 5)."""
    api.put("models", "rollouts", {**ROLLOUT, "metadata": {**ROLLOUT["metadata"], "labels": _labels()}})
    api.faults.append(fault)
    with pytest.raises(EnvironmentTroubleError) as caught:
        connect("here").observe("models", "churn", "staging")
    assert str(caught.value) == line


def _labels() -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "model-release", "app.kubernetes.io/name": "churn"}


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_watch_that_is_not_allowed_says_so(cluster: Cluster, api: KubeApi, verb: str) -> None:
    """The right to watch may be missing where the right to list is not."""
    api.faults.append(Fault(verb, "rollouts", status=403, body=refusal(403, WHO)))
    with pytest.raises(EnvironmentTroubleError, match=f"may not {verb} rollouts in namespace models"):
        list(islice(cluster.changes({"models"}, 60), 3))


def test_a_missing_namespace_is_told_from_a_missing_rollout(cluster: Cluster, api: KubeApi) -> None:
    """Nothing there yet is no error; no namespace is; an account that may not ask cannot tell, and is not stopped by it."""
    assert cluster.observe("models", "churn", "staging") is None
    with pytest.raises(EnvironmentTroubleError, match="elsewhere: there is no such namespace; create it, or correct"):
        cluster.observe("elsewhere", "churn", "staging")
    api.faults.append(Fault("list", "namespaces", status=403))
    assert cluster.observe("elsewhere", "churn", "staging") is None


def test_an_application_is_read_only_if_it_may_be(cluster: Cluster, api: KubeApi) -> None:
    """Argo CD's word explains; without the right to read it, or without Argo CD, nothing is missing."""
    api.put("argocd", "applications", {"metadata": {"name": "churn-staging"}, "status": {"sync": {"status": "OutOfSync"}}})
    found = cluster.application("argocd", "churn-staging")
    assert found is not None
    assert found.sync == "OutOfSync"
    assert cluster.application("argocd", "other-staging") is None
    api.faults.append(Fault("list", "applications", status=403))
    assert cluster.application("argocd", "churn-staging") is None


def changed(**parts: Any) -> str:
    one = settings("https://127.0.0.1:1")
    one["clusters"][0]["cluster"] |= parts.pop("cluster", {})
    one["users"][0]["user"] |= parts.pop("user", {})
    return json.dumps({**one, **parts})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{]: a", "while parsing a flow node"),
        ("hello", "object does not support item assignment"),
        ("", "file is empty"),
        ("apiVersion: v1", "Expected key current-context"),
        (changed(**{"current-context": "there"}), "Expected object with name there"),
        (changed(cluster={"server": "https://[::"}), "Invalid IPv6 URL"),
        (changed(user={"client-certificate": "/none", "client-key": "/none"}), "File does not exist: /none"),
    ],
    ids=["no-yaml", "no-mapping", "empty", "no-context", "unknown-current", "no-address", "no-certificate"],
)
def test_a_kubeconfig_that_cannot_be_used_is_bad_input_by_its_name(at: Callable[[str], Path], text: str, said: str) -> None:
    """Exit 2, one line: the file, what is wrong with it, and how to look at it."""
    path = at(text)
    with pytest.raises(BadInputError) as caught:
        connect(None)
    line = str(caught.value)
    assert line.startswith(f"{path}: the kubeconfig cannot be used: ")
    assert said in line
    assert line.endswith("; correct the file, or set KUBECONFIG to another; `kubectl config view` shows it")


def test_a_kubeconfig_that_is_not_there_is_named(at: Callable[[str], Path]) -> None:
    """KUBECONFIG that leads nowhere is a mistake, even inside of a cluster."""
    at("").unlink()
    with pytest.raises(BadInputError, match=r"Invalid kube-config file\. No configuration found"):
        connect(None)


def test_without_any_kubeconfig_and_outside_of_a_cluster_one_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default file is not there either: exit 5, set KUBECONFIG."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "~/.kube/config")
    with pytest.raises(EnvironmentTroubleError, match=r"no cluster is known here.*set KUBECONFIG to a kubeconfig file"):
        connect(None)


def test_an_unknown_context_is_told_with_those_that_are_known(at: Callable[[str], Path]) -> None:
    """release.yaml names a context that the kubeconfig lacks: exit 2."""
    at(changed())
    with pytest.raises(BadInputError, match=r'release\.yaml: the kubeconfig has no context "there"; one of: here'):
        connect("there")


@pytest.mark.parametrize(
    ("server", "said"),
    [("http://127.0.0.1:9", "Connection refused"), ("::", "is not a valid host or port")],
)
def test_a_cluster_that_cannot_be_reached_is_worth_another_try(at: Callable[[str], Path], server: str, said: str) -> None:
    """Exit 5, and why."""
    at(json.dumps(settings(server)))
    with pytest.raises(ReleaseError) as caught:
        connect(None).observe("models", "churn", "staging")
    assert caught.value.code == 5
    assert "the cluster cannot be reached" in caught.value.what
    assert said in caught.value.what
