"""A budget of latency, end to end: real models, timed in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli_running import commit_all, edit, here, ok

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models/churn/model.yaml"
ESTIMATOR = "kind: logistic-regression"


def test_a_budget_is_judged_beside_the_champion(served: Path) -> None:
    """Both models' blocks are kept, what was timed is noted, and how they compare is told."""
    edit(served, MODEL, "looks: 5", "looks: 5\n  budgets: {latency_ms: 100000}")
    edit(served, MODEL, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}")
    commit_all(served, "A budget")
    ok(here(served, "train", "churn"))
    scored = ok(here(served, "evaluate", "churn", "--json")).document
    assert [len(scored[role]["latency_ms"]) for role in ("champion", "challenger")] == [24, 24]
    [note] = [one for one in scored["notes"] if one.startswith("latency is of ")]
    assert note.endswith("24 blocks of 15 requests, in turn with the champion: the trained pipeline on tables of one row")
    [budget] = [c for c in ok(here(served, "gate", "churn", "--json")).document["comparisons"] if c["role"] == "latency"]
    assert (budget["verdict"], budget["n"], budget["margin"]) == ("PASS", 24, 100000)
    assert budget["champion"] > 0
    assert budget["reason"].endswith("than the champion in the same blocks")
    assert budget["reason"] in ok(here(served, "gate", "churn")).out
