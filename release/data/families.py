"""Columns that belong together (`pixel_0_0`, `pixel_0_1`, …) become one line of a contract, when one line says it exactly.

Only names and ranges are looked at. What a single column holds is found in `release.data.infer`.
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from release.data.contract import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LEAST = 8  # below that, a line each reads better
_NARROWER = 10
_SPECIAL = re.compile(r"[*?\[]")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a column holds: `low` and `high` as seen (numbers), `values` as seen (few categories), `missing` with slack."""

    kind: Literal["float", "int", "bool", "category", "text"]
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    missing: float = 0.0


def collapse(profiles: Mapping[str, Profile], *, reserved: Sequence[str]) -> dict[str, Profile]:
    """Replace families of numeric columns by a glob each; other columns keep their line, all in the order they came.

    A family is at least eight columns with a common prefix that the glob matches and no other column, `reserved` ones
    included, and whose ranges are alike: where most members are far narrower than all together, common bounds would check
    nothing, so they keep a line each.
    """
    result: dict[str, Profile] = {}
    covered: set[str] = set()
    for name, profile in profiles.items():
        if name in covered:
            continue
        family = next(_families(name, profiles, reserved), None)
        if family is None:
            result[name] = profile
        else:
            pattern, members = family
            covered |= set(members)
            result[pattern] = _together([profiles[member] for member in members])
    return result


def _families(name: str, profiles: Mapping[str, Profile], reserved: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for pattern in _patterns(name):
        members = [other for other in profiles if matches(other, pattern)]
        kinds = {profiles[member].kind for member in members}
        exact = not any(matches(other, pattern) for other in reserved)
        if exact and len(members) >= _LEAST and kinds <= {"int", "float"} and _alike([profiles[one] for one in members]):
            yield pattern, members


def _patterns(name: str) -> Iterator[str]:
    """Yield globs that match a name, shortest prefix first: up to a separator, or up to its digits."""
    prefixes = [name[: match.end()] for match in re.finditer(r"[_. -]", name)]
    for prefix in prefixes:
        if not _SPECIAL.search(prefix):
            yield f"{prefix}*"
    digits = re.match(r"([^0-9]+)[0-9]", name)
    if digits and not _SPECIAL.search(digits[1]):
        yield f"{digits[1]}[0-9]*"


def _alike(members: Sequence[Profile]) -> bool:
    whole = _together(members)
    widths = [_width(member) for member in members]
    return statistics.median(widths) * _NARROWER >= _width(whole)


def _width(profile: Profile) -> float:
    return (profile.high or 0.0) - (profile.low or 0.0)


def _together(members: Sequence[Profile]) -> Profile:
    return Profile(
        kind="int" if all(member.kind == "int" for member in members) else "float",
        low=min(member.low or 0.0 for member in members),
        high=max(member.high or 0.0 for member in members),
        missing=max(member.missing for member in members),
    )
