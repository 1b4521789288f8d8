"""The one zip layout that model files have: entries stored in order, nothing else, every header field fixed.

Writing is a pure function of names and bytes, without clock or compression. Reading follows the local headers from
the first byte, checks every size before it is used, and never decompresses: an entry can hold no more than the file does.
What an entry means is `release.artifact.canonical`'s business.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

Buffer = bytes | memoryview

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
VERSION, UNIX, DATE_1980, MODE = 20, 3 << 8, 0x21, 0o100644 << 16
MOST_ENTRIES, MOST_BYTES = 0xFFFE, 0xFFFF_FFFE  # one more of either needs the zip64 format


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of a file is believed before it is looked at, in bytes unless said.

    `schema` bounds the JSON (parsing costs up to ten times its size), `expanded` all arrays counted as often as they are
    referred to, `entries` and `depth` the number of entries and the nesting of the JSON's nodes.
    """

    size: int = 2 << 30
    schema: int = 64 << 20
    expanded: int = 4 << 30
    entries: int = MOST_ENTRIES
    depth: int = 64


def pack(entries: Mapping[str, Buffer]) -> bytes:
    """Write entries, in the order given, as a stored zip. Names are ASCII. Raises BadInputError when it would need zip64."""
    size = sum(len(body) + 2 * len(name) + LOCAL.size + CENTRAL.size for name, body in entries.items()) + END.size
    if len(entries) > MOST_ENTRIES or size > MOST_BYTES:
        raise BadInputError(
            f"the model needs {len(entries)} entries and {size} bytes, more than a model file can hold",
            fix="train a smaller model",
        )
    parts: list[Buffer] = []
    directory: list[bytes] = []
    at = 0
    for text, body in entries.items():
        name = text.encode("ascii")
        fixed = (VERSION, 0, 0, 0, DATE_1980, zlib.crc32(body), len(body), len(body), len(name), 0)
        parts += [LOCAL.pack(LOCAL_MARK, *fixed), name, body]
        directory.append(CENTRAL.pack(CENTRAL_MARK, UNIX | VERSION, *fixed, 0, 0, 0, MODE, at) + name)
        at += LOCAL.size + len(name) + len(body)
    tail = b"".join(directory)
    end = END.pack(END_MARK, 0, 0, len(entries), len(entries), len(tail), at, 0)
    return b"".join([*parts, tail, end])


def unpack(content: Buffer, *, names: re.Pattern[str], limits: Limits) -> dict[str, memoryview]:
    """Read the entries of a stored zip, as views into `content`, in order.

    `names` must match a whole name for it to be known. Raises SecurityRefusalError, one reason each: not a zip, bytes before
    or after the archive, cut short, too large, too many entries, an entry that is compressed, damaged, unknown or repeated.
    That the directory agrees with the entries is not checked here: compare with `pack` of the result.
    """
    if len(content) > limits.size:
        raise SecurityRefusalError(f"it has {len(content)} bytes, more than the {limits.size} that a model file may have")
    view = memoryview(content)
    if view[:4] != LOCAL_MARK:
        raise SecurityRefusalError(_not_an_archive(content))
    entries: dict[str, memoryview] = {}
    at = 0
    while view[at : at + 4] == LOCAL_MARK:
        if len(entries) == limits.entries:
            raise SecurityRefusalError(f"it has more than {limits.entries} entries")
        name, body, at = _entry(view, at, names)
        if name in entries:
            raise SecurityRefusalError(f"the entry {name} is there twice")
        entries[name] = body
    _end(content, at)
    return entries


def _entry(view: memoryview, at: int, names: re.Pattern[str]) -> tuple[str, memoryview, int]:
    """Read the entry whose local header is at `at`; return its name, its bytes, and where the next one starts."""
    if len(view) < at + LOCAL.size:
        raise SecurityRefusalError("it is cut short")
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = LOCAL.unpack_from(view, at)
    start = at + LOCAL.size + name_size + extra_size
    name = bytes(view[at + LOCAL.size : at + LOCAL.size + name_size]).decode("ascii", "backslashreplace")
    if not names.fullmatch(name):
        raise SecurityRefusalError(f"the entry {name[:40]!r} is unknown")
    if method or packed != size:
        raise SecurityRefusalError(f"the entry {name} is compressed ({size} bytes out of {packed}: a zip bomb?)")
    if flags:
        raise SecurityRefusalError(f"the entry {name} is encrypted or of unknown size")
    body = view[start : start + size]
    if len(body) < size:
        raise SecurityRefusalError("it is cut short")
    if zlib.crc32(body) != crc:
        raise SecurityRefusalError(f"the entry {name} is damaged (its checksum differs)")
    return name, body, start + size


def _end(content: Buffer, directory: int) -> None:
    """Check that the archive ends where the file does."""
    data = bytes(content[directory:])
    found = data.rfind(END_MARK)
    if found < 0 or len(data) < found + END.size:
        raise SecurityRefusalError("it is cut short")
    if len(data) > found + END.size:
        raise SecurityRefusalError(f"{len(data) - found - END.size} bytes follow the archive")


def _not_an_archive(content: Buffer) -> str:
    """Say what a file that starts with no entry seems to be."""
    if bytes(content[:1]) == b"\x80":
        return "it is a pickle, which can run code, not a skops file"
    before = bytes(content).find(LOCAL_MARK)
    if before > 0 and END_MARK in bytes(content):
        return f"{before} bytes come before the archive"
    return "it is not a skops file"
