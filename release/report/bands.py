"""ROC and precision-recall curves with their 95% bands, in closed form; numpy only, nothing is drawn here.

A point of the curve moves for two reasons that are independent of each other: the rows of one class that lie above the
threshold, and where the rows of the other class put the threshold (Hsieh & Turnbull 1996). Wilson's limits (1927) of
both are put together by MOVER (Zou & Donner 2008). The bands hold for one point at a time, not for the whole curve at
once, given how many rows of each class there are; they do not collapse where a curve touches 1, as resampling would.
Where fewer than five rows set the threshold there is no band: simulated, it would miss two to four times too often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.report.curves import wilson

if TYPE_CHECKING:
    from release.report.curves import Counted, Floats

STEPS = 50
"""Bands are read at this many evenly spaced steps."""

_FEWEST = 5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A curve's height `y` at `x`, and its pointwise 95% limits."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _Shares:
    """The shares of positives and negatives at or above each distinct score, from 0 to 1, and how many there are."""

    found: Floats
    false: Floats
    positives: int
    negatives: int

    def found_at(self, false: Floats) -> Floats:
        """Return the share of positives found where this share of negatives is: the upper end of a jump."""
        last = np.append(np.flatnonzero(np.diff(self.false)), len(self.false) - 1)
        return np.asarray(np.interp(false, self.false[last], self.found[last]))

    def false_at(self, found: Floats) -> Floats:
        """Return the share of negatives that comes with this share of positives: the left end of a plateau."""
        first = np.append(0, np.flatnonzero(np.diff(self.found)) + 1)
        return np.asarray(np.interp(found, self.found[first], self.false[first]))


def _shares(counted: Counted) -> _Shares | None:
    found, false = (np.append(0.0, one) for one in counted)
    positives, negatives = found[-1], false[-1]
    if not positives or not negatives:
        return None
    return _Shares(found / positives, false / negatives, int(positives), int(negatives))


def roc_band(counted: Counted, *, steps: int = STEPS) -> tuple[Limits, ...]:
    """Return the true positive rate at even false positive rates up to 1.

    Points start where five negatives are called positive; empty when there are none, or no positives. At the right, where
    every row is called positive, the band closes at 1.
    """
    shares = _shares(counted)
    if shares is None:
        return ()
    x = _even(steps, shares.negatives)
    left, right = wilson(x, shares.negatives)
    height = shares.found_at(x)
    below, above = wilson(height, shares.positives)
    low = height - np.hypot(height - below, height - shares.found_at(left))
    high = height + np.hypot(above - height, shares.found_at(right) - height)
    low[-1:] = 1.0
    return _limits(x, height, low, high)


def precision_band(counted: Counted, *, steps: int = STEPS) -> tuple[Limits, ...]:
    """Return the precision at even recalls up to 1.

    From the limits of the false positive rate at each recall. Between points precision follows from the ROC curve's
    straight lines (Davis & Goadrich 2006). Points start where five positives are found and end where five are left; empty
    when a class is missing.
    """
    shares = _shares(counted)
    if shares is None:
        return ()
    x = _even(steps, shares.positives)
    x = x[(1 - x) * shares.positives >= _FEWEST]
    left, right = wilson(x, shares.positives)
    false = shares.false_at(x)
    below, above = wilson(false, shares.negatives)
    fewest = false - np.hypot(false - below, false - shares.false_at(left))
    most = false + np.hypot(above - false, shares.false_at(right) - false)

    def precision(share: Floats) -> Floats:
        true = x * shares.positives
        return np.asarray(true / (true + np.clip(share, 0, 1) * shares.negatives))

    return _limits(x, precision(false), precision(most), precision(fewest))


def _even(steps: int, rows: int) -> Floats:
    every = np.linspace(0, 1, steps + 1)
    return np.asarray(every[every * rows >= _FEWEST])


def _limits(x: Floats, y: Floats, low: Floats, high: Floats) -> tuple[Limits, ...]:
    rows = zip(x, y, np.clip(low, 0, 1), np.clip(high, 0, 1), strict=True)
    return tuple(Limits(x=float(a), y=float(b), low=float(c), high=float(d)) for a, b, c, d in rows)
