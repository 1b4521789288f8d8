"""Which rows two held-out files share: nothing that leaves the rows the same makes them new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from release.config.model import Column, DataSpec, Target
from release.data import tables
from release.data.shared import from_bytes, marks, shared, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = DataSpec(
    train="train.csv",
    test="test.csv",
    target=Target(column="y"),
    id="key",
    group="who",
    columns={"x": Column(type="float"), "kind": Column(type="category"), "on": Column(type="bool")},
    ignore=("note*",),
)


def frame(start: int = 0, rows: int = 30) -> pd.DataFrame:
    at = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "key": [f"k{one}" for one in at],
            "who": [f"w{one // 3}" for one in at],
            "x": [f"{one / 7:.5f}" for one in at],
            "kind": [f"c{one % 3}" for one in at],
            "on": ["true" if one % 2 else "false" for one in at],
            "y": [str(one % 2) for one in at],
            "note1": ["n"] * rows,
        },
        dtype=object,
    )


def renamed(one: pd.DataFrame) -> pd.DataFrame:
    return one.assign(key=[f"new-{number}" for number in range(len(one))], who="somebody", note1="other")


CHANGES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], int]] = {
    "the same": (lambda one: one, 30),
    "renamed": (renamed, 30),
    "renamed and reordered": (lambda one: renamed(one).sample(frac=1, random_state=1), 30),
    "columns in another order": (lambda one: renamed(one)[one.columns[::-1]], 30),
    "one row dropped": (lambda one: renamed(one).iloc[1:], 29),
    "one row left": (lambda one: renamed(one).iloc[[7]], 1),
    "other labels, same ids": (lambda one: one.assign(y="1"), 30),
    "numbers written otherwise": (lambda one: renamed(one).assign(x=[f"{float(x):.3e}0" for x in one["x"]]), 4),
    "noise below six digits": (lambda one: renamed(one).assign(x=[f"{float(x) + 1e-9:.12f}" for x in one["x"]]), 29),
    "renamed, other numbers": (lambda one: renamed(one).assign(x=[f"{float(x) + 0.5:.5f}" for x in one["x"]]), 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rows_stay_the_same_whatever_they_are_called(change: str) -> None:
    """By id or by content; only a row that has neither is a new one."""
    made, count = CHANGES[change]
    found = shared(marks(made(frame()), DATA), marks(frame(), DATA))
    if change == "numbers written otherwise":
        assert found >= count  # four digits leave the short numbers what they are
    else:
        assert found == count


def test_other_rows_are_shared_by_nobody() -> None:
    """Fresh rows with fresh ids."""
    assert shared(marks(frame(100), DATA), marks(frame(), DATA)) == 0


def test_a_csv_and_a_parquet_file_of_the_same_rows_are_the_same(tmp_path: Path) -> None:
    """Types make no new rows: 1.0 is 1, and a flag is a flag."""
    pytest.importorskip("pyarrow")
    text = renamed(frame())
    typed = text.assign(x=text["x"].astype(float), y=text["y"].astype(int), on=text["on"] == "true")
    typed.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_bytes(tables.to_csv(frame()))
    one, two = (tables.read(tmp_path / name, where=name) for name in ("rows.parquet", "rows.csv"))
    assert shared(marks(one, DATA), marks(two, DATA)) == 30


def test_marks_are_kept_as_bytes() -> None:
    """What is read back compares as before; anything else is refused."""
    found = marks(frame(), DATA)
    assert shared(from_bytes(to_bytes(found)), found) == 30
    with pytest.raises(ValueError, match="no marks"):
        from_bytes(b"\x93NUMPY\x01\x00v\x00" + to_bytes(found)[10:128].replace(b"<u8", b"<i8") + b"\0" * 480)


def test_gaps_are_equal_to_gaps() -> None:
    """A missing number is no number and no text."""
    gaps = frame().assign(x=np.nan)
    assert shared(marks(renamed(gaps), DATA), marks(gaps, DATA)) == 30
    assert shared(marks(renamed(gaps), DATA), marks(frame(), DATA)) == 0


def test_rows_without_an_id_column_are_told_by_content() -> None:
    """An older file may have called it otherwise."""
    bare = frame().drop(columns="key")
    assert shared(marks(bare, DATA), marks(frame(), DATA)) == 30
    assert shared(marks(bare, DATA), marks(frame(50), DATA)) == 0
