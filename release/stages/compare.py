"""Compare: the gate alone, on two files of predictions that any tool may have written."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.artifact.serial import digest_json
from release.config.names import METRICS as NAMES
from release.config.source import shown
from release.data import tables
from release.data.values import few, label
from release.errors import BadInputError
from release.judging.rows import Outputs, Rows
from release.judging.rule import Case, Requirement, judge
from release.records import TestSet, VerdictRecord
from release.stats.metrics import METRICS, Needs

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from release.config.model import Margin

_LARGEST_ALPHA = 0.2


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of both files hold the id, the truth and the model's output."""

    id: str
    target: str
    score: str


def compare(
    champion: Path,
    challenger: Path,
    columns: Columns,
    *,
    metric: str,
    margin: Margin | None,
    better_by: float | None,
    threshold: float,
    alpha: float,
) -> VerdictRecord:
    """Judge a challenger's predictions against a champion's by one metric; rows are aligned by id.

    Truth must be 0 and 1 for the metrics of binary classification, a number for those of regression. Raises BadInputError
    for files that do not have the columns, the same ids or the same truth, and for options out of their range.
    """
    _check_options(metric, margin, better_by, threshold, alpha)
    ours, theirs = _read(challenger, columns), _read(champion, columns)
    order = _order(ours, theirs, columns, challenger, champion)
    y = _numbers(ours, columns.target, challenger)
    binary = metric in NAMES["binary"]
    neither = ~np.isin(y, (0, 1))
    if binary and neither.any():
        where = _line(challenger, ours, int(neither.argmax()))
        raise BadInputError(f'{metric} needs 0 and 1 in "{columns.target}"', where=where, fix="encode the target")
    differs = y != _numbers(theirs, columns.target, champion)[order]
    if differs.any():
        where = _line(challenger, ours, int(differs.argmax()))
        raise BadInputError(f'the two files disagree on "{columns.target}" of this row', where=where, fix="use one truth")
    scores = _numbers(ours, columns.score, challenger), _numbers(theirs, columns.score, champion)[order]
    cut = threshold if METRICS[metric].needs is Needs.LABEL else None
    rows = Rows(
        y=y.astype(np.int64) if binary else y,
        champion=Outputs(scores[1], cut),
        challenger=Outputs(scores[0], cut),
    )
    wanted = Requirement(metric=metric, role="primary", margin=margin, better_by=better_by)
    digests = [tables.digest(path) for path in (challenger, champion)]
    case = Case(rows=rows, slices={}, same=digests[0] == digests[1])
    found = judge([wanted], case, alpha=alpha, looks=1, first=False)
    return VerdictRecord(
        verdict=found.verdict,
        model=None,
        challenger=digests[0],
        champion=digests[1],
        alpha=alpha,
        comparisons=found.comparisons,
        reasons=found.reasons,
        test_set=TestSet(digest=digest_json([list(map(str, ours[columns.id])), y.tolist()]), looks=1, budget=1),
        rows_needed=found.rows_needed,
    )


def _check_options(metric: str, margin: Margin | None, better_by: float | None, threshold: float, alpha: float) -> None:
    if metric not in NAMES["binary"] and metric not in NAMES["regression"]:
        known = ", ".join([*NAMES["binary"], *NAMES["regression"]])
        what = f'"{metric}" is no metric that two columns can be judged by'
        raise BadInputError(what, where="--metric", fix=f"one of: {known}")
    if (margin is None) == (better_by is None):
        raise BadInputError("either --margin or --better-by is needed", fix="for example --margin 0.01")
    if better_by is not None and not 0 <= better_by < math.inf:
        raise BadInputError(f"{better_by:g} is no gain to ask for", where="--better-by", fix="use 0 or more; or --margin")
    if not 0 <= threshold <= 1:
        raise BadInputError(f"{threshold:g} is no threshold", where="--threshold", fix="use a number from 0 to 1")
    if not 0 < alpha <= _LARGEST_ALPHA:
        raise BadInputError(f"{alpha:g} is no error rate", where="--alpha", fix=f"use one above 0, at most {_LARGEST_ALPHA}")


def _read(path: Path, columns: Columns) -> pd.DataFrame:
    frame = tables.read(path, where=str(path))
    missing = [name for name in (columns.id, columns.target, columns.score) if name not in frame.columns]
    if missing:
        has = few([str(name) for name in frame.columns])
        raise BadInputError(f'there is no column "{missing[0]}"', where=str(path), fix=f"the file has: {has}")
    unnamed = (frame[columns.id].duplicated() | frame[columns.id].isna()).to_numpy()
    if unnamed.any():
        what = f'"{columns.id}" does not name this row: it is empty, or names a row before'
        raise BadInputError(what, where=_line(path, frame, int(unnamed.argmax())), fix="give each row one id")
    return frame


def _line(path: Path, frame: pd.DataFrame, position: int) -> str:
    """Name a row by its place in the file: the line of a CSV, the row of a Parquet file."""
    return f"{path}:{frame.index[position]}"


def _order(ours: pd.DataFrame, theirs: pd.DataFrame, columns: Columns, challenger: Path, champion: Path) -> NDArray[np.intp]:
    place = {row: number for number, row in enumerate(theirs[columns.id])}
    absent = [str(row) for row in ours[columns.id] if row not in place]
    if absent or len(place) != len(ours):
        extra = sorted(set(map(str, place)) - set(map(str, ours[columns.id])))
        row, where = (absent[0], champion) if absent else (extra[0], challenger)
        raise BadInputError(
            f'the files hold different rows: id "{row}" is missing here', where=str(where), fix="score the same rows"
        )
    return np.array([place[row] for row in ours[columns.id]], dtype=np.intp)


def _numbers(frame: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    values = np.full(len(frame), math.nan)
    for position, cell in enumerate(frame[column]):
        with contextlib.suppress(TypeError, ValueError):
            values[position] = float(cell)
    wrong = ~np.isfinite(values)
    if wrong.any():
        position = int(wrong.argmax())
        cell = frame[column].iloc[position]
        said = "is empty" if frame[column].isna().iloc[position] else f'holds "{shown(label(cell))}", no finite number'
        raise BadInputError(
            f'"{column}" {said}', where=_line(path, frame, position), fix="a judgement needs a number for every row"
        )
    return values
