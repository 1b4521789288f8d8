"""Which rows two held-out files share, whatever order they are in, what their ids are, and how numbers are written.

A file is kept as two marks a row, so that files which are gone can still be compared. How good a model is on the rows is
never looked at here, and what sharing costs is not decided here.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.data.contract import matches
from release.data.values import TRUTH, label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.model import DataSpec

    Words = NDArray[np.uint64]

_DIGITS = 6
"""Significant digits of a number that count: noise below them makes no new row."""
_MISSING = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """For each row a hash of its id and one of its content: target, features, time and weight; both of shape (rows,)."""

    ids: Words
    rows: Words


def marks(frame: pd.DataFrame, data: DataSpec) -> Marks:
    """Mark the rows of a file as it was read; id, group and ignored columns are no content.

    Where there is no id column, a row's content is its id.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    named = {data.id, data.group}
    rows = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        if name not in named and not any(matches(name, one) for one in data.ignore):
            # A sum of hashes, each of a cell with its column's name: the order of columns is immaterial.
            rows += _cells(frame[name], name)
    ids = _texts(frame[data.id], "") if data.id in frame.columns else rows
    return Marks(ids=ids, rows=rows)


def shared(one: Marks, other: Marks) -> int:
    """Count the rows of `one` that are in `other` too: by their id, or by their content."""
    return int((np.isin(one.ids, other.ids) | np.isin(one.rows, other.rows)).sum())


def to_bytes(found: Marks) -> bytes:
    """Write marks as one array of shape (2, rows)."""
    file = io.BytesIO()
    np.save(file, np.stack([found.ids, found.rows]), allow_pickle=False)
    return file.getvalue()


def from_bytes(content: bytes) -> Marks:
    """Read what `to_bytes` wrote. Raises ValueError for anything else."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.ndim != 2 or len(array) != 2 or array.dtype != np.uint64:  # noqa: PLR2004 (ids and rows)
        raise ValueError("these are no marks of rows")
    return Marks(ids=array[0], rows=array[1])


def _cells(column: pd.Series[Any], name: str) -> Words:
    """Hash each cell: a column of numbers by their leading digits, any other by its texts."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    gone = column.isna().to_numpy()
    if column.dtype == np.bool_ or not np.array_equal(np.isnan(numbers), gone):
        return _texts(column, name)
    return np.where(gone, _MISSING, _mixed(_leading(numbers))) * _word(name)


def _leading(numbers: NDArray[np.float64]) -> Words:
    """Return a word for each number that keeps its sign, exponent and leading digits; not finite ones are alike."""
    finite = np.where(np.isfinite(numbers), numbers, 0.0)
    with np.errstate(divide="ignore"):
        exponent = np.where(finite == 0, 0.0, np.floor(np.log10(np.abs(finite))))
    digits = np.round(finite / 10.0**exponent * 10 ** (_DIGITS - 1))
    word = digits.astype(np.int64) * 4096 + exponent.astype(np.int64)
    return np.asarray(word.view(np.uint64))


def _mixed(words: Words) -> Words:
    """Spread words over all 64 bits (the finaliser of SplitMix64)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def _texts(column: pd.Series[Any], name: str) -> Words:
    """Hash each cell by its text, missing ones alike."""
    codes, values = pd.factorize(column, use_na_sentinel=True)
    known = [label(value) for value in values.tolist()]
    known = [text.lower() if text.lower() in TRUTH else text for text in known]
    hashes = np.array([*(_word(f"{name}={text}") for text in known), _MISSING], dtype=np.uint64)
    return np.asarray(hashes[codes])


def _word(text: str) -> np.uint64:
    """Return 64 odd bits of a text's hash."""
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") | 1)
