"""Which method judges which metric."""

import numpy as np
import pytest

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.compare import difference, single
from release.stats.contrast import Unjudged
from release.stats.metrics import METRICS, Metric


def rows(name: str, n: int = 200) -> tuple[Metric, Array, Array, Array]:
    rng = np.random.default_rng(0)
    metric = METRICS[name]
    y = rng.normal(size=n) if "regression" in metric.tasks else (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n) + 1.5 * y - 0.7
    one, two = (1 / (1 + np.exp(-shared - 0.5 * rng.normal(size=n))) for _ in range(2))
    return metric, y, metric.reads(one, threshold=0.5), metric.reads(two, threshold=0.4)


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_has_its_method(name: str) -> None:
    """Exact methods where they exist, the bootstrap elsewhere; estimate and values always agree with the metric itself."""
    metric, y, one, two = rows(name)
    pair = difference(metric, y, one, two, seed=1, resamples=499)
    alone = single(metric, y, two, seed=1, resamples=499)
    exact = {"roc_auc": ("delong", "delong-logit"), "accuracy": ("tango", "wilson")}
    exact |= dict.fromkeys(("recall", "specificity"), exact["accuracy"])
    if name in exact:
        assert (pair.method, alone.method) == exact[name]
    else:
        assert pair.method.startswith("bootstrap-")
        assert alone.method.startswith("bootstrap-")
    sign = 1 if metric.greater_is_better else -1
    assert (pair.champion, pair.challenger) == pytest.approx((metric.compute(y, one), metric.compute(y, two)))
    assert pair.estimate == pytest.approx(sign * (pair.challenger - pair.champion))
    assert alone.estimate == pytest.approx(sign * metric.compute(y, two))


def test_a_ratio_of_proportions_is_the_bootstraps() -> None:
    """Tango's interval is for differences; a relative margin on recall is resampled, one on the AUC stays exact."""
    recall = difference(*rows("recall"), seed=1, resamples=499, ratio=0.95)
    auc = difference(*rows("roc_auc"), seed=1, resamples=499, ratio=0.95)
    assert recall.method == "bootstrap-bca"
    assert recall.estimate == pytest.approx(recall.challenger - 0.95 * recall.champion)
    assert auc.method == "delong"


@pytest.mark.parametrize("name", ["roc_auc", "accuracy"])
def test_groups_and_weights_are_the_bootstraps(name: str) -> None:
    """Exact methods assume independent rows that count one each."""
    metric, y, one, two = rows(name)
    groups, weights = np.arange(200) // 5, np.linspace(1, 2, 200)
    found = [
        difference(metric, y, one, two, seed=1, resamples=499, groups=groups),
        difference(metric, y, one, two, seed=1, resamples=499, weights=weights),
        single(metric, y, two, seed=1, resamples=499, groups=groups),
        single(metric, y, two, seed=1, resamples=499, weights=weights),
    ]
    assert [one.method for one in found] == ["bootstrap-groups", "bootstrap-bca"] * 2
    assert found[1].challenger == pytest.approx(metric.compute(y, two, weights=weights))


def test_a_proportion_counts_its_deciding_rows() -> None:
    """Recall's n is the positives, so that rows needed are converted by prevalence."""
    metric, y, one, two = rows("recall")
    assert difference(metric, y, one, two, seed=1, resamples=499).n == y.sum()
    assert single(metric, y, two, seed=1, resamples=499).n == y.sum()


@pytest.mark.parametrize("name", [name for name in METRICS if "regression" not in METRICS[name].tasks])
def test_no_rows_are_no_judgement(name: str) -> None:
    """Every classification metric gives a reason for an empty slice."""
    none = np.zeros(0, dtype=int)
    for found in (
        difference(METRICS[name], none, none, none, seed=1, resamples=9),
        single(METRICS[name], none, none, seed=1, resamples=9),
    ):
        assert isinstance(found, Unjudged)
        assert found.n == 0


@pytest.mark.parametrize("name", METRICS)
def test_predictions_that_are_not_numbers_are_refused(name: str) -> None:
    """NaN never counts as merely wrong."""
    metric, y, one, two = rows(name)
    two = two.astype(float)
    two[0] = np.nan
    with pytest.raises(BadInputError, match="not finite"):
        difference(metric, y, one, two, seed=1, resamples=9)
    with pytest.raises(BadInputError, match="not finite"):
        single(metric, y, two, seed=1, resamples=9)
