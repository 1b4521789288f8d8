"""Which method judges which metric: the one place where a metric meets its contrast.

Exact methods where they exist (DeLong, Tango, Wilson), the bootstrap for everything else and wherever rows are weighted,
grouped or compared by a ratio of proportions. No verdicts here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.stats.arrays import finite, same_rows
from release.stats.bootstrap import bootstrap_difference, bootstrap_single
from release.stats.delong import delong_difference, delong_single
from release.stats.intervals import wilson_single
from release.stats.metrics import Kind
from release.stats.tango import tango_difference

if TYPE_CHECKING:
    from release.stats.arrays import Array, Bools
    from release.stats.contrast import Contrast, Unjudged
    from release.stats.metrics import Metric


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

    Outputs are what `metric.reads` gives. See bootstrap_difference for the other arguments and for what is raised; `n` of
    a proportion counts its deciding rows, of every other metric all rows.
    """
    if groups is None and weights is None:
        if metric.kind is Kind.AUC:
            return delong_difference(y, champion, challenger, ratio=ratio)
        if metric.kind is Kind.PROPORTION and ratio == 1:
            rows = metric.deciding_rows(y)
            return tango_difference(_right(y, champion)[rows], _right(y, challenger)[rows])
    return bootstrap_difference(
        metric, y, champion, challenger, seed=seed, ratio=ratio, resamples=resamples, groups=groups, weights=weights
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
    if groups is None and weights is None:
        if metric.kind is Kind.AUC:
            return delong_single(y, challenger)
        if metric.kind is Kind.PROPORTION:
            return wilson_single(_right(y, challenger)[metric.deciding_rows(y)])
    return bootstrap_single(metric, y, challenger, seed=seed, resamples=resamples, groups=groups, weights=weights)


def _right(y: Array, label: Array) -> Bools:
    """Return which labels are right."""
    same_rows(y, label)
    return np.asarray(np.asarray(y) == finite(label, "the labels"))
