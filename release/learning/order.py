"""Rows in an order of which every beginning is a fair sample: each class in proportion, groups whole where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def in_proportion(y: NDArray[Any], *, classes: bool, seed: int) -> NDArray[np.intp]:
    """Order rows so that every beginning has each class in proportion; with `classes` false it is a plain shuffle."""
    drawn = np.random.RandomState(seed).permutation(len(y))
    place = np.empty(len(drawn))
    strata = y[drawn] if classes else np.zeros(len(drawn))
    for stratum in np.unique(strata):
        rows = drawn[strata == stratum]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(place, kind="stable")


def beginning(
    order: NDArray[np.intp], rows: int, groups: NDArray[np.object_] | None, positions: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return about `rows` of `positions`, sorted: the first by `order`, whole groups where `groups` names them.

    `order` sorts `positions`, not the table; groups are taken as their first row comes up.
    """
    if groups is None:
        return np.sort(positions[order[:rows]])
    taken: dict[Any, int] = {}
    sizes = dict(zip(*np.unique(groups[positions].astype(str), return_counts=True), strict=True))
    for place in order:
        name = str(groups[positions[place]])
        if name not in taken:
            if sum(taken.values()) >= rows:
                break
            taken[name] = int(sizes[name])
    return np.sort(positions[[str(name) in taken for name in groups[positions]]])
