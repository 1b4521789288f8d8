"""Held-out rows that another model was trained on, whatever its file looked like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from release.config.model import DataSpec
from release.data.past import Common, Seen, seen

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = {"x": "float", "z": "float", "c": "category"}


def spec(**fields: Any) -> DataSpec:
    given = {"train": "a.csv", "test": "b.csv", "target": "y", "id": "key", "columns": COLUMNS, **fields}
    return DataSpec.model_validate(given, strict=False)


def rows(numbers: Sequence[int], *, key: str = "k", **more: Any) -> pd.DataFrame:
    """Return rows as a CSV gives them, cells as text, each number its own row."""
    made = {
        "key": [f"{key}{number}" for number in numbers],
        "x": [f"{number / 7:.5f}" for number in numbers],
        "z": [f"{number * 3}" for number in numbers],
        "c": ["ab"[number % 2] for number in numbers],
        "y": [str(number % 3) for number in numbers],
    }
    return pd.DataFrame(made | more, dtype=object)


def test_nothing_is_found_where_nothing_is_shared() -> None:
    """Other rows, other ids."""
    assert seen(rows(range(50)), spec(), rows(range(50, 80)), spec()) == Seen()


def test_ids_and_equal_rows_are_found_in_any_order() -> None:
    """A new name hides no row, and a new content no name."""
    renamed = rows([3, 60, 5], key="other")
    assert seen(rows(range(50)), spec(), renamed, spec()).common == (Common(what="equal rows", count=2, example="other3"),)
    changed = rows([4, 70], x=["9.9", "8.8"])
    assert seen(rows(range(50)), spec(), changed, spec()).common == (Common(what="ids", count=1, example="k4"),)
    turned = rows([7, 70])[["y", "c", "x", "key", "z"]]
    assert [one.count for one in seen(rows(range(50)), spec(), turned, spec()).common] == [1, 1]


def test_groups_are_found_by_the_name_that_each_file_has_for_them() -> None:
    """A patient whose other visits were trained on."""
    train = rows(range(4), who=["p1", "p2", "p2", "p3"])
    test = rows([60, 61], patient=["p2", "p9"])
    found = seen(train, spec(group="who"), test, spec(group="patient"))
    assert found.common == (Common(what="groups", count=1, example="p2"),)


def test_rows_are_compared_over_the_columns_that_both_have() -> None:
    """A column that is new, or gone, hides nothing; neither do ignored ones, times and weights."""
    wide = rows(range(20)).assign(extra="1", note=[str(number) for number in range(20)])
    narrow = rows([3, 90], key="n").assign(w=["1", "2"])
    then, now = spec(columns={**COLUMNS, "extra": "float"}, ignore=["note"]), spec(weight="w")
    assert seen(wide, then, narrow, now).common == (Common(what="equal rows", count=1, example="n3"),)


@pytest.mark.parametrize("change", ["target", "columns"])
def test_rows_of_too_different_files_are_compared_by_their_ids_alone(change: str) -> None:
    """Equal in the one column that is left is coincidence; that it was not looked at is said."""
    train = rows(range(20))
    test, now = rows([3, 90]).rename(columns={"y": "t"}), spec(target="t")
    if change == "columns":
        test, now = rows([3, 90]).drop(columns=["x", "z"]), spec(columns={"c": "category"})
    found = seen(train, spec(), test, now)
    assert found.common == (Common(what="ids", count=1, example="k3"),)
    assert found.note is not None
