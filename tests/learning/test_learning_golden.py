"""Golden rows keep the contract, are nobody's, and are the same each time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from release.learning import golden
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable

FEATURES: list[Any] = [
    {"impute": {"columns": ["dose"], "strategy": "median"}},
    {"one-hot": {"columns": ["grade"]}},
    {"tf-idf": {"columns": ["note"]}},
]
MISSING = {"age": 0.0, "dose": 0.5, "smoker": 0.0, "grade": 0.0, "note": 0.5}


@pytest.mark.parametrize(
    ("task", "kind", "scores"),
    [("binary", "logistic-regression", 1), ("multiclass", "random-forest", 3), ("regression", "ridge", 1)],
)
def test_each_task_has_its_scores(make_spec: MakeSpec, make_table: MakeTable, task: Any, kind: str, scores: int) -> None:
    """Eight rows, with one score each or one for each class, the same on each call."""
    spec = make_spec(task, kind, features=FEATURES)
    table = make_table(spec)
    estimator = fit(spec, table).estimator
    found = golden.choose(estimator, table, task, missing=MISSING)
    assert [len(row) for row in found.rows] == [5] * 8
    assert [len(row) for row in found.scores] == [scores] * 8
    assert len(set(found.scores)) > 1
    assert golden.choose(estimator, table, task, missing=MISSING).to_bytes() == found.to_bytes()


def test_values_are_of_their_column_and_rows_of_nobody(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Numbers and categories occur in the training rows, texts are made of their words, and no row does occur."""
    spec = make_spec("binary", "logistic-regression", features=FEATURES)
    table = make_table(spec)
    found = golden.choose(fit(spec, table).estimator, table, "binary", missing=MISSING)
    columns = dict(zip(found.columns, zip(*found.rows, strict=True), strict=True))
    for name in ("age", "dose", "grade"):
        assert set(columns[name]) - {None} <= set(table.features[name].dropna())
        assert len(set(columns[name])) > 2
    assert {type(value) for value in columns["age"]} == {int}
    assert set(columns["smoker"]) == {True, False}
    words = {word for text in table.features["note"] for word in re.findall(r"\w+", text)}
    assert {word for text in columns["note"] for word in str(text).split()} <= words
    known = {(row.age, row.dose, row.grade) for row in table.features.itertuples()}
    assert not {(age, dose, grade) for age, dose, _, grade, _ in found.rows} & known


def test_the_last_row_lacks_what_may_be_missing(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """So the steps that fill gaps are proved too; nothing else is ever missing."""
    spec = make_spec("binary", "logistic-regression", features=FEATURES)
    table = make_table(spec)
    found = golden.choose(fit(spec, table).estimator, table, "binary", missing=MISSING)
    last = dict(zip(found.columns, found.rows[-1], strict=True))
    assert (last["dose"], last["note"]) == (None, "")
    assert None not in (last["age"], last["smoker"], last["grade"])
    assert all(None not in row for row in found.rows[:-1])


def test_the_order_of_training_rows_does_not_matter(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Golden inputs follow from the columns' distributions alone."""
    from release.learning.rows import take  # noqa: PLC0415 (this test only)

    spec = make_spec("binary", "logistic-regression", features=FEATURES)
    table = make_table(spec)
    estimator = fit(spec, table).estimator
    shuffled = take(table, np.random.RandomState(1).permutation(len(table.ids)))
    one, other = (golden.choose(estimator, rows, "binary", missing=MISSING) for rows in (table, shuffled))
    assert one == other
