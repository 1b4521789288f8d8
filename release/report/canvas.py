"""What every chart shares: an SVG with a title and a description, a frame from data to pixels, axes and a legend.

No colour is named (the style sheet's classes are); text is escaped here. What is drawn inside is the charts' business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.report.escape import attribute
from release.report.format import number

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]

WIDTH, HEIGHT = 330, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 40


@dataclass(frozen=True, kw_only=True)
class About:
    """What a chart is, for those who cannot see it; `name` makes its ids unique on the page."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The area of a chart in data units, from which pixels follow.

    Ticks are chosen unless given; given `y_ticks` are labelled by their size, for counts drawn downwards. `x_sign` is -1
    where a quantity is drawn turned round, more being better, and labelled in its own sense.
    """

    x: Point
    y: Point
    x_label: str
    y_label: str
    y_ticks: tuple[float, ...] = ()
    x_sign: float = 1.0

    def at_x(self, value: float) -> str:
        """Return the pixel column of a value."""
        low, high = self.x
        return px(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT))

    def at_y(self, value: float) -> str:
        """Return the pixel row of a value; rows grow downwards."""
        low, high = self.y
        return px(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM))


def px(value: float) -> str:
    """Write a coordinate with one decimal, which is finer than any screen shows."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Return round numbers within [low, high], at most `most`, 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        return (low,)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10, 20) if (high - low) / (m * power) < most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(i * step, 12) for i in range(first, last + 1))


def extent(*groups: Sequence[float]) -> Point:
    """Return a range that holds all values with a little room, never empty."""
    values = [v for group in groups for v in group] or [0.0]
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or max(abs(low) * 0.1, 0.5)
    return low - room, high + room


def svg(about: About, body: str, size: tuple[float, float] = (WIDTH, HEIGHT)) -> str:
    """Return the picture element, named and described for those who cannot see it."""
    return (
        f'<svg role="img" aria-labelledby="{about.name}-t {about.name}-d" viewBox="0 0 {px(size[0])} {px(size[1])}">'
        f'<title id="{about.name}-t">{attribute(about.title)}</title>'
        f'<desc id="{about.name}-d">{attribute(about.description)}</desc>{body}</svg>'
    )


def axes(frame: Frame, *, heights: bool = True) -> str:
    """Draw grid, ticks and labels; without `heights` the vertical axis has no numbers."""
    left, right, top, bottom = px(LEFT), px(WIDTH - RIGHT), px(TOP), px(HEIGHT - BOTTOM)
    parts = []
    for value in ticks(*frame.x):
        x = frame.at_x(value)
        parts.append(f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{number(value * frame.x_sign)}</text>')
    for value in (frame.y_ticks or ticks(*frame.y)) if heights else ():
        y = frame.at_y(value)
        parts.append(f'<line class="grid" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(
            f'<text x="{LEFT - 5}" y="{y}" dy="4" text-anchor="end">{number(abs(value) if frame.y_ticks else value)}</text>'
        )
    parts.append(f'<path class="axis" fill="none" d="M{left} {top}V{bottom}H{right}"/>')
    middle = px((LEFT + WIDTH - RIGHT) / 2)
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{attribute(frame.x_label)}</text>')
    up = px((HEIGHT - BOTTOM + TOP) / 2)
    parts.append(f'<text transform="translate(11 {up}) rotate(-90)" text-anchor="middle">{attribute(frame.y_label)}</text>')
    return "".join(parts)


def key(entries: Sequence[tuple[str, str]], *, left: float = LEFT) -> str:
    """Draw the legend in the top margin: (class and shape, words)."""
    parts, x = [], float(left)
    for style, words in entries:
        if style.startswith("bar"):
            parts.append(f'<rect class="{style}" x="{px(x)}" y="7" width="18" height="9"/>')
        elif style.startswith(("dot", "mark")) and style != "mark champion":
            parts.append(f'<circle class="{style}" cx="{px(x + 9)}" cy="12" r="4"/>')
        elif style == "mark champion":
            parts.append(f'<rect class="{style}" x="{px(x + 5.5)}" y="8" width="7" height="7"/>')
        else:
            parts.append(f'<line class="{style}" x1="{px(x)}" y1="12" x2="{px(x + 18)}" y2="12"/>')
        parts.append(f'<text class="key" x="{px(x + 23)}" y="16">{attribute(words)}</text>')
        x += 40 + 6.2 * len(words)
    return "".join(parts)


def path(frame: Frame, points: Sequence[Point]) -> str:
    """Return the path through points in data units."""
    return "M" + "L".join(f"{frame.at_x(x)} {frame.at_y(y)}" for x, y in points)


def shape(style: str, x: float, y: float) -> str:
    """Draw a mark whose shape says what its colour says: the champion is a hollow square, all others are discs."""
    if style == "champion":
        return f'<rect class="mark champion" x="{px(x - 3.5)}" y="{px(y - 3.5)}" width="7" height="7"/>'
    return f'<circle class="mark {style}" cx="{px(x)}" cy="{px(y)}" r="4"/>'
