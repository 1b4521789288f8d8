"""The score from which on a row is called positive: chosen on out-of-fold predictions of training rows, never on others."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGITS = 6
_EDGE = 1e-6


def best_threshold(
    y: NDArray[Any],
    score: NDArray[np.float64],
    maximise: Literal["f1", "balanced_accuracy", "accuracy"],
    *,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Return the threshold t, 0 < t < 1, at which `score >= t` maximises a metric; of equals, the one nearest to a half.

    `y` is 0/1 with both present. The threshold lies between two scores, with as few decimals as fit there, so that a last
    bit does not move it.
    """
    order = np.argsort(-score, kind="stable")
    ranked, truth = score[order], y[order].astype(np.float64)
    weight = np.ones(len(ranked)) if weights is None else weights[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # the last row of each distinct score
    true = np.append(0.0, np.cumsum(weight * truth)[ends])
    false = np.append(0.0, np.cumsum(weight * (1 - truth))[ends])
    metric = _metric(maximise, true, false)
    edges = np.concatenate([[1.0], ranked[ends], [0.0]])
    cuts = [_between(low, high) for high, low in itertools.pairwise(edges.tolist())]
    best = np.flatnonzero(metric >= metric.max() - 1e-12)
    return min((cuts[position] for position in best), key=lambda cut: (abs(cut - 0.5), cut))


def _metric(name: str, true: NDArray[np.float64], false: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute a metric for each cut from the weights of true and false positives, the last cut calling all positive."""
    positives, negatives = true[-1], false[-1]
    found: NDArray[np.float64]
    if name == "f1":
        found = 2 * true / (true + false + positives)
    elif name == "accuracy":
        found = (true + negatives - false) / (positives + negatives)
    else:
        found = (true / positives + (negatives - false) / negatives) / 2
    return found


def _between(low: float, high: float) -> float:
    """Return the shortest decimal t with low < t <= high near the middle, inside 0 to 1."""
    middle = (low + high) / 2
    for digits in range(1, _DIGITS + 1):
        short = round(middle, digits)
        if low < short <= high and 0 < short < 1:
            return short
    return min(max(middle, _EDGE), 1 - _EDGE) if low < middle <= high else high
