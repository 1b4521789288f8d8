"""The learning curve: what the recipe reaches with fewer training rows, on folds of the training rows.

Held-out rows of the gate never come here. A gap between fitted and held-out that is still closing says that more rows would
help. The parameters are those that were trained: a search at each size would cost as much again for every point.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from release.errors import BadInputError
from release.learning.fitting import train_on
from release.learning.folds import folds
from release.learning.order import beginning, in_proportion
from release.learning.predict import values_of
from release.learning.rows import take
from release.records import LearningPoint

if TYPE_CHECKING:
    from release.config.model import ModelSpec
    from release.learning.folds import Folds
    from release.learning.importance import Limits
    from release.learning.rows import Part, Rows
    from release.stats.metrics import Metric

SIZES = 5
FOLDS = 5
_FEWEST = 20
_MOST_AT_FIRST = 2_000
_LATEST_SHARE = 8
_MOST_JUDGED = 5_000
"""Held-out rows of a fold that a point is measured on."""
_FEWEST_FOLDS = 2


def learning_curve(
    spec: ModelSpec,
    table: Rows,
    metric: Metric,
    *,
    threshold: float | None,
    seed: int,
    limits: Limits,
    where: str,
) -> tuple[tuple[LearningPoint, ...], tuple[str, ...]]:
    """Return the metric at up to five sizes, mean and standard deviation over five folds, and notes on what is left out.

    Sizes grow by one factor from an eighth of the rows (at most 2,000) to all of a fold's training side; every size is in
    every larger one, with classes in proportion and groups whole. After each size the next one's time is foreseen from it,
    and where it does not fit the curve ends. `spec` has the parameters as trained.
    """
    try:
        division = folds(table, spec.task, FOLDS, seed=seed, where=where)
    except BadInputError as error:
        return (), (f"no learning curve: {error.what}",)
    sizes, points = _sizes(min(len(train) for train, _ in division)), list[LearningPoint]()
    start = limits.clock()
    for number, size in enumerate(sizes):
        before = limits.clock()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the training itself has told them
            point = _point(spec, table, metric, division, size, threshold=threshold, seed=seed, limits=limits, where=where)
        if point is not None:
            points.append(point)
        now = limits.clock()
        if number + 1 < len(sizes):
            foreseen = (now - before) * sizes[number + 1] / size
            if now - start + foreseen > limits.seconds:
                return tuple(points), (
                    f"the learning curve ends at {size:,} of {sizes[-1]:,} rows: more would take too long",
                )
    return tuple(points), ()


def _sizes(rows: int) -> list[int]:
    first = min(rows, max(_FEWEST, min(_MOST_AT_FIRST, math.ceil(rows / _LATEST_SHARE))))
    factor = (rows / first) ** (1 / (SIZES - 1))
    return sorted({min(rows, round(first * factor**step)) for step in range(SIZES)})


def _point(
    spec: ModelSpec,
    table: Rows,
    metric: Metric,
    division: Folds,
    size: int,
    *,
    threshold: float | None,
    seed: int,
    limits: Limits,
    where: str,
) -> LearningPoint | None:
    """Return one size's point, None where so few rows cannot be trained on or judged by."""
    fitted, held_out, rows = list[float](), list[float](), list[int]()
    start = limits.clock()
    for train, judged in division:
        if len(rows) >= _FEWEST_FOLDS and limits.clock() - start > limits.seconds:
            break  # the curve ends here; a spread needs two folds, not five
        order = in_proportion(table.y[train], classes=spec.task != "regression", seed=seed)
        part = take(table, beginning(order, size, table.groups, train))
        other = take(table, judged)
        if len(judged) > _MOST_JUDGED:
            held = in_proportion(other.y, classes=spec.task != "regression", seed=seed)
            other = take(table, judged[np.sort(held[:_MOST_JUDGED])])
        if metric.absent(part.y) or metric.absent(other.y):
            return None
        try:
            model = train_on(spec, part, where=where)
        except BadInputError:
            return None
        rows.append(len(part.y))
        for into, side in ((fitted, part), (held_out, other)):
            into.append(_value(metric, model, side, spec, threshold))
    return LearningPoint(
        rows=round(float(np.mean(rows))),
        fitted=(float(np.mean(fitted)), float(np.std(fitted, ddof=1))),
        held_out=(float(np.mean(held_out)), float(np.std(held_out, ddof=1))),
    )


def _value(metric: Metric, model: object, part: Part, spec: ModelSpec, threshold: float | None) -> float:
    said = metric.reads(values_of(model, part, spec.task), threshold=threshold)
    return metric.compute(part.y, said, weights=part.weights)
