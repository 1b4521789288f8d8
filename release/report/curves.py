"""Point lists for charts, from predictions: thin, deterministic, numpy only.

Nothing is drawn or judged here. Functions return tuples of plain floats; where a curve is not defined (one class only, no
rows), they return an empty tuple, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Points = tuple[tuple[float, float], ...]
    Counted = tuple[Floats, Floats]

MOST_POINTS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """The test rows' truth and both models' predictions, rows in the same order.

    binary: `y` in {0, 1}, predictions P(positive), shape (n,). multiclass: `y` the class index, predictions shape
    (n, classes). regression: `y` and predictions floats, shape (n,). `champion` is None for a first release. `threshold` is
    the challenger's; `champion_threshold` the champion's where it has another.

    `grouped` says that rows belong together, `weighted` that the gate counts them unequally.
    """

    task: str
    y: NDArray[Any]
    champion: NDArray[Any] | None
    challenger: NDArray[Any]
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    champion_threshold: float | None = None
    grouped: bool = False
    weighted: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn. Raises BadInputError."""
        wanted = (len(self.y), len(self.classes)) if self.task == "multiclass" else (len(self.y),)
        for name, array in self.models():
            if array.shape != wanted:
                raise BadInputError(f"the {name}'s predictions have shape {array.shape}, not {wanted}", fix="evaluate again")
            if not np.isfinite(array).all():
                raise BadInputError(f"the {name}'s predictions are not all finite numbers", fix="evaluate again")

    def models(self) -> tuple[tuple[str, NDArray[Any]], ...]:
        """Return the predictions by role, the champion first where there is one."""
        one = () if self.champion is None else (("champion", self.champion),)
        return (*one, ("challenger", self.challenger))

    def cut(self, role: str) -> float:
        """Return the score from which a model's label is positive."""
        own = self.champion_threshold if role == "champion" else None
        return next((t for t in (own, self.threshold) if t is not None), 0.5)


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Rows of similar score: their mean score, the share that is positive with its 95% Wilson limits, how many they are."""

    score: float
    share: float
    low: float
    high: float
    rows: int


def thin(points: Floats, *, most: int = MOST_POINTS) -> Points:
    """Keep at most `most` of the points (shape (n, 2)), evenly spread over their order, first and last always."""
    if len(points) > most:
        points = points[np.unique(np.linspace(0, len(points) - 1, most).round().astype(np.intp))]
    return tuple((float(x), float(y)) for x, y in points)


def cumulative(y: NDArray[Any], score: Floats) -> Counted:
    """Count positives and negatives at or above each distinct score, from the highest down; ties count together.

    Arrays of (distinct scores,), for what sorts the rows once and draws several curves.
    """
    order = np.argsort(score)[::-1]
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)[: len(score)]
    found = np.cumsum(y[order] == 1)[last].astype(np.float64)
    return found, (last + 1) - found


def roc(counted: Counted) -> Points:
    """Return (false positive rate, true positive rate) from (0, 0) to (1, 1), corners only."""
    found, false = counted
    if not len(found) or not found[-1] or not false[-1]:
        return ()
    points = np.column_stack([false / false[-1], found / found[-1]])
    points = np.vstack([[0.0, 0.0], points])
    before, after = np.diff(points, axis=0)[:-1], np.diff(points, axis=0)[1:]
    turns = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-15  # noqa: PLR2004 (straight, but for rounding)
    return thin(points[np.concatenate([[True], turns, [True]])])


def precision_recall(counted: Counted) -> Points:
    """Return (recall, precision) by falling threshold, thinned; recall never falls along it."""
    found, false = counted
    if not len(found) or not found[-1]:
        return ()
    keep = found > 0
    return thin(np.column_stack([found[keep] / found[-1], found[keep] / (found + false)[keep]]))


def at_even_steps(points: Points, *, steps: int = 20) -> tuple[float, ...]:
    """Read a curve at `steps` + 1 evenly spaced x from 0 to 1, straight between points, the upper end of a jump."""
    if not points:
        return ()
    x, y = np.array(points).T
    highest = np.append(np.flatnonzero(np.diff(x)), len(x) - 1)
    return tuple(float(v) for v in np.interp(np.linspace(0, 1, steps + 1), x[highest], y[highest]))


def calibration(y: NDArray[Any], score: Floats, *, bins: int = 10) -> tuple[Bin, ...]:
    """Group rows into equally wide bins of score; empty bins are left out. Wilson's interval, z = 1.96.

    Scores that are no probabilities have no calibration: the result is empty.
    """
    if len(score) and (score.min() < 0 or score.max() > 1):
        return ()
    where = np.clip((score * bins).astype(np.intp), 0, bins - 1)
    return tuple(_bin(y[where == b] == 1, score[where == b]) for b in range(bins) if (where == b).any())


def _bin(positive: NDArray[np.bool_], score: Floats) -> Bin:
    n, share = len(score), float(positive.mean())
    low, high = wilson(np.array(share), n)
    return Bin(score=float(score.mean()), share=share, low=float(low), high=float(high), rows=n)


def wilson(share: Floats, n: int | Floats) -> tuple[Floats, Floats]:
    """Return the 95% limits (z = 1.96) of shares of `n` rows by Wilson's score interval (1927), shapes as given."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.maximum(0.0, middle - half), np.minimum(1.0, middle + half)


def counts(values: Floats, *, low: float, high: float, bins: int = 20) -> tuple[int, ...]:
    """Count values in equally wide bins from `low` to `high`; what lies outside counts in the end bins."""
    return tuple(int(c) for c in np.histogram(np.clip(values, low, high), bins=bins, range=(low, high))[0])


def confusion(y: NDArray[Any], predicted: NDArray[Any], classes: int) -> tuple[tuple[int, ...], ...]:
    """Count rows by actual class (outer) and predicted class (inner), both class indices."""
    flat = np.bincount(y.astype(np.intp) * classes + predicted.astype(np.intp), minlength=classes * classes)
    return tuple(tuple(int(c) for c in row) for row in flat.reshape(classes, classes))


def labels(curves: Curves, role: str, predictions: NDArray[Any]) -> NDArray[np.intp]:
    """Turn a model's predictions into class indices: at or above its threshold (binary), the most probable (multiclass)."""
    if curves.task == "binary":
        return (predictions >= curves.cut(role)).astype(np.intp)
    chosen: NDArray[np.intp] = predictions.argmax(axis=1)
    return chosen


def pairs(y: NDArray[Any], prediction: Floats) -> Points:
    """Return (actual, predicted) for at most 200 rows, evenly spread over the order of the actual values."""
    order = np.lexsort((prediction, y))
    return thin(np.column_stack([y[order], prediction[order]]).astype(np.float64))


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Rows whose target is of similar size: from, to, how many, and the mean absolute error with its standard error."""

    low: float
    high: float
    rows: int
    error: float
    se: float


def errors_by_size(y: NDArray[Any], prediction: Floats, *, stretches: int = 10) -> tuple[Stretch, ...]:
    """Split rows, (n,) each, into equally many by the size of the target, equal targets together, and average the errors."""
    edges = np.unique(np.quantile(y, np.linspace(0, 1, stretches + 1)[1:-1], method="lower")) if len(y) else np.array([])
    where = np.searchsorted(edges, y, side="left")
    error = np.abs(prediction - y)
    found = []
    for part in range(len(edges) + 1):
        inside = where == part
        n = int(inside.sum())
        if n:
            spread = float(error[inside].std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
            low, high = float(y[inside].min()), float(y[inside].max())
            found.append(Stretch(low=low, high=high, rows=n, error=float(error[inside].mean()), se=spread))
    return tuple(found)
