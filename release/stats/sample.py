"""The rows of a comparison made ready for resampling: put in an order of their own, alike rows together, strata in runs.

So the judgement depends on the rows and not on a file's order, and a table of labels costs as much as its cells. Nothing
is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.stats.arrays import same_rows
from release.stats.cells import Cells
from release.stats.contrast import Unjudged
from release.stats.resample import Design
from release.stats.weighting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.stats.arrays import Array, Bools, Floats, Ints
    from release.stats.metrics import Metric
    from release.stats.statistics import Statistic


FEWEST_GROUPS = 10
"""Limits from fewer groups miss more often than they say, whatever the method."""

_GROUPS = 2  # of one stratum, for its spread to be seen
_TIE = 1e-9
# Drawing a cell's count costs about as much as drawing this many rows.
_WORTH = 8


@dataclass(frozen=True, eq=False)
class Sample:
    """Models as functions of unit weights, the challenger last, and what the units are.

    `factors` make the estimate of the models' values. `deciding` counts the rows (or groups) of the metric's denominator,
    `alike` says that all models predict the same.
    """

    metric: Metric
    n: int
    models: tuple[Statistic, ...]
    factors: tuple[float, ...]
    design: Design
    deciding: int
    by_groups: bool
    alike: bool

    def at(self, weights: Floats) -> Floats:
        """Return the oriented contrast at every row of weights, (draws, units)."""
        total = np.zeros(len(weights))
        for factor, model in zip(self.factors, self.models, strict=True):
            total += factor * model.at(weights)
        return total

    def influence(self) -> Floats:
        """Return how much each unit moves the oriented contrast."""
        weights = self.design.count.astype(np.float64)
        total = np.zeros(len(weights))
        for factor, model in zip(self.factors, self.models, strict=True):
            total += factor * model.influence(weights)
        return total

    def estimate(self) -> float:
        """Return the oriented contrast of the rows as they are."""
        return float(self.at(self.design.count.astype(np.float64)[None])[0])

    def values(self) -> tuple[float | None, float]:
        """Return the champion's value (None when judged alone) and the challenger's."""
        weights = self.design.count.astype(np.float64)[None]
        found = [float(model.at(weights)[0]) for model in self.models]
        return (found[0] if len(found) > 1 else None), found[-1]

    def unjudged(self, reason: str) -> Unjudged:
        """Return the values without a judgement, and why."""
        champion, challenger = self.values()
        return Unjudged(reason=reason, n=self.n, champion=champion, challenger=challenger)


def sample(
    metric: Metric,
    y: Array,
    outputs: Mapping[str, Array],
    *,
    ratio: float = 1.0,
    strata: Array | None = None,
    groups: Array | None = None,
    weights: Array | None = None,
) -> Sample | Unjudged:
    """Return outcomes and outputs (by whose they are, the challenger's last) as a Sample.

    Unjudged where the metric is undefined, or fewer than ten groups are given. Raises BadInputError on outputs the metric
    cannot read, and on weights that are negative or all zero.
    """
    truth = np.asarray(y)
    predictions = {who: np.asarray(output) for who, output in outputs.items()}
    given = [np.asarray(extra) for extra in (strata, groups, weights) if extra is not None]
    same_rows(truth, *predictions.values(), *given)
    if reason := metric.undefined(truth):
        return Unjudged(reason=reason, n=len(truth))
    scale = None if weights is None else counted(weights)
    layer = _codes(strata) if strata is not None else _layers(metric, truth)
    keys = _keys(layer, truth, _of_rows(metric, truth, predictions, scale), scale)
    order = np.lexsort(keys[::-1])
    member = None if groups is None else _codes(groups)[order]
    if member is None:
        taken, design = _cells(order, [key[order] for key in keys])
    else:
        taken, (member, design) = order, _clusters(member, layer[order])
        if (found := len(design.count)) < FEWEST_GROUPS:
            few = "only one group" if found == 1 else f"only {found} groups"
            return Unjudged(reason=f"cannot tell: {few}, and at least {FEWEST_GROUPS} are needed", n=len(truth))
    models = []
    for who, prediction in predictions.items():
        model = metric.statistic(truth[taken], prediction[taken], who)
        model = model if scale is None else model.weighted(scale[taken])
        models.append(model if member is None else model.grouped(member, len(design.count)))
    last = list(predictions.values())[-1]
    decides = metric.deciding_rows(truth, last)
    return Sample(
        metric=metric,
        n=len(truth),
        models=tuple(models),
        factors=factors(metric, len(models), ratio),
        design=design,
        deciding=int(decides.sum()) if member is None else len(np.unique(member[decides[order]])),
        by_groups=member is not None,
        alike=len(models) > 1 and all(np.array_equal(last, other) for other in predictions.values()),
    )


def sample_of_cells(metric: Metric, cells: Cells, *, ratio: float = 1.0) -> Sample:
    """Return a table of labels as the Sample that its rows would make, where the metric is defined."""
    count = cells.count
    values = [float(metric.statistic(cells.y, one).at(count[None].astype(np.float64))[0]) for one in cells.outputs]
    layer = _layers(metric, cells.y)
    sorted_by = _ascending(list(cells.outputs), values)
    order = np.lexsort([layer, cells.y, *sorted_by][::-1])
    sizes = np.bincount(layer)
    taken = Cells(cells.y[order], tuple(one[order] for one in cells.outputs), count[order])
    return Sample(
        metric=metric,
        n=cells.n,
        models=tuple(metric.statistic(taken.y, one) for one in taken.outputs),
        factors=factors(metric, len(values), ratio),
        design=Design(tuple(int(size) for size in sizes if size), taken.count),
        deciding=cells.deciding(metric),
        by_groups=False,
        alike=len(values) > 1 and all(np.array_equal(cells.outputs[-1], other) for other in cells.outputs),
    )


def factors(metric: Metric, models: int, ratio: float) -> tuple[float, ...]:
    """Return what the models' values are multiplied with, so that positive is better."""
    sign = 1.0 if metric.greater_is_better else -1.0
    return (sign,) if models == 1 else (-sign * ratio, sign)


def _of_rows(metric: Metric, truth: Array, predictions: Mapping[str, Array], scale: Floats | None) -> list[Array]:
    """Return what the metric reads of each model's rows, the model with the lower value first.

    In that order rows are sorted, and so drawn, alike when the models are swapped.
    """
    found = [metric.by_row(truth, output) for output in predictions.values()]
    if len(found) > 1:
        weights = (np.ones(len(truth)) if scale is None else scale)[None]
        return _ascending(
            found, [float(metric.statistic(truth, one, who).at(weights)[0]) for who, one in predictions.items()]
        )
    return found


def _ascending(found: list[Array], values: Sequence[float]) -> list[Array]:
    """Return what belongs to one or two models, that of the lower value first."""
    if len(values) > 1 and values[0] - values[1] > _TIE * max(abs(values[0]), abs(values[1])):
        return found[::-1]
    return found


def _codes(labels: Array) -> Ints:
    """Return each label's number among the sorted distinct ones."""
    return np.asarray(np.unique(np.asarray(labels), return_inverse=True)[1], dtype=np.int64).reshape(-1)


def _layers(metric: Metric, truth: Array) -> Ints:
    """Return the stratum of each row: its class where the classes' shares do not matter to the metric, else one for all."""
    return _codes(truth) if metric.class_conditional else np.zeros(len(truth), dtype=np.int64)


def _keys(layer: Ints, truth: Array, predictions: list[Array], scale: Floats | None) -> list[Array]:
    """Return columns in which two rows that agree are the same to every metric, the stratum first."""
    return [layer, truth, *predictions, *([] if scale is None else [scale])]


def _cells(order: Ints, keys: list[Array]) -> tuple[Ints, Design]:
    """Return the rows to keep, by stratum, and what they stand for: one for all its like where that saves much."""
    fresh: Bools = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    first = np.flatnonzero(fresh)
    if len(first) * _WORTH > len(order):
        first = np.arange(len(order))
    count = np.diff(first, append=len(order))
    sizes = np.bincount(keys[0][first])
    return order[first], Design(tuple(int(size) for size in sizes if size), count)


def _clusters(member: Ints, layer: Ints) -> tuple[Ints, Design]:
    """Return each row's unit and the design of groups: stratified when every group lies in one of several strata."""
    count = int(member.max()) + 1
    lowest = np.full(count, layer.max())
    highest = np.zeros(count, dtype=np.int64)
    np.minimum.at(lowest, member, layer)
    np.maximum.at(highest, member, layer)
    sizes = np.bincount(lowest)
    sizes = sizes[sizes > 0]
    if bool((lowest != highest).any()) or int(sizes.min()) < _GROUPS:
        return member, Design((count,), np.ones(count, dtype=np.int64))
    place = np.empty(count, dtype=np.int64)
    place[np.argsort(lowest, kind="stable")] = np.arange(count)
    return place[member], Design(tuple(int(size) for size in sizes), np.ones(count, dtype=np.int64))
