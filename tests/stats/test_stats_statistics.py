"""Metrics as functions of weights: drawing a row twice is having it twice."""

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.metrics import METRICS, Metric


def rows(name: str, seed: int = 0, n: int = 60) -> tuple[Metric, Array, Array]:
    rng = np.random.default_rng(seed)
    metric = METRICS[name]
    if "regression" in metric.tasks:
        y = rng.normal(size=n)
        return metric, y, y + 0.5 * rng.normal(size=n)
    y = (rng.random(n) < 0.4).astype(int)
    score = np.round(1 / (1 + np.exp(-(rng.normal(size=n) + y))), 1 + seed % 2)
    return metric, y, metric.reads(score, threshold=0.5)


@pytest.mark.parametrize("name", METRICS)
def test_weights_are_repetitions(name: str) -> None:
    """The metric at drawn weights is the metric of the rows repeated so often."""
    metric, y, pred = rows(name)
    weights = np.random.default_rng(1).multinomial(60, np.ones(60) / 60, size=5)
    repeated = [metric.compute(np.repeat(y, w), np.repeat(pred, w)) for w in weights]
    assert metric.statistic(y, pred).at(weights.astype(float)) == pytest.approx(repeated, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", METRICS)
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


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "f1", "rmse"])
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
