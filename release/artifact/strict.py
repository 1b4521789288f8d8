"""Events from and to the lines of a ledger, strictly typed; without a library, so that `release plan` starts fast.

Only the form of a line is known here; the chain, and what events mean together, is `release.artifact.ledger`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

from release.artifact.serial import canonical, plain
from release.records import Commit, Digest, Event

_FORMS = {
    Digest: re.compile(r"sha256:[0-9a-f]{64}\Z"),
    Commit: re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z"),
}
_TIMES = frozenset({"at", "until"})


def event_of(value: object) -> Event:
    """Build an event from decoded JSON. Raises ValueError naming the first field that is unknown, missing or ill-typed."""
    event: Event = _build(Event, value, "")
    for name in _TIMES:
        text = getattr(event, name)
        if text is not None and not _is_instant(text):
            raise ValueError(f"{name} is no time in UTC")
    return event


def canonical_line(event: Event) -> bytes:
    """Return an event's line, without a line end: canonical JSON, in which what an event does not say is left out."""
    return canonical(_pruned(plain(event)))


def _pruned(value: object) -> object:
    if isinstance(value, dict):
        # Inside of a mapping None means something (a bound that is unknown); only fields of records are left out.
        return {name: _pruned(entry) for name, entry in value.items() if entry is not None and entry != {}}
    return value


def _is_instant(text: str) -> bool:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        return False
    return offset is not None


@cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    """Map a record's fields to their types and whether they must be there."""
    hints = typing.get_type_hints(kind)
    optional = {f.name for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING} | {
        f.name for f in dataclasses.fields(kind) if f.default_factory is not dataclasses.MISSING
    }
    # What may be None is left out of a line, and so is an empty mapping.
    return {name: (hint, name not in optional and not _leaves_out(hint)) for name, hint in hints.items()}


def _leaves_out(hint: Any) -> bool:
    return types.NoneType in typing.get_args(hint) or typing.get_origin(hint) is Mapping


def _build(kind: Any, value: object, at: str) -> Any:
    """Check a value against a type and return it in that type."""
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, at)
    if origin in {types.UnionType, typing.Union}:
        return (
            None if value is None else _build(next(k for k in typing.get_args(kind) if k is not types.NoneType), value, at)
        )
    if origin is Mapping:
        if not isinstance(value, dict):
            raise ValueError(f"{at} is no mapping")
        return {name: _build(typing.get_args(kind)[1], entry, f"{at}.{name}") for name, entry in value.items()}
    if origin is tuple:
        kinds = typing.get_args(kind)
        if not isinstance(value, list) or len(value) != len(kinds):
            raise ValueError(f"{at} is no list of {len(kinds)}")
        return tuple(_build(k, entry, at) for k, entry in zip(kinds, value, strict=True))
    return _scalar(kind, value, at)


def _record(kind: Any, value: object, at: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{at or 'it'} is no mapping")  # noqa: TRY004 (one type for every unfit value)
    known = _fields(kind)
    prefix = f"{at}." if at else ""
    for name in value:
        if name not in known:
            raise ValueError(f"unknown field {prefix + name!r}")
    for name, (_, required) in known.items():
        if required and name not in value:
            raise ValueError(f"{prefix}{name} is missing")
    built = {name: _build(known[name][0], entry, prefix + name) for name, entry in value.items()}
    empty: dict[str, object] = {
        name: {} if typing.get_origin(hint) is Mapping else None for name, (hint, needed) in known.items() if not needed
    }
    return kind(**{**empty, **built})


def _scalar(kind: Any, value: object, at: str) -> Any:
    base = getattr(kind, "__supertype__", kind)
    if isinstance(base, type) and issubclass(base, Enum):
        try:
            return base(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in base)
            raise ValueError(f"{at} {value!r} is none of {known}") from None
    # JSON's true is an int to Python, and 1 is a fine number where a float is asked.
    fits = type(value) is base or (base is float and type(value) is int)
    if not fits:
        raise ValueError(f"{at} is no {base.__name__}")
    if kind in _FORMS and not _FORMS[kind].match(str(value)):
        raise ValueError(f"{at} is no {kind.__name__.lower()}")
    return value
