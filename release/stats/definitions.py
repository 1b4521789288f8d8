"""The formulas of the metrics, as functions of row weights, agreeing with scikit-learn.

Every function takes outcomes and a model's outputs and returns a Statistic. Which outputs, and what the metric is called,
belongs to metrics.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.stats.arrays import Array, Bools, Floats, binary, classes
from release.stats.statistics import Moments, ranks, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.stats.statistics import Statistic


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
    occurring = bottom > 0
    return ratio(ratio(top, bottom, 0.0).sum(axis=-1), occurring.sum(axis=-1).astype(np.float64))


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


def accuracy(y: Array, label: Array) -> Moments:
    """Return the share of right labels."""
    return _average(classes(y) == classes(label))


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


def brier_score(y: Array, proba: Array) -> Moments:
    """Return the mean squared distance of P(positive), (n,), from the outcome."""
    return _average((proba - binary(y)) ** 2)


def log_loss(y: Array, proba: Array) -> Moments:
    """Return the mean of -ln P(true class); probabilities, (n,) or (n, k), are kept from 0 and 1 by one rounding error."""
    true = proba[np.arange(len(y)), classes(y)] if proba.ndim > 1 else np.where(binary(y), proba, 1 - proba)
    tiny = np.finfo(np.float64).eps
    return _average(-np.log(np.clip(true, tiny, 1 - tiny)))


def rmse(y: Array, value: Array) -> Moments:
    """Return the root of the mean squared error."""
    return _share((value - y) ** 2, np.ones(len(y)), _root_mean)


def mae(y: Array, value: Array) -> Moments:
    """Return the mean absolute error."""
    return _average(np.abs(value - y))


def r2(y: Array, value: Array) -> Moments:
    """Return 1 - squared errors / squared deviations of the target from its mean."""
    target = np.asarray(y, dtype=np.float64)
    around = target - target.mean()  # sums of squares lose their digits far from zero
    return Moments(np.stack([(value - target) ** 2, around, around**2, np.ones(len(y))], axis=1), _explained)


def roc_auc(y: Array, score: Array) -> Statistic:
    """Return the area under the ROC curve of scores, ties counting half."""
    return ranks(binary(y), score, area=True)


def average_precision(y: Array, score: Array) -> Statistic:
    """Return the mean over positives of the precision at their score, equal scores taken together."""
    return ranks(binary(y), score, area=False)
