"""What the lint of rendered manifests finds: the chart's own renders, each spoilt in one way."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from release.artifact.findings import Severity
from release.artifact.rollout_lint import lint

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[1] / "charts" / "golden"
NAME = "breast-cancer-staging"
Objects = dict[tuple[str, str], dict[str, Any]]


def load(scenario: str) -> Objects:
    found = [one for one in yaml.safe_load_all((GOLDEN / scenario / "manifests.yaml").read_text()) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def errors(objects: Objects) -> list[str]:
    return [str(one) for one in lint(list(objects.values())) if one.severity is Severity.ERROR]


def notes(objects: Objects) -> list[str]:
    return [str(one) for one in lint(list(objects.values())) if one.severity is Severity.NOTE]


def rollout(objects: Objects) -> dict[str, Any]:
    return objects["Rollout", NAME]["spec"]


def canary(objects: Objects) -> dict[str, Any]:
    return rollout(objects)["strategy"]["canary"]


def step(objects: Objects) -> dict[str, Any]:
    return canary(objects)["steps"][1]["analysis"]


def template(objects: Objects) -> dict[str, Any]:
    return objects["AnalysisTemplate", f"{NAME}-server"]["spec"]


def metric(objects: Objects) -> dict[str, Any]:
    return template(objects)["metrics"][0]


def service(objects: Objects, pods: str) -> dict[str, Any]:
    return objects["Service", f"{NAME}{pods}"]["spec"]


def condition(text: str) -> Callable[[Objects], object]:
    return lambda objects: metric(objects).update(successCondition=text)


SERVER = f"AnalysisTemplate/{NAME}-server: metric error-rate"
SPOILT: dict[str, tuple[Callable[[Objects], object], str]] = {
    "a tag": (
        lambda objects: rollout(objects)["template"]["spec"]["containers"][0].update(image="r.example/m:v1"),
        (
            f"error: Rollout/{NAME}: container model runs r.example/m:v1, which can change under its name; "
            "name the image by digest"
        ),
    ),
    "another selector": (
        lambda objects: rollout(objects)["selector"]["matchLabels"].update(app="x"),
        f"error: Rollout/{NAME}: its selector does not match its own pods; repeat the selector's labels in the template",
    ),
    "a rollback window": (
        lambda objects: rollout(objects).update(rollbackWindow={"revisions": 3}),
        (
            f"error: Rollout/{NAME}: rollbackWindow promotes a release that was rejected before, without any analysis; "
            "take it out; `release rollback` skips the canary where that is safe"
        ),
    ),
    "no deadline": (
        lambda objects: rollout(objects).pop("progressDeadlineAbort"),
        f"error: Rollout/{NAME}: a canary whose image cannot be pulled is never aborted; set progressDeadlineAbort: true",
    ),
    "a Service that is not there": (
        lambda objects: objects.pop(("Service", f"{NAME}-canary")),
        (
            f"error: Rollout/{NAME}: canaryService {NAME}-canary is not among the manifests; "
            "render that Service, or correct the name"
        ),
    ),
    "one Service for both": (
        lambda objects: canary(objects).update(canaryService=f"{NAME}-stable"),
        f"error: Rollout/{NAME}: canaryService and stableService are the same; give each a Service of its own",
    ),
    "a Service of other pods": (
        lambda objects: service(objects, "-stable")["selector"].update(app="x"),
        f"error: Service/{NAME}-stable: does not select the Rollout's pods; give it the pods' labels as selector",
    ),
    "a port that is none": (
        lambda objects: service(objects, "")["ports"][0].update(targetPort="grpc"),
        f"error: Service/{NAME}: its target port grpc is no port of the pods; use one of 8080, http",
    ),
    "no live Service": (
        lambda objects: objects.pop(("Service", NAME)),
        (
            f"error: Rollout/{NAME}: no Service sends live traffic to canary and stable pods together; "
            "add a Service with the pods' labels that the Rollout does not name"
        ),
    ),
    "a template that is not there": (
        lambda objects: step(objects)["templates"].append({"templateName": "other"}),
        f"error: Rollout/{NAME}: step 2: there is no AnalysisTemplate other among the manifests; render it with the Rollout",
    ),
    "a shared template": (
        lambda objects: objects["AnalysisTemplate", f"{NAME}-replay"].update(kind="ClusterAnalysisTemplate"),
        (
            f"error: ClusterAnalysisTemplate/{NAME}-replay: is shared by all Applications that render it; "
            "use a namespaced AnalysisTemplate named by release"
        ),
    ),
    "an argument that is not given": (
        lambda objects: step(objects)["args"].pop(),
        f"error: Rollout/{NAME}: step 2: {NAME}-server needs the argument window, which has no value; give it in args",
    ),
    "an argument that nobody wants": (
        lambda objects: step(objects)["args"].append({"name": "windows", "value": "1m"}),
        (
            f"error: Rollout/{NAME}: step 2: gives the argument windows, which no template declares; "
            "take it out or correct its name"
        ),
    ),
    "an argument that is not declared": (
        lambda objects: template(objects)["args"].pop(0),
        (
            f"error: AnalysisTemplate/{NAME}-server: uses the argument canary-hash, which it does not declare; "
            "add canary-hash to spec.args"
        ),
    ),
    "the same metric twice": (
        lambda objects: template(objects)["metrics"].append(copy.deepcopy(metric(objects))),
        f"error: Rollout/{NAME}: step 2: two templates measure error-rate; rename one of the metrics",
    ),
    "one condition": (
        lambda objects: metric(objects).pop("failureCondition"),
        (
            f"error: {SERVER}: has no failureCondition: no answer from Prometheus then passes for a verdict; "
            "write both, so that an empty answer is neither"
        ),
    ),
    "a number": (
        condition("result <= 0.01"),
        (
            f"error: {SERVER}: successCondition: takes the answer for a number, but Prometheus answers with a list; "
            "write result[0]"
        ),
    ),
    "no look at an empty answer": (
        condition("!isNaN(result[0]) && result[0] <= 0.01"),
        f"error: {SERVER}: successCondition: does not look whether there is an answer; begin with `len(result) == 1 &&`",
    ),
    "no look at no number": (
        condition("len(result) > 0 && result[0] <= 0.01"),
        f"error: {SERVER}: successCondition: does not look whether the answer is a number; add `!isNaN(result[0]) &&`",
    ),
    "measured at once": (
        lambda objects: metric(objects).pop("initialDelay"),
        (
            f"error: {SERVER}: the first measurement comes 0 s after the step began, before any traffic was seen; "
            "set initialDelay to the interval, 30s"
        ),
    ),
    "never inconclusive": (
        lambda objects: metric(objects).update(inconclusiveLimit=5),
        f"error: {SERVER}: passes when none of its 5 measurements could tell; set inconclusiveLimit to 4",
    ),
    "measured for ever": (
        lambda objects: metric(objects).pop("count"),
        f"error: Rollout/{NAME}: step 2: error-rate of {NAME}-server is measured for ever; set its count",
    ),
    "a hook": (
        lambda objects: objects["Service", NAME]["metadata"].update(annotations={"argocd.argoproj.io/hook": "PostSync"}),
        f"error: Service/{NAME}: argocd.argoproj.io/hook makes Argo CD wait, and a restore with it; take the annotation out",
    ),
}


@pytest.mark.parametrize("scenario", sorted(path.name for path in GOLDEN.iterdir()))
def test_the_charts_own_renders_have_no_error(scenario: str) -> None:
    """Whatever the values, the chart renders nothing that must not be deployed."""
    assert errors(load(scenario)) == []


@pytest.mark.parametrize("case", SPOILT)
def test_finds(case: str) -> None:
    """Each mistake is found, in words that say where and what to do."""
    objects = load("replay")
    spoil, message = SPOILT[case]
    spoil(objects)
    assert message in errors(objects)


@pytest.mark.parametrize(
    ("limit", "what"),
    [(0, "the canary pauses after 1 of 5"), (3, "the canary pauses after 4 of 5")],
)
def test_notes_an_impatient_metric(limit: int, what: str) -> None:
    """A pause that comes before all measurements were tried is worth knowing."""
    objects = load("canary")
    metric(objects)["inconclusiveLimit"] = limit
    (found,) = (one for one in notes(objects) if "pauses" in one)
    assert found == f"note: {SERVER}: {what} measurements that could not tell; set inconclusiveLimit to 4"


def test_notes_a_query_without_a_least_number_of_requests() -> None:
    """A share of two requests says nothing."""
    objects = load("canary")
    metric(objects)["provider"]["prometheus"]["query"] = "sum(rate(errors[1m])) / sum(rate(requests[1m]))"
    assert f"note: {SERVER}: the query asks for no least number of requests; append `and on() (… >= N)`" in notes(objects)


@pytest.mark.parametrize(
    ("replicas", "weights", "expected"),
    [
        (3, [10], ["step 1: 10% of 3 replicas is really 25%: 1 of 4 pods"]),
        (10, [10, 50], []),
        (2, [10, 20], ["step 1: 10% of 2 replicas is really 33%: 1 of 3 pods", "step 2: 20% is 1 of 3 pods, as with"]),
        (4, [25, 100], ["step 2: at 100% no stable pod is left"]),
        (0, [10], []),
    ],
)
def test_says_which_share_a_weight_really_is(replicas: int, weights: list[int], expected: list[str]) -> None:
    """Whole pods, in words; steps that change nothing, or leave nothing to compare with, are named."""
    objects = load("canary")
    rollout(objects)["replicas"] = replicas
    canary(objects)["steps"] = [{"setWeight": weight} for weight in weights]
    found = [one for one in notes(objects) if ": step " in one]
    assert len(found) == len(expected)
    assert all(part in one for part, one in zip(expected, found, strict=True))


def test_a_step_without_a_canary_pod_is_an_error() -> None:
    """Without a surge some weights leave the canary no pod at all, and its analysis no traffic."""
    objects = load("canary")
    rollout(objects)["replicas"] = 2
    canary(objects).update(maxSurge=0, steps=[{"setWeight": 75}])
    assert f"error: Rollout/{NAME}: step 1: 75% of 2 replicas is no pod at all; allow a surge of a pod" in errors(objects)


def test_an_autoscaler_decides_from_its_least_pods_and_alone() -> None:
    """The share is that of the fewest pods; replicas beside an autoscaler, or one behind the Rollout, are errors."""
    objects = load("autoscaled")
    assert [one for one in notes(objects) if "of 2 replicas" in one] != []
    rollout(objects)["replicas"] = 2
    scaler = f"HorizontalPodAutoscaler/{NAME}"
    assert errors(objects) == [f"error: Rollout/{NAME}: sets replicas, which {scaler} sets too; leave replicas out"]
    objects["HorizontalPodAutoscaler", NAME]["spec"]["scaleTargetRef"] = {"kind": "ReplicaSet", "name": "x"}
    assert errors(objects) == [f"error: {scaler}: scales ReplicaSet/x behind the Rollout's back; target the Rollout"]


def test_notes_that_nothing_judges() -> None:
    """Without steps, or with steps that only wait, no release becomes verified; a restore is known to have none."""
    objects = load("no-steps")
    assert [one.partition("; ")[0] for one in notes(objects)] == [
        f"note: Rollout/{NAME}: nothing judges a canary: there are no steps, and so no release can become verified"
    ]
    objects = load("canary")
    canary(objects)["steps"] = [{"setWeight": 50}, {"pause": {}}]
    assert any("nothing judges a canary: it only waits" in one for one in notes(objects))


def test_errors_come_before_notes() -> None:
    """What must be changed is read first."""
    objects = load("canary")
    rollout(objects).pop("progressDeadlineAbort")
    assert [one.severity for one in lint(list(objects.values()))] == [Severity.ERROR, Severity.NOTE]


def test_other_objects_are_left_alone() -> None:
    """A Rollout of another strategy, and what is no Rollout, are somebody else's."""
    blue = {"kind": "Rollout", "metadata": {"name": "x"}, "spec": {"strategy": {"blueGreen": {}}, "template": {}}}
    assert lint([blue, {"kind": "ConfigMap", "metadata": {"name": "y"}}]) == ()
