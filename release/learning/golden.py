"""Golden rows made from training rows: inputs that keep the contract, and what the model says of them.

No row is a training row: each takes its values from other places of each column's distribution, so that an image carries
nobody's record. Texts are made of common words for the same reason.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.artifact.golden import Golden, recorded
from release.learning.asked import scores_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from release.learning.rows import Rows, Task

ROWS = 8
_WORD = re.compile(r"\w+")
_STEP = 3  # coprime with ROWS: neighbouring columns walk through their values in another order


def choose(estimator: Any, table: Rows, task: Task, *, missing: Mapping[str, float]) -> Golden:
    """Make golden rows and record how a fitted estimator scores them; `missing` is the share each column may lack.

    The same table and estimator give the same rows anywhere. The last row lacks every value that may be missing.
    """
    columns = {}
    for position, name in enumerate(table.features.columns):
        cells = _cells(table.features[name], str(table.kinds[name]), position)
        if missing[name] > 0:
            cells[-1] = "" if table.kinds[name] == "text" else np.nan
        columns[name] = pd.Series(cells, dtype=table.features[name].dtype)
    frame = pd.DataFrame(columns, columns=table.features.columns)
    values = scores_of(estimator, frame, table.classes, task)
    plain = [[_plain(cell, str(table.kinds[name])) for cell in frame[name].tolist()] for name in frame.columns]
    return Golden(
        columns=tuple(str(name) for name in frame.columns),
        rows=tuple(zip(*plain, strict=True)),
        scores=tuple(tuple(recorded(score) for score in row) for row in values.tolist()),
    )


def frame(golden: Golden, table: Rows) -> pd.DataFrame:
    """Return golden rows as the table they were chosen from holds rows."""
    columns = {}
    for position, name in enumerate(golden.columns):
        column = table.features[name]
        missing = "" if table.kinds[name] == "text" else np.nan
        cells = [missing if row[position] is None else row[position] for row in golden.rows]
        columns[name] = pd.Series(cells, dtype=column.dtype)
    return pd.DataFrame(columns, columns=table.features.columns)


def _cells(column: pd.Series[Any], kind: str, position: int) -> NDArray[Any]:
    """Return a column's golden values, as the table holds them."""
    known = column[~column.isna()].tolist()
    if kind == "text":
        words = [word for word, _ in _common(word for text in known for word in _WORD.findall(text))]
        cells = [" ".join(words[row : 3 * ROWS : ROWS]) for row in range(ROWS)]
    elif kind in ("float", "int"):
        ordered = sorted(known)
        cells = [ordered[(2 * row + 1) * len(ordered) // (2 * ROWS)] for row in range(ROWS)]
    else:
        often = [value for value, _ in _common(known)]
        cells = [often[row % len(often)] for row in range(ROWS)]
    turned = [cells[(_STEP * row + position) % ROWS] for row in range(ROWS)]
    array = np.empty(ROWS, dtype=np.asarray(column).dtype)
    array[:] = turned
    return array


def _common(things: Any) -> list[tuple[Any, int]]:
    return sorted(Counter(things).items(), key=lambda item: (-item[1], item[0]))


def _plain(cell: Any, kind: str) -> float | int | bool | str | None:
    """Return a cell as a request would have it."""
    if isinstance(cell, str):
        return cell
    if np.isnan(cell):
        return None
    if kind == "bool":
        return bool(cell)
    return int(cell) if kind == "int" else float(cell)
