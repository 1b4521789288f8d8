"""The verdict in plain words."""

from __future__ import annotations

import pytest
from report_samples import CASES, TASKS, comparison, floor, guard, size, unsure, verdict

from release.records import TestSet, Verdict
from release.report.notes import glossary, notes
from release.report.words import explain, explanations, headline, requirement, shown_better
from release.stats.metrics import METRICS as DEFINED


def test_the_example_of_the_design() -> None:
    """A clear gain reads as one line with values, difference, limits and conclusion."""
    assert explain(comparison()) == (
        "roc_auc: 0.9951 against 0.9512; better by 0.0439, between 0.021 and 0.067 with 99% confidence; "
        "the margin of 0.02 holds"
    )


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (
            guard("brier_score"),
            (
                "brier_score: 0.0588 against 0.061; ahead by 0.0022, between 0.0131 behind and 0.0175 ahead "
                "with 99% confidence; the margin of 0.02 holds"
            ),
        ),
        (
            unsure("recall"),
            (
                "recall on “large tumours”: 0.94 against 0.95; behind by 0.01, between 0.083 behind and 0.061 ahead with "
                "99% confidence; cannot tell whether the margin of 0.05 holds (about 412 rows are needed, 61 are here); "
                "an owner decides"
            ),
        ),
        (
            comparison(verdict=Verdict.FAIL, difference=-0.08, challenger=0.8712, low=-0.12, high=-0.04, high_family=-0.03),
            (
                "roc_auc: 0.8712 against 0.9512; worse by 0.08, between 0.04 and 0.12 with 99% confidence; "
                "the margin of 0.02 does not hold"
            ),
        ),
        (floor("roc_auc"), "roc_auc: 0.9951; between 0.981 and 0.9996 with 99% confidence; the floor of 0.9 holds"),
        (
            floor("rmse", challenger=53.27, difference=-53.27, low=-58.2, high=-48.9, high_family=-48.1, margin=60.0),
            "rmse: 53.27; between 48.9 and 58.2 with 99% confidence; the ceiling of 60 holds",
        ),
        (size(), "size_mb: 0.0184 MB; the budget of 50 MB holds"),
        (
            comparison(
                margin=0.0,
                low=-0.01,
                difference=0.01,
                challenger=0.9612,
                verdict=Verdict.INCONCLUSIVE,
                asks="better_by",
            ),
            (
                "roc_auc: 0.9612 against 0.9512; ahead by 0.01, between 0.01 behind and 0.067 ahead with 99% confidence; "
                "cannot tell whether the requirement to be better holds"
            ),
        ),
        (
            comparison(
                method="same-model", champion=0.9, challenger=0.9, difference=0.0, low=0.0, high=0.0, high_family=0.0
            ),
            "roc_auc: 0.9 against 0.9; the challenger is the champion itself; the margin of 0.02 holds",
        ),
        (
            unsure(
                "recall",
                low=None,
                high=None,
                challenger=None,
                champion=None,
                difference=None,
                rows_needed=None,
                reason="7 rows",
            ),
            "recall on “large tumours”: cannot tell whether the margin of 0.05 holds; an owner decides; 7 rows",
        ),
        (comparison(verdict=Verdict.INVALID, reason="one class only"), "roc_auc: not judged; one class only"),
    ],
)
def test_each_requirement_is_explained(one: object, text: str) -> None:
    """Margins, gains, floors, ceilings, budgets and refusals each have their sentence."""
    assert explain(one) == text  # type: ignore[arg-type]


def test_an_interval_end_never_reads_like_the_margin_it_misses() -> None:
    """A margin that is missed by less than rounding shows the digits that decide."""
    near = comparison(difference=0.001, challenger=0.9522, low=-0.01999999, high=0.02, verdict=Verdict.PASS)
    assert "between 0.01999999 behind" in explain(near)


def test_better_is_said_only_where_it_is_shown() -> None:
    """The primary is better when its interval lies above zero, others by Holm's adjustment, and only after PASS."""
    sure = guard("recall", p_value=0.0001, champion=0.9, challenger=0.93, difference=0.03, low=0.01)
    # Half of the level alone would do for one guard, not for the smaller of two.
    near = {"champion": 0.9, "challenger": 0.92, "difference": 0.02}
    borderline = [guard("f1", p_value=0.006, **near), guard("accuracy", p_value=0.5, **near)]
    held = verdict(comparisons=(comparison(), sure))
    assert [c.metric for c in shown_better(held)] == ["roc_auc", "recall"]
    assert shown_better(verdict(comparisons=tuple(borderline))) == ()
    assert [c.metric for c in shown_better(verdict(comparisons=tuple(borderline[:1])))] == ["f1"]
    assert shown_better(verdict(comparisons=(comparison(low=-0.001),))) == ()
    assert shown_better(verdict(verdict=Verdict.FAIL, comparisons=(comparison(), sure))) == ()
    assert "ahead by" in explanations(verdict(verdict=Verdict.FAIL, comparisons=(comparison(),)))[0]


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("pass", "PASS: breast-cancer may replace the champion; it is better on roc_auc, and every requirement holds."),
        ("fail", "FAIL: breast-cancer misses what the gate requires: brier_score."),
        (
            "inconclusive",
            (
                "INCONCLUSIVE: the test rows cannot tell yet whether breast-cancer holds what the gate requires: "
                "recall on “large tumours”."
            ),
        ),
        (
            "invalid",
            "INVALID: breast-cancer could not be judged: recall: no test row is in this slice.",
        ),
        ("first", "PASS: breast-cancer may be released for the first time; it clears its floors."),
    ],
)
def test_headlines_say_the_verdict_first(case: str, text: str) -> None:
    """A headline is one sentence that starts with the verdict's word and names what decided it."""
    assert headline(verdict(case=case)) == text


def test_pass_says_what_it_does_not_cover() -> None:
    """Unsure requirements that policy only notes, and kinds of requirement that nobody set, are named."""
    said = " ".join(notes(verdict()))
    assert "PASS does not cover recall on “large tumours”" in said
    assert "does not cover speed, metrics that are not listed and rows unlike the test rows" in said
    bare = " ".join(notes(verdict(comparisons=(comparison(),))))
    assert "parts of the rows (no slices are set), speed, size" in bare


def test_inconclusive_says_how_many_rows_would_settle_it() -> None:
    """The rows needed are named where known, and their absence where not."""
    assert "About 412 test rows like these (285 are here)" in " ".join(notes(verdict(case="inconclusive")))
    assert "no number of rows" in " ".join(notes(verdict(case="inconclusive", rows_needed=None)))


def test_invalid_says_why_and_that_it_says_nothing_of_the_model() -> None:
    """The record's own reasons come first, those of judged comparisons stay with these."""
    unsure_too = verdict(
        case="invalid",
        reasons=("this test set has judged 5 challengers of 5: hold out new rows", f"recall: {unsure('recall').reason}"),
        comparisons=(unsure("recall"),),
    )
    said = notes(unsure_too)
    assert said[0] == "Why: this test set has judged 5 challengers of 5: hold out new rows."
    assert not any("does not clear" in one for one in said)
    assert any("says nothing about the model" in one for one in said)


def test_a_first_release_says_that_floors_judged_it() -> None:
    """Without a champion the reader is told what took its place."""
    assert any("no champion yet" in one for one in notes(verdict(case="first")))
    assert not any("no champion yet" in one for one in notes(verdict()))


def test_looks_are_told_where_there_is_a_budget_for_several() -> None:
    """A budget of one look has no sentence about other looks."""
    assert any("Look 2 of 5" in one for one in notes(verdict()))
    single = verdict(test_set=TestSet(digest=verdict().test_set.digest, looks=1, budget=1))
    assert not any("Look 1" in one for one in notes(single))


def test_every_metric_and_method_used_has_a_gloss() -> None:
    """The glossary knows each metric that a gate may name, and each method of the samples."""
    for name in (*DEFINED, "cost", "top_3_accuracy", "pinball_loss_0.9", "latency_ms", "size_mb"):
        assert dict(glossary(verdict(comparisons=(comparison(name),))))[name]
    used = {c.method for task in TASKS for case in CASES for c in verdict(task, case).comparisons} - {"exact"}
    known = {name for task in TASKS for case in CASES for name, _ in glossary(verdict(task, case))}
    assert used <= known


def test_limits_read_as_their_owner_wrote_them() -> None:
    """A limit without a number is said to be missing, not guessed."""
    assert requirement(None, "guard") == "none recorded"
