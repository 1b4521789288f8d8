"""Means over rows in closed form: textbook tests, weights, ratios, and rows that cannot be judged."""

import numpy as np
import pytest
from scipy import stats

from release.stats.arrays import Array
from release.stats.contrast import Envelope, Identical, Unjudged
from release.stats.mean import mean_difference, mean_single
from release.stats.metrics import METRICS, metric_named


def rows(seed: int = 0, n: int = 120) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    y = rng.uniform(2, 6, size=n)
    return y, *(y + rng.uniform(-1, 1, size=n) for _ in range(2))


def test_the_first_part_is_the_paired_t_test() -> None:
    """Limits and p-value of SciPy's paired t test on the rows' losses, turned round."""
    y, one, two = rows()
    plain = mean_difference(METRICS["mae"], y, one, two).parts[0]
    expected = stats.ttest_rel(np.abs(one - y), np.abs(two - y))
    low, high = expected.confidence_interval(0.95)
    assert (plain.lower(0.025), plain.upper(0.025)) == pytest.approx((low, high))
    assert plain.p_two_sided() == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("name", ["log_loss", "brier_score", "pinball_loss_0.9", "mape"])
def test_every_mean_has_its_values_and_mirrors_when_swapped(name: str) -> None:
    """Values are the metric's own; swapping the models mirrors the limits; the order of rows is immaterial."""
    metric = metric_named(name)
    y, one, two = rows()
    if "regression" not in metric.tasks:
        y, one, two = (y > 4).astype(int), one / 8, two / 8
    there, back = mean_difference(metric, y, one, two), mean_difference(metric, y, two, one)
    assert (there.champion, there.challenger) == pytest.approx((metric.compute(y, one), metric.compute(y, two)))
    mixed = np.random.default_rng(1).permutation(len(y))
    shuffled = mean_difference(metric, y[mixed], one[mixed], two[mixed])
    for a in (0.1, 0.001):
        assert (back.lower(a), back.upper(a)) == pytest.approx((-there.upper(a), -there.lower(a)))
        assert (shuffled.lower(a), shuffled.upper(a)) == pytest.approx((there.lower(a), there.upper(a)))


def test_a_relative_margin_scales_the_champion_row_by_row() -> None:
    """A loss is contrasted with (1 + r) times the champion's; the error is that of the rows' contrasts."""
    y, one, two = rows()
    found = mean_difference(METRICS["mae"], y, one, two, ratio=1.02)
    values = 1.02 * np.abs(one - y) - np.abs(two - y)
    assert (found.estimate, found.se) == pytest.approx((values.mean(), stats.sem(values)))


def test_weights_have_the_linearised_error() -> None:
    """A weighted mean varies by the sum of squared weighted deviations over the squared total, times n / (n - 1)."""
    y, one, two = rows()
    weights = np.random.default_rng(2).uniform(0.5, 5, size=120)
    found = mean_difference(METRICS["mae"], y, one, two, weights=weights)
    values = np.abs(one - y) - np.abs(two - y)
    mean = np.average(values, weights=weights)
    variance = (weights**2 * (values - mean) ** 2).sum() / weights.sum() ** 2 * 120 / 119
    assert (found.estimate, found.se) == pytest.approx((mean, np.sqrt(variance)))


def test_a_ratio_of_proportions_is_no_tighter_than_its_rows() -> None:
    """Recall against .95 of itself: identical labels are bounded by the positives, and so is one label that differs."""
    y = np.repeat([1, 0], [40, 60])
    label = (np.arange(100) % 9 > 0).astype(int)
    other = label.copy()
    other[9] = 1
    for challenger in (label, other):
        found = mean_difference(METRICS["recall"], y, label, challenger, ratio=0.95)
        assert found.lower(0.025) <= found.estimate - (1 - 0.025 ** (1 / 40)) + 1e-12
        assert found.n == 40


def test_identical_costs_are_bounded_by_their_own_span() -> None:
    """Identical predictions prove of a cost what they prove of a share, times what a row can cost."""
    metric = metric_named("cost", ((0.0, 5.0), (1.0, 0.0)))
    y, label = np.arange(50) % 2, np.arange(50) % 3 % 2
    found = mean_difference(metric, y, label, label)
    assert isinstance(found, Identical)
    assert -found.lower(0.025) == pytest.approx(metric.span * (1 - 0.025 ** (1 / 50)))
    assert found.p_two_sided() == 1


@pytest.mark.parametrize("count", [1, 9])
def test_few_rows_that_all_show_the_same_are_no_judgement(count: int) -> None:
    """One row has no spread, nor have nine alike; ten are taken at their word, and said to be."""
    y = np.arange(20.0)
    few = mean_difference(METRICS["mae"], y[:count], y[:count] + 2, y[:count] + 1)
    assert isinstance(few, Unjudged)
    assert few.reason == ("only one row" if count == 1 else "9 rows that all show the same") + ": too few to judge by"
    assert (few.champion, few.challenger) == (2, 1)
    assert mean_difference(METRICS["mae"], y[:10], y[:10] + 2, y[:10] + 1).method == "identical-unbounded"


def test_one_row_that_outweighs_the_rest() -> None:
    """Is no judgement of an unbounded metric, and no stronger than identical predictions of a bounded one."""
    rng = np.random.default_rng(3)
    y = (np.arange(200) % 2).astype(int)
    one = np.where(y == 1, 0.9, 0.1) + 0.001 * rng.uniform(-1, 1, size=200)
    two = one + 0.0001 * rng.uniform(-1, 1, size=200)
    two[7] = 0.001
    found = mean_difference(METRICS["log_loss"], y, one, two)
    assert isinstance(found, Unjudged)
    assert found.reason.startswith("one row holds ")
    bounded = mean_difference(METRICS["brier_score"], y, one, two)
    assert isinstance(bounded, Envelope)
    assert bounded.method == "t-identical"
    assert bounded.lower(0.025) <= bounded.estimate - (1 - 0.025 ** (1 / 200))


@pytest.mark.parametrize(("noise", "refused"), [("normal", 0.08), ("t3", 0.4)])
def test_squared_errors_miss_no_more_often_than_they_may(noise: str, refused: float) -> None:
    """Two models on 200 rows: limits of the difference of squared errors hold with Normal and with t(3) noise.

    One row above 30% of the squared deviations is refused: seldom with Normal errors.
    """
    rng = np.random.default_rng(0)
    metric, missed, unjudged = METRICS["mae"], np.zeros(2), 0
    for _ in range(1500):
        errors = rng.normal(size=200) if noise == "normal" else rng.standard_t(3, size=200)
        # As absolute errors of the squares, so that a mean metric judges squared errors.
        one, two = ((errors + 0.3 * rng.normal(size=200)) ** 2 for _ in range(2))
        found = mean_difference(metric, np.zeros(200), one, two)
        if isinstance(found, Unjudged):
            unjudged += 1
            continue
        missed += (found.lower(0.025) > 0, found.upper(0.025) < 0)
    assert unjudged / 1500 < refused
    assert (missed / 1500 < 0.037).all()


def test_a_single_loss_is_turned_round() -> None:
    """The estimate is minus the loss, and its t interval SciPy's."""
    y, one, _ = rows()
    found = mean_single(METRICS["mae"], y, one)
    losses = np.abs(one - y)
    low, high = stats.t.interval(0.95, 119, loc=losses.mean(), scale=stats.sem(losses))
    assert found.champion is None
    assert (-found.parts[0].upper(0.025), -found.parts[0].lower(0.025)) == pytest.approx((low, high))


def test_no_mean_is_a_bug() -> None:
    """A metric that is no mean over rows must not get here."""
    y, one, two = rows()
    with pytest.raises(ValueError, match="rmse is no mean over rows"):
        mean_difference(METRICS["rmse"], y, one, two)
