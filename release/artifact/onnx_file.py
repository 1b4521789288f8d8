"""ONNX files in one spelling: the same bytes for the same graph, and nothing read that would be written otherwise.

The part of the format that scikit-learn's models need, without subgraphs, functions, external data or training. What a graph
may contain is `release.artifact.onnx_check`'s business, how a model becomes one `release.learning.onnx_convert`'s. Written
here, and not with the library `onnx`, so that a server reads a file with the same code that wrote it, and no version of a
library is in its bytes. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from release.artifact import protobuf
from release.artifact.protobuf import block, fields, number, text
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

IR_VERSION = 10
OPSETS = {"": 21, "ai.onnx.ml": 5}
"""The operator sets that a file imports: pinned, so that a newer converter changes no model's bytes."""
PRODUCER = "release"


class Kind(IntEnum):
    """Element types that are used, by ONNX's numbers."""

    UINT8 = 2
    INT64 = 7
    STRING = 8
    BOOL = 9
    DOUBLE = 11


_PLAIN: dict[Kind, str] = {Kind.UINT8: "|u1", Kind.INT64: "<i8", Kind.DOUBLE: "<f8"}


@dataclass(frozen=True)
class Tensor:
    """A constant: little-endian numbers in row-major order as bytes, or texts."""

    kind: Kind
    shape: tuple[int, ...]
    content: bytes | tuple[bytes, ...]

    def array(self) -> NDArray[np.generic]:
        """Return the numbers. Raises SecurityRefusalError when there are not as many as the shape says, or for texts."""
        if self.kind not in _PLAIN or not isinstance(self.content, bytes):
            raise SecurityRefusalError("a constant of numbers was expected")
        try:
            return np.frombuffer(self.content, dtype=_PLAIN[self.kind]).reshape(self.shape)
        except ValueError as error:
            raise SecurityRefusalError("a constant has another size than its shape") from error


Attribute = int | str | tuple[int, ...] | tuple[str, ...] | Tensor


@dataclass(frozen=True)
class Node:
    """One operation; its domain follows from its name (`release.artifact.onnx_check`)."""

    op: str
    domain: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    """An input or output of a graph, of shape (rows, width); a width of None is any."""

    name: str
    kind: Kind
    width: int | None


@dataclass(frozen=True)
class Graph:
    """A whole model: constants by name, nodes in an order in which each finds its inputs made."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    constants: Mapping[str, Tensor]
    nodes: tuple[Node, ...]


def tensor(array: NDArray[np.generic]) -> Tensor:
    """Return an array of float64, int64 or uint8 as a constant."""
    kind = {"f": Kind.DOUBLE, "i": Kind.INT64, "u": Kind.UINT8}[array.dtype.kind]
    return Tensor(kind, array.shape, np.ascontiguousarray(array, dtype=_PLAIN[kind]).tobytes())


def texts(values: tuple[str, ...]) -> Tensor:
    """Return texts as a constant vector."""
    return Tensor(Kind.STRING, (len(values),), tuple(value.encode() for value in values))


def encode(graph: Graph) -> bytes:
    """Return the one file of a graph."""
    body = b"".join(
        [
            *(block(1, _node(node)) for node in graph.nodes),
            text(2, PRODUCER),
            *(block(5, _tensor(one, name)) for name, one in graph.constants.items()),
            *(block(11, _port(port)) for port in graph.inputs),
            *(block(12, _port(port)) for port in graph.outputs),
        ]
    )
    imports = [block(8, text(1, domain) + number(2, version)) for domain, version in OPSETS.items()]
    return b"".join([number(1, IR_VERSION), text(2, PRODUCER), block(7, body), *imports])


def decode(content: bytes) -> Graph:
    """Read a file that `encode` wrote. Raises SecurityRefusalError for any other, whatever an ONNX library makes of it."""
    body = next((value for at, value in fields(content) if at == 7 and not isinstance(value, int)), None)  # noqa: PLR2004
    if body is None:
        raise SecurityRefusalError("it has no graph")
    try:
        graph = _graph(body)
        same = encode(graph) == content
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise SecurityRefusalError(f"it is malformed ({type(error).__name__})") from error
    if not same:
        raise SecurityRefusalError("it is not in its canonical form: something else wrote it")
    return graph


def _graph(body: memoryview) -> Graph:
    nodes, constants, ports = [], {}, {11: list[Port](), 12: list[Port]()}
    for at, value in fields(body):
        if isinstance(value, int):
            raise SecurityRefusalError("its graph has a field that is not used")
        if at == 1:
            nodes.append(_read_node(value))
        elif at == 5:  # noqa: PLR2004 (the field's number)
            name, constant = _read_tensor(value)
            constants[name] = constant
        elif at in ports:
            ports[at].append(_read_port(value))
    return Graph(tuple(ports[11]), tuple(ports[12]), constants, tuple(nodes))


def _node(node: Node) -> bytes:
    return b"".join(
        [
            *(text(1, name) for name in node.inputs),
            text(2, node.output),
            text(4, node.op),
            *(block(5, _attribute(name, node.attributes[name])) for name in sorted(node.attributes)),
            *([text(7, node.domain)] if node.domain else []),
        ]
    )


def _read_node(body: memoryview) -> Node:
    found: dict[int, list[memoryview]] = {1: [], 2: [], 4: [], 5: [], 7: []}
    for at, value in fields(body):
        if isinstance(value, int) or at not in found:
            raise SecurityRefusalError("one of its nodes has a field that is not used")
        found[at].append(value)
    if len(found[2]) != 1 or len(found[4]) != 1:
        raise SecurityRefusalError("one of its nodes has no name, or more than one output")
    domain = _text(found[7][0]) if found[7] else ""
    attributes = dict(_read_attribute(one) for one in found[5])
    return Node(_text(found[4][0]), domain, tuple(map(_text, found[1])), _text(found[2][0]), attributes)


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return text(1, name) + text(4, value) + number(20, 3)
    if isinstance(value, Tensor):
        return text(1, name) + block(5, _tensor(value, "")) + number(20, 4)
    if value and isinstance(value[0], str):
        return text(1, name) + b"".join(text(9, str(one)) for one in value) + number(20, 8)
    return text(1, name) + block(8, protobuf.packed(int(one) for one in value)) + number(20, 7)


def _read_attribute(body: memoryview) -> tuple[str, Attribute]:
    name = ""
    value: Attribute | None = None
    words: list[str] = []
    for at, found in fields(body):
        if isinstance(found, int):
            value = found if at == 3 else value  # noqa: PLR2004 (20 only repeats which kind it is)
        elif at == 1:
            name = _text(found)
        elif at == 9:  # noqa: PLR2004 (the field's number)
            words.append(_text(found))
        else:
            value = _read_value(at, found)
    if words:
        return name, tuple(words)
    if value is None:
        raise SecurityRefusalError("an attribute of one of its nodes has no value")
    return name, value


def _read_value(at: int, body: memoryview) -> Attribute:
    match at:
        case 4:
            return _text(body)
        case 5:
            return _read_tensor(body)[1]
        case 8:
            return tuple(protobuf.unpacked(body).tolist())
        case _:
            raise SecurityRefusalError("an attribute of one of its nodes is of a kind that is not used")


def _tensor(value: Tensor, name: str) -> bytes:
    head = [number(1, length) for length in value.shape] + [number(2, value.kind)]
    tail = [text(8, name)] if name else []
    if isinstance(value.content, bytes):
        return b"".join([*head, *tail, block(9, value.content)])
    return b"".join([*head, *(block(6, one) for one in value.content), *tail])


def _read_tensor(body: memoryview) -> tuple[str, Tensor]:
    shape, kind, name, raw = [], None, "", None
    words: list[bytes] = []
    for at, value in fields(body):
        match at, value:
            case 1, int():
                shape.append(value)
            case 2, int():
                kind = Kind(value)
            case 6, memoryview():
                words.append(bytes(value))
            case 8, memoryview():
                name = _text(value)
            case 9, memoryview():
                raw = bytes(value)
            case _:
                raise SecurityRefusalError("one of its constants is kept in a way that is not used")
    if kind is None or (kind is Kind.STRING) != (raw is None):
        raise SecurityRefusalError("one of its constants has no values")
    return name, Tensor(kind, tuple(shape), tuple(words) if raw is None else raw)


def _port(port: Port) -> bytes:
    # A dimension without a size takes any number; it has a name because ONNX's tools show it.
    width = text(2, "width") if port.width is None else number(1, port.width)
    shape = block(1, text(2, "rows")) + block(1, width)
    return text(1, port.name) + block(2, block(1, number(1, port.kind) + block(2, shape)))


def _read_port(body: memoryview) -> Port:
    name = _text(_only(body, 1))
    tensor_type = _only(_only(body, 2), 1)
    kind = next((value for at, value in fields(tensor_type) if at == 1 and isinstance(value, int)), 0)
    dimensions = [value for at, value in fields(_only(tensor_type, 2)) if at == 1 and not isinstance(value, int)]
    width = next((value for at, value in fields(dimensions[-1]) if at == 1 and isinstance(value, int)), None)
    return Port(name, Kind(kind), width)


def _only(body: memoryview, wanted: int) -> memoryview:
    found = [value for at, value in fields(body) if at == wanted and not isinstance(value, int)]
    if len(found) != 1:
        raise SecurityRefusalError("one of its inputs or outputs is malformed")
    return found[0]


def _text(value: memoryview) -> str:
    return bytes(value).decode()
