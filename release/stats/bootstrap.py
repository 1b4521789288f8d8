"""Any metric by resampling: paired, within classes or by groups, all resamples evaluated as weights.

BCa limits (Efron 1987) with the acceleration of stratified samples (Davison & Hinkley 1997, section 5.3.2); expanded
percentile limits where few rows carry the spread (Hesterberg 2015); percentile limits for quantiles, whose influence is no
smooth function. Alone they miss too often at the levels a gate works at, so they are widened to Student's t on the
influence of single rows, which also makes up for draws that a large sample cannot afford; groups are judged by the same t
on the bootstrap error. What the distribution cannot support is returned as Unjudged, never as a number. Levels and margins
are not known here; docs/decisions/0017 has the simulations behind the choices.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from release.stats.contrast import Envelope, Identical, Summary, Unjudged, no_tighter_than_identical
from release.stats.curve import GRID, Curve, monotone
from release.stats.metrics import Kind
from release.stats.resample import draw
from release.stats.sample import Sample, sample, sample_of_cells
from release.stats.student import HEAVIEST_ROW, shape, student

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats
    from release.stats.cells import Cells
    from release.stats.contrast import Contrast
    from release.stats.metrics import Metric
    from release.stats.student import Shape

_RESAMPLES = 9_999
# Among ten groups of equal kind one often holds 30%; Student's t allows for that, but not for one that outweighs the rest.
_HEAVIEST_GROUP = 0.5
_MANY_GROUPS = 50  # BCa's acceleration says nothing of fewer
# Below this many degrees of freedom percentile and BCa limits are too narrow.
_FEW = 30
_UNDEFINED_DRAWS = 0.01
_FEWEST_DRAWS = 1_999
# Beyond this many units resampling costs minutes and shows nothing that their influence does not, if enough of them decide.
_MANY, _MANY_DECIDING = 250_000, 10_000
_FEWEST_ROWS, _FEWEST_ALIKE = 2, 10
_FARTHEST = 40.0  # a Normal quantile beyond any float's tail
_ROUNDING = 1e-12
_TIE = 1e-9  # of the spread: draws equal to the estimate but for rounding count half


class Interval(enum.StrEnum):
    """How limits are read off the resampled distribution."""

    BCA = "bca"
    PERCENTILE = "percentile"
    EXPANDED = "expanded"
    BASIC = "basic"


def bootstrap_difference(
    metric: Metric,
    y: Array,
    champion: Array,
    challenger: Array,
    *,
    seed: int,
    ratio: float = 1.0,
    resamples: int = _RESAMPLES,
    strata: Array | None = None,
    groups: Array | None = None,
    weights: Array | None = None,
    work: int | None = None,
) -> Contrast | Unjudged:
    """Judge challenger - ratio * champion (turned round for losses) on the same rows, outputs as `metric.needs` says.

    Rows are drawn all together, within the classes of `y` for a class-conditional metric (or `strata`, (n,)), or whole
    `groups`, (n,), and count `weights`, (n,), if given. The order of rows is immaterial, and swapping the models mirrors the
    limits. See enough_resamples for `resamples`; `work`, if given, is how many draws of single rows may be spent on them.
    Unjudged where the metric is undefined, with fewer than ten groups or, unless bounded, when one row holds over 30% (a
    group: half) of the squared deviations; a bounded metric then is no tighter than for identical predictions. Raises
    BadInputError on outputs it cannot read.
    """
    outputs = {"the champion's predictions": champion, "the challenger's predictions": challenger}
    rows = sample(metric, y, outputs, ratio=ratio, strata=strata, groups=groups, weights=weights)
    if isinstance(rows, Unjudged):
        return rows
    return _judge(rows, seed=seed, resamples=resamples, work=work, interval=None)


def bootstrap_single(
    metric: Metric,
    y: Array,
    challenger: Array,
    *,
    seed: int,
    resamples: int = _RESAMPLES,
    strata: Array | None = None,
    groups: Array | None = None,
    weights: Array | None = None,
    work: int | None = None,
    interval: Interval | None = None,
) -> Contrast | Unjudged:
    """Judge one model's metric alone (a loss as its negative), otherwise like bootstrap_difference.

    `interval` overrules the choice of limits, Student's t included, to compare with other tools.
    """
    outputs = {"the challenger's predictions": challenger}
    rows = sample(metric, y, outputs, strata=strata, groups=groups, weights=weights)
    if isinstance(rows, Unjudged):
        return rows
    return _judge(rows, seed=seed, resamples=resamples, work=work, interval=interval)


def bootstrap_cells(
    metric: Metric, cells: Cells, *, seed: int, ratio: float = 1.0, resamples: int = _RESAMPLES, work: int | None = None
) -> Contrast | Unjudged:
    """Judge a table of labels as bootstrap_difference (of one model: bootstrap_single) judges the rows behind it."""
    return _judge(sample_of_cells(metric, cells, ratio=ratio), seed=seed, resamples=resamples, work=work, interval=None)


@dataclass(frozen=True, eq=False)
class _Draws:
    """The resampled contrast, sorted, beside its value on the rows, its standard deviation and its shape."""

    values: Floats
    estimate: float
    spread: float
    shape: Shape

    def quantiles(self, z: Floats) -> Floats:
        """Return the values that shares Phi(-z) of the draws lie below; beyond the draws, the Normal tail."""
        size = len(self.values)
        end = -float(ndtri(1 / (size + 1)))
        inside = np.clip(z, -end, end)
        values = np.interp(ndtr(-inside) * (size + 1), np.arange(1, size + 1), self.values)
        return np.asarray(values - (z - inside) * self.spread)


def _judge(rows: Sample, *, seed: int, resamples: int, work: int | None, interval: Interval | None) -> Contrast | Unjudged:
    """Draw, and choose limits by what the draws and the influence of single units look like."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = shape(rows.design, rows.influence())
    unit = "group" if rows.by_groups else "row"
    thin = interval is None and _is_thin(rows, found)
    if not rows.metric.bounded and (thin or (rows.n < _FEWEST_ROWS and not rows.alike)):
        why = f"one {unit} holds {found.heaviest:.0%} of the squared deviations of {rows.metric.name}"
        return rows.unjudged(f"{why}: no interval can be trusted" if thin else "only one row: too few to judge by")
    if work is not None and _by_influence(rows, found):
        return student(_summary(rows, found.se, "influence"), found, "influence")
    many = resamples if work is None else affordable(resamples, len(rows.design.count), work)
    draws = np.concatenate([rows.at(weights) for weights in draw(rows.design, resamples=many, seed=seed)])
    undefined = ~np.isfinite(draws)
    if undefined.mean() > _UNDEFINED_DRAWS:
        return rows.unjudged(f"{rows.metric.name} is undefined on {undefined.mean():.0%} of resamples: too few {unit}s")
    values = np.sort(draws[~undefined])
    drawn = _Draws(values, rows.estimate(), float(values.std(ddof=1)), found)
    # Sums of the same rows in another order differ by rounding; such a spread is none.
    if drawn.spread <= _ROUNDING * max(abs(value) for value in rows.values() if value is not None):
        return _nothing_seen(rows)
    contrast = _limits(rows, drawn, interval)
    if rows.metric.bounded and (thin or rows.alike):
        method = f"{contrast.method}-identical"
        return no_tighter_than_identical(contrast, rows.deciding, method, span=rows.metric.span)
    return contrast


def _is_thin(rows: Sample, found: Shape) -> bool:
    """Say whether one unit carries so much of the spread that it cannot be known; a quantile does not depend on how far."""
    heaviest = _HEAVIEST_GROUP if rows.by_groups else HEAVIEST_ROW
    return found.heaviest > heaviest and rows.metric.kind is not Kind.QUANTILE


def affordable(resamples: int, units: int, work: int) -> int:
    """Return how many of the wanted resamples of so many units can be drawn for `work` draws of single units.

    Never under 1,999. With fewer than are wanted the tails are Normal beyond the draws, and the limits no narrower than
    Student's t on the influence of rows: what the missing draws leave uncertain only ever widens them.
    """
    return min(resamples, max(_FEWEST_DRAWS, work // max(units, 1)))


def _by_influence(rows: Sample, found: Shape) -> bool:
    """Say whether there are so many rows that their influence alone gives the limits."""
    smooth = rows.metric.kind is not Kind.QUANTILE and not rows.by_groups and not rows.alike
    return smooth and found.se > 0 and len(rows.design.count) > _MANY and rows.deciding >= _MANY_DECIDING


def _summary(rows: Sample, se: float, method: str) -> Summary:
    """Return the numbers that every contrast of the rows carries."""
    champion, challenger = rows.values()
    return Summary(estimate=rows.estimate(), champion=champion, challenger=challenger, se=se, n=rows.n, method=method)


def _nothing_seen(rows: Sample) -> Contrast | Unjudged:
    """Return what rows show on which every resample gives the same value."""
    bounded = rows.metric.bounded
    if not bounded and not rows.alike and rows.n < _FEWEST_ALIKE:
        return rows.unjudged(f"{rows.n} rows that all show the same: too few to judge by")
    seen = _summary(rows, 0.0, "identical" if bounded else "identical-unbounded")
    return Identical(**vars(seen), k=max(rows.deciding, 1) if bounded else None, span=rows.metric.span)


def _limits(rows: Sample, drawn: _Draws, interval: Interval | None) -> Contrast:
    """Return the contrast with limits read off the draws, and no narrower than the influence of the rows allows."""
    if rows.by_groups:
        return _by_groups(rows, drawn)
    kind = interval or _kind(rows, drawn)
    seen = _summary(rows, drawn.spread, f"bootstrap-{kind}")
    curve = Curve(**vars(seen), limits=monotone(_tabulated(drawn, kind)))
    if interval is not None or kind is Interval.PERCENTILE or drawn.shape.se <= 0:
        return curve
    return _widened(student(seen, drawn.shape, f"bootstrap-{kind}-t"), curve)


def _by_groups(rows: Sample, drawn: _Draws) -> Envelope:
    """Return Student's limits on the bootstrap error of groups; where there are many, no narrower than BCa's."""
    se, groups = drawn.spread * drawn.shape.inflation, len(rows.design.count)
    found = replace(drawn.shape, se=se, df=min(drawn.shape.df, groups - 1))
    seen = _summary(rows, se, "bootstrap-groups")
    limits = student(seen, found, seen.method)
    if groups <= _MANY_GROUPS:
        return limits
    return _widened(limits, Curve(**vars(seen), limits=monotone(_tabulated(drawn, Interval.BCA))))


def _widened(limits: Envelope, curve: Curve) -> Envelope:
    """Return the wider of both at every level."""
    return replace(limits, se=curve.se, parts=(curve, *limits.parts))


def _kind(rows: Sample, drawn: _Draws) -> Interval:
    """Choose the limits by the metric and by how many rows carry the spread."""
    if rows.metric.kind is Kind.QUANTILE:
        return Interval.PERCENTILE
    return Interval.EXPANDED if drawn.shape.df < _FEW else Interval.BCA


def _tabulated(drawn: _Draws, interval: Interval) -> Floats:
    """Return the lower limit for every Normal quantile of GRID."""
    match interval:
        case Interval.PERCENTILE:
            return drawn.quantiles(GRID)
        case Interval.BASIC:
            return 2 * drawn.estimate - drawn.quantiles(-GRID)
        case Interval.EXPANDED:
            # The t quantile from its lower tail, where probabilities keep their digits.
            t = -np.sign(GRID) * stdtrit(drawn.shape.df, ndtr(-np.abs(GRID)))
            return drawn.quantiles(np.clip(drawn.shape.inflation * t, -_FARTHEST, _FARTHEST))
        case Interval.BCA:
            return drawn.quantiles(_corrected(drawn))
    assert_never(interval)


def _corrected(drawn: _Draws) -> Floats:
    """Return GRID moved by BCa's bias correction and acceleration; past the pole of the formula, out of sight."""
    tie, size = _TIE * drawn.spread, len(drawn.values)
    below = np.searchsorted(drawn.values, [drawn.estimate - tie, drawn.estimate + tie]).sum()
    z0 = float(ndtri(min(max(below / (2 * size), 1 / (size + 1)), size / (size + 1))))
    moved = z0 - GRID
    room = 1 - drawn.shape.acceleration * moved
    with np.errstate(divide="ignore"):
        corrected = np.where(room > 0, -(z0 + moved / room), -np.sign(moved) * _FARTHEST)
    return np.clip(corrected, -_FARTHEST, _FARTHEST)
