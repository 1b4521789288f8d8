"""Changes to YAML text that keep the rest of the text: a token replaced, entries added where they disturb least.

A change is data, places and what to put there; `applied` makes the new text. Nothing here decides what is changed, or
checks that the result still means the same: the caller parses it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact.yaml_scalar import Scalar, write
from release.artifact.yaml_tree import Kind, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_REST_OF_LINE = re.compile("[ \t]*(#[^\n\r\x85\u2028\u2029]*)?(?=[\n\r\x85\u2028\u2029]|\\Z)")


@dataclass(frozen=True, order=True)
class Edit:
    """Replace `start` to `end` by `token`; `rank` orders edits at one place: tokens, then lines, then mappings."""

    start: int
    rank: int
    end: int
    token: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; they do not overlap."""
    pieces, at = [], 0
    for edit in sorted(edits):
        pieces += [text[at : edit.start], edit.token]
        at = edit.end
    return "".join([*pieces, text[at:]])


def replaced(tree: Tree, token: Node, value: Scalar, *, in_braces: bool) -> Edit:
    """Set a scalar that is there; an empty one, as in `key:`, gets its value behind the colon."""
    start, end = token.start.index, token.end.index
    if start < end:
        return Edit(start, 0, end, write(value, token.style, in_braces=in_braces))
    gap = "" if tree.text[start - 1] == " " else " "
    return Edit(start, 0, end, gap + _quoted(value))


def added(tree: Tree, key: Node, mapping: Node, missing: Mapping[str, Scalar]) -> Edit:
    """Add entries to a mapping: behind its last entry that is one line, else before its first, else within its braces."""
    if mapping.in_braces:
        return _in_braces(mapping, _pairs(missing), rank=1)
    if mapping.kind is not Kind.MAPPING:
        return _lines(tree, mapping.end.index, _indent(key) + "  ", missing)
    for sibling, value in reversed(list(mapping.pairs())):
        one_line = value.kind is Kind.SCALAR and sibling.start.line == value.end.line
        if one_line and _starts_line(tree, sibling) and _REST_OF_LINE.match(tree.text, value.end.index):
            return _lines(tree, value.end.index, _indent(sibling), missing)
    first = mapping.children[0]
    if not _starts_line(tree, first):
        fix = f'write "{key.text}:" as a mapping with one value a line'
        raise tree.trouble(first.start, f"there is no line to write {', '.join(missing)} on", fix)
    gap = _line_break(tree, first.start.index) + _indent(first)
    return Edit(first.start.index, 1, first.start.index, "".join(line + gap for line in _entries(missing)))


def appended(tree: Tree, absent: Mapping[str, Mapping[str, Scalar]]) -> Edit:
    """Add whole mappings behind everything else; a file without a final line break keeps having none."""
    if tree.root.in_braces:
        return _in_braces(tree.root, ", ".join(f'"{name}": {{{_pairs(values)}}}' for name, values in absent.items()), rank=2)
    indent = _indent(tree.root.children[0])
    lines = []
    for name, values in absent.items():
        lines += [f"{indent}{name}:", *(f"{indent}  {line}" for line in _entries(values))]
    gap = _line_break(tree, tree.end)
    block = gap.join(lines)
    ended = _BREAK.fullmatch(tree.text[tree.end - 1 : tree.end]) is not None
    return Edit(tree.end, 2, tree.end, block + gap if ended else gap + block)


def _in_braces(mapping: Node, pairs: str, *, rank: int) -> Edit:
    at = mapping.children[-1].end.index if mapping.children else mapping.start.index + 1
    return Edit(at, rank, at, f", {pairs}" if mapping.children else pairs)


def _lines(tree: Tree, after: int, indent: str, values: Mapping[str, Scalar]) -> Edit:
    """Add lines behind the line that holds the place `after`."""
    found = _BREAK.search(tree.text, after)
    at = found.start() if found else len(tree.text)
    gap = _line_break(tree, after) + indent
    return Edit(at, 1, at, "".join(gap + line for line in _entries(values)))


def _entries(values: Mapping[str, Scalar]) -> list[str]:
    return [f"{key}: {_quoted(value)}" for key, value in values.items()]


def _pairs(values: Mapping[str, Scalar]) -> str:
    return ", ".join(f'"{key}": {_quoted(value)}' for key, value in values.items())


def _starts_line(tree: Tree, node: Node) -> bool:
    return not tree.text[node.start.index - node.start.column : node.start.index].strip(" ")


def _indent(node: Node) -> str:
    return " " * node.start.column


def _line_break(tree: Tree, at: int) -> str:
    """Return the line break of the line at `at`, else the last one, so that CRLF files stay CRLF files."""
    found = _BREAK.search(tree.text, at)
    return found.group() if found else ["\n", *_BREAK.findall(tree.text)][-1]


def _quoted(value: Scalar) -> str:
    return write(value, '"')
