"""The scalars of a values file that the tool owns: read, patched in place, drafted once.

A patch is a splice: tokens are found by the parser's marks and replaced in the text, so every other byte stays, whoever
wrote it. Nothing here opens files, knows Git, or dumps a file anew, which would lose what people wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from release.artifact.yaml_scalar import Scalar, meaning, says, write
from release.artifact.yaml_splice import Edit, added, appended, applied, replaced
from release.artifact.yaml_tree import Kind, Node, Tree, parse
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWNED = (
    "image.repository",
    "image.digest",
    "model.digest",
    "model.version",
    "release.operation",
    "release.commit",
    "release.fast",
    "chart.path",
)
"""What the tool writes in a values file; everything else is people's."""

_PARENTS = tuple(dict.fromkeys(name.partition(".")[0] for name in OWNED))
_BOOLEANS = frozenset({"release.fast"})


def patch(content: bytes, scalars: Mapping[str, Scalar], *, where: str) -> bytes:
    """Set owned scalars of a values file and keep every byte outside their own tokens.

    A token keeps its quotes unless they would change what is read; a scalar that is missing becomes a new line of its
    mapping. The result is parsed again: what was asked must be there, and all else as before. `where` is the file, for
    messages. Raises BadInputError, with line and column, for files that cannot be patched so, and ValueError for scalars
    that are not the tool's to write.
    """
    _check_asked(scalars)
    tree = _open(content, where)
    edits, grown = _edits(tree, scalars)
    mark = content[: len(content) - len(tree.text.encode())]
    patched = mark + applied(tree.text, edits).encode()
    _verify(tree, patched, scalars, grown)
    return patched


def read(content: bytes, *, where: str) -> Mapping[str, Scalar | None]:
    """Return all owned scalars as every YAML reader reads them, None where there is none.

    Raises BadInputError as `patch` does, and for a value that a reader takes for a number or a date.
    """
    tree = _open(content, where)
    values: dict[str, Scalar | None] = dict.fromkeys(OWNED)
    for name in OWNED:
        token = _scalar(tree, _holder(tree, name.partition(".")[0]), name)
        if token is None:
            continue
        try:
            values[name] = meaning(token.text, token.style)
        except ValueError as error:
            what = f"{name} is {token.text}, which YAML does not read as text"
            raise tree.trouble(token.start, what, "write it in quotes") from error
    return values


_DRAFT = """\
# How {model} runs in {environment}.
# `release` wrote this file once, from models/{model}/model.yaml. Since then it changes only the values marked "release"
# and keeps every other byte; all other lines are yours, to edit in a pull request.

image:
  repository: ""  # release
  digest: ""  # release

model:
  name: {name}
  digest: ""  # release
  version: ""  # release

# What put it here. It never reaches a pod, so nothing restarts because of it.
release:
  operation: ""  # release
  commit: ""  # release
  fast: false  # release (true: no canary, only while a verified release is restored)

chart:
  path: ""  # release

serving:
{serving}
rollout:
{rollout}"""


def draft(*, model: str, environment: str, serving: Mapping[str, object], rollout: Mapping[str, object]) -> bytes:
    """Return the first values file of a model in an environment; its owned scalars are empty and wait for `patch`.

    `serving` and `rollout` are those of model.yaml; `serving.environments` is resolved for `environment`, and the format,
    which is the image's matter, left out. Until it is patched, the chart's schema refuses the file.
    """
    environments = serving.get("environments")
    special = environments.get(environment) if isinstance(environments, dict) else None
    resolved = {key: value for key, value in serving.items() if key not in {"format", "environments"}}
    resolved |= {key: value for key, value in (special or {}).items() if value is not None}
    return _DRAFT.format(
        model=model, environment=environment, name=write(model, ""), serving=_block(resolved), rollout=_block(rollout)
    ).encode()


def _block(values: Mapping[str, object]) -> str:
    """Return one line for each value that is there; what is nested is written within braces."""
    lines = []
    for key, value in values.items():
        if value is not None:
            entry = yaml.safe_dump({key: value}, sort_keys=False, default_flow_style=True, width=1_000_000)
            lines.append(f"  {entry.strip().removeprefix('{').removesuffix('}')}\n")
    return "".join(lines)


def _check_asked(scalars: Mapping[str, Scalar]) -> None:
    for name, value in scalars.items():
        if name not in OWNED:
            raise ValueError(f"{name} is not the tool's to write")
        if isinstance(value, bool) is not (name in _BOOLEANS):
            raise ValueError(f"{name} cannot be {value!r}")
        if isinstance(value, str) and not value.isprintable():
            raise ValueError(f"{name} would hold characters that cannot be printed")


def _open(content: bytes, where: str) -> Tree:
    tree = parse(content, where=where)
    _check_direct(tree, tree.root, "the file")
    _check_keys(tree, tree.root)
    for parent in _PARENTS:
        _holder(tree, parent)
    return tree


def _holder(tree: Tree, parent: str) -> tuple[Node, Node] | None:
    """Return key and value of a mapping that holds owned scalars; the value may still be an empty scalar."""
    found = tree.root.entry(parent)
    if found is None:
        return None
    value = found[1]
    _check_direct(tree, value, parent)
    empty = value.kind is Kind.SCALAR and value.start == value.end and not tree.root.in_braces
    if value.kind is not Kind.MAPPING and not empty:
        raise tree.trouble(value.start, f"{parent} must be a mapping", f'write "{parent}:" and its values on lines below it')
    _check_keys(tree, value)
    return found


def _scalar(tree: Tree, holder: tuple[Node, Node] | None, name: str) -> Node | None:
    """Return the token of an owned scalar, None when it is not there."""
    found = holder[1].entry(name.partition(".")[2]) if holder else None
    if found is None:
        return None
    key, value = found
    _check_direct(tree, value, name)
    if value.kind is not Kind.SCALAR or value.style in {"|", ">"}:
        raise tree.trouble(value.start, f"{name} must be one value on its line", "write it as a quoted text")
    if "\t" in tree.text[key.end.index : value.start.index]:
        raise tree.trouble(key.end, f"there is a tab before the value of {name}", "use spaces")
    return value


def _check_direct(tree: Tree, node: Node, name: str) -> None:
    """Refuse what would make a changed token mean something elsewhere, or something else here."""
    if node.kind is Kind.ALIAS or node.anchor is not None:
        raise tree.trouble(node.start, f"{name} is shared by an anchor or alias", "write the value itself")
    if node.tag is not None:
        raise tree.trouble(node.start, f"{name} has a tag", "remove the tag")


def _check_keys(tree: Tree, mapping: Node) -> None:
    for key, _ in mapping.pairs():
        if key.text == "<<" and not key.style:
            raise tree.trouble(key.start, "a merge key may hide values that the tool owns", "write the values themselves")
        _check_direct(tree, key, "a key")


def _edits(tree: Tree, scalars: Mapping[str, Scalar]) -> tuple[list[Edit], set[str]]:
    """Return the edits that set `scalars`, and the names of the mappings that come into being by them."""
    edits: list[Edit] = []
    absent: dict[str, dict[str, Scalar]] = {}
    grown: set[str] = set()
    for parent in _PARENTS:
        holder = _holder(tree, parent)
        missing: dict[str, Scalar] = {}
        for name, value in scalars.items():
            if name.partition(".")[0] != parent:
                continue
            token = _scalar(tree, holder, name)
            if token is None:
                missing[name.partition(".")[2]] = value
            elif not says(token.text, token.style, value):
                edits.append(replaced(tree, token, value, in_braces=bool(holder and holder[1].in_braces)))
        if not missing:
            continue
        if holder is None:
            absent[parent] = missing
        else:
            edits.append(added(tree, *holder, missing))
        if holder is None or holder[1].kind is not Kind.MAPPING:
            grown.add(parent)
    if absent:
        edits.append(appended(tree, absent))
    return edits, grown


def _verify(before: Tree, patched: bytes, scalars: Mapping[str, Scalar], grown: set[str]) -> None:
    """Hold the promise of `patch`, whatever the layout: what was asked is read, all other nodes are as they were."""
    try:
        after = _open(patched, before.where)
        tokens = {name: _scalar(after, _holder(after, name.partition(".")[0]), name) for name in scalars}
        kept = list(_others(before.root, {*scalars}, grown)) == list(_others(after.root, {*scalars}, grown))
    except BadInputError:
        tokens, kept = {}, False
    if not kept or any(token is None or not says(token.text, token.style, scalars[name]) for name, token in tokens.items()):
        what = f"{', '.join(scalars)} cannot be set without rewriting other lines"
        fix = "write image, model, release and chart as mappings with one value a line"
        raise BadInputError(what, where=before.where, fix=fix)


def _others(root: Node, owned: set[str], grown: set[str]) -> Iterator[tuple[object, ...]]:
    """Yield the signatures of all that a patch must keep."""
    yield root.signature()
    for key, value in root.pairs():
        if key.kind is Kind.SCALAR and key.text in grown:
            continue
        yield from key.signatures()
        if key.text not in _PARENTS or value.kind is not Kind.MAPPING:
            yield from value.signatures()
            continue
        yield value.signature()
        for inner, scalar in value.pairs():
            if inner.kind is not Kind.SCALAR or f"{key.text}.{inner.text}" not in owned:
                yield from inner.signatures()
                yield from scalar.signatures()
