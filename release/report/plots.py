"""Charts as inline SVG, one function a chart; text in them is escaped here.

Numbers in, markup out: nothing is computed from predictions, no colour is named (the style sheet's classes are), no script
and nothing outside the file is used. Every chart has a title and a description for those who cannot see it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.report.escape import attribute
from release.report.format import number
from release.report.judged import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.curves import Bin
    from release.report.judged import Bar

Point = tuple[float, float]

WIDTH, HEIGHT = 330, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 26, 40
_STRIP, _STRIP_LIMIT, _STRIP_HEIGHT = 420.0, 160.0, 26


@dataclass(frozen=True, kw_only=True)
class About:
    """What a chart is, for those who cannot see it; `name` makes its ids unique on the page."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The area of a chart in data units, from which pixels follow.

    Ticks are chosen unless given; given `y_ticks` are labelled by their size, for counts drawn downwards.
    """

    x: Point
    y: Point
    x_label: str
    y_label: str
    y_ticks: tuple[float, ...] = ()

    def at_x(self, value: float) -> str:
        """Return the pixel column of a value."""
        low, high = self.x
        return _px(_LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT))

    def at_y(self, value: float) -> str:
        """Return the pixel row of a value; rows grow downwards."""
        low, high = self.y
        return _px(HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM))


def _px(value: float) -> str:
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


def _svg(about: About, body: str, size: tuple[float, float] = (WIDTH, HEIGHT)) -> str:
    return (
        f'<svg role="img" aria-labelledby="{about.name}-t {about.name}-d" viewBox="0 0 {_px(size[0])} {_px(size[1])}">'
        f'<title id="{about.name}-t">{attribute(about.title)}</title>'
        f'<desc id="{about.name}-d">{attribute(about.description)}</desc>{body}</svg>'
    )


def _axes(frame: Frame) -> str:
    left, right, top, bottom = _px(_LEFT), _px(WIDTH - _RIGHT), _px(_TOP), _px(HEIGHT - _BOTTOM)
    parts = []
    for value in ticks(*frame.x):
        x = frame.at_x(value)
        parts.append(f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{number(value)}</text>')
    for value in frame.y_ticks or ticks(*frame.y):
        y = frame.at_y(value)
        parts.append(f'<line class="grid" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(
            f'<text x="{_LEFT - 5}" y="{y}" dy="4" text-anchor="end">{number(abs(value) if frame.y_ticks else value)}</text>'
        )
    parts.append(f'<path class="axis" fill="none" d="M{left} {top}V{bottom}H{right}"/>')
    middle = _px((_LEFT + WIDTH - _RIGHT) / 2)
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{attribute(frame.x_label)}</text>')
    up = _px((HEIGHT - _BOTTOM + _TOP) / 2)
    parts.append(f'<text transform="translate(11 {up}) rotate(-90)" text-anchor="middle">{attribute(frame.y_label)}</text>')
    return "".join(parts)


def _key(entries: Sequence[tuple[str, str]]) -> str:
    """Draw the legend in the top margin: (class and shape, words)."""
    parts, x = [], float(_LEFT)
    for style, words in entries:
        if style.startswith("bar"):
            parts.append(f'<rect class="{style}" x="{_px(x)}" y="7" width="18" height="9"/>')
        elif style.startswith("dot"):
            parts.append(f'<circle class="{style}" cx="{_px(x + 9)}" cy="12" r="4"/>')
        else:
            parts.append(f'<line class="{style}" x1="{_px(x)}" y1="12" x2="{_px(x + 18)}" y2="12"/>')
        parts.append(f'<text class="key" x="{_px(x + 23)}" y="16">{attribute(words)}</text>')
        x += 40 + 6.2 * len(words)
    return "".join(parts)


def _path(frame: Frame, points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{frame.at_x(x)} {frame.at_y(y)}" for x, y in points)


def curves(
    about: About,
    frame: Frame,
    lines: Sequence[tuple[str, Sequence[Point]]],
    *,
    even: Sequence[Point],
) -> str:
    """Draw one line a model, and dashed what guessing (or perfection) would give, where `even` has points."""
    body = _axes(frame) + (f'<path class="even" d="{_path(frame, even)}"/>' if even else "")
    body += "".join(f'<path class="curve {role}" d="{_path(frame, points)}"/>' for role, points in lines if points)
    return _svg(about, body + _key([(f"curve {role}", role) for role, _ in lines]))


def calibration(about: About, frame: Frame, models: Sequence[tuple[str, Sequence[Bin]]]) -> str:
    """Draw, for each bin of scores, the share of positive rows with its limits; the diagonal is honest."""
    body = _axes(frame) + f'<path class="even" d="{_path(frame, [(0, 0), (1, 1)])}"/>'
    for role, bins in models:
        for b in bins:
            x = frame.at_x(b.score)
            body += f'<line class="whisker {role}" x1="{x}" y1="{frame.at_y(b.low)}" x2="{x}" y2="{frame.at_y(b.high)}"/>'
        body += f'<path class="curve {role}" d="{_path(frame, [(b.score, b.share) for b in bins])}"/>' if bins else ""
        body += "".join(
            f'<circle class="mark {role}" cx="{frame.at_x(b.score)}" cy="{frame.at_y(b.share)}" r="3"/>' for b in bins
        )
    return _svg(about, body + _key([(f"curve {role}", role) for role, _ in models]))


def mirrored(about: About, frame: Frame, halves: tuple[Sequence[int], Sequence[int]], *, cut: float) -> str:
    """Draw counts of positive rows upwards and of negative rows downwards, with the threshold as a line."""
    up, down = halves
    body = _axes(frame)
    (low, high), n = frame.x, len(up)
    for i, (above, below) in enumerate(zip(up, down, strict=True)):
        left, right = (float(frame.at_x(low + (high - low) * j / n)) for j in (i, i + 1))
        for style, one, other in (("positive", above, 0), ("negative", 0, -below)):
            tall = float(frame.at_y(other)) - float(frame.at_y(one))
            if one != other:
                box = f'x="{_px(left + 0.5)}" y="{frame.at_y(one)}" width="{_px(right - left - 1)}" height="{_px(tall)}"'
                body += f'<rect class="bar {style}" {box}/>'
    body += f'<path class="axis" fill="none" d="{_path(frame, [(low, 0), (high, 0)])}"/>'
    if low <= cut <= high:
        body += f'<path class="limit" fill="none" d="{_path(frame, [(cut, frame.y[0]), (cut, frame.y[1])])}"/>'
    return _svg(about, body + _key([("bar positive", "positive, up"), ("bar negative", "negative, down")]))


def scatter(about: About, frame: Frame, model: tuple[str, Sequence[Point]]) -> str:
    """Draw a point a row, and dashed the line on which prediction and truth agree."""
    role, points = model
    low, high = max(frame.x[0], frame.y[0]), min(frame.x[1], frame.y[1])
    body = _axes(frame) + f'<path class="even" d="{_path(frame, [(low, low), (high, high)])}"/>'
    body += "".join(f'<circle class="dot {role}" cx="{frame.at_x(x)}" cy="{frame.at_y(y)}" r="3"/>' for x, y in points)
    return _svg(about, body + _key([(f"dot {role}", role)]))


def steps(about: About, frame: Frame, models: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Draw one histogram outline a model over the same bins."""
    low, high = frame.x
    body = _axes(frame)
    for role, bins in models:
        edges = [low + (high - low) * i / len(bins) for i in range(len(bins) + 1)]
        line = [(x, float(c)) for c, one, other in zip(bins, edges, edges[1:], strict=False) for x in (one, other)]
        body += f'<path class="curve {role}" d="{_path(frame, [(low, 0.0), *line, (high, 0.0)])}"/>'
    if low < 0 < high:
        body += f'<path class="even" d="{_path(frame, [(0, frame.y[0]), (0, frame.y[1])])}"/>'
    return _svg(about, body + _key([(f"curve {role}", role) for role, _ in models]))


def strip(about: About, bar: Bar, kind: str) -> str:
    """Draw one interval: solid low to high, a light tail to the stricter end, a thick line at the limit, dashed at zero.

    `kind` is pass, fail or unsure. Each mark is kept at least four units off the limit, on its own side.
    """
    at = place(bar, left=_STRIP_LIMIT - 8, right=_STRIP - _STRIP_LIMIT - 8, gap=4.0)
    middle = f"{_STRIP_HEIGHT / 2:g}"
    low, high, family, estimate = (_px(_STRIP_LIMIT + offset) for offset in (at.low, at.high, at.family, at.estimate))
    body = f'<line class="grid" x1="0" y1="{middle}" x2="{_STRIP:g}" y2="{middle}"/>'
    if at.zero is not None:
        zero = _px(_STRIP_LIMIT + at.zero)
        body += f'<line class="zero" x1="{zero}" y1="3" x2="{zero}" y2="{_STRIP_HEIGHT - 3}"/>'
    body += f'<line class="tail i-{kind}" x1="{high}" y1="{middle}" x2="{family}" y2="{middle}"/>'
    body += f'<line class="solid i-{kind}" x1="{low}" y1="{middle}" x2="{high}" y2="{middle}"/>'
    body += f'<line class="limit" x1="{_STRIP_LIMIT:g}" y1="0" x2="{_STRIP_LIMIT:g}" y2="{_STRIP_HEIGHT}"/>'
    body += f'<circle class="point p-{kind}" cx="{estimate}" cy="{middle}" r="5"/>'
    return _svg(about, body, (_STRIP, _STRIP_HEIGHT))
