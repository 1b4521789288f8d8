"""One model's own value against a floor: Wilson's interval for proportions, logit and score intervals for the AUC.

Wilson's is never narrower here than the exact one. Also the limits of a single AUC that the difference of two AUCs is
built from near one or on few rows. No differences here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from release.stats.contrast import Summary, Unjudged, envelope, two_sided
from release.stats.exact import Exact
from release.stats.weighting import effective_share

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats
    from release.stats.contrast import Contrast, Envelope

_HALVINGS = 60  # of the unit interval: below what a limit is read to


@dataclass(frozen=True, kw_only=True)
class Wilson(Summary):
    """A proportion of `size` equal rows (`n` unless they are weighted) with Wilson's score interval (Wilson 1927)."""

    size: float

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
        p, n = self.estimate, self.size
        if (p == 1 and z > 0) or (p == 0 and z < 0):
            return p  # what the formula gives but for rounding
        return (p + z * z / (2 * n) + z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))) / (1 + z * z / n)

    def _tail(self, t: float, distance: float) -> float:
        if not 0 < t < 1:
            return 0.0 if distance > 0 else 1.0
        return float(ndtr(-distance / np.sqrt(t * (1 - t) / self.size)))


def wilson_single(correct: Array, *, weights: Floats | None = None) -> Contrast | Unjudged:
    """Judge the share of true entries in `correct`, (n,), alone, rows counting `weights`, (n,). Unjudged without rows."""
    right = np.asarray(correct, dtype=np.bool_)
    n = len(right)
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    if weights is None:
        return wilson_counts(int(right.sum()), n)
    p = float((weights * right).sum() / weights.sum())
    size = effective_share(p, p, right.astype(np.float64), weights)
    return _wilson(p, size, n, "wilson-weighted")


def wilson_counts(right: int, n: int) -> Envelope:
    """Return the contrast of `right` of `n` rows alone."""
    return _wilson(right / n, float(n), n, "wilson")


def _wilson(p: float, size: float, n: int, method: str) -> Envelope:
    # Wilson's alone misses a high share of few rows by half as much again as it may.
    se = float(np.sqrt(p * (1 - p) / size))
    known = Summary(estimate=p, champion=None, challenger=p, se=se, n=n, method=method)
    return envelope(Wilson(**vars(known), size=size), Exact(**vars(known), size=size), method)


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
class ScoreAuc(Summary):
    """One AUC by Newcombe's (2006) fifth method: a score interval with Hanley & McNeil's variance at the limit itself.

    `ups` and `downs` are the rows of the classes, or as many as weighted ones are worth. Near one, where DeLong's variance
    rests on a few misplaced rows, it does not shrink with their number.
    """

    ups: float
    downs: float

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self._limit(-float(ndtri(a)))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self._limit(float(ndtri(a)))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return float(ndtr(-self._score(t)))

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return float(ndtr(self._score(t)))

    def p_two_sided(self) -> float:
        """Return the p-value of "the AUC is zero" (see Contrast)."""
        return two_sided(self)

    def _score(self, t: float) -> float:
        if not 0 < t < 1:
            return float(np.copysign(np.inf, self.estimate - t))
        most = (self.ups + self.downs) / 2 - 1
        spread = t * (1 - t) * (1 + most * (1 - t) / (2 - t) + most * t / (1 + t))
        return float((self.estimate - t) / np.sqrt(spread / (self.ups * self.downs)))

    def _limit(self, z: float) -> float:
        """Return the t at which the score falls to z; it falls all the way from 0 to 1."""
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self._score(middle) > z:
                low = middle
            else:
                high = middle
        return (low + high) / 2


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
