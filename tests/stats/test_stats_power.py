"""Sample sizes against published ones, and against what simulated rows show."""

import numpy as np
import pytest

from release.stats.delong import delong_difference
from release.stats.power import (
    auc_difference_se,
    detectable,
    least_rows_identical,
    mcnemar_rows,
    non_inferiority_rows,
    rows_needed,
)


def test_connors_example() -> None:
    """Discordance .3, effect .1, two-sided 5%, power 80%: 233.1 pairs."""
    assert mcnemar_rows(0.3, 0.1, a=0.025) == pytest.approx(233.1, abs=0.05)


@pytest.mark.parametrize(("a", "rows"), [(0.05, 6183), (0.025, 7849)])
def test_non_inferiority_of_proportions(a: float, rows: int) -> None:
    """Discordance .10, margin .01, power 80%."""
    assert non_inferiority_rows(0.10, 0.01, a=a) == rows


def test_rows_needed_is_the_formula_of_the_rule() -> None:
    """N * ((z(1 - a) + z(1 - .2 / m)) * se / (d - t))^2, rounded up."""
    expected = 171 * ((2.575829 + 1.750686) * 0.006 / 0.02) ** 2
    assert rows_needed(171, 0.006, 0.0, -0.02, 0.005, 5) == np.ceil(expected)


def test_no_number_of_rows_shows_what_is_not_so() -> None:
    """A difference that is not above the threshold gives None."""
    assert rows_needed(171, 0.006, 0.01, 0.01, 0.025, 1) is None
    assert rows_needed(171, 0.006, -0.02, 0.01, 0.025, 1) is None


@pytest.mark.parametrize(("a", "margin"), [(0.025, 0.02), (0.025, 0.05), (0.005, 0.02), (0.0005, 0.1)])
def test_identical_predictions_need_a_least_number_of_rows(a: float, margin: float) -> None:
    """With that many rows the bound of identical predictions is inside the margin, with one fewer it is not."""
    rows = least_rows_identical(a, margin)
    assert 1 - a ** (1 / rows) <= margin < 1 - a ** (1 / (rows - 1))


def test_the_expected_error_of_an_auc_difference_is_what_delong_finds() -> None:
    """Planned and measured standard errors agree within a tenth, at the setting the rule was simulated with."""
    positives, negatives, correlation = 300, 700, 0.95
    planned = auc_difference_se(0.871, 0.871, positives=positives, negatives=negatives, correlation=correlation)
    measured = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.repeat([1, 0], [positives, negatives])
        shared = np.sqrt(correlation) * rng.normal(size=1000) + 1.6 * y
        one, two = (shared + np.sqrt(1 - correlation) * rng.normal(size=1000) for _ in range(2))
        measured.append(delong_difference(y, one, two).se)
    assert planned == pytest.approx(np.mean(measured), rel=0.1)


def test_equal_models_have_no_error_between_them() -> None:
    """Scores that correlate perfectly leave no variance."""
    assert auc_difference_se(0.9, 0.9, positives=50, negatives=80, correlation=1.0) == pytest.approx(0, abs=1e-9)


def test_the_detectable_difference_shrinks_with_the_error() -> None:
    """It is (z(1 - a) + z(power)) * se."""
    assert detectable(0.01, a=0.025) == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-6)
