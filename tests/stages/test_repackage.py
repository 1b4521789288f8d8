"""The gate of a model that only changes its runtime: what makes it PASS, FAIL or INVALID, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from serving.serving_models import NUMBERS, Quiet, Trained, trained
from support.promotions import digest

from release.adapters.store import FolderStore
from release.config.model import GateSpec
from release.errors import EnvironmentTroubleError
from release.records import Commit, EvaluateRecord, ModelName, Scored, Verdict, VerdictRecord
from release.stages.repackage import GOLDEN_ONLY, repackage

if TYPE_CHECKING:
    from pathlib import Path

SAID = b"id,y,prediction\na,1.0,0.25\nb,2.0,0.5\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train one model for all."""
    return trained("regression", NUMBERS, [], tmp_path_factory.mktemp("model"))


def judged(model: Trained, folder: Path, before: bytes | None, now: bytes = SAID, **changes: Any) -> VerdictRecord:
    store = FolderStore(folder)

    def scored(content: bytes) -> Scored:
        return Scored(model_digest=model.digest, predictions=store.put(content), source="store", metrics={})

    evaluated = EvaluateRecord(
        model=ModelName("churn"),
        commit=Commit("0" * 40),
        key=digest("evaluation"),
        task="regression",
        test_digest=digest("test"),
        rows=2,
        threshold=None,
        classes=(),
        challenger=scored(now),
        champion=None if before is None else scored(before),
    )
    fields = {"unfit": (), "key": digest("key"), "commit": Commit("0" * 40), "looks": 3, "store": store, "progress": Quiet()}
    return repackage(changes.pop("evaluated", evaluated), model.files, GateSpec(looks=5), **{**fields, **changes})


def test_the_same_answers_pass_and_cost_no_look(model: Trained, tmp_path: Path) -> None:
    """The record is like any verdict's: the challenger is its own champion, and the looks are those there were."""
    verdict = judged(model, tmp_path, SAID)
    assert (verdict.verdict, verdict.reasons) == (Verdict.PASS, ())
    assert verdict.challenger == verdict.champion == model.digest
    assert (verdict.test_set.looks, verdict.test_set.budget) == (3, 5)
    assert [row.reason for row in verdict.comparisons] == ["2 held-out and 8 golden rows score as recorded"]


def test_another_answer_fails(model: Trained, tmp_path: Path) -> None:
    """One row is enough; its reason is told once for the row and once for the whole."""
    verdict = judged(model, tmp_path, SAID.replace(b"0.5", b"0.75"))
    why = "1 of 2 held-out rows are scored otherwise, by up to 0.25"
    assert (verdict.verdict, verdict.reasons) == (Verdict.FAIL, (f"predictions: {why}",))


def test_without_recorded_predictions_golden_rows_decide_and_it_says_so(model: Trained, tmp_path: Path) -> None:
    """Many a release has no committed predictions; a reader should know what PASS rests on."""
    verdict = judged(model, tmp_path, None)
    assert (verdict.verdict, verdict.reasons) == (Verdict.PASS, (GOLDEN_ONLY,))


def test_a_runtime_that_cannot_carry_it_fails_whatever_it_answers(model: Trained, tmp_path: Path) -> None:
    """Its pods would never be ready."""
    verdict = judged(model, tmp_path, SAID, unfit=("it has scikit-learn 9",))
    assert (verdict.verdict, verdict.reasons) == (Verdict.FAIL, ("it has scikit-learn 9",))
    assert verdict.comparisons[0].verdict is Verdict.PASS


def test_predictions_that_are_gone_are_worth_another_run(model: Trained, tmp_path: Path) -> None:
    """The local memory may be deleted at any time."""
    verdict = judged(model, tmp_path / "a", SAID)
    lost = Scored(model_digest=model.digest, predictions=digest("lost"), source="store", metrics={})
    evaluated = EvaluateRecord(
        model=ModelName("churn"),
        commit=Commit("0" * 40),
        key=verdict.evaluation or digest("evaluation"),
        task="regression",
        test_digest=digest("test"),
        rows=2,
        threshold=None,
        classes=(),
        challenger=lost,
        champion=replace(lost, source="recorded"),
    )
    with pytest.raises(EnvironmentTroubleError, match="run `release evaluate` again"):
        judged(model, tmp_path / "b", None, evaluated=evaluated)
