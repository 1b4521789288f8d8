"""The canary of charts/model on a real cluster: what is promoted, what is aborted, and what merely cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployed import Model

METRICS = {"error-rate", "latency", "score-psi", "prediction-rate", "null-rate", "refused-rate"}


def healthy(status: dict[str, Any]) -> bool:
    return status.get("phase") == "Healthy" and status["stableRS"] == status["currentPodHash"]


def aborted(status: dict[str, Any]) -> bool:
    return status.get("abort") is True and status.get("phase") == "Degraded"


def test_a_good_canary_is_promoted_and_no_request_is_lost(model: Model, image: Callable[[str], tuple[str, str]]) -> None:
    """Every metric was measured on live traffic and succeeded; a restore by `fast` then needs no analysis."""
    first = model.served()
    with model.load() as answers:
        model.release("good", version="v2")
        model.wait(healthy, "v2 to be promoted")
        (analysis,) = model.runs()
        assert analysis["status"]["phase"] == "Successful"
        assert {name: one["phase"] for name, one in model.measured().items()} == dict.fromkeys(METRICS, "Successful")
        model.release("good", version="v1", fast=True)
        model.wait(healthy, "v1 to be restored")
        assert model.runs() == []
    assert set(answers) == {"200"}
    assert model.served() == first == image("good")[1]


@pytest.mark.parametrize(
    ("behaviour", "metric"),
    [
        ("errors", "error-rate"),
        ("slow", "latency"),
        ("shifted", "score-psi"),
        ("missing", "null-rate"),
        ("refuses", "refused-rate"),
    ],
)
def test_a_bad_canary_is_aborted_by_the_metric_that_sees_it(model: Model, behaviour: str, metric: str) -> None:
    """The metric is Failed, with its number; the stable release goes on serving."""
    before = model.served()
    with model.load():
        model.release(behaviour, version="v2")
        model.wait(aborted, "the canary to be aborted")
    failed = {name for name, one in model.measured().items() if one["phase"] == "Failed"}
    assert metric in failed
    assert float(model.measured()[metric]["measurements"][-1]["value"].strip("[]")) > 0
    assert failed - {metric} <= ({"prediction-rate"} if behaviour == "shifted" else set())
    assert model.runs()[-1]["status"]["phase"] == "Failed"
    assert model.served() == before


def test_a_rejected_release_that_is_named_again_is_judged_again(model: Model) -> None:
    """Neither the restore nor the AnalysisRun of the first time lets the same pods through."""
    with model.load():
        model.release("errors", version="v2")
        rejected = model.wait(aborted, "the canary to be aborted")["currentPodHash"]
        model.release("good", version="v1", fast=True)
        model.wait(healthy, "v1 to be restored")
        assert model.runs() == []
        model.release("errors", version="v2")
        again = model.wait(aborted, "the canary to be aborted again")
    assert again["currentPodHash"] == rejected
    assert [one["status"]["phase"] for one in model.runs()] == ["Failed"]


def test_no_traffic_pauses_and_never_passes(model: Model) -> None:
    """Without requests every metric is Inconclusive, and the canary waits where it is."""
    model.release("good", version="v2")
    model.wait(lambda status: status.get("phase") == "Paused", "the canary to pause")
    assert model.runs()[-1]["status"]["phase"] == "Inconclusive"
    assert {one["phase"] for one in model.measured().values()} == {"Inconclusive"}
    status = model.rollout["status"]
    assert [one["reason"] for one in status["pauseConditions"]] == ["InconclusiveAnalysisRun"]
    assert status["stableRS"] != status["currentPodHash"]


def test_a_replay_judges_a_canary_that_has_no_traffic(model: Model) -> None:
    """Requests from the image are sent to canary and stable while the canary is judged, and the model is promoted."""
    model.release("good", version="v2", traffic="replay")
    model.wait(healthy, "v2 to be promoted")
    results = model.measured()
    assert {name: one["phase"] for name, one in results.items()} == dict.fromkeys(METRICS | {"replay"}, "Successful")
    assert results["replay"]["dryRun"] is True


def test_a_replay_finds_a_shifted_model_without_a_user(model: Model) -> None:
    """The canary's scores of the same requests differ, and nobody else has asked it anything."""
    model.release("shifted", version="v2", traffic="replay")
    model.wait(aborted, "the canary to be aborted")
    assert model.measured()["score-psi"]["phase"] == "Failed"


def test_prometheus_down_is_an_error_of_the_measurement(model: Model) -> None:
    """The canary is aborted, but no metric Failed: the abort says nothing of the model."""
    with model.load():
        model.release("good", version="v2", prometheus="http://127.0.0.1:9")
        model.wait(aborted, "the canary to be aborted")
    assert model.runs()[-1]["status"]["phase"] == "Error"
    assert "Failed" not in {one["phase"] for one in model.measured().values()}


def test_an_image_that_cannot_be_pulled_is_aborted_by_the_deadline(model: Model) -> None:
    """No AnalysisRun has started, no pod was taken from the stable release, and the canary does not stay."""
    with model.load(10) as answers:
        model.release("good", version="v2", digest="sha256:" + "0" * 64, deadline="15s")
        model.wait(aborted, "the canary to be aborted")
    assert model.runs() == []
    assert set(answers) == {"200"}
    assert model.rollout["status"]["availableReplicas"] == 3
