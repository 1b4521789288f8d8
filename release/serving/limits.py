"""All columns' contracts as arrays, so that a request that is in order is seen to be with a handful of comparisons.

A refusal is not explained here: `release.serving.cells` finds the value and says what is wrong with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.serving.cells import EXACT, NUMERIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.artifact.model import Column

_FINITE = float(np.finfo(np.float64).max)
_BOUNDS = {"float": (-_FINITE, _FINITE), "int": (-float(EXACT), float(EXACT)), "bool": (0.0, 1.0)}


class Limits:
    """Bounds, wholeness and gaps of columns of numbers."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Take the columns, in the order of a block's."""
        bounds = [_BOUNDS.get(one.type, (0.0, 0.0)) for one in columns]
        given = [
            (low if one.min is None else one.min, high if one.max is None else one.max)
            for one, (low, high) in zip(columns, bounds, strict=True)
        ]
        self._low = np.maximum([low for low, _ in bounds], [low for low, _ in given])
        self._high = np.minimum([high for _, high in bounds], [high for _, high in given])
        self._broken = np.array([one.type == "float" for one in columns])
        self._gaps = np.array([one.missing > 0 for one in columns])
        # Listed values are rare for numbers: such models are checked column by column.
        self._listed = any(one.values is not None for one in columns if one.type in NUMERIC)

    def allow(self, block: NDArray[np.float64]) -> bool:
        """Say whether all of a block of shape (rows, columns) surely keeps the contract."""
        fine = (block >= self._low) & (block <= self._high)
        if not self._broken.all():
            fine &= self._broken | (block == np.floor(block))
        if self._gaps.any():
            fine |= np.isnan(block) & self._gaps
        return bool(fine.all()) and not self._listed
