"""Requests of the Open Inference Protocol V2 as the rows a model takes, checked against the model's columns.

Pure: no server is known here. Whatever a client can get wrong is a BadInputError whose `where` names the column.
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError
from release.serving.cells import DATATYPES, NUMERIC, numbers, plain, texts
from release.serving.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from release.artifact.model import Column

MOST_ROWS = 1_000_000
_PAIR = 2


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named tensor as it was sent: `data` in row-major order, flat or nested as JSON has it, or an array."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any


@dataclass(frozen=True, eq=False)
class Features:
    """Rows as a model takes them: columns of numbers side by side, shape (rows, numbers), and the others by name.

    Both in the order of the model's columns. A missing number is NaN, a missing category NaN, a missing text "".
    """

    numbers: NDArray[np.float64]
    texts: Mapping[str, NDArray[np.object_]]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numbers)


class Rows:
    """Turns tensors into the features of one model."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Take the model's columns, in the order of its rows."""
        self.columns = tuple(columns)
        self.numeric = tuple(column.name for column in columns if column.type in NUMERIC)
        self._by_name = {column.name: column for column in columns}
        self._numeric = len(self.numeric) == len(self.columns)
        self._limits = Limits(columns)

    def features(self, tensors: Sequence[Tensor]) -> Features:
        """Return the features that tensors hold: one tensor a column ([n] or [n, 1]), or one for all ([n, columns]).

        float, int and bool become float64, category, datetime and text become text, as a trained model takes them. Raises
        BadInputError naming the column for one that is missing, unknown or repeated, of another datatype, shape or length,
        and for a value that breaks the column's contract.
        """
        if len(tensors) == 1 and tensors[0].name not in self._by_name and len(tensors[0].shape) == _PAIR:
            return self._all_in_one(tensors[0])
        given = self._given(tensors)
        rows = self._count(tensors[0])
        if self._numeric:
            datatypes = [given[column.name].datatype for column in self.columns]
            data = [self._flat(given[column.name], rows) for column in self.columns]
            return self._block([plain(*one) for one in zip(data, datatypes, strict=True)], data.__getitem__, datatypes)
        cells = {column.name: self._cells(given[column.name], column, rows) for column in self.columns}
        block = np.empty((rows, len(self.numeric)))
        for place, name in enumerate(self.numeric):
            block[:, place] = cells.pop(name)
        return Features(block, cells)

    def _given(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        given: dict[str, Tensor] = {}
        for tensor in tensors:
            if tensor.name not in self._by_name:
                near = difflib.get_close_matches(tensor.name, self._by_name, n=1)
                fix = f'did you mean "{near[0]}"?' if near else "the model's metadata lists its inputs"
                raise BadInputError("the model has no such input", where=_named(tensor.name), fix=fix)
            if tensor.name in given:
                raise BadInputError("there are two tensors of this name", where=_named(tensor.name), fix="send one")
            given[tensor.name] = tensor
        absent = [column.name for column in self.columns if column.name not in given]
        if absent:
            more = f" ({len(absent) - 1} more are missing)" if len(absent) > 1 else ""
            raise BadInputError(
                f"the request has no tensor for it{more}", where=_named(absent[0]), fix="send a tensor for every column"
            )
        return given

    def _count(self, tensor: Tensor) -> int:
        shape = tensor.shape
        if len(shape) not in (1, _PAIR) or (len(shape) == _PAIR and shape[1] != 1):
            fix = "send [n] or [n, 1], or all columns in one tensor of [n, columns]"
            raise BadInputError(f"its shape is {list(shape)}", where=_named(tensor.name), fix=fix)
        if not 0 < shape[0] <= MOST_ROWS:
            fix = f"send 1 to {MOST_ROWS} rows"
            raise BadInputError(f"its shape is {list(shape)}", where=_named(tensor.name), fix=fix)
        return shape[0]

    def _flat(self, tensor: Tensor, rows: int) -> Any:
        if self._count(tensor) != rows:
            raise BadInputError(
                f"it has {tensor.shape[0]} rows, the first tensor {rows}",
                where=_named(tensor.name),
                fix="send as many values for every column",
            )
        return _flattened(tensor)

    def _cells(self, tensor: Tensor, column: Column, rows: int) -> NDArray[Any]:
        data = self._flat(tensor, rows)
        if column.type in NUMERIC:
            return numbers(data, tensor.datatype, column)
        return texts(data, tensor.datatype, column)

    def _all_in_one(self, tensor: Tensor) -> Features:
        rows, width = tensor.shape
        if not self._numeric:
            text = next(column.name for column in self.columns if column.type not in NUMERIC)
            raise BadInputError(
                f'column "{text}" is no number, and "{tensor.name[:60]}" holds all columns',
                where=_named(tensor.name),
                fix="send one tensor a column",
            )
        if width != len(self.columns) or not 0 < rows <= MOST_ROWS:
            raise BadInputError(
                f"its shape is {list(tensor.shape)}",
                where=_named(tensor.name),
                fix=f"send [n, {len(self.columns)}], or one tensor a column",
            )
        flat = _flattened(tensor)
        array = plain(flat, tensor.datatype)
        if array is not None:
            block = array.reshape(rows, width)
            if self._limits.allow(block):
                return Features(block, {})
        return self._slowly(lambda position: flat[position::width], [tensor.datatype] * width)

    def _block(self, quick: list[NDArray[np.float64] | None], data: Callable[[int], Any], datatypes: list[str]) -> Features:
        """Return columns of numbers as one block: at once if all are in order, else one by one, until one complains."""
        known = [one for one in quick if one is not None]
        if len(known) == len(self.columns):
            block = np.stack(known, axis=1)
            if self._limits.allow(block):
                return Features(block, {})
        return self._slowly(data, datatypes)

    def _slowly(self, data: Callable[[int], Any], datatypes: list[str]) -> Features:
        columns = [numbers(data(position), datatypes[position], column) for position, column in enumerate(self.columns)]
        return Features(np.stack(columns, axis=1), {})


def inputs(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return the model's inputs as V2's metadata lists them."""
    return [{"name": column.name, "datatype": DATATYPES[column.type], "shape": [-1]} for column in columns]


def _flattened(tensor: Tensor) -> Any:
    """Return as many values as the shape says, flat."""
    data = tensor.data
    for _ in tensor.shape[1:]:
        if isinstance(data, list) and data and isinstance(data[0], list):
            if not all(isinstance(part, list) for part in data):
                raise BadInputError("its data are nested unevenly", where=_named(tensor.name), fix="send flat data")
            data = [one for part in data for one in part]
    if not isinstance(data, list | np.ndarray):
        raise BadInputError("its data are no list", where=_named(tensor.name), fix="send a list of values")
    expected = math.prod(tensor.shape)
    if len(data) != expected:
        raise BadInputError(
            f"it has {len(data)} values for a shape of {list(tensor.shape)}",
            where=_named(tensor.name),
            fix=f"send {expected}",
        )
    return data


def _named(name: str) -> str:
    return f'input "{name[:100]}"'
