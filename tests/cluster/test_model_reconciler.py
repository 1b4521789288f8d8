"""What the API server lets charts/reconciler's identity do."""

from __future__ import annotations

import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest
import yaml
from deployed import CHART, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deployed import Cluster

VALUES = {
    "image": {"repository": "registry.example/release", "digest": "sha256:" + "a" * 64},
    "git": {"repository": "https://forge.example/models.git"},
    "environments": ["staging"],
}


@pytest.fixture
def may(cluster: Cluster) -> Iterator[Callable[[str, str, str], bool]]:
    """Return what asks the API server: whether the reconciler may do VERB with KIND in `models` or `other`."""
    mark = uuid.uuid4().hex[:8]
    names = {"models": f"test-{mark}", "other": f"test-{mark}-other"}
    content = yaml.safe_dump({**VALUES, "namespaces": [names["models"]]})
    words = ("template", "reconciler", str(CHART.parent / "reconciler"), "--kube-version=1.34.0", "--values=-")
    rendered = run("helm", *words, "--namespace", names["other"], stdin=content)
    identity = f"system:serviceaccount:{names['other']}:reconciler"

    def ask(verb: str, kind: str, where: str) -> bool:
        question = ("kubectl", "--kubeconfig", cluster.kubeconfig, "auth", "can-i", verb, kind, "--as", identity)
        done = subprocess.run([*question, "-n", names[where]], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.strip() in {"yes", "no"}, done.stderr
        return done.stdout.strip() == "yes"

    try:
        for name in names.values():
            cluster.kubectl("create", "namespace", name)
        cluster.kubectl("apply", "-f", "-", stdin=rendered)
        yield ask
    finally:
        cluster.kubectl("delete", "namespace", *names.values(), "--wait=false")


def test_it_reads_what_it_judges_by_and_nothing_else(may: Callable[[str, str, str], bool]) -> None:
    """Rollouts, AnalysisRuns and ReplicaSets of the models' namespaces; no write, no Secret, no other namespace."""
    for kind in ("rollouts.argoproj.io", "analysisruns.argoproj.io", "replicasets.apps"):
        assert may("list", kind, "models")
        assert may("watch", kind, "models") == kind.startswith("rollouts")
        assert not any(may(verb, kind, "models") for verb in ("get", "create", "update", "patch", "delete"))
        assert not may("list", kind, "other")
    kinds = ("secrets", "pods", "configmaps", "namespaces", "applications.argoproj.io", "selfsubjectreviews")
    assert not any(may(verb, kind, where) for verb in ("get", "list") for kind in kinds for where in ("models", "other"))
