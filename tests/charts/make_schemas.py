"""Makes `release/adapters/schemas/` from what a cluster says of itself: strict schemas of what charts/model renders.

Run it when Argo Rollouts or Kubernetes change those kinds: `python tests/charts/make_schemas.py`, with kubectl and a cluster
that has them all. The Prometheus operator's are not among them.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "release" / "adapters" / "schemas"
CORE = {
    "api/v1": ("io.k8s.api.core.v1.Service", "io.k8s.api.core.v1.ServiceAccount"),
    "apis/networking.k8s.io/v1": ("io.k8s.api.networking.v1.NetworkPolicy",),
    "apis/policy/v1": ("io.k8s.api.policy.v1.PodDisruptionBudget",),
    "apis/autoscaling/v2": ("io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",),
}
KINDS = {"rollouts.argoproj.io": "rollout", "analysistemplates.argoproj.io": "analysistemplate"}
# What the API server or an editor makes use of, and a validator does not.
DROPPED = frozenset({"description", "default", "example", "format"})


def strict(schema: Any) -> Any:
    """Return a part of a structural schema as JSON Schema, without prose, in which only what is declared may be said."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: strict(value) for key, value in schema.items() if key not in {*DROPPED, "properties"}}
    kept = {key: value for key, value in said.items() if not key.startswith("x-kubernetes-")}
    if "properties" in schema:
        kept["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if "properties" in schema and not open_ended:
        kept["additionalProperties"] = False
    return kept


def resolved(schema: Any, every: dict[str, Any]) -> Any:
    """Return a part of an OpenAPI document with the parts that it refers to in their places."""
    if isinstance(schema, list):
        return [resolved(one, every) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(every[schema["$ref"].rpartition("/")[2]], every)
    if [list(one) for one in schema.get("allOf", [])] == [["$ref"]]:
        return resolved(schema["allOf"][0], every)
    return {key: resolved(value, every) for key, value in schema.items()}


def quantity(schema: Any) -> Any:
    """Return what OpenAPI says of a quantity or a port, which may be a number or a text, as JSON Schema says it."""
    if isinstance(schema, list):
        return [quantity(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "oneOf" in schema:
        return {"type": ["string", "number"]}
    return {key: quantity(value) for key, value in schema.items()}


def document(made: dict[str, Any], title: str) -> bytes:
    """Return a kind's schema as a file; metadata and status are the API server's to check."""
    made["properties"].pop("status", None)
    made["properties"]["metadata"] = {"type": "object"}
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": title}
    return json.dumps(head | made, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def asked(*words: str) -> dict[str, Any]:
    """Return what kubectl answers."""
    answer = subprocess.run(["kubectl", "get", *words], capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(answer)
    return found


def main() -> None:
    """Write a file for each kind, named as kubeconform looks for it."""
    for name, kind in KINDS.items():
        (found,) = [one for one in asked("crd", name, "-o", "json")["spec"]["versions"] if one["name"] == "v1alpha1"]
        content = document(strict(found["schema"]["openAPIV3Schema"]), f"{kind} v1alpha1")
        (FOLDER / f"{kind}-argoproj-v1alpha1.json").write_bytes(content)
    for place, names in CORE.items():
        every = asked("--raw", f"/openapi/v3/{place}")["components"]["schemas"]
        group, version = place.split("/")[-2].split(".")[0], place.rpartition("/")[2]
        for name in names:
            kind = name.rpartition(".")[2]
            made = {**every[name], "properties": {k: v for k, v in every[name]["properties"].items() if k != "metadata"}}
            suffix = version if group == "api" else f"{group}-{version}"
            content = document(strict(quantity(resolved(made, every))), f"{kind} {version}")
            (FOLDER / f"{kind.lower()}-{suffix}.json").write_bytes(content)


if __name__ == "__main__":
    main()
