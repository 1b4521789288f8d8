"""What an Argo CD Application says of a delivery: whether it is paused, what differs, what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from release.artifact.applications import delivery


def application(**parts: Any) -> dict[str, Any]:
    """Make an Application that syncs by itself and has nothing to complain of."""
    return {
        "metadata": {"name": "churn-staging", **parts.pop("metadata", {})},
        "spec": {"syncPolicy": {"automated": {"selfHeal": True}}, **parts.pop("spec", {})},
        "status": {
            "sync": {"status": "Synced", "revision": "1" * 40},
            "health": {"status": "Healthy"},
            **parts.pop("status", {}),
        },
    }


def test_one_that_follows_git_has_nothing_in_the_way() -> None:
    """Its words, its commit, and nothing else."""
    seen = delivery(application())
    assert (seen.name, seen.sync, seen.health, seen.revision) == ("churn-staging", "Synced", "Healthy", "1" * 40)
    assert (seen.paused, seen.drifted, seen.troubles) == (None, (), ())


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"spec": {"syncPolicy": {}}}, "its automated sync is off"),
        ({"spec": {"syncPolicy": None}}, "its automated sync is off"),
        ({"spec": {"syncPolicy": {"automated": {"enabled": False}}}}, "its automated sync is off"),
        ({"spec": {"syncPolicy": {"automated": {}}}}, None),
        (
            {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}},
            "its annotation argocd.argoproj.io/skip-reconcile is true",
        ),
    ],
    ids=["off", "none", "disabled", "defaults", "skipped"],
)
def test_one_that_applies_nothing_by_itself_says_why(parts: dict[str, Any], why: str | None) -> None:
    """Each of the ways in which people pause one."""
    assert delivery(application(**parts)).paused == why


def test_what_differs_from_git_is_named() -> None:
    """Resources that are out of sync, a handful at most."""
    resources = [{"kind": "Service", "name": f"s{number}", "status": "OutOfSync"} for number in range(9)]
    seen = delivery(application(status={"resources": [{"kind": "Rollout", "name": "r", "status": "Synced"}, *resources]}))
    assert seen.drifted == tuple(f"Service s{number}" for number in range(5))


def test_complaints_are_one_printable_line_each_and_said_once() -> None:
    """Errors among the conditions and a sync that failed; warnings are not in the way."""
    conditions = [
        {"type": "ComparisonError", "message": "no\n\x1b[31msuch path"},
        {"type": "ComparisonError", "message": "no\n\x1b[31msuch path"},
        {"type": "OrphanedResourceWarning", "message": "left"},
    ]
    failed = {"phase": "Failed", "message": "immutable"}
    seen = delivery(application(status={"conditions": conditions, "operationState": failed}))
    assert seen.troubles == ("ComparisonError: no [31msuch path", "its last sync failed: immutable")


def test_one_that_was_never_looked_at_is_unknown() -> None:
    """Nothing is there yet, and nothing is invented."""
    seen = delivery({"metadata": {"name": "new"}})
    assert (seen.sync, seen.health, seen.revision) == ("Unknown", "Unknown", None)
