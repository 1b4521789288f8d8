"""YAML text as a tree of tokens with their places, for those who change a token and must not touch the rest.

Aliases are kept, not followed, and nothing recurses, so that no file can exhaust us. Nothing here gives values a meaning
(`yaml_scalar` does) or knows what a values file is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Kind(enum.Enum):
    """What a node is."""

    MAPPING = "mapping"
    SEQUENCE = "sequence"
    SCALAR = "scalar"
    ALIAS = "alias"


@dataclass(frozen=True)
class Place:
    """A place in a text: characters from its start, line and column from 0."""

    index: int
    line: int
    column: int

    @classmethod
    def of(cls, mark: object) -> Place:
        """Copy a parser's mark, whose type differs between its two implementations."""
        return cls(*(int(getattr(mark, name, 0)) for name in ("index", "line", "column")))


@dataclass
class Node:
    """A node and what is below it; a mapping's children are keys and values in turn.

    `text` is a scalar's text or an alias's name; `style` one of `'`, `"`, `|`, `>` or empty for plain.
    """

    kind: Kind
    start: Place
    end: Place
    text: str = ""
    style: str = ""
    anchor: str | None = None
    tag: str | None = None
    in_braces: bool = False
    children: list[Node] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Yield a mapping's keys and values in order; nothing for other nodes."""
        if self.kind is Kind.MAPPING:
            yield from zip(self.children[::2], self.children[1::2], strict=True)

    def entry(self, name: str) -> tuple[Node, Node] | None:
        """Return the key and the value of a mapping's entry, None when it is not there."""
        return next(((k, v) for k, v in self.pairs() if k.kind is Kind.SCALAR and k.text == name), None)

    def signatures(self) -> Iterator[tuple[object, ...]]:
        """Yield, from here downward in order, all that a node is but its place."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node.signature()
            stack.extend(reversed(node.children))

    def signature(self) -> tuple[object, ...]:
        """Return all that this node is but its place, its children and, of a mapping, their number."""
        number = len(self.children) if self.kind is Kind.SEQUENCE else None
        return (self.kind, self.text, self.style, self.anchor, self.tag, self.in_braces, number)


@dataclass(frozen=True)
class Tree:
    """A parsed text: without byte-order mark; `end` is where content ends (`...` or the end), `where` the file's name."""

    text: str
    root: Node
    end: int
    where: str

    def trouble(self, at: Place, what: str, fix: str) -> BadInputError:
        """Return the error that says what is wrong at a place."""
        return _trouble(self.where, at, what, fix)


def parse(content: bytes, *, where: str) -> Tree:
    """Parse one document whose root is a mapping without duplicate keys; `where` names the file in messages.

    Raises BadInputError, with line and column, for anything else.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInputError("this is not UTF-8 text", where=f"{where}:{line}", fix="save the file as UTF-8") from error
    try:
        return _build(text, where)
    except yaml.MarkedYAMLError as error:
        at = Place.of(error.problem_mark or error.context_mark)
        if text[at.index : at.index + 1] == "\t":
            raise _trouble(where, at, "there is a tab where YAML wants spaces", "use spaces") from error
        raise _trouble(where, at, f"this is not YAML: {error.problem}", "correct the line") from error
    except yaml.YAMLError as error:
        raise BadInputError("this is not YAML: it holds control characters", where=where, fix="remove them") from error


def _build(text: str, where: str) -> Tree:
    top: list[Node] = []
    stack: list[Node] = []
    anchors: set[str] = set()
    end = len(text)
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            stack[-1].end = Place.of(event.end_mark)
            _check_keys(stack.pop(), where)
        elif isinstance(event, yaml.NodeEvent):
            node = _node(event)
            if node.kind is Kind.ALIAS and node.text not in anchors:
                raise _trouble(where, node.start, f"there is no anchor &{node.text}", "correct the alias")
            anchors.add(node.anchor or "")
            (stack[-1].children if stack else top).append(node)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(node)
        elif isinstance(event, yaml.DocumentStartEvent) and top:
            raise _trouble(where, Place.of(event.start_mark), "there is more than one document", "keep one in a file")
        elif isinstance(event, yaml.DocumentEndEvent) and event.explicit:
            end = Place.of(event.start_mark).index
    if not top or top[0].kind is not Kind.MAPPING:
        raise _trouble(where, Place(0, 0, 0), "this is not a mapping", 'write "key: value" lines')
    return Tree(text, top[0], end, where)


def _node(event: yaml.NodeEvent) -> Node:
    start, end = Place.of(event.start_mark), Place.of(event.end_mark)
    if isinstance(event, yaml.ScalarEvent):
        return Node(Kind.SCALAR, start, end, str(event.value), event.style or "", event.anchor, event.tag)
    if isinstance(event, yaml.CollectionStartEvent):
        kind = Kind.MAPPING if isinstance(event, yaml.MappingStartEvent) else Kind.SEQUENCE
        return Node(kind, start, end, anchor=event.anchor, tag=event.tag, in_braces=bool(event.flow_style))
    return Node(Kind.ALIAS, start, end, str(event.anchor))


def _check_keys(node: Node, where: str) -> None:
    seen: set[str] = set()
    for key, _ in node.pairs():
        if key.kind is not Kind.SCALAR:
            continue
        if key.text in seen:
            raise _trouble(where, key.start, f'the key "{key.text}" is here twice', "keep one of them")
        seen.add(key.text)


def _trouble(where: str, at: Place, what: str, fix: str) -> BadInputError:
    return BadInputError(what, where=f"{where}:{at.line + 1}:{at.column + 1}", fix=fix)
