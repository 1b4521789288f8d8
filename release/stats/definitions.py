"""The formulas of the metrics, as functions of row weights, agreeing with scikit-learn.

Most functions take outcomes and a model's outputs and return a Statistic; those that say "of each row" return the parts,
(n,), of which the metric is the mean. Which outputs, and what the metric is called, belongs to metrics.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.errors import BadInputError
from release.stats.arrays import Array, Bools, Floats, binary, classes
from release.stats.statistics import Moments, median, ranks, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.stats.statistics import Median, Statistic

_BINS = 15
_NO_SPREAD = 1e-12  # of shares that sum to one: what rounding leaves of nothing


def _mean(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1])


def _root_mean(sums: Floats) -> Floats:
    # Leaving a row out may leave a sum of squares below zero by rounding.
    return np.sqrt(np.maximum(_mean(sums), 0.0))


def _mean_or_zero(sums: Floats) -> Floats:
    return ratio(sums[..., 0], sums[..., 1], 0.0)


def _macro(sums: Floats) -> Floats:
    """Return the mean over classes of top / bottom, leaving out classes that do not occur."""
    top, bottom = np.split(sums, 2, axis=-1)
    return _over_classes(top, bottom, bottom > 0)


def _over_classes(top: Floats, bottom: Floats, occurring: Bools) -> Floats:
    """Return the mean of top / bottom over the classes that occur, 0 for one without a bottom."""
    return ratio(ratio(top, bottom, 0.0).sum(axis=-1), occurring.sum(axis=-1).astype(np.float64))


def _macro_precision(sums: Floats) -> Floats:
    both, true, called = np.split(sums, 3, axis=-1)
    return _over_classes(both, called, true + called > 0)


def _macro_recall(sums: Floats) -> Floats:
    both, true, called = np.split(sums, 3, axis=-1)
    return _over_classes(both, true, true + called > 0)


def _weighted_f1(sums: Floats) -> Floats:
    both, true, called = np.split(sums, 3, axis=-1)
    return ratio((true * ratio(2 * both, true + called, 0.0)).sum(axis=-1), true.sum(axis=-1))


def _correlation(sums: Floats) -> Floats:
    """Return Gorodkin's correlation (2004) of truth and labels: 0 for one label alone, NaN for one class alone."""
    rows = np.split(sums, 3, axis=-1)[1].sum(axis=-1, keepdims=True)
    both, true, called = np.split(ratio(sums, np.broadcast_to(rows, sums.shape)), 3, axis=-1)
    of_truth, of_labels = (1 - (share**2).sum(axis=-1) for share in (true, called))
    together = both.sum(axis=-1) - (true * called).sum(axis=-1)
    found = ratio(together, np.sqrt(np.maximum(of_truth * of_labels, 0.0)), 0.0)
    return np.where(of_truth > _NO_SPREAD, np.where(of_labels > _NO_SPREAD, found, 0.0), np.nan)


def _binned_gap(sums: Floats) -> Floats:
    return ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])


def _explained(sums: Floats) -> Floats:
    """Return 1 - squared errors / squared deviations, from sums of e^2, y, y^2 and 1."""
    around = sums[..., 2] - ratio(sums[..., 1] ** 2, sums[..., 3])
    return 1 - ratio(sums[..., 0], around)


def _average(values: Array) -> Moments:
    return Moments(np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], axis=1), _mean)


def _share(top: Array, bottom: Array, combine: Callable[[Floats], Floats] = _mean) -> Moments:
    return Moments(np.stack([top, bottom], axis=1).astype(np.float64), combine)


def _one_hot(indices: Array, count: int) -> Bools:
    return np.asarray(indices[:, None] == np.arange(count))


def _by_class(y: Array, label: Array) -> Floats:
    """Return which class each row is and is called, which is, and which is called, side by side, (n, 3 * classes)."""
    truth, guess = classes(y), classes(label)
    count = int(max(truth.max(), guess.max())) + 1
    of_class, called = _one_hot(truth, count), _one_hot(guess, count)
    return np.hstack([of_class & called, of_class, called]).astype(np.float64)


def mean(row: Callable[[Array, Array], Array], y: Array, output: Array) -> Moments:
    """Return the mean of what `row` makes of each row."""
    return _average(row(y, output))


def same(y: Array, label: Array) -> Bools:
    """Return of each row whether its label is right."""
    return np.asarray(classes(y) == classes(label))


def among_top(k: int, y: Array, proba: Array) -> Bools:
    """Return of each row whether its class is among the k most probable, (n, classes); of equal ones the later comes first.

    That order is scikit-learn's. Raises BadInputError where k is not less than the number of classes.
    """
    count = proba.shape[1] if proba.ndim > 1 else 2
    if k >= count:
        fix = f"use a k from 2 to {count - 1}" if count > 2 else "use accuracy"  # noqa: PLR2004 (two classes have no top 2)
        raise BadInputError(f"top_{k}_accuracy of {count} classes is always 1", fix=fix)
    truth = classes(y)
    true = proba[np.arange(len(y)), truth][:, None]
    later = np.arange(count) > truth[:, None]
    return np.asarray(((proba > true) | ((proba == true) & later)).sum(axis=1) < k)


def cost(costs: Floats, y: Array, label: Array) -> Floats:
    """Return of each row what its label costs, `costs[true, predicted]`."""
    return np.asarray(costs[classes(y), classes(label)], dtype=np.float64)


def balanced_accuracy(y: Array, label: Array) -> Moments:
    """Return the mean recall over the classes that occur."""
    truth, guess = classes(y), classes(label)
    of_class = _one_hot(truth, int(max(truth.max(), guess.max())) + 1)
    return Moments(np.hstack([of_class & (truth == guess)[:, None], of_class]).astype(np.float64), _macro)


def macro_f1(y: Array, label: Array) -> Moments:
    """Return the mean F1 over the classes that occur, in truth or as labels."""
    truth, guess = classes(y), classes(label)
    count = int(max(truth.max(), guess.max())) + 1
    of_class, called = _one_hot(truth, count), _one_hot(guess, count)
    return Moments(np.hstack([2.0 * (of_class & called), of_class * 1.0 + called]), _macro)


def weighted_f1(y: Array, label: Array) -> Moments:
    """Return the mean F1 over the classes, each counting as often as it is true."""
    return Moments(_by_class(y, label), _weighted_f1)


def macro_precision(y: Array, label: Array) -> Moments:
    """Return the mean precision over the classes that occur, in truth or as labels; 0 for one that is never called."""
    return Moments(_by_class(y, label), _macro_precision)


def macro_recall(y: Array, label: Array) -> Moments:
    """Return the mean recall over the classes that occur, in truth or as labels; 0 for one that is never true."""
    return Moments(_by_class(y, label), _macro_recall)


def mcc(y: Array, label: Array) -> Moments:
    """Return Matthews' correlation of truth and labels, from -1 to 1, for several classes as Gorodkin (2004) defines it."""
    return Moments(_by_class(y, label), _correlation)


def precision(y: Array, label: Array) -> Moments:
    """Return the share of positives among those called positive, 0 when none is."""
    return _share(binary(y) & binary(label), binary(label), _mean_or_zero)


def recall(y: Array, label: Array) -> Moments:
    """Return the share of positives that are called positive."""
    return _share(binary(y) & binary(label), binary(y))


def specificity(y: Array, label: Array) -> Moments:
    """Return the share of negatives that are not called positive."""
    return _share(~binary(y) & ~binary(label), ~binary(y))


def f1(y: Array, label: Array) -> Moments:
    """Return 2 * true positives / (positives + called positive), 0 when there are neither."""
    return _share(2.0 * (binary(y) & binary(label)), binary(y) * 1.0 + binary(label), _mean_or_zero)


def brier(y: Array, proba: Array) -> Floats:
    """Return of each row half the squared distance of its probabilities from the outcome, from 0 to 1.

    Of P(positive), (n,), that is (p - y)^2; of (n, classes) scikit-learn's `brier_score_loss(scale_by_half=True)`: halved,
    so that two classes mean the same written either way, and the score stays within 1.
    """
    if proba.ndim == 1:
        return np.asarray((proba - binary(y)) ** 2)
    return np.asarray(((proba - _one_hot(classes(y), proba.shape[1])) ** 2).sum(axis=1) / 2)


def surprise(y: Array, proba: Array) -> Floats:
    """Return of each row -ln P(true class); probabilities, (n,) or (n, k), are kept from 0 and 1 by one rounding error."""
    true = proba[np.arange(len(y)), classes(y)] if proba.ndim > 1 else np.where(binary(y), proba, 1 - proba)
    tiny = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(true, tiny, 1 - tiny)))


def expected_calibration_error(y: Array, proba: Array) -> Moments:
    """Return the mean distance, over 15 bins of equal width, of the confidence in a bin from how often it is right.

    Confidence is P(positive), (n,), right is a positive; or, of (n, classes), the largest probability, and right is the
    most probable class (Guo et al. 2017, who use 15 bins too). Bins count by their rows and hold their lower edge.
    """
    right = binary(y) if proba.ndim == 1 else same(y, proba.argmax(axis=1))
    confidence = proba if proba.ndim == 1 else proba.max(axis=1)
    bins = _one_hot(np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1), _BINS)
    return Moments(np.hstack([bins * (confidence - right)[:, None], np.ones((len(y), 1))]), _binned_gap)


def rmse(y: Array, value: Array) -> Moments:
    """Return the root of the mean squared error."""
    return _share((value - y) ** 2, np.ones(len(y)), _root_mean)


def distance(y: Array, value: Array) -> Floats:
    """Return of each row the absolute error."""
    return np.asarray(np.abs(value - y))


def relative_distance(y: Array, value: Array) -> Floats:
    """Return of each row the absolute error as a share of the target; a target of 0 is kept one rounding error from it."""
    return np.asarray(np.abs(value - y) / np.maximum(np.abs(y), np.finfo(np.float64).eps))


def pinball(q: float, y: Array, value: Array) -> Floats:
    """Return of each row q * what is missing, or (1 - q) * what is too much: least, on average, at the q-quantile."""
    missing = np.asarray(y - value)
    return np.maximum(q * missing, (q - 1) * missing)


def median_absolute_error(y: Array, value: Array) -> Median:
    """Return the median absolute error."""
    return median(distance(y, value))


def r2(y: Array, value: Array, *, centre: float | None = None) -> Moments:
    """Return 1 - squared errors / squared deviations of the target from its mean; `centre` is about that mean.

    Blocks of rows, whose columns are to be added up, must share one; any gives the same value but for rounding.
    """
    target = np.asarray(y, dtype=np.float64)
    # Sums of squares lose their digits far from zero.
    around = target - (target.mean() if centre is None else centre)
    return Moments(np.stack([(value - target) ** 2, around, around**2, np.ones(len(y))], axis=1), _explained)


def roc_auc(y: Array, score: Array) -> Statistic:
    """Return the area under the ROC curve of scores, ties counting half."""
    return ranks(binary(y), score, area=True)


def average_precision(y: Array, score: Array) -> Statistic:
    """Return the mean over positives of the precision at their score, equal scores taken together."""
    return ranks(binary(y), score, area=False)
