"""Which method judges which metric: the one place where a metric meets its contrast.

Closed forms where they exist (DeLong, Tango, Wilson, Student's t with a correction for skewness), the bootstrap for
everything else and wherever rows belong together. No verdicts here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.stats.arrays import binary, finite, same_rows
from release.stats.bootstrap import bootstrap_difference, bootstrap_single
from release.stats.delong import delong_difference, delong_single
from release.stats.intervals import wilson_single
from release.stats.mean import mean_difference, mean_single
from release.stats.metrics import Deciding, Kind
from release.stats.tango import tango_difference
from release.stats.weighting import counted

if TYPE_CHECKING:
    from release.stats.arrays import Array, Bools, Floats
    from release.stats.contrast import Contrast, Unjudged
    from release.stats.metrics import Metric

_WHOSE = "the challenger's labels"
_WORK = 200_000_000  # draws of single rows that may be spent on a bootstrap; a few seconds


def difference(
    metric: Metric,
    y: Array,
    champion: Array,
    challenger: Array,
    *,
    seed: int,
    resamples: int,
    ratio: float = 1.0,
    groups: Array | None = None,
    weights: Array | None = None,
) -> Contrast | Unjudged:
    """Judge challenger - ratio * champion (turned round for losses) by the method that fits the metric and the rows.

    Outputs are what `metric.reads` gives; rows of weight zero do not exist. See bootstrap_difference for the other arguments
    and for what is raised; `n` of a proportion counts its deciding rows, of every other metric all rows.
    """
    if weights is not None and len(kept := _kept(weights, y, champion, challenger)) < len(weights):
        y, champion, challenger, weights = (np.asarray(one)[kept] for one in (y, champion, challenger, weights))
        groups = None if groups is None else np.asarray(groups)[kept]
    if groups is None:
        scale = None if weights is None else counted(weights)
        if metric.kind is Kind.AUC:
            return delong_difference(y, champion, challenger, ratio=ratio, weights=scale)
        if metric.kind is Kind.PROPORTION and ratio == 1:
            rows = metric.deciding_rows(y)
            one, two = (metric.correct(y, output)[rows] for output in (champion, challenger))
            return tango_difference(one, two, weights=_some(scale, rows))
        if metric.kind in (Kind.PROPORTION, Kind.ROWWISE):
            return mean_difference(metric, y, champion, challenger, ratio=ratio, weights=scale)
    return bootstrap_difference(
        metric,
        y,
        champion,
        challenger,
        seed=seed,
        ratio=ratio,
        resamples=resamples,
        groups=groups,
        weights=weights,
        work=_WORK,
    )


def single(
    metric: Metric,
    y: Array,
    challenger: Array,
    *,
    seed: int,
    resamples: int,
    groups: Array | None = None,
    weights: Array | None = None,
) -> Contrast | Unjudged:
    """Judge one model alone, for a floor, by the method that fits; a loss as its negative (see difference)."""
    if weights is not None and len(kept := _kept(weights, y, challenger)) < len(weights):
        y, challenger, weights = (np.asarray(one)[kept] for one in (y, challenger, weights))
        groups = None if groups is None else np.asarray(groups)[kept]
    if groups is None:
        scale = None if weights is None else counted(weights)
        if metric.kind is Kind.AUC:
            return delong_single(y, challenger, weights=scale)
        if metric.kind is Kind.PROPORTION:
            rows = metric.deciding_rows(y)
            return wilson_single(metric.correct(y, challenger)[rows], weights=_some(scale, rows))
        if metric.kind is Kind.ROWWISE:
            return mean_single(metric, y, challenger, weights=scale)
        if metric.deciding is Deciding.PREDICTED_POSITIVES and (called := binary(finite(challenger, _WHOSE))).any():
            return wilson_single(binary(y)[called], weights=_some(scale, called))
    return bootstrap_single(
        metric, y, challenger, seed=seed, resamples=resamples, groups=groups, weights=weights, work=_WORK
    )


def _kept(weights: Array, *columns: Array) -> Array:
    """Return the numbers of the rows that count anything. Raises BadInputError on what is no weight."""
    same_rows(weights, *columns)
    return np.flatnonzero(counted(weights))


def _some(scale: Floats | None, rows: Bools) -> Floats | None:
    return None if scale is None else scale[rows]
