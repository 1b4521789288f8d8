"""Files of predictions on the same rows: aligned by id, in the order of the ids, whatever the order of the files.

What may stand in any of the files (truth, group, weight, slice columns) is read here, and must agree where two have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from release.config.source import shown
from release.data.values import TRUTH, few, same
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.data.prediction_file import Labels, PredictionFile

FIX_SHARED = "correct one of the two, or leave the column out of one file"


@dataclass(frozen=True, eq=False)
class Aligned:
    """`files`, the authoritative one first, and for each the positions of its rows in the order of `ids`."""

    files: tuple[PredictionFile, ...]
    orders: tuple[NDArray[np.intp], ...]
    ids: tuple[str, ...]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a shared column as finite numbers, shape (rows,), aligned.

        Raises BadInputError where no file has it, a cell is no finite number, or two files disagree.
        """
        holders = self._holders(column)
        (first, order), *others = holders
        values = first.numbers(column)[order]
        for file, its_order in others:
            _refuse_difference(column, values != file.numbers(column)[its_order], (first, order), (file, its_order))
        return values

    def labels(self, column: str, what: str | None = None) -> Labels:
        """Return a shared column as words, aligned; with `what` (what it is) no cell may be empty. Raises as `numbers`."""
        holders = self._holders(column)
        read = [file.labels(column) if what is None else file.complete(column, what) for file, _ in holders]
        found = [labels.take(order) for labels, (_, order) in zip(read, holders, strict=True)]
        for other, holder in zip(found[1:], holders[1:], strict=True):
            _refuse_difference(column, _differ(found[0], other), holders[0], holder)
        return found[0]

    def first(self, column: str, rows: NDArray[np.bool_]) -> tuple[PredictionFile, int]:
        """Return the file that a shared column is read from, and its first row among those marked."""
        file, order = self._holders(column)[0]
        return file, int(order[rows].min())

    def _holders(self, column: str) -> list[tuple[PredictionFile, NDArray[np.intp]]]:
        found = [(file, order) for file, order in zip(self.files, self.orders, strict=True) if file.has(column)]
        if not found:
            self.files[0].require(column)
        return found


def align(files: Sequence[PredictionFile], id_column: str) -> Aligned:
    """Put files on the same rows by their ids.

    Raises BadInputError for a file without the column, an empty or repeated id, and files that hold different rows.
    """
    named = [_ids(file, id_column) for file in files]
    ids = sorted(named[0])
    orders = []
    for file, names in zip(files, named, strict=True):
        place = {name: position for position, name in enumerate(names)}
        order = [place.get(name, -1) for name in ids]
        if -1 in order:
            raise different(ids[order.index(-1)], file.path, names)
        if len(names) > len(ids):
            known = set(ids)
            raise different(next(name for name in names if name not in known), files[0].path, ids)
        orders.append(np.array(order, dtype=np.intp))
    return Aligned(tuple(files), tuple(orders), tuple(ids))


def means(one: str, other: str) -> bool:
    """Say whether two words mean one value, as `same` does, but that 1 is true and 0 is false: tools write either."""
    truths = [TRUTH.get(text.lower()) for text in (one, other)]
    return same(one, other) or (truths[0] is not None and truths[0] == truths[1])


def _ids(file: PredictionFile, column: str) -> tuple[str, ...]:
    """Return the ids of a file, in its order."""
    labels = file.complete(column, "the id")
    if len(labels.names) < file.rows:
        again = pd.Series(labels.codes).duplicated().to_numpy()
        position = int(again.argmax())
        first = int((labels.codes == labels.codes[position]).argmax())
        what = f'id "{file.cell(column, position)}" was there before, on {_place(file, first)}'
        if (cell := file.cell(column, first)) != file.cell(column, position):
            what += f' as "{cell}"'
        file.refuse(position, what, "give each row one id")
    return labels.names  # distinct ones are numbered as they come


def different(missing: str, path: str, has: Sequence[str]) -> BadInputError:
    """Say that a file lacks an id that another has, and which of those it `has` may be meant."""
    what = f'the files hold different rows: id "{shown(missing)}" is missing here'
    other = next((name for name in has if name != missing and _alike(name, missing)), None)
    fix = f'write ids alike: here is "{shown(other)}"' if other else f"score the same rows; here are: {few(list(has), 3)}"
    return BadInputError(what, where=path, fix=fix)


def _alike(one: str, other: str) -> bool:
    return same(one, other) or one.strip().lower() == other.strip().lower()


def _place(file: PredictionFile, position: int) -> str:
    return f"{file.frame.index.name} {file.frame.index[position]}"


def _differ(one: Labels, other: Labels) -> NDArray[np.bool_]:
    """Mark the rows on which two columns of words do not mean the same."""
    left, right = one.texts(), other.texts()
    differs = np.asarray(left != right, dtype=np.bool_)
    pairs = set(zip(left[differs].tolist(), right[differs].tolist(), strict=True))
    alike = {pair for pair in pairs if means(*pair)}
    if alike:
        rows = np.flatnonzero(differs)
        differs[rows] = [pair not in alike for pair in zip(left[rows].tolist(), right[rows].tolist(), strict=True)]
    return differs


def _refuse_difference(
    column: str,
    differs: NDArray[np.bool_],
    one: tuple[PredictionFile, NDArray[np.intp]],
    other: tuple[PredictionFile, NDArray[np.intp]],
) -> None:
    if not differs.any():
        return
    (first, order), (second, its_order) = one, other
    rows = np.flatnonzero(differs)
    row = rows[order[rows].argmin()]
    here, there = (int(each[row]) for each in (order, its_order))
    said = f'"{shown(column)}" is "{first.cell(column, here)}" here and "{second.cell(column, there)}" in {second.at(there)}'
    first.refuse(here, said, FIX_SHARED)
