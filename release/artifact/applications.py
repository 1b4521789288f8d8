"""An Argo CD Application, as the Kubernetes API writes it, turned into what it says of a release's delivery.

Pure, and tolerant of what is not there. Argo CD's Healthy is no evidence that a release serves (it shows what was there
before), so nothing here is read by `release.artifact.meaning`: it explains to people why a cluster does not follow Git.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from release.observed import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SKIP = "argocd.argoproj.io/skip-reconcile"
_SHOWN = 5


def delivery(application: Mapping[str, Any]) -> Delivery:
    """Return what one read of an Application says."""
    meta, spec, status = application["metadata"], application.get("spec") or {}, application.get("status") or {}
    sync = status.get("sync") or {}
    drifted = [one for one in status.get("resources") or () if one.get("status") == "OutOfSync"]
    return Delivery(
        name=str(meta.get("name")),
        sync=str(sync.get("status") or "Unknown"),
        health=str((status.get("health") or {}).get("status") or "Unknown"),
        revision=sync.get("revision") or None,
        paused=_paused(meta, spec),
        drifted=tuple(f"{one.get('kind')} {one.get('name')}" for one in drifted[:_SHOWN]),
        troubles=tuple(dict.fromkeys(_troubles(status)))[:_SHOWN],
    )


def _paused(meta: Mapping[str, Any], spec: Mapping[str, Any]) -> str | None:
    if str((meta.get("annotations") or {}).get(_SKIP)).lower() == "true":
        return f"its annotation {_SKIP} is true"
    automated = (spec.get("syncPolicy") or {}).get("automated")
    if automated is None or automated.get("enabled") is False:
        return "its automated sync is off"
    return None


def _troubles(status: Mapping[str, Any]) -> Iterator[str]:
    for condition in status.get("conditions") or ():
        if str(condition.get("type")).endswith("Error"):
            yield _line(f"{condition.get('type')}: {condition.get('message')}")
    operation = status.get("operationState") or {}
    if operation.get("phase") in {"Failed", "Error"}:
        yield _line(f"its last sync {operation['phase'].lower()}: {operation.get('message')}")


def _line(text: str) -> str:
    """Return what others wrote as one line of printable text."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
