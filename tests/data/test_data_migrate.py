"""Rows as a model of another schema reads them: what it is given for what is gone, and what it is never given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from release.artifact.model import Column, ModelManifest
from release.config.model import DataSpec, Migration
from release.data.contract import Table, conform
from release.data.migrate import MigrationError, Reading, UnreadableError, as_read, by_classes, reading, with_columns
from release.learning.rows import take

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = DataSpec.model_validate_json(
    '{"train": "a.csv", "test": "b.csv", "target": "y", "id": "id",'
    ' "columns": {"years": "float", "smoker": "bool", "grade": "category", "note": "text"}}'
)
SAME = (
    Column(name="years", type="float"),
    Column(name="smoker", type="bool"),
    Column(name="grade", type="category"),
    Column(name="note", type="text"),
)


def table(y: tuple[str, ...] = ("a", "b", "c"), task: Any = "multiclass") -> Table:
    rows = len(y) * 2
    frame = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(rows)],
            "years": np.arange(rows) + 0.5,
            "smoker": [number % 2 == 0 for number in range(rows)],
            "grade": ["low", "high"] * (rows // 2),
            "note": ["fine"] * rows,
            "y": [*y, *y],
        }
    )
    return conform(frame, DATA, task, where="rows")


def model(*columns: Column, **fields: Any) -> ModelManifest:
    given = {"task": "multiclass", "classes": ("a", "b", "c"), **fields}
    return ModelManifest(format="skops", files={}, columns=columns, versions={}, target="y", **given)


def read(manifest: ModelManifest, rows: Table, task: str = "multiclass", **migration: Mapping[str, Any]) -> Reading:
    given = Migration.model_validate(migration)
    return reading(manifest, rows, task, given, who="the champion", where="m.yaml")


def test_rows_of_the_same_schema_are_read_as_they_are() -> None:
    """Whatever the migration says of other models."""
    rows = table()
    found = read(model(*SAME), rows, rename={"age": "years"}, fill={"gone": 1})
    assert found == Reading()
    assert found.notes == ()
    pd.testing.assert_frame_equal(as_read(rows, model(*SAME), found).features, rows.features)


def test_what_is_declared_is_what_the_model_gets() -> None:
    """Renamed columns keep their values, filled ones hold the constant, all in the model's order and types."""
    manifest = model(
        Column(name="town", type="category"),
        Column(name="age", type="int"),
        Column(name="dose", type="float"),
        Column(name="ill", type="bool"),
        Column(name="grade", type="category"),
    )
    rows = table()
    found = read(manifest, rows, rename={"age": "years"}, fill={"dose": 2, "ill": True, "town": "Rome"})
    assert found.renamed == (("age", "years"),)
    assert found.filled == (("town", "Rome"), ("dose", "2"), ("ill", "true"))
    features = as_read(rows, manifest, found).features
    assert list(features.columns) == ["town", "age", "dose", "ill", "grade"]
    assert features["age"].tolist() == rows.features["years"].tolist()
    assert features.iloc[-1].tolist() == ["Rome", 5.5, 2.0, 1.0, "high"]
    assert [str(kind) for kind in features.dtypes] == ["object", "float64", "float64", "float64", "object"]
    assert any("age is years now" in note for note in found.notes)
    assert any("town with Rome, dose with 2, ill with true" in note for note in found.notes)


def test_numbers_are_read_as_numbers_and_names_as_names() -> None:
    """float, int and bool are one kind of column; a category is none of them, whatever is in it."""
    assert read(model(Column(name="years", type="int"), Column(name="smoker", type="float")), table()) == Reading()
    with pytest.raises(UnreadableError, match=r"smoker \(was category, is bool\)") as refused:
        read(model(Column(name="smoker", type="category")), table())
    assert refused.value.fix == "give smoker a new name, so that it can be renamed or filled"


def test_the_remedy_proposes_what_would_do() -> None:
    """The nearest new column of the type, else a constant of the type."""
    manifest = model(
        Column(name="year", type="int"), Column(name="dose", type="float", min=5), Column(name="c", type="bool")
    )
    with pytest.raises(UnreadableError) as refused:
        read(manifest, table())
    assert refused.value.what == "the champion reads columns that are not in these rows: year, dose, c"
    assert refused.value.fix.startswith(
        "write `evaluation: {migration: {rename: {year: years}, fill: {dose: 5, c: false}}}` with what is true"
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column(name="g", type="int"), 1.5),
        (Column(name="g", type="float"), "x"),
        (Column(name="g", type="float"), True),
        (Column(name="g", type="float", min=0, max=1), 2),
        (Column(name="g", type="bool"), 3),
        (Column(name="g", type="category", values=("u", "v")), "w"),
    ],
)
def test_a_constant_is_one_that_the_column_could_have_held(column: Column, value: Any) -> None:
    """A champion must not be given what it was promised never to meet."""
    with pytest.raises(MigrationError, match="cannot stand for g"):
        read(model(column), table(), fill={"g": value})


def test_a_column_is_read_once() -> None:
    """Neither a column that the model reads itself, nor one of another type, can be given for another."""
    with pytest.raises(MigrationError, match="reads years itself"):
        read(model(*SAME, Column(name="age", type="float")), table(), rename={"age": "years"})
    with pytest.raises(MigrationError, match="reads age as float, and grade is category"):
        read(model(Column(name="age", type="float")), table(), rename={"age": "grade"})


def test_a_model_that_answers_another_question_is_refused() -> None:
    """Another task, or the other class as the positive one; other names for the two are taken by their role."""
    with pytest.raises(UnreadableError, match="is a regression model, and this is multiclass"):
        read(model(*SAME, task="regression", classes=()), table())
    two = table(("0", "1"), "binary")
    assert read(model(*SAME, task="binary", classes=("no", "yes")), two, "binary") == Reading()
    with pytest.raises(UnreadableError, match='"0" was the positive class of the champion, "1" is now'):
        read(model(*SAME, task="binary", classes=("1", "0")), two, "binary")


def test_classes_are_moved_by_name() -> None:
    """A class in between shifts every number after it; what the model never saw gets nothing."""
    rows, manifest = table(("a", "b", "c")), model(*SAME, classes=("a", "c", "d"))
    found = read(manifest, rows)
    assert (found.unknown, found.gone) == (("b",), ("d",))
    assert as_read(rows, manifest, found).classes == ("a", "c", "d")
    assert with_columns(rows, manifest, found).classes == ("a", "b", "c")
    said = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    moved = by_classes(said, ("a", "c", "d"), ("a", "b", "c"))
    assert moved[0].tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert moved[1].tolist() == [0.5, 0, 0.5]


def test_some_of_the_rows_are_read_alike() -> None:
    """Rows keep their numbers, which need not start at 0."""
    rows, manifest = table(), model(Column(name="age", type="int"), Column(name="dose", type="float"))
    found = read(manifest, rows, rename={"age": "years"}, fill={"dose": 2})
    part = as_read(take(rows, np.array([4, 1])), manifest, found)
    assert part.features["age"].tolist() == [4.5, 1.5]
    assert part.features["dose"].tolist() == [2.0, 2.0]
