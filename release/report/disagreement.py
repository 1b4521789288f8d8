"""Where two models say different things of the same rows: how often, where most, and of which rows; nothing is judged.

Numbers in, numbers out. The places are picked because the models differ there, so they describe these rows and prove
nothing about others.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.report.curves import labels
from release.report.format import number, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from release.report.curves import Curves, Floats

    Rows = NDArray[np.bool_]
    Parts = NDArray[np.intp]

MOST_PLACES, MOST_EXAMPLES = 6, 8
_LEAST_ROWS, _LEAST_SHARE = 20, 0.01
_FEW_VALUES, _EDGES_FROM = 6, 5_000


@dataclass(frozen=True, kw_only=True)
class Place:
    """Some rows, in words, and how far the models differ there: the share of other labels, or the mean distance."""

    name: str
    rows: int
    change: float


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row: its id, the truth and what both models say of it, in words."""

    row: str
    actual: str
    champion: str
    challenger: str


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """`outcomes` counts all rows by who is right (or nearer), `overall` and `places` say how far the models differ where.

    `labels` tells whether a difference is another label or a distance between two numbers.
    """

    labels: bool
    outcomes: tuple[tuple[str, int], ...]
    overall: float
    slices: tuple[Place, ...]
    places: tuple[Place, ...]
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What is known of the rows besides predictions, in the same order.

    `ids` names them, `columns` holds their features (floats with NaN, or texts), (n,) each, and `parts` the row numbers of
    the gate's slices by name.
    """

    ids: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]
    parts: Mapping[str, NDArray[Any]]


def disagreement(curves: Curves, known: Known) -> Disagreement | None:
    """Compare both models row by row; None without a champion or without rows."""
    if curves.champion is None or not len(curves.y):
        return None
    regression = curves.task == "regression"
    changed = _distance(curves) if regression else _other_label(curves)
    slices = [
        Place(name=name, rows=len(at), change=float(changed[at].mean())) for name, at in known.parts.items() if len(at)
    ]
    return Disagreement(
        labels=not regression,
        outcomes=_nearer(curves) if regression else _right(curves),
        overall=float(changed.mean()),
        slices=tuple(slices),
        places=_places(known, changed) if changed.any() else (),
        examples=_examples(curves, known, _distance(curves)),
    )


def _other_label(curves: Curves) -> Floats:
    one, other = (labels(curves, role, predicted) for role, predicted in curves.models())
    return np.asarray((one != other).astype(np.float64))


def _distance(curves: Curves) -> Floats:
    """Return how far apart both predictions are; for class probabilities the share of probability that moved."""
    old, new = (np.asarray(predicted, dtype=np.float64) for _, predicted in curves.models())
    moved = np.abs(new - old)
    return np.asarray(moved if moved.ndim == 1 else moved.sum(axis=1) / 2)


def _right(curves: Curves) -> tuple[tuple[str, int], ...]:
    old, new = (labels(curves, role, predicted) == curves.y for role, predicted in curves.models())
    return _four(
        ("both right", old & new),
        ("only the challenger right", ~old & new),
        ("only the champion right", old & ~new),
        (
            "both wrong",
            ~old & ~new,
        ),
    )


def _nearer(curves: Curves) -> tuple[tuple[str, int], ...]:
    old, new = (np.abs(predicted - curves.y) for _, predicted in curves.models())
    return _four(("challenger nearer", new < old), ("champion nearer", old < new), ("equally near", old == new))


def _four(*named: tuple[str, Rows]) -> tuple[tuple[str, int], ...]:
    return tuple((name, int(rows.sum())) for name, rows in named)


def _places(known: Known, changed: Floats) -> tuple[Place, ...]:
    """Return for the columns that tell most the rows where the models differ most, above the average over all rows."""
    least = max(_LEAST_ROWS, _LEAST_SHARE * len(changed))
    overall, best = float(changed.mean()), list[tuple[float, Place]]()
    for column, values in known.columns.items():
        words, part = _texts(values) if values.dtype == object else _numbers(values)
        inside = part >= 0
        rows = np.bincount(part[inside], minlength=len(words))
        total = np.bincount(part[inside], weights=changed[inside], minlength=len(words))
        enough = rows >= least
        if not enough.any():
            continue
        # Ranked by how far beyond chance, so that a small place does not win by luck alone.
        excess = np.where(enough, total - overall * rows, -np.inf) / np.sqrt(np.maximum(rows, 1))
        i = int(excess.argmax())
        name = f"{plain(column, limit=60)} {words[i]}"
        best.append((float(excess[i]), Place(name=name, rows=int(rows[i]), change=float(total[i] / rows[i]))))
    best.sort(key=lambda one: -one[0])
    return tuple(place for excess, place in best[:MOST_PLACES] if excess > 0)


def _texts(values: NDArray[Any]) -> tuple[list[str], Parts]:
    """Split a column by its most frequent values: their words, and for each row which one it has, else -1."""
    every = values.tolist()
    frequent = [value for value, _ in Counter(every).most_common(_FEW_VALUES) if isinstance(value, str)]
    index = {value: i for i, value in enumerate(frequent)}
    part = np.fromiter((index.get(value, -1) for value in every), dtype=np.intp, count=len(every))
    return [f"= {plain(value, limit=40) or '(empty)'}" for value in frequent], part


def _numbers(values: NDArray[Any]) -> tuple[list[str], Parts]:
    """Split a column into quarters, or by value where there are few, and what is missing."""
    missing = np.isnan(values)
    # Edges need no more than some thousand rows; an even choice keeps them the same for the same file.
    present = values[~missing]
    present = present[:: max(1, len(present) // _EDGES_FROM)]
    kinds = np.unique(present)
    if len(kinds) <= _FEW_VALUES:
        words = [f"= {number(float(kind))}" for kind in kinds]
        edges = (kinds[1:] + kinds[:-1]) / 2
    else:
        edges = np.unique(np.quantile(present, (0.25, 0.5, 0.75)))
        ends = [number(float(edge)) for edge in edges]
        middle = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
        words = [f"below {ends[0]}", *middle, f"from {ends[-1]}"]
    part = np.searchsorted(edges, values, side="right")
    part[missing] = len(words)
    return [*words, "missing"], part


def _examples(curves: Curves, known: Known, distance: Floats) -> tuple[Example, ...]:
    """Return the rows on which the predictions are farthest apart, the first of equals first."""
    farthest = np.argpartition(-distance, min(MOST_EXAMPLES, len(distance)) - 1)[:MOST_EXAMPLES]
    chosen = [int(i) for i in farthest[np.lexsort((farthest, -distance[farthest]))] if distance[i] > 0]
    said = {role: _said(curves, predicted) for role, predicted in curves.models()}
    return tuple(
        Example(
            row=plain(str(known.ids[i]), limit=60),
            actual=_actual(curves, i),
            champion=said["champion"](i),
            challenger=said["challenger"](i),
        )
        for i in chosen
    )


def _actual(curves: Curves, i: int) -> str:
    if curves.task == "binary":
        return "positive" if curves.y[i] == 1 else "negative"
    return plain(curves.classes[int(curves.y[i])], limit=40) if curves.task == "multiclass" else number(float(curves.y[i]))


def _said(curves: Curves, predicted: NDArray[Any]) -> Callable[[int], str]:
    """Return what writes one model's prediction of a row."""

    def say(i: int) -> str:
        if curves.task != "multiclass":
            return number(float(predicted[i]))
        chosen = int(predicted[i].argmax())
        return f"{plain(curves.classes[chosen], limit=40)} ({number(float(predicted[i, chosen]))})"

    return say
