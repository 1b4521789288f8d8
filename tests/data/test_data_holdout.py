"""The wall between training rows and held-out rows: nothing crosses it, and it stands where it stood."""

from __future__ import annotations

import io
import random
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from release.config.model import DataSpec
from release.data.contract import Table, conform
from release.data.holdout import Overlap, overlap, refuse_overlap, split
from release.data.tables import to_csv
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.data.target import Task


def table(text: str, task: Task = "binary", *, group: str | None = None) -> Table:
    columns = {"x": {"type": "float", "missing": 1.0}, "c": {"type": "category", "missing": 1.0}}
    spec = {"train": "a.csv", "test": "b.csv", "target": {"column": "y"}, "id": "id", "group": group, "columns": columns}
    frame = pd.read_csv(io.StringIO(text), dtype=object)
    return conform(frame, DataSpec.model_validate(spec), task, where="t.csv")


TRAIN = table("id,x,c,y\na,1,u,0\nb,2,v,1\nc,,u,1\n")


def test_tables_without_common_rows_share_nothing() -> None:
    """Rows that differ in one feature, or only in the target, are different rows."""
    test = table("id,x,c,y\nd,1,v,0\ne,2,v,0\nf,,u,0\ng,1,u,1\n")
    assert overlap(TRAIN, test) == Overlap()
    refuse_overlap(TRAIN, test, where="t.csv")


def test_equal_rows_leak_under_another_id() -> None:
    """A row that is a training row in all but its id is named, missing values counting as equal."""
    test = table("id,c,x,y\nd,v,2.0,1\ne,u,,1\nf,u,3,0\n")
    assert overlap(TRAIN, test).rows == ("d", "e")
    with pytest.raises(BadInputError, match=r"t\.csv: 2 held-out rows equal a training row .* \(ids d, e\); remove"):
        refuse_overlap(TRAIN, test, where="t.csv")


def test_equal_rows_are_found_among_many_that_agree_in_every_column() -> None:
    """Coarse columns whose every value is on both sides: exactly the rows that a comparison of whole rows finds."""
    draw = random.Random(5)

    def rows(prefix: str, n: int) -> list[tuple[str, ...]]:
        cells = [(draw.choice("0123456789"), draw.choice(["u", "v", ""]), draw.choice("01")) for _ in range(n)]
        return [(f"{prefix}{number}", *one) for number, one in enumerate(cells)]

    ours, theirs = rows("a", 25), rows("b", 40)
    train, test = (table("\n".join(["id,x,c,y", *map(",".join, part)])) for part in (ours, theirs))
    known = {one[1:] for one in ours}
    expected = tuple(one[0] for one in theirs if one[1:] in known)
    assert 0 < len(expected) < len(theirs)
    assert overlap(train, test).rows == expected


def test_common_ids_leak_whatever_the_rows_hold() -> None:
    """An id on both sides is refused even where the values differ."""
    test = table("id,x,c,y\nb,9,w,0\nd,8,w,1\n")
    assert overlap(TRAIN, test).ids == ("b",)
    with pytest.raises(BadInputError, match=r"1 held-out ids are also training ids \(b\)"):
        refuse_overlap(TRAIN, test, where="t.csv")


def test_common_groups_leak() -> None:
    """A patient with visits on both sides is refused."""
    train = table("id,x,c,y,who\na,1,u,0,p1\nb,2,v,1,p2\n", group="who")
    test = table("id,x,c,y,who\nc,3,u,0,p2\nd,4,v,1,p3\n", group="who")
    with pytest.raises(BadInputError, match=r"1 groups are on both sides \(p2\)"):
        refuse_overlap(train, test, where="t.csv")


def test_classes_are_compared_by_name() -> None:
    """Class indexes that mean different classes do not make rows equal."""
    train = table("id,x,c,y\na,1,u,k\nb,2,v,l\n", "multiclass")
    test = table("id,x,c,y\nc,1,u,l\nd,2,v,m\n", "multiclass")
    assert overlap(train, test).rows == ()
    assert overlap(train, table("id,x,c,y\nc,2,v,l\nd,2,v,m\n", "multiclass")).rows == ("c",)


def rows(count: int = 200, *, classes: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"r{n}" for n in range(count)],
            "x": [str(n) for n in range(count)],
            "who": [f"g{n // 4}" for n in range(count)],
            "y": [str(0 if n % 10 < 7 else 1 + n % (classes - 1)) for n in range(count)],
        },
        dtype=object,
    )


def test_split_is_the_same_every_time() -> None:
    """The seed and the rows decide, nothing else: the split is pinned to these very rows."""
    train, test = split(rows(20), "y", task="binary", share=0.3, seed=7)
    assert test["id"].tolist() == ["r4", "r5", "r8", "r13", "r16", "r17"]
    assert sorted([*train["id"], *test["id"]]) == sorted(rows(20)["id"])
    other = split(rows(20), "y", task="binary", share=0.3, seed=8)[1]
    assert other["id"].tolist() != test["id"].tolist()


def test_split_keeps_the_shares_of_classes() -> None:
    """Each class has its share held out, to the nearest row."""
    train, test = split(rows(classes=4), "y", task="multiclass", share=0.25, seed=1)
    for name, count in Counter(rows(classes=4)["y"]).items():
        assert abs(Counter(test["y"])[name] - 0.25 * count) <= 0.5
        assert Counter(test["y"])[name] + Counter(train["y"])[name] == count


def test_split_of_regression_keeps_the_number_of_rows() -> None:
    """A target with as many values as rows is split by number alone."""
    assert len(split(rows(), "x", task="regression", share=0.4, seed=1)[1]) == 80


def test_split_keeps_groups_whole() -> None:
    """No group is on both sides, and the share is still near."""
    train, test = split(rows(), "y", task="binary", share=0.25, seed=3, group="who")
    assert not set(train["who"]) & set(test["who"])
    assert 40 <= len(test) <= 50


def test_split_never_separates_equal_rows() -> None:
    """Duplicates, which would leak, go to one side together, also when their groups differ."""
    frame = pd.concat([rows(), rows().assign(id=lambda one: one["id"] + "-again")], ignore_index=True)
    train, test = split(frame, "y", task="binary", share=0.5, seed=5, ignore=["id"])
    assert not set(train["x"]) & set(test["x"])
    twice = frame.assign(who=[f"g{n}" for n in range(len(frame))])
    train, test = split(twice, "y", task="binary", share=0.5, seed=5, group="who", ignore=["id", "who"])
    assert not set(train["x"]) & set(test["x"])
    assert 150 <= len(test) <= 200


def test_split_that_leaves_a_side_without_a_class_is_refused() -> None:
    """A class of one row, or one group, cannot be on both sides."""
    frame = rows(20).assign(y=["1", *["0"] * 19])
    with pytest.raises(BadInputError, match=r'"y" is 1: its rows cannot be split'):
        split(frame, "y", task="binary", share=0.5, seed=1)
    with pytest.raises(BadInputError, match="a share of 1 cannot be held out"):
        split(frame, "y", task="binary", share=1.0, seed=1)
    with pytest.raises(BadInputError, match="rows cannot be split"):
        split(frame.assign(who="one"), "x", task="regression", share=0.5, seed=1, group="who")


def test_split_parts_are_written_as_they_were_read() -> None:
    """Cells keep their spelling, rows their order."""
    frame = rows(10).assign(x=["007"] * 10)
    text = to_csv(split(frame, "y", task="binary", share=0.5, seed=1)[0]).decode().splitlines()
    assert text[0] == "id,x,who,y"
    assert all(",007," in line for line in text[1:])
