"""How well each possible difference fits the rows, as a density: read from a comparison's own limits.

The picture is drawn through what was judged, so it cannot say otherwise: a confidence distribution (Xie & Singh 2013) whose
quantiles at both ends of the interval are the recorded limits. Nothing is estimated or resampled here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.report.judged import Bar

_NORMAL = NormalDist()
_REACH = 3.5
_STEPS = 70
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Quantiles through the lower limit, the estimate and the upper limit at Normal quantiles -`z`, 0 and `z`."""

    low: float
    middle: float
    high: float
    z: float

    def at(self, z: float) -> float:
        """Return the difference at a Normal quantile: a monotone cubic inside the limits, straight beyond them."""
        return self._value(z)[0]

    def ends(self, level: float) -> tuple[float, float]:
        """Return both limits at a two-sided level such as 0.95."""
        z = _NORMAL.inv_cdf((1 + level) / 2)
        return self.at(-z), self.at(z)

    def density(self) -> tuple[tuple[float, float], ...]:
        """Return (difference, density) from far below to far above, the highest being 1."""
        points = []
        for i in range(_STEPS + 1):
            z = _REACH * (2 * i / _STEPS - 1)
            value, slope = self._value(z)
            points.append((value, _NORMAL.pdf(z) / slope))
        top = max(height for _, height in points)
        return tuple((value, height / top) for value, height in points)

    def _value(self, z: float) -> tuple[float, float]:
        """Return the quantile and its slope; Hermite cubics with the secants' harmonic mean in the middle.

        That slope keeps the cubics monotone (Fritsch & Carlson 1980), and the density without a jump.
        """
        left, right = (self.middle - self.low) / self.z, (self.high - self.middle) / self.z
        if abs(z) >= self.z:
            return (self.low + left * (z + self.z), left) if z < 0 else (self.high + right * (z - self.z), right)
        between = 2 * left * right / (left + right)
        if z < 0:
            return _hermite((z + self.z) / self.z, (self.low, self.middle), (left, between), self.z)
        return _hermite(z / self.z, (self.middle, self.high), (between, right), self.z)


def _hermite(t: float, ends: tuple[float, float], slopes: tuple[float, float], width: float) -> tuple[float, float]:
    (a, b), (s, e) = ends, (slopes[0] * width, slopes[1] * width)
    value = a * (2 * t**3 - 3 * t**2 + 1) + s * (t**3 - 2 * t**2 + t) + b * (3 * t**2 - 2 * t**3) + e * (t**3 - t**2)
    slope = (a - b) * (6 * t**2 - 6 * t) + s * (3 * t**2 - 4 * t + 1) + e * (3 * t**2 - 2 * t)
    return value, slope / width


def spread(bar: Bar, level: float) -> Spread | None:
    """Return the distribution behind an interval at `level`; None where the interval has no width or no level."""
    if not 0 < level < 1 or not bar.high > bar.low:
        return None
    inside = bar.low < bar.estimate < bar.high
    middle = bar.estimate if inside else (bar.low + bar.high) / 2
    found = Spread(low=bar.low, middle=middle, high=bar.high, z=_NORMAL.inv_cdf((1 + level) / 2))
    points = found.density()
    return found if all(math.isfinite(v) for point in points for v in point) else None
