"""Slices: which rows have the named values, and values that no row can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from release.config.model import DataSpec, Slice
from release.data.contract import conform
from release.data.slices import rows_where
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.data.contract import Table

COLUMNS = {
    "smoker": {"type": "bool", "missing": 0.5},
    "age": {"type": "int"},
    "dose": {"type": "float"},
    "sex": {"type": "category", "missing": 0.5},
}


def table() -> Table:
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "smoker": ["true", "false", None, "1"],
            "age": ["30", "31", "30", "32"],
            "dose": ["0.5", "1", "2.0", "1.0"],
            "sex": ["1", "2", None, "1"],
            "y": ["0", "1", "0", "1"],
        },
        dtype=object,
    )
    spec = DataSpec.model_validate({"train": "a.csv", "test": "b.csv", "target": "y", "id": "id", "columns": COLUMNS})
    return conform(frame, spec, "binary", where="rows.csv")


def chosen(**where: Any) -> list[int]:
    part = Slice.model_validate({"name": "s", "where": where, "metric": "recall", "margin": 0.1})
    return rows_where(part, table(), where="models/m/model.yaml").tolist()


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"smoker": True}, [0, 3]),
        ({"smoker": False}, [1]),
        ({"smoker": "true"}, [0, 3]),
        ({"smoker": 0}, [1]),
        ({"age": 30}, [0, 2]),
        ({"age": "30"}, [0, 2]),
        ({"dose": 1}, [1, 3]),
        ({"dose": 2.0}, [2]),
        ({"sex": 1}, [0, 3]),
        ({"sex": "2"}, [1]),
        ({"sex": "3"}, []),
        ({"smoker": True, "age": 32}, [3]),
        ({"smoker": True, "age": 31}, []),
        ({}, [0, 1, 2, 3]),
    ],
)
def test_rows_are_chosen_by_all_named_values(where: dict[str, Any], rows: list[int]) -> None:
    """Values mean what the column's type makes of them; a missing value is none of them."""
    assert chosen(**where) == rows


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (
            {"smokr": True},
            'models/m/model.yaml: slice "s" asks for column "smokr", which is no feature; there are: smoker, age, dose, sex',
        ),
        (
            {"y": 1},
            'models/m/model.yaml: slice "s" asks for column "y", which is no feature; there are: smoker, age, dose, sex',
        ),
        (
            {"smoker": "often"},
            'models/m/model.yaml: slice "s": column "smoker" is bool, and never holds often; correct gate.slices',
        ),
        ({"age": True}, 'models/m/model.yaml: slice "s": column "age" is int, and never holds true; correct gate.slices'),
        (
            {"dose": "high"},
            'models/m/model.yaml: slice "s": column "dose" is float, and never holds high; correct gate.slices',
        ),
    ],
)
def test_what_no_row_can_have_is_a_mistake(where: dict[str, Any], line: str) -> None:
    """A slice that is empty by a typo must not look like one that is empty by chance."""
    with pytest.raises(BadInputError) as caught:
        chosen(**where)
    assert str(caught.value) == line
