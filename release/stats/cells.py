"""Labels as a table: how many rows have which outcome and which labels, which is all that a metric of labels can see.

A table is added up over blocks of rows of which memory never holds many. What is made of it is the methods' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import numpy as np

from release.stats.metrics import Deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from release.stats.arrays import Array, Bools, Ints
    from release.stats.metrics import Metric


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells that occur: outcome `y`, label by model (the challenger's last) and `count` of rows, all of shape (cells,)."""

    y: Ints
    outputs: tuple[Ints, ...]
    count: Ints

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self.count.sum())

    def where(self, chosen: Bools) -> int:
        """Count the rows in some of the cells, (cells,)."""
        return int(self.count[chosen].sum())

    def deciding(self, metric: Metric) -> int:  # noqa: PLR0911 (one for each case)
        """Count the rows in the metric's deciding denominator, as `deciding_rows` does with the challenger's labels."""
        label = self.outputs[-1]
        match metric.deciding:
            case Deciding.ROWS:
                return self.n
            case Deciding.POSITIVES:
                return self.where(self.y == 1)
            case Deciding.NEGATIVES:
                return self.where(self.y == 0)
            case Deciding.PREDICTED_POSITIVES:
                return self.where(label == 1)
            case Deciding.SCARCER_POSITIVES:
                return min(self.where(self.y == 1), self.where(label == 1))
            case Deciding.SMALLEST_CLASS:
                return self._scarcest(self.y)
            case Deciding.SCARCEST_CLASS:
                return self._scarcest(self.y, label)
        assert_never(metric.deciding)

    def _scarcest(self, *labels: Ints) -> int:
        present = np.unique(np.concatenate(labels))
        return min((self.where(one == which) for one in labels for which in present), default=0)


def counted(blocks: Iterable[tuple[Array, ...]]) -> Cells:
    """Return the table of rows that come in blocks: outcome and labels, whole numbers, (n,) each."""
    found: dict[tuple[int, ...], int] = {}
    width = 0
    for block in blocks:
        columns = [np.asarray(one, dtype=np.int64) for one in block]
        width, ends = len(columns), [int(one.max(initial=0)) + 1 for one in columns]
        # One number a cell: sorting rows of several columns takes ten times as long.
        numbers, counts = np.unique(np.ravel_multi_index(columns, ends), return_counts=True)
        keys = np.stack(np.unravel_index(numbers, ends), axis=1)
        for key, count in zip(map(tuple, keys.tolist()), counts.tolist(), strict=True):
            found[key] = found.get(key, 0) + count
    return _table(found, width)


def outcomes(blocks: Iterable[Array]) -> Cells:
    """Return the table of outcomes alone, (n,), as if all were called what they are."""
    table = counted((y,) for y in blocks)
    return Cells(table.y, (table.y,), table.count)


def _table(found: Mapping[tuple[int, ...], int], width: int) -> Cells:
    keys = np.array(sorted(found), dtype=np.int64).reshape(len(found), width)
    count = np.array([found[key] for key in sorted(found)], dtype=np.int64)
    return Cells(keys[:, 0], tuple(keys[:, 1:].T), count)
