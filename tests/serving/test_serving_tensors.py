"""Requests become rows, or one line about the column that is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from serving_models import GOOD

from release.artifact.model import Column
from release.errors import BadInputError
from release.serving.tensors import Rows, Tensor, inputs

AGE = Column(name="age", type="int", min=0, max=120)
DOSE = Column(name="dose", type="float", missing=0.5)
SMOKER = Column(name="smoker", type="bool")
GRADE = Column(name="grade", type="category", values=("low", "mid", "high"))
NOTE = Column(name="note", type="text", missing=0.5)
SEEN = Column(name="seen", type="datetime")
MIXED = Rows((AGE, DOSE, SMOKER, GRADE, NOTE))
NUMBERS = Rows((AGE, DOSE, SMOKER))


def tensor(name: str, **change: Any) -> Tensor:
    datatype, data = GOOD[name]
    fields = {"datatype": datatype, "shape": (len(data),), "data": data, **change}
    return Tensor(name, fields["datatype"], tuple(fields["shape"]), fields["data"])


def good(rows: Rows = MIXED, **change: dict[str, Any]) -> list[Tensor]:
    return [tensor(column.name, **change.get(column.name, {})) for column in rows.columns]


def read(tensors: list[Tensor], rows: Rows = MIXED) -> tuple[str, dict[str, list[Any]]]:
    """Return the rows in a form in which NaN equals itself."""
    features = rows.features(tensors)
    return str(features.numbers.tolist()), {name: column.tolist() for name, column in features.texts.items()}


def complaint(tensors: list[Tensor], rows: Rows = MIXED) -> str:
    with pytest.raises(BadInputError) as caught:
        rows.features(tensors)
    return str(caught.value)


def test_columns_arrive_as_the_model_was_trained_on_them() -> None:
    """Numbers become float64 with NaN for null, categories text, and a missing text is empty."""
    features = MIXED.features(good())
    assert MIXED.numeric == ("age", "dose", "smoker")
    assert features.numbers[:, [0, 2]].tolist() == [[30.0, 1.0], [61.0, 0.0]]
    assert features.numbers[0, 1] == 0.25
    assert math.isnan(features.numbers[1, 1])
    assert {name: column.tolist() for name, column in features.texts.items()} == {
        "grade": ["low", "high"],
        "note": ["slept well", ""],
    }
    assert features.numbers.dtype == np.float64
    assert {column.dtype for column in features.texts.values()} == {np.dtype(object)}
    assert len(features) == 2


def test_the_order_of_tensors_does_not_matter() -> None:
    """Columns are known by name."""
    assert read(good()[::-1]) == read(good())


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_a_column_may_be_a_vector_or_one_column_wide(shape: tuple[int, ...]) -> None:
    """[n] and [n, 1] mean the same."""
    change = {column.name: {"shape": shape} for column in MIXED.columns}
    assert read(good(MIXED, **change)) == read(good())


def test_nested_data_are_read_like_flat_ones() -> None:
    """JSON may nest the values as the shape does."""
    nested = good(MIXED, age={"shape": (2, 1), "data": [[30], [61]]})
    assert read(nested) == read(good())


@pytest.mark.parametrize(
    "data", [[30, 0.25, 1, 61, None, 0], [[30, 0.25, 1], [61, None, 0]], [30, 0.25, 1, 61, math.nan, 0]]
)
def test_numbers_may_come_in_one_tensor(data: list[Any]) -> None:
    """A [rows, columns] tensor is the same as one tensor a column; NaN is as good as null."""
    together = [Tensor("all", "FP64", (2, 3), data)]
    assert read(together, NUMBERS) == read(good(NUMBERS), NUMBERS)


def test_arrays_are_taken_as_they_are() -> None:
    """Clients of gRPC send arrays, and texts as bytes."""
    tensors = good(
        MIXED,
        age={"data": np.array([30, 61])},
        smoker={"data": np.array([True, False])},
        grade={"data": np.array([b"low", b"high"], dtype=object)},
    )
    assert read(tensors) == read(good())


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("age", {"datatype": "BYTES"}, "the datatype is BYTES; send INT64"),
        ("age", {"datatype": "nonsense"}, "the datatype is nonsense; send INT64"),
        ("age", {"data": ["30", "61"]}, "'30' is no INT64 value"),
        ("age", {"data": [True, False]}, "True is no INT64 value"),
        ("age", {"data": [30, 61.5]}, "61.5 is no whole number"),
        ("age", {"datatype": "FP64", "data": [30, 61.5]}, "61.5 is no whole number"),
        ("age", {"data": [30, 2**60]}, "too large for an exact number"),
        ("age", {"data": [30, 10**400]}, "these are no INT64 values"),
        ("age", {"data": [30, None]}, "value 2 is missing"),
        ("age", {"data": [30, -1]}, "-1 is below the contract's min of 0"),
        ("age", {"data": [30, 121]}, "121 is above the contract's max of 120"),
        ("age", {"data": [30]}, "it has 1 values for a shape of [2]; send 2"),
        ("age", {"data": [[30], [61]]}, "no INT64 value"),
        ("age", {"data": 30}, "its data are no list"),
        ("age", {"shape": (2, 2), "data": [1, 2, 3, 4]}, "its shape is [2, 2]"),
        ("age", {"shape": (0,), "data": []}, "its shape is [0]"),
        ("dose", {"data": [math.inf, 1.0]}, "inf is not finite"),
        ("dose", {"shape": (3,), "data": [1.0, 1.0, 1.0]}, "it has 3 rows, the first tensor 2"),
        ("smoker", {"data": ["true", "false"]}, "'true' is no BOOL value"),
        ("smoker", {"datatype": "INT64", "data": [2, 0]}, "2 is neither true nor false"),
        ("grade", {"data": ["low", "lowest"]}, '"lowest" is not among its values; send one of high, low, mid'),
        ("grade", {"data": ["low", 3]}, "'3' is no text"),
        ("grade", {"data": ["low", None]}, "value 2 is missing"),
        ("grade", {"data": [b"\xff", b"low"]}, "is not UTF-8"),
        ("grade", {"datatype": "FP64", "data": [1.0, 2.0]}, "the datatype is FP64; send BYTES"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_column(name: str, change: dict[str, Any], said: str) -> None:
    """Datatypes, values, bounds, categories, missing values and lengths are told in one line that names the column."""
    line = complaint(good(MIXED, **{name: change}))
    assert line.startswith(f'input "{name}": ')
    assert said in line


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("age", {"data": [30, 121]}, "121 is above the contract's max of 120"),
        ("age", {"data": [-1, 30]}, "-1 is below the contract's min of 0"),
        ("age", {"datatype": "FP64", "data": [30, 61.5]}, "61.5 is no whole number"),
        ("age", {"datatype": "FP32", "data": [30, math.nan]}, "value 2 is missing"),
        ("dose", {"data": [math.inf, 1.0]}, "inf is not finite"),
        ("dose", {"datatype": "INT64", "data": [1, 1.5]}, "1.5 is no whole number"),
        ("smoker", {"datatype": "INT64", "data": [2, 0]}, "2 is neither true nor false"),
        ("smoker", {"datatype": "FP64", "data": [0.5, 0]}, "0.5 is neither true nor false"),
    ],
)
def test_numbers_that_break_the_contract_are_found_among_many(name: str, change: dict[str, Any], said: str) -> None:
    """Where all columns are numbers they are checked together; the message is the same as for one column."""
    flags = {} if name == "smoker" else {"smoker": {"datatype": "INT64", "data": [1, 0]}}
    line = complaint(good(NUMBERS, **flags, **{name: change}), NUMBERS)
    assert line.startswith(f'input "{name}": ')
    assert said in line


def test_numbers_with_declared_values_are_never_waved_through() -> None:
    """Bounds alone do not say that a value is listed."""
    rows = Rows((DOSE, Column(name="grade", type="int", values=("1", "3"), min=0, max=9)))
    good_pair = [Tensor("dose", "FP64", (1,), [0.5]), Tensor("grade", "INT64", (1,), [3])]
    assert rows.features(good_pair).numbers[:, 1].tolist() == [3.0]
    assert 'input "grade": 2 is not among its values' in complaint([good_pair[0], Tensor("grade", "INT64", (1,), [2])], rows)


def test_a_date_must_be_one() -> None:
    """A datetime column takes ISO 8601 only."""
    rows = Rows((SEEN,))
    assert rows.features([Tensor("seen", "BYTES", (1,), ["2024-05-31"])]).texts["seen"].tolist() == ["2024-05-31"]
    for text in ("yesterday", "20240531"):
        assert "is no datetime" in complaint([Tensor("seen", "BYTES", (1,), [text])], rows)


def test_numbers_with_declared_values_take_only_those() -> None:
    """An int column may list its values, as texts or numbers."""
    rows = Rows((Column(name="grade", type="int", values=("1", "2")),))
    assert rows.features([Tensor("grade", "INT64", (2,), [1, 2])]).numbers.tolist() == [[1.0], [2.0]]
    assert "3 is not among its values" in complaint([Tensor("grade", "INT64", (2,), [1, 3])], rows)


def test_unknown_missing_and_repeated_columns_are_named() -> None:
    """A wrong name gets the nearest right one."""
    renamed = [Tensor("agee", "INT64", (2,), [30, 61]), *good()[1:]]
    assert complaint(renamed) == 'input "agee": the model has no such input; did you mean "age"?'
    assert complaint(good()[1:]).startswith('input "age": the request has no tensor for it; ')
    assert complaint(good()[2:]).startswith('input "age": the request has no tensor for it (1 more are missing); ')
    assert complaint([*good(), tensor("age")]) == 'input "age": there are two tensors of this name; send one'


def test_one_tensor_for_all_columns_must_fit() -> None:
    """It must be as wide as the model, and the model's columns must be numbers."""
    assert "send [n, 3], or one tensor a column" in complaint([Tensor("all", "FP64", (1, 2), [1, 2])], NUMBERS)
    assert 'column "grade" is no number' in complaint([Tensor("all", "FP64", (1, 5), [1, 2, 3, 4, 5])])
    assert 'input "age": 200 is above' in complaint([Tensor("all", "FP64", (1, 3), [200, 0.5, 1])], NUMBERS)
    assert "nested unevenly" in complaint([Tensor("all", "FP64", (2, 2), [[1, 2], 3])], Rows((AGE, DOSE)))


def test_metadata_names_a_datatype_for_each_type_of_column() -> None:
    """Clients learn what to send from the model's metadata."""
    assert [(one["name"], one["datatype"], one["shape"]) for one in inputs(MIXED.columns)] == [
        ("age", "INT64", [-1]),
        ("dose", "FP64", [-1]),
        ("smoker", "BOOL", [-1]),
        ("grade", "BYTES", [-1]),
        ("note", "BYTES", [-1]),
    ]
