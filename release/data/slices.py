"""Which held-out rows belong to a slice of the gate.

How a slice is judged is `release.judging.rule`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.data.values import NUMBER, TRUTH, label
from release.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.model import Scalar, Slice
    from release.data.contract import Table


def rows_where(part: Slice, table: Table, *, where: str) -> NDArray[np.intp]:
    """Return the numbers of the rows in which every named column has the given value; a missing value is no value.

    `where` names the file that defines the slice. Raises BadInputError for a column that is no feature, and for a value that
    its column cannot hold.
    """
    chosen = np.ones(table.rows, dtype=np.bool_)
    for column, value in part.where.items():
        if column not in table.features.columns:
            known = ", ".join(map(str, table.features.columns[:20]))
            raise BadInputError(
                f'slice "{part.name}" asks for column "{column}", which is no feature',
                where=where,
                fix=f"there are: {known}",
            )
        wanted = _held(value, table.kinds[column])
        if wanted is None:
            raise BadInputError(
                f'slice "{part.name}": column "{column}" is {table.kinds[column]}, and never holds {label(value)}',
                where=where,
                fix="correct gate.slices",
            )
        chosen &= (table.features[column] == wanted).to_numpy()
    return np.flatnonzero(chosen)


def _held(value: Scalar, kind: str) -> float | str | None:
    """Return a value as a typed table holds it, None when no column of this type does."""
    text = label(value)
    if kind == "bool":
        truth = TRUTH.get(text.lower())
        return None if truth is None else float(truth)
    if kind in ("float", "int"):
        return float(text) if not isinstance(value, bool) and NUMBER.match(text) else None
    return text
