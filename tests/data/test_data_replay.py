"""Held-out rows as requests: what of a row is sent, and what never is."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from release.artifact.model import Column
from release.artifact.replay import DATATYPES, MOST
from release.config.model import ModelSpec
from release.data import contract, tables
from release.data.replay import held_out
from release.serving import cells

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS: dict[str, Any] = {
    "age": {"type": "int"},
    "dose": {"type": "float", "missing": 0.5},
    "smoker": {"type": "bool", "missing": 0.5},
    "grade": {"type": "category", "values": ["Low", "high"], "missing": 0.5},
    "note": {"type": "text", "missing": 0.5},
    "seen": {"type": "datetime", "missing": 0.5},
}
ROWS = """\
id,age,dose,smoker,grade,note,seen,who,w,ill
secret-1,30,0.25,true,Low,slept well,2024-05-31,g1,1,1
secret-2,61,,,,,,g1,2,0
secret-3,44,1e-3,0,high,"a ""quoted"" one, ünï",2024-06-01T08:00:00,g2,1,1
"""


def table_of(text: str, folder: Path) -> tuple[contract.Table, list[Column]]:
    path = folder / "b.csv"
    path.write_text(text)
    data = {
        "train": "a.csv",
        "test": "b.csv",
        "target": "ill",
        "id": "id",
        "group": "who",
        "weight": "w",
        "columns": COLUMNS,
    }
    estimator = {"kind": "logistic-regression"}
    spec = ModelSpec.model_validate_json(
        json.dumps({"owner": "team", "task": "binary", "data": data, "estimator": estimator})
    )
    table = contract.conform(tables.read(path, where="b.csv"), spec.data, "binary", where="b.csv")
    return table, [Column(**column) for column in contract.signature(table, spec.data)]


def test_a_row_is_sent_as_a_client_would_send_it(tmp_path: Path) -> None:
    """Values by their types, null where missing; labels as the contract spells them."""
    lines, count = held_out(*table_of(ROWS, tmp_path))
    sent = [{one["name"]: one["data"] for one in json.loads(line)["inputs"]} for line in lines.splitlines()]
    assert count == 3
    first, third, second = sent  # each stretch of them is spread over the file
    assert [first, second, third] == [
        {"age": [30], "dose": [0.25], "smoker": [True], "grade": ["Low"], "note": ["slept well"], "seen": ["2024-05-31"]},
        {"age": [61], "dose": [None], "smoker": [None], "grade": [None], "note": [None], "seen": [None]},
        {
            "age": [44],
            "dose": [0.001],
            "smoker": [False],
            "grade": ["high"],
            "note": ['a "quoted" one, ünï'],
            "seen": ["2024-06-01T08:00:00"],
        },
    ]


def test_neither_ids_nor_groups_nor_weights_nor_answers_are_sent(tmp_path: Path) -> None:
    """Features only: nothing that names a row or says what became of it."""
    lines, _ = held_out(*table_of(ROWS, tmp_path))
    names = {one["name"] for line in lines.splitlines() for one in json.loads(line)["inputs"]}
    assert names == set(COLUMNS)
    assert b"secret" not in lines


def test_of_many_rows_some_are_sent(tmp_path: Path) -> None:
    """At most as many as a replay needs, from the whole file."""
    frame = pd.read_csv(io.StringIO(ROWS), dtype=str, keep_default_na=False)
    many = pd.concat([frame] * MOST, ignore_index=True)
    many["id"] = [f"r{number}" for number in range(len(many))]
    many["age"] = [str(number) for number in range(len(many))]
    lines, count = held_out(*table_of(many.to_csv(index=False), tmp_path))
    ages = [json.loads(line)["inputs"][0]["data"][0] for line in lines.splitlines()]
    assert count == len(ages) == MOST
    assert sorted(ages) == [number * 3 for number in range(MOST)]


def test_a_text_that_must_be_there_may_be_empty(tmp_path: Path) -> None:
    """Where the contract allows no missing text, an empty one is sent as it is: null would be refused."""
    table, columns = table_of(ROWS, tmp_path)
    bare = [Column(name=one.name, type=one.type, missing=0.0 if one.name == "note" else one.missing) for one in columns]
    second = json.loads(held_out(table, bare)[0].splitlines()[2])
    assert next(one["data"] for one in second["inputs"] if one["name"] == "note") == [""]


@pytest.mark.parametrize("kind", sorted(cells.DATATYPES))
def test_datatypes_are_the_servers(kind: str) -> None:
    """What is sent and what metadata lists is one table, kept on both sides of a layer."""
    assert DATATYPES[kind] == cells.DATATYPES[kind]
