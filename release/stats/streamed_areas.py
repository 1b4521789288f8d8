"""Areas under ROC curves of rows in blocks: DeLong's components from the sort on disk, their variances in two passes.

The limits are delong.py's, which computes the same components in memory.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from release.stats.arrays import binary
from release.stats.blocks import Sum
from release.stats.cells import outcomes
from release.stats.contrast import Unjudged
from release.stats.delong import Areas, area_difference, area_single, too_few
from release.stats.external_sort import components

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.stats.arrays import Array, Bools, Floats
    from release.stats.blocks import Stream
    from release.stats.contrast import Contrast
    from release.stats.spilled import Spilled


def judged_areas(rows: Stream, ratio: float) -> Contrast | Unjudged:
    """Judge AUC(challenger) - ratio * AUC(champion), or one AUC alone, as delong_difference and delong_single do."""
    table = outcomes(block.y for block in rows.blocks())
    ups, downs = table.where(table.y == 1), table.where(table.y == 0)
    if reason := too_few(ups, downs):
        return Unjudged(reason=reason, n=rows.n)
    models = len(next(iter(rows.blocks())).outputs)
    with tempfile.TemporaryDirectory(dir=rows.folder) as folder:
        found = _measured(rows, [_sorted(rows, number, Path(folder)) for number in range(models)], ratio)
    first, second = found.means[0], found.means[-1]
    if models == 1:
        return area_single(first, math.sqrt(found.variances[0]), n=rows.n, sizes=found.sizes)
    alone, other, contrast, both = found.variances
    areas = Areas(
        n=rows.n,
        first=first,
        second=second,
        variance=contrast,
        smaller=max(1, int(min(found.sizes))),
        same=found.same,
        apart=lambda: (alone, other, both),
    )
    return area_difference(areas, ratio)


@dataclass(frozen=True)
class _Measured:
    """The AUCs, the variances of sums of components, the rows of the classes, and whether two models order all alike."""

    means: list[float]
    variances: list[float]
    sizes: tuple[float, float]
    same: bool


def _sorted(rows: Stream, number: int, folder: Path) -> Spilled:
    """Return the components of one model's scores."""
    own = folder / str(number)
    own.mkdir()

    def blocks() -> Iterator[tuple[Bools, Floats, Floats | None]]:
        for block in rows.blocks():
            yield binary(block.y), np.asarray(block.outputs[number], dtype=np.float64), block.weights

    return components(blocks, rows.n, own, size=rows.size)


def _measured(rows: Stream, found: list[Spilled], ratio: float) -> _Measured:
    """Measure components, (models, n), in two passes: their means by class, then the squares around them."""
    sums = np.array([[1.0]] if len(found) == 1 else [[1.0, 0.0], [0.0, 1.0], [-ratio, 1.0], [1.0, 1.0]])
    counts, weights, squares = (np.zeros(2) for _ in range(3))
    totals = [[Sum() for _ in found] for _ in range(2)]
    low, high = np.full(len(found), np.inf), np.full(len(found), -np.inf)
    same = True
    for side, values, scale in _by_class(rows, found):
        counts[side] += len(scale)
        weights[side] += scale.sum()
        squares[side] += (scale**2).sum()
        same = same and bool((values == values[0]).all())
        for total, of_model in zip(totals[side], values, strict=True):
            total.add(scale * of_model)
        if side:
            low, high = np.minimum(low, values.min(axis=1)), np.maximum(high, values.max(axis=1))
    means = np.array([[total.value for total in side] for side in totals]) / weights[:, None]
    around = [[Sum() for _ in sums] for _ in range(2)]
    for side, values, scale in _by_class(rows, found):
        apart = sums @ (values - means[side][:, None])
        for total, of_sum in zip(around[side], apart, strict=True):
            total.add((scale / weights[side]) ** 2 * of_sum**2)
    variances = np.array([[total.value for total in side] for side in around]) * (counts / (counts - 1))[:, None]
    # Weighted components that are all equal have that mean, whatever rounding makes of it.
    areas = np.where(low == high, low, means[1])
    sizes = weights**2 / squares
    return _Measured(areas.tolist(), variances.sum(axis=0).tolist(), (float(sizes[1]), float(sizes[0])), same)


def _by_class(rows: Stream, found: list[Spilled]) -> Iterator[tuple[int, Array, Floats]]:
    """Yield of each block the components, (models, rows), and what rows count, of the negatives (0) and positives (1)."""
    done = 0
    for block in rows.blocks():
        values = np.array([one.read(done, len(block.y)) for one in found])
        done += len(block.y)
        positive = binary(block.y)
        for side, chosen in enumerate((~positive, positive)):
            if chosen.any():
                yield side, values[:, chosen], block.counts()[chosen]
