"""Which charts a task gets, and for binary models what each says: predictions in, HTML figures out.

Computing points is `curves`' and `bands`' business and drawing them `plots`'; the verdict is nobody's here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report import plots
from release.report.bands import STEPS, Limits, precision_band, roc_band
from release.report.canvas import About, Frame, ticks
from release.report.curves import calibration, counts, cumulative, precision_recall, roc
from release.report.figure import between, charts, figure, limits_table, numbers, undrawn
from release.report.figures_classes import class_figures
from release.report.figures_regression import regression_figures
from release.report.format import count, number, percent
from release.report.labels import label_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.curves import Counted, Curves

_UNIT = (0.0, 1.0)
_DIAGONAL = ((0.0, 0.0), (1.0, 1.0))
_EVERY = STEPS // 10
_POINTWISE = "Shaded: where each point may lie, with 95% confidence for one point at a time."
_GROUPED = "No bands: rows of one group belong together, and these would be too narrow."


def figures(curves: Curves) -> str:
    """Return a section's content for the task's charts and tables; one sentence when there are no rows."""
    if not len(curves.y):
        return '<p class="muted">There are no test rows to draw.</p>'
    said = '<p class="muted">Charts count every row once; the gate weighs the rows.</p>' if curves.weighted else ""
    if curves.task == "regression":
        return said + charts(*regression_figures(curves))
    if curves.task == "multiclass":
        return said + charts(*class_figures(curves)) + label_tables(curves)
    counted = [(role, cumulative(curves.y, score)) for role, score in curves.models()]
    drawn = (_roc(curves, counted), _precision_recall(curves, counted), _calibration(curves), *_histograms(curves))
    return said + charts(*drawn) + label_tables(curves)


def _roc(curves: Curves, counted: Sequence[tuple[str, Counted]]) -> str:
    lines = [(role, roc(one)) for role, one in counted]
    if not all(points for _, points in lines):
        return undrawn("ROC", "the test rows hold one class only")
    bands = [(role, roc_band(one)) for role, one in counted]
    text = f"The share of positive rows found, against the share of negative rows called positive. {_banded(curves)}"
    about = About(name="roc", title="ROC", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="false positive rate", y_label="true positive rate")
    svg = plots.curves(about, frame, lines, even=_DIAGONAL, bands=[] if curves.grouped else bands)
    return figure(about, svg, _band_table(curves, about, ("false positive rate", "found"), bands))


def _precision_recall(curves: Curves, counted: Sequence[tuple[str, Counted]]) -> str:
    lines = [(role, precision_recall(one)) for role, one in counted]
    if not all(points for _, points in lines):
        return undrawn("Precision and recall", "no test row is positive")
    bands = [(role, precision_band(one)) for role, one in counted]
    base = float((curves.y == 1).mean())
    text = f"Of the rows called positive, the share that is, as more are found. Guessing gives {percent(base)}."
    about = About(name="pr", title="Precision and recall", description=f"{text} {_banded(curves)}")
    frame = Frame(x=_UNIT, y=_UNIT, x_label="recall", y_label="precision")
    svg = plots.curves(about, frame, lines, even=((0, base), (1, base)), bands=[] if curves.grouped else bands)
    return figure(about, svg, _band_table(curves, about, ("recall", "precision"), bands))


def _banded(curves: Curves) -> str:
    return _GROUPED if curves.grouped else _POINTWISE


def _band_table(curves: Curves, about: About, names: tuple[str, str], bands: Sequence[tuple[str, Sequence[Limits]]]) -> str:
    """Return heights at ten steps, with limits where rows are on their own."""
    x, y = names
    if not curves.grouped:
        return limits_table(about, x, y, bands, every=_EVERY)
    steps = [(one.x, i) for i, one in enumerate(bands[0][1])][::-_EVERY][::-1]
    rows = [(number(at), [number(band[i].y) for _, band in bands]) for at, i in steps]
    return numbers(about.title, x, [f"{role}: {y}" for role, _ in bands], rows)


def _calibration(curves: Curves) -> str:
    models = [(role, calibration(curves.y, score)) for role, score in curves.models()]
    if not all(bins for _, bins in models):
        return undrawn("Calibration", "the scores are no probabilities")
    text = "On the diagonal a score means what it says. Thin lines are 95% limits: few rows make them long."
    about = About(name="calibration", title="Calibration", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="mean score of similar rows", y_label="share that is positive")
    points = [(role, [Limits(x=b.score, y=b.share, low=b.low, high=b.high) for b in bins]) for role, bins in models]
    rows = [
        (f"{role}, mean score {number(b.score)}", [number(b.share), between(b.low, b.high), count(b.rows)])
        for role, bins in models
        for b in bins
    ]
    table = numbers(about.title, "model and score", ["share positive", "limits", "rows"], rows)
    return figure(about, plots.measured(about, frame, points, even=_DIAGONAL), table)


def _histograms(curves: Curves) -> list[str]:
    """Draw both models' scores on the same two scales, so that heights may be compared."""
    scores = [score for _, score in curves.models()]
    low = min(0.0, *(float(s.min()) for s in scores))
    high = max(1.0, *(float(s.max()) for s in scores))
    halves = [tuple(counts(s[curves.y == side], low=low, high=high) for side in (1, 0)) for s in scores]
    top, bottom = (1.05 * (max(max(half[side]) for half in halves) or 1) for side in (0, 1))
    frame = Frame(x=(low, high), y=(-bottom, top), x_label="score", y_label="rows", y_ticks=ticks(-bottom, top))
    out = []
    for (role, _), (up, down) in zip(curves.models(), halves, strict=True):
        cut = curves.cut(role)
        text = (
            f"How the {role} scores positive rows (up) and negative rows (down). The line is its threshold, {number(cut)}."
        )
        about = About(name=f"scores-{role}", title=f"Scores, {role}", description=text)
        width = (high - low) / len(up)
        rows = [
            (f"from {number(low + i * width)}", [count(above), count(below)])
            for i, (above, below) in enumerate(zip(up, down, strict=True))
            if above or below
        ]
        table = numbers(about.title, "score", ["positive rows", "negative rows"], rows)
        out.append(figure(about, plots.mirrored(about, frame, (up, down), cut=cut), table))
    return out
