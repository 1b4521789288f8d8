"""What a method hands to the gate: an estimate whose limits and p-values are duals of each other.

A contrast is challenger - ratio * champion on the same rows (or one model's own value, for a floor), turned so that
positive is better. For every t and level a, `p_above(t) < a` exactly when `lower(a) > t`, so that a picture of the
interval and a p-value never disagree. No verdicts, margins or levels are chosen here: that is the gate's rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from scipy.special import ndtr, ndtri, stdtr, stdtrit


class Contrast(Protocol):
    """A judged quantity.

    `estimate` is oriented: positive is better, so a loss has its sign turned (a single loss of .2 has the estimate -.2
    and is to be compared with minus its ceiling). `champion` and `challenger` are the metric's own values, as people know
    them; `champion` is None when one model is judged alone. `se` is the standard error of `estimate`, `n` the rows that it
    shrinks with, `method` a word for people.
    """

    @property
    def estimate(self) -> float:
        """The oriented difference, or value."""

    @property
    def champion(self) -> float | None:
        """The champion's value of the metric."""

    @property
    def challenger(self) -> float:
        """The challenger's value of the metric."""

    @property
    def se(self) -> float:
        """The standard error of the estimate."""

    @property
    def n(self) -> int:
        """The rows behind the estimate."""

    @property
    def method(self) -> str:
        """What the limits come from."""

    def lower(self, a: float) -> float:
        """Return the one-sided lower limit at level a: [lower(a), upper(a)] is the two-sided 1 - 2a interval."""

    def upper(self, a: float) -> float:
        """Return the one-sided upper limit at level a."""

    def p_above(self, t: float) -> float:
        """Return the one-sided p-value of "at most t": below a exactly when lower(a) > t."""

    def p_below(self, t: float) -> float:
        """Return the one-sided p-value of "at least t": below a exactly when upper(a) < t."""

    def p_two_sided(self) -> float:
        """Return the two-sided p-value of "no difference": shown, never judged."""


@dataclass(frozen=True, kw_only=True)
class Unjudged:
    """The rows cannot carry a judgement: why, and the values if they exist at all."""

    reason: str
    n: int
    champion: float | None = None
    challenger: float | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The numbers every contrast carries (see Contrast)."""

    estimate: float
    champion: float | None
    challenger: float
    se: float
    n: int
    method: str


def two_sided(contrast: Contrast) -> float:
    """Return twice the smaller one-sided p-value at zero, at most 1."""
    return min(1.0, 2 * min(contrast.p_above(0.0), contrast.p_below(0.0)))


@dataclass(frozen=True, kw_only=True)
class Normal(Summary):
    """Limits at estimate -+ quantile * se, from the Normal distribution, or Student's t when `df` is given."""

    df: float | None = None

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self.estimate + float(ndtri(a) if self.df is None else stdtrit(self.df, a)) * self.se

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self.estimate - float(ndtri(a) if self.df is None else stdtrit(self.df, a)) * self.se

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return self._tail(self.estimate - t)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return self._tail(t - self.estimate)

    def p_two_sided(self) -> float:
        """Return the p-value of "no difference" (see Contrast)."""
        return two_sided(self)

    def _tail(self, distance: float) -> float:
        if self.se == 0:
            return 0.0 if distance > 0 else 1.0
        return float(ndtr(-distance / self.se) if self.df is None else stdtr(self.df, -distance / self.se))


@dataclass(frozen=True, kw_only=True)
class Identical(Summary):
    """Rows on which nothing was seen to differ: they exclude only what k rows would have shown.

    Had a share h of the deciding rows come out otherwise, k of them would all agree with probability (1 - h)^k; so at
    level a only h > 1 - a^(1/k) is excluded, which would move the metric by `span` * h. With k None the metric has no
    bound, and the rows prove nothing beyond themselves: the limits are the estimate.
    """

    k: int | None
    span: float = 1.0

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return self.estimate - self._width(a)

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return self.estimate + self._width(a)

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return self._tail(self.estimate - t)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return self._tail(t - self.estimate)

    def p_two_sided(self) -> float:
        """Return the p-value of "no difference" (see Contrast)."""
        return two_sided(self)

    def _width(self, a: float) -> float:
        return 0.0 if self.k is None else self.span * (1 - a ** (1 / self.k))

    def _tail(self, distance: float) -> float:
        if distance <= 0:
            return 1.0
        return 0.0 if self.k is None or self.span == 0 else max(0.0, 1 - distance / self.span) ** self.k


@dataclass(frozen=True, kw_only=True)
class Envelope(Summary):
    """The wider of several contrasts at every level, for where each of them alone is known to be too narrow."""

    parts: tuple[Contrast, ...]

    def lower(self, a: float) -> float:
        """Return the lower limit (see Contrast)."""
        return min(part.lower(a) for part in self.parts)

    def upper(self, a: float) -> float:
        """Return the upper limit (see Contrast)."""
        return max(part.upper(a) for part in self.parts)

    def p_above(self, t: float) -> float:
        """Return the p-value of "at most t" (see Contrast)."""
        return max(part.p_above(t) for part in self.parts)

    def p_below(self, t: float) -> float:
        """Return the p-value of "at least t" (see Contrast)."""
        return max(part.p_below(t) for part in self.parts)

    def p_two_sided(self) -> float:
        """Return the p-value of "no difference" (see Contrast)."""
        return two_sided(self)


def identical(k: int, *, bounded: bool, n: int, value: float) -> Identical:
    """Return the contrast of two models whose predictions on the deciding rows are the same.

    `k` is the number of rows in the metric's deciding denominator (AUC: the smaller class), `bounded` whether the metric
    lies in a unit interval, `n` all rows, `value` what both models score.
    """
    method = "identical" if bounded else "identical-unbounded"
    return Identical(
        estimate=0.0, champion=value, challenger=value, se=0.0, n=n, method=method, k=max(k, 1) if bounded else None
    )


def envelope(first: Contrast, second: Contrast, method: str) -> Envelope:
    """Return the wider of two contrasts of the same quantity at every level, named `method`."""
    return Envelope(
        estimate=first.estimate,
        champion=first.champion,
        challenger=first.challenger,
        se=first.se,
        n=first.n,
        method=method,
        parts=(first, second),
    )


def no_tighter_than_identical(contrast: Contrast, k: int, method: str, *, span: float = 1.0) -> Envelope:
    """Widen a contrast of a metric bounded by `span` to what k deciding rows would allow had nothing been seen to differ.

    For samples in which so little differs that their own spread cannot be trusted: seeing one difference is no stronger
    evidence than seeing none.
    """
    floor = Identical(
        estimate=contrast.estimate,
        champion=contrast.champion,
        challenger=contrast.challenger,
        se=contrast.se,
        n=contrast.n,
        method=method,
        k=max(k, 1),
        span=span,
    )
    return envelope(contrast, floor, method)
