"""The four verdicts as commands end with them, and the records that pipelines parse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from cli_running import commit_all, edit, files, here, ok
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models/churn/model.yaml"
ESTIMATOR = "kind: logistic-regression"
WORSE = (ESTIMATOR, "kind: dummy")
OTHER = (ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.01}")
NARROW = ("margin: 0.15", "margin: 0.001")
SPENT = ("looks: 5", "looks: 1")

VERDICT = ("verdict", "model", "challenger", "champion", "alpha", "comparisons", "reasons", "test_set")
COMPARISON = (
    *("metric", "role", "slice", "n", "champion", "challenger", "difference", "low", "high", "level", "high_family"),
    *("margin", "p_value", "p_margin", "method", "verdict", "rows_needed"),
)
"""The fields of the verdict record that pipelines may rely on, in their order; more may follow."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

ENDS = {
    "FAIL": ([WORSE], 4, "churn: FAIL: roc_auc: at best "),
    "INVALID": ([OTHER, SPENT], 4, "churn: INVALID: this test set has judged 1 challengers of 1: hold out new rows; "),
    "INCONCLUSIVE": ([OTHER, NARROW], 7, "churn: INCONCLUSIVE: roc_auc: could be "),
}


def propose(folder: Path, *changes: tuple[str, str]) -> None:
    for old, new in changes:
        edit(folder, MODEL, old, new)
    commit_all(folder, "Propose")


def judged(folder: Path, *changes: tuple[str, str]) -> None:
    """Propose a change, then train and score it."""
    propose(folder, *changes)
    ok(here(folder, "train", "churn"))
    ok(here(folder, "evaluate", "churn"))


@pytest.mark.parametrize(("verdict", "changes", "code", "said"), [(name, *rest) for name, rest in ENDS.items()])
def test_each_verdict_ends_with_its_own_code(served: Path, verdict: str, changes: Any, code: int, said: str) -> None:
    """The record is printed whatever it says; the exit code and one line of standard error tell what it says."""
    judged(served, *changes)
    told = here(served, "gate", "churn")
    assert told.code == code
    assert told.out.startswith(f"churn: {verdict}\n")
    [line] = told.errors
    assert line.startswith(f"error: {said}")
    record = here(served, "gate", "churn", "--json")
    assert (record.code, record.errors) == (code, [line])
    assert record.document["verdict"] == verdict
    rehearsed = here(served, "dry-run", "churn", "--json")
    assert (rehearsed.code, rehearsed.errors) == (code, [line])
    [model] = rehearsed.document["models"]
    assert model["verdict"] == record.document
    assert model["promotion"] is None


@pytest.mark.parametrize(("verdict", "changes", "code"), [(name, *rest[:2]) for name, rest in ENDS.items()])
def test_only_a_pass_is_promoted(served: Path, verdict: str, changes: Any, code: int) -> None:
    """Promote refuses every other verdict with the same code, and pushes nothing."""
    judged(served, *changes)
    here(served, "gate", "churn")
    ok(here(served, "package", "churn"))
    before = files(served, without=".release")
    told = here(served, "promote", "churn", "--to", "staging")
    assert (told.code, told.out) == (code, "")
    [line] = told.errors
    assert line.startswith(f"error: churn: the verdict is {verdict}: ")
    parsed = here(served, "promote", "churn", "--to", "staging", "--json")
    assert parsed.code == parsed.document["error"]["code"] == code
    assert parsed.document["error"]["where"] == "churn"
    assert files(served, without=".release") == before
    assert ok(here(served, "plan")).out.startswith("churn  train ")


def test_the_worst_verdict_of_several_models_decides(served: Path) -> None:
    """FAIL before INCONCLUSIVE before PASS; each refused model has its line."""
    edit(served, "models/spend/model.yaml", "{rmse: 100}", "{rmse: 1}")
    propose(served, OTHER, NARROW)
    told = here(served, "dry-run", "--json")
    assert told.code == 4
    assert [one["verdict"]["verdict"] for one in told.document["models"]] == ["INCONCLUSIVE", "FAIL"]
    assert [line.split(":")[1].strip() for line in told.errors] == ["churn", "spend"]


def test_gate_of_one_model_prints_the_verdict_record(served: Path) -> None:
    """Field by field what pipelines rely on, with the values' types and the rule that ties them together."""
    judged(served, (ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}"))
    record = ok(here(served, "gate", "churn", "--json")).document
    assert tuple(record)[: len(VERDICT)] == VERDICT
    assert (record["verdict"], record["model"], record["alpha"], record["reasons"]) == ("PASS", "churn", 0.05, [])
    assert all(DIGEST.match(record[name]) for name in ("challenger", "champion"))
    assert record["challenger"] != record["champion"]
    assert DIGEST.match(record["test_set"].pop("digest"))
    assert record["test_set"] == {"looks": 2, "budget": 5, "inherited": 0}
    primary, floor = record["comparisons"]
    assert tuple(primary)[: len(COMPARISON)] == COMPARISON
    assert (primary["metric"], primary["role"], primary["slice"], primary["n"]) == ("roc_auc", "primary", None, 73)
    assert primary["difference"] == pytest.approx(primary["challenger"] - primary["champion"])
    assert primary["level"] == pytest.approx(1 - 0.05 / 5)
    assert -0.15 < primary["low"] <= primary["difference"] <= primary["high"]
    assert primary["margin"] == 0.15
    assert 0 <= primary["p_margin"] < 0.05 / 10 < primary["p_value"] <= 1
    assert (primary["method"].split("-")[0], primary["verdict"], primary["rows_needed"]) == ("delong", "PASS", None)
    assert (floor["role"], floor["champion"], floor["margin"], floor["verdict"]) == ("floor", None, 0.6, "PASS")
    assert floor["difference"] == floor["challenger"] == primary["challenger"]


def test_without_a_name_gate_prints_a_list(served: Path) -> None:
    """A pipeline that names no model gets one record for each that is due, none when nothing is."""
    assert ok(here(served, "gate", "--json")).document == []
    assert ok(here(served, "gate")).out == "nothing to release\n"
    judged(served, (ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}"))
    [record] = ok(here(served, "gate", "--json")).document
    assert record["model"] == "churn"


def test_a_pull_request_cannot_relax_the_margin_that_judges_it(served: Path) -> None:
    """With a base the gate's policy is the base's, so that the same change has two verdicts."""
    propose(served, NARROW)
    git(served, "switch", "-q", "-c", "change")
    judged(served, OTHER, ("margin: 0.001", "margin: 0.3"))
    assert here(served, "gate", "churn").code == 0
    strict = here(served, "gate", "churn", "--base", "main", "--json")
    assert strict.code == 7
    assert strict.document["comparisons"][0]["margin"] == 0.001


def test_repeating_a_judgement_spends_no_look(served: Path) -> None:
    """A look is a new challenger on the test set; the same one again is free."""
    judged(served, OTHER)
    looks = [here(served, "gate", "churn", "--json").document["test_set"]["looks"] for _ in range(2)]
    assert looks == [2, 2]
    first = git(served, "rev-parse", "HEAD")
    judged(served, ("C: 0.01", "C: 0.02"))
    assert here(served, "gate", "churn", "--json").document["test_set"]["looks"] == 3
    git(served, "checkout", "-q", "--detach", first)
    assert here(served, "gate", "churn", "--json").document["test_set"]["looks"] == 2
