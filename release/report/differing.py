"""Where the two models differ, told in HTML and Markdown; ids of rows are in the HTML alone, which is uploaded nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.escape import attribute, code
from release.report.format import count, number, percent
from release.report.tags import row, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.disagreement import Disagreement, Place

_PICKED = (
    "Of each column the stretch where they differ most, the clearest first. Picked for that, it describes these rows and "
    "proves nothing about others."
)


def html(found: Disagreement | None) -> str:
    """Return the section's body: who is right how often, where the models differ most, and the rows farthest apart."""
    if found is None:
        return ""
    rows = sum(n for _, n in found.outcomes)
    body = "".join(row(name, [count(n), percent(n / rows)]) for name, n in found.outcomes)
    heads = ["rows", "share"]
    parts = [table("Who is right, row by row", ["outcome", *heads], f"<tbody>{body}</tbody>", numeric=heads)]
    if found.slices:
        parts.append(_places("In the slices of the gate", found.slices, labels=found.labels))
    if found.places:
        parts.append(_places(_PICKED, found.places, labels=found.labels))
    if found.examples:
        said = "".join(row(e.row, [e.actual, e.champion, e.challenger], numeric=False) for e in found.examples)
        heads = ["row", "actual", "champion", "challenger"]
        parts.append(table("The test rows whose predictions are farthest apart", heads, f"<tbody>{said}</tbody>"))
    return f'<p>{attribute(overall(found))}</p><div class="pair">' + "".join(parts) + "</div>"


def overall(found: Disagreement) -> str:
    """Say in a sentence how much the models differ."""
    if found.labels:
        return f"The models give another label to {percent(found.overall)} of the test rows."
    return f"The models' predictions are {number(found.overall)} apart on average."


def _places(caption: str, places: Sequence[Place], *, labels: bool) -> str:
    heads = ["rows", "other label" if labels else "mean distance"]
    body = "".join(row(p.name, [count(p.rows), _change(p, labels=labels)]) for p in places)
    return table(caption, ["where", *heads], f"<tbody>{body}</tbody>", numeric=heads)


def _change(place: Place, *, labels: bool) -> str:
    return percent(place.change) if labels else number(place.change)


def markdown(found: Disagreement | None, most: int) -> str:
    """Return the body of the comment's fold: the counts, then the places; empty where there is nothing to compare."""
    if found is None:
        return ""
    rows = sum(n for _, n in found.outcomes)
    counts = "\n".join(f"| {name} | {count(n)} | {percent(n / rows)} |" for name, n in found.outcomes)
    where = [f"- {code(p.name)}: {_change(p, labels=found.labels)} of {count(p.rows)} rows" for p in _where(found, most)]
    if not found.labels:
        where = [line.replace(" of ", " apart on average, ", 1) for line in where]
    parts = [overall(found), f"| outcome | rows | share |\n| --- | ---: | ---: |\n{counts}"]
    return "\n\n".join([*parts, "\n".join(where)] if where else parts)


def _where(found: Disagreement, most: int) -> Sequence[Place]:
    return (*found.slices, *found.places)[:most]
