"""How often the gate is wrong, on a seeded part of the published simulation, and that what is published is what is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from characteristics.cells import Cell, cell, error, run
from characteristics.document import cells, document
from characteristics.effort import FULL, QUICK, Effort
from characteristics.plan import sections
from characteristics.tables import SURE, Share, Table
from characteristics.worlds import Binary, Multiclass, Regression, Scorer, World, scorer_at

pytestmark = pytest.mark.slow  # simulation

A = 0.025
PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "operating-characteristics.md"


def at_most(count: float, draws: float, promised: float = A) -> bool:
    """Say whether a share is what was promised, or not above it by more than chance explains."""
    return count / draws <= promised + SURE * error(promised, draws)


def whole(what: str, n: int = 500, draws: int = 200) -> dict[str, float]:
    return cell("verdicts:binary", draws, what=what, n=n, prevalence=0.3, correlation=0.95).run()


def effort() -> Effort:
    """Return how the published document was made."""
    text = PUBLISHED.read_text(encoding="utf-8")
    return next(one for one in (QUICK, FULL) if f"do not edit. {one.name.capitalize()} run" in text)


def tables(chosen: Effort) -> dict[str, Table]:
    return {table.title: table for section in sections(chosen) for table in section.tables}


# The verdict as a whole.


@pytest.mark.parametrize("violated", ["roc_auc", "recall", "brier_score"])
def test_a_violated_requirement_passes_no_more_often_than_promised(violated: str) -> None:
    """One requirement exactly at its margin: PASS at most a; bare numbers, with or without the margin, every second time."""
    found = whole(violated)
    assert at_most(found["PASS"], found["draws"])
    assert found["within"] > 0.3 * found["draws"]
    if violated != "roc_auc":  # which is what "new >= old" looks at
        assert found["newer"] > 0.4 * found["draws"]


def test_equal_models_pass_as_often_as_holm_allows_and_far_more_often_than_unpaired() -> None:
    """Pairing is worth most of the power, and no correction over requirements is needed for it."""
    found = whole("equal", n=2_000, draws=100)
    assert found["PASS"] >= found["holm"] > 0.9 * found["draws"]
    assert found["unpaired"] < 0.5 * found["PASS"]
    assert at_most(found["FAIL"], found["draws"])


def test_what_is_twice_the_margin_worse_fails_and_does_not_pass() -> None:
    """FAIL is said where it is deserved, once there are rows."""
    found = whole("double", n=2_000, draws=100)
    assert found["PASS"] == 0
    assert found["FAIL"] > 0.3 * found["draws"]


@pytest.mark.parametrize("kind", ["margin", "better_by", "relative", "floor", "slice"])
def test_every_kind_of_requirement_keeps_its_level_at_its_threshold(kind: str) -> None:
    """With the truth on the threshold PASS and FAIL are both rare."""
    found = cell("verdicts:one", 500, kind=kind, metric="roc_auc", n=500).run()
    assert at_most(found["PASS"], found["draws"])
    assert at_most(found["FAIL"], found["draws"])


# Single methods.


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "accuracy", "brier_score"])
@pytest.mark.parametrize("n", [200, 1_000])
def test_limits_in_closed_form_miss_as_often_as_they_say(metric: str, n: int) -> None:
    """DeLong, Tango and Student's t, both ends, at 1,000 draws: not too often, and not hardly ever."""
    found = cell("coverage:binary", 1_000, metric=metric, n=n, prevalence=0.3, correlation=0.9).run()
    for side in ("low", "high"):
        assert at_most(found[side], found["draws"]), side
    assert found["low"] + found["high"] > 0.5 * A * found["draws"]
    assert found["refused"] == 0


@pytest.mark.parametrize("metric", ["f1", "precision", "mcc"])
def test_resampled_limits_miss_as_often_as_they_say(metric: str) -> None:
    """The bootstrap of labels on 200 rows, both ends."""
    found = cell("coverage:binary", 200, metric=metric, n=200, prevalence=0.3, correlation=0.9).run()
    assert at_most(found["low"], found["draws"])
    assert at_most(found["high"], found["draws"])


def test_near_one_plain_delong_misses_and_the_gate_does_not() -> None:
    """AUC .99 against .98 on 64 and 107 rows: the envelope with logit limits is what keeps the level."""
    found = cell("traps:near_one", 1_000, positives=64, negatives=107, correlation=0.9).run()
    assert found["plain"] > 0.06 * found["draws"]
    assert at_most(found["low"], found["draws"])


def test_few_groups_are_refused_and_ten_are_judged_at_their_level() -> None:
    """Percentiles over ten groups miss more than twice as often as the gate's limits may."""
    few, ten = (cell("traps:grouped", 400, groups=groups).run() for groups in (5, 10))
    assert few["refused"] == few["draws"]
    assert ten["plain"] > 0.08 * ten["draws"]
    assert at_most(ten["miss"], ten["draws"], 2 * A)


def test_exact_probabilities_of_a_false_pass_stay_near_their_level() -> None:
    """Added up over all tables of counts: PASS above a by less than a tenth of it, FAIL by less than a half."""
    for n in (100, 200, 500, 1_000):
        for gained in (0.0, 0.005, 0.02):
            found = cell("traps:few_differences", 0, n=n, margin=0.05, gained=gained).run()
            assert found["PASS"] < 1.1 * A
            assert found["FAIL"] < 1.5 * A


def test_a_defect_on_few_cases_leaves_no_trace() -> None:
    """A kind of row with a share of 3.7/n is on none of n rows with probability a; less cannot be excluded."""
    seen, unseen = (cell("traps:hidden", 0, n=2_000, expected=rows, margin=0.02).run() for rows in (3.7, 3.6))
    assert seen["unseen"] < A < unseen["unseen"]
    assert seen["PASS"] > 0.9


# One test set, used again.


def test_a_budget_of_looks_covers_retries_and_none_does_not() -> None:
    """Any of twenty independent retries exactly at the margin: at most a with 20 looks, a third of the time with one."""
    one, twenty = (
        cell("reuse:retries", 80, n=1_000, looks=looks, how="independent", feedback="full").run() for looks in (1, 20)
    )
    assert one["any"] > 0.25 * one["draws"]
    assert at_most(twenty["any"], twenty["draws"])


def test_climbing_on_shown_numbers_defeats_a_budget_and_hidden_numbers_restore_it() -> None:
    """With 20 looks: full feedback PASSes far too often, the ladder seldom, verdicts alone as promised."""
    full, ladder, verdict = (
        cell("reuse:retries", 60, n=1_000, looks=20, how="climbing", feedback=feedback).run()
        for feedback in ("full", "ladder", "verdict")
    )
    assert full["any"] > 0.08 * full["draws"]
    assert ladder["any"] < 0.5 * full["any"]
    assert at_most(verdict["any"], verdict["draws"])


def test_an_anchor_stops_margins_from_creeping() -> None:
    """Twenty proposals half a margin worse each: several margins are lost, with the anchor about one."""
    free, held = (cell("reuse:creep", 8, n=1_000, anchored=anchored).run() for anchored in (0, 1))
    assert free["lost"] / free["draws"] > 3
    assert held["lost"] / held["draws"] < 1.5


# What the simulation itself rests on.


WORLDS: list[tuple[World, str]] = [
    (
        Binary(
            prevalence=0.3,
            correlation=0.9,
            champion=Scorer(auc=0.87, threshold=0.3),
            challenger=Scorer(auc=0.8, threshold=0.4),
        ),
        metric,
    )
    for metric in ("roc_auc", "recall", "f1", "brier_score", "log_loss", "average_precision")
] + [(Regression(correlation=0.9, scales=(1.0, 1.2)), metric) for metric in ("rmse", "mae", "r2", "mape")]


@pytest.mark.parametrize(("world", "metric"), WORLDS)
def test_the_truth_is_what_very_many_rows_show(world: Binary | Regression, metric: str) -> None:
    """The metric on a grid of the population agrees with 400,000 rows drawn from it."""
    rows = world.draw(np.random.default_rng(5), 400_000, seed=0)
    assert rows.value(metric) == pytest.approx(world.truth(metric)[1], abs=4e-3)


def test_three_classes_are_as_good_for_both_models() -> None:
    """The world of three classes has no true difference."""
    world = Multiclass(correlation=0.5)
    rows = world.draw(np.random.default_rng(6), 200_000, seed=0)
    swapped = replace(rows, challenger=rows.champion or rows.challenger)
    assert rows.value("accuracy") == pytest.approx(swapped.value("accuracy") or 0.0, abs=4e-3)
    assert world.gain("accuracy") == 0


@pytest.mark.parametrize(("metric", "step"), [("recall", -0.05), ("brier_score", 0.01)])
def test_a_scorer_can_be_worse_in_one_metric_alone(metric: str, step: float) -> None:
    """Recall moves by the threshold, the Brier score by bending probabilities; the other metrics stay."""
    base = Scorer(auc=0.871, threshold=0.3)
    same = Binary(prevalence=0.3, correlation=0.9, champion=base, challenger=base)
    worse = scorer_at(metric, same.truth(metric)[0] + step, 0.3, base)
    world = replace(same, challenger=worse)
    moved = {name: world.gain(name) for name in ("roc_auc", "recall", "brier_score")}
    assert moved.pop(metric) == pytest.approx(-abs(step), abs=2e-4)
    assert list(moved.values()) == pytest.approx([0.0, 0.0], abs=1e-4)


def test_a_share_is_marked_only_when_chance_does_not_explain_it() -> None:
    """Three Monte-Carlo errors above the promise, and only where something was promised."""
    assert not Share(35, 1_000, A).beyond
    assert Share(45, 1_000, A).beyond
    assert not Share(900, 1_000).beyond
    assert str(Share(45, 1_000, A)) == "**.045 ± .007**"


def test_cells_are_kept_and_used_again(tmp_path: Path) -> None:
    """A second run of the same code simulates nothing and gives the same figures."""
    wanted = [
        cell("traps:hidden", 0, n=100, expected=1.0, margin=0.05),
        cell("traps:point_estimates", 50, n=100, discordant=0.1, worse=0.01),
    ]
    told: list[str] = []
    first = run(wanted, cache=tmp_path, jobs=1, told=told.append)
    again = run(wanted, cache=tmp_path, jobs=1, told=told.append)
    assert first == again
    assert told[-1] == "2 cells, 2 of them done before"


# What is published.


def recomputed(table: Table, rows: slice) -> list[str]:
    """Return the lines of some rows of a table, simulated now."""
    part = replace(table, rows=table.rows[rows])
    results = {one: one.run() for one in part.cells()}
    return [line for line in part.lines(results, []) if line.startswith("| ")][1:]


def test_the_published_figures_are_what_the_code_gives_now() -> None:
    """Rows of three tables, simulated again with the published number of draws, stand in the document to the last digit."""
    found = tables(effort())
    text = PUBLISHED.read_text(encoding="utf-8").splitlines()
    for title in ("Few differences: exact probabilities", "A defect on a share of cases"):
        assert set(recomputed(found[title], slice(0, 4))) <= set(text), title
    assert set(recomputed(found["Recall"], slice(0, 1))) <= set(text)


def test_the_document_is_a_function_of_its_cells() -> None:
    """Every cell is in a table or a claim; the same figures give the same bytes, in whatever order they came."""
    wanted = cells(QUICK)

    def invented(one: Cell) -> dict[str, float]:
        keys = ("PASS", "FAIL", "INCONCLUSIVE", "newer", "all newer", "within", "unpaired", "holm", "low", "high", "refused")
        more = ("any", "plain", "miss", "above", "brier", "lucky", "lost", "squares", "passed", "unseen", "most", "rows")
        named = [f"{metric} PASS" for metric in ("roc_auc", "recall", "brier_score")]
        return {"draws": one.draws or 1, **dict.fromkeys((*keys, *more, *named), 1.0), "method t": 1.0}

    results = {one: invented(one) for one in wanted}
    turned = {one: results[one] for one in reversed(wanted)}
    assert document(QUICK, results) == document(QUICK, turned)
    assert "## Beyond what is promised" in document(QUICK, results)
