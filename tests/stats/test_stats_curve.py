"""Tabulated limits: made monotone outwards, exact between points, never a probability out of range."""

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.curve import GRID, Curve, monotone


def curve(limits: Array) -> Curve:
    return Curve(estimate=0.0, champion=0.0, challenger=0.0, se=1.0, n=10, method="test", limits=limits)


def test_a_straight_line_is_the_normal_distribution() -> None:
    """Limits of -z give the Normal quantiles and tails."""
    found = curve(-GRID)
    assert found.lower(0.025) == pytest.approx(-1.959964, abs=1e-6)
    assert found.p_above(-1.959964) == pytest.approx(0.025, abs=1e-6)
    assert found.p_below(1.644854) == pytest.approx(0.05, abs=1e-6)


def test_limits_that_turn_back_are_widened_not_narrowed() -> None:
    """Both tails keep their farthest value."""
    turned = -GRID * np.exp(-np.abs(GRID) / 3)
    found = curve(monotone(turned))
    assert found.lower(1e-9) == turned[GRID >= 0].min()
    assert found.upper(1e-9) == turned[GRID <= 0].max()
    assert (np.diff(monotone(turned)) <= 0).all()


def test_a_flat_stretch_counts_against_a_difference() -> None:
    """Where limits rest at zero, zero is not excluded from either side."""
    found = curve(np.where(np.abs(GRID) < 2, 0.0, -np.sign(GRID)))
    assert (found.p_above(0) > 0.5, found.p_below(0) > 0.5, found.p_two_sided()) == (True, True, 1)


def test_beyond_the_table_p_values_are_zero_and_one() -> None:
    """Nothing is divided by nothing outside the outermost limits."""
    found = curve(-GRID)
    assert (found.p_above(9), found.p_above(-9), found.p_below(9), found.p_below(-9)) == (1, 0, 0, 1)
