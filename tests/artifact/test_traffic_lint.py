"""Whether live traffic can judge a canary."""

from __future__ import annotations

from typing import Any

import pytest

from release.artifact.findings import Severity
from release.artifact.traffic_lint import lint_traffic


def values(rps: float | None, *, replicas: int = 3, steps: tuple[int, ...] = (10, 50), **over: Any) -> dict[str, Any]:
    analysis = {"interval": "30s", "count": 5, "min_requests": 200}
    rollout = {"steps": list(steps), "traffic": "live", "rps": rps, "analysis": analysis | over.pop("analysis", {})}
    return {"serving": {"replicas": replicas}, "rollout": rollout | over}


def told(found: dict[str, Any]) -> list[str]:
    return [str(one) for one in lint_traffic("rollout", found)]


def test_the_numbers_and_the_smallest_change_are_named() -> None:
    """10% of 3 replicas is one pod of four: a quarter of 5 requests/s for 150 s are 187.5, and six measurements see 225."""
    [line] = told(values(5))
    assert line == (
        "error: rollout: live traffic cannot judge the canary: 5 requests/s x 25% (1 of 4 pods) x 150 s are 187.5, "
        "and a measurement needs 200; rollout.analysis.count: 6 would do, a step of 180 s, or rollout.traffic: replay"
    )
    assert told(values(5, analysis={"count": 6})) == []


@pytest.mark.parametrize(("rps", "enough"), [(5.4, True), (5.3, False)])
def test_it_is_the_share_that_whole_pods_have_which_counts(rps: float, *, enough: bool) -> None:
    """At 10% of the traffic 5.4 requests/s would be 81 in 150 s; a pod of four sees 202.5."""
    assert (told(values(rps)) == []) is enough


def test_exactly_enough_is_enough() -> None:
    """0.1 times 3 and the like must not be a request short for want of binary fractions: 50% x 0.2/s x 150 s are 15."""
    assert told(values(0.2, replicas=1, analysis={"min_requests": 15})) == []
    assert told(values(0.2, replicas=1, analysis={"min_requests": 16}))


def test_an_autoscaled_model_is_judged_by_its_fewest_pods() -> None:
    """There a pod is the largest share, but at least one of two must be there to have any."""
    scaled = values(3, replicas=10) | {"autoscaling": {"enabled": True, "min": 2}}
    assert "(1 of 3 pods)" in told(scaled)[0]
    assert told(values(3, replicas=2)) == told(scaled)


def test_traffic_that_nobody_stated_is_refused_with_both_ways_out() -> None:
    """Unknown is not enough; people say what it is, or have requests replayed."""
    [line] = told(values(None))
    assert line.endswith("say rollout.rps, the requests a second that the service usually sees, or rollout.traffic: replay")


def test_where_no_count_would_do_only_replay_is_named() -> None:
    """Nobody waits a thousand measurements for a step; and nothing comes of no requests."""
    assert told(values(0.001))[0].endswith("; only rollout.traffic: replay would do")
    assert told(values(0))[0].endswith("; only rollout.traffic: replay would do")


@pytest.mark.parametrize(
    "found",
    [values(None, traffic="replay"), values(None, steps=()), values(None, replicas=0)],
    ids=["replayed", "no steps", "retired"],
)
def test_without_a_live_canary_there_is_nothing_to_ask(found: dict[str, Any]) -> None:
    """Replay sends as many as are needed; no steps and no pods are no canary."""
    assert told(found) == []


@pytest.mark.parametrize(
    "found",
    [
        {"serving": {}, "rollout": {"steps": [10], "rps": 1, "analysis": {"interval": "soon", "count": 5}}},
        {"serving": {"replicas": "many"}, "rollout": {}},
        {"serving": None, "rollout": {}},
        {},
    ],
)
def test_values_of_another_form_are_one_error(found: dict[str, Any]) -> None:
    """Where no helm is installed, nobody else would have said so."""
    assert [one.severity for one in lint_traffic("rollout", found)] == [Severity.ERROR]
