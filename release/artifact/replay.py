"""Requests to replay: held-out rows as V2 inference requests, one a line, beside a model in its image's layer.

They are no part of the model: `model.json` does not name them, so that its digest does not depend on a test set, and the
server does not read them. Which rows a file holds is `release.data.replay`'s business.
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from release.artifact.serial import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.artifact.model import Column
    from release.records import JsonScalar

REPLAY = "replay.jsonl"
MOST = 500
"""So many rows say what a model does; more only make images larger."""

_GOLDEN = (math.sqrt(5) - 1) / 2

NUMBERS = frozenset({"float", "int", "bool"})
DATATYPES = {"float": "FP64", "int": "INT64", "bool": "BOOL", "category": "BYTES", "text": "BYTES", "datetime": "BYTES"}


def picked(rows: int) -> list[int]:
    """Return which of so many rows are taken, and in which order: all, or MOST of them, evenly spread.

    Steps of about the golden section of the file: any run of them is spread over all of it too. A canary is measured while
    its replay goes on, and the beginning of a sorted file would make a good model look shifted.
    """
    taken = [number * rows // MOST for number in range(MOST)] if rows > MOST else list(range(rows))
    step = next((one for one in range(round(len(taken) * _GOLDEN), len(taken)) if math.gcd(one, len(taken)) == 1), 1)
    return [taken[number * step % len(taken)] for number in range(len(taken))]


def requests(columns: Sequence[Column], rows: Sequence[Sequence[JsonScalar]]) -> bytes:
    """Return a line for each row, whose cells are in the order of `columns`, None where missing.

    A tensor a column; or, where all are numbers, one for the whole row, which is several times shorter.
    """
    if all(column.type in NUMBERS for column in columns):
        name = "row"
        while any(column.name == name for column in columns):
            name += "_"
        tensors = ([_tensor(name, "FP64", [1, len(row)], [*map(_number, row)])] for row in rows)
    else:
        tensors = (
            [_tensor(column.name, DATATYPES[column.type], [1], [cell]) for column, cell in zip(columns, row, strict=True)]
            for row in rows
        )
    return b"".join(canonical({"inputs": inputs}) + b"\n" for inputs in tensors)


def _tensor(name: str, datatype: str, shape: list[int], data: list[JsonScalar]) -> dict[str, object]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _number(cell: JsonScalar) -> JsonScalar:
    return int(cell) if isinstance(cell, bool) else cell
