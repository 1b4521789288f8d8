"""Metrics as functions of weights: drawing a row twice is having it twice."""

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.metrics import METRICS, Metric, metric_named

SMOOTH = [*(name for name in METRICS if name != "median_absolute_error"), "pinball_loss_0.9", "top_2_accuracy", "cost"]


def rows(name: str, seed: int = 0, n: int = 60) -> tuple[Metric, Array, Array]:
    rng = np.random.default_rng(seed)
    metric = metric_named(name, ((0.0, 1.0), (9.0, 0.0)))
    if "regression" in metric.tasks:
        y = 5 + rng.normal(size=n)
        return metric, y, y + 0.5 * rng.normal(size=n)
    if "binary" not in metric.tasks:
        y = rng.integers(0, 3, size=n)
        return metric, y, metric.reads(rng.dirichlet(np.ones(3), size=n) / 2 + np.eye(3)[y] / 2 * rng.random((n, 1)))
    y = (rng.random(n) < 0.4).astype(int)
    score = np.round(1 / (1 + np.exp(-(rng.normal(size=n) + y))), 1 + seed % 2)
    return metric, y, metric.reads(score, threshold=0.5)


@pytest.mark.parametrize("name", [*SMOOTH, "median_absolute_error"])
def test_weights_are_repetitions(name: str) -> None:
    """The metric at drawn weights is the metric of the rows repeated so often."""
    metric, y, pred = rows(name)
    weights = np.random.default_rng(1).multinomial(60, np.ones(60) / 60, size=5)
    repeated = [metric.compute(np.repeat(y, w), np.repeat(pred, w, axis=0)) for w in weights]
    assert metric.statistic(y, pred).at(weights.astype(float)) == pytest.approx(repeated, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", SMOOTH)
def test_influence_is_what_a_little_more_weight_does(name: str, seed: int) -> None:
    """Influence equals the derivative by each weight, but for what leaving out one row of 400 adds."""
    metric, y, pred = rows(name, seed, n=400)
    statistic, ones = metric.statistic(y, pred), np.ones(400)
    step = 1e-6
    slopes = (statistic.at(ones + step * np.eye(400)) - statistic.at(ones[None])) / step
    influence = statistic.influence(ones)
    apart = (influence - influence.mean()) - (slopes - slopes.mean())
    assert np.abs(apart).max() < 0.1 * np.abs(slopes).max()


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_influence_on_a_ranking_is_the_exact_derivative(name: str) -> None:
    """With weights, ties and groups alike."""
    metric, y, pred = rows(name, 1)
    groups, scale = np.arange(60) // 3, np.linspace(0.5, 2, 60)
    statistic, ones = metric.statistic(y, pred).weighted(scale).grouped(groups, 20), np.ones(20)
    step = 1e-6
    slopes = (statistic.at(ones + step * np.eye(20)) - statistic.at(ones - step * np.eye(20))) / (2 * step)
    assert statistic.influence(ones) == pytest.approx(slopes, abs=1e-8)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1", "mcc", "rmse", "median_absolute_error"])
def test_a_group_is_drawn_with_all_its_rows(name: str) -> None:
    """Group weights give what their rows' weights give."""
    metric, y, pred = rows(name)
    groups = np.random.default_rng(2).integers(0, 12, size=60)
    drawn = np.random.default_rng(3).multinomial(12, np.ones(12) / 12, size=4).astype(float)
    plain, grouped = metric.statistic(y, pred), metric.statistic(y, pred).grouped(groups, 12)
    assert grouped.at(drawn) == pytest.approx(plain.at(drawn[:, groups]), rel=1e-12)


def test_weights_without_a_positive_leave_recall_undefined() -> None:
    """A resample in which the metric does not exist is NaN, not zero."""
    metric, y, pred = rows("recall")
    assert np.isnan(metric.statistic(y, pred).at((1.0 - y)[None])[0])


def test_without_weight_there_is_no_median() -> None:
    """Nor a warning about it."""
    metric, y, pred = rows("median_absolute_error")
    found = metric.statistic(y, pred).at(np.stack([np.zeros(60), np.ones(60)]))
    assert np.isnan(found[0])
    assert found[1] == metric.compute(y, pred)


@pytest.mark.parametrize("seed", range(3))
def test_influence_on_a_median_gives_its_standard_error(seed: int) -> None:
    """The median is no smooth function; the sum of squared influences is the variance that resampling shows, roughly."""
    metric, y, pred = rows("median_absolute_error", seed, n=2_000)
    statistic = metric.statistic(y, pred)
    rng = np.random.default_rng(seed)
    draws = statistic.at(rng.multinomial(2_000, np.ones(2_000) / 2_000, size=1_000).astype(float))
    influence = statistic.influence(np.ones(2_000))
    assert np.sqrt((influence**2).sum()) == pytest.approx(draws.std(), rel=0.25)
    scale, groups = np.full(2_000, 3.0), np.arange(2_000)
    scaled = statistic.weighted(scale).grouped(groups, 2_000)
    assert scaled.influence(np.ones(2_000)) == pytest.approx(influence)


def test_equal_errors_have_no_influence_on_their_median() -> None:
    """Where half of the rows share one error, a row more or less moves nothing."""
    metric = METRICS["median_absolute_error"]
    statistic = metric.statistic(np.zeros(50), np.array([1.0, -1.0] * 24 + [0.5, 3.0]))
    assert statistic.influence(np.ones(50)) == pytest.approx(np.zeros(50))


@pytest.mark.parametrize("name", ["mcc", "macro_f1", "weighted_f1", "macro_precision", "cost", "top_2_accuracy"])
def test_a_table_of_labels_is_as_good_as_its_rows(name: str) -> None:
    """One row for all its like, counted, gives what the rows give: large samples of labels cost no more than small ones."""
    metric, y, pred = rows(name, n=500)
    _, first, count = np.unique(np.stack([y, metric.by_row(y, pred)]), axis=1, return_index=True, return_counts=True)
    found = metric.statistic(y[first], pred[first]).at(count.astype(float)[None])[0]
    assert found == pytest.approx(metric.compute(y, pred), rel=1e-12)
    assert len(first) < 100
