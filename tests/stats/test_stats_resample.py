"""Resamples keep strata, repeat exactly, and have the right distribution."""

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.resample import Design, draw, enough_resamples


def drawn(design: Design, resamples: int = 4000, seed: int = 1) -> Array:
    return np.concatenate(list(draw(design, resamples=resamples, seed=seed)))


@pytest.mark.parametrize("count", [[1, 1, 1, 1, 1], [7, 1, 2, 30, 1]])
def test_strata_keep_their_rows(count: list[int]) -> None:
    """Every resample draws from each stratum as many rows as it has, whether rows are drawn singly or by cell."""
    design = Design((2, 3), np.array(count))
    weights = drawn(design, 50)
    assert weights.shape == (50, 5)
    assert (weights[:, :2].sum(axis=1) == sum(count[:2])).all()
    assert (weights[:, 2:].sum(axis=1) == sum(count[2:])).all()


def test_cells_are_drawn_as_often_as_their_rows_would_be() -> None:
    """Mean and variance of a cell of 30 in 33 rows are binomial; of a single row in 5, too."""
    by_cell, by_row = drawn(Design((3,), np.array([30, 2, 1]))), drawn(Design((5,), np.ones(5, dtype=int)))
    assert by_cell.mean(axis=0) == pytest.approx([30, 2, 1], abs=0.1)
    assert by_cell[:, 0].var() == pytest.approx(33 * 30 / 33 * 3 / 33, rel=0.1)
    assert by_row[:, 0].var() == pytest.approx(5 * 0.2 * 0.8, rel=0.1)


def test_the_same_seed_draws_the_same() -> None:
    """And another seed something else."""
    design = Design((3, 4), np.ones(7, dtype=int))
    assert (drawn(design, 20, 5) == drawn(design, 20, 5)).all()
    assert (drawn(design, 20, 5) != drawn(design, 20, 6)).any()


def test_large_samples_come_in_blocks() -> None:
    """No block holds more than a quarter of a million weights, and together they are all the resamples."""
    blocks = [block.shape for block in draw(Design((100_000,), np.ones(100_000, dtype=int)), resamples=7, seed=0)]
    assert blocks == [(2, 100_000)] * 3 + [(1, 100_000)]


@pytest.mark.parametrize(("a", "expected"), [(0.025, 2000), (0.03, 1999), (0.005, 10_000), (0.0005, 100_000), (1e-6, 10**6)])
def test_there_are_draws_beyond_the_outermost_limit(a: float, expected: int) -> None:
    """Fifty beyond level a, at least 1,999 in all and at most a million."""
    assert enough_resamples(a) == expected
