"""YAML text to plain values with the line and column of each, under limits.

One pass over the parser's events, so that size, depth, aliases and tags are refused before anything is built. Plain scalars
follow YAML 1.2's core schema; those that YAML 1.1 reads as something else (`no`, `010`, `1:30`, `1_000`, dates) are refused
with "quote it", so that no reader of the file can disagree with another, but for numbers that older readers take for text
(`1e-4`, `-.5`), which are numbers here. What the values mean is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
Position = tuple[int, int]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)\Z", re.IGNORECASE)
_AMBIGUOUS = re.compile(
    r"""(?isx)(?:
    yes | no | on | off                     # booleans in YAML 1.1
    | [-+]?0[0-9_]+ | [-+]?0[box][0-9a-f_]+ # octal, binary, hexadecimal
    | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?  # base sixty
    | (?=[^_]*_)[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9]+)?  # digit groups
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt\ \t].*)?   # dates
    | = | <<                                # default value and merge key
    )\Z"""
)
_MAX_DIGITS = 18
_SHOWN = 60


def shown(text: str) -> str:
    """Return a text fit for a message: one line of printable characters, cut where it is long."""
    plain = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[: _SHOWN + 1])
    return plain if len(text) <= _SHOWN else plain[:_SHOWN] + "…"


@dataclass(frozen=True)
class Document:
    """A YAML document: `data` is plain values; `values` and `keys` map a path to the 1-based position of value and key."""

    where: str
    data: Any
    values: Mapping[Path, Position]
    keys: Mapping[Path, Position]

    def at(self, path: Path, *, key: bool = False) -> str:
        """Return `file:line:column` of a path, or of the nearest enclosing one that the file has."""
        table = self.keys if key and path in self.keys else self.values
        while path not in table and path:
            path = path[:-1]
            table = self.values
        line, column = table.get(path, (1, 1))
        return f"{self.where}:{line}:{column}"


@dataclass
class _Frame:
    """One open mapping or list while events are read."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    seen: dict[str, int] = field(default_factory=dict)


def parse(content: bytes, *, where: str) -> Document:
    """Read one YAML document whose root is a mapping.

    Raises BadInputError (line and column named) on bytes that are not UTF-8, syntax, limits, duplicate keys, ambiguous or
    non-finite scalars, several documents and a root that is not a mapping; SecurityRefusalError on aliases and tags.
    """
    if len(content) > MAX_BYTES:
        raise BadInputError(
            f"{len(content)} bytes are too many for a configuration file", where=where, fix=f"keep it under {MAX_BYTES}"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInputError("this line is not UTF-8", where=f"{where}:{line}", fix="save the file as UTF-8") from error
    try:
        return _Builder(where).build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise BadInputError(f"not YAML: {error.problem or error.context}", where=at, fix="correct the syntax") from error
    except yaml.YAMLError as error:  # what may not be in YAML at all, such as control characters
        reason = getattr(error, "reason", str(error))
        raise BadInputError(f"not YAML: {reason}", where=_unreadable(text, where), fix="remove the character") from error


def _unreadable(text: str, where: str) -> str:
    """Return `file:line:column` of the first character that YAML does not allow; `where` when there is none."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return where
    before = text[: found.start()]
    return f"{where}:{before.count(chr(10)) + 1}:{found.start() - before.rfind(chr(10))}"


class _Builder:
    """Turns parser events into a Document."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.root: Any = None
        self.documents = 0
        self.stack: list[_Frame] = []
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}

    def build(self, text: str) -> Document:
        for event in yaml.parse(text, Loader=_Loader):
            self.take(event)
        if self.documents == 0 or self.root is None:
            raise BadInputError("the file is empty", where=self.where, fix="see `release schema` for what it may say")
        if not isinstance(self.root, dict):
            kind = "a list" if isinstance(self.root, list) else "a single value"
            raise BadInputError(
                f"expected fields, found {kind}", where=f"{self.where}:1:1", fix="write `field: value` lines"
            )
        return Document(self.where, self.root, self.values, self.keys)

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise BadInputError("a second document starts here", where=self.spot(event), fix="keep one document a file")
        elif isinstance(event, yaml.AliasEvent):
            raise SecurityRefusalError(f"alias *{event.anchor}", where=self.spot(event), fix="write the value out")
        elif isinstance(event, yaml.ScalarEvent):
            self.refuse_tag(event)
            self.scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self.refuse_tag(event)
            self.open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()

    def spot(self, event: yaml.Event) -> str:
        line, column = _position(event)
        return f"{self.where}:{line}:{column}"

    def refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            raise SecurityRefusalError(f"tag {shown(event.tag)}", where=self.spot(event), fix="plain values only")
        if event.anchor is not None:
            raise SecurityRefusalError(
                f"anchor &{event.anchor}", where=self.spot(event), fix="write the value out each time"
            )

    def open(self, event: yaml.Event, value: dict[str, Any] | list[Any]) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            raise BadInputError("a key must be a single value", where=self.spot(event), fix="quote it if it is text")
        if len(self.stack) >= MAX_DEPTH:
            raise BadInputError(f"nested deeper than {MAX_DEPTH} levels", where=self.spot(event), fix="flatten it")
        self.stack.append(_Frame(value, self.add(event, value)))

    def scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self.key(event, frame)
        else:
            self.add(event, self.resolve(event) if _plain(event) else event.value)

    def key(self, event: yaml.ScalarEvent, frame: _Frame) -> None:
        text = event.value
        if text in frame.seen:
            raise BadInputError(
                f'duplicate key "{shown(text)}", first on line {frame.seen[text]}',
                where=self.spot(event),
                fix="keep one of the two",
            )
        # JSON knows text keys only: what another reader would make of `true:` or `1.50:` must not differ from the text.
        if _plain(event) and _as_text(self.resolve(event)) != text:
            raise BadInputError(
                f'the key "{shown(text)}" is no text to every YAML reader', where=self.spot(event), fix="quote it"
            )
        line, column = _position(event)
        frame.seen[text] = line
        frame.key = text
        self.keys[(*frame.path, text)] = (line, column)

    def add(self, event: yaml.Event, value: Any) -> Path:
        position = _position(event)
        if not self.stack:
            self.root = value
            path: Path = ()
        else:
            frame = self.stack[-1]
            if isinstance(frame.value, list):
                path = (*frame.path, len(frame.value))
                frame.value.append(value)
            else:
                path = (*frame.path, frame.key or "")
                frame.value[frame.key or ""] = value
                frame.key = None
        self.values[path] = position
        return path

    def resolve(self, event: yaml.ScalarEvent) -> bool | int | float | str | None:
        text = event.value
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text.lower() in ("true", "false") and text in (text.lower(), text.title(), text.upper()):
            return text.lower() == "true"
        if _INT.match(text):
            if len(text.lstrip("+-")) > _MAX_DIGITS:
                raise BadInputError(f"a number of {len(text)} digits", where=self.spot(event), fix="quote it if it is text")
            return int(text)
        if _NOT_FINITE.match(text):
            raise BadInputError(f"{text} is not a finite number", where=self.spot(event), fix="write a finite number")
        if _AMBIGUOUS.match(text):
            raise BadInputError(
                f"{shown(text)} means different things to different YAML readers",
                where=self.spot(event),
                fix=f'quote it if it is text ("{shown(text)}"), or write true, false or a plain decimal number',
            )
        if _FLOAT.match(text):
            number = float(text)
            if number in (float("inf"), float("-inf")):
                raise BadInputError(
                    f"{shown(text)} is not a finite number", where=self.spot(event), fix="write a finite number"
                )
            return number
        return str(text)


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _plain(event: yaml.ScalarEvent) -> bool:
    return bool(event.implicit[0]) and event.style in (None, "")


def _as_text(value: object) -> str | None:
    """Return how a resolved key reads as text, None where it is none."""
    return None if value is None or isinstance(value, bool) else str(value)
