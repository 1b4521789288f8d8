"""Charts with two numeric axes as inline SVG, one function a chart.

Numbers in, markup out: nothing is computed from predictions, no colour is named (the style sheet's classes are), no script
and nothing outside the file is used. Charts of rows with names are `rowplots`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.canvas import axes, key, path, px, shape, svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.bands import Limits
    from release.report.canvas import About, Frame, Point


def curves(
    about: About,
    frame: Frame,
    lines: Sequence[tuple[str, Sequence[Point]]],
    *,
    even: Sequence[Point],
    bands: Sequence[tuple[str, Sequence[Limits]]] = (),
) -> str:
    """Draw one line a model over its band, and dashed what guessing (or perfection) would give, where `even` has points."""
    body = axes(frame) + "".join(_band(frame, role, limits) for role, limits in bands if limits)
    body += f'<path class="even" d="{path(frame, even)}"/>' if even else ""
    body += "".join(f'<path class="curve {role}" d="{path(frame, points)}"/>' for role, points in lines if points)
    return svg(about, body + key([(f"curve {role}", role) for role, _ in lines]))


def _band(frame: Frame, role: str, limits: Sequence[Limits]) -> str:
    outline = [(one.x, one.high) for one in limits] + [(one.x, one.low) for one in reversed(limits)]
    return f'<path class="band {role}" d="{path(frame, outline)}Z"/>'


def measured(
    about: About,
    frame: Frame,
    lines: Sequence[tuple[str, Sequence[Limits]]],
    *,
    even: Sequence[Point] = (),
    words: Sequence[str] = (),
) -> str:
    """Draw points with their limits, joined by one line a role; `words` name the roles where they are no models.

    `even` is a dashed line to compare with, such as the diagonal on which a score means what it says.
    """
    body = axes(frame) + (f'<path class="even" d="{path(frame, even)}"/>' if even else "")
    for role, points in lines:
        for one in points:
            x, ends = frame.at_x(one.x), (frame.at_y(one.low), frame.at_y(one.high))
            body += f'<line class="whisker {role}" x1="{x}" y1="{ends[0]}" x2="{x}" y2="{ends[1]}"/>'
        body += f'<path class="curve {role}" d="{path(frame, [(one.x, one.y) for one in points])}"/>' if points else ""
        body += "".join(shape(role, float(frame.at_x(one.x)), float(frame.at_y(one.y))) for one in points)
    roles = [role for role, _ in lines]
    return svg(about, body + key([(f"curve {role}", said) for role, said in zip(roles, words or roles, strict=True)]))


def mirrored(
    about: About,
    frame: Frame,
    halves: tuple[Sequence[int], Sequence[int]],
    *,
    words: tuple[str, str] = ("positive", "negative"),
    cut: float | None = None,
) -> str:
    """Draw one kind of rows upwards and the other downwards, named in `words`, and a threshold as a line."""
    up, down = halves
    body = axes(frame)
    (low, high), n = frame.x, len(up)
    for i, (above, below) in enumerate(zip(up, down, strict=True)):
        left, right = (float(frame.at_x(low + (high - low) * j / n)) for j in (i, i + 1))
        for style, one, other in (("positive", above, 0), ("negative", 0, -below)):
            tall = float(frame.at_y(other)) - float(frame.at_y(one))
            if one != other:
                box = f'x="{px(left + 0.5)}" y="{frame.at_y(one)}" width="{px(right - left - 1)}" height="{px(tall)}"'
                body += f'<rect class="bar {style}" {box}/>'
    body += f'<path class="axis" fill="none" d="{path(frame, [(low, 0), (high, 0)])}"/>'
    if cut is not None and low <= cut <= high:
        body += f'<path class="limit" fill="none" d="{path(frame, [(cut, frame.y[0]), (cut, frame.y[1])])}"/>'
    return svg(about, body + key([("bar positive", f"{words[0]}, up"), ("bar negative", f"{words[1]}, down")]))


def scatter(about: About, frame: Frame, model: tuple[str, Sequence[Point]]) -> str:
    """Draw a point a row, and dashed the line on which prediction and truth agree."""
    role, points = model
    low, high = max(frame.x[0], frame.y[0]), min(frame.x[1], frame.y[1])
    body = axes(frame) + f'<path class="even" d="{path(frame, [(low, low), (high, high)])}"/>'
    body += "".join(f'<circle class="dot {role}" cx="{frame.at_x(x)}" cy="{frame.at_y(y)}" r="3"/>' for x, y in points)
    return svg(about, body + key([(f"dot {role}", role)]))


def steps(about: About, frame: Frame, models: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Draw one histogram outline a model over the same bins."""
    low, high = frame.x
    body = axes(frame)
    for role, bins in models:
        edges = [low + (high - low) * i / len(bins) for i in range(len(bins) + 1)]
        line = [(x, float(c)) for c, one, other in zip(bins, edges, edges[1:], strict=False) for x in (one, other)]
        body += f'<path class="curve {role}" d="{path(frame, [(low, 0.0), *line, (high, 0.0)])}"/>'
    if low < 0 < high:
        body += f'<path class="even" d="{path(frame, [(0, frame.y[0]), (0, frame.y[1])])}"/>'
    return svg(about, body + key([(f"curve {role}", role) for role, _ in models]))


def density(about: About, frame: Frame, points: Sequence[Point], *, at: float, interval: Point, middle: float) -> str:
    """Draw how well each difference fits: what lies left of the limit `at` is shaded apart, the interval is a bar below.

    `frame.y` starts below 0, which leaves the room for the bar.
    """
    body = axes(frame, heights=False)
    for style, side in (
        ("against", [p for p in points if p[0] <= at]),
        ("within", [p for p in points if p[0] >= at]),
    ):
        if side:
            body += f'<path class="area {style}" d="{path(frame, [(side[0][0], 0.0), *side, (side[-1][0], 0.0)])}Z"/>'
    body += f'<path class="curve challenger" d="{path(frame, points)}"/>'
    base, (low, high) = frame.at_y(frame.y[0] / 2), interval
    body += f'<line class="solid i-range" x1="{frame.at_x(low)}" y1="{base}" x2="{frame.at_x(high)}" y2="{base}"/>'
    body += f'<circle class="point p-range" cx="{frame.at_x(middle)}" cy="{base}" r="4"/>'
    if frame.x[0] <= at <= frame.x[1]:
        body += f'<path class="limit" fill="none" d="{path(frame, [(at, frame.y[0]), (at, frame.y[1])])}"/>'
    if frame.x[0] < 0 < frame.x[1] and at != 0:
        body += f'<path class="zero" fill="none" d="{path(frame, [(0, frame.y[0]), (0, frame.y[1])])}"/>'
    return svg(about, body + key([("bar against", "not allowed"), ("bar within", "allowed"), ("limit", "limit")]))
