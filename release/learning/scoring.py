"""One number for how good predictions are, by the metric names of `release.config.names`: what a search maximises.

scikit-learn's functions where they are in its table here, else the gate's own, which agree with it; nothing is judged with
these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import metrics

from release.config.names import loss
from release.errors import BadInputError
from release.stats.metrics import metric_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from release.learning.rows import Task

_SCORES: dict[str, Callable[..., Any]] = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "brier_score": metrics.brier_score_loss,
}
_LABELS: dict[str, Callable[..., Any]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "precision": lambda y, label, **more: metrics.precision_score(y, label, zero_division=0, **more),
    "recall": lambda y, label, **more: metrics.recall_score(y, label, zero_division=0, **more),
    "specificity": lambda y, label, **more: metrics.recall_score(y, label, pos_label=0, zero_division=0, **more),
    "f1": lambda y, label, **more: metrics.f1_score(y, label, zero_division=0, **more),
    "macro_f1": lambda y, label, **more: metrics.f1_score(y, label, average="macro", zero_division=0, **more),
}
_NUMBERS: dict[str, Callable[..., Any]] = {
    "rmse": lambda y, value, **more: np.sqrt(metrics.mean_squared_error(y, value, **more)),
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
}


def score(
    metric: str,
    task: Task,
    y: NDArray[Any],
    values: NDArray[np.float64],
    *,
    weights: NDArray[np.float64] | None = None,
    threshold: float = 0.5,
) -> float:
    """Return a metric of predictions as `release.learning.predict` makes them; labels are `values >= threshold` (binary).

    Raises KeyError for what is no metric, BadInputError for one that does not exist on these rows.
    """
    if metric in _NUMBERS:
        return float(_NUMBERS[metric](y, values, sample_weight=weights))
    if metric == "log_loss":
        known = np.arange(2 if task == "binary" else values.shape[1])
        return float(metrics.log_loss(y, values, sample_weight=weights, labels=known))
    if metric in _SCORES and values.ndim == 1:
        return float(_SCORES[metric](y, values, sample_weight=weights))
    if metric not in _LABELS:
        other = metric_named(metric)
        if lacking := other.absent(y):
            raise BadInputError(lacking, where="search.metric", fix="search by a metric that every fold has")
        return other.compute(y, other.reads(values, threshold=threshold), weights=weights)
    labels = values.argmax(axis=1) if task == "multiclass" else (values >= threshold).astype(np.int64)
    return float(_LABELS[metric](y, labels, sample_weight=weights))


def better(metric: str, value: float) -> float:
    """Turn losses round, so that more is better for every metric."""
    return -value if loss(metric) else value
