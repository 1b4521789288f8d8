"""The wire format of Protocol Buffers, as far as an ONNX file needs it: fields written in one way, and read back.

Numbers, and fields of bytes; no schema is known here (`release.artifact.onnx_file`). The format lets one message be spelt in
many ways: whoever reads must compare what it would have written itself.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_VARINT, _BYTES = 0, 2
_MOST = 1 << 63
_LONGEST = 9
"""Bytes of the largest number below 2**63: ONNX's negative numbers take ten, and none are used here."""


def varint(value: int) -> bytes:
    """Return a whole number of 0 or more, seven bits a byte, the lowest first."""
    if not 0 <= value < _MOST:
        raise ValueError(f"{value} is no number of an ONNX file")
    parts = bytearray()
    while value > 127:  # noqa: PLR2004 (seven bits)
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def number(field: int, value: int) -> bytes:
    """Return a field that holds a number."""
    return varint(field << 3 | _VARINT) + varint(value)


def block(field: int, content: bytes) -> bytes:
    """Return a field that holds bytes: a text, a message, packed numbers."""
    return varint(field << 3 | _BYTES) + varint(len(content)) + content


def text(field: int, value: str) -> bytes:
    """Return a field that holds a text."""
    return block(field, value.encode())


def packed(values: Iterable[int]) -> bytes:
    """Return many numbers, one after the other."""
    numbers = np.fromiter(values, dtype=np.int64)
    if len(numbers) and numbers.min() < 0:
        raise ValueError("an ONNX file holds no negative numbers here")
    spread = numbers[:, None] >> (7 * np.arange(_LONGEST))
    lengths = np.maximum(1, (spread > 0).sum(axis=1))
    places = np.arange(_LONGEST)
    digits = (spread & 127) | np.where(places < lengths[:, None] - 1, 128, 0)
    found: bytes = digits[places < lengths[:, None]].astype(np.uint8).tobytes()
    return found


def unpacked(content: bytes | memoryview) -> NDArray[np.int64]:
    """Return the numbers that `packed` wrote. Raises SecurityRefusalError when the bytes are none."""
    raw = np.frombuffer(content, dtype=np.uint8)
    if not len(raw):
        return np.zeros(0, dtype=np.int64)
    ends = np.flatnonzero(raw < 128)  # noqa: PLR2004 (the eighth bit says that more follows)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if not len(ends) or ends[-1] != len(raw) - 1 or lengths.max() > _LONGEST:
        raise SecurityRefusalError("its numbers are malformed")
    places = np.arange(len(raw)) - np.repeat(starts, lengths)
    return np.add.reduceat((raw & 127).astype(np.int64) << (7 * places), starts)


def fields(content: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message in their order: number and value. Raises SecurityRefusalError for a malformed one."""
    view = memoryview(content)
    at = 0
    while at < len(view):
        tag, at = _read(view, at)
        value, at = _read(view, at)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            if value > len(view) - at:
                raise SecurityRefusalError("it ends in the middle of a field")
            yield tag >> 3, view[at : at + value]
            at += value
        else:
            raise SecurityRefusalError("it has a field of a kind that is not used")


def _read(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST):
        if at + place >= len(view):
            break
        byte = view[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:  # noqa: PLR2004 (the eighth bit says that more follows)
            return value, at + place + 1
    raise SecurityRefusalError("its numbers are malformed")
