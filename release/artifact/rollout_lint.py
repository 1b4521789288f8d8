"""What no linter of Kubernetes knows of an Argo Rollouts canary, because a Rollout is none of its kinds.

Pure: manifests as parsed YAML in, findings out. Whoever renders or reads them is elsewhere, and so is what is done about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from release.artifact import analysis_lint
from release.artifact.findings import Finding, error, note
from release.artifact.rollout_weights import achieved, surge_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_ALL = 100
_HALF = 0.5


def lint(manifests: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Return what is wrong with, or worth knowing of, the rendered manifests of one model in one environment.

    Looked at: the Rollout's images, Services, steps and analyses, its autoscaler, and the AnalysisTemplates. Objects of
    other kinds, and Rollouts without a canary, are left alone. Errors come before notes.
    """
    found = [finding for one in manifests if one.get("kind") == "Rollout" for finding in _lint_rollout(one, manifests)]
    for one in manifests:
        if one.get("kind") in {"AnalysisTemplate", "ClusterAnalysisTemplate"}:
            found += analysis_lint.lint_template(one)
        found += _lint_order(one)
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _lint_order(one: Mapping[str, Any]) -> Iterator[Finding]:
    for key in one["metadata"].get("annotations") or {}:
        if key.startswith(("helm.sh/hook", "argocd.argoproj.io/hook", "argocd.argoproj.io/sync-wave")):
            where = f"{one['kind']}/{one['metadata']['name']}"
            yield error(where, f"{key} makes Argo CD wait, and a restore with it", "take the annotation out")


def _lint_rollout(rollout: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    where, spec = f"Rollout/{rollout['metadata']['name']}", rollout["spec"]
    canary = (spec.get("strategy") or {}).get("canary")
    if canary is None or "template" not in spec:
        return
    yield from _lint_pod(where, spec)
    yield from _lint_services(where, spec, canary, manifests)
    yield from _lint_autoscaler(where, rollout, manifests)
    yield from _lint_analyses(where, canary, manifests)
    yield from _lint_steps(where, _replicas(rollout, manifests), canary)


def _lint_pod(where: str, spec: Mapping[str, Any]) -> Iterator[Finding]:
    pod = spec["template"]["spec"]
    for container in (*(pod.get("initContainers") or ()), *pod["containers"]):
        if not _DIGEST.fullmatch(str(container.get("image"))):
            what = f"container {container['name']} runs {container.get('image')}, which can change under its name"
            yield error(where, what, "name the image by digest")
    labels = spec["template"]["metadata"].get("labels") or {}
    if not _selects((spec.get("selector") or {}).get("matchLabels"), labels):
        yield error(where, "its selector does not match its own pods", "repeat the selector's labels in the template")
    if spec.get("rollbackWindow") is not None:
        what = "rollbackWindow promotes a release that was rejected before, without any analysis"
        yield error(where, what, "take it out; `release rollback` skips the canary where that is safe")
    if spec.get("progressDeadlineAbort") is not True:
        what = "a canary whose image cannot be pulled is never aborted"
        yield error(where, what, "set progressDeadlineAbort: true")


def _lint_services(
    where: str, spec: Mapping[str, Any], canary: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    services = {one["metadata"]["name"]: one["spec"] for one in manifests if one.get("kind") == "Service"}
    pod = spec["template"]
    labels = pod["metadata"].get("labels") or {}
    ports = {value for one in pod["spec"]["containers"] for port in one.get("ports") or () for value in _port(port)}
    named = {key: canary.get(key) for key in ("canaryService", "stableService")}
    for key, name in named.items():
        if name is not None and name not in services:
            yield error(where, f"{key} {name} is not among the manifests", "render that Service, or correct the name")
    if named["canaryService"] is not None and named["canaryService"] == named["stableService"]:
        yield error(where, "canaryService and stableService are the same", "give each a Service of its own")
    live = []
    for name, service in services.items():
        if _selects(service.get("selector"), labels):
            yield from _lint_ports(f"Service/{name}", service, ports)
            live += [name] if name not in named.values() else []
        elif name in named.values():
            yield error(f"Service/{name}", "does not select the Rollout's pods", "give it the pods' labels as selector")
    if any(named.values()) and not canary.get("trafficRouting") and not live:
        # Both named Services are narrowed to one hash each: clients of either would see all of one kind of pod, or none.
        fix = "add a Service with the pods' labels that the Rollout does not name"
        yield error(where, "no Service sends live traffic to canary and stable pods together", fix)


def _lint_ports(where: str, service: Mapping[str, Any], ports: Collection[object]) -> Iterator[Finding]:
    for port in service.get("ports") or ():
        target = port.get("targetPort", port["port"])
        if target not in ports:
            fix = f"use one of {', '.join(sorted(str(one) for one in ports))}"
            yield error(where, f"its target port {target} is no port of the pods", fix)


def _lint_autoscaler(where: str, rollout: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for scaler in _scalers(rollout, manifests):
        name = scaler["metadata"]["name"]
        if "replicas" in rollout["spec"]:
            yield error(where, f"sets replicas, which HorizontalPodAutoscaler/{name} sets too", "leave replicas out")
    for scaler in manifests:
        if scaler.get("kind") != "HorizontalPodAutoscaler":
            continue
        target = scaler["spec"]["scaleTargetRef"]
        if target["kind"] in {"ReplicaSet", "Deployment"}:
            what = f"scales {target['kind']}/{target['name']} behind the Rollout's back"
            yield error(f"HorizontalPodAutoscaler/{scaler['metadata']['name']}", what, "target the Rollout")


def _lint_analyses(where: str, canary: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    templates = analysis_lint.by_name(manifests)
    steps = canary.get("steps") or ()
    for number, step in enumerate(steps, 1):
        if "analysis" in step:
            yield from analysis_lint.lint_use(f"{where}: step {number}", step["analysis"], templates, inline=True)
    if canary.get("analysis"):
        yield from analysis_lint.lint_use(f"{where}: analysis", canary["analysis"], templates, inline=False)
    elif not any("analysis" in step for step in steps):
        what = "nothing judges a canary: there are no steps" if not steps else "nothing judges a canary: it only waits"
        yield note(where, f"{what}, and so no release can become verified", "add an analysis to the steps")


def _lint_steps(where: str, replicas: int, canary: Mapping[str, Any]) -> Iterator[Finding]:
    if canary.get("trafficRouting") or replicas == 0:
        return
    surge, count = surge_of(replicas, canary.get("maxSurge")), f"{replicas} replica{'' if replicas == 1 else 's'}"
    before = None
    for number, step in enumerate(canary.get("steps") or (), 1):
        if "setWeight" not in step:
            continue
        weight = int(step["setWeight"])
        share = achieved(replicas, weight, surge=surge)
        at, pods = f"{where}: step {number}", f"{share.canary} of {share.total} pods"
        if weight == _ALL:
            yield note(at, "at 100% no stable pod is left to compare the canary with", "end with a smaller share")
        elif share.canary == 0 < weight:
            yield error(at, f"{weight}% of {count} is no pod at all", "allow a surge of a pod")
        elif share == before:
            yield note(at, f"{weight}% is {pods}, as with the weight before", "leave one of them out, or raise the replicas")
        elif abs(share.percent - weight) >= _HALF:
            what = f"{weight}% of {count} is really {share.percent:.0f}%: {pods}"
            yield note(at, what, "whole pods divide the traffic: more replicas come nearer")
        before = share


def _replicas(rollout: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> int:
    """Return the fewest pods the Rollout has, which is where whole pods are coarsest."""
    least = [int(one["spec"].get("minReplicas") or 1) for one in _scalers(rollout, manifests)]
    replicas = rollout["spec"].get("replicas")
    return min(least) if least else 1 if replicas is None else int(replicas)


def _scalers(rollout: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    wanted = ("Rollout", rollout["metadata"]["name"])
    found = [one for one in manifests if one.get("kind") == "HorizontalPodAutoscaler"]
    targets = [(one["spec"]["scaleTargetRef"]["kind"], one["spec"]["scaleTargetRef"]["name"]) for one in found]
    return [one for one, target in zip(found, targets, strict=True) if target == wanted]


def _selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    return bool(selector) and (selector or {}).items() <= labels.items()


def _port(port: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(port[key] for key in ("name", "containerPort") if key in port)
