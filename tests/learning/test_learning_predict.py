"""Predictions: exact in a file and back, aligned by id, and refused when they are not what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from release.errors import BadInputError
from release.learning.predict import Predictions, align, from_csv, predict, to_csv
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable

    from release.learning.rows import Task

STEPS = [{"impute": {}}, {"scale": {}}, {"one-hot": {}}, {"tf-idf": {}}]


def named(*names: str) -> Any:
    ids = np.empty(len(names), dtype=object)
    ids[:] = names
    return ids


def binary(ids: str, scores: list[float], y: list[int] | None = None) -> Predictions:
    truth = None if y is None else np.array(y)
    return Predictions(task="binary", ids=named(*ids), y=truth, values=np.array(scores))


@pytest.mark.parametrize(
    ("task", "kind"), [("binary", "random-forest"), ("multiclass", "logistic-regression"), ("regression", "ridge")]
)
def test_round_trip_loses_no_bit(make_spec: MakeSpec, make_table: MakeTable, task: Task, kind: str) -> None:
    """Ids, truth, classes and every float come back as they were, and the bytes are the same again."""
    spec = make_spec(task, kind, features=STEPS)
    table = make_table(spec)
    made = predict(fit(spec, table).estimator, table, task)
    back = from_csv(to_csv(made), "p.csv")
    assert (back.task, back.classes) == (task, table.classes if task == "multiclass" else ())
    assert back.ids.tolist() == table.ids.tolist()
    assert back.y is not None
    np.testing.assert_array_equal(back.y, table.y)
    np.testing.assert_array_equal(back.values, made.values)
    assert made.values.shape == ((120, 3) if task == "multiclass" else (120,))
    assert to_csv(back) == to_csv(made)


def test_predictions_are_of_the_positive_class(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A binary score is high where the truth is 1."""
    spec = make_spec("binary", "logistic-regression", features=STEPS)
    table = make_table(spec)
    made = predict(fit(spec, table).estimator, table, "binary")
    assert made.values[table.y == 1].mean() > made.values[table.y == 0].mean() + 0.2


def test_file_is_what_it_looks_like() -> None:
    """The columns are id, y and score; names that need quotes get them; unknown truth leaves no column."""
    assert to_csv(binary("ab", [0.1, 1 / 3], [0, 1])) == b"id,y,score\na,0,0.1\nb,1,0.3333333333333333\n"
    assert to_csv(binary("a", [0.5])) == b"id,score\na,0.5\n"
    awkward = Predictions(
        task="multiclass",
        ids=named('x,"1"'),
        y=np.array([1]),
        values=np.array([[0.25, 0.75]]),
        classes=("a,b", "c"),
    )
    assert to_csv(awkward) == b'id,y,"p_a,b",p_c\n"x,""1""",c,0.25,0.75\n'
    assert from_csv(to_csv(awkward), "p.csv").classes == ("a,b", "c")


def test_quotes_elsewhere_change_no_number_and_no_cell() -> None:
    """A file of plain cells is written and read in whole columns; one name that needs quotes must not change the rest."""
    values = [5e-324, 0.1 + 0.2, 1e-7, 1.0]
    plain, quoted = binary("abcd", values, [0, 1, 1, 0]), binary("abcd", values, [0, 1, 1, 0])
    quoted.ids[3] = "d,e"
    one, other = to_csv(plain), to_csv(quoted)
    assert one == b"id,y,score\na,0,5e-324\nb,1,0.30000000000000004\nc,1,1e-07\nd,0,1.0\n"
    assert other == one.replace(b"\nd,", b'\n"d,e",')
    for content in (one, other):
        back = from_csv(content, "p.csv")
        assert back.values.tolist() == values
        assert back.y is not None
        assert back.y.tolist() == [0, 1, 1, 0]
    assert from_csv(other, "p.csv").ids.tolist() == ["a", "b", "c", "d,e"]


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"", "p.csv:1", "no columns of predictions"),
        (b"id,y,score\na,1,0.5,0\nb,1\n", "p.csv:2", "4 cells where the header has 3"),
        (b"id,score\n\na,0.5\n", "p.csv:2", "0 cells where the header has 2"),
        (b"id,y,p\na,1,0.5\n", "p.csv:1", "no columns of predictions"),
        (b"id,y,p_a\na,a,1\n", "p.csv:1", "no columns of predictions"),
        (b"id,score\n", "p.csv", "there are no predictions"),
        (b"id,y,score\na,1,0.5\na,0,0.5\n", "p.csv:3", 'id "a" is also on line 2'),
        (b"id,y,score\na,1,nan\n", "p.csv:2", '"nan" is no finite number'),
        (b"id,y,score\na,1,1.5\n", "p.csv:2", "a probability is outside 0 to 1"),
        (b"id,y,score\na,2,0.5\n", "p.csv:2", 'y is "2", not one of 0, 1'),
        (b"id,y,score\na,1\n", "p.csv:2", "2 cells where the header has 3"),
        (b"id,y,p_a,p_b\na,a,0.5,0.6\n", "p.csv:2", "the probabilities sum to 1.1, not 1"),
        (b"id,y,p_a,p_b\na,c,0.5,0.5\n", "p.csv:2", 'y is "c", not one of a, b'),
        (b"id,y,prediction\na,x,0.5\n", "p.csv:2", '"x" is no finite number'),
        (b"\xff\xfe", "p.csv", "no file of predictions"),
    ],
)
def test_other_files_are_refused(content: bytes, where: str, what: str) -> None:
    """What to_csv would not have written is refused with its line."""
    with pytest.raises(BadInputError) as caught:
        from_csv(content, "p.csv")
    assert caught.value.where == where
    assert what in caught.value.what
    assert caught.value.fix


def test_rows_are_aligned_by_id() -> None:
    """The second is brought into the first one's order, whatever the order of the files."""
    one, other = align(binary("abc", [0.1, 0.2, 0.3], [0, 1, 0]), binary("cab", [0.9, 0.7, 0.8], [0, 0, 1]))
    assert one.values.tolist() == [0.1, 0.2, 0.3]
    assert other.ids.tolist() == ["a", "b", "c"]
    assert other.values.tolist() == [0.7, 0.8, 0.9]
    assert other.y is not None
    assert other.y.tolist() == [0, 1, 0]


def test_different_rows_are_never_compared() -> None:
    """Ids that only one side has are named."""
    with pytest.raises(
        BadInputError, match=r"not of the same rows: 1 only in the first \(a\), 2 only in the second \(d, e\)"
    ):
        align(binary("abc", [0.1] * 3), binary("bcde", [0.1] * 4))


def test_disagreeing_truth_is_refused() -> None:
    """Two files that know different answers for a row cannot be compared; one that knows none can."""
    with pytest.raises(BadInputError, match=r"disagree about y in 1 rows \(b\)"):
        align(binary("ab", [0.1, 0.2], [0, 1]), binary("ab", [0.1, 0.2], [0, 0]))
    assert align(binary("ab", [0.1, 0.2], [0, 1]), binary("ba", [0.1, 0.2]))[1].values.tolist() == [0.2, 0.1]


def test_different_tasks_are_refused() -> None:
    """A score is not compared with a predicted number."""
    number = Predictions(task="regression", ids=named("a"), y=None, values=np.array([3.0]))
    with pytest.raises(BadInputError, match="of different kinds"):
        align(binary("a", [0.5]), number)


def test_rows_the_model_cannot_read_are_bad_input(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A model of other columns says so in one line."""
    spec = make_spec("regression", "ridge", columns={"age": {"type": "int"}})
    other = make_spec("regression", "ridge", columns={"smoker": {"type": "bool"}})
    with pytest.raises(BadInputError, match="the model cannot read these rows: columns are missing"):
        predict(fit(spec, make_table(spec)).estimator, make_table(other), "regression")


def test_unseen_categories_predict_in_silence(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """With a dropped category the library would warn at every prediction; warnings are errors here."""
    columns = {"age": {"type": "int"}, "grade": {"type": "category"}}
    spec = make_spec("regression", "ridge", features=[{"one-hot": {"drop": "first"}}], columns=columns)
    table = make_table(spec)
    fitted = fit(spec, table)
    table.features["grade"] = np.array(["unheard of"] * 120, dtype=object)
    assert np.isfinite(predict(fitted.estimator, table, "regression").values).all()
