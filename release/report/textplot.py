"""The intervals as monospaced text, for places that show neither images nor SVG.

One column holds every requirement's limit, each row has its own scale: an interval wholly to the right of the limit is a
PASS, one wholly to its left (with its light tail) a FAIL, one across it INCONCLUSIVE. Nothing is escaped for Markdown
here, but no text can close the code block around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.cells import ANCHOR
from release.report.format import plain
from release.report.judged import bar, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison
    from release.report.judged import Offsets

LIMIT, ZERO, SOLID, TAIL, ESTIMATE = "║", "┊", "━", "┄", "●"
LEFT, RIGHT = 17, 26
_LABEL = 26


def draw(comparisons: Sequence[Comparison]) -> str:
    """Draw one line a comparison between a heading and a legend; lines are at most 85 characters."""
    labels = [_label(c) for c in comparisons]
    width = max((len(label) for label in labels), default=0)
    lines = [" " * (width + 2) + "not allowed ".rjust(LEFT) + LIMIT + " allowed, better →"]
    lines += [f"{label.ljust(width)}  {_row(c)}  {c.verdict.value}" for label, c in zip(labels, comparisons, strict=True)]
    band = f"├{SOLID}{ESTIMATE}{SOLID}┤"
    legend = f"{LIMIT} limit   {ZERO} no difference   {band} interval   {TAIL}{TAIL} stricter end, decides FAIL"
    return "\n".join([*lines, "", legend])


def _label(comparison: Comparison) -> str:
    # A row may not start with what a code fence or a comment would end at.
    name = comparison.metric if comparison.slice is None else f"{comparison.metric} · {comparison.slice}"
    if comparison.role == "floor":
        name = f"{name} floor"
    if comparison.against == ANCHOR:
        name = f"anchor: {name}"
    return plain(name.replace("`", "'"), limit=_LABEL)


def _row(comparison: Comparison) -> str:
    drawn = bar(comparison)
    if drawn is None:
        return "not drawn".center(LEFT + RIGHT + 1)
    return line(place(drawn, left=LEFT, right=RIGHT, gap=1))


def line(offsets: Offsets) -> str:
    """Draw one interval on `LEFT` + 1 + `RIGHT` cells; the limit's cell holds nothing but the limit."""
    cells = [" "] * (LEFT + 1 + RIGHT)

    def cell(offset: float) -> int:
        return LEFT + (max(round(offset), 1) if offset > 0 else min(round(offset), -1))

    low, high, family = cell(offsets.low), cell(offsets.high), cell(offsets.family)
    cells[high : family + 1] = TAIL * (family + 1 - high)
    cells[low : high + 1] = SOLID * (high + 1 - low)
    if offsets.zero is not None:
        cells[cell(offsets.zero)] = ZERO
    if low < high:
        cells[low], cells[high] = "├", "┤"
    cells[cell(offsets.estimate)] = ESTIMATE
    cells[LEFT] = LIMIT
    return "".join(cells)
