"""The corrected resampled t-test: worked numbers, its interval, and how often it finds what is not there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from release.stats.corrected import corrected


def test_the_worked_numbers_of_scikit_learns_example() -> None:
    """Two kernels on two moons, 10 x 10: t .7503 and p .2274 where an uncorrected test has 2.6112 and .0052."""
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    division = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), x, y, scoring="roc_auc", cv=division)
        for kernel in ("rbf", "linear")
    )
    found = corrected(list(rbf - linear), test_share=10 / 90)
    assert (found.t, found.p_one_sided) == (pytest.approx(0.7503, abs=5e-5), pytest.approx(0.2274, abs=5e-5))
    assert found.df == 99
    plain = corrected(list(rbf - linear), test_share=0.0)
    assert (plain.t, plain.p_one_sided) == (pytest.approx(2.6112, abs=5e-5), pytest.approx(0.0052, abs=5e-5))


def test_without_overlap_it_is_students_test() -> None:
    """With nothing judged by beside what is trained on, the correction is none."""
    drawn = np.random.default_rng(1).normal(0.3, 1, 20)
    found = corrected(list(drawn), test_share=0.0)
    assert found.t == pytest.approx(stats.ttest_1samp(drawn, 0).statistic)
    assert found.p_two_sided == pytest.approx(stats.ttest_1samp(drawn, 0).pvalue)
    assert found.interval(0.9) == pytest.approx(tuple(stats.ttest_1samp(drawn, 0).confidence_interval(0.9)))


@pytest.mark.parametrize("seed", range(5))
def test_interval_and_test_agree(seed: int) -> None:
    """At 1 - p the interval ends at no difference."""
    found = corrected(list(np.random.default_rng(seed).normal(0.2, 1, 30)), test_share=0.25)
    ends = found.interval(1 - found.p_two_sided)
    assert min(abs(end) for end in ends) == pytest.approx(0, abs=1e-9)


def test_recipes_that_never_differ() -> None:
    """There is no error to divide by: nothing is found, or everything."""
    same = corrected([0.0] * 10, test_share=0.1)
    assert (same.t, same.p_two_sided, same.interval(0.95)) == (0.0, 1.0, (0.0, 0.0))
    always = corrected([0.5] * 10, test_share=0.1)
    assert (always.t, always.p_two_sided, always.interval(0.95)) == (math.inf, 0.0, (0.5, 0.5))


def test_one_difference_has_no_spread() -> None:
    """The caller is told."""
    with pytest.raises(ValueError, match="two differences"):
        corrected([0.1], test_share=0.1)


def test_equal_recipes_are_seldom_told_apart() -> None:
    """Neighbours by one noise column or another are equally bad; a plain t-test finds a winner far too often."""
    found = {"corrected": 0, "plain": 0}
    for seed in range(20):
        drawn = np.random.RandomState(seed)
        y = drawn.randint(0, 2, 60)
        x = drawn.normal(size=(60, 2))
        division = RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=seed)
        one, other = (
            cross_val_score(KNeighborsClassifier(3), x[:, [column]], y, scoring="accuracy", cv=division) for column in (0, 1)
        )
        for name, share in (("corrected", 0.25), ("plain", 0.0)):
            found[name] += corrected(list(one - other), test_share=share).p_two_sided < 0.05
    assert found["corrected"] <= 3
    assert found["plain"] >= 7
