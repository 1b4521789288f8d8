"""What people look for in rendered manifests, in a few words each: image, pods, canary, limits.

Pure: one parsed object in, facts by name out. Two renders are compared in `release.artifact.manifest_change`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from release.artifact.rollout_weights import achieved, surge_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")
_LIMIT = re.compile(r"result\[0\]\s*(<=|<|>=|>)\s*(\S+)")
_ENOUGH = re.compile(r">= (\d+)\)")
_SAID = {"<=": "at most", "<": "below", ">=": "at least", ">": "above"}
_HALF = 0.5


def facts(manifest: Mapping[str, Any], *, replicas: int | None) -> dict[str, str]:
    """Return what is worth saying of one object, by name; nothing for a kind that is not known here.

    `replicas` is the number of pods by which the canary's weights are judged, None where nothing says it.
    """
    match manifest.get("kind"):
        case "Rollout":
            return _rollout(manifest, replicas)
        case "AnalysisTemplate":
            return _analysis(manifest)
        case "HorizontalPodAutoscaler":
            spec = manifest["spec"]
            return {"autoscaler": f"{spec.get('minReplicas', 1)} to {spec['maxReplicas']} pods"}
        case _:
            return {}


def _rollout(manifest: Mapping[str, Any], replicas: int | None) -> dict[str, str]:
    spec, labels = manifest["spec"], manifest["metadata"].get("labels") or {}
    found = {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    for container in pod.get("containers") or ():
        name = "" if len(pod["containers"]) == 1 else f" of {container['name']}"
        found[f"image{name}"] = _short(container.get("image"))
        limits = (container.get("resources") or {}).get("limits") or {}
        found |= {f"{kind}{name}": str(amount) for kind, amount in sorted(limits.items())}
    digest = (template.get("metadata") or {}).get("annotations", {}).get("model-release/model-digest")
    found |= {"model": _short(digest)} if digest else {}
    found |= {"version": str(labels["app.kubernetes.io/version"])} if "app.kubernetes.io/version" in labels else {}
    found |= {"replicas": str(spec["replicas"])} if "replicas" in spec else {}
    canary = (spec.get("strategy") or {}).get("canary") or {}
    return found | {"canary": _steps(canary, replicas)}


def _steps(canary: Mapping[str, Any], replicas: int | None) -> str:
    """Write the weights, and what whole pods make of each where that is something else."""
    said = []
    for step in canary.get("steps") or ():
        if "setWeight" not in step:
            continue
        weight = int(step["setWeight"])
        share = achieved(replicas, weight, surge=surge_of(replicas, canary.get("maxSurge"))) if replicas else None
        exact = share is None or canary.get("trafficRouting") or abs(share.percent - weight) < _HALF
        really = "" if exact or share is None else f" (really {share.percent:.0f}%, {share.canary} of {share.total} pods)"
        said.append(f"{weight}%{really}")
    return ", ".join(said) or "none, all pods are replaced at once"


def _analysis(manifest: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for metric in manifest["spec"].get("metrics") or ():
        provider = (metric.get("provider") or {}).get("prometheus")
        if provider is None:
            continue
        name = metric["name"]
        limit = _LIMIT.search(str(metric.get("successCondition")))
        condition = f"{_SAID[limit[1]]} {limit[2]}" if limit else str(metric.get("successCondition"))
        found[f"limit of {name}"] = condition
        found["measurements"] = f"{metric.get('count', 'for ever')} every {metric.get('interval', '?')}"
        enough = _ENOUGH.search(str(provider.get("query")))
        found |= {"requests a measurement needs": enough[1]} if enough else {}
    return found


def _short(text: object) -> str:
    """Shorten a digest in a text to the 12 digits that people compare."""
    return _DIGEST.sub(r"\1", str(text))
