"""Drawing resamples: how often each unit comes up, stratum by stratum, in blocks that keep memory bounded.

Only weights are drawn; what they are weights of is the caller's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.stats.arrays import Floats, Ints

_BLOCK = 250_000  # weights in memory at once: 2 MB, so that the few copies a statistic makes stay in the cache
_LEAST, _MOST = 1_999, 1_000_000
_BEYOND = 50  # draws wanted beyond the outermost limit


def enough_resamples(a: float) -> int:
    """Return how many resamples put 50 draws beyond a limit at one-sided level `a`: at least 1,999, at most a million.

    Large samples make do with fewer, see bootstrap.affordable.
    """
    return max(_LEAST, min(math.ceil(_BEYOND / a), _MOST))


@dataclass(frozen=True, eq=False)
class Design:
    """What is drawn: units in consecutive strata of `sizes` units each, unit i standing for `count[i]` like rows."""

    sizes: tuple[int, ...]
    count: Ints

    def rows(self) -> Ints:
        """Return how many rows each stratum holds."""
        return np.add.reduceat(self.count, self.starts())

    def starts(self) -> Ints:
        """Return the first unit of each stratum."""
        return np.concatenate([[0], np.cumsum(self.sizes[:-1])]).astype(np.int64)

    def stratum(self) -> Ints:
        """Return the stratum of each unit."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def draw(design: Design, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield blocks of weights, (draws, units), each stratum keeping its number of rows; the same for the same seed."""
    rng = np.random.default_rng(seed)
    units = len(design.count)
    block = max(1, min(resamples, _BLOCK // units))
    for done in range(0, resamples, block):
        draws = min(block, resamples - done)
        weights = np.empty((draws, units))
        for start, size in zip(design.starts(), design.sizes, strict=True):
            inside = slice(start, start + size)
            weights[:, inside] = _counts(rng, design.count[inside], draws)
        yield weights


def _counts(rng: np.random.Generator, count: Ints, draws: int) -> Ints:
    """Return how often each unit of one stratum is drawn, (draws, units)."""
    size, rows = len(count), int(count.sum())
    if rows > size:  # like rows were put together: one multinomial draw instead of a draw a row
        return np.asarray(rng.multinomial(rows, count / rows, size=draws), dtype=np.int64)
    drawn = rng.integers(0, size, size=(draws, size)) + np.arange(draws)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size)
