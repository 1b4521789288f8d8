"""Limits without drawing: Student's t on the influence of single rows, and Hall's correction of it for skewness.

For a mean this is the closed form; for any other smooth metric it is the infinitesimal jackknife. Nothing is computed from
predictions here: the influence of each unit is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

from release.stats.contrast import Envelope, Normal, Summary, two_sided

if TYPE_CHECKING:
    from release.stats.arrays import Floats
    from release.stats.resample import Design

HEAVIEST_ROW = 0.3
"""Of the squared deviations; above it a mean of the rows has no interval to be trusted (docs/decisions/0017)."""


@dataclass(frozen=True)
class Shape:
    """What the influence of single units says of the distribution.

    `se` is the unbiased standard error and `skew` the skewness of the estimate (that of one unit over sqrt(n)); `heaviest`
    is one unit's largest share of the squared deviations, `df` Satterthwaite's degrees of freedom over strata, and
    `inflation` the factor by which resampling, whose variance in a stratum of k rows is (k - 1)/k of the unbiased one,
    falls short of `se`.
    """

    se: float
    skew: float
    heaviest: float
    df: float
    inflation: float

    @property
    def acceleration(self) -> float:
        """Return BCa's acceleration, by strata (Davison & Hinkley 1997, section 5.3.2)."""
        return self.skew / 6


def shape(design: Design, influence: Floats) -> Shape:
    """Return the shape of an estimate from what each unit of `design` moves it by, (units,)."""
    count, stratum, size = design.count, design.stratum(), design.rows()
    finite = np.nan_to_num(influence)
    means = np.bincount(stratum, weights=count * finite, minlength=len(size)) / size
    centred = finite - means[stratum]
    squares = np.bincount(stratum, weights=count * centred**2, minlength=len(size))
    total = float(squares.sum())
    if total <= 0:
        return Shape(0.0, 0.0, 0.0, np.inf, 1.0)
    free = np.maximum(size - 1, 1)
    unbiased = squares * size / free
    return Shape(
        se=float(np.sqrt(unbiased.sum())),
        skew=float((count * centred**3).sum() / total**1.5),
        heaviest=float((centred**2).max() / total),
        df=float(unbiased.sum() ** 2 / (unbiased**2 / free).sum()),
        inflation=float(np.sqrt(unbiased.sum() / total)),
    )


@dataclass(frozen=True, kw_only=True)
class Hall(Summary):
    """Student's t on Hall's (1992) cubic transformation, which takes the skewness of the estimate out of it.

    g(T) = T + k T^2 / 3 + k^2 T^3 / 27 + k / 6, T = (estimate - t) / se, k = `skew`: monotone, so that limits and p-values
    are duals without more ado.
    """

    df: float
    skew: float

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self.estimate - self.se * self._inverse(-float(stdtrit(self.df, a)))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self.estimate - self.se * self._inverse(float(stdtrit(self.df, a)))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return float(stdtr(self.df, -self._transformed(t)))

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return float(stdtr(self.df, self._transformed(t)))

    def p_two_sided(self) -> float:
        """Return the p-value of "no difference" (see Contrast)."""
        return two_sided(self)

    def _transformed(self, t: float) -> float:
        k, distance = self.skew, (self.estimate - t) / self.se
        return distance * (1 + k * distance / 3 + (k * distance) ** 2 / 27) + k / 6

    def _inverse(self, quantile: float) -> float:
        """Return the T whose transform is `quantile`: 3/k * (cbrt(1 + k (q - k/6)) - 1), free of cancellation."""
        moved = quantile - self.skew / 6
        root = float(np.cbrt(1 + self.skew * moved))
        return 3 * moved / (root * root + root + 1)


def student(summary: Summary, found: Shape, method: str) -> Envelope:
    """Return the wider of Student's t and Hall's limits at every level, around the estimate of `summary`.

    t alone misses on the side of a long tail; Hall's correction alone where a skewness is estimated that is not there.
    Needs a positive `found.se`.
    """
    known = vars(summary) | {"se": found.se}
    plain = Normal(**(known | {"method": "t"}), df=found.df)
    corrected = Hall(**(known | {"method": "hall"}), df=found.df, skew=found.skew)
    return Envelope(**(known | {"method": method}), parts=(plain, corrected))
