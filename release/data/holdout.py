"""The wall between training rows and held-out rows: splitting once, and refusing what leaks across.

A row leaks when it, or its group, is on both sides. How good a model is on the held-out rows is never looked at here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from release.data.values import few, label
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.data.contract import Table
    from release.data.target import Task


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What two tables share: ids, held-out ids of rows that equal a training row, and groups, each sorted by appearance."""

    ids: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def overlap(train: Table, test: Table) -> Overlap:
    """Find what the held-out rows share with the training rows.

    Two rows are equal when target and all features are, missing values equal to each other. With few, coarse columns that
    can be a coincidence; it is named all the same, because the model has seen the answer either way.
    """
    return Overlap(
        ids=_shared(train.ids, test.ids),
        rows=_equal_rows(train, test),
        groups=() if train.groups is None or test.groups is None else _shared(train.groups, test.groups),
    )


def refuse_overlap(train: Table, test: Table, *, where: str) -> None:
    """Raise BadInputError when rows or groups are on both sides; `where` names the held-out file."""
    found = overlap(train, test)
    if found.ids:
        raise BadInputError(
            f"{len(found.ids)} held-out ids are also training ids ({few(found.ids)})",
            where=where,
            fix="remove those rows from one of the two files",
        )
    if found.rows:
        raise BadInputError(
            f"{len(found.rows)} held-out rows equal a training row in every feature and the target (ids {few(found.rows)})",
            where=where,
            fix="remove those rows from one of the two files",
        )
    if found.groups:
        raise BadInputError(
            f"{len(found.groups)} groups are on both sides ({few(found.groups)})",
            where=where,
            fix="keep all rows of a group in one of the two files",
        )


def split(
    frame: pd.DataFrame,
    target: str,
    *,
    task: Task,
    share: float,
    seed: int,
    group: str | None = None,
    ignore: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split a frame as it was read into training and held-out rows, `share` of them held out, each in the file's order.

    The same frame and seed always give the same split, whatever the machine or library versions: rows are drawn in the
    order of SHA-256(seed, row number). Classification keeps each class's share. Rows of one group stay together, and so do
    rows that are equal in all columns but `ignore` (name the id there), so that none of them can leak. Raises BadInputError
    when a side would stay empty or lack a class.
    """
    if not 0 < share < 1:
        raise BadInputError(f"a share of {share:g} cannot be held out", fix="choose one between 0 and 1")
    # One stratum for regression: only the number of rows is kept.
    strata = [""] * len(frame) if task == "regression" else [label(value) for value in frame[target].tolist()]
    codes, names = pd.factorize(np.array(strata, dtype=object), sort=True)
    counts = np.bincount(codes, minlength=len(names))
    quotas = np.clip(np.floor(share * counts + 0.5), np.minimum(1, counts - 1), np.maximum(counts - 1, 0)).astype(int)
    held = _draw(_units(frame, group, ignore), codes, quotas, seed)
    for number, name in enumerate(names):
        sides = set(held[codes == number].tolist())
        if len(sides) != 2:  # noqa: PLR2004 (there are two sides)
            what = "rows" if task == "regression" else f'"{target}" is {name}: its rows'
            raise BadInputError(
                f"{what} cannot be split: too few, or all in one group", fix="add rows, or split the data by hand"
            )
    return frame[~held], frame[held]


def _draw(units: NDArray[Any], codes: NDArray[Any], quotas: NDArray[Any], seed: int) -> NDArray[np.bool_]:
    """Take units in drawn order while no class gets more than its quota."""
    firsts: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for row, unit in enumerate(units.tolist()):
        firsts.setdefault(unit, row)
        members.setdefault(unit, []).append(row)
    order = sorted(members, key=lambda unit: hashlib.sha256(f"{seed}/split/{firsts[unit]}".encode()).digest())
    held = np.zeros(len(units), dtype=bool)
    left = quotas.copy()
    for unit in order:
        takes = np.bincount(codes[members[unit]], minlength=len(quotas))
        if (takes <= left).all():
            left -= takes
            held[members[unit]] = True
    return held


def _units(frame: pd.DataFrame, group: str | None, ignore: Sequence[str]) -> NDArray[Any]:
    """Find the sets of rows that must stay together: connected through a group or through being equal."""
    rows = len(frame)
    same = [name for name in frame.columns if name not in ignore]
    equal = _factors(frame[same])
    edges = [(np.arange(rows), rows + equal)]
    if group is not None:
        edges.append((np.arange(rows), 2 * rows + _factors(frame[[group]])))
    start, end = (np.concatenate(part) for part in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(3 * rows, 3 * rows))
    units: NDArray[Any] = connected_components(graph, directed=False)[1][:rows]
    return units


def _factors(frame: pd.DataFrame) -> NDArray[Any]:
    """Give equal rows the same number, exactly (no hashing), missing cells equal to each other."""
    keys = list(zip(*(_comparable(frame[name]) for name in frame.columns), strict=True))
    numbers: dict[tuple[object, ...], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _comparable(column: pd.Series[Any]) -> list[object]:
    return [None if gone else value for value, gone in zip(column.tolist(), column.isna().tolist(), strict=True)]


def _shared(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[str, ...]:
    known = set(ours.tolist())
    return tuple(dict.fromkeys(name for name in theirs.tolist() if name in known))


def _equal_rows(train: Table, test: Table) -> tuple[str, ...]:
    """Return the ids of held-out rows that equal a training row, exactly, missing cells equal to each other.

    Column by column, rows are numbered by what they hold so far, and those whose number the other table lacks are dropped:
    after one column of measurements few are left.
    """
    if set(train.features.columns) != set(test.features.columns):  # a glob may mean other columns in each
        return ()
    ours, theirs = np.arange(train.rows), np.arange(test.rows)
    numbers = np.zeros(len(ours) + len(theirs), dtype=np.int64)
    pairs = ((train.features[name].to_numpy(), test.features[name].to_numpy()) for name in train.features.columns)
    for one, other in chain(pairs, [(_truths(train), _truths(test))]):
        codes, names = pd.factorize(np.concatenate([one[ours], other[theirs]]), use_na_sentinel=True)
        # A missing cell is -1, and so equal to any other.
        numbers, known = pd.factorize(numbers * (len(names) + 1) + codes + 1)
        sides = np.zeros((2, len(known)), dtype=bool)
        sides[0, numbers[: len(ours)]] = True
        sides[1, numbers[len(ours) :]] = True
        common: NDArray[np.bool_] = np.asarray(sides.all(axis=0))
        kept = common[numbers]
        theirs, ours = theirs[kept[len(ours) :]], ours[kept[: len(ours)]]
        numbers = numbers[kept]
        if len(theirs) == 0:
            return ()
    return tuple(test.ids[theirs].tolist())


def _truths(table: Table) -> NDArray[Any]:
    """Return each row's target, a class by its name."""
    truths: NDArray[Any] = np.array(table.classes, dtype=object)[table.y] if table.classes else table.y
    return truths
