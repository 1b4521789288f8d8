"""What the chart renders: golden files for each scenario, and what must hold in all of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from release.artifact import values

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Helm

GOLDEN = Path(__file__).with_name("golden")
NAME = "breast-cancer-staging"
TEMPLATES = Path(__file__).resolve().parents[2] / "charts" / "model" / "templates"
SCENARIOS = ("first-release", "canary", "replay", "fast", "no-steps", "autoscaled", "retired", "operator")
OPERATOR = b"""
prometheus: {scrape: service-monitor, rules: true, release: monitoring}
network_policy: {from: [{namespaceSelector: {matchLabels: {team: clinic}}}]}
disruption_budget: {enabled: false}
"""


@pytest.fixture
def scenarios(first_release: bytes, next_release: bytes) -> dict[str, bytes]:
    fast = values.patch(next_release, {"release.fast": True}, where="production.yaml")
    return {
        "first-release": first_release,
        "canary": next_release,
        "replay": next_release.replace(b"traffic: live", b"traffic: replay"),
        "fast": fast,
        "no-steps": next_release.replace(b"steps: [10, 50]", b"steps: []"),
        "autoscaled": next_release + b"\nautoscaling:\n  enabled: true\n",
        "retired": next_release.replace(b"replicas: 5", b"replicas: 0") + b"\nautoscaling:\n  enabled: true\n",
        "operator": next_release.replace(b"image:\n", b"image:\n  pull_secrets: [registry]\n", 1) + OPERATOR,
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_renders_as_the_golden_file(
    helm: Helm, scenarios: dict[str, bytes], scenario: str, golden: Callable[[Path, str], None]
) -> None:
    """Each scenario's values and manifests are those that a reviewer has read."""
    content = scenarios[scenario]
    result = helm.template(content)
    assert (result.code, result.err) == (0, "")
    golden(GOLDEN / scenario / "values.yaml", content.decode())
    golden(GOLDEN / scenario / "manifests.yaml", result.out)


def test_every_golden_folder_belongs_to_a_scenario() -> None:
    """A scenario that is renamed or removed leaves no golden file behind."""
    assert {path.name for path in GOLDEN.iterdir()} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_lints_strictly(helm: Helm, scenarios: dict[str, bytes], scenario: str) -> None:
    """`helm lint --strict` has nothing to say about any scenario."""
    result = helm.lint(scenarios[scenario])
    assert result.code == 0, result.out
    assert "1 chart(s) linted, 0 chart(s) failed" in result.out


def test_all_objects_are_namespaced_and_named_after_the_release(helm: Helm, first_release: bytes) -> None:
    """Two models, or two environments of one, never share an object."""
    objects = helm.objects(first_release)
    assert set(objects) == {
        ("ServiceAccount", "breast-cancer-staging"),
        ("Service", "breast-cancer-staging"),
        ("Service", "breast-cancer-staging-stable"),
        ("Service", "breast-cancer-staging-canary"),
        ("Rollout", "breast-cancer-staging"),
        ("AnalysisTemplate", "breast-cancer-staging-server"),
        ("AnalysisTemplate", "breast-cancer-staging-model"),
        ("NetworkPolicy", "breast-cancer-staging"),
        ("PodDisruptionBudget", "breast-cancer-staging"),
    }
    assert {one["metadata"]["namespace"] for one in objects.values()} == {"models"}


def test_the_longest_release_name_still_gives_valid_service_names(helm: Helm, first_release: bytes) -> None:
    """Helm allows 53 characters, a Service 63, suffix included."""
    result = helm.template(first_release, name="m" * 53)
    names = re.findall(r"^  name: (\S+)$", result.out, re.MULTILINE)
    assert max(len(name) for name in names) == 60


def test_operation_and_commit_never_reach_a_pod(helm: Helm, first_release: bytes) -> None:
    """Naming the same release by another operation, commit or chart path changes annotations of the Rollout alone."""
    other = {"release.operation": "sha256:" + "9" * 64, "release.commit": "f" * 40, "chart.path": "charts/model"}
    before, after = (
        helm.objects(content) for content in (first_release, values.patch(first_release, other, where="staging.yaml"))
    )
    key = ("Rollout", "breast-cancer-staging")
    assert before[key]["metadata"].pop("annotations") != after[key]["metadata"].pop("annotations")
    assert before == after


def test_fast_takes_away_the_steps_and_nothing_else(helm: Helm, first_release: bytes) -> None:
    """A restore keeps the pods' hash, so the restored release is recognised as the one that was verified."""
    canary = helm.rollout(first_release)
    fast = helm.rollout(values.patch(first_release, {"release.fast": True}, where="staging.yaml"))
    assert canary["spec"]["strategy"]["canary"].pop("steps")
    assert fast == canary


def test_an_autoscaled_rollout_has_no_replicas(helm: Helm, scenarios: dict[str, bytes]) -> None:
    """An autoscaler and Git do not fight about the number of pods; without one, zero is a number too."""
    assert helm.rollout(scenarios["canary"])["spec"]["replicas"] == 5
    assert helm.rollout(scenarios["retired"])["spec"]["replicas"] == 0
    assert "replicas" not in helm.rollout(scenarios["autoscaled"])["spec"]
    scaler = helm.objects(scenarios["autoscaled"])["HorizontalPodAutoscaler", NAME]["spec"]
    assert (scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"]) == ("Rollout", NAME)
    retired = {kind for kind, _ in helm.objects(scenarios["retired"])}
    assert retired.isdisjoint({"HorizontalPodAutoscaler", "PodDisruptionBudget"})


def test_the_image_and_the_model_are_named_by_digest(helm: Helm, first_release: bytes) -> None:
    """Pods run repository@digest and carry the model's digest as annotation and variable."""
    template = helm.rollout(first_release)["spec"]["template"]
    container = template["spec"]["containers"][0]
    assert container["image"] == "registry.example:5000/ml/breast-cancer@sha256:" + "a" * 64
    digest = "sha256:" + "1" * 64
    assert template["metadata"]["annotations"]["model-release/model-digest"] == digest
    assert {"name": "MODEL_DIGEST", "value": digest} in container["env"]


def test_the_services_select_the_pods(helm: Helm, first_release: bytes) -> None:
    """Live, stable and canary Services, and the Rollout's selector, agree with the pods' labels and port name."""
    objects = helm.objects(first_release)
    spec = objects["Rollout", "breast-cancer-staging"]["spec"]
    pod, canary = spec["template"], spec["strategy"]["canary"]
    port = pod["spec"]["containers"][0]["ports"][0]
    assert (port["name"], port["containerPort"]) == ("http", 8080)
    assert spec["selector"]["matchLabels"] == pod["metadata"]["labels"]
    for name in ("breast-cancer-staging", canary["stableService"], canary["canaryService"]):
        service = objects["Service", name]["spec"]
        assert service["selector"] == pod["metadata"]["labels"]
        assert [one["targetPort"] for one in service["ports"]] == [port["name"]]


def test_an_image_that_cannot_be_pulled_is_aborted(helm: Helm, first_release: bytes) -> None:
    """The progress deadline aborts, and no surge ever takes a serving pod away."""
    spec = helm.rollout(first_release)["spec"]
    assert spec["progressDeadlineAbort"] is True
    assert spec["strategy"]["canary"]["maxUnavailable"] == 0
    assert "rollbackWindow" not in spec


def test_pods_meet_the_restricted_profile(helm: Helm, first_release: bytes) -> None:
    """No root, no privileges, no token, a read-only file system with a small /tmp."""
    objects = helm.objects(first_release)
    pod: dict[str, Any] = objects["Rollout", "breast-cancer-staging"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert objects["ServiceAccount", pod["serviceAccountName"]]["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 (the pod's own /tmp)


def test_probes_ask_the_inference_protocol_on_the_named_port(helm: Helm, first_release: bytes) -> None:
    """Live while starting and running, ready before traffic."""
    (container,) = helm.rollout(first_release)["spec"]["template"]["spec"]["containers"]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": {"path": "/v2/health/live", "port": "http"},
        "livenessProbe": {"path": "/v2/health/live", "port": "http"},
        "readinessProbe": {"path": "/v2/health/ready", "port": "http"},
    }


def test_resources_are_those_of_the_environment(helm: Helm, first_release: bytes, next_release: bytes) -> None:
    """What model.yaml says of one environment overrides what it says of all; requests equal limits."""
    first, second = (helm.rollout(content)["spec"] for content in (first_release, next_release))
    resources = [spec["template"]["spec"]["containers"][0]["resources"] for spec in (first, second)]
    assert [spec["replicas"] for spec in (first, second)] == [1, 5]
    assert resources[0] == {kind: {"cpu": "500m", "memory": "512Mi"} for kind in ("requests", "limits")}
    assert resources[1] == {kind: {"cpu": "500m", "memory": "1Gi"} for kind in ("requests", "limits")}


@pytest.mark.parametrize(
    "forbidden", [r"\btpl\b", r"\.Capabilities", r"\blookup\b", r"helm\.sh/hook", r"sync-wave", r"argocd\."]
)
def test_templates_stay_previewable(forbidden: str) -> None:
    """What renders offline is what Argo CD applies: nothing asks a cluster, nothing waits in hooks or waves."""
    sources = {path.name: path.read_text() for path in TEMPLATES.iterdir()}
    assert len(sources) >= 10
    assert [name for name, text in sources.items() if re.search(forbidden, text)] == []


def test_pods_are_scraped_once(helm: Helm, scenarios: dict[str, bytes]) -> None:
    """By annotation or by a monitor of the live Service, never by both: a pod that is counted twice halves the evidence."""
    by_annotation, by_monitor = (helm.objects(scenarios[name]) for name in ("canary", "operator"))
    annotations = [
        objects["Rollout", NAME]["spec"]["template"]["metadata"]["annotations"] for objects in (by_annotation, by_monitor)
    ]
    assert ["prometheus.io/scrape" in one for one in annotations] == [True, False]
    assert [("ServiceMonitor", NAME) in objects for objects in (by_annotation, by_monitor)] == [False, True]
    selector = by_monitor["ServiceMonitor", NAME]["spec"]["selector"]["matchLabels"]
    services = [one for (kind, _), one in by_monitor.items() if kind == "Service"]
    chosen = [one["metadata"]["name"] for one in services if selector.items() <= one["metadata"]["labels"].items()]
    assert chosen == [NAME]


def test_the_network_is_closed_but_for_requests(helm: Helm, scenarios: dict[str, bytes]) -> None:
    """Nothing leaves a model's pod; the replay's pod reaches models alone, and is let in where callers are listed."""
    policy = helm.objects(scenarios["operator"])["NetworkPolicy", NAME]["spec"]
    assert policy["egress"] == []
    assert policy["ingress"] == [
        {
            "ports": [{"port": "http", "protocol": "TCP"}],
            "from": [{"namespaceSelector": {"matchLabels": {"team": "clinic"}}}],
        }
    ]
    both = scenarios["operator"].replace(b"traffic: live", b"traffic: replay")
    objects = helm.objects(both)
    assert objects["NetworkPolicy", NAME]["spec"]["ingress"][0]["from"][1:] == [
        {"podSelector": {"matchLabels": {"model-release/replay": NAME}}}
    ]
    assert objects["NetworkPolicy", f"{NAME}-replay"]["spec"]["ingress"] == []


def test_secrets_for_pulling_reach_pods_and_replay(helm: Helm, scenarios: dict[str, bytes]) -> None:
    """Whatever pulls the image can."""
    objects = helm.objects(scenarios["operator"].replace(b"traffic: live", b"traffic: replay"))
    assert objects["Rollout", NAME]["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    (metric,) = objects["AnalysisTemplate", f"{NAME}-replay"]["spec"]["metrics"]
    assert metric["provider"]["job"]["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]
