"""Values of one column of a request as the column's contract types them, or a complaint that names the column.

The same contract as for files (`release.data.typed`), in the datatypes of the Open Inference Protocol: what a model was
trained on and what it is asked must not differ. Shapes and names are `release.serving.tensors`'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from release.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.artifact.model import Column

NUMERIC = ("float", "int", "bool")
DATATYPES = {"float": "FP64", "int": "INT64", "bool": "BOOL", "category": "BYTES", "text": "BYTES", "datetime": "BYTES"}
"""The datatype that metadata names for each type of column."""

_FLOATS = frozenset({"FP16", "FP32", "FP64"})
_INTS = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
_ALLOWED = {"float": _FLOATS | _INTS, "int": _FLOATS | _INTS, "bool": _FLOATS | _INTS | {"BOOL"}}
_PYTHON = {"BOOL": frozenset({bool, type(None)}), **dict.fromkeys(_INTS | _FLOATS, frozenset({int, float, type(None)}))}
"""What JSON may hold of each datatype; a whole number may be written 1.0."""
EXACT = 2**53
"""Whole numbers up to here are exact in float64."""


def plain(data: Any, datatype: str) -> NDArray[np.float64] | None:
    """Return float64 values if the data surely are numbers of this datatype; else None, and `numbers` says what is wrong."""
    if datatype not in _FLOATS | _INTS:
        return None
    if isinstance(data, list):
        kinds = set(map(type, data))
        if kinds - _PYTHON[datatype] or (datatype in _INTS and float in kinds):
            return None
    try:
        return np.asarray(data, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None


def numbers(data: Any, datatype: str, column: Column) -> NDArray[np.float64]:
    """Return float64 values, NaN where null or NaN was sent.

    Raises BadInputError for another datatype, values that are no numbers or not finite, not whole (int), not 0 or 1
    (bool), beyond the column's bounds or not among its values, and missing ones where the contract allows none.
    """
    if datatype not in _ALLOWED[column.type]:
        refuse(column, f"the datatype is {datatype[:20]}", f"send {DATATYPES[column.type]}")
    if isinstance(data, list):
        strange = set(map(type, data)) - _PYTHON[datatype]
        if strange:
            refuse(column, f"{_first(data, strange)} is no {datatype} value", f"send {column.type} values")
    try:
        array = np.asarray(data, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        refuse(column, f"these are no {datatype} values", f"send {column.type} values")
    gone = np.isnan(array)
    if gone.any():
        _check_missing(column, int(gone.argmax()))
    _check(column, array, np.isinf(array), "is not finite")
    if column.type == "int" or (datatype in _INTS and isinstance(data, list)):
        _check(column, array, ~gone & (array != np.floor(array)), "is no whole number")
        _check(column, array, np.abs(array) > EXACT, "is too large for an exact number")
    if column.type == "bool":
        _check(column, array, ~gone & (array != 0) & (array != 1), "is neither true nor false")
    _check_contract(column, array, gone)
    return array


def texts(data: Any, datatype: str, column: Column) -> NDArray[np.object_]:
    """Return texts, as the model was trained on them where missing (NaN, or "" for a text column).

    Raises BadInputError for another datatype, values that are no text, no UTF-8, no date (datetime) or not among the
    column's values, and missing ones where the contract allows none.
    """
    if datatype != "BYTES":
        refuse(column, f"the datatype is {datatype[:20]}", "send BYTES")
    missing = "" if column.type == "text" else np.nan
    array = np.empty(len(data), dtype=object)
    allowed = None if column.values is None else set(column.values)
    for position, value in enumerate(data):
        if value is None:
            _check_missing(column, position)
            array[position] = missing
            continue
        text = _text(value, column)
        if allowed is not None and text not in allowed:
            listed = ", ".join(sorted(map(str, allowed))[:6])
            refuse(column, f'"{text[:40]}" is not among its values', f"send one of {listed}")
        if column.type == "datetime" and not _is_datetime(text):
            refuse(column, f'"{text[:40]}" is no datetime', "write it as 2024-05-31 or 2024-05-31T08:00:00")
        array[position] = text
    return array


def refuse(column: Column, what: str, fix: str) -> NoReturn:
    """Raise BadInputError about a column."""
    raise BadInputError(what, where=f'input "{column.name}"', fix=fix)


def _text(value: Any, column: Column) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            refuse(column, "a value is not UTF-8", "send UTF-8")
    if not isinstance(value, str):
        refuse(column, f"{str(value)[:40]!r} is no text", "send texts")
    return value


def _first(data: list[Any], kinds: set[type]) -> str:
    return repr(next(value for value in data if type(value) in kinds))[:40]


def _check_missing(column: Column, position: int) -> None:
    if column.missing == 0:
        refuse(column, f"value {position + 1} is missing", "send it: the model was trained without missing values here")


def _check_contract(column: Column, array: NDArray[np.float64], gone: NDArray[np.bool_]) -> None:
    if column.min is not None:
        _check(column, array, array < column.min, f"is below the contract's min of {column.min:g}")
    if column.max is not None:
        _check(column, array, array > column.max, f"is above the contract's max of {column.max:g}")
    if column.values is not None:
        known = [float(str(value)) for value in column.values if _is_number(str(value))]
        _check(column, array, ~gone & ~np.isin(array, known), "is not among its values")


def _check(column: Column, array: NDArray[np.float64], wrong: NDArray[np.bool_], problem: str) -> None:
    if wrong.any():
        refuse(column, f"{array[int(wrong.argmax())]:g} {problem}", f"send {column.type} values that keep the contract")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_datetime(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return not _is_number(text)
