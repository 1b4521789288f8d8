"""Rows kept in a file and read back in blocks, for samples that memory should not hold.

A file of records of one type, in order: appended, read and nothing else. Read and not mapped, so that what a process holds
is what it asked for. Temporary, and private to the process that writes it: the folder is the caller's, who removes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.stats.arrays import Array

BLOCK = 1 << 17
"""Rows in memory at once: a few megabytes for each number that is kept of a row."""


@dataclass(frozen=True, eq=False)
class Spilled:
    """Records of `dtype` in the file at `path`, which need not be there while nothing was appended."""

    path: Path
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        """Return how many records there are."""
        return self.path.stat().st_size // self.dtype.itemsize if self.path.exists() else 0

    def append(self, records: Array) -> None:
        """Write records behind those that are there."""
        with self.path.open("ab") as file:
            np.ascontiguousarray(records, dtype=self.dtype).tofile(file)

    def blocks(self, size: int = BLOCK) -> Iterator[Array]:
        """Yield the records in order, so many at once."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            while len(block := np.fromfile(file, dtype=self.dtype, count=size)):
                yield block

    def read(self, start: int, count: int) -> Array:
        """Return so many records, or as many as there are, from one of them on."""
        return np.fromfile(self.path, dtype=self.dtype, count=count, offset=start * self.dtype.itemsize)

    def all(self) -> Array:
        """Return all records."""
        return self.read(0, -1) if self.path.exists() else np.empty(0, dtype=self.dtype)

    def remove(self) -> None:
        """Give the disk back."""
        self.path.unlink(missing_ok=True)


def scattered(parts: Array, count: int) -> Iterator[tuple[int, Array]]:
    """Yield for each of `count` parts that occurs the positions of its records, `parts` saying the part of each, (n,)."""
    order = np.argsort(parts, kind="stable")
    ends = np.cumsum(np.bincount(parts, minlength=count))
    for part, (start, end) in enumerate(zip(np.concatenate([[0], ends[:-1]]), ends, strict=True)):
        if end > start:
            yield part, order[start:end]
