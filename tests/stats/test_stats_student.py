"""Student's t on the influence of rows, and Hall's correction: formulas, limits, and coverage."""

import numpy as np
import pytest
from scipy import stats

from release.stats.contrast import Summary
from release.stats.resample import Design
from release.stats.student import Hall, Shape, shape, student


def one_mean(values: np.ndarray) -> Shape:
    n = len(values)
    return shape(Design((n,), np.ones(n, dtype=int)), (values - values.mean()) / n)


def of(values: np.ndarray) -> Summary:
    return Summary(estimate=values.mean(), champion=None, challenger=values.mean(), se=0.0, n=len(values), method="t")


def test_the_shape_of_a_mean_is_that_of_its_rows() -> None:
    """Standard error, skewness over the root of n, degrees of freedom and the heaviest share of one sample."""
    values = np.random.default_rng(0).gamma(1.0, size=40)
    found = one_mean(values)
    assert found.se == pytest.approx(stats.sem(values))
    assert found.skew == pytest.approx(stats.skew(values) / np.sqrt(40))
    assert found.acceleration == pytest.approx(found.skew / 6)
    assert (found.df, found.inflation) == pytest.approx((39, np.sqrt(40 / 39)))
    deviations = (values - values.mean()) ** 2
    assert found.heaviest == pytest.approx(deviations.max() / deviations.sum())


def test_strata_have_their_own_means_and_welchs_degrees_of_freedom() -> None:
    """Two strata are Welch's problem; a constant stratum adds nothing and is no error."""
    rng = np.random.default_rng(1)
    one, two = rng.normal(5, 1, 12), rng.normal(-5, 3, 30)
    found = shape(Design((12, 30), np.ones(42, dtype=int)), np.concatenate([one / 12, two / 30]))
    variances = one.var(ddof=1) / 12, two.var(ddof=1) / 30
    assert found.se == pytest.approx(np.sqrt(sum(variances)))
    assert found.df == pytest.approx(sum(variances) ** 2 / (variances[0] ** 2 / 11 + variances[1] ** 2 / 29))
    alone = shape(Design((12, 30), np.ones(42, dtype=int)), np.concatenate([one / 12, np.ones(30)]))
    assert (alone.se, alone.df) == pytest.approx((np.sqrt(variances[0]), 11))


def test_like_rows_that_stand_for_many_count_as_many() -> None:
    """Cells with counts have the shape of their rows one by one."""
    values, count = np.array([0.0, 1.0, 3.0]), np.array([5, 8, 2])
    rows = np.repeat(values, count)
    found, each = shape(Design((3,), count), (values - rows.mean()) / 15), one_mean(rows)
    assert (found.se, found.skew, found.df) == pytest.approx((each.se, each.skew, each.df))


@pytest.mark.parametrize("skew", [-0.7, -1e-13, 0.0, 1e-13, 0.2])
def test_halls_limits_solve_his_transformation(skew: float) -> None:
    """At its own limit the transform of T is the t quantile, by the formula of the paper."""
    found = Hall(estimate=2.0, champion=None, challenger=2.0, se=0.5, n=30, method="hall", df=29, skew=skew)
    for a in (0.2, 0.025, 1e-5):
        for limit, quantile in ((found.lower(a), -stats.t.ppf(a, 29)), (found.upper(a), stats.t.ppf(a, 29))):
            t = (2.0 - limit) / 0.5
            assert t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6 == pytest.approx(quantile, abs=1e-9)


def test_without_skewness_hall_is_student() -> None:
    """Symmetric rows have the t interval of any textbook."""
    values = np.concatenate([np.arange(10.0), -np.arange(10.0)])
    found = student(of(values), one_mean(values), "t")
    low, high = stats.t.interval(0.95, 19, loc=values.mean(), scale=stats.sem(values))
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((low, high))


@pytest.mark.parametrize("n", [60, 200])
def test_limits_of_skewed_means_cover_where_students_do_not(n: int) -> None:
    """Squared Normal errors: t is below the truth twice as often as it may be, the wider of both hardly more than it may."""
    rng = np.random.default_rng(n)
    plain = corrected = 0
    for _ in range(2000):
        values = rng.normal(size=n) ** 2
        found = student(of(values), one_mean(values), "t")
        plain += found.parts[0].upper(0.025) < 1
        corrected += found.upper(0.025) < 1
    assert plain > 70
    assert corrected <= 68
