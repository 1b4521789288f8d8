"""The column to predict becomes numbers: 0/1, class indexes, or floats. Which value means what is decided here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, assert_never

import numpy as np

from release.data.typed import Cells, numbers, texts
from release.data.values import WHOLE, few, label, same
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.config.model import Target

Task = Literal["binary", "multiclass", "regression"]

_POSITIVE = ("1", "true")
_TWO = 2


def encode(
    cells: Cells, target: Target, task: Task, classes: Sequence[str] | None = None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return y, shape (rows,), and the classes it counts by.

    Binary: y is int64 0/1, classes are (negative, positive), positive being `target.positive` or else 1 or true. Multiclass:
    y is int64 indexes into the sorted classes (by value when all are whole numbers, else by text). Regression: y is
    float64, classes are empty. `classes` are those of the training rows when other rows are encoded. Raises BadInputError
    for a missing value, fewer than two different values, more than two for binary, a positive value that does not occur and
    a class that training has not seen.
    """
    cells.refuse_missing("the target")
    match task:
        case "regression":
            y = numbers(cells, "float")
            _refuse_one_value(cells, [label(value) for value in np.unique(y).tolist()])
            return y, ()
        case "binary":
            return _binary(cells, target, classes)
        case "multiclass":
            return _multiclass(cells, classes)
        case _:
            assert_never(task)


def _binary(cells: Cells, target: Target, classes: Sequence[str] | None) -> tuple[NDArray[Any], tuple[str, ...]]:
    values = texts(cells)
    found = ordered(values.tolist())
    _refuse_one_value(cells, found)
    if len(found) > _TWO:
        raise BadInputError(
            f'target "{cells.name}" has {len(found)} values ({few(found)}), binary has two',
            where=cells.where,
            fix="use task: multiclass, or correct the column",
        )
    wanted = _POSITIVE if target.positive is None else (label(target.positive),)
    positive = next((name for name in found if any(same(name, one) for one in wanted)), None)
    if positive is None:
        what = f"positive value {wanted[0]}" if target.positive is not None else "value 1 or true"
        raise BadInputError(
            f'target "{cells.name}" has no {what}; it holds {few(found)}',
            where=cells.where,
            fix=f"say which is positive: data.target: {{column: {cells.name}, positive: …}}",
        )
    negative = found[0] if found[1] == positive else found[1]
    if classes is not None and not same(negative, classes[0]):
        _refuse_unseen(cells, values.tolist().index(negative), classes)
    return (values == positive).astype(np.int64), (negative, positive) if classes is None else tuple(classes)


def _multiclass(cells: Cells, classes: Sequence[str] | None) -> tuple[NDArray[Any], tuple[str, ...]]:
    values = texts(cells).tolist()
    found = ordered(values)
    _refuse_one_value(cells, found)
    known = tuple(found if classes is None else classes)
    index = {name: number for number, name in enumerate(known)}
    for position, name in enumerate(values):
        if name not in index:
            _refuse_unseen(cells, position, known)
    return np.array([index[name] for name in values], dtype=np.int64), known


def ordered(values: Sequence[str]) -> list[str]:
    """Return the distinct labels, by value when all are whole numbers, else by text."""
    distinct = set(values)
    if all(WHOLE.match(name) for name in distinct):
        return sorted(distinct, key=lambda name: (int(name), name))
    return sorted(distinct)


def _refuse_one_value(cells: Cells, found: Sequence[str]) -> None:
    if len(found) < _TWO:
        raise BadInputError(
            f'target "{cells.name}" is {found[0]} in every row', where=cells.where, fix="add rows of another value"
        )


def _refuse_unseen(cells: Cells, position: int, known: Sequence[str]) -> None:
    cells.refuse(position, f"is no class of the training rows ({few(known)})", "correct it, or train with rows of it")
