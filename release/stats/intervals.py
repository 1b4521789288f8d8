"""One model's own value against a floor: Wilson's interval for proportions, the logit interval for the AUC.

Also the limits of a single AUC that the difference of two AUCs is built from near one. No differences here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from release.stats.contrast import Summary, Unjudged, two_sided

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats
    from release.stats.contrast import Contrast


@dataclass(frozen=True, kw_only=True)
class Wilson(Summary):
    """A proportion of `n` rows with Wilson's score interval (Wilson 1927)."""

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self._limit(float(ndtri(a)))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self._limit(-float(ndtri(a)))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return self._tail(t, self.estimate - t)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return self._tail(t, t - self.estimate)

    def p_two_sided(self) -> float:
        """Return the p-value of "the proportion is zero" (see Contrast)."""
        return two_sided(self)

    def _limit(self, z: float) -> float:
        p, n = self.estimate, self.n
        if (p == 1 and z > 0) or (p == 0 and z < 0):
            return p  # what the formula gives but for rounding
        return (p + z * z / (2 * n) + z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))) / (1 + z * z / n)

    def _tail(self, t: float, distance: float) -> float:
        if not 0 < t < 1:
            return 0.0 if distance > 0 else 1.0
        return float(ndtr(-distance / np.sqrt(t * (1 - t) / self.n)))


def wilson_single(correct: Array) -> Contrast | Unjudged:
    """Judge the share of true entries in `correct`, shape (n,), alone. Unjudged when there are no rows."""
    right = np.asarray(correct, dtype=np.bool_)
    n = len(right)
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    p = float(right.mean())
    return Wilson(estimate=p, champion=None, challenger=p, se=float(np.sqrt(p * (1 - p) / n)), n=n, method="wilson")


def auc_limits(auc: float, se: float, smaller: int, z: Floats) -> tuple[Floats, Floats]:
    """Return lower and upper limits of one AUC at Normal quantiles z >= 0: logit(auc) -+ z * se / (auc * (1 - auc)).

    A perfect AUC has no standard error; its lower limit is a^(1/smaller), `smaller` being the size of the smaller class
    (the share of that class that could be misplaced without showing); a perfectly wrong one mirrors it.
    """
    if auc >= 1:
        return ndtr(-z) ** (1 / smaller), np.ones_like(z)
    if auc <= 0:
        return np.zeros_like(z), 1 - ndtr(-z) ** (1 / smaller)
    width = z * se / (auc * (1 - auc))
    return expit(logit(auc) - width), expit(logit(auc) + width)


@dataclass(frozen=True, kw_only=True)
class LogitAuc(Summary):
    """One AUC strictly between 0 and 1, Normal on the logit scale."""

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return float(expit(logit(self.estimate) + ndtri(a) * self._scale()))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return float(expit(logit(self.estimate) - ndtri(a) * self._scale()))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return self._tail(t, 1)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return self._tail(t, -1)

    def p_two_sided(self) -> float:
        """Return the p-value of "the AUC is zero" (see Contrast)."""
        return two_sided(self)

    def _scale(self) -> float:
        return self.se / (self.estimate * (1 - self.estimate))

    def _tail(self, t: float, sign: int) -> float:
        if not 0 < t < 1 or self.se == 0:
            return 0.0 if sign * (self.estimate - t) > 0 else 1.0
        return float(ndtr(-sign * (logit(self.estimate) - logit(t)) / self._scale()))


@dataclass(frozen=True, kw_only=True)
class ExtremeAuc(Summary):
    """An AUC of exactly 1 (or 0): all that k rows of the smaller class show is 1 - a^(1/k)."""

    k: int

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return float(a ** (1 / self.k)) if self.estimate == 1 else 0.0

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return 1.0 if self.estimate == 1 else 1 - float(a ** (1 / self.k))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        if self.estimate == 0:
            return 0.0 if t < 0 else 1.0
        return float(min(max(t, 0.0), 1.0) ** self.k)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        if self.estimate == 1:
            return 0.0 if t > 1 else 1.0
        return float(min(max(1 - t, 0.0), 1.0) ** self.k)

    def p_two_sided(self) -> float:
        """Return the p-value of "the AUC is zero" (see Contrast)."""
        return two_sided(self)
