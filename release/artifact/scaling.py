"""A retired model's values: scaled to zero in place, every other byte kept.

The one scalar of people's that the tool ever writes, and only because somebody ordered it: a model that merely leaves Git
goes on serving. Owned scalars are `release.artifact.values`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.yaml_splice import Edit, applied
from release.artifact.yaml_tree import Kind, parse

if TYPE_CHECKING:
    from release.artifact.yaml_tree import Node

NAME = "serving.replicas"


def to_zero(content: bytes, *, where: str) -> bytes:
    """Set `serving.replicas` to 0. Raises BadInputError where it is no plain number of its own; `where` is the file."""
    tree = parse(content, where=where)
    parent, _, name = NAME.partition(".")
    section = tree.root.entry(parent)
    entry = section[1].entry(name) if section and section[1].kind is Kind.MAPPING else None
    if entry is None or not _is_number(entry[1]):
        place = entry[1].start if entry else section[0].start if section else tree.root.start
        raise tree.trouble(place, f"there is no number at {NAME} to set to 0", f"write `{name}: 1` under `{parent}:`")
    mark = content[: len(content) - len(tree.text.encode())]
    token = entry[1]
    return mark + applied(tree.text, [Edit(token.start.index, 0, token.end.index, "0")]).encode()


def _is_number(node: Node) -> bool:
    direct = node.kind is Kind.SCALAR and not node.style and node.anchor is None and node.tag is None
    return direct and node.text.isascii() and node.text.isdigit()
