"""charts/reconciler as a pod: its own image, its own account, a clone from a forge, and whatever may happen to it.

Beside the other addresses these tests need a Gitea, `RELEASE_TEST_FORGE` and `RELEASE_TEST_FORGE_LOGIN` (user:password).
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from deployed import CHART, push_image, run
from placed import Place
from support.amending import PLACE, Site
from support.git import commit, git, isolate
from support.relay import Relay

from release.artifact import ledger as events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployed import Cluster

PACKAGE = CHART.parents[1] / "release"
SETTINGS = """\
deploy: {{repository: ., branch: deploy}}
environments:
  - {{name: staging, context: a-laptops, namespace: {namespace}{more}}}
  - {{name: elsewhere, context: a-laptops, namespace: not-in-this-cluster}}
"""


@dataclass
class Forge:
    """A Gitea, and a relay to it that pods reach."""

    root: str
    login: tuple[str, str]
    relay: Relay
    name: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the interface, and expect it to do so."""
        answer = requests.request(method, f"{self.root}/api/v1{path}", json=body, auth=self.login, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    @property
    def url(self) -> str:
        """The repository as a person with a password reaches it, whatever became of the relay."""
        parts = urlsplit(self.root)
        return f"{parts.scheme}://{':'.join(self.login)}@{parts.netloc}/{self.login[0]}/{self.name}.git"


@dataclass
class Pod:
    """The reconciler in its namespace, and the place that it looks after."""

    cluster: Cluster
    forge: Forge
    place: Place
    namespace: str

    def push(self, *refs: str) -> None:
        """Push what was made here, as a person or another job does."""
        git(self.place.site.root, "push", "-q", self.forge.url, *refs)

    def fetch(self) -> None:
        """Bring what the pod wrote."""
        git(self.place.site.root, "fetch", "-q", self.forge.url, "+deploy:deploy")

    def promote(self, behaviour: str, query: str = "vector(0)", **parts: Any) -> None:
        """Promote, push, and apply what was pushed."""
        self.fetch()
        self.place.promote(behaviour)
        self.push("deploy")
        self.place.sync(query, **parts)

    def told(self) -> list[str]:
        """Return the kinds of all events, as the forge has them."""
        self.fetch()
        return self.place.site.kinds

    def wait(self, *kinds: str, seconds: float = 120) -> None:
        """Wait until the ledger on the forge ends with these kinds."""
        end = time.monotonic() + seconds
        while self.told()[-len(kinds) :] != list(kinds):
            assert time.monotonic() < end, f"waited for {kinds} in the ledger; the pod says {self.log()}"
            time.sleep(0.5)

    def healthy(self) -> None:
        """Wait until the Rollout is all there, by its own status."""

        def ask() -> bool:
            status = self.cluster.get("rollout", "churn-staging", "-n", self.place.namespace).get("status", {})
            return status.get("phase") == "Healthy" and status["stableRS"] == status["currentPodHash"]

        self.cluster.wait(ask, "the Rollout to be Healthy")

    def status(self) -> dict[str, Any]:
        """Return the living pod."""
        found = self.cluster.get("pods", "-n", self.namespace, "-l", "app.kubernetes.io/name=reconciler")["items"]
        living = [one for one in found if not one["metadata"].get("deletionTimestamp")]
        return living[-1] if living else {"metadata": {"name": "none"}, "status": {}}

    def container(self) -> dict[str, Any]:
        """Return the container's status, empty before there is one."""
        found: list[dict[str, Any]] = self.status()["status"].get("containerStatuses", [])
        return found[0] if found else {}

    def log(self) -> str:
        """Return what the container said since it started last."""
        return self.cluster.kubectl("logs", "-n", self.namespace, self.status()["metadata"]["name"], "-c", "reconcile")

    def poke(self) -> None:
        """Change the Rollout in a way that means nothing, so that the pod looks before its interval is over."""
        words = ("rollout", "churn-staging", "-n", self.place.namespace, f"looked={secrets.token_hex(4)}", "--overwrite")
        self.cluster.kubectl("annotate", *words)

    def says(self, text: str, seconds: float = 60) -> None:
        """Wait until the pod says something."""
        self.cluster.wait(lambda: text in self.log(), f"the pod to say {text!r}", seconds)

    def kill(self) -> None:
        """Take the pod away without a chance to say goodbye."""
        name = self.status()["metadata"]["name"]
        words = ("delete", "pod", "-n", self.namespace, name, "--grace-period=0", "--force", "--ignore-not-found")
        self.cluster.kubectl(*words)

    def running(self) -> bool:
        """Say whether the container runs."""
        return "running" in self.container().get("state", {})


def reachable_from_pods(cluster: Cluster) -> str:
    """Return this machine's address on the way to the cluster's pods."""
    (service,) = (one for one in cluster.get("service", "-n", "default")["items"] if one["metadata"]["name"] == "kubernetes")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((service["spec"]["clusterIP"], 443))
        return str(probe.getsockname()[0])


@pytest.fixture(scope="session")
def toolkit() -> tuple[str, str]:
    """Build and push the image as the chart's README says; return repository and digest."""
    repository, base = f"{os.environ['RELEASE_TEST_REGISTRY']}/test/reconciler", os.environ["RELEASE_TEST_BASE"]
    tag = f"{repository}:test"
    recipe = str(PACKAGE / "reconciler" / "Dockerfile")
    run("docker", "build", "-q", "--file", recipe, "--tag", tag, "--build-arg", f"BASE={base}", str(PACKAGE))
    return repository, push_image(tag)


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    root = os.environ.get("RELEASE_TEST_FORGE") or pytest.fail("RELEASE_TEST_FORGE names no Gitea", pytrace=False)
    user, _, password = os.environ["RELEASE_TEST_FORGE_LOGIN"].partition(":")
    parts = urlsplit(root)
    with Relay((parts.hostname or "", parts.port or 80)) as relay:
        made = Forge(root, (user, password), relay, f"pod-{uuid.uuid4().hex[:8]}")
        made.ask("POST", "/user/repos", {"name": made.name, "default_branch": "main"})
        try:
            yield made
        finally:
            made.ask("DELETE", f"/repos/{user}/{made.name}")


@pytest.fixture(scope="module")
def pod(
    cluster: Cluster,
    forge: Forge,
    image: Callable[[str], tuple[str, str]],
    toolkit: tuple[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pod]:
    """Run the chart beside a place in which a first release was promoted and applied."""
    namespaces = [f"test-{secrets.token_hex(4)}" for _ in range(2)]
    name = f"{forge.name}-{secrets.token_hex(3)}"
    token = forge.ask("POST", f"/users/{forge.login[0]}/tokens", {"name": name, "scopes": ["write:repository"]})["sha1"]
    address = f"{reachable_from_pods(cluster)}:{forge.relay.port}"
    values = {
        "image": dict(zip(("repository", "digest"), toolkit, strict=True)),
        "git": {"repository": f"http://{address}/{forge.login[0]}/{forge.name}.git"},
        "environments": ["staging"],
        "namespaces": [namespaces[0]],
    }
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        patch.setenv("KUBECONFIG", cluster.kubeconfig)
        site = Site.at(tmp_path_factory.mktemp("pod") / "source")
        made = Pod(cluster, forge, Place(cluster, namespaces[0], site, image), namespaces[1])
        try:
            for one in namespaces:
                cluster.kubectl("create", "namespace", one)
            follow(made)
            made.place.promote("good")
            made.push("deploy")
            made.place.sync()
            line = f"--from-literal=git-credentials=http://{forge.login[0]}:{token}@{address}"
            cluster.kubectl("create", "secret", "generic", "reconciler-git", "-n", namespaces[1], line)
            words = ("template", "reconciler", str(CHART.parent / "reconciler"), "--kube-version=1.34.0", "--values=-")
            rendered = run("helm", *words, "--namespace", namespaces[1], stdin=yaml.safe_dump(values))
            cluster.kubectl("apply", "-f", "-", stdin=rendered)
            cluster.wait(made.running, "the pod to run")
            yield made
        finally:
            cluster.kubectl("delete", "namespace", *namespaces, "--wait=false")
            forge.ask("DELETE", f"/users/{forge.login[0]}/tokens/{name}")


def follow(pod: Pod, text: str = SETTINGS, more: str = "") -> None:
    """Push a release.yaml to the main branch."""
    content = text.format(namespace=pod.place.namespace, more=more).encode()
    commit(pod.place.site.root, {"release.yaml": content})
    pod.push("main")


def test_a_rollout_that_becomes_healthy_is_verified_by_the_pod(pod: Pod) -> None:
    """By a commit of the reconciler's own, through http with its own credential, and without more memory than it has."""
    pod.wait("promoted", "verified")
    who = git(pod.place.site.root, "log", "-1", "--format=%an <%ae>", "deploy")
    assert who == "release reconciler <reconciler@release.invalid>"
    words = ("exec", "-n", pod.namespace, pod.status()["metadata"]["name"], "-c", "reconcile", "--", "cat", "/proc/1/status")
    (peak,) = (int(line.split()[1]) for line in pod.cluster.kubectl(*words).splitlines() if line.startswith("VmHWM"))
    assert peak < 160 * 1024, f"{peak} kB"
    assert pod.container()["restartCount"] == 0


def test_it_looks_at_its_own_environments_only(pod: Pod) -> None:
    """The environment of another cluster is not asked for, or it would be trouble: its namespace is not here."""
    pod.says("verified in staging")
    assert "elsewhere" not in pod.log()


def test_a_failed_release_is_restored_once_however_often_the_pod_is_killed(pod: Pod) -> None:
    """Killed at random while a canary fails: one event that rejects, one that restores."""
    pod.wait("verified")
    before = len(pod.told())
    pod.promote("errors", "vector(5)")
    rng, end = random.Random(7), time.monotonic() + 120
    while "restored" not in pod.told()[before:]:
        assert time.monotonic() < end, pod.told()
        time.sleep(rng.uniform(0, 8))
        pod.kill()
    pod.cluster.wait(pod.running, "the pod to run again")
    pod.place.sync()
    pod.wait("verified")
    assert pod.told()[before:] == ["promoted", "rejected", "restored", "verified"]


def test_a_forge_that_is_away_is_waited_out(pod: Pod) -> None:
    """It says so and goes on: what became Healthy meanwhile is verified when the forge is back, by the same container."""
    pod.wait("verified")
    pod.cluster.wait(pod.running, "the pod to run")
    before, started = len(pod.told()), pod.container()["containerID"]
    pod.forge.relay.cut()
    try:
        pod.promote("slow")
        pod.healthy()
        pod.says("cannot fetch main")
        assert pod.told()[before:] == ["promoted"]
    finally:
        pod.forge.relay.restore()
    pod.wait("promoted", "verified")
    assert pod.container()["containerID"] == started


def test_a_protected_branch_is_told_with_whom_to_let_in_and_waited_out(pod: Pod) -> None:
    """The forge's own words in the log; once the reconciler may push again, what is due is written."""
    pod.wait("verified")
    pod.fetch()
    pod.place.promote("shifted")
    pod.push("deploy")
    rules = f"/repos/{pod.forge.login[0]}/{pod.forge.name}/branch_protections"
    pod.forge.ask("POST", rules, {"rule_name": "deploy", "enable_push": False})
    try:
        pod.place.sync()
        pod.healthy()
        pod.says("Not allowed to push to protected branch deploy")
        pod.says("let this identity push to deploy: its access, or a rule that protects the branch, keeps it out")
    finally:
        pod.forge.ask("DELETE", f"{rules}/deploy")
    pod.wait("promoted", "verified")


def test_release_yaml_is_the_main_branchs_at_each_look(pod: Pod) -> None:
    """A mistake on the main branch is told and waited out; its correction is followed without a restart."""
    pod.wait("verified")
    pod.cluster.wait(pod.running, "the pod to run")
    started = pod.container()["containerID"]
    follow(pod, SETTINGS.replace("name: staging, context", "name: staging, contxt"))
    pod.poke()
    pod.says('unknown field "contxt"')
    follow(pod, more=", soak: 3s")
    pod.poke()
    pod.says("release.yaml has changed: its environments are read anew")
    pod.promote("good")
    pod.wait("promoted", "verified")
    assert pod.container()["containerID"] == started


def test_a_rewritten_deploy_branch_ends_it_and_is_not_written_to(pod: Pod) -> None:
    """Exit 3, one line, again after each start of the container; nothing is restored or verified on what was rewritten."""
    pod.wait("verified")
    pod.cluster.wait(pod.running, "the pod to run")
    pod.says("churn in staging")
    root = pod.place.site.root
    git(root, "push", "-q", "--force", pod.forge.url, "deploy~1:refs/heads/deploy")
    rewritten = git(root, "rev-parse", "deploy~1")
    pod.poke()

    def ended() -> bool:
        state = pod.container().get("lastState", {}).get("terminated", {})
        return state.get("exitCode") == 3 and pod.container()["restartCount"] >= 2

    pod.cluster.wait(ended, "the container to end with 3, twice", 180)
    words = ("logs", "-n", pod.namespace, pod.status()["metadata"]["name"], "-c", "reconcile", "--previous")
    errors = [line for line in pod.cluster.kubectl(*words).splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert f"error: {PLACE.ledger_path}: the ledger no longer begins with the lines it had at" in errors[0]
    assert git(root, "ls-remote", pod.forge.url, "refs/heads/deploy").split()[0] == rewritten
    assert events.parse((git(root, "show", f"{rewritten}:{PLACE.ledger_path}") + "\n").encode(), "ledger").events
