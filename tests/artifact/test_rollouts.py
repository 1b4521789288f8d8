"""What the Kubernetes API writes, as an observation: statuses as Argo Rollouts 1.10 wrote them, shortened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from release.artifact.rollouts import HASH, observation
from release.observed import Phase, RunPhase

ABORT = "RolloutAborted: Rollout aborted update to revision 2"
AT = datetime(2026, 11, 23, 14, 40, 5, tzinfo=UTC)


def rollout(status: dict[str, Any], **annotations: str) -> dict[str, Any]:
    meta = {"name": "churn-staging", "namespace": "models", "uid": "u1", "generation": 4}
    notes = {f"model-release/{name.replace('_', '-')}": value for name, value in annotations.items()}
    steps = [{"setWeight": 50}, {"analysis": {}}]
    spec = {"strategy": {"canary": {"steps": steps}}, "selector": {"matchLabels": {"app": "churn"}}}
    return {"metadata": {**meta, "annotations": notes}, "spec": spec, "status": status}


def owned(name: str, hash_: str, uid: str = "u1", **rest: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "labels": {HASH: hash_},
        "annotations": {"rollout.argoproj.io/revision": "2"},
        "ownerReferences": [{"uid": uid}],
    }
    return {"metadata": meta, **rest}


def replica_set(hash_: str, image: str, uid: str = "u1") -> dict[str, Any]:
    containers = [{"name": "sidecar", "image": "other"}, {"name": "model", "image": image}]
    return owned(f"churn-{hash_}", hash_, uid, spec={"template": {"spec": {"containers": containers}}})


def seen(status: dict[str, Any], **annotations: str) -> Any:
    return observation(rollout(status, **annotations), [], [])


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-23T14:40:05Z",
    }


def test_a_healthy_rollout() -> None:
    """Generations compare as the API writes them, one a number and the other text; the hour of health is known."""
    status = {
        "observedGeneration": "4",
        "phase": "Healthy",
        "stableRS": "f6",
        "currentPodHash": "f6",
        "currentStepIndex": 2,
        "conditions": [condition("Healthy", "True", "RolloutHealthy")],
    }
    found = seen(status, operation="sha256:1", timeout="5m", when_unsure="abort")
    assert (found.generation, found.observed_generation, found.phase) == ("4", "4", Phase.HEALTHY)
    assert (found.stable, found.current, found.step, found.steps, found.healthy_since) == ("f6", "f6", 2, 2, AT)
    assert (found.operation, found.timeout, found.when_unsure) == ("sha256:1", "5m", "abort")
    assert (found.aborted, found.late, found.unsure) == (None, None, None)


@pytest.mark.parametrize(
    ("reason", "message", "late"),
    [
        ("RolloutAborted", ABORT, None),
        ("RolloutAborted", f'{ABORT}: ReplicaSet "churn-79" has timed out progressing.', True),
        ("ProgressDeadlineExceeded", 'ReplicaSet "churn-79" has timed out progressing.', True),
        ("RolloutAborted", f'{ABORT}: Metric "error-rate" assessed Failed due to failed (1) > failureLimit (0)', None),
    ],
)
def test_an_abort_by_the_deadline_is_told_from_the_others(reason: str, message: str, late: bool | None) -> None:  # noqa: FBT001 (a case)
    """The flag is the same for all of them; the condition says why."""
    status = {
        "abort": True,
        "abortedAt": "2026-11-23T14:40:05Z",
        "phase": "Degraded",
        "conditions": [condition("Progressing", "False", reason, message)],
    }
    found = seen(status)
    assert (found.phase, found.aborted) == (Phase.DEGRADED, AT)
    assert found.late == (message if late else None)


def test_only_an_inconclusive_analysis_makes_a_pause_unsure() -> None:
    """A pause of the steps is as it should be."""
    paused = {"phase": "Paused", "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-23T14:40:05Z"}]}
    assert seen(paused).unsure is None
    paused["pauseConditions"] = [{"reason": "InconclusiveAnalysisRun", "startTime": "2026-11-23T14:40:05Z"}]
    assert seen(paused).unsure == AT


def test_a_rollout_that_nobody_has_looked_at_yet() -> None:
    """Without a status, nothing is claimed: not even that its generation was seen."""
    bare = rollout({})
    del bare["status"], bare["metadata"]["annotations"]
    found = observation(bare, [], [])
    assert (found.phase, found.stable, found.current, found.operation) == (Phase.UNKNOWN, None, None, None)
    assert found.generation != found.observed_generation


def test_images_are_those_of_our_own_replica_sets_model_container() -> None:
    """Another owner's ReplicaSet with the same label is none of ours."""
    status = {"stableRS": "a", "currentPodHash": "b"}
    sets = [replica_set("a", "m@sha256:1"), replica_set("b", "m@sha256:2"), replica_set("b", "evil", uid="u2")]
    found = observation(rollout(status), sets, [])
    assert (found.image(found.stable), found.image(found.current), found.image(None)) == ("m@sha256:1", "m@sha256:2", None)


def test_measurements_are_read_without_those_only_tried_out() -> None:
    """Of many the last five; text of others is one printable line; runs of other owners and other pods do not count."""
    measured = [{"phase": "Successful", "value": f"[{number}]"} for number in range(7)]
    results = [
        {"name": "error-rate", "phase": "Failed", "successful": 6, "measurements": measured, "message": "a\x1b[31m\nb"},
        {"name": "replay", "phase": "Failed", "dryRun": True},
    ]
    run = owned("run", "b", status={"phase": "Failed", "metricResults": results})
    others = [owned("theirs", "b", "u2", status={"phase": "Error"}), owned("old", "a", status={"phase": "Error"})]
    sets = [replica_set("b", "m@sha256:2")]
    found = observation(rollout({"currentPodHash": "b"}), sets, [run, owned("new", "b"), *others])
    first, second = found.runs()
    [metric] = first.metrics
    assert (first.phase, second.phase) == (RunPhase.FAILED, RunPhase.PENDING)
    assert (metric.successful, metric.values, metric.message) == (6, ("[2]", "[3]", "[4]", "[5]", "[6]"), "a [31m b")


@pytest.mark.parametrize(
    ("condition", "limit"),
    [
        ("len(result) == 1 && !isNaN(result[0]) && result[0] <= 0.01", "<= 0.01"),
        ("result < 1e-3", "< 1e-3"),
        ("result[0] > 1 && result[0] < 2", ""),
        ("default(result, 0) == 0", ""),
        ("", ""),
    ],
)
def test_a_metrics_limit_is_what_its_number_is_compared_with(condition: str, limit: str) -> None:
    """Without the guards around it; where there is no one number, nothing is claimed."""
    spec = {"metrics": [{"name": "error-rate", "count": 5, "successCondition": condition}]}
    run = owned("run", "f6", spec=spec, status={"metricResults": [{"name": "error-rate", "phase": "Running"}]})
    [one] = observation(rollout({}), [], [run]).analyses[0].metrics
    assert (one.limit, one.asked) == (limit, 5)


def test_a_count_that_is_no_number_is_not_known() -> None:
    """It may be an argument of the template, or left out."""
    spec = {"metrics": [{"name": "error-rate", "count": "{{args.count}}"}]}
    result = [{"name": name, "phase": "Running"} for name in ("error-rate", "unheard-of")]
    run = owned("run", "f6", spec=spec, status={"metricResults": result})
    assert [one.asked for one in observation(rollout({}), [], [run]).analyses[0].metrics] == [None, None]
