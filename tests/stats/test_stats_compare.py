"""Which method judges which metric."""

import numpy as np
import pytest

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.compare import difference, single
from release.stats.contrast import Unjudged
from release.stats.metrics import METRICS, Kind, Metric


def rows(name: str, n: int = 200) -> tuple[Metric, Array, Array, Array]:
    rng = np.random.default_rng(0)
    metric = METRICS[name]
    if "regression" in metric.tasks:
        y = 5 + rng.uniform(-2, 2, size=n)
        return metric, y, *(y + rng.uniform(-1, 1, size=n) for _ in range(2))
    y = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n) + 1.5 * y - 0.7
    one, two = (1 / (1 + np.exp(-shared - 0.5 * rng.normal(size=n))) for _ in range(2))
    return metric, y, metric.reads(one, threshold=0.5), metric.reads(two, threshold=0.4)


METHODS = dict.fromkeys(METRICS, ("bootstrap-bca-t", "bootstrap-bca-t"))
METHODS |= dict.fromkeys(("accuracy", "recall", "specificity"), ("tango", "wilson"))
METHODS |= dict.fromkeys((name for name, metric in METRICS.items() if metric.kind is Kind.ROWWISE), ("t", "t"))
METHODS |= {"roc_auc": ("delong-mover", "delong-logit"), "precision": ("bootstrap-bca-t", "wilson")}
METHODS |= {"median_absolute_error": ("bootstrap-percentile", "bootstrap-percentile")}


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_has_its_method(name: str) -> None:
    """Exact methods where they exist, the bootstrap elsewhere; estimate and values always agree with the metric itself."""
    metric, y, one, two = rows(name)
    pair = difference(metric, y, one, two, seed=1, resamples=499)
    alone = single(metric, y, two, seed=1, resamples=499)
    assert (pair.method, alone.method) == METHODS[name]
    sign = 1 if metric.greater_is_better else -1
    assert (pair.champion, pair.challenger) == pytest.approx((metric.compute(y, one), metric.compute(y, two)))
    assert pair.estimate == pytest.approx(sign * (pair.challenger - pair.champion))
    assert alone.estimate == pytest.approx(sign * metric.compute(y, two))


def test_a_ratio_of_proportions_is_a_mean_of_rows() -> None:
    """Tango's interval is for differences; a relative margin on recall is a t test, one on the AUC stays DeLong's."""
    recall = difference(*rows("recall"), seed=1, resamples=499, ratio=0.95)
    auc = difference(*rows("roc_auc"), seed=1, resamples=499, ratio=0.95)
    assert recall.method == "t"
    assert recall.estimate == pytest.approx(recall.challenger - 0.95 * recall.champion)
    assert auc.method == "delong-mover"


@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "brier_score", "f1"])
def test_groups_are_the_bootstraps(name: str) -> None:
    """Closed forms assume independent rows."""
    metric, y, one, two = rows(name)
    groups = np.arange(200) // 5
    assert difference(metric, y, one, two, seed=1, resamples=499, groups=groups).method == "bootstrap-groups"
    assert single(metric, y, two, seed=1, resamples=499, groups=groups).method == "bootstrap-groups"


@pytest.mark.parametrize("name", METRICS)
def test_weights_are_in_the_values_and_rows_of_none_do_not_exist(name: str) -> None:
    """Every method gives the weighted metric; rows that count nothing change neither limits nor n."""
    metric, y, one, two = rows(name)
    weights = np.linspace(1, 2, 200)
    found = difference(metric, y, one, two, seed=1, resamples=499, weights=weights)
    alone = single(metric, y, two, seed=1, resamples=499, weights=weights)
    for contrast in (found, alone):
        assert contrast.challenger == pytest.approx(metric.compute(y, two, weights=weights))
        assert contrast.lower(0.025) < contrast.estimate < contrast.upper(0.025)
    more = [np.concatenate([column, column[:20]]) for column in (y, one, two)]
    with_none = np.concatenate([weights, np.zeros(20)])
    again = difference(metric, *more, seed=1, resamples=499, weights=with_none)
    again_alone = single(metric, more[0], more[2], seed=1, resamples=499, weights=with_none)
    for first, second in ((found, again), (alone, again_alone)):
        assert (second.n, second.lower(0.01)) == (first.n, pytest.approx(first.lower(0.01)))


@pytest.mark.parametrize("name", METRICS)
def test_equal_weights_are_none(name: str) -> None:
    """Rows that all count three are judged as rows that all count one."""
    metric, y, one, two = rows(name)
    plain, thrice = (
        difference(metric, y, one, two, seed=1, resamples=499, weights=weights) for weights in (None, np.full(200, 3.0))
    )
    for a in (0.1, 0.025, 0.001):
        assert (thrice.lower(a), thrice.upper(a)) == pytest.approx((plain.lower(a), plain.upper(a)), abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_weights_that_are_all_zero_are_refused(name: str) -> None:
    """There is no row left to judge by, and the user is told."""
    metric, y, one, two = rows(name)
    with pytest.raises(BadInputError, match="all of the weights are zero"):
        difference(metric, y, one, two, seed=1, resamples=9, weights=np.zeros(200))
    with pytest.raises(BadInputError, match="all of the weights are zero"):
        single(metric, y, two, seed=1, resamples=9, weights=np.zeros(200))


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
