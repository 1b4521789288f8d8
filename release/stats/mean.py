"""Metrics that are means over rows, judged in closed form: row-wise losses, and proportions in a ratio.

Student's t on row differences, widened by Hall's correction for skewness (student.py); weighted rows by the linearised
mean. Rows that belong together are the bootstrap's, plain differences of proportions are Tango's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.stats.contrast import Identical, Summary, Unjudged, no_tighter_than_identical
from release.stats.metrics import Kind
from release.stats.resample import Design
from release.stats.student import HEAVIEST_ROW, shape, student
from release.stats.weighting import effective

if TYPE_CHECKING:
    from release.stats.arrays import Array, Bools, Floats
    from release.stats.contrast import Contrast
    from release.stats.metrics import Metric
    from release.stats.student import Shape

_FEWEST_ALIKE = 10  # fewer rows that all show the same do not say what others would show
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class _Parts:
    """Each row's part of the oriented contrast and of the models' values, the challenger last, and what the row counts."""

    contrast: Floats
    models: tuple[Floats, ...]
    weights: Floats

    def mean(self, values: Floats) -> float:
        """Return a weighted mean."""
        return float((self.weights * values).sum() / self.weights.sum())


def mean_difference(
    metric: Metric, y: Array, champion: Array, challenger: Array, *, ratio: float = 1.0, weights: Floats | None = None
) -> Contrast | Unjudged:
    """Judge challenger - ratio * champion (turned round for losses) of a metric that has `row`, on its deciding rows.

    Unjudged without rows, with a single one, or, unless the metric is bounded, when one row holds over 30% of the squared
    deviations. Raises BadInputError on outputs the metric cannot read.
    """
    if reason := metric.absent(y):
        return Unjudged(reason=reason, n=len(y))
    metric.statistic(y, champion, "the champion's predictions")
    metric.statistic(y, challenger, "the challenger's predictions")
    chosen = metric.deciding_rows(y)
    sign = 1.0 if metric.greater_is_better else -1.0
    one, two = (_part(metric, y, output, chosen) for output in (champion, challenger))
    return _judged(metric, _Parts(sign * (two - ratio * one), (one, two), _counts(weights, chosen)))


def mean_single(metric: Metric, y: Array, challenger: Array, *, weights: Floats | None = None) -> Contrast | Unjudged:
    """Judge one model's metric alone (a loss as its negative), otherwise like mean_difference."""
    if reason := metric.absent(y):
        return Unjudged(reason=reason, n=len(y))
    metric.statistic(y, challenger, "the challenger's predictions")
    chosen = metric.deciding_rows(y)
    one = _part(metric, y, challenger, chosen)
    return _judged(metric, _Parts(one if metric.greater_is_better else -one, (one,), _counts(weights, chosen)))


def _part(metric: Metric, y: Array, output: Array, chosen: Bools) -> Floats:
    if metric.row is None:
        raise ValueError(f"{metric.name} is no mean over rows")
    return np.asarray(metric.row(y, np.asarray(output))[chosen], dtype=np.float64)


def _counts(weights: Floats | None, chosen: Bools) -> Floats:
    return np.ones(int(chosen.sum())) if weights is None else weights[chosen]


def _judged(metric: Metric, parts: _Parts) -> Contrast | Unjudged:
    n = len(parts.weights)
    estimate = parts.mean(parts.contrast)
    influence = parts.weights * (parts.contrast - estimate) / parts.weights.sum()
    seen = Seen(
        n=n,
        values=tuple(parts.mean(model) for model in parts.models),
        estimate=estimate,
        rows=effective(parts.weights),
        alike=len(parts.models) > 1 and np.array_equal(parts.models[0], parts.models[-1]),
    )
    return judged_mean(metric, seen, shape(Design((n,), np.ones(n, dtype=np.int64)), influence))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What `n` deciding rows show: the models' values, the oriented contrast, how many equal rows they are worth.

    `alike` says that two models do the same on every row.
    """

    n: int
    values: tuple[float, ...]
    estimate: float
    rows: float
    alike: bool


def judged_mean(metric: Metric, seen: Seen, found: Shape) -> Contrast | Unjudged:
    """Judge a mean whose rows have this influence, however both were computed (see mean_difference)."""
    values, n, rows, alike = seen.values, seen.n, seen.rows, seen.alike
    champion = values[0] if len(values) > 1 else None
    summary = Summary(estimate=seen.estimate, champion=champion, challenger=values[-1], se=found.se, n=n, method="t")
    k = max(1, int(rows))
    # Sums of the same rows in another order differ by rounding; such a spread is none.
    if found.se * np.sqrt(rows) <= _ROUNDING * max(abs(value) for value in values):
        return _nothing_seen(metric, summary, k, alike=alike)
    thin = found.heaviest > HEAVIEST_ROW
    if thin and not metric.bounded:
        why = f"one row holds {found.heaviest:.0%} of the squared deviations of {metric.name}"
        return Unjudged(reason=f"{why}: no interval can be trusted", n=n, champion=champion, challenger=values[-1])
    judged = student(summary, found, "t")
    # Where rows are right or wrong, a few of them carry the spread; with four or more that differ this changes nothing.
    if metric.bounded and (thin or alike or metric.kind is Kind.PROPORTION):
        method = "t-identical" if thin or alike else "t"
        return no_tighter_than_identical(judged, k, method, span=metric.span)
    return judged


def _nothing_seen(metric: Metric, summary: Summary, k: int, *, alike: bool) -> Contrast | Unjudged:
    """Return what rows show that all show the same."""
    if not metric.bounded and not alike and summary.n < _FEWEST_ALIKE:
        few = "only one row" if summary.n == 1 else f"{summary.n} rows that all show the same"
        return Unjudged(
            reason=f"{few}: too few to judge by", n=summary.n, champion=summary.champion, challenger=summary.challenger
        )
    return Identical(
        estimate=summary.estimate,
        champion=summary.champion,
        challenger=summary.challenger,
        se=0.0,
        n=summary.n,
        method="identical" if metric.bounded else "identical-unbounded",
        k=k if metric.bounded else None,
        span=metric.span,
    )
