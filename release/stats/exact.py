"""One count among rows, by the binomial distribution itself: Clopper & Pearson (1934). Counts need not be whole.

No differences here, and nothing is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betainc, betaincinv

from release.stats.contrast import Summary, two_sided


def fewest(count: float, size: float, a: float) -> float:
    """Return the least share under which `count` or more of `size` rows have probability `a`; 0 if none were seen."""
    return float(betaincinv(count, size - count + 1, a)) if count > 0 else 0.0


def as_many(count: float, size: float, share: float) -> float:
    """Return P(`count` or more of `size` rows) if each has probability `share`: below a when fewest(...) is above it."""
    if share < 0:
        return 0.0
    return float(betainc(count, size - count + 1, share)) if count > 0 and share < 1 else 1.0


@dataclass(frozen=True, kw_only=True)
class Exact(Summary):
    """A proportion of `size` equal rows (`n` unless they are weighted) with Clopper & Pearson's interval."""

    size: float

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return fewest(self.estimate * self.size, self.size, a)

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return 1 - fewest((1 - self.estimate) * self.size, self.size, a)

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return as_many(self.estimate * self.size, self.size, t)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return as_many((1 - self.estimate) * self.size, self.size, 1 - t)

    def p_two_sided(self) -> float:
        """Return the p-value of "the proportion is zero" (see Contrast)."""
        return two_sided(self)
