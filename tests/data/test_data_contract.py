"""The column contract: what fits becomes a table that does not depend on the file's layout, what does not gets one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from release.config.model import DataSpec
from release.data.contract import Table, conform, signature
from release.data.tables import read
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

    from release.data.target import Task

HEADER = "key,age,smoker,grade,note,seen,who,w,y"
ROWS = [
    "a,30,true,smooth,all well,2024-01-02,p1,1,0",
    "b,41,FALSE,rough,,2024-02-03T04:05:06,p1,2,1",
    "c,,1,rough,a cough,,p2,0.5,1",
    "d,55,0,,tired,2024-03-04,p3,1,0",
]
COLUMNS: dict[str, Any] = {
    "age": {"type": "int", "min": 0, "max": 120, "missing": 0.25},
    "smoker": {"type": "bool"},
    "grade": {"type": "category", "values": ("smooth", "rough"), "missing": 0.25},
    "note": {"type": "text", "missing": 0.5},
    "seen": {"type": "datetime", "missing": 0.25},
}


def data(**changes: Any) -> DataSpec:
    given = {
        "train": "a.csv",
        "test": "b.csv",
        "target": {"column": "y"},
        "id": "key",
        "group": "who",
        "weight": "w",
        "columns": COLUMNS,
    }
    return DataSpec.model_validate({**given, **changes})


def frame_of(folder: Path, rows: list[str] | None = None, header: str = HEADER) -> pd.DataFrame:
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *(ROWS if rows is None else rows)]) + "\n")
    return read(path, where="rows.csv")


def changed(position: int, column: str, cell: str) -> list[str]:
    cells = ROWS[position].split(",")
    cells[HEADER.split(",").index(column)] = cell
    return [*ROWS[:position], ",".join(cells), *ROWS[position + 1 :]]


def table_of(frame: pd.DataFrame, task: Task = "binary", **changes: Any) -> Table:
    return conform(frame, data(**changes), task, where="rows.csv")


def complaint(frame: pd.DataFrame, task: Task = "binary", **changes: Any) -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        table_of(frame, task, **changes)
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    return caught.value


def test_every_type_becomes_what_it_says(tmp_path: Path) -> None:
    """Numbers and booleans are floats, categories and dates text with NaN for missing, missing text has no words."""
    table = table_of(frame_of(tmp_path))
    assert table.rows == 4
    assert table.ids.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(table.features["age"], [30, 41, np.nan, 55])
    assert table.features["smoker"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert table.features["grade"].tolist()[:3] == ["smooth", "rough", "rough"]
    assert np.isnan(table.features["grade"].tolist()[3])
    assert table.features["note"].tolist()[1] == ""
    assert [str(kind) for kind in table.features.dtypes] == ["float64", "float64", "object", "object", "object"]
    assert dict(table.kinds) == {name: column["type"] for name, column in COLUMNS.items()}
    assert table.y.tolist() == [0, 1, 1, 0]
    assert table.classes == ("0", "1")
    assert table.groups is not None
    assert table.groups.tolist() == ["p1", "p1", "p2", "p3"]
    assert table.weights is not None
    assert table.weights.tolist() == [1, 2, 0.5, 1]


def test_order_of_columns_is_the_contracts(tmp_path: Path) -> None:
    """The same rows with columns in another order give the same table; names of one glob are sorted."""
    header = HEADER.split(",")
    turned = [",".join(reversed(row.split(","))) for row in ROWS]
    other = frame_of(tmp_path, turned, ",".join(reversed(header)))
    pd.testing.assert_frame_equal(table_of(other).features, table_of(frame_of(tmp_path)).features)
    columns = {"n*": {"type": "text", "missing": 1}, "*": {"type": "category", "missing": 1}}
    assert list(table_of(frame_of(tmp_path), columns=columns).features.columns) == ["note", "age", "grade", "seen", "smoker"]


def test_typed_files_give_the_same_table_as_text(tmp_path: Path) -> None:
    """A Parquet copy of a CSV file is the same table."""
    frame = pd.DataFrame(
        {
            "key": ["a", "b", "c", "d"],
            "age": [30, 41, None, 55],
            "smoker": [True, False, True, False],
            "grade": ["smooth", "rough", "rough", None],
            "note": ["all well", None, "a cough", "tired"],
            "seen": ["2024-01-02", "2024-02-03T04:05:06", None, "2024-03-04"],
            "who": ["p1", "p1", "p2", "p3"],
            "w": [1, 2, 0.5, 1],
            "y": [0, 1, 1, 0],
        }
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    table = table_of(read(tmp_path / "rows.parquet", where="rows.parquet"))
    pd.testing.assert_frame_equal(table.features, table_of(frame_of(tmp_path)).features)
    assert table.y.tolist() == [0, 1, 1, 0]


def test_differing_columns_are_one_line(tmp_path: Path) -> None:
    """Missing, extra and renamed columns are told together, with the likely meaning of a renamed one."""
    header = HEADER.replace("smoker", "smokers").replace("grade", "unheard")
    error = complaint(frame_of(tmp_path, header=header))
    assert error.what == (
        "columns differ from the contract (missing: smoker, grade; not declared: smokers (did you mean smoker?), unheard)"
    )
    assert error.where == "rows.csv"


def test_ids_target_and_group_must_be_there(tmp_path: Path) -> None:
    """A missing id column is part of the same difference."""
    error = complaint(frame_of(tmp_path, header=HEADER.replace("key", "kee")))
    assert "missing: key; not declared: kee (did you mean key?)" in error.what


def test_ignored_columns_are_not_features(tmp_path: Path) -> None:
    """A column that is ignored may be there, and nothing is learnt from it."""
    columns = {name: column for name, column in COLUMNS.items() if name != "note"}
    assert "note" not in table_of(frame_of(tmp_path), columns=columns, ignore=("not*",)).features


def test_name_with_brackets_means_itself(tmp_path: Path) -> None:
    """A column called `x[mm]` is not read as a glob that would miss it."""
    frame = frame_of(tmp_path, ["a,1,0", "b,2,1"], "key,x[mm],y")
    table = table_of(frame, columns={"x[mm]": {"type": "float"}}, group=None, weight=None)
    assert table.features["x[mm]"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("position", "column", "cell", "what"),
    [
        (1, "age", "old", '"old" is no int'),
        (1, "age", "41.5", '"41.5" is no int'),
        (1, "age", "nan", '"nan" is no int'),
        (1, "age", "1_0", '"1_0" is no int'),
        (1, "age", "1e999", '"1e999" is not finite'),
        (1, "age", "9007199254740993000", "is too large for an exact number"),
        (1, "age", "-1", "is below the contract's min of 0"),
        (1, "age", "121", "is above the contract's max of 120"),
        (1, "smoker", "maybe", '"maybe" is no bool'),
        (1, "grade", "ruff", '"ruff" is not among smooth, rough'),
        (1, "seen", "yesterday", '"yesterday" is no datetime'),
        (1, "seen", "20240101", '"20240101" is no datetime'),
        (1, "w", "-2", "is a negative weight"),
        (1, "key", "a", "is also the id at rows.csv:2"),
        (1, "key", "", "(the id) is empty here"),
        (1, "who", "", "(the group) is empty here"),
        (1, "y", "", "(the target) is empty here"),
        (1, "smoker", "", "1 of 4 values are missing (25.00%), the first here; the contract allows 0.00%"),
    ],
)
def test_first_wrong_cell_is_named(tmp_path: Path, position: int, column: str, cell: str, what: str) -> None:
    """File, line, column and value of the first cell that breaks its contract are in the message."""
    error = complaint(frame_of(tmp_path, changed(position, column, cell)))
    assert error.where == f"rows.csv:{position + 2}"
    assert f'column "{column}"' in error.what
    assert what in error.what


def test_column_without_any_value_is_refused(tmp_path: Path) -> None:
    """However much may be missing, a column that holds nothing is a mistake."""
    rows = [row.replace("smooth", "").replace("rough", "") for row in ROWS]
    error = complaint(frame_of(tmp_path, rows), columns={**COLUMNS, "grade": {"type": "category", "missing": 1}})
    assert error.what == 'column "grade" holds no value at all'


def test_no_rows_is_refused(tmp_path: Path) -> None:
    """A frame without rows cannot become a table."""
    assert complaint(frame_of(tmp_path).iloc[:0]).what == "there are columns but no rows"


def test_listed_numbers_and_spellings(tmp_path: Path) -> None:
    """Listed values are compared by meaning: 1.0 is 1, True is true; what is not listed is refused."""
    frame = frame_of(tmp_path, ["a,1.0,True,0", "b,2,false,1"], "key,n,c,y")
    columns = {"n": {"type": "int", "values": (1, 2)}, "c": {"type": "category", "values": (True, False)}}
    table = table_of(frame, columns=columns, group=None, weight=None)
    assert table.features["c"].tolist() == ["true", "false"]
    columns["n"]["values"] = (1, 3)
    error = complaint(frame, columns=columns, group=None, weight=None)
    assert error.what == 'column "n": "2" is not among 1, 3'


def with_target(folder: Path, values: list[str]) -> pd.DataFrame:
    return frame_of(folder, [f"r{number},{number},{value}" for number, value in enumerate(values)], "key,x,y")


PLAIN: dict[str, Any] = {"columns": {"x": {"type": "float"}}, "group": None, "weight": None}


@pytest.mark.parametrize(
    ("values", "positive", "y", "classes"),
    [
        (["0", "1", "1"], None, [0, 1, 1], ("0", "1")),
        (["False", "True"], None, [0, 1], ("False", "True")),
        (["yes", "no"], "yes", [1, 0], ("no", "yes")),
        (["2", "1"], 2, [1, 0], ("1", "2")),
        (["TRUE", "FALSE"], True, [1, 0], ("FALSE", "TRUE")),
    ],
)
def test_binary_target_finds_its_positive_value(
    tmp_path: Path, values: list[str], positive: object, y: list[int], classes: tuple[str, str]
) -> None:
    """Without being told 1 or true is positive; told, any of the two values is."""
    table = table_of(with_target(tmp_path, values), target={"column": "y", "positive": positive}, **PLAIN)
    assert (table.y.tolist(), table.classes) == (y, classes)


@pytest.mark.parametrize(
    ("values", "task", "what"),
    [
        (["1", "1"], "binary", 'target "y" is 1 in every row'),
        (["a", "a"], "multiclass", 'target "y" is a in every row'),
        (["2.5", "2.5"], "regression", 'target "y" is 2.5 in every row'),
        (["0", "1", "2"], "binary", 'target "y" has 3 values (0, 1, 2), binary has two'),
        (["yes", "no"], "binary", 'target "y" has no value 1 or true; it holds no, yes'),
        (["1", "x"], "regression", '"x" is no float'),
    ],
)
def test_target_that_cannot_be_learnt_is_refused(tmp_path: Path, values: list[str], task: Task, what: str) -> None:
    """One class only, too many classes and an unknown positive value each say what the column holds."""
    assert what in complaint(with_target(tmp_path, values), task, **PLAIN).what


def test_absent_positive_value_names_those_that_are(tmp_path: Path) -> None:
    """A positive value that does not occur is refused with the values that do."""
    error = complaint(with_target(tmp_path, ["yes", "no"]), target={"column": "y", "positive": "ja"}, **PLAIN)
    assert error.what == 'target "y" has no positive value ja; it holds no, yes'


def test_classes_are_sorted_by_value_and_shared(tmp_path: Path) -> None:
    """Whole numbers sort as numbers, and held-out rows count by the training rows' classes even where one is absent."""
    train = table_of(with_target(tmp_path, ["10", "9", "2"]), "multiclass", **PLAIN)
    assert train.classes == ("2", "9", "10")
    test = conform(with_target(tmp_path, ["10", "2"]), data(**PLAIN), "multiclass", where="test.csv", classes=train.classes)
    assert test.y.tolist() == [2, 0]
    with pytest.raises(BadInputError, match=r'test\.csv:3: column "y": "11" is no class of the training rows \(2, 9, 10\)'):
        conform(with_target(tmp_path, ["2", "11"]), data(**PLAIN), "multiclass", where="test.csv", classes=train.classes)


def test_signature_describes_columns_in_order(tmp_path: Path) -> None:
    """The manifest's columns are the table's, with the bounds and values that the contract sets."""
    described = signature(table_of(frame_of(tmp_path)), data())
    assert [column["name"] for column in described] == list(COLUMNS)
    assert described[0] == {"name": "age", "type": "int", "min": 0.0, "max": 120.0, "values": None, "missing": 0.25}
    assert described[2]["values"] == ["smooth", "rough"]
