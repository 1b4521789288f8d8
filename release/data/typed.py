"""One column of a file becomes an array of the type that its contract names, or a complaint about the first wrong cell.

float, int and bool become float64 (missing: NaN); category and datetime become text (missing: NaN, as scikit-learn expects
it); text becomes text (missing: empty text, which has no words). Which columns there must be is `release.data.contract`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NoReturn, assert_never

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from release.data.values import NUMBER, TRUTH, few, is_datetime, label, same
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.config.model import Column

Kind = Literal["float", "int", "bool", "category", "text", "datetime"]
Floats = NDArray[np.float64]
Texts = NDArray[np.object_]

_EXACT = 2**53


@dataclass(frozen=True)
class Cells:
    """A column with its name and its place, so that complaints can name file, line, column and value."""

    series: pd.Series[Any]
    name: str
    where: str

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells hold nothing."""
        return self.series.isna().to_numpy(dtype=bool)

    def at(self, position: int) -> str:
        """Return `file:line` (CSV) or `file: row n` of the row at a position."""
        number = self.series.index[position]
        return f"{self.where}:{number}" if self.series.index.name == "line" else f"{self.where}: row {number}"

    def refuse(self, position: int, problem: str, fix: str) -> NoReturn:
        """Raise BadInputError about the cell at a position."""
        value = label(self.series.iloc[position])
        shown = f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'  # noqa: PLR2004 (as much as a line bears)
        raise BadInputError(f'column "{self.name}": {shown} {problem}', where=self.at(position), fix=fix)

    def refuse_missing(self, what: str) -> None:
        """Raise BadInputError when any cell is missing, `what` being what the column is."""
        if self.missing.any():
            first = int(self.missing.argmax())
            raise BadInputError(
                f'column "{self.name}" ({what}) is empty here', where=self.at(first), fix="fill it, or remove the row"
            )


def typed(cells: Cells, column: Column) -> Floats | Texts:
    """Return a column as its contract types it, shape (rows,).

    Raises BadInputError naming the first row and value that is of another type, below `min`, above `max` or not among
    `values`, and the share of missing values when it is larger than the contract's.
    """
    _check_missing(cells, column)
    kind: Kind = column.type
    match kind:
        case "float" | "int":
            array = numbers(cells, kind)
            _check_range(cells, array, column)
            _check_numbers(cells, array, column)
            return array
        case "bool":
            return _truths(cells)
        case "category":
            return _categories(cells, column)
        case "text":
            return texts(cells, missing="")
        case "datetime":
            return datetimes(cells)
        case _:
            assert_never(kind)


def numbers(cells: Cells, kind: Literal["float", "int"]) -> Floats:
    """Return float64 numbers, NaN where missing. Raises BadInputError for what is not finite, or not whole for `int`."""
    series = cells.series
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        array = series.to_numpy(dtype=np.float64, na_value=np.nan)
    elif (plain := _plain_numbers(cells)) is not None:
        array = plain
    else:
        array = np.array([np.nan if gone else _number(cells, i, v, kind) for i, (v, gone) in _each(cells)], dtype=np.float64)
    _refuse_first(
        cells,
        np.isinf(array),
        "is not finite",
        "leave the cell empty if the value is not known",
    )
    if kind == "int":
        _refuse_first(cells, ~np.isnan(array) & (array != np.floor(array)), "is no int", "correct it, or declare a float")
        _refuse_first(
            cells, np.abs(array) > _EXACT, "is too large for an exact number", "declare a category if it is a name"
        )
    return array


def texts(cells: Cells, *, missing: object = np.nan) -> Texts:
    """Return the labels of a column's cells, `missing` where there is none."""
    series = cells.series
    if _all_text(cells):  # which is its own label
        array = series.to_numpy(dtype=object, copy=True)
        array[cells.missing] = missing
        return array
    array = np.empty(len(series), dtype=object)
    if pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        codes, values = pd.factorize(series, use_na_sentinel=True)
        # Each value is named once; the last name is that of -1, which stands for a missing cell.
        names = np.array([*map(label, values.tolist()), missing], dtype=object)
        array[:] = names[codes]
        return array
    array[:] = [missing if gone else label(value) for _, (value, gone) in _each(cells)]
    return array


def datetimes(cells: Cells) -> Texts:
    """Return ISO 8601 dates and times as text. Raises BadInputError for what is none."""
    array = texts(cells)
    wrong = np.array([isinstance(text, str) and not is_datetime(text) for text in array], dtype=bool)
    _refuse_first(cells, wrong, "is no datetime", "write it as 2024-05-31 or 2024-05-31T08:00:00")
    return array


def declared_values(column: Column) -> list[str] | None:
    """Return the labels that a contract lists, None when it lists none."""
    values = column.values  # noqa: PD011 (a field of ours, not pandas)
    return None if values is None else [label(value) for value in values]


def _each(cells: Cells) -> enumerate[tuple[Any, bool]]:
    return enumerate(zip(cells.series.tolist(), cells.missing.tolist(), strict=True))


def _all_text(cells: Cells) -> bool:
    """Say whether all cells that hold something hold text."""
    if isinstance(cells.series.dtype, pd.StringDtype):
        return True
    return cells.series.dtype == object and pd.api.types.infer_dtype(cells.series, skipna=True) == "string"


def _plain_numbers(cells: Cells) -> Floats | None:
    """Return the numbers of a column of texts, None when one of them may be none, so that `_number` can name it."""
    if not _all_text(cells):
        return None
    present = cells.series.to_numpy(dtype=object)[~cells.missing].tolist()
    together = "".join(present)
    # `float` also reads `nan`, `1_000` and other scripts' digits; of these characters it reads what `NUMBER` matches.
    if not together.isascii() or together.encode().translate(None, b"0123456789+-.eE"):
        return None
    array = np.full(len(cells.series), np.nan)
    try:
        array[~cells.missing] = list(map(float, present))
    except ValueError:
        return None
    return array


def _number(cells: Cells, position: int, value: object, kind: str) -> float:
    truth = isinstance(value, bool | np.bool_)  # Python counts them as numbers, we do not
    if isinstance(value, Real | Decimal) and not truth:
        return float(value)
    if not isinstance(value, str) or not NUMBER.match(value):
        cells.refuse(position, f"is no {kind}", "correct it; leave the cell empty if the value is not known")
    return float(value)


def _truths(cells: Cells) -> Floats:
    known: dict[str | None, float] = {None: np.nan, **{name: float(truth) for name, truth in TRUTH.items()}}
    found = [None if gone else label(value).lower() for _, (value, gone) in _each(cells)]
    wrong = np.array([text not in known for text in found], dtype=bool)
    _refuse_first(cells, wrong, "is no bool", "write true or false, or 1 or 0")
    return np.array([known[text] for text in found], dtype=np.float64)


def _categories(cells: Cells, column: Column) -> Texts:
    """Return labels, spelled as the contract spells them where it lists them."""
    array = texts(cells)
    declared = declared_values(column)
    if declared is None:
        return array
    spelled = {text: _spelling(text, declared) for text in dict.fromkeys(array[~cells.missing].tolist())}
    wrong = np.array([spelled.get(text, text) is None for text in array], dtype=bool)
    _refuse_first(cells, wrong, f"is not among {few(declared)}", "correct it, or add it to the column's values")
    array[:] = [spelled.get(text, text) for text in array]
    return array


def _spelling(text: str, declared: list[str]) -> str | None:
    return next((name for name in declared if same(text, name)), None)


def _check_numbers(cells: Cells, array: Floats, column: Column) -> None:
    declared = declared_values(column)
    if declared is None:
        return
    allowed = [float(name) for name in declared if NUMBER.match(name)]
    wrong = ~np.isnan(array) & ~np.isin(array, allowed)
    _refuse_first(cells, wrong, f"is not among {few(declared)}", "correct it, or add it to the column's values")


def _check_range(cells: Cells, array: Floats, column: Column) -> None:
    if column.min is not None:
        problem = f"is below the contract's min of {column.min:g}"
        _refuse_first(cells, array < column.min, problem, "correct it, or lower min in data.columns")
    if column.max is not None:
        problem = f"is above the contract's max of {column.max:g}"
        _refuse_first(cells, array > column.max, problem, "correct it, or raise max in data.columns")


def _check_missing(cells: Cells, column: Column) -> None:
    gone, rows = int(cells.missing.sum()), len(cells.series)
    if gone == rows:
        raise BadInputError(
            f'column "{cells.name}" holds no value at all', where=cells.where, fix="fill it, or add it to data.ignore"
        )
    if gone > column.missing * rows + 1e-9:
        first = int(cells.missing.argmax())
        raise BadInputError(
            f'column "{cells.name}": {gone} of {rows} values are missing ({gone / rows:.2%}), the first here; '
            f"the contract allows {column.missing:.2%}",
            where=cells.at(first),
            fix="fill them, or raise missing in data.columns",
        )


def _refuse_first(cells: Cells, wrong: NDArray[np.bool_], problem: str, fix: str) -> None:
    if wrong.any():
        cells.refuse(int(wrong.argmax()), problem, fix)
