"""What aligned files of predictions say: the truth as numbers, and each model's scores or labels, checked row by row.

Probabilities that are none are refused here, with the line; what predictions are worth is not computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.config.source import shown
from release.data.alignment import means
from release.data.target import ordered
from release.data.values import few, same
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from release.data.alignment import Aligned
    from release.data.prediction_file import Labels, PredictionFile

_TWO = 2
_DIGITS = 1e-3
"""How far from 1 a row of probabilities may sum: files carry rounded ones."""
_TRUE, _FALSE = ("1", "true"), ("0", "false")
_STAR = "*"


@dataclass(frozen=True, kw_only=True)
class OutputColumns:
    """Where a model's output stands: `scores` name columns, or one name with a `*` for the class does; `label` names one.

    `scores` is one column of P(positive) or of predicted numbers, or one column of P(class) for each class. From P(positive)
    on, `threshold` makes labels where there is no column of them; None where nobody here knows it.
    """

    scores: tuple[str, ...] = ()
    label: str | None = None
    threshold: float | None = 0.5

    @property
    def by_class(self) -> bool:
        """Say whether there is a column for each class."""
        return len(self.scores) > 1 or any(_STAR in name for name in self.scores)


@dataclass(frozen=True, eq=False)
class Output:
    """What a model says of each row: `scores`, (rows,) or (rows, classes), and `labels`, (rows,), class indexes, or one."""

    scores: NDArray[np.float64] | None
    labels: NDArray[np.int64] | None


def binary_truth(rows: Aligned, column: str, positive: str | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the target as 0/1, shape (rows,), and the words it holds for (negative, positive), of which one may be absent.

    `positive` is the word that counts as positive, 1 or true unless given. Raises BadInputError for three values, and where
    none of them is positive.
    """
    found = rows.labels(column, "the target")
    names = found.names
    wanted = _TRUE if positive is None else (positive,)
    good = next((name for name in names if any(same(name, one) for one in wanted)), None)
    known = [name for name in names if name == good or (positive is None and any(same(name, one) for one in _FALSE))]
    if len(names) > _TWO:
        odd = next(code for code, name in enumerate(names) if name not in [*known, *names[: _TWO - len(known)]])
        file, position = rows.first(column, found.codes == odd)
        every = few([shown(name) for name in names], 3)
        what = f'"{shown(column)}" is "{shown(names[odd])}" here: it has {len(names)} values ({every}), and binary has two'
        file.refuse(position, what, "correct the rows, or use metrics for --task multiclass")
    if good is None and (positive is not None or not known):
        what = f'"{shown(column)}" holds {few(list(names))}, and none is the positive value ({" or ".join(wanted)})'
        raise BadInputError(what, where=rows.first(column, found.codes >= 0)[0].path, fix="name it with --positive")
    bad = next((name for name in names if name != good), _FALSE[0])
    is_good = np.array([name == good for name in names])
    return is_good[found.codes].astype(np.int64), (bad, _TRUE[0] if good is None else good)


def class_truth(rows: Aligned, column: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the target as indexes into classes, shape (rows,). Raises BadInputError at the first row of another class."""
    found = rows.labels(column, "the target")
    index = _indexes(found, classes)
    unknown = index[found.codes] < 0
    if unknown.any():
        file, position = rows.first(column, unknown)
        said = f'"{shown(column)}" is "{file.cell(column, position)}", a class that no column of scores is for'
        file.refuse(position, said, f"there are columns for: {few(list(classes))}")
    return index[found.codes]


def class_columns(
    file: PredictionFile, wanted: Sequence[str], names: Collection[str], reserved: Collection[str]
) -> dict[str, str]:
    """Return the column of each class, classes in order; `names` are the classes that the target holds.

    A `*` stands for the class; where columns are listed, the class is what is left of a name without what all begin and end
    with. Raises BadInputError where that gives no classes, or not those of the target.
    """
    patterns = [name for name in wanted if _STAR in name and not file.has(name)]
    if not patterns:
        for name in wanted:
            file.require(name)
        return _in_order(_by_common_parts(file, wanted, names))
    if len(wanted) > 1 or patterns[0].count(_STAR) > 1:
        raise BadInputError("one name with one * is enough", where="--score", fix='for example --score "p_*"')
    before, after = patterns[0].split(_STAR)
    found = {
        str(name)[len(before) : len(str(name)) - len(after)]: str(name)
        for name in file.frame.columns
        if len(str(name)) > len(before) + len(after) and str(name).startswith(before) and str(name).endswith(after)
        if name not in reserved
    }
    if len(found) < _TWO:
        has = few([shown(str(name)) for name in file.frame.columns])
        matched = f"{len(found) or 'no'} column{'s'[: len(found) != 1]}"
        what = f'"{shown(patterns[0])}" matches {matched}, and each class needs one'
        raise BadInputError(what, where=file.path, fix=f"the file has: {has}")
    return _in_order(found)


def label_classes(columns: Iterable[Labels]) -> tuple[str, ...]:
    """Return the classes that occur in columns of labels, in order, two spellings of one value being one class."""
    classes: list[str] = []
    for labels in columns:
        classes += [name for name in labels.names if not any(means(name, one) for one in classes)]
    return tuple(ordered(classes))


def label_indexes(file: PredictionFile, column: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return predicted labels as indexes into classes, in the file's order. Raises BadInputError at one that is no class."""
    found = file.complete(column, "the label")
    index = _indexes(found, classes)
    unknown = index[found.codes] < 0
    if unknown.any():
        position = int(unknown.argmax())
        what = f'"{shown(column)}" is "{file.cell(column, position)}", which the target never is'
        file.refuse(position, what, f"use its values: {few(list(classes))}")
    return index[found.codes]


def probabilities(file: PredictionFile, column: str) -> NDArray[np.float64]:
    """Return P(positive), shape (rows,), in the file's order. Raises BadInputError at the first that lies outside 0 to 1."""
    values = file.numbers(column)
    outside = (values < 0) | (values > 1)
    if outside.any():
        position = int(outside.argmax())
        what = f'"{shown(column)}" is {file.cell(column, position)}, and a probability lies from 0 to 1'
        file.refuse(position, what, "write probabilities; only metrics that rank rows read other scores")
    return values


def class_probabilities(file: PredictionFile, columns: Mapping[str, str]) -> NDArray[np.float64]:
    """Return P(class), shape (rows, classes), in the file's order. Raises BadInputError at a row that does not sum to 1."""
    values = np.column_stack([probabilities(file, column) for column in columns.values()])
    sums = values.sum(axis=1)
    wrong = np.abs(sums - 1) > _DIGITS
    if wrong.any():
        position = int(wrong.argmax())
        what = f"the probabilities of this row ({few(list(columns.values()), 3)}) sum to {sums[position]:.6g}"
        file.refuse(position, what, "write one column for each class, so that they sum to 1")
    return values


def weights(rows: Aligned, column: str) -> NDArray[np.float64]:
    """Return weights, shape (rows,), aligned. Raises BadInputError for a negative one, and where all are zero."""
    values = rows.numbers(column)
    file, position = rows.first(column, values < 0 if (values < 0).any() else values == values)  # noqa: PLR0124 (any row)
    if (values < 0).any():
        what = f'the weight "{shown(column)}" is {file.cell(column, position)}'
        file.refuse(position, what, "a weight counts a row: use 0 or more")
    if not values.any():
        raise BadInputError(f'every weight in "{shown(column)}" is 0', where=file.path, fix="give some row a weight")
    return values


def meaning(rows: Aligned, column: str, value: Any) -> NDArray[np.bool_]:
    """Mark the rows in which a column holds a value, 1 and true being one; an empty cell holds none. Raises as `labels`."""
    found = rows.labels(column)
    chosen = np.array([*(means(name, value) for name in found.names), False])
    return np.asarray(chosen[found.codes])


def _indexes(found: Labels, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return for each name its place among the classes, -1 for none."""
    exact = {name: number for number, name in enumerate(classes)}

    def place(name: str) -> int:
        if name in exact:
            return exact[name]
        return next((number for number, one in enumerate(classes) if means(one, name)), -1)

    return np.array([place(name) for name in found.names], dtype=np.int64)


def _by_common_parts(file: PredictionFile, columns: Sequence[str], names: Collection[str]) -> dict[str, str]:
    before, after = _alike(columns), _alike([name[::-1] for name in columns])
    for start in range(before, -1, -1):
        for end in range(after, -1, -1):
            found = {name[start : len(name) - end]: name for name in columns if len(name) > start + end}
            if len(found) == len(columns) and all(any(means(one, name) for one in found) for name in names):
                return found
    what = f"the columns {few([shown(name) for name in columns])} do not name the target's classes ({few(sorted(names))})"
    raise BadInputError(what, where=file.path, fix='give one column for each class, for example with --score "p_*"')


def _alike(texts: Sequence[str]) -> int:
    """Count the characters that all texts begin with."""
    together = zip(*texts, strict=False)
    return next((place for place, letters in enumerate(together) if len(set(letters)) > 1), min(map(len, texts)))


def _in_order(columns: Mapping[str, str]) -> dict[str, str]:
    return {name: columns[name] for name in ordered(list(columns))}
