"""Wilson's interval against published examples, and at its edges."""

import numpy as np
import pytest
from scipy.stats import binom

from release.stats.contrast import Unjudged
from release.stats.intervals import wilson_single


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_newcombes_examples(right: int, n: int, low: float, high: float) -> None:
    """The score intervals of Newcombe (1998), table I."""
    found = wilson_single(np.arange(n) < right)
    wilson = found.parts[0]
    assert (wilson.lower(0.025), wilson.upper(0.025)) == pytest.approx((low, high), abs=5e-5)
    assert (found.estimate, found.n, found.method) == (right / n, n, "wilson")


@pytest.mark.parametrize(("right", "n", "low", "high"), [(0, 10, 0.0, 0.3085), (9, 10, 0.5550, 0.9975)])
def test_limits_are_no_narrower_than_the_exact_ones(right: int, n: int, low: float, high: float) -> None:
    """Clopper & Pearson's limits of so few rows, tabulated, where Wilson's are narrower."""
    found = wilson_single(np.arange(n) < right)
    wilson = found.parts[0]
    assert found.lower(0.025) == pytest.approx(min(low, wilson.lower(0.025)), abs=5e-5)
    assert found.upper(0.025) == pytest.approx(max(high, wilson.upper(0.025)), abs=5e-5)


@pytest.mark.parametrize("n", [10, 50])
def test_a_false_claim_is_never_likelier_than_its_level(n: int) -> None:
    """Added up over all counts for many true shares: below the lower limit, and above the upper one."""
    limits = [(found.lower(0.025), found.upper(0.025)) for k in range(n + 1) for found in [wilson_single(np.arange(n) < k)]]
    lows, highs = np.array(limits).T
    for share in np.linspace(0.003, 0.997, 150):
        chance = binom.pmf(np.arange(n + 1), n, share)
        assert chance[lows > share].sum() <= 0.025 + 1e-9
        assert chance[highs < share].sum() <= 0.025 + 1e-9


def test_a_floor_outside_the_unit_interval_is_decided_by_arithmetic() -> None:
    """Every proportion is above a negative floor and none above one of 1 or more."""
    found = wilson_single(np.arange(30) < 20)
    assert (found.p_above(-0.1), found.p_above(0.0), found.p_above(1.0)) == (0, 0, 1)
    assert (found.p_below(-0.1), found.p_below(1.5)) == (1, 0)


def test_all_right_leaves_room_for_doubt() -> None:
    """Sixty-four of sixty-four have a lower limit below one."""
    assert wilson_single(np.ones(64)).lower(0.025) == pytest.approx(64 / (64 + 1.959964**2))


def test_no_rows_are_no_judgement() -> None:
    """Nothing to count gives a reason."""
    assert isinstance(wilson_single(np.zeros(0)), Unjudged)
