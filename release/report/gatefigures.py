"""What the gate judged, drawn: intervals against their limits, the primary's difference, slices on one scale.

Everything is read from the record, and only drawn where the decision rule says of the drawing what the record says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report import plots, rowplots
from release.report.canvas import About, Frame, extent
from release.report.cells import ANCHOR, difference, interval, verdict_words
from release.report.escape import attribute
from release.report.figure import charts, figure, numbers, undrawn
from release.report.format import count, number, p_value, percent, plain
from release.report.judged import Form, alone, bar, limit, natural
from release.report.requirements import KINDS, word
from release.report.spread import LEVELS, spread
from release.report.tags import folded
from release.report.words import requirement, subject

if TYPE_CHECKING:
    from release.records import Comparison, VerdictRecord
    from release.report.judged import Bar, Limit
    from release.report.spread import Spread

_HOW_TO_READ = (
    "The thick line is the limit; right of it is allowed, and better. The band is the interval: wholly right of the limit, "
    "the requirement holds; across it, the rows cannot tell. The light tail is the stricter end that decides a failure: "
    "band and tail wholly left of the limit. Dashed: no difference. Each row has its own scale."
)


def forest(verdict: VerdictRecord) -> str:
    """Draw every comparison's interval against its own limit, each on a scale of its own."""
    if not verdict.comparisons:
        return ""
    strips = "".join(_strip(i, c) for i, c in enumerate(verdict.comparisons))
    heads = ["difference or value", "interval", "stricter end", "limit", "p (no difference)", "p (at the limit)", "method"]
    told = [(subject(c), _numbers(c)) for c in verdict.comparisons]
    table = folded("Numbers: intervals", numbers("Intervals in numbers", "requirement", heads, told))
    return f'<p class="muted">{_HOW_TO_READ}</p><ul class="forest">{strips}</ul>{table}'


def _numbers(comparison: Comparison) -> list[str]:
    at = limit(comparison)
    own = at is not None and alone(at)
    stricter = comparison.high_family
    if own and at is not None and stricter is not None:
        stricter = natural(at, stricter)
    return [
        number(comparison.challenger) if own else difference(comparison),
        interval(comparison),
        number(stricter),
        requirement(at, comparison.role),
        p_value(comparison.p_value),
        p_value(comparison.p_margin),
        plain(comparison.method, limit=40),
    ]


def _strip(index: int, comparison: Comparison) -> str:
    name, drawn = subject(comparison), bar(comparison)
    required = requirement(limit(comparison), comparison.role)
    role = "" if comparison.role in ("slice", "floor") else f"{plain(comparison.role, limit=40)}, "
    if drawn is None:
        picture = f'<span class="none muted">Not drawn: {attribute(comparison.reason or "no interval is recorded")}</span>'
    else:
        text = f"{interval(comparison)}, {required}: {comparison.verdict.value}"
        about = About(name=f"i{index}", title=f"Interval of {name}", description=text)
        picture = rowplots.strip(about, drawn, KINDS[comparison.verdict])
    label = f"<span><b>{attribute(name)}</b><small>{attribute(role + required)}</small></span>"
    return f"<li>{label}{picture}<span>{word(comparison)}<small>{interval(comparison)}</small></span></li>"


def leading(verdict: VerdictRecord) -> tuple[Comparison, ...]:
    """Return the comparisons that lead: the primary, against champion and anchor; without one, the first floor."""
    primary = tuple(c for c in verdict.comparisons if c.role == "primary")[:2]
    return primary or tuple(c for c in verdict.comparisons if c.role == "floor")[:1]


def differences(verdict: VerdictRecord) -> str:
    """Draw how well each difference of the primary fits the rows, against its limit; nothing without a primary or floor."""
    shown = leading(verdict)
    return charts(*(_density(i, c) for i, c in enumerate(shown))) if shown else ""


def _density(index: int, comparison: Comparison) -> str:
    at, drawn = limit(comparison), bar(comparison)
    own = at is not None and alone(at)
    title = f"{subject(comparison)}: {'value' if own else 'difference'} against the limit"
    if at is None or drawn is None:
        return undrawn(title, comparison.reason or "no interval is recorded")
    found = spread(drawn, comparison.level)
    if found is None:
        return undrawn(title, "nothing was seen to differ, so the interval has no width")
    text = (
        f"How well each {'value' if own else 'difference'} fits the test rows: high fits well. The picture goes through the "
        f"recorded limits; the bar is the interval at {percent(comparison.level)}. What lies left of the line is not allowed"
        f"{_refuted(comparison)}."
    )
    about = About(name=f"difference-{index}", title=title, description=text)
    points = found.density()
    sign = -1.0 if at.form is Form.CEILING else 1.0
    label = f"{plain(comparison.metric, limit=40)}, better to the right" if own else "difference, better to the right"
    inside = extent([points[0][0], points[-1][0], drawn.at])
    frame = Frame(x=inside, y=(-0.12, 1.08), x_label=label, y_label="fits the rows", x_sign=sign)
    svg = plots.density(about, frame, points, at=drawn.at, interval=(drawn.low, drawn.high), middle=drawn.estimate)
    return figure(about, svg, _levels(about, comparison, at, drawn, found))


def _refuted(comparison: Comparison) -> str:
    return (
        ""
        if comparison.p_margin is None
        else f" (one-sided p = {p_value(comparison.p_margin)} against lying there)".replace("= <", "<")
    )


def _levels(about: About, comparison: Comparison, at: Limit, drawn: Bar, found: Spread) -> str:
    told = [(percent(level), _ends(at, *found.ends(level))) for level in LEVELS]
    told.append((f"{percent(comparison.level)}, as judged", _ends(at, drawn.low, drawn.high)))
    return numbers(about.title, "confidence", ["from", "to"], told)


def _ends(at: Limit, low: float, high: float) -> list[str]:
    ends = sorted((natural(at, low), natural(at, high))) if alone(at) else [low, high]
    return [number(end, unlike=at.written) for end in ends]


def slices(verdict: VerdictRecord) -> str:
    """Draw slices beside all rows, one figure a metric, on one scale; nothing where no slice is set."""
    metrics = dict.fromkeys(c.metric for c in verdict.comparisons if c.role == "slice")
    return charts(*(_slices(i, metric, verdict) for i, metric in enumerate(metrics))) if metrics else ""


def _slices(index: int, metric: str, verdict: VerdictRecord) -> str:
    named = plain(metric, limit=60)
    every = [c for c in verdict.comparisons if c.metric == metric and c.role in ("primary", "guard", "slice")]
    title = f"{named}: slices beside all rows"
    drawn = [(c, at, b) for c in every if (at := _absolute(c)) is not None and (b := bar(c)) is not None]
    missing = [_name(c) for c in every if not any(c is one for one, _, _ in drawn)]
    if not drawn:
        return undrawn(title, "no slice has an interval of a difference")
    lines = [
        rowplots.Line(
            name=f"{_name(c)}: {verdict_words(c)}",
            marks=(rowplots.Mark(style=KINDS[c.verdict], value=b.estimate, low=b.low, high=b.high),),
            at=at.at,
        )
        for c, at, b in drawn
    ]
    left = f" Not drawn: {', '.join(missing)}." if missing else ""
    text = f"Differences of {named} with their intervals; thick marks are the limits, right of them is allowed.{left}"
    about = About(name=f"slices-{index}", title=title, description=text)
    x = extent([v for _, at, b in drawn for v in (b.low, b.high, at.at, 0.0)])
    svg = rowplots.rows(about, x, "difference, better to the right", lines)
    told = [
        (_name(c), [count(c.n), difference(c), interval(c), requirement(limit(c), c.role), verdict_words(c)]) for c in every
    ]
    return figure(about, svg, numbers(title, "rows", ["count", "difference", "interval", "limit", "verdict"], told))


def _absolute(comparison: Comparison) -> Limit | None:
    """Return the limit where it is one of a plain difference: only those share a scale."""
    at = limit(comparison)
    return at if at is not None and at.form in (Form.MARGIN, Form.BETTER_BY) else None


def _name(comparison: Comparison) -> str:
    base = "all rows" if comparison.slice is None else plain(comparison.slice, limit=40)
    return f"{base}, than the anchor" if comparison.against == ANCHOR else base
