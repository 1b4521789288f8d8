"""The programs that look at manifests for `release check`: the real helm, kubeconform and promtool, on our chart."""

from __future__ import annotations

import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import CHART  # type: ignore[attr-defined]

from release.adapters.helm import Helm as Program
from release.adapters.validators import Kubeconform, Promtool
from release.artifact.deployment import Deployment, Origin
from release.errors import BadInputError, EnvironmentTroubleError
from release.records import EnvironmentName, ModelName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conftest import Helm  # type: ignore[attr-defined]

    from release.artifact.findings import Finding

GOLDEN = Path(__file__).parent / "golden"
RENDERS = {path.parent.name: path.read_text() for path in sorted(GOLDEN.glob("*/manifests.yaml"))}
NAME = "breast-cancer-staging"


def told(found: Mapping[str, Sequence[Finding]]) -> dict[str, list[str]]:
    return {name: [str(one) for one in findings] for name, findings in found.items() if findings}


@pytest.fixture
def deployment(first_release: bytes) -> Deployment:
    chart = {path.relative_to(CHART).as_posix(): path.read_bytes() for path in CHART.rglob("*") if path.is_file()}
    return Deployment(
        model=ModelName("breast-cancer"),
        environment=EnvironmentName("staging"),
        namespace="models",
        chart=chart,
        values=first_release,
        origin=Origin.TREE,
        where="charts/environments/staging/breast-cancer.yaml",
    )


def changed(deployment: Deployment, old: bytes, new: bytes, *, path: str | None = None) -> Deployment:
    """Replace text in the values, or in one of the chart's files."""
    content = deployment.values if path is None else deployment.chart[path]
    assert old in content
    values = content.replace(old, new) if path is None else deployment.values
    chart = deployment.chart if path is None else {**deployment.chart, path: content.replace(old, new)}
    return Deployment(**{**vars(deployment), "values": values, "chart": chart})


def test_it_renders_what_helm_renders_from_the_folder(helm: Helm, deployment: Deployment) -> None:
    """From bytes alone, with nobody's settings: the same text as from the checkout."""
    assert Program(helm.program).render(deployment) == helm.template(deployment.values).out


def test_settings_of_whoever_runs_it_do_not_count(
    helm: Helm, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace or a debug flag of the shell would change the render."""
    plain = Program(helm.program).render(deployment)
    for name, value in (("HELM_NAMESPACE", "elsewhere"), ("HELM_DEBUG", "1"), ("KUBECONFIG", "/nonexistent/config")):
        monkeypatch.setenv(name, value)
    assert Program(helm.program).render(deployment) == plain


def test_what_the_schema_refuses_is_one_line(helm: Helm, deployment: Deployment) -> None:
    """Helm's own words, in one line, and whose values they are about."""
    with pytest.raises(BadInputError) as caught:
        Program(helm.program).render(changed(deployment, b"replicas: 1", b"replicas: many"))
    assert caught.value.where == "charts/environments/staging/breast-cancer.yaml"
    assert "replicas" in caught.value.what
    assert "\n" not in str(caught.value)
    assert "/tmp" not in str(caught.value)  # noqa: S108 (what must not be shown)


def test_a_template_that_fails_is_named(helm: Helm, deployment: Deployment) -> None:
    """By the chart's own path, not by that of a temporary folder."""
    broken = changed(deployment, b"kind: Rollout", b"kind: {{ fail .Values.model.name }}", path="templates/rollout.yaml")
    with pytest.raises(BadInputError, match=r"templates/rollout.yaml:2:\d+") as caught:
        Program(helm.program).render(broken)
    assert "/tmp" not in str(caught.value)  # noqa: S108 (what must not be shown)


def test_strict_lint(helm: Helm, deployment: Deployment) -> None:
    """Nothing about our chart; a warning about one without a version is an error."""
    assert Program(helm.program).lint(deployment) == ()
    found = Program(helm.program).lint(changed(deployment, b"version: 0.1.0", b"version: ", path="Chart.yaml"))
    assert any("version" in one.what for one in found), found


def test_a_helm_that_cannot_be_started_is_the_machines_trouble(deployment: Deployment, tmp_path: Path) -> None:
    """Nothing is wrong with the chart."""
    with pytest.raises(EnvironmentTroubleError):
        Program(str(tmp_path / "helm")).render(deployment)


def test_every_kind_that_the_chart_renders_has_a_schema_here(kubeconform: str) -> None:
    """Without any network; only the Prometheus operator's kinds, which a flag turns on, are somebody else's."""
    ours = {name: text for name, text in RENDERS.items() if name != "operator"}
    assert told(Kubeconform(kubeconform, str(GOLDEN)).validate(ours)) == {}
    [line] = told(Kubeconform(kubeconform, str(GOLDEN)).validate(RENDERS))[""]
    assert line == (
        "note: kubeconform: no schema of PrometheusRule, ServiceMonitor can be had: not checked; "
        "name a copy with RELEASE_SCHEMAS"
    )


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("  revisionHistoryLimit:", "  revisionHistoryLimt:", f"Rollout/{NAME}: spec"),
        ("        - setWeight: 10", "        - setWeigth: 10", f"Rollout/{NAME}: spec.strategy.canary.steps.0"),
        ("      failureLimit: 0", "      failureLimits: 0", f"AnalysisTemplate/{NAME}-server: spec.metrics.0"),
        ("      targetPort: http", "      targetPorts: http", f"Service/{NAME}: spec.ports.0"),
        ("  maxUnavailable: 1\n", "  maxUnavailable: [1]\n", f"PodDisruptionBudget/{NAME}: spec.maxUnavailable"),
        ("  podSelector:", "  podSelectors:", f"NetworkPolicy/{NAME}: spec"),
    ],
)
def test_a_field_that_no_schema_knows_is_an_error(kubeconform: str, old: str, new: str, where: str) -> None:
    """The API server would drop it, and say nothing."""
    text = RENDERS["canary"]
    assert old in text
    found = told(Kubeconform(kubeconform, str(GOLDEN)).validate({NAME: text.replace(old, new), "other": text}))
    assert set(found) == {NAME}
    assert any(line.startswith(f"error: {where}: against its schema: ") for line in found[NAME]), found


def test_twice_the_same_key_is_an_error(kubeconform: str) -> None:
    """YAML's readers do not agree on which of the two counts."""
    text = RENDERS["canary"].replace("  progressDeadlineAbort: true\n", "  progressDeadlineAbort: true\n" * 2)
    [line] = told(Kubeconform(kubeconform, str(GOLDEN)).validate({NAME: text}))[NAME]
    assert "already set in map" in line


def test_a_cluster_s_own_schemas_come_first(kubeconform: str, tmp_path: Path) -> None:
    """Named as kubeconform names them, flat in a folder or in the folders of kubernetes-json-schema."""
    narrow = '{"type": "object", "properties": {"spec": {"type": "object", "maxProperties": 0}}}'
    for place in (tmp_path / "flat", tmp_path / "nested/master-standalone-strict"):
        place.mkdir(parents=True)
        (place / "service-v1.json").write_text(narrow)
    for place in (tmp_path / "flat", tmp_path / "nested"):
        found = told(Kubeconform(kubeconform, str(place)).validate({NAME: RENDERS["canary"]}))[NAME]
        assert {line.split(": ")[1] for line in found} == {f"Service/{NAME}{kind}" for kind in ("", "-stable", "-canary")}


@pytest.fixture
def unavailable() -> Iterator[str]:
    """Serve schemas from a place that answers nothing but errors."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Broken)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{{{{.ResourceKind}}}}.json"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_place_that_does_not_answer_is_a_note(kubeconform: str, unavailable: str) -> None:
    """It says nothing against the manifests."""
    found = told(Kubeconform(kubeconform, unavailable).validate({NAME: RENDERS["canary"]}))
    assert list(found) == [""]
    assert "Rollout" in found[""][0]
    assert "not checked" in found[""][0]


def test_queries_and_alerts_are_promql(promtool: str) -> None:
    """All that the chart can render: rules, and what AnalysisTemplates ask."""
    assert told(Promtool(promtool).validate(RENDERS)) == {}


@pytest.mark.parametrize(
    ("scenario", "old", "new", "where"),
    [
        ("canary", "clamp_min(sum(increase(", "clamp_min(sum(increase((", "error_rate"),
        ("canary", "histogram_quantile(0.95, ", "histogram_quantile(", "latency"),
        ("operator", "for: 5m", "for: soon", ""),
        ("operator", "absent(model_info", "absent(model_info}", "ModelUnseen"),
    ],
)
def test_what_is_no_promql_is_an_error_of_its_render(promtool: str, scenario: str, old: str, new: str, where: str) -> None:
    """With the metric's or the alert's name, and the parser's own words."""
    text = RENDERS[scenario]
    assert old in text
    found = told(Promtool(promtool).validate({"bad": text.replace(old, new, 1), "good": text}))
    assert set(found) == {"bad"}
    assert all(line.startswith("error: promtool: ") and line.endswith("; correct the query") for line in found["bad"])
    assert where in found["bad"][0]


def test_what_asks_prometheus_nothing_is_not_looked_at(tmp_path: Path) -> None:
    """No program is started for it: here there is none."""
    assert Promtool(str(tmp_path / "none")).validate({NAME: "kind: Service\nmetadata: {name: a}\n"}) == {}
    assert shutil.which(str(tmp_path / "none")) is None
