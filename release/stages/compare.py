"""Compare: the gate alone, on two files of predictions that any tool may have written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.artifact.serial import digest_json
from release.config.names import METRICS as NAMES
from release.data import tables
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
    for files that do not have the columns, the same ids or the same truth.
    """
    if metric not in NAMES["binary"] and metric not in NAMES["regression"]:
        known = ", ".join([*NAMES["binary"], *NAMES["regression"]])
        raise BadInputError(
            f'"{metric}" is no metric that two columns can be judged by', where="--metric", fix=f"one of: {known}"
        )
    ours, theirs = _read(challenger, columns), _read(champion, columns)
    order = _order(ours, theirs, columns, challenger, champion)
    y = _numbers(ours, columns.target, challenger)
    if not np.array_equal(y, _numbers(theirs, columns.target, champion)[order]):
        raise BadInputError(
            f'the two files disagree on "{columns.target}"', where=str(challenger), fix="predict the same rows"
        )
    binary = metric in NAMES["binary"]
    if binary and not np.isin(y, (0, 1)).all():
        raise BadInputError(f'{metric} needs 0 and 1 in "{columns.target}"', where=str(challenger), fix="encode the target")
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


def _read(path: Path, columns: Columns) -> pd.DataFrame:
    frame = tables.read(path, where=str(path))
    missing = [name for name in (columns.id, columns.target, columns.score) if name not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns))
        raise BadInputError(f'there is no column "{missing[0]}"', where=str(path), fix=f"the file has: {has}")
    if frame[columns.id].duplicated().any() or frame[columns.id].isna().any():
        raise BadInputError(
            f'"{columns.id}" does not name rows: it repeats or is empty', where=str(path), fix="give each row one id"
        )
    return frame


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
    try:
        values = frame[column].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f'"{column}" holds something that is no number: {error}', where=str(path), fix="write numbers"
        ) from error
    if not np.isfinite(values).all():
        line = int(np.flatnonzero(~np.isfinite(values))[0]) + 2
        raise BadInputError(f'"{column}" is empty or not finite', where=f"{path}:{line}", fix="a judgement needs every row")
    return values
