"""Permutation importance: how much worse a model scores when one column's values are dealt out anew among the rows.

Breiman (2001), "Random Forests", section 10; scikit-learn's `permutation_importance` is the same with one column at a time.
It says what a model leans on, not what causes the outcome, and of two columns that say the same thing it may show neither.
It explains and decides nothing. The work is bounded: rows are sampled where there are many, and time ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.learning.order import in_proportion
from release.learning.rows import take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.learning.rows import Part, Rows
    from release.stats.metrics import Metric

REPEATS = 5
MOST_PREDICTIONS = 2_000_000
_TIMED_ROWS = 200

Ask = Callable[["Part"], "NDArray[np.float64]"]
"""What a model says of rows, shaped as `Predictions.values`."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One model: what it says, which of the rows' columns it reads, and the threshold of its labels (binary)."""

    ask: Ask
    columns: frozenset[str]
    threshold: float | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much work there may be: seconds, by a clock that the caller gives."""

    seconds: float
    clock: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Importances:
    """Mean and standard deviation over repeats, by block of columns and by model; what was left out is in `notes`."""

    found: Mapping[str, Mapping[str, tuple[float, float]]]
    rows: int
    notes: tuple[str, ...] = ()


def importance(
    models: Mapping[str, Asked],
    table: Rows,
    blocks: Mapping[str, Sequence[str]],
    metric: Metric,
    *,
    seed: int,
    limits: Limits,
) -> Importances:
    """Return for each block of columns how much each model loses, in units of the metric, positive when the block helps.

    A block's columns are shuffled together, the same way for every model, `REPEATS` times. With more than
    `MOST_PREDICTIONS` predictions to make, or more than fit into the time, fewer rows are used, each class in proportion;
    `seed` decides which. A model that reads none of a block's columns has no entry there.
    """
    order = in_proportion(table.y, classes=bool(table.classes), seed=seed)
    rows, notes = _affordable(models, table, order, len(blocks), limits)
    part = take(table, np.sort(order[:rows]))
    if reason := metric.absent(part.y):
        return Importances(found={}, rows=rows, notes=(f"no importance: {metric.name}: {reason}",))
    turn = 1.0 if metric.greater_is_better else -1.0
    base = {name: turn * _value(metric, model, part, model.ask(part)) for name, model in models.items()}
    # All repeats in one call: for many columns the calls cost more than the rows.
    stacked = take(part, np.tile(np.arange(rows), REPEATS))
    found: dict[str, dict[str, tuple[float, float]]] = {}
    start = limits.clock()
    for number, (block, columns) in enumerate(blocks.items()):
        if number and limits.clock() - start > limits.seconds:
            notes += (f"importance of {number} of {len(blocks)} columns or families: there was no time for the others",)
            break
        lost: dict[str, list[float]] = {name: [] for name, model in models.items() if model.columns & set(columns)}
        # The stream is the block's own, so that another column more or less moves no other column's numbers.
        stream = np.random.RandomState([seed, *block.encode()])
        shuffled = _shuffled(stacked, columns, [stream.permutation(rows) for _ in range(REPEATS)])
        for name, losses in lost.items():
            said = np.split(models[name].ask(shuffled), REPEATS)
            losses.extend(base[name] - turn * _value(metric, models[name], part, one) for one in said)
        found[block] = {name: (float(np.mean(one)), float(np.std(one, ddof=1))) for name, one in lost.items()}
    return Importances(found=found, rows=rows, notes=notes)


def _affordable(
    models: Mapping[str, Asked], table: Rows, order: NDArray[np.intp], blocks: int, limits: Limits
) -> tuple[int, tuple[str, ...]]:
    """Return how many rows may be used, and a note where that is not all of them."""
    asked = max(1, REPEATS * blocks * len(models))
    n = len(table.y)
    rows = min(n, max(_TIMED_ROWS, MOST_PREDICTIONS // asked))
    few = take(table, np.tile(np.sort(order[: min(n, _TIMED_ROWS)]), REPEATS))
    start = limits.clock()
    for model in models.values():
        model.ask(few)
    each = (limits.clock() - start) / len(few.y) / max(1, len(models))
    if each * rows * asked > limits.seconds:
        # In steps of two, so that a slightly slower machine still takes the same rows.
        fits = max(_TIMED_ROWS, limits.seconds / each / asked)
        rows = min(rows, 2 ** int(np.log2(fits)))
        rows = max(rows, min(n, _TIMED_ROWS // 2))
    return rows, () if rows == n else (f"importance is measured on {rows:,} of {n:,} test rows",)


def _shuffled(stacked: Part, columns: Sequence[str], orders: Sequence[NDArray[np.intp]]) -> Part:
    """Return the repeated rows with some columns dealt out anew in each repeat."""
    places = np.concatenate(orders)  # the first repeat has every row once
    features = stacked.features.copy()
    for name in columns:
        column: pd.Series[Any] = features[name]
        features[name] = pd.Series(column.to_numpy()[places], index=features.index, dtype=column.dtype)
    return replace(stacked, features=features)


def _value(metric: Metric, model: Asked, part: Part, said: NDArray[np.float64]) -> float:
    return metric.compute(part.y, metric.reads(said, threshold=model.threshold), weights=part.weights)
