"""Held-out rows are read once a process, and never from memory where the file or its contract is another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from release.config.model import DataSpec
from release.data import tables
from release.data.held_out import held_out
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"id,x,y\na,1,0\nb,2,1\n"


def spec(**column: Any) -> DataSpec:
    columns = {"x": {"type": "float", **column}}
    return DataSpec.model_validate({"train": "a.csv", "test": "b.csv", "target": "y", "id": "id", "columns": columns})


def test_the_same_bytes_under_the_same_contract_are_one_table(tmp_path: Path) -> None:
    """Stages that follow each other share the table; its digest is the file's."""
    path = tmp_path / "b.csv"
    path.write_bytes(CONTENT)
    one, other = (held_out(path, spec(), "binary", where="b.csv") for _ in range(2))
    assert one.table is other.table
    assert one.digest == tables.digest(path)


def test_another_file_of_the_same_name_is_read_again(tmp_path: Path) -> None:
    """What counts is what the file holds now, though its length is the same."""
    path = tmp_path / "b.csv"
    path.write_bytes(CONTENT)
    held_out(path, spec(), "binary", where="b.csv")
    path.write_bytes(CONTENT.replace(b"b,2", b"b,7"))
    assert held_out(path, spec(), "binary", where="b.csv").table.features["x"].tolist() == [1, 7]


def test_another_contract_is_held_against_the_rows_again(tmp_path: Path) -> None:
    """Rows that passed under one contract are refused by a narrower one, each time."""
    path = tmp_path / "b.csv"
    path.write_bytes(CONTENT)
    held_out(path, spec(), "binary", where="b.csv")
    for _ in range(2):
        with pytest.raises(BadInputError, match=r"b\.csv:3: column \"x\": \"2\" is above the contract's max of 1"):
            held_out(path, spec(max=1), "binary", where="b.csv")


def test_classes_are_counted_as_the_training_rows_count_them(tmp_path: Path) -> None:
    """Tables whose classes have other indexes are not taken for each other."""
    path = tmp_path / "b.csv"
    path.write_bytes(b"id,x,y\na,1,k\nb,2,m\n")
    two = held_out(path, spec(), "multiclass", where="b.csv", classes=("k", "m")).table
    three = held_out(path, spec(), "multiclass", where="b.csv", classes=("k", "l", "m")).table
    assert two.y.tolist() == [0, 1]
    assert three.y.tolist() == [0, 2]
