"""Reading data files: nothing is guessed, and every damaged file gets one line with its place."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from release.data.tables import digest, read, to_csv
from release.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def complaint(folder: Path, content: bytes, name: str = "rows.csv") -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        read(written(folder, content, name), where=name)
    assert caught.value.fix
    return caught.value


def test_csv_cells_stay_text(tmp_path: Path) -> None:
    """Numbers, booleans, dates and words such as NA are not interpreted; only an empty cell is missing."""
    frame = read(written(tmp_path, b"a,b,c\n007,true,NA\n1e5,2024-01-01,\n"), where="rows.csv")
    assert frame["a"].tolist() == ["007", "1e5"]
    assert frame["b"].tolist() == ["true", "2024-01-01"]
    assert frame["c"].tolist()[0] == "NA"
    assert frame["c"].isna().tolist() == [False, True]


def test_csv_rows_know_the_line_they_begin_on(tmp_path: Path) -> None:
    """Blank lines and quoted line breaks are counted, so that complaints name the line an editor shows."""
    frame = read(written(tmp_path, b'a,b\r\n1,"two\r\nlines"\r\n\r\n2,x\r\n'), where="rows.csv")
    assert frame.index.tolist() == [2, 5]
    assert frame["b"].tolist() == ["two\r\nlines", "x"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_plain_csv_is_read_as_the_same_file_with_quotes(tmp_path: Path, end: str) -> None:
    """Whether a cell is quoted changes how a file is read, not what is read: cells, missing ones, and lines."""
    plain = ["a,b", "1,x", ",y", "3,", " 4,é", ""]
    quoted = [plain[0], '"1",x', *plain[2:]]
    one, other = (
        read(written(tmp_path, end.join(lines).encode(), name), where=name)
        for lines, name in ((plain, "plain.csv"), (quoted, "quoted.csv"))
    )
    pd.testing.assert_frame_equal(one, other, check_index_type="exact")
    assert one.index.tolist() == [2, 3, 4, 5]
    assert one["a"].isna().tolist() == [False, True, False, False]


def test_csv_blank_line_in_one_column_is_no_row(tmp_path: Path) -> None:
    """Where a file has one column, an empty line is passed over as in any other."""
    frame = read(written(tmp_path, b"a\n1\n\n2\n"), where="rows.csv")
    assert frame["a"].tolist() == ["1", "2"]
    assert frame.index.tolist() == [2, 4]


def test_csv_cell_beyond_the_limit_is_refused_with_and_without_quotes(tmp_path: Path) -> None:
    """How long a cell may be does not depend on another cell's quotes."""
    for other in (b"x", b'"x"'):
        found = complaint(tmp_path, b"a,b\n1," + other + b"\n2," + b"y" * 200_000 + b"\n")
        assert (found.where, found.what) == ("rows.csv:3", "not CSV: field larger than field limit (131072)")


def test_csv_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    """A file that a spreadsheet saved has the columns it shows."""
    assert list(read(written(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n"), where="rows.csv").columns) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (b"", "rows.csv", "the file is empty"),
        (b"\n\n", "rows.csv", "the file is empty"),
        (b"a,b\n", "rows.csv", "there are columns but no rows"),
        (b"a,b,a\n1,2,3\n", "rows.csv:1", 'two columns are called "a"'),
        (b"a,,c\n1,2,3\n", "rows.csv:1", "column 2 has no name"),
        (b"a,b\n1,2\n1,2,3\n", "rows.csv:3", "3 cells where the header has 2"),
        (b"a,b\n1,2\n1\n", "rows.csv:3", "1 cells where the header has 2"),
        (b"a,b\n1,2\n\xff,2\n", "rows.csv:3", "this line is not UTF-8"),
    ],
)
def test_csv_damage_is_told_with_its_line(tmp_path: Path, content: bytes, where: str, what: str) -> None:
    """Each kind of damage has its own message and place."""
    error = complaint(tmp_path, content)
    assert (error.where, error.what) == (where, what)


def test_csv_quote_that_never_closes_is_refused(tmp_path: Path) -> None:
    """An open quote does not swallow the rest of the file in silence."""
    assert complaint(tmp_path, b'a,b\n1,"2\n3,4\n').what.startswith("not CSV")


def test_missing_file_and_folder_are_bad_input(tmp_path: Path) -> None:
    """A data file that is not there is the user's to put there, by the name used in model.yaml."""
    for path in (tmp_path / "none.csv", tmp_path / "folder.csv"):
        if path.name.startswith("folder"):
            path.mkdir()
        with pytest.raises(BadInputError, match=r"models/m/data/x\.csv: there is no such data file"):
            read(path, where="models/m/data/x.csv")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    """A pickle is not opened to find out what it is."""
    assert "neither .csv nor .parquet" in complaint(tmp_path, b"\x80\x04.", "rows.pkl").what


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Typed columns arrive typed, text as text, and rows are counted from one."""
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"n": [1, 2], "x": [0.1, None], "s": ["a", None], "b": [True, False]}).to_parquet(path)
    frame = read(path, where="rows.parquet")
    assert frame["n"].tolist() == [1, 2]
    assert frame["x"].tolist()[0] == 0.1
    assert frame["s"].isna().tolist() == [False, True]
    assert frame["b"].tolist() == [True, False]
    assert frame.index.tolist() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n"])
def test_damaged_parquet_is_bad_input(tmp_path: Path, content: bytes) -> None:
    """What is no Parquet is said in one line, whatever the library raises."""
    assert "\n" not in str(complaint(tmp_path, content, "rows.parquet"))


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path) -> None:
    """Where the optional library is missing the message says how to install it."""
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"n": [1]}).to_parquet(path)
    script = (
        "import sys; sys.modules['pyarrow'] = None\nfrom pathlib import Path\n"
        "from release.data.tables import read\nfrom release.errors import EnvironmentTroubleError\n"
        f"try: read(Path({str(path)!r}), where='rows.parquet')\n"
        "except EnvironmentTroubleError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "pip install 'model-release[parquet]'" in said


def test_digest_is_of_the_bytes(tmp_path: Path) -> None:
    """The digest is SHA-256 of the file as it lies there."""
    content = b"a,b\n1,2\n" * 100_000
    assert digest(written(tmp_path, content)) == "sha256:" + hashlib.sha256(content).hexdigest()
    with pytest.raises(BadInputError, match=re.escape("there is no such data file")):
        digest(tmp_path / "none.csv")


def test_to_csv_is_read_back_the_same(tmp_path: Path) -> None:
    """Text with commas, quotes and line breaks, exact floats and missing cells survive a round trip."""
    frame = pd.DataFrame({"s": ['a,"b"\nc', "x"], "f": [0.1 + 0.2, None], "i": [3.0, 4.0], "b": [True, False]})
    back = read(written(tmp_path, to_csv(frame)), where="rows.csv")
    assert back["s"].tolist() == frame["s"].tolist()
    assert float(back["f"].iloc[0]) == 0.1 + 0.2
    assert back["f"].isna().tolist() == [False, True]
    assert back["i"].tolist() == ["3", "4"]
    assert back["b"].tolist() == ["true", "false"]
    assert to_csv(back) == to_csv(frame)
