"""Which labels the models give: confusion matrices side by side, as HTML tables.

Tables rather than pictures: they read aloud, print and copy as they are. Shades are classes of the style sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.curves import confusion, labels
from release.report.escape import attribute
from release.report.format import count, number
from release.report.style import HEAT
from release.report.tags import row, scroll, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.report.curves import Curves

    Matrix = Sequence[Sequence[int]]

MOST_CLASSES = 16
_MIXED_UP = 20


def label_tables(curves: Curves) -> str:
    """Return a matrix a model; beyond 16 classes, the most frequent confusions."""
    classes = curves.classes if curves.task == "multiclass" else ("negative", "positive")
    tables = [(role, confusion(curves.y, labels(curves, role, p), len(classes))) for role, p in curves.models()]
    if len(classes) > MOST_CLASSES:
        shown = "".join(_mixed_up(f"What the {role} mixes up most", t, classes) for role, t in tables)
    else:
        shown = "".join(_matrix(_caption(curves, role), t, classes) for role, t in tables)
    return f'<h3>Labels</h3><div class="pair">{shown}</div>'


def _caption(curves: Curves, role: str) -> str:
    at = f" at the threshold {number(curves.cut(role))}" if curves.task == "binary" else ""
    return f"Labels of the {role}{at}: rows actual, columns predicted"


def _matrix(caption: str, matrix: Matrix, classes: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{attribute(c, limit=24)}</th>' for c in classes)
    body = ""
    for i, counts in enumerate(matrix):
        cells = "".join(
            f'<td class="{_shade(n, sum(counts))}{" right" * (i == j)}">{count(n)}</td>' for j, n in enumerate(counts)
        )
        body += f'<tr><th scope="row">{attribute(classes[i], limit=24)}</th>{cells}</tr>'
    head = f"<caption>{attribute(caption)}</caption><thead><tr><td></td>{heads}</tr></thead>"
    return scroll(caption, f'<table class="matrix">{head}<tbody>{body}</tbody></table>')


def _shade(n: int, total: int) -> str:
    """Shade by the share of the actual class, so that a rare class is as visible as a common one."""
    return f"h{-(-HEAT * n // total) if total else 0}"


def _mixed_up(caption: str, matrix: Matrix, classes: Sequence[str]) -> str:
    wrong = [(n, i, j) for i, counts in enumerate(matrix) for j, n in enumerate(counts) if i != j and n]
    wrong.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    rows = [row(classes[i], [classes[j], count(n)], numeric=False) for n, i, j in wrong[:_MIXED_UP]]
    return table(caption, ["actual", "predicted", "rows"], f"<tbody>{''.join(rows)}</tbody>")
