"""An ONNX graph in the making: constants kept once, nodes in order, values known by name and width.

Everything is float64, as scikit-learn computes. What models become is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.artifact.onnx_check import DOMAINS
from release.artifact.onnx_file import Attribute, Graph, Kind, Node, Port, Tensor, encode, tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Value:
    """A value of shape (rows, width) under its name in the graph."""

    name: str
    width: int


@dataclass(frozen=True)
class Texts:
    """A column of texts, by the name of its input; `filled` is what stands for a missing one, None where nothing does."""

    name: str
    filled: str | None = None


Column = Value | Texts
"""One column of a branch; a value of width 1 is a column of numbers."""


class Builder:
    """Takes operations one by one."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._inputs: list[Port] = []
        self._constants: dict[Tensor, str] = {}
        self._nodes: list[Node] = []

    def input(self, name: str, kind: Kind, width: int | None) -> str:
        """Declare an input."""
        self._inputs.append(Port(name, kind, width))
        return name

    def constant(self, values: ArrayLike) -> str:
        """Return the name of a constant of float64, or of int64 for an array of whole numbers."""
        array = np.asarray(values)
        kept = tensor(array.astype(np.int64 if array.dtype.kind in "iu" else np.float64))
        return self._constants.setdefault(kept, f"c{len(self._constants)}")

    def node(self, op: str, *inputs: str, width: int, **attributes: Attribute) -> Value:
        """Add an operation, and return what it makes."""
        made = f"v{len(self._nodes)}"
        self._nodes.append(Node(op, DOMAINS.get(op, ""), inputs, made, attributes))
        return Value(made, width)

    def with_row(self, op: str, value: Value, row: ArrayLike) -> Value:
        """Add an operation on a value and a constant row, or one number."""
        wide = np.atleast_1d(np.asarray(row, dtype=np.float64))
        return self.node(op, value.name, self.constant(wide), width=max(value.width, len(wide)))

    def times(self, value: Value, matrix: ArrayLike) -> Value:
        """Multiply by a constant matrix of shape (width, width of the result)."""
        table = np.asarray(matrix, dtype=np.float64)
        return self.node("MatMul", value.name, self.constant(table), width=table.shape[1])

    def picked(self, value: Value, places: Sequence[int]) -> Value:
        """Return some columns of a value, in this order; the value itself when it is all of them."""
        wanted = [int(place) for place in places]
        if wanted == list(range(value.width)):
            return value
        return self.node("Gather", value.name, self.constant(np.array(wanted, dtype=np.int64)), width=len(wanted), axis=1)

    def joined(self, values: Sequence[Value]) -> Value:
        """Return values side by side."""
        if len(values) == 1:
            return values[0]
        return self.node("Concat", *(one.name for one in values), width=sum(one.width for one in values), axis=1)

    def as_numbers(self, value: Value) -> Value:
        """Return truths as 1 and 0."""
        return self.node("Cast", value.name, width=value.width, to=int(Kind.DOUBLE))

    def total(self, value: Value) -> Value:
        """Return the sum of each row."""
        axes = self.constant(np.array([1], dtype=np.int64))
        return self.node("ReduceSum", value.name, axes, width=1, keepdims=1)

    def finish(self, result: Value, *, name: str) -> bytes:
        """Return the file, `result` being its only output under a name of its own."""
        # An output must not be an input, and is called what readers expect: adding nothing gives both.
        last = Node("Add", "", (result.name, self.constant(np.zeros(1))), name)
        output = Port(name, Kind.DOUBLE, result.width)
        constants = {called: kept for kept, called in self._constants.items()}
        return encode(Graph(tuple(self._inputs), (output,), constants, (*self._nodes, last)))
