"""What the Ladder shows, and what climbing on it gains."""

from __future__ import annotations

import numpy as np
import pytest

from release.stats.ladder import rung


@pytest.mark.parametrize(
    ("best", "value", "greater", "shown"),
    [
        (0.90, 0.905, True, 0.90),
        (0.90, 0.9099, True, 0.90),
        (0.90, 0.9237, True, 0.924),
        (0.90, 0.85, True, 0.90),
        (0.20, 0.1962, False, 0.20),
        (0.20, 0.1838, False, 0.184),
    ],
)
def test_the_number_moves_only_by_more_than_one_standard_error(
    best: float,
    value: float,
    greater: bool,  # noqa: FBT001 (a parameter of the test)
    shown: float,
) -> None:
    """And never back; a share is rounded to whole rows."""
    assert rung(best, value, se=0.01, n=500, greater_is_better=greater) == pytest.approx(shown)


def test_large_values_are_rounded_by_their_error() -> None:
    """A root mean squared error of 54.3 with an error of 1 is told to a thousandth of that."""
    assert rung(60.0, 54.32187, se=1.0, n=200, greater_is_better=False) == pytest.approx(54.322)
    assert rung(60.0, 54.32187, se=0.0, n=200, greater_is_better=False) == pytest.approx(54.3219)


def _climbed(n: int, tries: int, *, ladder: bool, seed: int) -> float:
    """Return how far above the truth (.5) labels get on n rows when votes that looked better are kept and added up.

    Blum & Hardt's boosting attack: random labels, those that the board shows above .5 (or above what it showed) are
    combined by majority.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    base = rng.integers(0, 2, n)
    right = base == truth
    shown, votes = float(right.mean()), base * 2.0 - 1
    for _ in range(tries):
        guess = rng.integers(0, 2, n)
        value = float((guess == truth).mean())
        se = float(np.std((guess == truth).astype(float) - right)) / np.sqrt(n)
        told = rung(shown, value, se=se, n=n, greater_is_better=True) if ladder else value
        if told > shown if ladder else told > 0.5:
            votes += guess * 2.0 - 1
        if ladder and told > shown:
            shown, right = told, guess == truth
    return float(((votes > 0) == truth).mean()) - 0.5


def test_climbing_on_shown_numbers_gains_less_on_the_ladder() -> None:
    """Two hundred retries on 500 rows: the full numbers give a worthless model several points, the Ladder a fraction."""
    full = np.mean([_climbed(500, 200, ladder=False, seed=seed) for seed in range(30)])
    ladder = np.mean([_climbed(500, 200, ladder=True, seed=seed) for seed in range(30)])
    assert full > 0.12
    assert ladder < 0.05
    assert ladder < full / 4
