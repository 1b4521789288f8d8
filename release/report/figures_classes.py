"""Charts for several classes: what is found of each, whether confidence is deserved; predictions in, HTML figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from release.report import plots, rowplots
from release.report.bands import Limits
from release.report.canvas import About, Frame, ticks
from release.report.curves import calibration, confusion, counts, cumulative, labels, roc, wilson
from release.report.figure import between, figure, numbers
from release.report.format import NOTHING, count, number, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.report.curves import Curves, Floats

    Right = list[tuple[str, NDArray[np.bool_], Floats]]

_UNIT = (0.0, 1.0)
MOST_CLASSES = 40
_MOST_RANKED = 2_000_000


def class_figures(curves: Curves) -> tuple[str, ...]:
    """Return recall by class, then how often each confidence is right, and its distribution by model."""
    right = [
        (role, labels(curves, role, predicted) == curves.y, predicted.max(axis=1)) for role, predicted in curves.models()
    ]
    return (_recalls(curves), _calibration(right), *_confidence(right))


def _recalls(curves: Curves) -> str:
    """Draw the share of each class that is labelled right, with Wilson's 95% limits; the rarest where there are many."""
    tables = [
        (role, np.array(confusion(curves.y, labels(curves, role, predicted), len(curves.classes))))
        for role, predicted in curves.models()
    ]
    rows = tables[0][1].sum(axis=1)
    ranked = curves.challenger.size <= _MOST_RANKED
    chosen = np.argsort(rows, kind="stable")[:MOST_CLASSES]
    chosen = np.sort(chosen)
    lines, told = [], []
    for i in chosen.tolist():
        n, marks, cells = int(rows[i]), list[rowplots.Mark](), [count(int(rows[i]))]
        for (role, matrix), (_, predicted) in zip(tables, curves.models(), strict=True):
            called = int(matrix[:, i].sum())
            others = [
                number(matrix[i, i] / called) if called else NOTHING,
                *([_against_rest(curves, i, predicted)] if ranked else []),
            ]
            if not n:
                cells += [NOTHING, NOTHING, *others]
                continue
            share = float(matrix[i, i] / n)
            low, high = (float(end) for end in wilson(np.array(share), n))
            marks.append(rowplots.Mark(style=role, value=share, low=low, high=high))
            cells += [number(share), between(low, high), *others]
        name = plain(curves.classes[i], limit=40)
        lines.append(rowplots.Line(name=f"{name} ({count(n)} rows)", marks=tuple(marks)))
        told.append((name, cells))
    few = f" The {MOST_CLASSES} rarest of {count(len(rows))} classes." if len(rows) > MOST_CLASSES else ""
    text = f"Of each class, the share that is labelled right, with 95% limits for one class at a time.{few}"
    about = About(name="recalls", title="Recall by class", description=text)
    columns = ("recall", "limits", "precision", *(("AUC against the rest",) if ranked else ()))
    heads = ["rows", *(f"{role}: {what}" for role, _ in tables for what in columns)]
    words = [(f"mark {role}", role) for role, _ in tables]
    svg = rowplots.rows(about, _UNIT, "recall", lines, words=words)
    return figure(about, svg, numbers(about.title, "class", heads, told))


def _against_rest(curves: Curves, i: int, predicted: NDArray[Any]) -> str:
    """Write the area under the ROC curve of one class against all others, a dash where it has no rows or all of them."""
    points = roc(cumulative(np.asarray(curves.y == i, dtype=np.int64), predicted[:, i]))
    x, y = np.array(points).T if points else (np.array([]), np.array([]))
    return number(float(np.trapezoid(y, x))) if points else NOTHING


def _calibration(right: Right) -> str:
    models = [(role, calibration(correct.astype(np.int64), sure)) for role, correct, sure in right]
    text = "How often the most probable class is right, by how probable the model says it is. Thin lines are 95% limits."
    about = About(name="calibration", title="Calibration of the label", description=text)
    frame = Frame(x=_UNIT, y=_UNIT, x_label="mean probability of similar rows", y_label="share that is right")
    points = [(role, [Limits(x=b.score, y=b.share, low=b.low, high=b.high) for b in bins]) for role, bins in models]
    rows = [
        (f"{role}, mean probability {number(b.score)}", [number(b.share), between(b.low, b.high), count(b.rows)])
        for role, bins in models
        for b in bins
    ]
    table = numbers(about.title, "model and probability", ["share right", "limits", "rows"], rows)
    return figure(about, plots.measured(about, frame, points, even=((0, 0), (1, 1))), table)


def _confidence(right: Right) -> list[str]:
    halves = [
        (role, tuple(counts(sure[correct == side], low=0, high=1) for side in (True, False)))
        for role, correct, sure in right
    ]
    top, bottom = (1.05 * (max(max(half[side]) for _, half in halves) or 1) for side in (0, 1))
    frame = Frame(x=_UNIT, y=(-bottom, top), x_label="probability of the label", y_label="rows", y_ticks=ticks(-bottom, top))
    out = []
    for role, (up, down) in halves:
        text = f"How sure the {role} is where it is right (up) and where it is wrong (down)."
        about = About(name=f"scores-{role}", title=f"Confidence, {role}", description=text)
        told = [
            (f"from {number(i / len(up))}", [count(above), count(below)])
            for i, (above, below) in enumerate(zip(up, down, strict=True))
            if above or below
        ]
        table = numbers(about.title, "probability", ["rows right", "rows wrong"], told)
        out.append(figure(about, plots.mirrored(about, frame, (up, down), words=("right", "wrong")), table))
    return out
