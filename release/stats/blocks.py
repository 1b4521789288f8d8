"""Rows in blocks, and what is added up over them: sums that round once a block, and the shape of an influence.

Which sums make which judgement is streams.py's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from release.stats.student import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from release.stats.arrays import Array, Floats

_SORTED = 1 << 18  # scores in memory at once: 26 bytes each, and a few copies


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows: outcomes, (n,), what the metric reads of each model, the challenger's last, and what rows count."""

    y: Array
    outputs: tuple[Array, ...]
    weights: Floats | None = None

    def counts(self) -> Floats:
        """Return what each row counts, (n,)."""
        return np.ones(len(self.y)) if self.weights is None else self.weights


@dataclass(frozen=True, eq=False)
class Stream:
    """`n` rows in blocks, the same at each call of `blocks`; `folder` is for what is sorted, `size` rows at once."""

    blocks: Callable[[], Iterable[Block]]
    n: int
    folder: Path
    size: int = _SORTED


@dataclass
class Sum:
    """A sum that rounds once a block and once in the end."""

    parts: list[float] = field(default_factory=list)

    def add(self, values: Array) -> None:
        """Add a block of numbers."""
        self.parts.append(float(values.sum()))

    @property
    def value(self) -> float:
        """The sum of all blocks."""
        return math.fsum(self.parts)


@dataclass
class Spread:
    """Sums of the first three powers of the influence of rows, and its ends."""

    n: int = 0
    first: Sum = field(default_factory=Sum)
    second: Sum = field(default_factory=Sum)
    third: Sum = field(default_factory=Sum)
    low: float = math.inf
    high: float = -math.inf

    def add(self, influence: Floats) -> None:
        """Add a block of rows."""
        self.n += len(influence)
        squares = influence**2
        for total, values in zip(
            (self.first, self.second, self.third), (influence, squares, squares * influence), strict=True
        ):
            total.add(values)
        self.low, self.high = (
            min(self.low, influence.min(initial=math.inf)),
            max(self.high, influence.max(initial=-math.inf)),
        )

    def shape(self) -> Shape:
        """Return what `student.shape` gives for one stratum; influence adds up to nothing but for rounding."""
        n, first, second = self.n, self.first.value, self.second.value
        mean = first / n
        total = second - n * mean**2
        if total <= 0:
            return Shape(0.0, 0.0, 0.0, math.inf, 1.0)
        free = max(n - 1, 1)
        cubes = self.third.value - 3 * mean * second + 2 * n * mean**3
        return Shape(
            se=math.sqrt(total * n / free),
            skew=cubes / total**1.5,
            heaviest=max(self.high - mean, mean - self.low) ** 2 / total,
            df=float(free),
            inflation=math.sqrt(n / free),
        )
