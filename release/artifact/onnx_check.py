"""May this ONNX file be given to a runtime? Compiled code follows what it says, so it is walked here first.

A closed list of operators, attributes and types; no loops, branches, functions, external data or custom domains, because the
file format that is read (`release.artifact.onnx_file`) has none. Every value's width is followed through the graph, so that
what a request may cost is known. `release.artifact.onnx_parts` looks into trees and vocabularies. Nothing is run here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact import onnx_parts
from release.artifact.onnx_file import Graph, Kind, Node, Tensor, decode
from release.errors import ReleaseError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_BYTES = 512 << 20
MOST_NODES = 10_000
MOST_WIDTH = 1_000_000
"""Numbers a row may have anywhere in the graph."""
REMEDY = "fetch it again by its digest, or train the model again"
ML = "ai.onnx.ml"
FLOAT = 1
"""ONNX's number for float32, which forests round to and nothing is kept in."""

_TYPES = frozenset({Kind.INT64, Kind.DOUBLE})
_PLAIN = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "GreaterOrEqual", "Or", "And", "Where"})
_ONE = frozenset({"Abs", "Exp", "Sigmoid", "Sqrt", "Tanh", "IsNaN", "Cast", "Softmax", "Not"})
ATTRIBUTES: dict[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN | _ONE, frozenset()),
    "Cast": frozenset({"to"}),
    "Softmax": frozenset({"axis"}),
    "MatMul": frozenset(),
    "Concat": frozenset({"axis"}),
    "Gather": frozenset({"axis"}),
    "ReduceSum": frozenset({"keepdims"}),
    "ReduceMean": frozenset({"keepdims"}),
    "TfIdfVectorizer": onnx_parts.WORDS,
    "LabelEncoder": frozenset({"keys_tensor", "values_tensor", "default_tensor"}),
    "TreeEnsemble": onnx_parts.TREES,
}
"""Every operator that may occur, and the attributes that it must have."""
DOMAINS = {"LabelEncoder": ML, "TreeEnsemble": ML}


def check(content: bytes, *, where: str) -> Graph:
    """Return the graph in a file that a runtime may load. Raises SecurityRefusalError, one reason each, naming the file."""
    try:
        if len(content) > MOST_BYTES:
            raise SecurityRefusalError(f"it has {len(content)} bytes, more than {MOST_BYTES}")  # noqa: TRY301 (named below)
        graph = decode(content)
        check_graph(graph)
    except SecurityRefusalError as error:
        raise SecurityRefusalError(error.what, where=where, fix=REMEDY) from error
    except ReleaseError:
        raise
    except Exception as error:  # whatever a hostile file makes NumPy or Python raise
        reason = f"it is malformed ({type(error).__name__})"
        raise SecurityRefusalError(reason, where=where, fix=REMEDY) from error
    return graph


def check_graph(graph: Graph) -> None:
    """Check a graph's nodes one by one, in the order in which they run. Raises SecurityRefusalError."""
    if len(graph.nodes) > MOST_NODES or len(graph.constants) > MOST_NODES:
        raise SecurityRefusalError(f"it has more than {MOST_NODES} nodes or constants")
    for name, constant in graph.constants.items():
        _check_constant(name, constant)
    widths = _inputs(graph)
    for node in graph.nodes:
        _check_node(node)
        if not node.output or node.output in widths or node.output in graph.constants:
            raise SecurityRefusalError(f"two of its values are called {node.output[:60]!r}")
        unknown = [name for name in node.inputs if name not in widths and name not in graph.constants]
        if unknown:
            raise SecurityRefusalError(f"a {node.op} reads {unknown[0][:60]!r}, which nothing has made yet")
        width = _width(node, widths, graph.constants)
        if width > MOST_WIDTH:
            raise SecurityRefusalError(f"a {node.op} makes {width} numbers a row, more than {MOST_WIDTH}")
        widths[node.output] = width
    for port in graph.outputs:
        if port.kind is not Kind.DOUBLE or port.width is None or widths.get(port.name) != port.width:
            raise SecurityRefusalError(f"its output {port.name[:60]!r} is not what its nodes make")


def _inputs(graph: Graph) -> dict[str, int | None]:
    widths: dict[str, int | None] = {}
    for port in graph.inputs:
        if port.name in widths or port.name in graph.constants or port.kind not in (Kind.DOUBLE, Kind.STRING):
            raise SecurityRefusalError(f"its input {port.name[:60]!r} is not one that a model has")
        widths[port.name] = port.width
    return widths


def _check_constant(name: str, constant: Tensor) -> None:
    if not name or len(constant.shape) > 2:  # noqa: PLR2004 (tables, vectors and numbers)
        raise SecurityRefusalError("one of its constants has no name, or more than two dimensions")
    if constant.kind not in _TYPES:
        raise SecurityRefusalError(f"its constant {name[:60]!r} is of a type that is not used")
    constant.array()


def _check_node(node: Node) -> None:
    allowed = ATTRIBUTES.get(node.op)
    if allowed is None or node.domain != DOMAINS.get(node.op, ""):
        raise SecurityRefusalError(f"it has an operator {node.domain[:40]}:{node.op[:40]} that is not on the list")
    if set(node.attributes) != allowed:
        raise SecurityRefusalError(f"a {node.op} has other attributes than those it must have")
    fixed = {"axis": (0, 1), "keepdims": (1,), "to": (FLOAT, Kind.INT64, Kind.DOUBLE)}
    for name, values in fixed.items():
        if name in node.attributes and node.attributes[name] not in values:
            raise SecurityRefusalError(f"a {node.op} has a {name} that is not used")


def _width(node: Node, widths: Mapping[str, int | None], constants: Mapping[str, Tensor]) -> int:
    """Return how many numbers a row of a node's output has. Raises SecurityRefusalError where widths do not fit."""
    made = [widths[name] for name in node.inputs if name in widths]
    if not made:
        raise SecurityRefusalError(f"a {node.op} depends on no input")
    if node.op in RULES:
        return RULES[node.op](node, made, [constants[name] for name in node.inputs if name in constants])
    inputs = [_row(widths, constants, name) for name in node.inputs]
    if not inputs or len(inputs) > 3 or any(width != 1 and width != max(inputs) for width in inputs):  # noqa: PLR2004 (Where)
        raise _unfit(node)
    return max(inputs)


def _row(widths: Mapping[str, int | None], constants: Mapping[str, Tensor], name: str) -> int:
    """Return the width of a value that stands beside others: a constant must be one row, or it would make more."""
    if name in constants:
        shape = constants[name].shape
        if len(shape) == 2 and shape[0] != 1:  # noqa: PLR2004 (rows and columns)
            raise SecurityRefusalError("a constant table stands where one row was expected")
        return shape[-1] if shape else 1
    width = widths[name]
    if width is None:
        raise SecurityRefusalError("words stand where numbers were expected")
    return width


def _product(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    if len(made) != 1 or len(constants) != 1 or len(constants[0].shape) != 2 or constants[0].shape[0] != made[0]:  # noqa: PLR2004
        raise _unfit(node)
    return constants[0].shape[1]


def _joined(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    if constants or node.attributes["axis"] != 1 or None in made:
        raise _unfit(node)
    return sum(width for width in made if width is not None)


def _picked(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    if len(made) != 1 or len(constants) != 1 or made[0] is None:
        raise _unfit(node)
    if node.attributes["axis"] == 0:  # one entry of a list for each number: the runtime checks the numbers
        if len(constants[0].shape) != 1 or constants[0].kind is not Kind.DOUBLE:
            raise _unfit(node)
        return made[0]
    places = constants[0].array()
    if constants[0].kind is not Kind.INT64 or places.ndim != 1 or not ((places >= 0) & (places < made[0])).all():  # type: ignore[operator]
        raise SecurityRefusalError("a Gather reads beyond its input")
    return len(places)


def _reduced(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    if len(made) != 1 or len(constants) != 1 or made[0] is None or constants[0].array().tolist() != [1]:
        raise _unfit(node)
    return 1


def _labelled(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    if made != [1] or constants:
        raise _unfit(node)
    keys, values, rest = (node.attributes[name] for name in ("keys_tensor", "values_tensor", "default_tensor"))
    if not (isinstance(keys, Tensor) and isinstance(values, Tensor) and isinstance(rest, Tensor)):
        raise _unfit(node)
    fits = keys.kind is Kind.STRING and keys.shape == (len(keys.content),) == values.array().shape
    if not fits or values.kind is not Kind.DOUBLE or rest.kind is not Kind.DOUBLE or rest.array().shape != (1,):
        raise SecurityRefusalError("a LabelEncoder has other keys than values")
    return 1


def _unfit(node: Node) -> SecurityRefusalError:
    return SecurityRefusalError(f"the inputs of a {node.op} do not fit each other")


RULES: dict[str, Callable[[Node, list[int | None], list[Tensor]], int]] = {
    "MatMul": _product,
    "Concat": _joined,
    "Gather": _picked,
    "ReduceSum": _reduced,
    "ReduceMean": _reduced,
    "LabelEncoder": _labelled,
    "TfIdfVectorizer": onnx_parts.check_words,
    "TreeEnsemble": onnx_parts.check_trees,
}
"""How wide an operator's output is, where it is not simply as wide as its inputs; each checks what its kernel trusts."""
