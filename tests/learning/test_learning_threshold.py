"""Thresholds: the best there is by trying all, inside 0 to 1, readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from release.learning.threshold import best_threshold

if TYPE_CHECKING:
    from collections.abc import Callable

METRICS: dict[str, Callable[..., float]] = {
    "f1": f1_score,
    "balanced_accuracy": balanced_accuracy_score,
    "accuracy": accuracy_score,
}


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "accuracy"])
@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_does_better(name: Literal["f1", "balanced_accuracy", "accuracy"], seed: int) -> None:
    """Compared with every cut between scores, ties and weights included, by scikit-learn's definition."""
    drawn = np.random.RandomState(seed)
    score = drawn.random_sample(40).round(1 + seed % 3).clip(0.01, 0.99)
    y = (drawn.random_sample(40) < score).astype(int)
    weights = drawn.randint(1, 4, 40).astype(float) if seed % 2 else None
    chosen = best_threshold(y, score, name, weights=weights)
    cuts = [*np.unique(score), 0.9999]
    best = max(METRICS[name](y, score >= cut, sample_weight=weights) for cut in cuts)
    assert 0 < chosen < 1
    assert METRICS[name](y, score >= chosen, sample_weight=weights) == pytest.approx(best, abs=1e-12)


def test_threshold_is_short_and_near_a_half() -> None:
    """Between separated classes it is a number a person would write."""
    score = np.array([0.12345, 0.23456, 0.71234, 0.93456])
    assert best_threshold(np.array([0, 0, 1, 1]), score, "f1") == 0.5
    assert best_threshold(np.array([0, 1, 1, 1]), score, "f1") == 0.2


def test_close_scores_are_told_apart() -> None:
    """Two scores that differ in the last bit still get a threshold between them, the higher one included."""
    low = 0.3
    high = np.nextafter(low, 1)
    chosen = best_threshold(np.array([0, 1]), np.array([low, high]), "accuracy")
    assert low < chosen <= high


def test_scores_at_the_edges_still_have_a_threshold() -> None:
    """Probabilities of exactly 0 and 1 leave room between them."""
    assert best_threshold(np.array([0, 1]), np.array([0.0, 1.0]), "accuracy") == 0.5
