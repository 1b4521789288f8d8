"""What people and clusters get wrong, on a real cluster and through the command line: one line, its exit code, no traces.

The same against a stand-in, with the faults that a shared cluster must not be given, is tests/cli/test_cli_reconcile.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml
from placed import Place
from support.amending import Site
from support.git import isolate
from support.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployed import Cluster

RELEASE = str(Path(sys.executable).with_name("release"))
SETTINGS = """\
deploy: {{repository: ., branch: deploy}}
environments:
  - {{name: staging, namespace: {namespace}{more}}}
"""


@dataclass
class Desk:
    """A place in which one release was promoted and verified, and the commands that people run about it."""

    place: Place
    folder: Path

    def settings(self, more: str = "", namespace: str = "") -> None:
        """Write release.yaml."""
        text = SETTINGS.format(namespace=namespace or self.place.namespace, more=more)
        (self.place.site.root / "release.yaml").write_text(text)

    def kubeconfig(self, change: Callable[[dict[str, Any]], object]) -> str:
        """Write a changed copy of the kubeconfig."""
        settings = yaml.safe_load(Path(self.place.cluster.kubeconfig).read_text())
        change(settings)
        path = self.folder / "kubeconfig"
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def run(self, *args: str, kubeconfig: str | None = None) -> tuple[int, str, str]:
        """Run a command; return code, standard output and the lines of standard error that are errors."""
        env = {**os.environ, "KUBECONFIG": kubeconfig or self.place.cluster.kubeconfig}
        done = subprocess.run(
            [RELEASE, *args], cwd=self.place.site.root, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return done.returncode, done.stdout, "\n".join(errors)


@pytest.fixture(scope="module")
def desk(
    cluster: Cluster, image: Callable[[str], tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("bad")
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        patch.setenv("KUBECONFIG", cluster.kubeconfig)
        place = Place(cluster, f"test-{uuid.uuid4().hex[:8]}", Site.at(folder / "source"), image)
        cluster.kubectl("create", "namespace", place.namespace)
        try:
            place.promote("good")
            place.sync()
            place.settle("the first release to be verified")
            yield Desk(place, folder)
        finally:
            cluster.kubectl("delete", "namespace", place.namespace, "--wait=false")


@pytest.fixture(autouse=True)
def _unchanged(desk: Desk) -> Iterator[None]:
    """Hold every test to it: whatever was wrong, the deploy branch stays where it was."""
    desk.settings()
    before = desk.place.site.commits
    yield
    assert desk.place.site.commits == before


def test_an_unknown_environment_is_told_with_the_nearest(desk: Desk) -> None:
    """Exit 2."""
    line = 'error: release.yaml: there is no environment "stagign"; did you mean "staging"?'
    assert desk.run("reconcile", "--env", "stagign") == (2, "", line)


def test_a_context_that_the_kubeconfig_lacks_is_told_with_those_it_has(desk: Desk) -> None:
    """Exit 2."""
    desk.settings(", context: elsewhere")
    code, _, line = desk.run("reconcile")
    assert code == 2
    assert line.startswith('error: release.yaml: the kubeconfig has no context "elsewhere"; one of: ')


@pytest.mark.parametrize("content", [None, "", "{]: a", "apiVersion: v1"], ids=["missing", "empty", "no-yaml", "no-context"])
def test_a_kubeconfig_that_cannot_be_used_is_named(desk: Desk, content: str | None) -> None:
    """Exit 2, the file, and how to look at it."""
    path = desk.folder / f"kubeconfig-{content is None}"
    if content is not None:
        path.write_text(content)
    code, _, line = desk.run("reconcile", kubeconfig=str(path))
    assert code == 2, line
    assert line.startswith(f"error: {path}: the kubeconfig cannot be used: ")
    assert line.endswith("set KUBECONFIG to another; `kubectl config view` shows it")


def test_a_cluster_that_cannot_be_reached_is_worth_another_try(desk: Desk) -> None:
    """Exit 5; status shows what Git says all the same."""
    away = desk.kubeconfig(lambda one: one["clusters"][0]["cluster"].update(server="https://127.0.0.1:1"))
    code, _, line = desk.run("reconcile", kubeconfig=away)
    assert code == 5
    assert "the cluster cannot be reached: " in line
    assert "Connection refused; check its address and the network, then run again" in line
    code, told, _ = desk.run("status", "churn", kubeconfig=away)
    assert code == 0
    assert " verified\n    cluster: unknown, " in told


def test_a_cluster_with_another_certificate_is_not_trusted(desk: Desk) -> None:
    """Exit 5, and which setting to look at."""
    away = desk.kubeconfig(lambda one: one["clusters"][0]["cluster"].pop("certificate-authority-data"))
    code, _, line = desk.run("reconcile", kubeconfig=away)
    assert code == 5
    assert line.endswith("; check its certificate authority in the kubeconfig")


def test_credentials_that_are_refused_are_told_from_those_that_may_not(desk: Desk, cluster: Cluster) -> None:
    """Exit 5 both; what may not is told which account, what it asked for, where, and for what to ask."""

    def by(token: str) -> str:
        return desk.kubeconfig(lambda one: one["users"][0].update(user={"token": token}))

    code, _, line = desk.run("reconcile", kubeconfig=by("wrong"))
    assert code == 5
    assert line.endswith(f": {desk.place.namespace}: the cluster refuses the credentials; log in to it again")
    token = cluster.kubectl("create", "token", "default", "-n", desk.place.namespace).strip()
    code, _, line = desk.run("reconcile", kubeconfig=by(token))
    who = f"system:serviceaccount:{desk.place.namespace}:default"
    assert code == 5
    assert f"{who} may not list rollouts in namespace {desk.place.namespace}; ask for list and watch of rollouts" in line
    grant = ("--serviceaccount", f"{desk.place.namespace}:default", "-n", desk.place.namespace)
    rule = ("--verb=list", "--resource=rollouts.argoproj.io,replicasets.apps", "-n", desk.place.namespace)
    cluster.kubectl("create", "role", "some", *rule)
    cluster.kubectl("create", "rolebinding", "some", "--role=some", *grant)
    code, _, line = desk.run("reconcile", kubeconfig=by(token))
    assert code == 5
    assert f"{who} may not list analysisruns in namespace {desk.place.namespace}; ask for" in line


def test_a_namespace_that_is_not_there_is_named(desk: Desk) -> None:
    """Exit 5, and the two remedies."""
    desk.settings(namespace="nowhere-at-all")
    code, _, line = desk.run("reconcile")
    assert code == 5
    assert line.endswith(": nowhere-at-all: there is no such namespace; create it, or correct `namespace` in release.yaml")


def test_a_rollout_that_is_not_there_yet_is_no_trouble(desk: Desk) -> None:
    """Exit 0: what was promoted may not have been applied yet."""
    desk.settings(namespace="default")
    code, told, _ = desk.run("reconcile")
    assert (code, told) == (0, "churn in staging: nothing to do\n")


def test_a_rollout_edited_by_hand_is_told_until_it_is_put_back(desk: Desk, cluster: Cluster) -> None:
    """Exit 6 with what it runs and the remedy; status says it too."""
    place = desk.place
    told = f"somebody edited the Rollout by hand: its image is {edited_by_hand(desk)}"
    cluster.wait(lambda: told in desk.run("status", "churn")[1], "status to say so")
    code, _, line = desk.run("reconcile")
    fix = f"let Argo CD sync {place.namespace}/churn-staging, or edit the values in Git instead"
    assert (code, line) == (6, f"error: churn in staging: {told}; {fix}")
    place.sync()
    cluster.wait(lambda: desk.run("reconcile")[0] == 0, "the Rollout to be what Git says again")


def test_an_application_that_is_paused_or_cannot_be_rendered_is_explained(desk: Desk, cluster: Cluster) -> None:
    """By status, where Applications may be read; of another namespace nothing is said."""
    name = f"apps-{uuid.uuid4().hex[:8]}"
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "churn-staging", "namespace": "argocd", "labels": {"test": name}},
        "spec": {
            "project": name,
            "source": {"repoURL": f"file:///nowhere/{name}", "path": "charts", "targetRevision": "deploy"},
            "destination": {"namespace": desk.place.namespace, "server": "https://kubernetes.default.svc"},
        },
    }
    project = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": "argocd", "labels": {"test": name}},
        "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": desk.place.namespace, "server": "*"}]},
    }
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([project, application]))
    try:
        cluster.wait(lambda: "churn-staging: ComparisonError: " in desk.run("status", "churn")[1], "Argo CD's complaint")
        told = desk.run("status", "churn")[1]
        assert "    Argo CD: Unknown" in told
        paused = "Application churn-staging is paused, its automated sync is off: `argocd app sync churn-staging`"
        assert paused in told
        assert "Application" not in desk.run("status", "churn", "--argocd", desk.place.namespace)[1]
    finally:
        cluster.kubectl("delete", "applications,appprojects", "-n", "argocd", "-l", f"test={name}")


def test_a_watch_outlives_its_connections_to_the_api_server(desk: Desk, cluster: Cluster) -> None:
    """Cut off twice, once for a while, it tells of it, goes on, and sees the next change."""
    server = yaml.safe_load(Path(cluster.kubeconfig).read_text())["clusters"][0]["cluster"]["server"]
    parts = urlsplit(server)
    with Relay((parts.hostname or "", parts.port or 443)) as relay:
        near = desk.kubeconfig(lambda one: one["clusters"][0]["cluster"].update(server=f"https://127.0.0.1:{relay.port}"))
        log = desk.folder / "log"
        with log.open("wb") as out:
            watcher = subprocess.Popen(
                [RELEASE, "reconcile", "--watch"],
                cwd=desk.place.site.root,
                env={**os.environ, "KUBECONFIG": near},
                stdout=out,
                stderr=out,
            )
        try:
            cluster.wait(lambda: "churn in staging: nothing to do" in log.read_text(), "the first look")
            relay.cut()
            relay.restore()
            relay.cut()
            cluster.wait(lambda: "the cluster cannot be reached" in log.read_text(), "the watcher to say so")
            relay.restore()
            edited_by_hand(desk)
            cluster.wait(lambda: "somebody edited the Rollout by hand" in log.read_text(), "the next change to be seen")
            assert watcher.poll() is None
        finally:
            watcher.terminate()
            assert watcher.wait(30) == 130
    desk.place.sync()
    assert "error: " not in log.read_text().replace("error: interrupted", "")


def edited_by_hand(desk: Desk) -> str:
    """Have the Rollout run another image; return its name."""
    mine = "registry.invalid/mine@sha256:" + "0" * 64
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": mine}]
    words = ("patch", "rollout", "churn-staging", "-n", desk.place.namespace, "--type=json", "-p", json.dumps(change))
    desk.place.cluster.kubectl(*words)
    return mine
