"""The difference of two paired proportions: Tango's score interval, no narrower than an exact one, and dual p-values.

Tango (1998), "Equivalence test and confidence interval for the difference in proportions for the paired-sample design".
At zero it is McNemar's asymptotic test; the p-value that is shown is his mid-p. Weighted pairs count as many equal ones as
their difference varies like. Ratios of proportions are mean.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from release.stats.arrays import Array, same_rows
from release.stats.contrast import Summary, Unjudged, identical, two_sided
from release.stats.exact import as_many, fewest
from release.stats.mcnemar import mcnemar_mid_p
from release.stats.weighting import effective, effective_share

if TYPE_CHECKING:
    from release.stats.arrays import Bools, Floats
    from release.stats.contrast import Contrast

_HALVINGS = 80  # of an interval two wide: below the spacing of floats


@dataclass(frozen=True, kw_only=True)
class Tango(Summary):
    """Of `size` equal pairs, `gained` are right only with the challenger and `lost` only with the champion.

    `size` is `n` unless pairs are weighted; then none of the three need be whole. Where nearly all discordant pairs go one
    way the score takes them for less skewed than they are, so that its limit on that side is no narrower than Clopper &
    Pearson's for their share, the other pairs being what they are. Limits on the far side of zero are the score's.
    """

    gained: float
    lost: float
    size: float

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return min(self._limit(-float(ndtri(a))), fewest(self.gained, self.size, a) - self.lost / self.size)

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return max(self._limit(float(ndtri(a))), self.gained / self.size - fewest(self.lost, self.size, a))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return max(float(ndtr(-self.score(t))), as_many(self.gained, self.size, t + self.lost / self.size))

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return max(float(ndtr(self.score(t))), as_many(self.lost, self.size, self.gained / self.size - t))

    def p_two_sided(self) -> float:
        """Return McNemar's mid-p value of whole pairs, his asymptotic one of weighted pairs (see Contrast).

        It is shown and not judged, and may disagree with the limits by a little, as (0, 4) of 200 does. Fagerland, Lydersen
        & Laake (2013) recommend mid-p for the test.
        """
        if self.size == self.n:
            return mcnemar_mid_p(round(self.gained), round(self.lost))
        return two_sided(self)

    def score(self, t: float) -> float:
        """Return the score statistic of "the difference is t", standard Normal if it is.

        The nuisance is the probability of a lost pair, at its maximum likelihood under t: the larger root of
        2n q^2 + (-gained - lost + (2n - gained + lost) t) q - lost t (1 - t) = 0.
        """
        excess = self.gained - self.lost - self.size * t
        if abs(t) >= 1:
            return 0.0 if excess == 0 else float(np.copysign(np.inf, excess))
        b = (2 * self.size - self.gained + self.lost) * t - self.gained - self.lost
        root = float(np.sqrt(max(b * b + 8 * self.size * self.lost * t * (1 - t), 0.0)))  # but for rounding never below
        c = -self.lost * t * (1 - t)
        # The two forms of the same root; each is used where it does not subtract nearly equal numbers.
        q = (root - b) / (4 * self.size) if b <= 0 else -2 * c / (root + b)
        variance = self.size * (2 * q + t * (1 - t))
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
        estimate=estimate,
        champion=champion,
        challenger=challenger,
        se=se,
        n=n,
        method="tango",
        gained=gained,
        lost=lost,
        size=n,
    )


def tango_difference(
    champion_correct: Array, challenger_correct: Array, *, weights: Floats | None = None
) -> Contrast | Unjudged:
    """Judge the challenger's share of right rows minus the champion's, both boolean, shape (n,), on the deciding rows.

    The deciding rows are the metric's denominator: all rows for accuracy, the positives for recall. `weights`, (n,), say
    what each counts. Unjudged without rows.
    """
    one, two = np.asarray(champion_correct, dtype=np.bool_), np.asarray(challenger_correct, dtype=np.bool_)
    same_rows(one, two)
    n = len(one)
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    gained, lost = int((two & ~one).sum()), int((one & ~two).sum())
    if weights is not None:
        return _weighted(one, two, weights)
    if gained == lost == 0:
        return identical(n, bounded=True, n=n, value=float(one.mean()))
    return tango_counts(gained, lost, n, champion=float(one.mean()), challenger=float(two.mean()))


def _weighted(one: Bools, two: Bools, weights: Floats) -> Contrast:
    """Return the contrast of weighted pairs: the score interval of as many equal ones (simulated in decision 0017)."""
    n, total = len(one), float(weights.sum())
    values = float((weights * one).sum() / total), float((weights * two).sum() / total)
    change = two.astype(np.float64) - one
    if not bool(change.any()):
        return identical(int(effective(weights)), bounded=True, n=n, value=values[0])
    gained, lost = float((weights * (change > 0)).sum() / total), float((weights * (change < 0)).sum() / total)
    size = effective_share(gained + lost, gained - lost, change, weights)
    return Tango(
        estimate=gained - lost,
        champion=values[0],
        challenger=values[1],
        se=float(np.sqrt(max(gained + lost - (gained - lost) ** 2, 0.0) / size)),
        n=n,
        method="tango-weighted",
        gained=size * gained,
        lost=size * lost,
        size=size,
    )
