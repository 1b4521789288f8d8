"""The queries of charts/model, computed by Prometheus' own engine (`promtool test rules`) and again here, by hand."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import yaml
from deployed import CHART, NAME, run
from scipy.stats import chi2

from release.artifact import values

if TYPE_CHECKING:
    from pathlib import Path

OWNED: dict[str, str | bool] = {
    "image.repository": "r.example/m",
    "image.digest": "sha256:" + "a" * 64,
    "model.digest": "sha256:" + "b" * 64,
}
ROLLOUT = {"steps": [10, 50], "analysis": {"interval": "30s", "count": 5, "min_requests": 200}}
WINDOW = 270
Z = 2.576


@dataclass(frozen=True)
class Counts:
    """What one kind of pods counted in the window."""

    codes: dict[str, int] = field(default_factory=lambda: {"200": 990, "400": 0, "500": 0})
    scores: dict[str, int] = field(default_factory=lambda: dict.fromkeys("0123456789", 99))
    classes: dict[str, int] = field(default_factory=lambda: {"0": 600, "1": 390})
    nulls: dict[str, int] = field(default_factory=lambda: {"x": 0, "y": 20})
    seconds: dict[str, int] = field(default_factory=lambda: {"0.1": 900, "0.5": 990, "+Inf": 990})

    def series(self, pods: str) -> list[dict[str, str]]:
        """Return promtool's series, each growing steadily, so that its increase over the window is the count."""
        found = []
        for metric, label, counts in (
            ("model_requests_total", "code", self.codes),
            ("model_score_bin_total", "bin", self.scores),
            ("model_predictions_total", "class", self.classes),
            ("model_null_total", "feature", self.nulls),
            ("model_request_seconds_bucket", "le", self.seconds),
        ):
            for key, count in counts.items():
                name = f'{metric}{{{label}="{key}", pod_template_hash="{pods}"}}'
                found.append({"series": name, "values": f"0+{count * 10 / WINDOW!r}x60"})
        return found


def scaled(counts: dict[str, int], factor: float) -> dict[str, int]:
    return {key: round(count * factor) for key, count in counts.items()}


def few(factor: float) -> Counts:
    """Return the usual counts of a service with so much traffic."""
    usual = Counts()
    parts = (usual.codes, usual.scores, usual.classes, usual.nulls, usual.seconds)
    return Counts(*(scaled(part, factor) for part in parts))


@pytest.fixture(scope="session")
def queries() -> dict[str, str]:
    """Return the chart's queries by metric, with their arguments filled in."""
    content = values.draft(model=NAME, environment="x", serving={"cpu": "1", "memory": "1Gi"}, rollout=ROLLOUT)
    patched = values.patch(content, OWNED, where="x").decode()
    words = ("template", NAME, str(CHART), "--kube-version=1.34.0", "--values=-")
    found = {}
    for one in yaml.safe_load_all(run("helm", *words, stdin=patched)):
        if one and one["kind"] == "AnalysisTemplate":
            for metric in one["spec"]["metrics"]:
                query = metric["provider"]["prometheus"]["query"]
                for name, value in (("canary-hash", "c"), ("stable-hash", "s"), ("window", f"{WINDOW}s")):
                    query = query.replace("{{args." + name + "}}", value)
                found[metric["name"]] = query
    return found


def answer(queries: dict[str, str], canary: Counts, stable: Counts, folder: Path) -> dict[str, float | None]:
    """Let Prometheus' engine compute all queries; None is no answer."""
    promtool = shutil.which("promtool")
    assert promtool, "these tests need promtool on PATH"
    wrong = [{"labels": "{}", "value": -1}]
    tests = [{"expr": query, "eval_time": "8m", "exp_samples": wrong} for query in queries.values()]
    group = {"interval": "10s", "input_series": canary.series("c") + stable.series("s"), "promql_expr_test": tests}
    path = folder / "tests.yaml"
    path.write_text(yaml.safe_dump({"evaluation_interval": "10s", "tests": [group]}, width=1_000_000))
    done = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False)
    got = re.findall(r"^\s*got:\s*(?:\{\} (\S+)|(nil))", done.stdout + done.stderr, re.MULTILINE)
    assert len(got) == len(queries), done.stdout + done.stderr
    return {name: None if nil else float(value) for name, (value, nil) in zip(queries, got, strict=True)}


def psi(canary: dict[str, int], stable: dict[str, int]) -> float:
    """Return the population stability index beyond chance, by its definition and the exact quantile."""
    bins = [key for key in canary | stable if canary.get(key, 0) + stable.get(key, 0) > 0]
    n, m = sum(canary.values()), sum(stable.values())
    shares = [((canary.get(key, 0) + 0.5) / n, (stable.get(key, 0) + 0.5) / m) for key in bins]
    index = sum((p - q) * math.log(p / q) for p, q in shares)
    return index - (1 / n + 1 / m) * float(chi2.ppf(0.995, len(bins) - 1))


def beyond(x: int, n: int, y: int, m: int) -> float:
    """Return by how much two shares differ beyond their pooled standard error."""
    pooled = (x + y) / (n + m)
    return abs(x / n - y / m) - Z * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))


def test_equal_counts_are_no_difference(queries: dict[str, str], tmp_path: Path) -> None:
    """Nothing is beyond chance, and the latency is what the buckets say."""
    found = answer(queries, Counts(), few(3), tmp_path)
    assert found.pop("latency") == pytest.approx(0.1 + 0.4 * (0.95 * 990 - 900) / 90, rel=1e-6)
    assert found == dict.fromkeys(("error-rate", "score-psi", "prediction-rate", "null-rate", "refused-rate"), 0)


def test_differences_are_those_computed_by_hand(queries: dict[str, str], tmp_path: Path) -> None:
    """Each query agrees with its definition; bins and classes that only one kind of pods has count as empty in the other."""
    canary = Counts(
        codes={"200": 890, "400": 200, "500": 60},
        scores={"0": 10, "1": 30, "2": 100, "3": 150, "4": 300, "5": 100, "6": 100, "7": 100, "8": 50, "11": 50},
        classes={"0": 300, "1": 590, "2": 100},
        nulls={"x": 300, "z": 500},
    )
    stable = Counts(codes={"200": 990, "400": 20, "500": 0})
    found = answer(queries, canary, stable, tmp_path)
    assert found["error-rate"] == pytest.approx(60 / 1150 - Z * math.sqrt(0.0099 / 1150), rel=1e-6)
    assert found["refused-rate"] == pytest.approx(beyond(200, 1150, 20, 1010), rel=1e-6)
    assert found["prediction-rate"] == pytest.approx(beyond(300, 990, 600, 990), rel=1e-6)
    assert found["null-rate"] == pytest.approx(beyond(300, 990, 0, 990), rel=1e-6)
    expected = psi(canary.scores, stable.scores)
    assert expected > 0.2
    # The table's quantile is rounded up to one tail of .005, and Wilson and Hilferty come within a hundredth.
    assert found["score-psi"] == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(("canary", "stable"), [(0.19, 1), (0, 1)])
def test_too_few_requests_of_the_canary_answer_nothing(
    queries: dict[str, str], canary: float, stable: float, tmp_path: Path
) -> None:
    """188 requests, or none, are fewer than 200: every answer is empty."""
    assert answer(queries, few(canary), few(stable), tmp_path) == dict.fromkeys(queries)


def test_too_few_requests_of_the_stable_pods_answer_only_what_is_not_compared(
    queries: dict[str, str], tmp_path: Path
) -> None:
    """Errors and latency speak of the canary alone."""
    found = answer(queries, Counts(), few(0.19), tmp_path)
    assert {name for name, value in found.items() if value is not None} == {"error-rate", "latency"}


def test_models_without_a_feature_in_common_have_no_more_nulls(queries: dict[str, str], tmp_path: Path) -> None:
    """There is nothing to compare, which is told apart from a server that counts no nulls at all."""
    found = answer(queries, Counts(nulls={"new": 900}), Counts(nulls={"old": 0}), tmp_path)
    assert found["null-rate"] == 0
    assert answer(queries, Counts(nulls={}), Counts(), tmp_path)["null-rate"] is None


def test_a_canary_of_errors_alone_is_seen(queries: dict[str, str], tmp_path: Path) -> None:
    """It scores no row, so the model cannot be judged, but its errors are."""
    nothing = dict.fromkeys("0123456789", 0)
    canary = Counts(codes={"200": 0, "400": 0, "500": 500}, scores=nothing, classes={"0": 0, "1": 0}, nulls={"x": 0, "y": 0})
    found = answer(queries, canary, Counts(), tmp_path)
    assert found["error-rate"] == pytest.approx(1 - Z * math.sqrt(0.0099 / 500))
    assert found["score-psi"] is found["prediction-rate"] is found["null-rate"] is None


def test_the_alerts_are_rules_that_prometheus_takes(tmp_path: Path) -> None:
    """`promtool check rules` accepts what the PrometheusRule holds."""
    content = values.draft(model=NAME, environment="x", serving={"cpu": "1", "memory": "1Gi"}, rollout=ROLLOUT)
    patched = values.patch(content, OWNED, where="x").decode() + "prometheus: {rules: true}\n"
    rendered = run("helm", "template", NAME, str(CHART), "--kube-version=1.34.0", "--values=-", stdin=patched)
    (rule,) = (one for one in yaml.safe_load_all(rendered) if one and one["kind"] == "PrometheusRule")
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": rule["spec"]["groups"]}))
    assert "SUCCESS: 3 rules found" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(path))
