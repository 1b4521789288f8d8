"""Rows for many looks, against the numbers that ease.ml/ci prints, and what n rows cannot see."""

from __future__ import annotations

import math

import numpy as np
import pytest

from release.stats.reuse import rows_for_looks, undetected_share


@pytest.mark.parametrize(("adaptive", "rows"), [(False, 29_047), (True, 67_705)])
def test_the_papers_worked_example(adaptive: bool, rows: int) -> None:  # noqa: FBT001 (a parameter of the test)
    """Discordance .1, tolerance .01, delta 1e-4, 32 looks: 29K rows when nobody adapts, 67K when everybody does."""
    assert rows_for_looks(0.01, discordance=0.1, delta=1e-4, looks=32, adaptive=adaptive) == rows


def test_adapting_costs_rows_in_proportion_to_looks_and_not_adapting_almost_none() -> None:
    """2^H tests against H: twice the looks are about twice the rows, or a few percent more."""
    plan = {"discordance": 0.1, "delta": 1e-4}
    one, two = (rows_for_looks(0.01, **plan, looks=h, adaptive=True) for h in (100, 200))
    assert 1.8 < two / one < 2
    one, two = (rows_for_looks(0.01, **plan, looks=h, adaptive=False) for h in (100, 200))
    assert 1 < two / one < 1.06


def test_the_bound_holds_for_simulated_looks() -> None:
    """Differences of accuracies with discordance .1 stray beyond the tolerance far more seldom than delta."""
    rng = np.random.default_rng(1)
    n = rows_for_looks(0.05, discordance=0.1, delta=0.1, looks=10, adaptive=False)
    gained, lost = rng.binomial(n, 0.05, size=(2, 2_000, 10))
    stray = (np.abs(gained - lost) / n > 0.05).any(axis=1)
    assert stray.mean() < 0.1


@pytest.mark.parametrize(
    "wrong", [{"tolerance": 0.0}, {"discordance": 0.0}, {"discordance": 1.1}, {"delta": 1.0}, {"looks": 0}]
)
def test_what_is_no_share_is_refused(wrong: dict[str, float]) -> None:
    """Nobody gets a number of rows from nonsense."""
    plan = {"tolerance": 0.01, "discordance": 0.1, "delta": 0.05, "looks": 1} | wrong
    tolerance = plan.pop("tolerance")
    with pytest.raises(ValueError, match="shares above 0"):
        rows_for_looks(tolerance, **plan, adaptive=False)


@pytest.mark.parametrize("n", [100, 1_000, 100_000])
def test_a_defect_on_fewer_than_3_7_of_n_cases_may_leave_no_trace(n: int) -> None:
    """At 97.5% confidence; on exactly such a share, no row shows it once in forty."""
    share = undetected_share(n)
    assert share == pytest.approx(3.7 / n, rel=0.03)
    assert (1 - share) ** n == pytest.approx(0.025)


def test_no_rows_see_nothing() -> None:
    """Then any defect may be there."""
    assert math.isclose(undetected_share(0), 1)
