"""Reconcile and status as commands, against a cluster's API on the loopback interface and a deploy branch on a remote."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from cli_running import RELEASE, Done, commit_all, edit, here, ledger, ok, process_without
from support.git import bare, git
from support.kube_api import KubeApi, serve, settings

from release.artifact.ledger import parse, serving
from release.records import EnvironmentName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from release.records import Event

pytestmark = pytest.mark.slow  # whole commands on whole repositories

HEAVY = "numpy,pandas,scipy,sklearn,skops,mlflow"
PATH = "charts/environments/ledger/churn.jsonl"
WHERE = EnvironmentName("staging")


@dataclass
class Shop:
    """The shop after its first promotions, with a remote; a cluster serves what was promoted."""

    root: Path
    remote: Path
    api: KubeApi
    serving: Event

    def run(self, *args: str) -> Done:
        """Run a command, the cluster being known by KUBECONFIG."""
        return here(self.root, *args)

    def kinds(self) -> list[str]:
        """Return the kinds of churn's events on the remote."""
        return [event["kind"] for event in ledger(self.remote)]

    def tip(self) -> str:
        """Return the remote's deploy branch."""
        return git(self.remote, "rev-parse", "deploy")

    def rewrite(self) -> str:
        """Take the newest commit off the remote's deploy branch, by force; return what is left."""
        git(self.remote, "update-ref", "refs/heads/deploy", "deploy~1")
        return self.tip()

    def elsewhere(self, folder: Path) -> Path:
        """Return another clone."""
        git(folder.parent, "clone", "-q", str(self.remote), str(folder))
        git(folder, "config", "user.name", "Grace")
        git(folder, "config", "user.email", "grace@example.org")
        return folder


@pytest.fixture
def shop(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    remote = bare(tmp_path / "remote.git")
    git(served, "remote", "add", "origin", str(remote))
    git(served, "push", "-q", "origin", "main", "deploy")
    event = serving(parse((git(served, "show", f"deploy:{PATH}") + "\n").encode(), PATH), WHERE)
    assert event
    with KubeApi() as api:
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(settings(f"http://127.0.0.1:{api.port}")))
        monkeypatch.setenv("KUBECONFIG", str(path))
        # What the client makes of KUBECONFIG when it is imported, for commands that run in this process.
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        serve(api, event)
        yield Shop(served, remote, api, event)


@dataclass
class Watcher:
    """`release reconcile --watch`, or another command that goes on, as a process."""

    process: subprocess.Popen[bytes]
    log: Path
    out: Path

    def says(self, text: str) -> None:
        """Wait until it said something, on either stream."""
        _until(lambda: text in self.log.read_text() + self.out.read_text(), f"{text!r} in {self.log.read_text()}")

    def ends(self) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(60)


@dataclass
class Watchers:
    """Starts watchers, and ends them with the test."""

    shop: Shop
    folder: Path
    started: list[Watcher] = field(default_factory=list)

    def __call__(self, *args: str) -> Watcher:
        """Start one."""
        log, out = (self.folder / f"{len(self.started)}.{name}" for name in ("log", "out"))
        with log.open("wb") as errors, out.open("wb") as output:
            running = subprocess.Popen(
                [RELEASE, *args],
                cwd=self.shop.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        self.started.append(Watcher(running, log, out))
        return self.started[-1]


@pytest.fixture
def watch(shop: Shop, tmp_path: Path) -> Iterator[Watchers]:
    made = Watchers(shop, tmp_path)
    yield made
    for one in made.started:
        with contextlib.suppress(ProcessLookupError):
            one.process.send_signal(signal.SIGTERM)
        one.process.wait(30)


def _until(ask: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not ask():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def test_it_needs_nothing_of_what_trains_and_judges(shop: Shop) -> None:
    """The reconciler's image has none of it: verifying, going on to the next environment and status do without."""
    old, new = "soak: 24h, promote: pull-request, approvals: {count: 1}}", "promote: automatic}"
    edit(shop.root, "release.yaml", old, new)
    done = process_without(HEAVY, shop.root, "reconcile", "--env", "staging")
    assert done.code == 0, done
    assert "churn v1 verified in staging: commit" in done.out
    assert process_without(HEAVY, shop.root, "status").code == 0
    assert shop.kinds()[-2:] == ["verified", "promoted"]


def test_its_environments_may_come_from_a_variable(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELEASE_RECONCILE_ENV names them with blanks between; one that is not there is told with the nearest that is."""
    monkeypatch.setenv("RELEASE_RECONCILE_ENV", "staging production")
    done = shop.run("reconcile", "--json")
    assert [one["amended"]["environment"] for one in done.document["reconciled"]] == ["staging", "staging"]
    monkeypatch.setenv("RELEASE_RECONCILE_ENV", "stagging")
    wrong = shop.run("reconcile")
    assert (wrong.code, wrong.err) == (
        2,
        'error: release.yaml: there is no environment "stagging"; did you mean "staging"?\n',
    )


def test_a_watch_outlives_the_api_server(shop: Shop, watch: Watchers) -> None:
    """It says that the server is away and goes on: what became Healthy meanwhile is verified when it is back."""
    serve(shop.api, shop.serving, phase="Progressing")
    watcher = watch("reconcile", "--watch", "--env", "staging")
    watcher.says("churn in staging: Progressing")
    shop.api.__exit__()
    watcher.says("the cluster cannot be reached")
    assert shop.kinds()[-1] == "promoted"
    shop.api.__enter__()
    serve(shop.api, shop.serving)
    _until(lambda: shop.kinds()[-1] == "verified", "the verified event")
    assert watcher.process.poll() is None


def test_a_watch_follows_the_branch_it_is_told_to(shop: Shop, watch: Watchers, tmp_path: Path) -> None:
    """release.yaml is origin's at each look, the clone stays as it is; a mistake there is told and waited out."""
    other = shop.elsewhere(tmp_path / "other")
    edit(other, "release.yaml", "{name: staging,", "{name: staging, namespace: nowhere,")
    commit_all(other)
    git(other, "push", "-q", "origin", "main")
    watcher = watch("reconcile", "--watch", "--follow", "main", "--env", "staging")
    watcher.says("nowhere: there is no such namespace")
    edit(other, "release.yaml", "namespace: nowhere", "namespase: models")
    commit_all(other)
    git(other, "push", "-q", "origin", "main")
    watcher.says('unknown field "namespase"')
    edit(other, "release.yaml", "namespase", "namespace")
    commit_all(other)
    git(other, "push", "-q", "origin", "main")
    serve(shop.api, shop.serving)
    _until(lambda: shop.kinds()[-1] == "verified", "the verified event")
    assert watcher.process.poll() is None
    assert "nowhere" not in (shop.root / "release.yaml").read_text()
    assert git(shop.root, "status", "--porcelain") == ""


def test_a_watch_that_begins_while_the_remote_is_away_waits_for_it(shop: Shop, watch: Watchers, tmp_path: Path) -> None:
    """A pod that is moved in the middle of an outage is no crash: it says so, and goes on when the remote is back."""
    shop.remote.rename(tmp_path / "away")
    watcher = watch("reconcile", "--watch", "--follow", "main", "--env", "staging")
    watcher.says("cannot fetch main")
    (tmp_path / "away").rename(shop.remote)
    _until(lambda: shop.kinds()[-1] == "verified", "the verified event")


def test_a_branch_to_follow_that_is_not_there_is_told(shop: Shop) -> None:
    """Exit 5, with git's reason."""
    done = shop.run("reconcile", "--follow", "mian")
    assert done.code == 5
    assert "error: origin: cannot fetch mian: fatal: couldn't find remote ref refs/heads/mian; check" in done.err


def test_a_rewritten_ledger_stops_every_command(shop: Shop) -> None:
    """Exit 3, one line, the same again: nothing is verified, restored or promoted on it."""
    ok(shop.run("reconcile", "--env", "staging"))
    left = shop.rewrite()
    for args in (("reconcile",), ("status", "--fetch", "--no-cluster"), ("promote", "churn", "--to", "staging")):
        done = shop.run(*args)
        assert done.code == 3, done
        [line] = done.errors
        assert "the ledger no longer begins with the lines it had at" in line
        assert "deploy was rewritten; find out by whom and restore it" in line
    assert shop.tip() == left


def test_a_fetch_by_people_does_not_hide_a_rewritten_ledger(shop: Shop) -> None:
    """What this clone saw is remembered beside git's own refs, which a fetch moves by force."""
    ok(shop.run("reconcile", "--env", "staging"))
    shop.rewrite()
    git(shop.root, "fetch", "-q", "origin")
    assert shop.run("reconcile").code == 3


def test_a_watch_ends_at_a_rewritten_ledger(shop: Shop, watch: Watchers) -> None:
    """It does not go on with what is left: exit 3, one line, and the branch as it was found."""
    watcher = watch("reconcile", "--watch", "--env", "staging")
    watcher.says("churn v1 verified in staging")
    watcher.says("spend in staging")
    left = shop.rewrite()
    serve(shop.api, shop.serving)
    assert watcher.ends() == 3
    errors = [line for line in watcher.log.read_text().splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "the ledger no longer begins with" in errors[0]
    assert shop.tip() == left


def test_a_remote_that_protects_the_branch_is_told_with_what_to_change(shop: Shop) -> None:
    """Exit 5, the remote's own words, and whom to let in; nothing is half-done."""
    hook = shop.remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'not allowed to push to protected branch deploy' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = shop.tip()
    done = shop.run("reconcile", "churn", "--env", "staging")
    assert done.code == 5
    [line] = done.errors
    assert "the remote refuses the push: remote: not allowed to push to protected branch deploy" in line
    assert line.endswith("let this identity push to deploy: its access, or a rule that protects the branch, keeps it out")
    assert shop.tip() == before


def test_a_rollout_edited_by_hand_is_a_conflict(shop: Shop) -> None:
    """After it was verified as before: exit 6, and status says the same."""
    ok(shop.run("reconcile", "--env", "staging"))
    (pods,) = (one for one in shop.api.objects["models", "replicasets"] if "churn" in one["metadata"]["name"])
    container = pods["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "registry.example/mine@sha256:" + "0" * 64
    shop.api.put("models", "replicasets", pods)
    before = shop.tip()
    done = shop.run("reconcile", "churn", "--env", "staging")
    assert done.code == 6
    said = f"somebody edited the Rollout by hand: its image is {container['image']}"
    fix = "let Argo CD sync models/churn-staging, or edit the values in Git instead"
    assert done.errors == [f"error: churn in staging: {said}; {fix}"]
    assert f"    {said}; {fix}\n" in ok(shop.run("status", "churn")).out
    assert shop.tip() == before


def test_status_shows_the_canary_what_it_measured_and_what_argo_cd_says(shop: Shop) -> None:
    """Phase and step, each metric beside its limit, since when it is paused, and why Argo CD does not follow."""
    name = "churn-staging"
    paused = {"reason": "InconclusiveAnalysisRun", "startTime": "2026-01-31T11:58:00Z"}
    serve(shop.api, shop.serving, phase="Paused", message="waits", currentStepIndex=1, pauseConditions=[paused])
    (rollout,) = (one for one in shop.api.objects["models", "rollouts"] if one["metadata"]["name"] == name)
    rollout["spec"]["strategy"]["canary"]["steps"] = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]
    metric = {
        "name": "error-rate",
        "count": 5,
        "successCondition": "len(result) == 1 && !isNaN(result[0]) && result[0] <= 0.01",
    }
    result = {
        "name": "error-rate",
        "phase": "Inconclusive",
        "successful": 2,
        "measurements": [{"value": "[0.002]"}, {"value": "[]"}],
    }
    run = {
        "metadata": {
            "name": "run-1",
            "labels": {"rollouts-pod-template-hash": "one"},
            "ownerReferences": [{"uid": name}],
        },
        "spec": {"metrics": [metric]},
        "status": {"phase": "Inconclusive", "metricResults": [result]},
    }
    shop.api.put("models", "analysisruns", run)
    resources = [
        {"kind": "Rollout", "name": name, "status": "OutOfSync"},
        {"kind": "Service", "name": name, "status": "Synced"},
    ]
    application = {
        "metadata": {"name": name},
        "spec": {"syncPolicy": {}},
        "status": {
            "sync": {"status": "OutOfSync", "revision": "1" * 40},
            "health": {"status": "Suspended"},
            "resources": resources,
            "conditions": [{"type": "ComparisonError", "message": "no\nsuch path"}],
        },
    }
    shop.api.put("argocd", "applications", application)
    text = ok(shop.run("status", "churn")).out
    assert shop.serving.release
    assert [line.strip() for line in text.splitlines()[1:9]] == [
        f"cluster: Paused step 1 of 3, stable {shop.serving.release.image_digest[7:19]}, waits",
        "run-1: error-rate Inconclusive nothing, limit <= 0.01, 2 of 5 good",
        "paused since 2026-01-31T11:58:00Z: the analysis is inconclusive",
        f"Argo CD: OutOfSync at 111111111111, Git is at {shop.tip()[:12]}, Suspended",
        f"Application {name} is paused, its automated sync is off: `argocd app sync {name}`, or let it sync by itself again",
        f"differs from Git: Rollout {name}; a sync puts it back, a change that is meant belongs into Git",
        f"Application {name}: ComparisonError: no such path",
        "the analysis is inconclusive, paused for at most 10m",
    ]
    shown = ok(shop.run("status", "churn", "--json")).document["releases"][0]["actual"]
    assert shown["analyses"][0]["metrics"][0]["limit"] == "<= 0.01"
    assert shown["delivery"]["paused"] == "its automated sync is off"
    assert "Argo CD" not in ok(shop.run("status", "churn", "--argocd", "elsewhere")).out


def test_status_says_what_is_held_frozen_or_rejected(shop: Shop) -> None:
    """By ledger, release.yaml and clock alone, each with its remedy."""
    freeze = "promote: automatic, freeze: ['Fri 16:00 - Mon 08:00']}"
    edit(shop.root, "release.yaml", "{name: staging, promote: automatic}", "{name: staging, " + freeze)
    ok(shop.run("reconcile", "churn", "--env", "staging"))
    metric = {"name": "score-psi", "phase": "Failed", "measurements": [{"value": "[0.9]"}]}
    edit(shop.root, "models/churn/model.yaml", "kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
    commit_all(shop.root)
    for args in (("dry-run", "churn"), ("override", "churn", "--kind", "freeze", "--reason", "a rehearsal")):
        here(shop.root, *args)
    promoted = here(shop.root, "promote", "churn", "--to", "staging")
    assert promoted.code == 0, promoted
    content = (git(shop.remote, "show", f"deploy:{PATH}") + "\n").encode()
    second = serving(parse(content, PATH), WHERE)
    assert second
    assert second.release
    serve(shop.api, second, phase="Degraded", stableRS="none", abort=True, abortedAt="2026-01-31T11:59:00Z")
    run = {
        "metadata": {
            "name": "run-1",
            "labels": {"rollouts-pod-template-hash": "one"},
            "ownerReferences": [{"uid": "churn-staging"}],
        },
        "status": {"phase": "Failed", "metricResults": [metric]},
    }
    shop.api.put("models", "analysisruns", run)
    ok(shop.run("reconcile", "churn", "--env", "staging"))
    told = ok(shop.run("status", "churn", "--no-cluster", "--fetch")).out
    assert '    frozen now, by "Fri 16:00 - Mon 08:00"\n' in told
    fix = r"`release override churn --kind rejected` readmits it"
    line = rf"    rejected: v2 on \S+, failed: score-psi; barred everywhere: {fix}\n"
    assert re.search(line, told), told


def test_status_keeps_itself_on_the_screen_while_the_cluster_is_away(shop: Shop, watch: Watchers) -> None:
    """A cluster that goes away is told and waited for; what changes when it is back is shown."""
    watcher = watch("status", "churn", "--watch")
    watcher.says("cluster: Healthy")
    shop.api.__exit__()
    watcher.says("the cluster cannot be reached")
    shop.api.__enter__()
    serve(shop.api, shop.serving, phase="Progressing")
    watcher.says("cluster: Progressing")
    assert watcher.process.poll() is None


def test_one_silent_cluster_is_asked_once_for_all_models(shop: Shop) -> None:
    """Status of everything does not wait for the same cluster again and again, and shows what Git says all the same."""
    shop.api.__exit__()
    try:
        rows: list[dict[str, Any]] = ok(shop.run("status", "--json")).document["releases"]
    finally:
        shop.api.__enter__()
    assert {row["actual"]["trouble"] for row in rows} == {rows[0]["actual"]["trouble"]}
    assert "the cluster cannot be reached" in rows[0]["actual"]["trouble"]
    assert any(row["serves"] for row in rows)


def test_without_the_clients_library_its_extra_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconciling cannot go on, status can."""
    monkeypatch.setitem(sys.modules, "release.adapters.cluster", None)
    line = "error: kubernetes: clusters need the Kubernetes client; pip install 'model-release[cluster]'"
    done = shop.run("reconcile")
    assert (done.code, done.errors[-1]) == (5, line)
    assert line.removeprefix("error: ") in ok(shop.run("status", "--cluster")).out
