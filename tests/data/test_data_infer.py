"""Drafting a contract: what is drafted must fit the rows it came from, and say what a person would."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_digits

from release.config.model import DataSpec
from release.data.contract import conform
from release.data.holdout import split
from release.data.infer import Draft, draft_columns
from release.errors import BadInputError

WORDS = ["the patient slept well", "no pain was reported", "a mild cough in the night", "asked for an early visit"]


def frame(count: int = 120, **columns: list[Any]) -> pd.DataFrame:
    drawn = random.Random(4)
    made = {
        "sample_id": [f"s{n}" for n in range(count)],
        "age": [str(drawn.randint(18, 90)) for _ in range(count)],
        "dose": [f"{drawn.uniform(-0.5, 2):.3f}" for _ in range(count)],
        "smoker": [drawn.choice(["true", "false"]) for _ in range(count)],
        "treated": [drawn.choice("01") for _ in range(count)],
        "grade": [drawn.choice(["smooth", "rough", None]) for _ in range(count)],
        "note": [f"{drawn.choice(WORDS)} {n}" for n in range(count)],
        "seen": [f"2024-01-{1 + n % 28:02}" for n in range(count)],
        "zip": [f"0{drawn.randint(1000, 1040)}" for _ in range(count)],
        "empty": [None] * count,
        "y": [drawn.choice("01") for _ in range(count)],
        **columns,
    }
    return pd.DataFrame(made, dtype=object)


def draft(rows: pd.DataFrame, **options: Any) -> Draft:
    return draft_columns(rows, target="y", where="rows.csv", **options)


def test_types_are_what_a_person_would_say() -> None:
    """Each column gets its type; dates and empty columns, which no step can use, are ignored."""
    found = draft(frame())
    assert {name: column.type for name, column in found.columns.items()} == {
        "age": "int",
        "dose": "float",
        "smoker": "bool",
        "treated": "bool",
        "grade": "category",
        "note": "text",
        "zip": "category",
    }
    assert found.ignore == ("seen", "empty")
    assert found.id == "sample_id"
    assert found.columns["grade"].values == ("rough", "smooth")  # noqa: PD011 (a field of ours)
    assert found.columns["zip"].values is None  # noqa: PD011 (a field of ours)


def test_bounds_have_slack_and_few_digits() -> None:
    """Bounds lie outside what was seen, with two significant digits; ages do not become negative."""
    found = draft(frame())
    age, dose = found.columns["age"], found.columns["dose"]
    assert age.min is not None
    assert age.max is not None
    assert 0 <= age.min < 18
    assert 90 < age.max <= 120
    assert age.max == int(age.max)
    assert dose.min is not None
    assert -2 < dose.min < -0.5
    assert float(f"{dose.min:.2g}") == dose.min


@pytest.mark.parametrize("seed", range(5))
def test_parts_of_the_rows_keep_the_draft(seed: int) -> None:
    """Both sides of any split conform to the contract that was drafted from all rows."""
    rows = frame(400)
    found = draft(rows)
    data = DataSpec(
        train="a.csv",
        test="b.csv",
        target={"column": "y"},
        id=found.id,
        columns=dict(found.columns),
        ignore=found.ignore,
    )
    for part in split(rows, "y", task="binary", share=0.3, seed=seed, ignore=["sample_id"]):
        assert conform(part, data, found.task, where="part.csv").rows == len(part)


def test_missing_share_is_rounded_up() -> None:
    """A third missing allows somewhat more; nothing missing allows nothing."""
    found = draft(frame())
    assert 0.35 <= found.columns["grade"].missing <= 0.6
    assert found.columns["age"].missing == 0


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (["0", "1"], "binary", None),
        (["true", "false"], "binary", None),
        (["yes", "no"], "binary", "yes"),
        (["1", "2"], "binary", None),
        (["ill", "well", "well"], "binary", "ill"),
        (["red", "green", "blue"], "multiclass", None),
        ([str(n) for n in range(10)], "multiclass", None),
        ([str(n) for n in range(30)], "regression", None),
        (["0.5", "1.5", "2.5"], "regression", None),
    ],
)
def test_task_follows_from_the_target(values: list[str], task: str, positive: str | None) -> None:
    """Two values are binary, few classes multiclass, numbers regression; the value that says yes is positive."""
    found = draft(frame(y=[values[n % len(values)] for n in range(120)]))
    assert (found.task, found.positive) == (task, positive)


def test_id_is_said_or_found_or_absent() -> None:
    """Only a column that is named like an id and names every row is taken for one."""
    rows = frame().drop(columns="sample_id")
    assert draft(rows).id is None
    assert draft(rows.assign(patient_id="one")).id is None
    assert draft(rows.assign(code=range(120)), row_id="code").id == "code"


def test_family_becomes_one_exact_glob() -> None:
    """Sixty-four pixels are one line; another column with the prefix keeps the glob away."""
    digits = load_digits(as_frame=True).frame.rename(columns={"target": "y"})
    found = draft_columns(digits, target="y", where="digits.csv")
    assert list(found.columns) == ["pixel_*"]
    assert (found.columns["pixel_*"].type, found.columns["pixel_*"].min, found.columns["pixel_*"].max) == ("int", 0, 20)
    assert (found.task, found.id) == ("multiclass", None)
    named = draft_columns(digits.rename(columns={"y": "pixel_y"}), target="pixel_y", where="digits.csv")
    assert "pixel_*" not in named.columns
    assert "pixel_0_*" in named.columns
    numbered = digits.rename(columns={name: f"v{n}" for n, name in enumerate(digits.columns) if name != "y"})
    assert list(draft_columns(numbered.assign(value="a b"), target="y", where="digits.csv").columns) == ["v[0-9]*", "value"]


def test_family_of_unlike_ranges_keeps_its_lines() -> None:
    """Where common bounds would check nothing each column keeps its own."""
    columns = {f"mean_{n}": [str(n**8 * k / 100) for k in range(120)] for n in range(1, 11)}
    assert len([name for name in draft(frame(**columns)).columns if name.startswith("mean_")]) == 10


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"y": ["1"] * 120}, 'target "y" is 1 in every row'),
        ({"y": [f"name {n}" for n in range(120)]}, 'target "y" has 120 different texts in 120 rows'),
        ({"y": [None, *["0", "1"] * 59, "1"]}, "(the target) is empty here"),
        ({"age": ["NA", *["1", "2"] * 59, "1"]}, 'column "age": "NA" stands among numbers'),
    ],
)
def test_what_cannot_be_drafted_is_told(change: dict[str, list[Any]], what: str) -> None:
    """A useless target and words for missing values are said in one line."""
    with pytest.raises(BadInputError) as caught:
        draft(frame(**change))
    assert what in caught.value.what
    assert caught.value.fix


def test_unknown_column_is_told_with_those_that_are() -> None:
    """A target that is no column names the columns."""
    with pytest.raises(BadInputError, match=r'rows\.csv: there is no column "z"; choose from: sample_id, age'):
        draft_columns(frame(), target="z", where="rows.csv")
