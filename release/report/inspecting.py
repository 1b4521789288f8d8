"""What explains a judgement, in HTML: what changed, what the models look at, how much data the recipe needs.

Everything comes computed in the record of an inspection; nothing here decides anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report import plots, rowplots
from release.report.bands import Limits
from release.report.canvas import About, Frame, extent
from release.report.figure import charts, figure, numbers
from release.report.format import NOTHING, count, number, plain
from release.report.tags import items, row, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Importance, InspectRecord

MOST_COLUMNS, MOST_LISTED = 12, 200


def changed(changes: Sequence[str], inspected: InspectRecord | None) -> str:
    """Return what differs from the champion: lines of model.yaml, then parameters, data and signature as tables."""
    if inspected is None:
        return items(changes)
    signature = [(s.what, s.champion or "not there", s.challenger or "not there") for s in inspected.signature]
    parts = [
        ("model.yaml", items(changes)),
        ("Parameters as trained", _sides("Parameters that differ", "parameter", inspected.parameters)),
        ("Training data", _sides("What differs in the data", "of the data", inspected.data)),
        ("Signature", _sides("What the models take and give", "column", signature)),
    ]
    return "".join(f"<h3>{title}</h3>{body}" for title, body in parts if body)


def _sides(caption: str, head: str, lines: Sequence[tuple[str, str, str]]) -> str:
    if not lines:
        return ""
    body = "".join(row(name, [old, new], numeric=False) for name, old, new in lines[:MOST_LISTED])
    left = len(lines) - MOST_LISTED
    more = f"<p>{count(left)} more are not listed.</p>" if left > 0 else ""
    return table(caption, [head, "champion", "challenger"], f"<tbody>{body}</tbody>") + more


def ranked(inspected: InspectRecord) -> list[Importance]:
    """Return the columns, those that matter most to either model first."""
    return sorted(inspected.importance, key=lambda one: -max(_size(one.champion), _size(one.challenger)))


def _size(one: tuple[float, float] | None) -> float:
    return abs(one[0]) if one is not None else 0.0


def importance(inspected: InspectRecord | None) -> str:
    """Draw what each model loses when a column is shuffled, the most important columns; all of them in the table."""
    if inspected is None or not inspected.importance:
        return ""
    metric, every = plain(inspected.metric, limit=40), ranked(inspected)
    lines = [rowplots.Line(name=one.column, marks=tuple(_marks(one))) for one in every[:MOST_COLUMNS]]
    shown = f" The {MOST_COLUMNS} of {count(len(every))} that matter most." if len(every) > MOST_COLUMNS else ""
    text = (
        f"What a model loses in {metric} when one column of the test rows is shuffled, with the standard deviation over "
        f"repeats. Near zero the model does without it; columns that say the same can stand in for each other.{shown}"
    )
    about = About(name="importance", title="Permutation importance", description=text)
    x = extent([0.0, *(end for line in lines for mark in line.marks for end in (mark.low, mark.high))])
    roles = [role for role in ("champion", "challenger") if any(getattr(one, role) is not None for one in every)]
    svg = rowplots.rows(about, x, f"loss of {metric}", lines, words=[(f"mark {role}", role) for role in roles])
    told = [
        (plain(one.column, limit=80), [cell for role in roles for cell in _pair(getattr(one, role))])
        for one in every[:MOST_LISTED]
    ]
    heads = [head for role in roles for head in (role, f"{role}: deviation")]
    return charts(figure(about, svg, numbers(about.title, "column", heads, told)))


def _marks(one: Importance) -> list[rowplots.Mark]:
    both = (("champion", one.champion), ("challenger", one.challenger))
    return [
        rowplots.Mark(style=role, value=pair[0], low=pair[0] - pair[1], high=pair[0] + pair[1])
        for role, pair in both
        if pair is not None
    ]


def _pair(pair: tuple[float, float] | None) -> tuple[str, str]:
    return (NOTHING, NOTHING) if pair is None else (number(pair[0]), number(pair[1]))


def learning(inspected: InspectRecord | None) -> str:
    """Draw how the challenger's recipe does on more and more training rows, on rows it was fitted to and on others."""
    if inspected is None or not inspected.learning:
        return ""
    metric, points = plain(inspected.metric, limit=40), inspected.learning
    fitted = [Limits(x=p.rows, y=p.fitted[0], low=p.fitted[0] - p.fitted[1], high=p.fitted[0] + p.fitted[1]) for p in points]
    other = [
        Limits(x=p.rows, y=p.held_out[0], low=p.held_out[0] - p.held_out[1], high=p.held_out[0] + p.held_out[1])
        for p in points
    ]
    text = (
        f"{metric} on training folds, with the standard deviation over folds. Still rising on other rows: more data would "
        "help. Far apart: the model learns its rows by heart."
    )
    about = About(name="learning", title="Learning curve of the challenger's recipe", description=text)
    frame = Frame(
        x=extent([one.x for one in fitted]),
        y=extent([end for one in (*fitted, *other) for end in (one.low, one.high)]),
        x_label="training rows",
        y_label=metric,
    )
    lines = [("champion", fitted), ("challenger", other)]
    svg = plots.measured(about, frame, lines, words=("rows fitted to", "other rows"))
    told = [(count(p.rows), [*_pair(p.fitted), *_pair(p.held_out)]) for p in points]
    heads = ["rows fitted to", "deviation", "other rows", "deviation of other rows"]
    return charts(figure(about, svg, numbers(about.title, "training rows", heads, told)))
