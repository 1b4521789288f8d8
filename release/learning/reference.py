"""Bins for features and scores, and the shares of the training rows in them.

Features get bins of equal shares, with values of the training data as edges. Scores get bins that do not depend on the
model, so that two models' scores can be compared bin by bin: fixed ones for probabilities, round numbers for a regression.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.bins import Bins, Reference
from release.artifact.golden import recorded
from release.learning.asked import one_a_row, scores_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from release.learning.rows import Rows, Task

PROBABILITIES = (0.01, 0.02, 0.05, *(tenth / 10 for tenth in range(1, 10)), 0.95, 0.98, 0.99)
"""Narrow where rare classes live."""
_FEATURE_BINS = 10
_SCORE_BINS = 16
_MOST_VALUES = 20
_MOST_ROWS = 20_000
_DIGITS = 6


def describe(estimator: Any, table: Rows, task: Task) -> Reference:
    """Count a training table's features, and a fitted estimator's scores for up to 20,000 of its rows, in bins.

    Scores are of rows the model was trained on, so they are somewhat surer than those of new rows. The same arguments give
    the same bytes.
    """
    features = tuple(_feature(table.features[name], str(table.kinds[name])) for name in table.features.columns)
    every = max(1, math.ceil(len(table.features) / _MOST_ROWS))
    scored = scores_of(estimator, table.features.iloc[::every], table.classes, task)
    values = np.array([recorded(value) for value in one_a_row(scored)])
    edges = _round_edges(table.y) if task == "regression" else PROBABILITIES
    return Reference(features=features, score=_numbers("score", values, edges))


def _feature(column: pd.Series[Any], kind: str) -> Bins:
    gone = column.isna().to_numpy(dtype=bool)
    known = column[~gone].tolist()
    missing = _share(int(gone.sum()), len(column))
    name = str(column.name)
    if kind in ("float", "int"):
        edges = _quantiles(known)
        return _numbers(name, np.array(known, dtype=np.float64), edges, missing=missing)
    if kind == "bool":
        return _numbers(name, np.array(known, dtype=np.float64), (0.0,), missing=missing)
    if kind == "category":
        counted = sorted(Counter(known).items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]
        shares = [_share(count, len(known)) for _, count in counted]
        values = tuple(str(value) for value, _ in counted)
        rest = round(max(0.0, 1 - sum(shares)), _DIGITS)
        return Bins(name=name, values=values, shares=(*shares, rest), missing=missing)
    empty = sum(text == "" for text in known)
    return Bins(name=name, missing=_share(empty, len(column)))


def _numbers(name: str, values: NDArray[np.float64], edges: Sequence[float], *, missing: float = 0.0) -> Bins:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return Bins(
        name=name, edges=tuple(edges), shares=tuple(_share(int(one), len(values)) for one in counts), missing=missing
    )


def _quantiles(known: Sequence[float]) -> tuple[float, ...]:
    """Return edges between ten bins of about equal shares; fewer when values repeat, and always one."""
    ordered = sorted(known)
    picked = {float(_short(ordered[number * len(ordered) // _FEATURE_BINS])) for number in range(1, _FEATURE_BINS)}
    return tuple(sorted(picked))


def _short(value: float) -> float:
    return float(f"{value:g}")  # as the bin's label has it


def _round_edges(y: NDArray[Any]) -> tuple[float, ...]:
    """Return multiples of 1, 2 or 5 times a power of ten that cover the target, so that a retrained model has the same."""
    low, high = float(np.min(y)), float(np.max(y))
    rough = (high - low) / _SCORE_BINS or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(_short(number * step) for number in range(first, last + 1))


def _share(count: int, rows: int) -> float:
    return round(count / rows, _DIGITS) if rows else 0.0
