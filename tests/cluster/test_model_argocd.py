"""charts/argocd on a real Argo CD: commits deploy, a chart stays where its release took it, a mistake takes nothing away."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from deployed import CHART, NAME, Cluster, Model, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ARGOCD = "argocd"


def healthy(status: dict[str, Any]) -> bool:
    return status.get("phase") == "Healthy" and status["stableRS"] == status["currentPodHash"]


@dataclass(frozen=True)
class Deploy:
    """A repository with the deploy state of one environment, followed by Argo CD into a namespace of the same name."""

    repository: Path
    environment: str
    model: Model

    def write(self, content: dict[str, Any], name: str = NAME) -> None:
        """Write a values file; `commit` makes it known."""
        path = self.repository / "charts" / "environments" / self.environment / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))

    def remove(self, name: str) -> None:
        """Remove a values file; `commit` makes it known."""
        (self.repository / "charts" / "environments" / self.environment / f"{name}.yaml").unlink()

    def commit(self) -> str:
        """Commit everything; return the commit."""
        git = ("git", "-C", str(self.repository), "-c", "user.name=t", "-c", "user.email=t@example.invalid")
        run(*git, "add", "--all")
        run(*git, "commit", "--quiet", "--message", "deploy")
        return run(*git, "rev-parse", "HEAD").strip()

    def application(self, name: str = NAME) -> dict[str, Any]:
        """Return the model's Application, empty when there is none."""
        words = ("get", "application", f"{name}-{self.environment}", "-n", ARGOCD, "-o", "json", "--ignore-not-found")
        found: dict[str, Any] = json.loads(self.model.cluster.kubectl(*words) or "{}")
        return found

    def synced(self, commit: str) -> None:
        """Wait until Argo CD has applied a commit."""

        def ask() -> bool:
            sync = self.application().get("status", {}).get("sync", {})
            return sync.get("status") == "Synced" and sync.get("revision") == commit

        self.model.cluster.wait(ask, f"{commit} to be synced", 90)

    def values(self, version: str, **parts: dict[str, Any]) -> dict[str, Any]:
        """Return values as the tool writes them, without a Prometheus address: that is the environment's."""
        content = self.model.values("good", version)
        del content["prometheus"]
        content["chart"]["path"] = "charts/versions/0123"
        content["rollout"]["traffic"] = "replay"
        for part, changes in parts.items():
            content[part] = {**content.get(part, {}), **changes}
        return content


@pytest.fixture
def deploy(cluster: Cluster, image: Callable[[str], tuple[str, str]], tmp_path: Path) -> Iterator[Deploy]:
    environment = f"t-{uuid.uuid4().hex[:8]}"
    repository = tmp_path / "deploy"
    run("git", "init", "--quiet", "--initial-branch=deploy", str(repository))
    shutil.copytree(CHART, repository / "charts" / "versions" / "0123")
    one = Deploy(repository, environment, Model(cluster, environment, image, f"{NAME}-{environment}"))
    one.write(one.values("v1"))
    first = one.commit()
    settings = {
        "repository": f"file://{repository}",
        "environments": [{"name": environment, "namespace": environment, "prometheus": cluster.prometheus}],
        "requeue": 3,
    }
    words = ("template", "argo", str(CHART.parent / "argocd"), "--namespace", ARGOCD, "--values=-")
    rendered = run("helm", *words, stdin=yaml.safe_dump(settings))
    cluster.kubectl("create", "namespace", environment)
    try:
        cluster.kubectl("apply", "-f", "-", stdin=rendered)
        one.synced(first)
        one.model.wait(healthy, "the first release")
        yield one
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=rendered)
        cluster.kubectl("delete", "applications", "-n", ARGOCD, "-l", f"model-release/environment={environment}")
        cluster.kubectl("delete", "namespace", environment, "--wait=false")


def test_a_commit_is_deployed_and_only_the_models_own_files_move_it(deploy: Deploy) -> None:
    """A commit of values is synced and judged by the environment's Prometheus; one of charts/model changes nothing."""
    model = deploy.model
    deploy.write(deploy.values("v2"))
    deploy.synced(deploy.commit())
    model.wait(healthy, "the second release")
    (analysis,) = model.runs()
    assert analysis["status"]["phase"] == "Successful"
    generation = model.rollout["metadata"]["generation"]
    elsewhere = deploy.repository / "charts" / "model" / "templates" / "rollout.yaml"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text("not: applied\n")
    deploy.synced(deploy.commit())
    assert model.rollout["metadata"]["generation"] == generation
    assert deploy.application()["spec"]["project"] == f"models-{deploy.environment}"


def test_a_broken_or_missing_file_takes_no_model_away(deploy: Deploy) -> None:
    """A file without a chart's path stops itself alone; a file that is deleted leaves its model serving."""
    model = deploy.model
    deploy.write({"model": {"name": "broken"}}, "broken")
    deploy.write(deploy.values("v2", rollout={"steps": []}))
    deploy.synced(deploy.commit())
    model.wait(healthy, "the second release beside a broken file")
    model.cluster.wait(lambda: bool(deploy.application("broken")), "the broken file's own Application", 60)
    assert deploy.application("broken")["spec"]["source"]["path"] == "charts/versions/none"
    deploy.remove(NAME)
    deploy.commit()
    # It would notice by itself in a minute or more.
    refresh = ("annotate", "application", f"{NAME}-{deploy.environment}", "-n", ARGOCD, "argocd.argoproj.io/refresh=hard")
    model.cluster.kubectl(*refresh)

    def noticed() -> bool:
        conditions = deploy.application().get("status", {}).get("conditions", [])
        return any(one["type"] == "ComparisonError" for one in conditions)

    model.cluster.wait(noticed, "Argo CD to notice that the file is gone", 60)
    assert model.rollout["status"]["availableReplicas"] == 3


def test_an_autoscaler_takes_over_without_losing_pods_and_retiring_still_scales_to_zero(deploy: Deploy) -> None:
    """Replicas that leave Git stay as they are, and a zero in Git is applied even where an autoscaler decided before."""
    model = deploy.model
    deploy.write(deploy.values("v1", autoscaling={"enabled": True, "min": 2}))
    deploy.synced(deploy.commit())
    model.cluster.wait(lambda: bool(model.cluster.get("hpa", "-n", model.namespace)["items"]), "the autoscaler", 60)
    assert model.rollout["spec"].get("replicas") == 3
    assert model.rollout["status"]["availableReplicas"] == 3
    deploy.write(deploy.values("v1", autoscaling={"enabled": True, "min": 2}, serving={"replicas": 0}))
    deploy.commit()
    model.cluster.wait(lambda: model.rollout["spec"].get("replicas") == 0, "the model to be retired", 90)
    assert model.cluster.get("hpa", "-n", model.namespace)["items"] == []
