"""Requests to replay, line by line."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from release.artifact.model import Column
from release.artifact.replay import MOST, REPLAY, picked, requests

AGE, DOSE, SMOKER = (Column(name=name, type=kind) for name, kind in (("age", "int"), ("dose", "float"), ("smoker", "bool")))
GRADE, NOTE = Column(name="grade", type="category"), Column(name="note", type="text", missing=0.5)


def test_a_row_is_a_tensor_a_column_where_any_is_no_number() -> None:
    """Every tensor has one value, its column's name and the datatype that metadata lists."""
    line = requests((AGE, DOSE, SMOKER, GRADE, NOTE), [(30, None, True, "low", None)])
    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "inputs": [
            {"name": "age", "datatype": "INT64", "shape": [1], "data": [30]},
            {"name": "dose", "datatype": "FP64", "shape": [1], "data": [None]},
            {"name": "smoker", "datatype": "BOOL", "shape": [1], "data": [True]},
            {"name": "grade", "datatype": "BYTES", "shape": [1], "data": ["low"]},
            {"name": "note", "datatype": "BYTES", "shape": [1], "data": [None]},
        ]
    }


def test_numbers_alone_are_one_tensor_a_row() -> None:
    """Truth values are numbers then, and the tensor's name is no column's."""
    body = json.loads(requests((AGE, DOSE, SMOKER), [(30, None, True)]))
    assert body == {"inputs": [{"name": "row", "datatype": "FP64", "shape": [1, 3], "data": [30, None, 1]}]}
    named = json.loads(requests((Column(name="row", type="float"), Column(name="row_", type="float")), [(1.5, 2.5)]))
    assert named["inputs"][0]["name"] == "row__"


@pytest.mark.parametrize("columns", [(AGE,), (GRADE,)])
def test_each_row_is_a_line(columns: tuple[Column, ...]) -> None:
    """In the rows' order; no rows are no lines."""
    rows = [(number,) if columns == (AGE,) else (str(number),) for number in range(3)]
    lines = requests(columns, rows).splitlines()
    assert [json.loads(line)["inputs"][0]["data"] for line in lines] == [list(row) for row in rows]
    assert requests(columns, []) == b""


@pytest.mark.parametrize("rows", [1, MOST - 1, MOST, MOST + 1, 2 * MOST, 10 * MOST + 7, 1_000_003])
def test_rows_are_picked_evenly(rows: int) -> None:
    """All of few, exactly MOST of many, spread over the whole file, none twice."""
    taken = sorted(picked(rows))
    assert len(taken) == min(rows, MOST)
    assert taken == sorted(set(taken))
    gaps = {later - earlier for earlier, later in itertools.pairwise(taken)}
    assert max(gaps, default=1) - min(gaps, default=1) <= 1
    assert taken[0] >= 0
    assert rows - taken[-1] <= -(-rows // MOST)


def test_the_chart_looks_where_the_image_has_them() -> None:
    """The default of `replay.requests` is the file in the model's layer."""
    values = (Path(__file__).parents[2] / "charts/model/values.yaml").read_text()
    assert f"  requests: /model/{REPLAY}\n" in values


@pytest.mark.parametrize("rows", [40, 285, MOST, 10 * MOST + 7])
def test_the_first_rows_replayed_stand_for_all(rows: int) -> None:
    """Where a file is sorted by its target, any thirty rows in a row have that target's share within a tenth."""
    taken = picked(rows)
    for start in range(len(taken) - 30):
        share = sum(number < 0.37 * rows for number in taken[start : start + 30]) / 30
        assert abs(share - 0.37) <= 0.1
