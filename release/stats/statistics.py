"""Metrics as functions of row weights: what the bootstrap resamples without touching the rows again.

A resample is a vector of how often each row was drawn; a metric is evaluated on many of them at once. No metric is defined
here (metrics.py says which columns make a metric) and nothing is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.stats.arrays import Bools, Floats, Ints


_ROUNDING = 1e-12
_BANDWIDTH = 0.9716  # of Hall & Sheather at the median: z(.975)^(2/3) * (1.5 * phi(0)^2)^(1/3)


def ratio(top: Floats, bottom: Floats, empty: float = np.nan) -> Floats:
    """Divide elementwise, giving `empty` where the denominator is nothing."""
    out = np.full(np.shape(top), empty)
    np.divide(top, bottom, out=out, where=np.asarray(bottom > 0))
    return out


class Statistic(Protocol):
    """A metric of fixed rows (or groups of them), as a function of their weights."""

    def at(self, weights: Floats) -> Floats:
        """Return the metric at every row of `weights`, (draws, units) -> (draws,); NaN where it is not defined."""

    def influence(self, weights: Floats) -> Floats:
        """Return how much one more of each unit moves the metric at `weights`, (units,) -> (units,), to first order."""

    def grouped(self, groups: Ints, count: int) -> Statistic:
        """Return the same metric with `count` groups of rows as its units; `groups` gives each row's group."""

    def weighted(self, weights: Floats) -> Statistic:
        """Return the same metric with every row counting `weights` times, (n,)."""


@dataclass(frozen=True, eq=False)
class Moments:
    """A metric that is a function of weighted sums of columns, (n, q): a mean, a ratio of means, and the like.

    `combine` maps sums of shape (..., q) to values of shape (...), and does not change when all sums are scaled.
    """

    columns: Floats
    combine: Callable[[Floats], Floats]

    def at(self, weights: Floats) -> Floats:
        """Return the metric at many weights (see Statistic)."""
        return self.combine(weights @ self.columns)

    def influence(self, weights: Floats) -> Floats:
        """Return the loss from leaving each unit out once (see Statistic): the exact jackknife."""
        total = weights @ self.columns
        return np.asarray(self.combine(total) - self.combine(total - self.columns), dtype=np.float64)

    def grouped(self, groups: Ints, count: int) -> Moments:
        """Return the metric of group sums (see Statistic)."""
        summed = [np.bincount(groups, weights=column, minlength=count) for column in self.columns.T]
        return Moments(np.stack(summed, axis=1), self.combine)

    def weighted(self, weights: Floats) -> Moments:
        """Return the metric of weighted rows (see Statistic)."""
        return Moments(self.columns * weights[:, None], self.combine)


@dataclass(frozen=True, eq=False)
class Ranks:
    """A metric of the ranking of rows: sorted once, evaluated by cumulative sums.

    `order` sorts the rows by falling score; in that order `positive` holds 1 for a positive and 0 for a negative, and
    `first` the positions that begin a run of equal scores. `scale` is what each row counts, `unit` the unit it belongs to
    (None: its own).
    """

    area: bool
    order: Ints
    positive: Floats
    first: Ints
    scale: Floats | None = None
    unit: Ints | None = None

    def at(self, weights: Floats) -> Floats:
        """Return the metric at many weights (see Statistic)."""
        ups, downs = self._runs(weights)
        up = np.cumsum(ups, axis=1)
        if self.area:
            # A negative counts the positives before its run, and half of those in it.
            pairs = np.einsum("ij,ij->i", downs, up)
            if len(self.first) < len(self.order):
                pairs -= np.einsum("ij,ij->i", downs, ups) / 2
            return ratio(pairs, up[:, -1] * downs.sum(axis=1))
        return ratio((ups * ratio(up, up + np.cumsum(downs, axis=1), 0.0)).sum(axis=1), up[:, -1])

    def influence(self, weights: Floats) -> Floats:
        """Return the derivative of the metric by each weight (see Statistic)."""
        (ups,), (downs,) = self._runs(weights[None])
        up, down = np.cumsum(ups), np.cumsum(downs)
        value = float(self.at(weights[None])[0])
        if self.area:
            of_positive = ((down[-1] - down + downs / 2) / down[-1] - value) / up[-1]
            of_negative = ((up - ups / 2) / up[-1] - value) / down[-1]
        else:
            seen = np.maximum(up + down, np.finfo(np.float64).tiny)
            # One more row changes the precision of its own run and of every later one.
            gain, loss = (np.cumsum((ups * other / seen**2)[::-1])[::-1] for other in (down, up))
            of_positive = (up / seen + gain - value) / up[-1]
            of_negative = -loss / up[-1]
        run = np.searchsorted(self.first, np.arange(len(self.order)), side="right") - 1
        of_row = np.empty(len(self.order))
        of_row[self.order] = np.where(self.positive > 0, of_positive[run], of_negative[run])
        if self.scale is not None:
            of_row *= self.scale
        if self.unit is None:
            return of_row
        return np.asarray(np.bincount(self.unit, weights=of_row, minlength=len(weights)), dtype=np.float64)

    def grouped(self, groups: Ints, count: int) -> Ranks:
        """Return the metric with groups as units (see Statistic); a ranking cannot be summed, so rows stay."""
        del count
        return replace(self, unit=groups)

    def weighted(self, weights: Floats) -> Ranks:
        """Return the metric of weighted rows (see Statistic)."""
        return replace(self, scale=weights)

    def _runs(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the positive and the negative weight in every run of equal scores, (draws, runs)."""
        # `take` is several times faster here than indexing.
        rows = np.take(weights, self.order if self.unit is None else self.unit[self.order], axis=1)
        if self.scale is not None:
            rows = rows * self.scale[self.order]
        ups = rows * self.positive
        downs = rows - ups
        if len(self.first) < len(self.order):
            ups, downs = (np.add.reduceat(steps, self.first, axis=1) for steps in (ups, downs))
        return ups, downs


@dataclass(frozen=True, eq=False)
class Median:
    """The median of rows, sorted once; between two values, where half of the weight lies below, their mean.

    `order` sorts the rows by `values`, which are in that order; `scale` and `unit` are as in Ranks.
    """

    values: Floats
    order: Ints
    scale: Floats | None = None
    unit: Ints | None = None

    def at(self, weights: Floats) -> Floats:
        """Return the metric at many weights (see Statistic)."""
        return self._quantile(self._sums(weights), 0.5)

    def influence(self, weights: Floats) -> Floats:
        """Return the derivative of the metric by each weight (see Statistic), its density estimated from spacings.

        A row above the median moves it by half the spacing of the quantiles there, one below as much the other way; the
        bandwidth is Hall & Sheather's (1988) for a level of .05.
        """
        sums = self._sums(weights[None])
        total = float(sums[0, -1])
        steps = np.diff(sums[0], prepend=0.0)
        rows = total**2 / float((steps**2).sum())  # by Kish: as many as would weigh the same
        width = min(_BANDWIDTH * rows ** (-1 / 3), 0.5 - 0.5 / (rows + 1))
        low, middle, high = (float(self._quantile(sums, share)[0]) for share in (0.5 - width, 0.5, 0.5 + width))
        of_row = np.empty(len(self.order))
        of_row[self.order] = np.sign(self.values - middle) / 2 * (high - low) / (2 * width) / total
        if self.scale is not None:
            of_row *= self.scale
        if self.unit is None:
            return of_row
        return np.asarray(np.bincount(self.unit, weights=of_row, minlength=len(weights)), dtype=np.float64)

    def grouped(self, groups: Ints, count: int) -> Median:
        """Return the metric with groups as units (see Statistic); a median cannot be summed, so rows stay."""
        del count
        return replace(self, unit=groups)

    def weighted(self, weights: Floats) -> Median:
        """Return the metric of weighted rows (see Statistic)."""
        return replace(self, scale=weights)

    def _sums(self, weights: Floats) -> Floats:
        """Return the weight up to and with each row, (draws, n)."""
        rows = np.take(weights, self.order if self.unit is None else self.unit[self.order], axis=1)
        if self.scale is not None:
            rows *= self.scale[self.order]
        return np.cumsum(rows, axis=1, out=rows)

    def _quantile(self, sums: Floats, share: float) -> Floats:
        """Return the value that a share of the weight lies below, in every row of cumulative weights; NaN without any."""
        found = np.full(len(sums), np.nan)
        for draw, summed in enumerate(sums):
            total = summed[-1]
            if total > 0:
                # A sum that reaches the share but for rounding reaches it.
                ends = total * (share - _ROUNDING), total * (share + _ROUNDING)
                first, last = np.searchsorted(summed, ends[0], "left"), np.searchsorted(summed, ends[1], "right")
                found[draw] = (self.values[first] + self.values[last]) / 2
        return found


def median(values: Floats) -> Median:
    """Return the median of values, (n,), as a function of their weights."""
    order = np.argsort(values, kind="stable")
    return Median(values[order], order.astype(np.int64))


def ranks(positive: Bools, score: Floats, *, area: bool) -> Ranks:
    """Return the area under the ROC curve, or else the average precision, of scores on outcomes, both (n,)."""
    order = np.argsort(-score, kind="stable")
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.diff(score[order]) != 0
    return Ranks(area, order.astype(np.int64), positive[order].astype(np.float64), np.flatnonzero(fresh))
