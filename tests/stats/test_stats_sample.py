"""Rows made ready for resampling: independent of their order, alike rows together, groups whole."""

from typing import Any

import numpy as np
import pytest

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.contrast import Unjudged
from release.stats.metrics import METRICS
from release.stats.sample import Sample, sample


def rows(seed: int = 0, n: int = 200) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n) + 1.5 * y - 0.7
    return y, *(1 / (1 + np.exp(-shared - 0.4 * rng.normal(size=n))) for _ in range(2))


def sampled(name: str, y: Array, one: Array, two: Array, **more: Any) -> Sample | Unjudged:
    metric = METRICS[name]
    outputs = {"one": metric.reads(one, threshold=0.5), "two": metric.reads(two, threshold=0.5)}
    return sample(metric, y, outputs, **more)


def test_labels_are_kept_as_cells() -> None:
    """Two hundred rows of two labels on two classes are at most eight units, which stand for all rows."""
    found = sampled("f1", *rows())
    assert len(found.design.count) <= 8
    assert found.design.count.sum() == 200
    assert found.design.rows().tolist() == [200]


def test_classes_keep_their_rows_only_where_their_shares_do_not_matter() -> None:
    """A recall is of its class whatever the class's share; an F1 is not, and its error includes that of the share."""
    y, one, two = rows()
    for name in ("balanced_accuracy", "recall", "roc_auc"):
        assert sampled(name, y, one, two).design.rows().tolist() == np.bincount(y).tolist()
    for name in ("f1", "mcc", "brier_score", "average_precision", "precision"):
        assert sampled(name, y, one, two).design.rows().tolist() == [200]


def test_scores_are_kept_as_rows() -> None:
    """Where hardly any rows are alike each is its own unit."""
    assert sampled("brier_score", *rows()).design.count.tolist() == [1] * 200


@pytest.mark.parametrize("name", ["brier_score", "average_precision", "f1", "macro_f1", "log_loss"])
def test_cells_do_not_change_the_estimate(name: str) -> None:
    """The contrast of the sample is the contrast of the rows."""
    y, one, two = rows()
    metric = METRICS[name]
    values = [metric.compute(y, metric.reads(p, threshold=0.5)) for p in (one, two)]
    found = sampled(name, y, one, two, ratio=1.1)
    sign = 1 if metric.greater_is_better else -1
    assert found.values() == pytest.approx(values)
    assert found.estimate() == pytest.approx(sign * (values[1] - 1.1 * values[0]))


@pytest.mark.parametrize("name", ["brier_score", "average_precision", "balanced_accuracy"])
def test_the_order_of_rows_is_immaterial(name: str) -> None:
    """Shuffled rows are the same sample: the same weights give the same values."""
    y, one, two = rows()
    mixed = np.random.default_rng(3).permutation(200)
    first, second = sampled(name, y, one, two), sampled(name, y[mixed], one[mixed], two[mixed])
    weights = np.random.default_rng(4).integers(0, 3, size=(3, len(first.design.count))).astype(float)
    assert second.at(weights) == pytest.approx(first.at(weights), abs=1e-12)
    assert second.influence() == pytest.approx(first.influence(), abs=1e-12)


def test_multiclass_probabilities_are_ordered_by_that_of_the_truth() -> None:
    """A matrix of probabilities is as independent of order as a column is."""
    rng = np.random.default_rng(5)
    y, one, two = rng.integers(0, 3, size=90), rng.dirichlet(np.ones(3), size=90), rng.dirichlet(np.ones(3), size=90)
    mixed = rng.permutation(90)
    first, second = sampled("log_loss", y, one, two), sampled("log_loss", y[mixed], one[mixed], two[mixed])
    weights = rng.integers(0, 3, size=(3, 90)).astype(float)
    assert second.at(weights) == pytest.approx(first.at(weights), rel=1e-12)
    assert first.design.sizes == (90,)


def test_groups_within_one_class_are_drawn_within_it() -> None:
    """Groups that never mix classes keep the classes' shares; groups that mix them are one stratum."""
    y, one, two = (column[np.argsort(rows()[0], kind="stable")] for column in rows())
    pure = sampled("roc_auc", y, one, two, groups=np.char.add("g", (10 * y + np.arange(200) % 7).astype(str)))
    assert pure.design.sizes == (7, 7)
    mixed = sampled("roc_auc", y, one, two, groups=np.arange(200) % 11)
    assert mixed.design.sizes == (11,)
    assert pure.estimate() == pytest.approx(mixed.estimate())


def test_deciding_counts_rows_or_groups() -> None:
    """Evidence is counted in rows of the denominator, or in the groups that hold any."""
    y, one, two = rows()
    groups = np.arange(200) // 20
    assert sampled("recall", y, one, two).deciding == y.sum()
    assert sampled("recall", y, one, two, groups=groups).deciding == len(np.unique(groups[y == 1]))


@pytest.mark.parametrize(("count", "said"), [(1, "only one group"), (9, "only 9 groups")])
def test_fewer_than_ten_groups_are_no_judgement(count: int, said: str) -> None:
    """No method has limits that hold what they say with so few."""
    found = sampled("brier_score", *rows(), groups=np.arange(200) % count)
    assert isinstance(found, Unjudged)
    assert found.reason == f"cannot tell: {said}, and at least 10 are needed"


@pytest.mark.parametrize("weights", [np.full(200, np.nan), np.full(200, -1.0), np.zeros(200)])
def test_weights_must_be_numbers_that_count_something(weights: Array) -> None:
    """Anything else in a weight column is the user's to mend."""
    with pytest.raises(BadInputError, match="weights"):
        sampled("brier_score", *rows(), weights=weights)


def test_the_message_says_whose_predictions_are_bad() -> None:
    """Champion and challenger are told apart."""
    y, one, two = rows()
    two = two.copy()
    two[3] = np.inf
    with pytest.raises(BadInputError, match="1 of two are not finite"):
        sampled("brier_score", y, one, two)
