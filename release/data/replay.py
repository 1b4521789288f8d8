"""Held-out rows as requests to replay: features only, as a client would send them.

What a request looks like is `release.artifact.replay`'s business; that the rows keep their contract is `contract`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.replay import picked, requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.artifact.model import Column
    from release.data.contract import Table
    from release.records import JsonScalar


def held_out(table: Table, columns: Sequence[Column]) -> tuple[bytes, int]:
    """Return requests made of a table's rows, for a model with these columns, and how many they are.

    Neither ids nor targets, groups or weights are in them.
    """
    taken = picked(table.rows)
    cells = [[_sent(cell, column) for cell in table.features[column.name].iloc[taken].tolist()] for column in columns]
    return requests(columns, list(zip(*cells, strict=True))), len(taken)


def _sent(cell: Any, column: Column) -> JsonScalar:
    """Return a table's cell as a request has it, None where it is missing."""
    if isinstance(cell, str):
        # A text that is missing is empty in a table; where none may be missing, the empty one was written so.
        return None if column.type == "text" and not cell and column.missing > 0 else cell
    if np.isnan(cell):
        return None
    match column.type:
        case "bool":
            return bool(cell)
        case "int":
            return int(cell)
        case _:
            return float(cell)
