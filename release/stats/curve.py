"""Limits that have no formula: tabulated over Normal quantiles, made monotone, and inverted for p-values.

Used where a limit is not a linear function of the quantile: bootstrap distributions and the AUC near one. No estimation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from release.stats.contrast import Summary, two_sided

if TYPE_CHECKING:
    from release.stats.arrays import Floats

_MIDDLE = 1600
GRID: Floats = np.arange(-_MIDDLE, _MIDDLE + 1) / (_MIDDLE / 8)
"""Normal quantiles from -8 to 8: 0 in the middle, tails of 6e-16 at the ends."""


def monotone(limits: Floats) -> Floats:
    """Widen limits tabulated over GRID until more confidence never gives a narrower interval.

    Limits of a difference built from two bounded intervals can turn back in the far tails, which would make "p < a"
    ambiguous.
    """
    uppers, lowers = limits[:_MIDDLE], limits[_MIDDLE:]
    return np.concatenate([np.maximum.accumulate(uppers[::-1])[::-1], np.minimum.accumulate(lowers)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve(Summary):
    """A contrast whose lower limit at level Phi(-z) is tabulated for every z of GRID, never rising with z.

    Lower limits at negative z are upper limits: upper(a) = lower(1 - a). Between the points limits are linear in z.
    """

    limits: Floats

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return float(np.interp(-ndtri(a), GRID, self.limits))

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return float(np.interp(ndtri(a), GRID, self.limits))

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast): from the first z whose limit is not above t."""
        right = int(np.searchsorted(-self.limits, -t, side="left"))
        if right == 0:
            return 1.0
        return 0.0 if right == len(GRID) else float(ndtr(-self._crossing(right, t)))

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast): from the last z whose limit is not below t."""
        right = int(np.searchsorted(-self.limits, -t, side="right"))
        if right == 0:
            return 0.0
        return 1.0 if right == len(GRID) else float(ndtr(self._crossing(right, t)))

    def p_two_sided(self) -> float:
        """Return the p-value of "no difference" (see Contrast)."""
        return two_sided(self)

    def _crossing(self, right: int, t: float) -> float:
        """Return the z between two neighbouring points, left one above or at t, where the limit is t."""
        above, below = self.limits[right - 1], self.limits[right]
        return float(GRID[right - 1] + (GRID[right] - GRID[right - 1]) * (above - t) / (above - below))
