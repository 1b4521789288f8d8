"""How training rows are divided for cross-validation: classes in proportion, groups whole, the same folds every time.

Only training rows come here; the held-out file is never divided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from release.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.learning.rows import Rows, Task

Folds = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]
"""Positions of the rows to train on and of the rows to judge by, for each fold."""


def folds(table: Rows, task: Task, count: int, *, seed: int, where: str) -> Folds:
    """Divide the rows `count` times. Raises BadInputError when a class or the groups are too few for that many folds."""
    if task != "regression":
        _check_classes(table, count, where)
    splitter: Any
    if table.groups is None:
        if table.y.shape[0] < count:
            raise BadInputError(f"{table.y.shape[0]} rows are too few for {count} folds", where=where, fix="use fewer folds")
        splitter = (KFold if task == "regression" else StratifiedKFold)(count, shuffle=True, random_state=seed)
    else:
        groups = len(set(table.groups.tolist()))
        if groups < count:
            raise BadInputError(f"{groups} groups are too few for {count} folds", where=where, fix="use fewer folds")
        splitter = (
            GroupKFold(count) if task == "regression" else StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        )
    found: Folds = list(splitter.split(np.zeros((len(table.y), 1)), table.y, table.groups))
    if task != "regression":
        _check_sides(table, found, where)
    return found


def _check_classes(table: Rows, count: int, where: str) -> None:
    counts = np.bincount(table.y, minlength=len(table.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < count:
        raise BadInputError(
            f'class "{table.classes[rarest]}" has {counts[rarest]} training rows, too few for {count} folds',
            where=where,
            fix="add rows of it, or use fewer folds",
        )


def _check_sides(table: Rows, found: Folds, where: str) -> None:
    for train, judged in found:
        for side in (train, judged):
            if len(np.unique(table.y[side])) < len(table.classes):
                raise BadInputError("some fold lacks a class, because groups stay whole", where=where, fix="use fewer folds")
