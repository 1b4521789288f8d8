"""The difference of two paired proportions: Tango's score interval and its dual p-values.

Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample design".
At zero it is McNemar's asymptotic test. Ratios of proportions are the bootstrap's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from release.stats.arrays import Array, same_rows
from release.stats.contrast import Summary, Unjudged, identical, two_sided

if TYPE_CHECKING:
    from release.stats.contrast import Contrast

_HALVINGS = 80  # of an interval two wide: below the spacing of floats


@dataclass(frozen=True, kw_only=True)
class Tango(Summary):
    """Of `n` pairs, `gained` are right only with the challenger and `lost` only with the champion."""

    gained: int
    lost: int

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self._limit(-float(ndtri(a)))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self._limit(float(ndtri(a)))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return float(ndtr(-self.score(t)))

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return float(ndtr(self.score(t)))

    def p_two_sided(self) -> float:
        """Return McNemar's asymptotic p-value (see Contrast); 1 when no pair differs."""
        return two_sided(self)

    def score(self, t: float) -> float:
        """Return the score statistic of "the difference is t", standard Normal if it is.

        The nuisance is the probability of a lost pair, at its maximum likelihood under t: the larger root of
        2n q^2 + (-gained - lost + (2n - gained + lost) t) q - lost t (1 - t) = 0.
        """
        excess = self.gained - self.lost - self.n * t
        if abs(t) >= 1:
            return 0.0 if excess == 0 else float(np.copysign(np.inf, excess))
        b = (2 * self.n - self.gained + self.lost) * t - self.gained - self.lost
        root = float(np.sqrt(b * b + 8 * self.n * self.lost * t * (1 - t)))
        c = -self.lost * t * (1 - t)
        # The two forms of the same root; each is used where it does not subtract nearly equal numbers.
        q = (root - b) / (4 * self.n) if b <= 0 else -2 * c / (root + b)
        variance = self.n * (2 * q + t * (1 - t))
        if variance <= 0:
            return 0.0 if excess == 0 else float(np.copysign(np.inf, excess))
        return float(excess / np.sqrt(variance))

    def _limit(self, z: float) -> float:
        """Return the t at which the score falls to z; it falls all the way from -1 to 1."""
        low, high = -1.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self.score(middle) > z:
                low = middle
            else:
                high = middle
        return (low + high) / 2


def tango_counts(gained: int, lost: int, n: int, *, champion: float, challenger: float) -> Tango:
    """Return the contrast of a 2 x 2 table: `gained` and `lost` of `n` pairs, and each model's proportion."""
    estimate = (gained - lost) / n
    se = float(np.sqrt(max(gained + lost - n * estimate * estimate, 0.0))) / n
    return Tango(
        estimate=estimate, champion=champion, challenger=challenger, se=se, n=n, method="tango", gained=gained, lost=lost
    )


def tango_difference(champion_correct: Array, challenger_correct: Array) -> Contrast | Unjudged:
    """Judge the challenger's share of right rows minus the champion's, both boolean, shape (n,), on the deciding rows.

    The deciding rows are the metric's denominator: all rows for accuracy, the positives for recall. Unjudged without rows.
    """
    one, two = np.asarray(champion_correct, dtype=np.bool_), np.asarray(challenger_correct, dtype=np.bool_)
    same_rows(one, two)
    n = len(one)
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    gained, lost = int((two & ~one).sum()), int((one & ~two).sum())
    if gained == lost == 0:
        return identical(n, bounded=True, n=n, value=float(one.mean()))
    return tango_counts(gained, lost, n, champion=float(one.mean()), challenger=float(two.mean()))
