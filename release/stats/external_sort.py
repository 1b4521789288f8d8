"""DeLong's structural components of scores that are sorted on disk, a bucket at a time.

Rows are dealt to buckets by score (sample sort: the bounds are quantiles of a sample), each bucket is ranked in memory
beside what lies in the buckets below it, and the ranks are dealt back by row number, so that two models meet row by row.
Three passes over the disk, memory of a few buckets whatever n. A score so frequent that it bounds a bucket has one of its
own, which needs no sorting and so may be larger than memory. What the components mean is delong.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.stats.spilled import Spilled, scattered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from release.stats.arrays import Array, Bools, Floats, Ints

    Scores = tuple[Bools, Floats, Floats | None]
    """A block of rows: which are positive, their scores, and what they count (None: one each)."""

_SAMPLED = 64  # scores a bucket: its size is then within some 40% of what is wanted
_RANKED = np.dtype([("row", np.int64), ("score", np.float64), ("weight", np.float64), ("up", np.bool_)])
_FOUND = np.dtype([("row", np.int64), ("component", np.float64)])


@dataclass
class _Below:
    """The weight of the positives and of the negatives with a lower score, and of all."""

    ups: float
    downs: float
    all_ups: float
    all_downs: float


def components(blocks: Callable[[], Iterable[Scores]], n: int, folder: Path, *, size: int) -> Spilled:
    """Return, in the order of the rows, the share of the other class on the right side of each row, ties counted half.

    Of a positive the share of the negatives below it, of a negative that of the positives above. `blocks` gives the `n` rows
    anew at each call, `size` is about how many are sorted at once. Needs rows of both classes; `folder` must be empty.
    """
    bounds, below = _bounds(blocks(), n, size)
    # 2i holds what lies below bound i, 2i + 1 what equals it.
    buckets = [Spilled(folder / f"scores-{number}", _RANKED) for number in range(2 * len(bounds) + 1)]
    row = 0
    for up, score, weight in blocks():
        records = np.empty(len(up), dtype=_RANKED)
        records["row"] = np.arange(row, row + len(up))
        records["score"], records["up"] = score, up
        records["weight"] = 1.0 if weight is None else weight
        place = np.searchsorted(bounds, score, "left") + np.searchsorted(bounds, score, "right")
        for number, chosen in scattered(place, len(buckets)):
            buckets[number].append(records[chosen])
        row += len(up)
    found = [Spilled(folder / f"rows-{number}", _FOUND) for number in range(n // size + 1)]
    for number, bucket in enumerate(buckets):
        (_tie if number % 2 else _rank)(bucket, below, found, size)
        bucket.remove()
    return _in_order(found, Spilled(folder / "components", np.dtype(np.float64)), size)


def _bounds(blocks: Iterable[Scores], n: int, size: int) -> tuple[Floats, _Below]:
    """Return the distinct scores that bound the buckets, and the weights of both classes."""
    wanted = np.unique(np.random.default_rng(0).integers(0, n, size=_SAMPLED * (n // size)))
    sampled, row, ups, downs = [], 0, [], []
    for up, score, weight in blocks:
        near = wanted[np.searchsorted(wanted, row) : np.searchsorted(wanted, row + len(up))]
        sampled.append(score[near - row])
        ups.append(float(up.sum() if weight is None else weight[up].sum()))
        downs.append(float((~up).sum() if weight is None else weight[~up].sum()))
        row += len(up)
    some = np.sort(np.concatenate(sampled)) if sampled else np.empty(0)
    return np.unique(some[_SAMPLED // 2 :: _SAMPLED]), _Below(0.0, 0.0, float(np.sum(ups)), float(np.sum(downs)))


def _rank(bucket: Spilled, below: _Below, found: list[Spilled], size: int) -> None:
    """Find the components of a bucket's rows, and count them as lying below what follows."""
    records = bucket.all()
    records = records[np.argsort(records["score"], kind="stable")]
    run, ups, downs = _runs(records)
    twice = 2 * (below.ups + np.cumsum(ups) - ups) + ups, 2 * (below.downs + np.cumsum(downs) - downs) + downs
    _deal(records, twice[0][run], twice[1][run], below, found, size)
    below.ups += float(ups.sum())
    below.downs += float(downs.sum())


def _tie(bucket: Spilled, below: _Below, found: list[Spilled], size: int) -> None:
    """Do the same for a bucket of one score, a block at a time."""
    sums = [(block["weight"][block["up"]].sum(), block["weight"][~block["up"]].sum()) for block in bucket.blocks(size)]
    ups, downs = (float(sum(one)) for one in zip((0.0, 0.0), *sums, strict=True))
    for block in bucket.blocks(size):
        twice = np.full(len(block), 2 * below.ups + ups), np.full(len(block), 2 * below.downs + downs)
        _deal(block, *twice, below, found, size)
    below.ups += ups
    below.downs += downs


def _runs(records: Array) -> tuple[Ints, Floats, Floats]:
    """Return for each sorted record the number of its run of equal scores, and the weights of both classes by run."""
    fresh = np.ones(len(records), dtype=np.bool_)
    fresh[1:] = np.diff(records["score"]) != 0
    run = np.cumsum(fresh) - 1
    ups = np.bincount(run, weights=np.where(records["up"], records["weight"], 0.0)).astype(np.float64)
    downs = np.bincount(run, weights=np.where(records["up"], 0.0, records["weight"])).astype(np.float64)
    return run.astype(np.int64), ups, downs


def _deal(records: Array, ups: Floats, downs: Floats, below: _Below, found: list[Spilled], size: int) -> None:
    """Write the components of records, of which twice the weight below (ties once) is given, to where their rows belong."""
    shares = np.where(records["up"], downs / (2 * below.all_downs), 1 - ups / (2 * below.all_ups))
    for number, chosen in scattered(records["row"] // size, len(found)):
        dealt = np.empty(len(chosen), dtype=_FOUND)
        dealt["row"], dealt["component"] = records["row"][chosen], shares[chosen]
        found[number].append(dealt)


def _in_order(found: list[Spilled], into: Spilled, size: int) -> Spilled:
    for number, part in enumerate(found):
        dealt = part.all()
        ordered = np.empty(len(dealt))
        ordered[dealt["row"] - number * size] = dealt["component"]
        into.append(ordered)
        part.remove()
    return into
