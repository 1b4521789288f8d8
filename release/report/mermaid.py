"""Charts as Mermaid's xychart, for comments: what GitHub, GitLab and Gitea all render, from version 10.6 on.

Only lines and bars over lists of names are used: Mermaid 10, which some of them run, misplaces points on a numeric axis.
Names of people's columns are reduced to letters, digits and a few marks, because nothing can be escaped inside a chart;
where nothing is left of a name, its number stands for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from release.report.canvas import ticks
from release.report.curves import at_even_steps, calibration, cumulative, roc
from release.report.escape import prose
from release.report.format import plain
from release.report.gatefigures import leading
from release.report.inspecting import ranked
from release.report.judged import Form, alone, bar, limit
from release.report.spread import spread
from release.report.words import requirement, subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison, InspectRecord, VerdictRecord
from release.report.curves import Curves

CHAMPION, CHALLENGER, OTHER = "#8a8f98", "#1f6feb", "#b35900"
_COLUMNS, _NAME = 8, 24
_STEPS = 20


def charts(verdict: VerdictRecord, curves: Curves | None, inspected: InspectRecord | None) -> list[tuple[str, str]]:
    """Return (title, Markdown) of every chart there is something for; to be folded away by the caller."""
    found = [("The difference that leads", _difference(verdict))]
    if curves is not None and curves.task == "binary" and len(curves.y):
        found += [("ROC curve", _roc(curves)), ("Calibration", _calibration(curves))]
    if inspected is not None:
        found += [("Permutation importance", _importance(inspected)), ("Learning curve", _learning(inspected))]
    return [(title, chart) for title, chart in found if chart]


def _chart(said: str, colours: Sequence[str], lines: Sequence[str], *, way: str = "") -> str:
    palette = ", ".join(colours)
    setting = f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}}}}}%%'
    body = "\n".join(f"  {line}" for line in lines)
    return f"{said}\n\n```mermaid\n{setting}\nxychart-beta{way}\n{body}\n```"


def _series(kind: str, values: Sequence[float]) -> str:
    return f"{kind} [{', '.join(_number(value) for value in values)}]"


def _number(value: float) -> str:
    """Write a number as Mermaid reads it: plain digits, no exponent."""
    return np.format_float_positional(float(f"{value:.4g}"), trim="-")


def _names(title: str, names: Sequence[str]) -> str:
    """Return an axis of names, each different from the others."""
    return f'x-axis "{title}" [{", ".join(f"{chr(34)}{name}{chr(34)}" for name in names)}]'


def _label(text: str, otherwise: str) -> str:
    kept = " ".join(re.sub(r"[^A-Za-z0-9_. -]+", " ", plain(text, limit=_NAME, ellipsis="")).split())
    return f'"{kept or otherwise}"'


def _sides(roles: Sequence[str]) -> tuple[str, list[str]]:
    colours = {"champion": CHAMPION, "challenger": CHALLENGER}
    said = "Grey the champion, blue the challenger" if len(roles) > 1 else "The challenger"
    return said, [colours[role] for role in roles]


def _roc(curves: Curves) -> str:
    drawn = [(role, at_even_steps(roc(cumulative(curves.y, score)))) for role, score in curves.models()]
    if not all(points for _, points in drawn):
        return ""
    said, colours = _sides([role for role, _ in drawn])
    steps = len(drawn[0][1]) - 1
    return _chart(
        f"{said}: the share of positive rows found, against the share of negative rows called positive.",
        colours,
        [
            'title "ROC"',
            _names("false positive rate", [f"{i / steps:.2f}".lstrip("0") for i in range(steps + 1)]),
            'y-axis "true positive rate" 0 --> 1',
            *(_series("line", points) for _, points in drawn),
        ],
    )


def _calibration(curves: Curves) -> str:
    """Draw the bins of score in which every model has rows, beside the middle of the bin, which would be honest."""
    models = [
        (role, {int(min(b.score, 0.999) * 10): b.share for b in calibration(curves.y, s)}) for role, s in curves.models()
    ]
    shared = sorted(set.intersection(*(set(bins) for _, bins in models)))
    if len(shared) < 2:  # noqa: PLR2004 (a line needs two points)
        return ""
    said, colours = _sides([role for role, _ in models])
    return _chart(
        f"{said}, brown what the scores promise: the share of rows that is positive, by score.",
        [*colours, OTHER],
        [
            'title "Calibration"',
            _names("score", [_number(b / 10 + 0.05) for b in shared]),
            'y-axis "share that is positive" 0 --> 1',
            *(_series("line", [bins[b] for b in shared]) for _, bins in models),
            _series("line", [b / 10 + 0.05 for b in shared]),
        ],
    )


def _difference(verdict: VerdictRecord) -> str:
    drawn = [chart for c in leading(verdict) if (chart := _density(c))]
    return "\n\n".join(drawn)


def _density(comparison: Comparison) -> str:
    at, judged = limit(comparison), bar(comparison)
    if at is None or judged is None or at.form is Form.CEILING:
        return ""
    found = spread(judged, comparison.level)
    if found is None:
        return ""
    x, y = np.array(found.density()).T
    steps = np.array(ticks(min(x[0], judged.at), max(x[-1], judged.at), most=_STEPS))
    heights = np.interp(steps, x, y, left=0.0, right=0.0)
    allowed = steps > judged.at
    what = "value" if alone(at) else "difference"
    written = requirement(at, comparison.role)
    return _chart(
        f"{prose(subject(comparison))}: how well each {what} fits the rows. Blue is allowed by the {written}, brown is not.",
        [OTHER, CHALLENGER],
        [
            f'title "How well each {what} fits"',
            _names(
                f"{what}, better further down",
                [f"{_number(step)}{'' if step > judged.at else ' not allowed'}" for step in steps.tolist()],
            ),
            'y-axis "fits the test rows" 0 --> 1',
            _series("bar", np.where(allowed, 0.0, heights).tolist()),
            _series("bar", np.where(allowed, heights, 0.0).tolist()),
        ],
        way=" horizontal",
    )


def _importance(inspected: InspectRecord) -> str:
    roles = [role for role in ("champion", "challenger") if any(getattr(one, role) for one in inspected.importance)]
    every = [one for one in ranked(inspected) if all(getattr(one, role) for role in roles)][:_COLUMNS]
    if not every:
        return ""
    names = ", ".join(_label(one.column, f"column {i}") for i, one in enumerate(every, start=1))
    known = {role: [float(getattr(one, role)[0]) for one in every] for role in roles}
    values = [value for side in known.values() for value in side]
    low, high = min(0.0, *values), max(0.0, *values)
    if not high > low:
        return ""
    # One bar a column: a second series of bars would be drawn over the first, so the champion is the line.
    kinds = {"challenger": ("bar", CHALLENGER), "champion": ("line", OTHER)}
    sides = [role for role in kinds if role in known]
    said = " and ".join({"challenger": "Bars the challenger", "champion": "the line the champion"}[role] for role in sides)
    return _chart(
        f"{said}: what is lost in {prose(inspected.metric, limit=40)} when a column is shuffled.",
        [kinds[role][1] for role in sides],
        [
            'title "Permutation importance"',
            f"x-axis [{names}]",
            f'y-axis "loss" {_number(low)} --> {_number(high)}',
            *(_series(kinds[role][0], known[role]) for role in sides),
        ],
        way=" horizontal",
    )


def _learning(inspected: InspectRecord) -> str:
    points = inspected.learning
    if len(points) < 2:  # noqa: PLR2004 (a line needs two points)
        return ""
    sides = ([p.fitted[0] for p in points], [p.held_out[0] for p in points])
    low, high = min(map(min, sides)), max(map(max, sides))
    room = (high - low) * 0.05 or 1.0
    return _chart(
        "Grey on the rows fitted to, blue on other rows, by the number of training rows.",
        [CHAMPION, CHALLENGER],
        [
            'title "Learning curve"',
            _names("training rows", [str(p.rows) for p in points]),
            f"y-axis {_label(inspected.metric, 'metric')} {_number(low - room)} --> {_number(high + room)}",
            *(_series("line", side) for side in sides),
        ],
    )
