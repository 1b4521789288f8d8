"""Charts with a line for each name as inline SVG: intervals against their limits, slices, columns, classes.

As in `plots`, numbers in and markup out. Names stand above their marks, so that a narrow screen has room for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.report.canvas import RIGHT, WIDTH, key, px, shape, svg, ticks
from release.report.escape import attribute
from release.report.format import number
from release.report.judged import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.canvas import About, Point
    from release.report.judged import Bar

_STRIP, _STRIP_LIMIT, _STRIP_HEIGHT = 420.0, 160.0, 26


def strip(about: About, bar: Bar, kind: str) -> str:
    """Draw one interval: solid low to high, a light tail to the stricter end, a thick line at the limit, dashed at zero.

    `kind` is pass, fail or unsure. Each mark is kept at least four units off the limit, on its own side.
    """
    at = place(bar, left=_STRIP_LIMIT - 8, right=_STRIP - _STRIP_LIMIT - 8, gap=4.0)
    middle = f"{_STRIP_HEIGHT / 2:g}"
    low, high, family, estimate = (px(_STRIP_LIMIT + offset) for offset in (at.low, at.high, at.family, at.estimate))
    body = f'<line class="grid" x1="0" y1="{middle}" x2="{_STRIP:g}" y2="{middle}"/>'
    if at.zero is not None:
        zero = px(_STRIP_LIMIT + at.zero)
        body += f'<line class="zero" x1="{zero}" y1="3" x2="{zero}" y2="{_STRIP_HEIGHT - 3}"/>'
    body += f'<line class="tail i-{kind}" x1="{high}" y1="{middle}" x2="{family}" y2="{middle}"/>'
    body += f'<line class="solid i-{kind}" x1="{low}" y1="{middle}" x2="{high}" y2="{middle}"/>'
    body += f'<line class="limit" x1="{_STRIP_LIMIT:g}" y1="0" x2="{_STRIP_LIMIT:g}" y2="{_STRIP_HEIGHT}"/>'
    body += f'<circle class="point p-{kind}" cx="{estimate}" cy="{middle}" r="5"/>'
    return svg(about, body, (_STRIP, _STRIP_HEIGHT))


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value with its limits; `style` is the class of the style sheet that colours and shapes it."""

    style: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A name, the marks below it, and where its own limit is, if it has one."""

    name: str
    marks: tuple[Mark, ...]
    at: float | None = None


_NAME, _STEP, _HEAD, _FOOT = 17, 13, 26, 34
_NAME_LENGTH = 48


def rows(about: About, x: Point, x_label: str, lines: Sequence[Line], *, words: Sequence[tuple[str, str]] = ()) -> str:
    """Draw a line a name on one common scale `x`, names above marks; `words` is the legend: (style, words)."""
    head = _HEAD if words else _EDGE
    heights = [_NAME + _STEP * max(len(line.marks), 1) for line in lines]
    tall = head + sum(heights) + _FOOT

    def at_x(value: float) -> str:
        inside = min(max(value, x[0]), x[1])
        return px(_EDGE + (inside - x[0]) / (x[1] - x[0]) * (WIDTH - _EDGE - RIGHT))

    body = ""
    for value in ticks(*x):
        style = "zero" if value == 0 else "grid"
        body += f'<line class="{style}" x1="{at_x(value)}" y1="{head}" x2="{at_x(value)}" y2="{tall - _FOOT}"/>'
        body += f'<text x="{at_x(value)}" y="{tall - _FOOT + 13}" text-anchor="middle">{number(value)}</text>'
    body += f'<text x="{px((_EDGE + WIDTH - RIGHT) / 2)}" y="{tall - 4}" text-anchor="middle">{attribute(x_label)}</text>'
    top = float(head)
    for line, height in zip(lines, heights, strict=True):
        body += f'<text class="key over" x="{_EDGE}" y="{px(top + 12)}">{attribute(line.name, limit=_NAME_LENGTH)}</text>'
        for i, mark in enumerate(line.marks):
            y = px(top + _NAME + _STEP * (i + 0.4))
            body += f'<line class="range r-{mark.style}" x1="{at_x(mark.low)}" y1="{y}" x2="{at_x(mark.high)}" y2="{y}"/>'
            body += shape(mark.style, float(at_x(mark.value)), float(y))
        if line.at is not None:
            ends = f'y1="{px(top + _NAME - 3)}" x2="{at_x(line.at)}" y2="{px(top + height)}"'
            body += f'<line class="limit" x1="{at_x(line.at)}" {ends}/>'
        top += height
    return svg(about, body + key(words, left=_EDGE), (WIDTH, tall))


_EDGE = 12
