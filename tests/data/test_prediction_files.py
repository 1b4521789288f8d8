"""Files of predictions: cells as numbers or words, whatever wrote them, and columns that several files share."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from release.data.alignment import align, means
from release.data.prediction_file import PredictionFile, read
from release.data.scored import class_columns
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path


def parquet(path: Path, **columns: Any) -> PredictionFile:
    pq.write_table(pa.table(columns), path)
    return read(path)


def csv(path: Path, text: str) -> PredictionFile:
    path.write_text(text)
    return read(path)


def refused(call: Any, *given: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        call(*given)
    return str(caught.value)


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    """As Python reads them, in any notation that other tools share; blanks around them do not count."""
    draw = random.Random(4)
    numbers = [draw.uniform(-1, 1) * 10 ** draw.randint(-300, 300) for _ in range(500)]
    file = csv(tmp_path / "a.csv", "p\n" + "".join(f"{number!r}\n" for number in numbers) + " 1.5\n+2.\n1E3\n.5\n")
    assert file.numbers("p").tolist() == [*numbers, 1.5, 2.0, 1000.0, 0.5]


@pytest.mark.parametrize("text", ["1_000", "٣", "0x10", "1,5", "nan", "Infinity", "--1", "1e", "true"])
def test_what_other_tools_do_not_read_is_no_number(tmp_path: Path, text: str) -> None:
    """The line is named, whether the rest of the column is plain or not."""
    for rest in ("1\n", "1\n1_0\n"):
        file = csv(tmp_path / "a.csv", f'p\n2\n"{text}"\n{rest}')
        assert refused(file.numbers, "p").startswith(f'{tmp_path}/a.csv:3: "p" holds "{text}", no finite number')


def test_typed_numbers_need_no_text(tmp_path: Path) -> None:
    """Whole numbers, decimals, truths and short floats of Parquet; a null and a NaN are told by their row."""
    file = parquet(
        tmp_path / "a.parquet",
        whole=[1, 2],
        exact=[Decimal("1.5"), Decimal("2.5")],
        truth=[True, False],
        short=pa.array([0.5, 0.25], pa.float32()),
        null=[1.0, None],
        nan=[1.0, math.nan],
        nested=[[1.0], [2.0]],
    )
    assert [file.numbers(name).tolist() for name in ("whole", "exact", "truth", "short")] == [
        [1.0, 2.0],
        [1.5, 2.5],
        [1.0, 0.0],
        [0.5, 0.25],
    ]
    for name in ("null", "nan"):
        assert refused(file.numbers, name).startswith(f'{tmp_path}/a.parquet:2: "{name}" is null or NaN')
    assert "no finite number" in refused(file.numbers, "nested")
    assert refused(file.labels, "nested").endswith("holds lists or fields, not single values; write one value a cell")


def test_a_value_is_one_word_in_every_file(tmp_path: Path) -> None:
    """1, 1.0 and the texts of both are one; 007 and 7, or v1.0 and v1, are two."""
    columns = [
        parquet(tmp_path / "int.parquet", x=[1, 2, 1]),
        parquet(tmp_path / "float.parquet", x=[1.0, 2.0, 1.0]),
        parquet(tmp_path / "text.parquet", x=pa.array(["1", "2", "1.0"]).dictionary_encode()),
        csv(tmp_path / "a.csv", "x\n1\n2.0\n1.00\n"),
    ]
    for file in columns:
        labels = file.labels("x")
        assert labels.texts().tolist() == ["1", "2", "1"]
        assert labels.codes.tolist() == [0, 1, 0]
    assert csv(tmp_path / "b.csv", "x\n007\n7\nv1.0\nv1\n1.50\n").labels("x").names == ("007", "7", "v1.0", "v1", "1.50")


def test_an_empty_cell_is_no_word(tmp_path: Path) -> None:
    """Where a column must be filled it is refused, by its row."""
    for file in (csv(tmp_path / "a.csv", "x,y\na,1\n,2\n"), parquet(tmp_path / "a.parquet", x=["a", None])):
        assert file.labels("x").texts().tolist() == ["a", ""]
        assert f'{"3" if file.path.endswith("csv") else "2"}: "x" (the group) is empty' in refused(
            file.complete, "x", "the group"
        )


def test_rows_come_in_the_order_of_the_ids(tmp_path: Path) -> None:
    """Whatever the files' orders are, every column of every file is on the same rows."""
    one = csv(tmp_path / "a.csv", "id,x\nc,3\na,1\nb,2\n")
    other = parquet(tmp_path / "b.parquet", id=["b", "c", "a"], z=[20.0, 30.0, 10.0])
    rows = align((one, other), "id")
    assert rows.ids == ("a", "b", "c")
    assert rows.numbers("x").tolist() == [1, 2, 3]
    assert rows.numbers("z").tolist() == [10, 20, 30]
    assert rows.labels("z").texts().tolist() == ["10", "20", "30"]


def test_shared_columns_must_agree(tmp_path: Path) -> None:
    """The first difference in the first file's order is told with both places; spellings of a value are no difference."""
    one = csv(tmp_path / "a.csv", "id,g,w\nc,1,0.5\nb,TRUE,1\na,x,2\n")
    other = csv(tmp_path / "b.csv", "id,g,w\na,y,2\nb,true,1.0\nc,true,0.50\n")
    rows = align((one, other), "id")
    assert rows.numbers("w").tolist() == [2, 1, 0.5]
    assert refused(rows.labels, "g").startswith(f'{one.path}:4: "g" is "x" here and "y" in {other.path}:2; correct')
    third = csv(tmp_path / "c.csv", "id,w\na,2\nb,7\nc,8\n")
    said = refused(align((one, other, third), "id").numbers, "w")
    assert said.startswith(f'{one.path}:2: "w" is "0.5" here and "8" in {third.path}:4; correct')


def test_which_words_mean_the_same() -> None:
    """Numbers by value, truths in any spelling, and nothing else by its looks."""
    alike = [("1", "1.00"), ("1e3", "1000"), ("True", "true"), ("true", "1"), ("0", "FALSE"), ("a", "a")]
    assert [means(*pair) for pair in alike] == [True] * len(alike)
    apart = [("1", "2"), ("a", "A"), ("true", "yes"), ("1", "0"), ("", "0"), ("true", "false")]
    assert [means(*pair) for pair in apart] == [False] * len(apart)


@pytest.mark.parametrize(
    ("columns", "asked", "target", "classes"),
    [
        (["p_b", "p_a"], ["p_*"], {"a", "b"}, {"a": "p_a", "b": "p_b"}),
        (["p_cat", "p_car"], ["p_cat", "p_car"], {"cat"}, {"car": "p_car", "cat": "p_cat"}),
        (["P(10)", "P(9)", "P(1)"], ["P(*)"], {"1"}, {"1": "P(1)", "9": "P(9)", "10": "P(10)"}),
        (["x=no", "x=yes", "x="], ["x=*"], {"no"}, {"no": "x=no", "yes": "x=yes"}),
        (["0", "1", "2"], ["2", "1", "0"], {"0", "2"}, {"0": "0", "1": "1", "2": "2"}),
        (["p*", "q*"], ["p*", "q*"], {"p", "q"}, {"p": "p*", "q": "q*"}),
    ],
)
def test_columns_name_their_classes(
    tmp_path: Path, columns: list[str], asked: list[str], target: set[str], classes: dict[str, str]
) -> None:
    """By what the star stands for, or by what is left of listed names, whichever part the target tells apart."""
    file = parquet(tmp_path / "a.parquet", **{name: [0.5] for name in columns})
    found = class_columns(file, asked, target, [])
    assert list(found.items()) == list(classes.items())


def test_a_star_leaves_other_columns_alone(tmp_path: Path) -> None:
    """Id and target match a bare star, and are no class."""
    file = parquet(tmp_path / "a.parquet", id=["r"], y=["a"], a=[0.5], b=[0.5])
    assert class_columns(file, ["*"], {"a"}, ["id", "y"]) == {"a": "a", "b": "b"}
    assert refused(class_columns, file, ["a", "*_*"], {"a"}, []).startswith("--score: one name with one * is enough")


def test_big_files_are_aligned_whole(tmp_path: Path) -> None:
    """Every row of a shuffled copy finds its own."""
    order = np.random.default_rng(3).permutation(20_000)
    one = parquet(tmp_path / "a.parquet", id=list(range(20_000)), x=np.arange(20_000) / 7)
    lines = "".join(f"{number}.0,{number / 7!r}\n" for number in order.tolist())
    other = csv(tmp_path / "b.csv", "id,x\n" + lines)
    assert sorted(align((one, other), "id").numbers("x").tolist()) == (np.arange(20_000) / 7).tolist()
