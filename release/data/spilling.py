"""One file of predictions that memory should not hold, taken in piece by piece: ids and converted columns go to disk.

How a cell is read is `release.data.prediction_file`'s and `release.data.scored`'s, as for files that fit. Files are put on
the same rows by `release.data.merging`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.config.source import shown
from release.data import tables
from release.data.alignment import Aligned
from release.data.prediction_file import PredictionFile, refuse_compressed
from release.errors import BadInputError
from release.records import Digest
from release.stats.spilled import BLOCK, Spilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Convert = Callable[[PredictionFile], NDArray[Any]]
    """Makes a field of a piece of a file, one entry a row, and refuses what cannot be meant."""

LINE, ID = "line", "id"
_MOST_WORDS = 1_000
_LONGEST_ID = 200


@dataclass
class Words:
    """The distinct words of a column, numbered as they come, with the lines on which those of the first file were first.

    `what` says what they are: none may be empty.
    """

    column: str
    what: str
    codes: dict[str, int] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    path: str = ""
    index: str = LINE

    def __call__(self, file: PredictionFile) -> NDArray[np.int32]:
        """Return the number of each row's word, (rows,). Raises BadInputError for an empty cell, or a thousand words."""
        found = file.complete(self.column, self.what)
        first = np.unique(found.codes, return_index=True)[1]
        for name, position in zip(found.names, first.tolist(), strict=True):
            if name not in self.codes:
                self.codes[name] = len(self.codes)
                self.lines.append(int(file.frame.index[position]))
        if len(self.codes) > _MOST_WORDS:
            fix = "a class has a word of its own; for numbers use metrics of regression"
            file.refuse(int(first[-1]), f'"{shown(self.column)}" has more than {_MOST_WORDS} different values', fix)
        if not self.path:
            self.path, self.index = file.path, str(file.frame.index.name)
        return np.array([self.codes[name] for name in found.names], dtype=np.int32)[found.codes]

    def distinct(self, first: int | None = None) -> Aligned:
        """Return a file with one row for each word, or for the first words, on the lines where they were first."""
        names = list(self.codes)[:first]
        index = pd.Index(self.lines[:first], name=self.index)
        frame = pd.DataFrame({self.column: pd.Series(names, index=index, dtype=object)})
        whole = PredictionFile(self.path, Digest(""), frame)
        return Aligned((whole,), (np.arange(len(names)),), tuple(map(str, range(len(names)))))


@dataclass(frozen=True, eq=False)
class Taken:
    """A file's rows on disk in its own order: `ids` in blocks, and `records` of a line (or row) number and the fields."""

    path: str
    index: str
    ids: tuple[Path, ...]
    records: Spilled
    sample: NDArray[np.bytes_]
    increasing: bool

    def blocks(self) -> Iterator[tuple[NDArray[np.bytes_], NDArray[Any]]]:
        """Yield ids and records, in blocks."""
        for path, records in zip(self.ids, self.records.blocks(), strict=True):
            yield np.load(path), records

    def at(self, record: Any) -> str:
        """Return `file:line` of a record."""
        return f"{self.path}:{record[LINE]}"


def columns_of(path: Path) -> PredictionFile:
    """Return a file without its rows. Raises as `release.data.prediction_file.read` does for what the header shows."""
    refuse_compressed(path)
    where = str(path)
    return PredictionFile(where, tables.digest(path), next(tables.pieces(path, where=where, rows=1)))


def take(path: Path, id_column: str, fields: Mapping[str, tuple[Convert, str]], columns: set[str], folder: Path) -> Taken:
    """Read a file once and keep, in `folder`, its ids and `fields`: how each is converted, and its numpy type.

    Raises BadInputError for a file without rows, an empty or overlong id, and as the conversions do.
    """
    where = str(path)
    dtype = np.dtype([(LINE, np.int64), *((name, kind) for name, (_, kind) in fields.items())])
    records = Spilled(folder / "records", dtype)
    ids: list[Path] = []
    sampled: list[NDArray[np.bytes_]] = []
    draw, last, increasing, index = np.random.default_rng(0), b"", True, LINE
    for frame in _even(tables.pieces(path, where=where, rows=BLOCK, columns={id_column, *columns})):
        piece = PredictionFile(where, Digest(""), frame)
        names = _id_words(piece, id_column)
        block = np.empty(len(frame), dtype=dtype)
        block[LINE] = frame.index
        for name, (convert, _) in fields.items():
            block[name] = convert(piece)
        records.append(block)
        ids.append(folder / f"ids-{len(ids)}.npy")
        np.save(ids[-1], names)
        sampled.append(names[draw.integers(0, len(names), size=min(len(names), 64))])
        increasing = increasing and last < names[0] and bool((names[1:] > names[:-1]).all())
        last, index = bytes(names[-1]), str(frame.index.name)
    if not ids:
        raise BadInputError("there are columns but no rows", where=where, fix="add the rows")
    return Taken(where, index, tuple(ids), records, np.concatenate(sampled), increasing)


def _even(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield frames of BLOCK rows but for the last, whatever the pieces, and none without rows."""
    held: list[pd.DataFrame] = []
    for frame in frames:
        if not len(frame):
            continue
        held.append(frame)
        if sum(map(len, held)) >= BLOCK:
            whole = pd.concat(held) if len(held) > 1 else held[0]
            yield whole.iloc[:BLOCK]
            held = [whole.iloc[BLOCK:]] if len(whole) > BLOCK else []
    if held:
        yield pd.concat(held) if len(held) > 1 else held[0]


def _id_words(file: PredictionFile, column: str) -> NDArray[np.bytes_]:
    """Return each row's id as UTF-8, shape (rows,): its order is that of the words."""
    series = file.require(column)
    if pd.api.types.is_integer_dtype(series.dtype) and not series.isna().any():
        return series.to_numpy(dtype=np.int64).astype(np.bytes_)
    found = file.complete(column, "the id")
    words = [name.encode() for name in found.names]
    if max(map(len, words)) > _LONGEST_ID:
        longest = int(np.argmax([len(words[code]) for code in found.codes]))
        file.refuse(longest, f"the id is longer than {_LONGEST_ID} bytes", "name rows by shorter ids")
    return np.array(words, dtype=np.bytes_)[found.codes]
