"""Which charts a task gets, and what each says: predictions in, HTML figures out.

Computing points is `curves`' business and drawing them `plots`'; the verdict is nobody's here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report import plots
from release.report.curves import MOST_POINTS, calibration, counts, pairs, precision_recall, roc
from release.report.escape import attribute
from release.report.format import MINUS, count, number, percent
from release.report.labels import label_tables
from release.report.plots import About, Frame

if TYPE_CHECKING:
    from release.report.curves import Curves

_UNIT = (0.0, 1.0)


def figures(curves: Curves) -> str:
    """Return a section's content for the task's charts and tables; one sentence when there are no rows."""
    if not len(curves.y):
        return '<p class="muted">There are no test rows to draw.</p>'
    if curves.task == "regression":
        return f'<div class="charts">{_fits(curves)}{_residuals(curves)}</div>'
    if curves.task == "multiclass":
        return label_tables(curves)
    charts = _roc(curves) + _precision_recall(curves) + _calibration(curves) + _histograms(curves)
    return f'<div class="charts">{charts}</div>{label_tables(curves)}'


def _figure(about: About, svg: str) -> str:
    caption = attribute(about.description)
    return f"<figure><h3>{attribute(about.title)}</h3>{svg}<figcaption>{caption}</figcaption></figure>"


def _undrawn(title: str, why: str) -> str:
    return f'<figure><h3>{attribute(title)}</h3><p class="muted">Not drawn: {attribute(why)}.</p></figure>'


def _roc(curves: Curves) -> str:
    lines = [(role, roc(curves.y, score)) for role, score in curves.models()]
    if not all(points for _, points in lines):
        return _undrawn("ROC", "the test rows hold one class only")
    text = "The share of positive rows found, against the share of negative rows called positive. Up and left is better."
    about = About(name="roc", title="ROC", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="false positive rate", y_label="true positive rate")
    return _figure(about, plots.curves(about, frame, lines, even=((0, 0), (1, 1))))


def _precision_recall(curves: Curves) -> str:
    lines = [(role, precision_recall(curves.y, score)) for role, score in curves.models()]
    if not all(points for _, points in lines):
        return _undrawn("Precision and recall", "no test row is positive")
    base = float((curves.y == 1).mean())
    text = f"Of the rows called positive, the share that is, as more are found. Guessing gives {percent(base)}."
    about = About(name="pr", title="Precision and recall", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="recall", y_label="precision")
    return _figure(about, plots.curves(about, frame, lines, even=((0, base), (1, base))))


def _calibration(curves: Curves) -> str:
    models = [(role, calibration(curves.y, score)) for role, score in curves.models()]
    if not all(bins for _, bins in models):
        return _undrawn("Calibration", "the scores are no probabilities")
    text = "On the diagonal a score means what it says. Thin lines are 95% limits: few rows make them long."
    about = About(name="calibration", title="Calibration", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="mean score of similar rows", y_label="share that is positive")
    return _figure(about, plots.calibration(about, frame, models))


def _histograms(curves: Curves) -> str:
    """Draw both models' scores on the same two scales, so that heights may be compared."""
    scores = [score for _, score in curves.models()]
    low = min(0.0, *(float(s.min()) for s in scores))
    high = max(1.0, *(float(s.max()) for s in scores))
    halves = [tuple(counts(s[curves.y == side], low=low, high=high) for side in (1, 0)) for s in scores]
    top, bottom = (1.05 * (max(max(half[side]) for half in halves) or 1) for side in (0, 1))
    frame = Frame(x=(low, high), y=(-bottom, top), x_label="score", y_label="rows", y_ticks=plots.ticks(-bottom, top))
    out = ""
    for (role, _), (up, down) in zip(curves.models(), halves, strict=True):
        cut = curves.cut(role)
        text = (
            f"How the {role} scores positive rows (up) and negative rows (down). The line is its threshold, {number(cut)}."
        )
        about = About(name=f"scores-{role}", title=f"Scores, {role}", description=text)
        out += _figure(about, plots.mirrored(about, frame, (up, down), cut=cut))
    return out


def _fits(curves: Curves) -> str:
    every = [[float(v) for v in values] for values in (curves.y, *(p for _, p in curves.models()))]
    both = plots.extent(*every)
    shown = f"{count(min(len(curves.y), MOST_POINTS))} of {count(len(curves.y))}"
    out = ""
    for role, prediction in curves.models():
        text = f"Each dot is a test row ({shown}). On the line the {role} is right."
        about = About(name=f"fit-{role}", title=f"Predicted against actual, {role}", description=text)
        frame = Frame(x=both, y=both, x_label="actual", y_label="predicted")
        out += _figure(about, plots.scatter(about, frame, (role, pairs(curves.y, prediction))))
    return out


def _residuals(curves: Curves) -> str:
    errors = [(role, prediction - curves.y) for role, prediction in curves.models()]
    low, high = plots.extent(*([float(v) for v in error] for _, error in errors))
    bins = [(role, counts(error, low=low, high=high)) for role, error in errors]
    text = "How far off the predictions are. Narrow and around zero is better."
    about = About(name="residuals", title="Residuals", description=text)
    top = 1.05 * max(max(b) for _, b in bins)
    frame = Frame(x=(low, high), y=(0, top), x_label=f"predicted {MINUS} actual", y_label="rows")
    return _figure(about, plots.steps(about, frame, bins))
