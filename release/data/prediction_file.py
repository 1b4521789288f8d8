"""One file of predictions that any tool may have written: its columns as numbers or as labels, its complaints by line.

How files are put on the same rows is `release.data.alignment`'s; what the columns mean is `release.data.scored`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from release.config.source import shown
from release.data import tables
from release.data.values import NUMBER, few, label
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from release.records import Digest

_GZIP = b"\x1f\x8b"
_WHOLE_FLOAT = re.compile(r"([+-]?(?:0|[1-9][0-9]*))\.0+\Z", re.ASCII)
_NESTED = "holds lists or fields, not single values"


@dataclass(frozen=True, eq=False)
class Labels:
    """A column as words: `names` are the distinct ones, `codes`, shape (rows,), index them; -1 where the cell is empty."""

    codes: NDArray[np.intp]
    names: tuple[str, ...]

    def take(self, rows: NDArray[np.intp]) -> Labels:
        """Return the column on some rows, in their order."""
        return Labels(self.codes[rows], self.names)

    def texts(self) -> NDArray[np.object_]:
        """Return the word of every row, shape (rows,), empty text where there is none."""
        return np.array([*self.names, ""], dtype=object)[self.codes]


@dataclass(frozen=True, eq=False)
class PredictionFile:
    """A file's rows in its own order; the frame's index holds line (CSV) or row (Parquet) numbers."""

    path: str
    digest: Digest
    frame: pd.DataFrame

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    def has(self, column: str) -> bool:
        """Say whether there is a column of this name."""
        return column in self.frame.columns

    def at(self, position: int) -> str:
        """Return `file:line` of the row at a position, as an editor counts lines."""
        return f"{self.path}:{self.frame.index[position]}"

    def refuse(self, position: int, what: str, fix: str) -> NoReturn:
        """Raise BadInputError about the row at a position."""
        raise BadInputError(what, where=self.at(position), fix=fix)

    def require(self, column: str) -> pd.Series[Any]:
        """Return a column as it was read. Raises BadInputError, naming those that there are, where it is missing."""
        if self.has(column):
            return self.frame[column]
        names = [shown(str(name)) for name in self.frame.columns]
        # A file without a header gives its first row for names.
        headless = any(NUMBER.match(name) for name in names)
        fix = f"the first line must name the columns; it holds: {few(names)}" if headless else f"the file has: {few(names)}"
        raise BadInputError(f'there is no column "{shown(column)}"', where=self.path, fix=fix)

    def cell(self, column: str, position: int) -> str:
        """Return one cell as a message shows it."""
        return shown(label(self.frame[column].iloc[position]))

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column as finite float64, shape (rows,). Raises BadInputError at the first cell that is no such."""
        series = self.require(column)
        if pd.api.types.is_numeric_dtype(series.dtype):
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            values = _parsed(series.tolist())
        wrong = ~np.isfinite(values)
        if wrong.any():
            first = int(wrong.argmax())
            # Types keep no difference between a null and a NaN; a CSV cell is text, or empty.
            empty = "is empty" if self.frame.index.name == "line" else "is null or NaN"
            said = empty if series.isna().iloc[first] else f'holds "{self.cell(column, first)}", no finite number'
            self.refuse(first, f'"{shown(column)}" {said}', "a judgement needs a number for every row")
        return values

    def labels(self, column: str) -> Labels:
        """Return a column as words in which 1, 1.0 and the text of either are one word, as are NaN, null and no text.

        Raises BadInputError for a column of lists.
        """
        series = self.require(column)
        try:
            codes, distinct = pd.factorize(series)
        except TypeError as error:
            raise BadInputError(f'"{shown(column)}" {_NESTED}', where=self.path, fix="write one value a cell") from error
        names = [_word(value) for value in distinct.tolist()]
        known = {name: number for number, name in enumerate(dict.fromkeys(names))}
        if len(known) < len(names):  # two spellings of one number
            codes = np.array([*(known[name] for name in names), -1])[codes]
        return Labels(codes.astype(np.intp), tuple(known))

    def complete(self, column: str, what: str) -> Labels:
        """Return `labels` of a column that must be filled in every row, `what` being what it is."""
        found = self.labels(column)
        empty = found.codes < 0
        if empty.any():
            self.refuse(int(empty.argmax()), f'"{shown(column)}" ({what}) is empty', "fill it, or remove the row everywhere")
        return found


def read(path: Path) -> PredictionFile:
    """Read a CSV or Parquet file. Raises as `release.data.tables.read` does, and BadInputError for a compressed file."""
    refuse_compressed(path)
    where = str(path)
    frame = tables.read(path, where=where)
    return PredictionFile(where, tables.digest(path), frame)


def refuse_compressed(path: Path) -> None:
    """Raise BadInputError for a compressed file."""
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP
    except OSError:
        compressed = False  # whoever reads it says what is wrong
    if compressed:
        raise BadInputError("this file is compressed with gzip", where=str(path), fix="unpack it first: gunzip")


def _word(value: object) -> str:
    """Name a value; what CSV has of a whole float is named like the whole number, as it is where files keep types."""
    text = value if isinstance(value, str) else label(value)
    found = _WHOLE_FLOAT.match(text) if text.endswith("0") else None
    return found[1] if found else text


def _parsed(cells: list[Any]) -> NDArray[np.float64]:
    """Return numbers, NaN for what is none; one conversion for all cells, cell by cell only where that fails."""
    try:
        texts = "".join(cells)
        if texts.isascii() and "_" not in texts:  # Python reads 1_000 and other scripts' digits, other tools do not
            return np.array(list(map(float, cells)), dtype=np.float64)
    except (TypeError, ValueError):
        pass  # an empty cell, another type, or a text that is no number
    return np.array([_number(cell) for cell in cells], dtype=np.float64)


def _number(cell: object) -> float:
    if isinstance(cell, str):
        return float(cell) if NUMBER.match(cell.strip()) else np.nan
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan
