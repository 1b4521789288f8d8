"""Rows that memory should not hold, judged a block at a time: the numbers that compare.py gives, from sums over blocks.

Proportions need four counts, other metrics of labels a table of counts, means and ratios of means two passes (sums, then the
influence of each row on them), areas a sort on disk. Equal to what the rows give in memory: exactly for counts, but for the
rounding of sums elsewhere. Where a method needs all rows at once there is none here, and `refused` says so.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from release.stats import definitions
from release.stats.blocks import Spread, Sum
from release.stats.bootstrap import bootstrap_cells
from release.stats.cells import counted
from release.stats.contrast import Identical, Summary, Unjudged, identical
from release.stats.intervals import wilson_counts
from release.stats.mean import Seen, judged_mean
from release.stats.metrics import Deciding, Kind, Needs
from release.stats.sample import factors
from release.stats.statistics import Moments
from release.stats.streamed_areas import judged_areas
from release.stats.student import HEAVIEST_ROW, student
from release.stats.tango import tango_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from release.stats.arrays import Floats
    from release.stats.blocks import Stream
    from release.stats.contrast import Contrast
    from release.stats.metrics import Metric

_WORK = 200_000_000  # as in compare.py
_ROUNDING = 1e-12


def refused(metric: Metric, *, weighted: bool) -> str | None:
    """Say why a metric cannot be judged a block at a time, None where it can."""
    if metric.kind is Kind.QUANTILE:
        return "needs all rows at once"
    if metric.kind is Kind.OTHER and metric.needs is Needs.SCORE:
        return "needs the ranking of all rows at once"
    if weighted and metric.needs is Needs.LABEL and metric.kind is not Kind.ROWWISE:
        return "of weighted rows needs all of them at once"
    return None


def judged(metric: Metric, rows: Stream, *, seed: int, resamples: int, ratio: float = 1.0) -> Contrast | Unjudged:
    """Judge challenger - ratio * champion, or the challenger alone where the blocks have one output, as compare.py does.

    Outputs are finite and such as the metric reads, weights positive, and the metric is defined on the outcomes. Raises
    ValueError for a metric that is `refused`.
    """
    weighted = any(block.weights is not None for block in rows.blocks())
    if reason := refused(metric, weighted=weighted):
        raise ValueError(f"{metric.name} {reason}")
    if metric.kind is Kind.AUC:
        return judged_areas(rows, ratio)
    if metric.kind is Kind.PROPORTION and ratio == 1 and not weighted:
        return _proportion(metric, rows)
    if metric.kind in (Kind.PROPORTION, Kind.ROWWISE):
        return _mean(metric, rows, ratio)
    if metric.needs is not Needs.LABEL:
        return _influence(metric, rows, ratio)
    cells = counted((block.y, *block.outputs) for block in rows.blocks())
    if metric.deciding is Deciding.PREDICTED_POSITIVES and len(cells.outputs) == 1 and cells.deciding(metric):
        return wilson_counts(cells.where((cells.y == 1) & (cells.outputs[0] == 1)), cells.deciding(metric))
    return bootstrap_cells(metric, cells, seed=seed, ratio=ratio, resamples=resamples, work=_WORK)


def _proportion(metric: Metric, rows: Stream) -> Contrast | Unjudged:
    n = gained = lost = 0
    right = [0, 0]
    for block in rows.blocks():
        chosen = metric.deciding_rows(block.y)
        correct = [metric.correct(block.y, output)[chosen] for output in block.outputs]
        n += int(chosen.sum())
        right = [before + int(one.sum()) for before, one in zip(right, (correct[0], correct[-1]), strict=True)]
        gained, lost = gained + int((correct[-1] & ~correct[0]).sum()), lost + int((correct[0] & ~correct[-1]).sum())
        alone = len(correct) == 1
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    if alone:
        return wilson_counts(right[0], n)
    if gained == lost == 0:
        return identical(n, bounded=True, n=n, value=right[0] / n)
    return tango_counts(gained, lost, n, champion=right[0] / n, challenger=right[1] / n)


def _parts(metric: Metric, rows: Stream, ratio: float) -> Iterator[tuple[Floats, list[Floats], Floats]]:
    """Yield of the deciding rows of each block the contrast, the models' parts of their means, and what the rows count."""
    if metric.row is None:
        raise ValueError(f"{metric.name} is no mean over rows")
    for block in rows.blocks():
        chosen = metric.deciding_rows(block.y)
        models = [np.asarray(metric.row(block.y, output)[chosen], dtype=np.float64) for output in block.outputs]
        times = factors(metric, len(models), ratio)
        contrast = times[0] * models[0]
        for factor, model in zip(times[1:], models[1:], strict=True):
            contrast = contrast + factor * model
        yield contrast, models, block.counts()[chosen]


def _mean(metric: Metric, rows: Stream, ratio: float) -> Contrast | Unjudged:
    """Judge a mean over rows as mean_difference and mean_single do."""
    total, squares, summed = Sum(), Sum(), Sum()
    values: tuple[Sum, ...] = ()
    n, alike = 0, True
    for contrast, models, weights in _parts(metric, rows, ratio):
        values = values or tuple(Sum() for _ in models)
        total.add(weights)
        squares.add(weights**2)
        summed.add(weights * contrast)
        for value, model in zip(values, models, strict=True):
            value.add(weights * model)
        n += len(weights)
        alike = alike and len(models) > 1 and np.array_equal(models[0], models[-1])
    if n == 0:
        return Unjudged(reason="no rows decide this metric", n=0)
    estimate, spread = summed.value / total.value, Spread()
    for contrast, _, weights in _parts(metric, rows, ratio):
        spread.add(weights * (contrast - estimate) / total.value)
    seen = Seen(
        n=n,
        values=tuple(value.value / total.value for value in values),
        estimate=estimate,
        rows=total.value**2 / squares.value,
        alike=alike,
    )
    return judged_mean(metric, seen, spread.shape())


def _influence(metric: Metric, rows: Stream, ratio: float) -> Contrast | Unjudged:
    """Judge an unbounded function of sums as bootstrap.py does of many rows: by the exact jackknife of each."""
    models = partial(_moments, metric, rows, _centre(metric, rows))
    totals = [np.array([math.fsum(parts) for parts in zip(*sums, strict=True)]) for sums in _block_sums(models())]
    combine = next(iter(models()))[0].combine
    values = [float(combine(total)) for total in totals]
    times, spread = factors(metric, len(values), ratio), Spread()
    for block in models():
        # As Moments.influence, but on the sums of all rows.
        spread.add(
            np.sum(
                [
                    factor * (value - combine(total - model.columns))
                    for factor, value, total, model in zip(times, values, totals, block, strict=True)
                ],
                axis=0,
            )
        )
    found, estimate = spread.shape(), float(np.dot(times, values))
    champion = values[0] if len(values) > 1 else None
    summary = Summary(estimate=estimate, champion=champion, challenger=values[-1], se=found.se, n=rows.n, method="influence")
    if found.se * math.sqrt(rows.n) <= _ROUNDING * max(map(abs, values)):
        return Identical(**vars(replace(summary, se=0.0, method="identical-unbounded")), k=None, span=metric.span)
    if found.heaviest > HEAVIEST_ROW:
        why = f"one row holds {found.heaviest:.0%} of the squared deviations of {metric.name}"
        return Unjudged(reason=f"{why}: no interval can be trusted", n=rows.n, champion=champion, challenger=values[-1])
    return student(summary, found, "influence")


def _centre(metric: Metric, rows: Stream) -> float | None:
    """Return what r2 is to take for the target's mean, the same in every block; None for another metric."""
    if metric.name != "r2":
        return None
    total = Sum()
    for block in rows.blocks():
        total.add(block.y)
    return total.value / rows.n


def _moments(metric: Metric, rows: Stream, centre: float | None) -> Iterator[list[Moments]]:
    """Yield for each block the metric of each model as columns to add up."""
    build = metric.build if centre is None else partial(definitions.r2, centre=centre)
    for block in rows.blocks():
        found = [build(block.y, output) for output in block.outputs]
        yield [_columns(one, block.weights) for one in found if isinstance(one, Moments)]


def _columns(one: Moments, weights: Floats | None) -> Moments:
    return one if weights is None else one.weighted(weights)


def _block_sums(blocks: Iterable[list[Moments]]) -> list[list[Floats]]:
    """Return for each model the sums of its columns by block."""
    sums = [[model.columns.sum(axis=0) for model in block] for block in blocks]
    return [list(of_model) for of_model in zip(*sums, strict=True)]
