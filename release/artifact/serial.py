"""Records and values as canonical JSON, and digests of them.

Canonical means: UTF-8, keys sorted, no white space, one trailing newline for files, non-finite numbers refused. Reading
checks types with pydantic, imported only when something is read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from release.errors import BadInputError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

R = TypeVar("R")

_PIECE = 1 << 20


def digest_of(content: bytes) -> Digest:
    """Return `sha256:<hex>` of bytes."""
    return Digest("sha256:" + hashlib.sha256(content).hexdigest())


def digest_of_file(file: BinaryIO) -> Digest:
    """Return `sha256:<hex>` of what is left of an open file, without holding it in memory."""
    summed = hashlib.sha256()
    while piece := file.read(_PIECE):
        summed.update(piece)
    return Digest("sha256:" + summed.hexdigest())


def plain(value: object) -> Any:
    """Turn records, mappings, tuples and paths into what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, PurePath):
        return value.as_posix()
    return value


def canonical(value: object) -> bytes:
    """Return the canonical JSON of a value or a record. Raises ValueError on NaN and infinities."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_json(value: object) -> Digest:
    """Return the digest of a value's canonical JSON."""
    return digest_of(canonical(value))


def load(kind: type[R], content: bytes | Mapping[str, object], *, where: str) -> R:
    """Read a record back, strictly typed. Raises BadInputError naming the first field that does not fit."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 (slow; `plan` reads nothing)

    adapter = TypeAdapter(kind)
    try:
        if isinstance(content, bytes):
            return adapter.validate_json(content, strict=True)
        return adapter.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"this is no {kind.__name__}: {at}: {first['msg']}", where=where, fix="run the stage that writes it again"
        ) from error
