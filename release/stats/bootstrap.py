"""Any metric by resampling: paired, within classes or by groups, all resamples evaluated as weights.

BCa limits (Efron 1987) with the acceleration of stratified samples (Davison & Hinkley 1997, section 5.3.2); expanded
percentile limits where few rows carry the spread (Hesterberg 2015); Student's t on the bootstrap error where groups are
resampled. What the distribution cannot support is returned as Unjudged, never as a number. No levels or margins here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from release.stats.contrast import Identical, Normal, Unjudged, no_tighter_than_identical
from release.stats.curve import GRID, Curve, monotone
from release.stats.resample import draw
from release.stats.sample import Sample, sample

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats
    from release.stats.contrast import Contrast
    from release.stats.metrics import Metric

_RESAMPLES = 9_999
# Simulated: mean squared error with t(3) noise misses .058 at nominal .025 without this, .030 with it.
_HEAVIEST_ROW = 0.3
# Among ten groups of equal kind one often holds 30%; Student's t allows for that, but not for one that outweighs the rest.
_HEAVIEST_GROUP = 0.5
# Below this many degrees of freedom percentile and BCa limits are too narrow.
_FEW = 30
_UNDEFINED_DRAWS = 0.01
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
) -> Contrast | Unjudged:
    """Judge challenger - ratio * champion (turned round for losses) on the same rows, outputs as `metric.needs` says.

    Rows are drawn within the classes of `y` (or `strata`, (n,); regression: all rows together), or whole `groups`, (n,),
    and count `weights`, (n,), if given. The order of rows is immaterial. See enough_resamples for `resamples`. Unjudged
    where the metric is undefined or, unless bounded, one row holds over 30% (a group: half) of the squared deviations; a
    bounded metric then is no tighter than for identical predictions. Raises BadInputError on outputs it cannot read.
    """
    outputs = {"the champion's predictions": champion, "the challenger's predictions": challenger}
    rows = sample(metric, y, outputs, ratio=ratio, strata=strata, groups=groups, weights=weights)
    return rows if isinstance(rows, Unjudged) else _judge(rows, seed=seed, resamples=resamples, interval=None)


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
    interval: Interval | None = None,
) -> Contrast | Unjudged:
    """Judge one model's metric alone (a loss as its negative), otherwise like bootstrap_difference.

    `interval` overrules the choice between BCa and expanded percentile limits, to compare with other tools.
    """
    outputs = {"the challenger's predictions": challenger}
    rows = sample(metric, y, outputs, strata=strata, groups=groups, weights=weights)
    return rows if isinstance(rows, Unjudged) else _judge(rows, seed=seed, resamples=resamples, interval=interval)


@dataclass(frozen=True)
class _Shape:
    """What the influence of single units says of the distribution: see _shape."""

    heaviest: float
    acceleration: float
    df: float
    inflation: float


@dataclass(frozen=True, eq=False)
class _Draws:
    """The resampled contrast, sorted, beside its value on the rows, its standard deviation and its shape."""

    values: Floats
    estimate: float
    spread: float
    shape: _Shape

    def quantiles(self, z: Floats) -> Floats:
        """Return the values that shares Phi(-z) of the draws lie below; beyond the draws, the Normal tail."""
        size = len(self.values)
        end = -float(ndtri(1 / (size + 1)))
        inside = np.clip(z, -end, end)
        values = np.interp(ndtr(-inside) * (size + 1), np.arange(1, size + 1), self.values)
        return np.asarray(values - (z - inside) * self.spread)


def _shape(rows: Sample) -> _Shape:
    """Return the share of the heaviest row, the acceleration, and the degrees of freedom and inflation of the error.

    The bootstrap's variance of a stratum of k rows is (k - 1)/k of the unbiased one: `inflation` mends the error. `df` is
    Satterthwaite's, over strata.
    """
    design, count = rows.design, rows.design.count
    stratum, size = design.stratum(), design.rows()
    influence = np.nan_to_num(rows.influence())
    means = np.bincount(stratum, weights=count * influence, minlength=len(size)) / size
    centred = influence - means[stratum]
    squares = np.bincount(stratum, weights=count * centred**2, minlength=len(size))
    total = float(squares.sum())
    if total <= 0:
        return _Shape(0.0, 0.0, np.inf, 1.0)
    free = np.maximum(size - 1, 1)
    unbiased = squares * size / free
    return _Shape(
        heaviest=float((centred**2).max() / total),
        acceleration=float((count * centred**3).sum() / (6 * total**1.5)),
        df=float(unbiased.sum() ** 2 / (unbiased**2 / free).sum()),
        inflation=float(np.sqrt(unbiased.sum() / total)),
    )


def _judge(rows: Sample, *, seed: int, resamples: int, interval: Interval | None) -> Contrast | Unjudged:
    """Draw, and choose limits by what the draws and the influence of single units look like."""
    estimate = rows.estimate()
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = _shape(rows)
    unit = "group" if rows.by_groups else "row"
    thin = shape.heaviest > (_HEAVIEST_GROUP if rows.by_groups else _HEAVIEST_ROW) and interval is None
    if thin and not rows.metric.bounded:
        why = f"one {unit} holds {shape.heaviest:.0%} of the squared deviations of {rows.metric.name}"
        return rows.unjudged(f"{why}: no interval can be trusted")
    draws = np.concatenate([rows.at(weights) for weights in draw(rows.design, resamples=resamples, seed=seed)])
    undefined = ~np.isfinite(draws)
    if undefined.mean() > _UNDEFINED_DRAWS:
        return rows.unjudged(f"{rows.metric.name} is undefined on {undefined.mean():.0%} of resamples: too few {unit}s")
    values = np.sort(draws[~undefined])
    drawn = _Draws(values, estimate, float(values.std(ddof=1)), shape)
    # Sums of the same rows in another order differ by rounding; such a spread is none.
    if drawn.spread <= _ROUNDING * max(abs(value) for value in rows.values() if value is not None):
        return _nothing_seen(rows, estimate)
    contrast = _limits(rows, drawn, interval)
    if rows.metric.bounded and (thin or rows.alike):
        return no_tighter_than_identical(contrast, rows.deciding, f"{contrast.method}-identical")
    return contrast


def _nothing_seen(rows: Sample, estimate: float) -> Identical:
    """Return what rows show on which every resample gives the same value."""
    champion, challenger = rows.values()
    k = max(rows.deciding, 1) if rows.metric.bounded else None
    method = "identical" if rows.metric.bounded else "identical-unbounded"
    return Identical(estimate=estimate, champion=champion, challenger=challenger, se=0.0, n=rows.n, method=method, k=k)


def _limits(rows: Sample, drawn: _Draws, interval: Interval | None) -> Contrast:
    """Return the contrast with limits read off the draws."""
    champion, challenger = rows.values()
    if rows.by_groups:
        groups = len(rows.design.count)
        return Normal(
            estimate=drawn.estimate,
            champion=champion,
            challenger=challenger,
            se=drawn.spread * float(np.sqrt(groups / (groups - 1))),
            n=rows.n,
            method="bootstrap-groups",
            df=groups - 1,
        )
    kind = interval or (Interval.EXPANDED if drawn.shape.df < _FEW else Interval.BCA)
    return Curve(
        estimate=drawn.estimate,
        champion=champion,
        challenger=challenger,
        se=drawn.spread,
        n=rows.n,
        method=f"bootstrap-{kind}",
        limits=monotone(_tabulated(drawn, kind)),
    )


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
