"""Charts of predicted numbers: against the truth, how far off, and where; predictions in, HTML figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report import plots
from release.report.bands import Limits
from release.report.canvas import About, Frame, extent
from release.report.curves import MOST_POINTS, counts, errors_by_size, pairs
from release.report.figure import between, figure, numbers
from release.report.format import MINUS, count, number

if TYPE_CHECKING:
    from release.report.curves import Curves

_Z = 1.96


def regression_figures(curves: Curves) -> tuple[str, ...]:
    """Return predictions against the truth by model, residuals, and errors by the size of the target."""
    return (*_fits(curves), _residuals(curves), _by_size(curves))


def _fits(curves: Curves) -> list[str]:
    every = [(float(values.min()), float(values.max())) for values in (curves.y, *(p for _, p in curves.models()))]
    both = extent(*every)
    shown = f"{count(min(len(curves.y), MOST_POINTS))} of {count(len(curves.y))}"
    out = []
    for role, prediction in curves.models():
        text = f"Each dot is a test row ({shown}). On the line the {role} is right."
        about = About(name=f"fit-{role}", title=f"Predicted against actual, {role}", description=text)
        frame = Frame(x=both, y=both, x_label="actual", y_label="predicted")
        points = pairs(curves.y, prediction)
        rows = [(number(x), [number(y)]) for x, y in points[:: max(1, len(points) // _ROWS)]]
        table = numbers(f"{about.title}: some of the rows", "actual", ["predicted"], rows)
        out.append(figure(about, plots.scatter(about, frame, (role, points)), table))
    return out


_ROWS = 20


def _residuals(curves: Curves) -> str:
    errors = [(role, prediction - curves.y) for role, prediction in curves.models()]
    low, high = extent(*((float(error.min()), float(error.max())) for _, error in errors))
    bins = [(role, counts(error, low=low, high=high)) for role, error in errors]
    text = "How far off the predictions are. Narrow and around zero is better."
    about = About(name="residuals", title="Residuals", description=text)
    top = 1.05 * max(max(b) for _, b in bins)
    frame = Frame(x=(low, high), y=(0, top), x_label=f"predicted {MINUS} actual", y_label="rows")
    width = (high - low) / len(bins[0][1])
    rows = [(f"from {number(low + i * width)}", [count(b[i]) for _, b in bins]) for i in range(len(bins[0][1]))]
    table = numbers(about.title, f"predicted {MINUS} actual", [f"rows, {role}" for role, _ in bins], rows)
    return figure(about, plots.steps(about, frame, bins), table)


def _by_size(curves: Curves) -> str:
    found = [(role, errors_by_size(curves.y, prediction)) for role, prediction in curves.models()]
    points = [
        (
            role,
            [
                Limits(x=(s.low + s.high) / 2, y=s.error, low=max(0.0, s.error - _Z * s.se), high=s.error + _Z * s.se)
                for s in parts
            ],
        )
        for role, parts in found
    ]
    text = (
        "Rows by the size of their target, tenths of them: how far off the predictions are there. Thin lines are 95% limits."
    )
    about = About(name="by-size", title="Error by size of the target", description=text)
    x = extent(*([one.x for one in limits] for _, limits in points))
    top = max(one.high for _, limits in points for one in limits) or 1.0
    frame = Frame(x=x, y=(0, 1.05 * top), x_label="actual", y_label="mean absolute error")
    rows = [
        (
            between(parts[0].low, parts[0].high),
            [count(parts[0].rows), *(cell for part in parts for cell in (number(part.error), number(part.se)))],
        )
        for parts in zip(*(stretches for _, stretches in found), strict=True)
    ]
    heads = ["rows", *(head for role, _ in found for head in (f"{role}: error", f"{role}: standard error"))]
    return figure(about, plots.measured(about, frame, points), numbers(about.title, "actual", heads, rows))
