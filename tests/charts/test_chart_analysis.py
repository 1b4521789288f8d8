"""What judges a canary: the AnalysisTemplates as they are rendered, and how the steps use them."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from release.artifact.rollout_lint import lint

if TYPE_CHECKING:
    from conftest import Helm

NAME = "breast-cancer-staging"
REPLAY = Path(__file__).resolve().parents[2] / "charts" / "model" / "files" / "replay.py"
SERVER, MODEL = {"error-rate", "latency"}, {"score-psi", "prediction-rate", "null-rate", "refused-rate"}


def analysis(helm: Helm, content: bytes, which: str) -> dict[str, dict[str, Any]]:
    """Return the metrics of one rendered AnalysisTemplate by name."""
    spec = helm.objects(content)["AnalysisTemplate", f"{NAME}-{which}"]["spec"]
    return {one["name"]: one for one in spec["metrics"]}


def steps(helm: Helm, content: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = helm.rollout(content)["spec"]["strategy"]["canary"]["steps"]
    return found


def test_metrics_are_divided_by_what_they_blame(helm: Helm, next_release: bytes) -> None:
    """A metric of the first template blames the server, of the second the model."""
    assert set(analysis(helm, next_release, "server")) == SERVER
    assert set(analysis(helm, next_release, "model")) == MODEL


def test_every_metric_can_say_that_it_cannot_tell(helm: Helm, next_release: bytes) -> None:
    """Neither condition holds of an empty answer or of one that is no number; one answer that tells is enough."""
    metrics = analysis(helm, next_release, "server") | analysis(helm, next_release, "model")
    for one in metrics.values():
        limit = one["successCondition"].rpartition("<= ")[2]
        guard = "len(result) == 1 && !isNaN(result[0]) && result[0]"
        assert (one["successCondition"], one["failureCondition"]) == (f"{guard} <= {limit}", f"{guard} > {limit}")
        assert (one["interval"], one["initialDelay"], one["count"]) == ("30s", "30s", 5)
        assert (one["failureLimit"], one["inconclusiveLimit"]) == (0, 4)
        assert one["provider"]["prometheus"]["query"].count("and on() (sum(increase(") in {1, 2}
        assert one["provider"]["prometheus"]["query"].endswith(" >= 200)")


def test_the_limits_are_the_values(helm: Helm, next_release: bytes) -> None:
    """Each limit ends up in its own metric, latency in seconds."""
    limits = b"limits: {error_rate: 0.11, refused_rate: 0.12, latency_ms: 130, score_psi: 0.14, null_rate: 0.15, "
    content = next_release + limits + b"prediction_rate: 0.16}\n"
    metrics = analysis(helm, content, "server") | analysis(helm, content, "model")
    found = {name: float(one["failureCondition"].rpartition("> ")[2]) for name, one in metrics.items()}
    assert found == {
        "error-rate": 0.11,
        "refused-rate": 0.12,
        "latency": 0.13,
        "score-psi": 0.14,
        "null-rate": 0.15,
        "prediction-rate": 0.16,
    }


def test_prometheus_is_asked_where_the_values_say(helm: Helm, next_release: bytes) -> None:
    """The address is a value, because each cluster has its own."""
    content = next_release + b"prometheus: {address: https://metrics.example}\n"
    metrics = analysis(helm, content, "server") | analysis(helm, content, "model")
    assert {one["provider"]["prometheus"]["address"] for one in metrics.values()} == {"https://metrics.example"}


@pytest.mark.parametrize(
    ("interval", "count", "windows"),
    [("30s", 5, ["270s", "420s"]), ("2m", 3, ["480s", "840s"]), ("1d", 2, ["172920s", "345720s"])],
)
def test_each_step_looks_back_to_the_start_of_the_canary(
    helm: Helm, next_release: bytes, interval: str, count: int, windows: list[str]
) -> None:
    """The window grows by interval times count with each step, in seconds, and leaves two minutes for the pods to start."""
    edited = next_release.replace(b"interval: 30s, count: 5", f"interval: {interval}, count: {count}".encode())
    args = [step["analysis"]["args"] for step in steps(helm, edited) if "analysis" in step]
    assert [arg["value"] for one in args for arg in one if arg["name"] == "window"] == windows
    hashes = {arg["name"]: arg["valueFrom"]["podTemplateHashValue"] for arg in args[0] if "valueFrom" in arg}
    assert hashes == {"canary-hash": "Latest", "stable-hash": "Stable"}


def test_every_step_is_judged(helm: Helm, next_release: bytes) -> None:
    """A weight is followed by an analysis, and by nothing that only waits."""
    kinds = [next(iter(step)) for step in steps(helm, next_release)]
    assert kinds == ["setWeight", "analysis", "setWeight", "analysis"]


@pytest.mark.parametrize(("count", "z"), [(1, "1.960"), (5, "2.576"), (10, "2.807"), (1000, "4.892")])
def test_more_looks_ask_for_more_evidence(helm: Helm, next_release: bytes, count: int, z: str) -> None:
    """One false alarm in twenty canaries is shared among all measurements of both steps."""
    edited = next_release.replace(b"count: 5", f"count: {count}".encode())
    query = analysis(helm, edited, "model")["score-psi"]["provider"]["prometheus"]["query"]
    assert f" + {z} * sqrt(" in query


def test_a_replay_judges_nothing_itself(helm: Helm, next_release: bytes) -> None:
    """Its Job reaches canary and stable alike, is no pod of any Service, and its failure is no verdict."""
    content = next_release.replace(b"traffic: live", b"traffic: replay")
    objects = helm.objects(content)
    spec = objects["AnalysisTemplate", f"{NAME}-replay"]["spec"]
    assert spec["dryRun"] == [{"metricName": "replay"}]
    template = spec["metrics"][0]["provider"]["job"]["spec"]["template"]
    selector = objects["Service", NAME]["spec"]["selector"]
    assert not selector.items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    targets = [f"http://{NAME}-{pods}/v2/models/breast-cancer/infer" for pods in ("canary", "stable")]
    assert container["args"] == ["/model/replay.jsonl", "10", "150", *targets]
    assert "{{" not in container["command"][2]
    used = [one["templateName"] for one in steps(helm, content)[1]["analysis"]["templates"]]
    assert used == [f"{NAME}-server", f"{NAME}-model", f"{NAME}-replay"]


def test_a_replay_sends_the_same_to_all_and_counts_the_answers(tmp_path: Path) -> None:
    """Both addresses get the file's requests in order, one address's errors do not stop the other's."""
    seen: dict[str, list[bytes]] = {"/good": [], "/bad": []}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen[self.path].append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/good" else 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
            """Keep silent."""

    requests = tmp_path / "replay.jsonl"
    requests.write_text('{"a": 1}\n{"b": 2}\n')
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        urls = [f"http://127.0.0.1:{server.server_port}{path}" for path in seen]
        words = (sys.executable, str(REPLAY), str(requests), "50", "0.5", *urls)
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        server.shutdown()
    assert [line.rpartition(" ")[0] for line in done.stdout.splitlines()] == [f"{urls[1]} 500", f"{urls[0]} 200"]
    assert all(bodies[:3] == [b'{"a": 1}', b'{"b": 2}', b'{"a": 1}'] for bodies in seen.values())


def test_a_replay_without_requests_says_so(tmp_path: Path) -> None:
    """An empty file is no success."""
    (tmp_path / "replay.jsonl").write_text("\n")
    words = (sys.executable, str(REPLAY), str(tmp_path / "replay.jsonl"), "1", "1", "http://x")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'replay.jsonl'}: there are no requests to replay\n")


@pytest.mark.parametrize("traffic", [b"live", b"replay"])
def test_the_lint_finds_nothing_but_weights(helm: Helm, first_release: bytes, next_release: bytes, traffic: bytes) -> None:
    """What the chart renders has no error; the shares that whole pods allow are said in words."""
    found = []
    for content in (first_release, next_release):
        found += lint(list(helm.objects(content.replace(b"traffic: live", b"traffic: " + traffic)).values()))
    assert {one.fix for one in found} == {
        "whole pods divide the traffic: more replicas come nearer",
        "leave one of them out, or raise the replicas",
    }
    assert [f"{one.severity}: {one.where}: {one.what}" for one in found] == [
        f"note: Rollout/{NAME}: step 1: 10% of 1 replica is really 50%: 1 of 2 pods",
        f"note: Rollout/{NAME}: step 3: 50% is 1 of 2 pods, as with the weight before",
        f"note: Rollout/{NAME}: step 1: 10% of 5 replicas is really 17%: 1 of 6 pods",
    ]
