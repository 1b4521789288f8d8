"""One figure of the page: heading, picture, caption, and the table of numbers behind it.

What is in the picture is `plots`' and `rowplots`' business, which numbers is the callers'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.escape import attribute
from release.report.format import NOTHING, number
from release.report.tags import folded, row, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.bands import Limits
    from release.report.canvas import About


def figure(about: About, svg_html: str, table_html: str) -> str:
    """Return a figure whose numbers open below it."""
    caption = f"<figcaption>{attribute(about.description)}</figcaption>"
    numbers = folded(f"Numbers: {about.title}", table_html)
    return f"<figure><h3>{attribute(about.title)}</h3>{svg_html}{caption}{numbers}</figure>"


def undrawn(title: str, why: str) -> str:
    """Return the place of a figure that cannot be drawn, and why."""
    return f'<figure><h3>{attribute(title)}</h3><p class="muted">Not drawn: {attribute(why)}.</p></figure>'


def charts(*figures_html: str) -> str:
    """Lay figures out side by side, as many as fit."""
    return f'<div class="charts">{"".join(figures_html)}</div>'


def numbers(caption: str, head: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a table of numbers whose rows have names."""
    body = "".join(row(name, cells) for name, cells in rows)
    return table(caption, [head, *heads], f"<tbody>{body}</tbody>", numeric=heads)


def limits_table(about: About, x: str, y: str, models: Sequence[tuple[str, Sequence[Limits]]], *, every: int = 1) -> str:
    """Return heights and limits by `x`, which all models share; `every` leaves steps out."""
    found = [(role, {one.x: one for one in limits}) for role, limits in models]
    heads = [head for role, _ in models for head in (f"{role}: {y}", "limits")]
    steps = sorted({x for _, by_x in found for x in by_x}, reverse=True)[::every][::-1]
    rows = [(number(step), [cell for _, by_x in found for cell in _cells(by_x.get(step))]) for step in steps]
    return numbers(about.title, x, heads, rows)


def _cells(one: Limits | None) -> tuple[str, str]:
    return (NOTHING, NOTHING) if one is None else (number(one.y), between(one.low, one.high))


def between(low: float, high: float) -> str:
    """Write two limits."""
    return f"{number(low)} to {number(high)}"
