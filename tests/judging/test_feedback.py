"""What is told of a judgement under each feedback: nothing that the challenger and the test rows made together."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from report.report_samples import comparison, digest, evaluate, guard

from release.artifact.serial import canonical
from release.judging.feedback import (
    LADDER,
    OWNER,
    WITHHELD,
    ladder_value,
    shown,
    shown_evaluation,
    shown_inspection,
)
from release.records import Digest, Importance, InspectRecord, LearningPoint, ModelName, TestSet, Verdict, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison

SIZE = comparison(
    "size_mb", role="size", n=1, champion=None, challenger=1.25, low=3.75, high=3.75, margin=5.0, method="exact", level=1.0
)


def judged(
    verdict: Verdict = Verdict.FAIL,
    *more: Comparison,
    feedback: str = "verdict",
    reasons: Sequence[str] = (),
    **changes: Any,
) -> VerdictRecord:
    failed = comparison(verdict=verdict, reason="at best -0.0312, which does not clear -0.02", low=-0.0731, high=-0.0312)
    unsure = guard("recall", verdict=Verdict.INCONCLUSIVE, reason="could be -0.0917", when_unsure="review")
    record = VerdictRecord(
        verdict=verdict,
        model=ModelName("churn"),
        challenger=digest("challenger"),
        champion=digest("champion"),
        alpha=0.05,
        comparisons=(failed, unsure, *more),
        reasons=(*reasons, f"roc_auc: {failed.reason}", f"recall: {unsure.reason}"),
        test_set=TestSet(digest=digest("test"), looks=3, budget=5, inherited=1),
        rows_needed=1234,
        feedback=feedback,
    )
    return replace(record, **changes)


def numbers(record: VerdictRecord) -> set[float]:
    """Return every number that a record says, in fields or in words, digests and the budget apart."""
    document = json.loads(canonical(record))
    for name in ("challenger", "champion", "alpha", "test_set"):
        document.pop(name)
    return {float(one) for one in re.findall(r"-?\d+\.?\d*", json.dumps(document))}


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_before_the_first_pass_the_verdict_is_a_word(verdict: Verdict) -> None:
    """No comparison, no reason and no number of rows: how near it was is a number too."""
    told = shown(judged(verdict), passed=False)
    assert (told.verdict, told.comparisons, told.reasons, told.rows_needed) == (verdict, (), (WITHHELD,), None)
    assert (told.test_set, told.challenger, told.feedback) == (judged().test_set, digest("challenger"), "verdict")
    assert numbers(told) == set()


@pytest.mark.parametrize(
    ("record", "passed"),
    [
        (judged(Verdict.PASS), False),
        (judged(Verdict.FAIL), True),
        (judged(feedback="full"), False),
        (judged(champion=digest("challenger")), False),
    ],
    ids=["it passes", "another has passed", "full", "it met itself"],
)
def test_everything_is_told_where_nothing_can_be_gained_by_it(record: VerdictRecord, passed: bool) -> None:  # noqa: FBT001 (a parameter)
    """After the first PASS, under `full`, and where no look was spent."""
    assert shown(record, passed=passed) == replace(record, feedback="full")


def test_what_test_rows_have_no_part_in_is_told() -> None:
    """A model that is too large hears it."""
    failed = replace(SIZE, verdict=Verdict.FAIL, reason="6 MB exceeds the budget of 5 MB")
    told = shown(judged(Verdict.FAIL, failed), passed=False)
    assert told.comparisons == (failed,)
    assert told.reasons == ("6 MB exceeds the budget of 5 MB", WITHHELD)


def test_why_nothing_could_be_judged_is_told_and_how_it_would_have_ended_is_not() -> None:
    """A spent budget and leaked rows say nothing of the challenger."""
    why = "this test set has judged 5 challengers of 5: hold out new rows"
    failed = judged(Verdict.INVALID, reasons=[why])
    failed = replace(failed, comparisons=(replace(failed.comparisons[0], verdict=Verdict.FAIL), failed.comparisons[1]))
    assert shown(failed, passed=False).reasons == (why, WITHHELD)


def test_an_owner_hears_that_there_is_something_to_decide_and_not_what() -> None:
    """The names of unsure requirements say which one is near."""
    assert shown(judged(Verdict.INCONCLUSIVE, review=("recall",)), passed=False).review == (OWNER,)


def test_telling_twice_is_telling_once() -> None:
    """Trusted code withholds again what a pull request's job has withheld already."""
    for feedback in ("verdict", LADDER):
        once = shown(judged(feedback=feedback), passed=False, before=[0.96])
        assert shown(once, passed=False, before=[0.96]) == once


def on_the_ladder(value: float, *before: float, **changes: Any) -> float | None:
    first = comparison(champion=0.95, challenger=value, low=value - 0.95 - 0.0258, high=value - 0.95 + 0.0258, **changes)
    told = shown(judged(comparisons=(first,), feedback=LADDER), passed=False, before=before)
    climbed = ladder_value(told)
    assert climbed is not None
    assert (climbed.low, climbed.high, climbed.difference, climbed.p_value, climbed.verdict) == (
        None,
        None,
        None,
        None,
        Verdict.INCONCLUSIVE,
    )
    return climbed.challenger


def test_the_ladder_moves_by_more_than_the_error_or_not_at_all() -> None:
    """At level .99 the interval is 2 * 2.576 errors wide: one error is .01 here."""
    assert on_the_ladder(0.959) == 0.95
    assert on_the_ladder(0.90) == 0.95
    assert on_the_ladder(0.965) == pytest.approx(0.965, abs=1 / 285)
    assert on_the_ladder(0.965, 0.96) == 0.96
    assert on_the_ladder(0.99, 0.96, 0.97) == pytest.approx(0.99, abs=1 / 285)


def test_on_the_ladder_less_of_a_loss_is_more() -> None:
    """A lower Brier score climbs."""
    loss = {"metric": "brier_score"}
    first = comparison(champion=0.2, challenger=0.15, low=0.0242, high=0.0758, **loss)
    told = shown(judged(comparisons=(first,), feedback=LADDER), passed=False, before=[0.19])
    climbed = ladder_value(told)
    assert climbed is not None
    assert climbed.challenger == pytest.approx(0.15, abs=1 / 285)


def test_the_ladder_shows_nothing_of_what_is_invalid() -> None:
    """A spent budget must not go on paying in numbers."""
    assert shown(judged(Verdict.INVALID, feedback=LADDER), passed=False).comparisons == ()


def test_an_evaluation_loses_the_challengers_numbers_alone() -> None:
    """The champion's are known; the predictions' digest stays, which says nothing."""
    whole = evaluate("binary")
    told = shown_evaluation(whole, shown(judged(), passed=False))
    assert (told.challenger.metrics, told.challenger.latency_ms) == ({}, ())
    assert told.champion == whole.champion
    assert shown_evaluation(whole, shown(judged(), passed=True)) == whole


def test_an_inspection_loses_what_is_measured_on_test_rows() -> None:
    """The learning curve is of training rows."""
    point = LearningPoint(rows=10, fitted=(0.9, 0.1), held_out=(0.8, 0.1))
    importance = (Importance(column="x", champion=(0.1, 0.01), challenger=(0.2, 0.01)),)
    whole = InspectRecord(
        model=ModelName("churn"),
        key=Digest("sha256:" + "a" * 64),
        metric="roc_auc",
        importance=importance,
        learning=(point,),
    )
    told = shown_inspection(whole, shown(judged(), passed=False))
    assert (told.importance, told.learning) == ((), (point,))
    assert shown_inspection(whole, shown(judged(), passed=True)) == whole
