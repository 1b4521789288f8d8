"""What two models take and give, compared line by line: columns, types, what the contract allows, classes.

Text for people; nothing is judged by it. What each model saw in training is given by the caller, where it is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.records import SignatureChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.artifact.model import Column, ModelManifest
    from release.records import JsonScalar

_FEW = 6
_TOGETHER = 4
"""So many columns with the same change become one line."""


def changes(
    champion: ModelManifest,
    challenger: ModelManifest,
    *,
    seen: Mapping[str, tuple[str | None, str | None]] | None = None,
) -> tuple[SignatureChange, ...]:
    """List what differs, in the challenger's order, what only the champion has last.

    `seen` says of columns whose values in training differ what they were, the champion's and the challenger's.
    """
    old, new = ({column.name: column for column in one.columns} for one in (champion, challenger))
    found = []
    for name in (*new, *(name for name in old if name not in new)):
        before, after = (None if column is None else described(column) for column in (old.get(name), new.get(name)))
        saw = (seen or {}).get(name, (None, None))
        if before != after or saw != (None, None):
            found.append((name, _with(before, saw[0]), _with(after, saw[1])))
    gives = [
        SignatureChange(what=what, champion=before, challenger=after)
        for what, before, after in (
            ("target", champion.target, challenger.target),
            ("classes", _listed(champion.classes), _listed(challenger.classes)),
            ("positive class", _one(champion.positive), _one(challenger.positive)),
            ("format", champion.format, challenger.format),
        )
        if before != after
    ]
    return (*_together(found), *gives)


def described(column: Column) -> str:
    """Describe what a contract says of a column: `float, 0 to 100, up to 20% missing`."""
    said = [column.type]
    if column.min is not None or column.max is not None:
        low, high = ("any" if bound is None else f"{bound:g}" for bound in (column.min, column.max))
        said.append(f"{low} to {high}")
    if column.values is not None:
        said.append(f"one of {_listed(column.values)}")
    if column.missing:
        said.append(f"up to {100 * column.missing:g}% missing")
    return ", ".join(said)


def _with(contract: str | None, saw: str | None) -> str | None:
    return contract if contract is None or saw is None else f"{contract}; trained on {saw}"


def _together(found: Sequence[tuple[str, str | None, str | None]]) -> list[SignatureChange]:
    """Put columns with the same change on one line, where there are several."""
    alike: dict[tuple[str | None, str | None], list[str]] = {}
    for name, before, after in found:
        alike.setdefault((before, after), []).append(name)
    lines = []
    for (before, after), names in alike.items():
        if len(names) < _TOGETHER:
            lines += [SignatureChange(what=name, champion=before, challenger=after) for name in names]
        else:
            what = f"{names[0]} and {len(names) - 1} more columns"
            lines.append(SignatureChange(what=what, champion=before, challenger=after))
    return lines


def _listed(values: Sequence[JsonScalar]) -> str | None:
    if not values:
        return None
    shown = ", ".join(_one(value) or "" for value in values[:_FEW])
    return shown if len(values) <= _FEW else f"{shown} and {len(values) - _FEW} more"


def _one(value: JsonScalar) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
