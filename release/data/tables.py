"""Data files to frames and back: CSV as text, Parquet as its own types, and the digest of either.

Nothing is guessed here: a CSV cell stays text until the column contract says what it is (`release.data.contract`). The
frame's index tells where a row came from: line numbers named `line` for CSV, row numbers named `row` for Parquet.
"""

from __future__ import annotations

import csv
import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.data.values import label
from release.errors import BadInputError, EnvironmentTroubleError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_PIECE = 1 << 20
_NO_FILE = "put the file there, or correct data.train and data.test in model.yaml"


def read(path: Path, *, where: str) -> pd.DataFrame:
    """Read a `.csv` or `.parquet` file; `where` is what messages call it.

    CSV: UTF-8 (a byte-order mark is allowed), one header line, comma-separated; every cell is text, an empty one is missing
    (NaN), blank lines are passed over. Raises BadInputError, with the line, for a file that is not there, not UTF-8, empty,
    without rows, with a repeated or empty column name or a line of the wrong length; EnvironmentTroubleError for Parquet
    without pyarrow and for a disk that cannot be read.
    """
    return parsed(*content(path, where=where), where=where)


def content(path: Path, *, where: str) -> tuple[bytes, str]:
    """Return a file's bytes, and its kind for `parsed`. Raises what `read` raises when they cannot be had."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise BadInputError(f'"{path.name}" is neither .csv nor .parquet', where=where, fix="convert it")
    if suffix == ".parquet":
        _arrow(where)  # that it is not installed matters more than the file
    return _content(path, where), suffix


def parsed(content: bytes, suffix: str, *, where: str) -> pd.DataFrame:
    """Return the frame that a file's bytes hold, as `read` does; `suffix` is `.csv` or `.parquet`."""
    frame = _csv(content, where) if suffix == ".csv" else _parquet(content, where)
    if frame.empty:
        raise BadInputError("there are columns but no rows", where=where, fix="add the rows")
    return frame


def pieces(path: Path, *, where: str, rows: int, columns: Collection[str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield a file as frames of so many rows, with the columns that are named (or all), and raise, as `read` would.

    The first frame may have no rows: it is there for its columns, of which none is left out.
    """
    if path.suffix.lower() == ".csv":
        yield from _csv_pieces(path, where, rows, columns)
    else:
        yield from _parquet_pieces(path, where, rows, columns)


def count(path: Path) -> int:
    """Return at least how many rows a file has, which in CSV blank lines and quoted line ends add to; 0 if it is no table.

    Raises EnvironmentTroubleError for Parquet without pyarrow: what is wrong with a file is for whoever reads it to say.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            with path.open("rb") as file:
                return sum(piece.count(b"\n") for piece in iter(lambda: file.read(_PIECE), b""))
        return _parquet_rows(path) if suffix == ".parquet" else 0
    except OSError:
        return 0


def digest(path: Path) -> Digest:
    """Return the digest of a file's bytes. Raises BadInputError when it is not there."""
    try:
        with path.open("rb") as file:
            return Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInputError("there is no such data file", where=str(path), fix=_NO_FILE) from error


def to_csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV that `read` reads back: text cells as they are, numbers exact, missing ones empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([str(name) for name in frame.columns])
    columns = [_texts(frame[name]) for name in frame.columns]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode()


def _texts(column: pd.Series[Any]) -> list[str]:
    return ["" if gone else label(cell) for cell, gone in zip(column.tolist(), column.isna().tolist(), strict=True)]


def _content(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise BadInputError("there is no such data file", where=where, fix=_NO_FILE) from error
    except OSError as error:
        raise EnvironmentTroubleError(
            f"cannot be read: {error.strerror}", where=where, fix="see to it, run again"
        ) from error


def _csv(content: bytes, where: str) -> pd.DataFrame:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInputError("this line is not UTF-8", where=f"{where}:{line}", fix="save the file as UTF-8") from error
    plain = _plain_csv(text, where)
    if plain is not None:
        return plain
    # strict: a quote that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = _header(reader, where)
        rows, lines = _rows(reader, header, where)
    except csv.Error as error:
        raise BadInputError(f"not CSV: {error}", where=f"{where}:{reader.line_num}", fix="check the quotes") from error
    return _framed(header, rows, lines)


def _plain_csv(text: str, where: str) -> pd.DataFrame | None:
    """Return what a file without quotes or blank lines holds, split at commas; None if a line may be wrong.

    Where this gives None, the reading line by line decides, and names the line.
    """
    text = text.replace("\r\n", "\n")
    if '"' in text or "\r" in text or "\n\n" in text or text.startswith("\n"):
        return None
    head, _, body = text.partition("\n")
    if not body or max(map(len, text.split("\n"))) > csv.field_size_limit():  # whose complaint is the reader's
        return None
    header = head.split(",")
    width = len(header)
    _check_header(header, f"{where}:1")
    # A line's end becomes a cell of its own: that it is always the last one says that every line has the same cells.
    cells = np.array([*body.removesuffix("\n").replace("\n", ",\n,").split(","), "\n"], dtype=object)
    if len(cells) % (width + 1) or not (cells[width :: width + 1] == "\n").all():
        return None
    cells = cells.reshape(-1, width + 1)[:, :width]
    cells[cells == ""] = np.nan
    index = pd.Index(np.arange(2, len(cells) + 2), name="line", dtype="int64")
    return pd.DataFrame(cells, index=index, columns=pd.Index(header, dtype=object), dtype=object)


def _header(reader: Any, where: str) -> list[str]:
    header: list[str] | None = next((row for row in reader if row), None)
    if header is None:
        raise BadInputError("the file is empty", where=where, fix="add a header line and the rows")
    _check_header(header, f"{where}:{reader.line_num}")
    return header


def _framed(header: list[str], rows: list[list[str]], lines: list[int]) -> pd.DataFrame:
    cells = np.empty((len(rows), len(header)), dtype=object)
    for number, row in enumerate(rows):
        cells[number] = [cell if cell != "" else np.nan for cell in row]
    index = pd.Index(lines, name="line", dtype="int64")
    # dtype=object: newer pandas would otherwise make its own string type of the text, and only where pyarrow is installed.
    return pd.DataFrame(cells, index=index, columns=pd.Index(header, dtype=object), dtype=object)


def _csv_pieces(path: Path, where: str, rows: int, columns: Collection[str] | None) -> Iterator[pd.DataFrame]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = _header(reader, where)
            yield _framed(header, [], [])
            kept = [number for number, name in enumerate(header) if columns is None or name in columns]
            while (found := _rows(reader, header, where, most=rows))[0]:
                yield _framed([header[one] for one in kept], [[row[one] for one in kept] for row in found[0]], found[1])
        except csv.Error as error:
            raise BadInputError(f"not CSV: {error}", where=f"{where}:{reader.line_num}", fix="check the quotes") from error
        except UnicodeDecodeError as error:
            line = _undecodable(path)
            raise BadInputError("this line is not UTF-8", where=f"{where}:{line}", fix="save the file as UTF-8") from error


def _undecodable(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _rows(reader: Any, header: list[str], where: str, *, most: int | None = None) -> tuple[list[list[str]], list[int]]:
    """Return the rows, or so many, and the line on which each begins (a quoted cell may span several)."""
    rows: list[list[str]] = []
    lines: list[int] = []
    begins = reader.line_num + 1
    for row in reader:
        if row and len(row) != len(header):
            raise BadInputError(
                f"{len(row)} cells where the header has {len(header)}",
                where=f"{where}:{begins}",
                fix="quote cells that hold commas, and give every row one cell for each column",
            )
        if row:
            rows.append(row)
            lines.append(begins)
        begins = reader.line_num + 1
        if len(rows) == most:
            break
    return rows, lines


def _check_header(header: list[str], where: str) -> None:
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise BadInputError(f"column {number} has no name", where=where, fix="name it in the header, or remove it")
        if name in header[: number - 1]:
            raise BadInputError(f'two columns are called "{name}"', where=where, fix="rename or remove one of the two")


def _parquet(content: bytes, where: str) -> pd.DataFrame:
    pa, pq = _arrow(where)
    if not content:
        raise BadInputError("the file is empty", where=where, fix="write the table again")
    try:
        # Statistics, page indexes and the like may lie in a damaged file; whatever pyarrow makes of it is the user's file.
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(error, where) from error
    _check_names(table.column_names, where)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return frame


def _parquet_pieces(path: Path, where: str, rows: int, columns: Collection[str] | None) -> Iterator[pd.DataFrame]:
    pa, pq = _arrow(where)
    done = 1
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_names(names, where)
            yield file.schema_arrow.empty_table().to_pandas(ignore_metadata=True)
            kept = None if columns is None else [name for name in names if name in columns]
            for batch in file.iter_batches(batch_size=rows, columns=kept):
                frame = batch.to_pandas()
                frame.index = pd.RangeIndex(done, done + len(frame), name="row")
                done += len(frame)
                yield frame
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(error, where) from error


def _arrow(where: str) -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 (an optional extra, and heavy)
        import pyarrow.parquet as pq  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise EnvironmentTroubleError(
            "reading Parquet needs pyarrow, which is not installed", where=where, fix="pip install 'model-release[parquet]'"
        ) from error
    return pa, pq


def _parquet_rows(path: Path) -> int:
    pa, pq = _arrow(str(path))
    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowException:
        return 0


def _not_parquet(error: Exception, where: str) -> BadInputError:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadInputError(f"not Parquet: {said}", where=where, fix="write the table again")


def _check_names(names: list[str], where: str) -> None:
    if not names:
        raise BadInputError("the table has no columns", where=where, fix="write the table again")
    _check_header(names, where)
