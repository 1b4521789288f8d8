"""Files on disk put on the same rows: by id, in the order of the ids, a bucket of ids in memory at a time.

As `release.data.alignment` does for files that fit, and in the same words. What the columns say is not looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from release.config.source import shown
from release.data.alignment import different
from release.data.spilling import ID, LINE
from release.errors import BadInputError
from release.stats.spilled import BLOCK, Spilled, scattered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from release.data.spilling import Taken


def merged(files: Sequence[Taken], folder: Path, see: Callable[[NDArray[np.bytes_]], None]) -> tuple[Spilled, ...]:
    """Return each file's records in the order of the ids, which `see` is shown in blocks.

    Raises BadInputError for a repeated id, and for files that hold different rows; the first file is authoritative.
    """
    if all(file.increasing for file in files) and _zipped(files):
        for ids, _ in files[0].blocks():
            see(ids)
        return tuple(file.records for file in files)
    sample = np.sort(files[0].sample)
    step = max(1, len(sample) * BLOCK // max(1, len(files[0].records)))
    bounds = np.unique(sample[step // 2 :: step])
    width = max(np.load(path, mmap_mode="r").dtype.itemsize for file in files for path in file.ids)
    dealt = [_dealt(file, bounds, width, folder, number) for number, file in enumerate(files)]
    into = tuple(Spilled(folder / f"merged-{number}", file.records.dtype) for number, file in enumerate(files))
    for buckets in zip(*dealt, strict=True):
        ordered = [_ordered(bucket, file) for bucket, file in zip(buckets, files, strict=True)]
        if (unlike := _different(ordered, files)) is not None:
            _refuse_repeated(dealt, files)
            raise unlike
        see(ordered[0][ID])
        for records, spilled in zip(ordered, into, strict=True):
            spilled.append(records[list(spilled.dtype.names or ())])
        for bucket in buckets:
            bucket.remove()
    return into


def _zipped(files: Sequence[Taken]) -> bool:
    """Say whether all files have the same ids in the same order."""
    if len({len(file.records) for file in files}) > 1:
        return False
    blocks = zip(*(file.ids for file in files), strict=True)
    return all(np.array_equal(np.load(paths[0]), np.load(path)) for paths in blocks for path in paths[1:])


def _dealt(file: Taken, bounds: NDArray[np.bytes_], width: int, folder: Path, number: int) -> list[Spilled]:
    """Return a file's records, with their ids, in buckets that are in the order of the ids."""
    dtype = np.dtype([(ID, f"S{width}"), *((name, file.records.dtype[name]) for name in file.records.dtype.names or ())])
    buckets = [Spilled(folder / f"bucket-{number}-{place}", dtype) for place in range(len(bounds) + 1)]
    for ids, records in file.blocks():
        for place, chosen in scattered(np.searchsorted(bounds, ids, "right"), len(buckets)):
            block = np.empty(len(chosen), dtype=dtype)
            block[ID] = ids[chosen]
            for name in file.records.dtype.names or ():
                block[name] = records[name][chosen]
            buckets[place].append(block)
    return buckets


def _ordered(bucket: Spilled, file: Taken) -> NDArray[Any]:
    records = bucket.all()
    records = records[np.argsort(records[ID], kind="stable")]
    again = np.flatnonzero(records[ID][1:] == records[ID][:-1])
    if len(again):
        first, second = records[again[0]], records[again[0] + 1]
        what = f'id "{_text(first[ID])}" was there before, on {file.index} {first[LINE]}'
        raise BadInputError(what, where=file.at(second), fix="give each row one id")
    return records


def _refuse_repeated(dealt: Sequence[Sequence[Spilled]], files: Sequence[Taken]) -> None:
    """Look for repeated ids everywhere first: one that should be another explains a row that is missing."""
    for buckets, file in zip(dealt, files, strict=True):
        for bucket in buckets:
            _ordered(bucket, file)


def _different(ordered: Sequence[NDArray[Any]], files: Sequence[Taken]) -> BadInputError | None:
    ids = ordered[0][ID]
    for records, file in zip(ordered[1:], files[1:], strict=True):
        if np.array_equal(ids, records[ID]):
            continue
        missing = np.setdiff1d(ids, records[ID])
        if len(missing):
            return different(_text(missing[0]), file.path, [_text(one) for one in records[ID]])
        more = np.setdiff1d(records[ID], ids)
        return different(_text(more[0]), files[0].path, [_text(one) for one in ids])
    return None


def _text(name: Any) -> str:
    return shown(bytes(name).decode())
