"""Simulated gates: against what the decision rule was simulated with, and against themselves at other sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from release.stats import scenario
from release.stats.delong import delong_difference
from release.stats.joint import Draws, Rows, Wanted, climb, passes, simulate
from release.stats.metrics import metric_named


def rows(n: int, prevalence: float = 0.3) -> Rows:
    return Rows(y=(np.arange(n) < prevalence * n).astype(int), groups=None, weights=None, threshold=0.5)


def gate() -> list[Wanted]:
    """Return the gate that facts about this rule were simulated with: AUC, recall, Brier score."""
    margins = {"roc_auc": 0.02, "recall": 0.05, "brier_score": 0.01}
    return [Wanted(metric=metric_named(name), threshold=-margin) for name, margin in margins.items()]


@pytest.fixture
def _auc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "AUC", 0.871)


@pytest.mark.usefixtures("_auc")
@pytest.mark.parametrize(("n", "expected"), [(500, 0.49), (2000, 0.99)])
def test_equal_models_pass_as_often_as_the_rule_was_found_to_pass_them(n: int, expected: float) -> None:
    """Binormal AUC .871, prevalence .3, correlation .95, one look; .10 is three Monte-Carlo errors of 200 draws."""
    models, test = scenario.binary(None), rows(n)
    shift = climb(gate()[0], test, models, seed=1).shift(0.0)
    won, lost = passes(gate(), simulate(gate(), test, models, size=n, shift=shift, seed=2), n=n, a=0.025)
    assert won == pytest.approx(expected, abs=0.10)
    assert lost < 0.03


@pytest.mark.usefixtures("_auc")
def test_one_requirement_truly_violated_seldom_passes() -> None:
    """Worse by a whole margin: at most a, and a little Monte-Carlo error."""
    models, test = scenario.binary(None), rows(1000)
    found = climb(gate()[0], test, models, seed=1)
    drawn = simulate(gate(), test, models, size=1000, shift=found.shift(-0.02), seed=2)
    assert drawn.truth()[0] == pytest.approx(-0.02, abs=0.004)
    assert passes(gate(), drawn, n=1000, a=0.025)[0] <= 0.06


def test_draws_of_one_size_tell_of_another() -> None:
    """Errors shrink with the square root of rows, as DeLong finds on rows of that number."""
    models, test = scenario.binary(None), rows(4000)
    wanted = gate()[:1]
    small = simulate(wanted, test, models, size=500, shift=0.0, seed=3)
    rng = np.random.default_rng(5)
    chosen = np.arange(4000)
    one, two = models.outputs(chosen, test.y, 0.0, rng)
    assert small.error_at(4000)[0] == pytest.approx(delong_difference(test.y, one, two).se, rel=0.15)
    at = [passes(wanted, small, n=n, a=0.025)[0] for n in (100, 500, 4000)]
    assert at == sorted(at)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_shift_makes_the_difference_that_was_asked_for(task: str) -> None:
    """For each task, from a champion's own predictions, better and worse; a loss is turned round."""
    rng = np.random.default_rng(7)
    y: np.ndarray = rng.integers(0, 3 if task == "multiclass" else 2, 600)
    if task == "binary":
        models, metric, threshold = (
            scenario.binary(np.clip(0.5 + 0.25 * (2 * y - 1) + rng.normal(0, 0.2, 600), 0, 1)),
            "accuracy",
            0.5,
        )
    elif task == "multiclass":
        scores = np.eye(3)[y] * 1.5 + rng.normal(size=(600, 3))
        models, metric, threshold = (
            scenario.multiclass(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), 3),
            "accuracy",
            None,
        )
    else:
        y = rng.normal(size=600)
        models, metric, threshold = scenario.regression(y + rng.normal(0, 0.5, 600), y), "rmse", None
    wanted = [Wanted(metric=metric_named(metric), threshold=0.0)]
    test = Rows(y=y, groups=None, weights=None, threshold=threshold)
    found = climb(wanted[0], test, models, seed=1)
    for difference in (-0.03, 0.0, 0.03):
        drawn = simulate(wanted, test, models, size=1000, shift=found.shift(difference), seed=2)
        assert drawn.truth()[0] == pytest.approx(difference, abs=0.004)


def test_whole_groups_are_drawn() -> None:
    """A group drawn twice is two groups."""
    groups = np.repeat(np.arange(30), [5, 10, 15] * 10)
    test = Rows(y=np.arange(300) % 2, groups=groups, weights=None, threshold=0.5)
    chosen, units = test.draw(300, np.random.default_rng(0))
    assert units is not None
    assert len(np.unique(units)) == 30
    for unit in np.unique(units):
        mine = chosen[units == unit]
        assert (np.sort(mine) == np.flatnonzero(groups == groups[mine[0]])).all()


def made(*columns: tuple[float, float, float]) -> Draws:
    """Return ten equal draws: estimate, error and deciding rows of each requirement."""
    estimate, error, deciding = (np.tile(np.array(one, dtype=float), (10, 1)) for one in zip(*columns, strict=True))
    return Draws(rows=100, estimate=estimate, error=error, deciding=deciding, champion=np.zeros_like(estimate))


def test_all_requirements_must_hold_at_once() -> None:
    """One that is unsure spoils it, unless that is only noted; one that fails spoils it always."""
    good, unsure, bad = (0.0, 0.001, 100), (0.0, 0.02, 100), (-0.2, 0.001, 100)
    wanted = [Wanted(metric=metric_named("accuracy"), threshold=-0.02) for _ in range(2)]
    noted = [wanted[0], replace(wanted[1], decides=False)]
    assert passes(wanted, made(good, good), n=100, a=0.025) == (1.0, 0.0)
    assert passes(wanted, made(good, unsure), n=100, a=0.025) == (0.0, 0.0)
    assert passes(noted, made(good, unsure), n=100, a=0.025) == (1.0, 0.0)
    assert passes(noted, made(good, bad), n=100, a=0.025) == (0.0, 1.0)


def test_rows_without_a_spread_prove_what_identical_predictions_prove() -> None:
    """Two models that never differed on 100 rows show .04, not everything."""
    wanted = [Wanted(metric=metric_named("accuracy"), threshold=-0.02)]
    assert passes(wanted, made((0.0, 0.0, 100)), n=100, a=0.025) == (0.0, 0.0)
    assert passes(wanted, made((0.0, 0.0, 200)), n=100, a=0.025) == (1.0, 0.0)


def test_a_small_slice_cannot_tell() -> None:
    """Under ten rows that decide."""
    part = np.arange(100) < 9
    wanted = [Wanted(metric=metric_named("accuracy"), threshold=-0.9, part=part)]
    assert passes(wanted, made((0.0, 0.01, 9)), n=100, a=0.025) == (0.0, 0.0)
    assert passes(wanted, made((0.0, 0.01, 10)), n=100, a=0.025) == (1.0, 0.0)


def test_what_could_not_be_told_passes_nothing() -> None:
    """A slice without positives has no recall, and raises no warning."""
    wanted = [Wanted(metric=metric_named("recall"), threshold=-0.5, part=np.arange(200) >= 100)]
    drawn = simulate(wanted, rows(200), scenario.binary(None), size=200, shift=0.0, seed=1, draws=5)
    assert np.isnan(drawn.truth()).all()
    assert passes(wanted, drawn, n=200, a=0.025) == (0.0, 0.0)
