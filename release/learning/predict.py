"""A fitted model's predictions for named rows, as arrays and as a CSV file that loses no bit.

Rows are compared by id, never by position. What predictions are worth is not computed here.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.learning.rows import Rows, Task

_NEAR = 1e-6
_FEW = 5
_SPECIAL = ',"\r\n'
"""What a CSV cell may hold in quotes only."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What one model says of each row.

    `values` are P(positive), shape (rows,), for binary; P(class), shape (rows, classes), for multiclass; the predicted
    number, shape (rows,), for regression. `y` is the truth as 0/1, class index or float, None where it is not known.
    `classes` names the columns of `values`, and is empty unless the task is multiclass.
    """

    task: Task
    ids: NDArray[np.object_]
    y: NDArray[Any] | None
    values: NDArray[np.float64]
    classes: tuple[str, ...] = ()


def predict(estimator: Any, table: Rows, task: Task) -> Predictions:
    """Predict every row of a table with a fitted estimator. Raises BadInputError when the model cannot read the table."""
    try:
        values = values_of(estimator, table, task)
    except ValueError as error:
        said = str(error).strip().splitlines()[0]
        raise BadInputError(
            f"the model cannot read these rows: {said}", fix="use the rows that its contract describes"
        ) from error
    return Predictions(
        task=task, ids=table.ids, y=table.y, values=values, classes=table.classes if task == "multiclass" else ()
    )


def values_of(estimator: Any, table: Rows, task: Task) -> NDArray[np.float64]:
    """Return `Predictions.values` for a table. Raises ValueError, scikit-learn's, when the estimator cannot read it."""
    with warnings.catch_warnings():
        # model.yaml says that unseen categories become zeros; with `drop` scikit-learn says it again at each prediction.
        warnings.filterwarnings("ignore", "Found unknown categories", UserWarning)
        if task == "regression":
            return np.asarray(estimator.predict(table.features), dtype=np.float64).reshape(-1)
        found = np.asarray(estimator.predict_proba(table.features), dtype=np.float64)
    # A training fold may lack a class; its probability is then 0.
    values = np.zeros((len(found), len(table.classes)))
    values[:, np.asarray(estimator.classes_, dtype=np.intp)] = found
    return values[:, 1].copy() if task == "binary" else values


def to_csv(predictions: Predictions) -> bytes:
    """Write predictions as CSV: `id`, `y` if known, then `score` (binary), `p_<class>`… (multiclass) or `prediction`.

    Floats are written so that reading them gives the same bits; `y` is 0/1, the class's name, or a float.
    """
    truth = [] if predictions.y is None else ["y"]
    columns = {
        "binary": ["score"],
        "multiclass": [f"p_{name}" for name in predictions.classes],
        "regression": ["prediction"],
    }
    header = ["id", *truth, *columns[predictions.task]]
    values = predictions.values.reshape(len(predictions.ids), -1)
    cells: list[list[Any]] = [predictions.ids.tolist()]
    if predictions.y is not None:
        cells.append(_truth_cells(predictions, predictions.y))
    cells += [list(map(repr, column)) for column in values.T.tolist()]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    rows = zip(*cells, strict=True)
    if _plain(cells[0]) and _plain(predictions.classes):
        # No cell needs quotes, which is where the writer's time goes.
        return (text.getvalue() + "".join([",".join(row) + "\n" for row in rows])).encode()
    writer.writerows(rows)
    return text.getvalue().encode()


def _plain(cells: Sequence[object]) -> bool:
    """Say whether cells are texts that CSV holds without quotes."""
    if not all(isinstance(cell, str) for cell in cells):
        return False
    together = "".join(cells)  # type: ignore[arg-type]  # they are texts
    return not any(special in together for special in _SPECIAL)


def _truth_cells(predictions: Predictions, y: NDArray[Any]) -> list[str]:
    if predictions.task == "multiclass":
        return [predictions.classes[int(one)] for one in y.tolist()]
    return list(map(repr, y.tolist()))


def from_csv(content: bytes, where: str) -> Predictions:
    """Read what `to_csv` wrote; the task follows from the columns.

    Raises BadInputError, with the line, for anything else: other columns, a row of another length, a repeated id, what is no
    finite number, probabilities outside 0 to 1 or (multiclass) not summing to 1, a y that is no class.
    """
    try:
        text = content.decode()
        quick = _from_plain(text)
        if quick is not None:
            return quick
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"no file of predictions: {error}", where=where, fix="write it again with evaluate") from error
    task, has_y, classes = _columns(rows[0] if rows else [], where)
    first = 2 if has_y else 1
    width = first + max(1, len(classes))
    if len(rows) == 1:
        raise BadInputError("there are no predictions", where=where, fix="write the file again")
    found = _whole(rows[1:], width, first, task)
    if found is None:
        found = _by_line(rows[1:], width, first, task, where)
    truths = _truths(rows[1:], task, classes, where) if has_y else []
    names = np.empty(len(found), dtype=object)
    names[:] = [row[0] for row in rows[1:]]
    y = np.array(truths, dtype=np.float64 if task == "regression" else np.int64) if has_y else None
    return Predictions(task=task, ids=names, y=y, values=found if classes else found[:, 0], classes=classes)


def _from_plain(text: str) -> Predictions | None:
    """Return what a file without quotes or blank lines holds, whole columns at a time; None if anything may be wrong.

    Where this gives None, the reading line by line decides, and names the line.
    """
    if not text.endswith("\n") or '"' in text or "\r" in text:
        return None
    head, _, body = text.partition("\n")
    try:
        task, has_y, classes = _columns(head.split(","), "")
    except BadInputError:
        return None
    first = 2 if has_y else 1
    width = first + max(1, len(classes))
    # A line's end becomes a cell of its own: that it is always the last one says that every line has the same cells.
    cells = body.replace("\n", ",\n,").split(",")[:-1]
    ends = cells[width :: width + 1]
    names = cells[:: width + 1]
    if not ends or len(cells) % (width + 1) or set(ends) != {"\n"} or len(set(names)) < len(names):
        return None
    long = max(map(len, names)) > csv.field_size_limit()  # whose complaint is the reader's
    try:
        array = np.array([list(map(float, cells[place :: width + 1])) for place in range(first, width)]).T
        y = _plain_truths(cells[1 :: width + 1], task, classes) if has_y else None
    except (ValueError, KeyError):
        return None
    if long or not _sound(array, task):
        return None
    values = np.ascontiguousarray(array) if classes else array[:, 0].copy()
    ids = np.empty(len(names), dtype=object)
    ids[:] = names
    return Predictions(task=task, ids=ids, y=y, values=values, classes=classes)


def _plain_truths(cells: list[str], task: Task, classes: tuple[str, ...]) -> NDArray[Any]:
    """Return y. Raises ValueError or KeyError for a cell that is none."""
    if task == "regression":
        numbers = np.array(list(map(float, cells)))
        if not np.isfinite(numbers).all():
            raise ValueError("y is not finite")
        return numbers
    known = {name: place for place, name in enumerate(classes or ("0", "1"))}
    return np.array([known[cell] for cell in cells], dtype=np.int64)


def _sound(array: NDArray[np.float64], task: Task) -> bool:
    """Say whether numbers, (rows, columns), can be predictions."""
    lies = np.isfinite(array) if task == "regression" else (array >= 0) & (array <= 1)
    sums = task != "multiclass" or bool((np.abs(array.sum(axis=1) - 1) <= _NEAR).all())
    return bool(lies.all()) and sums


def _whole(rows: list[list[str]], width: int, first: int, task: Task) -> NDArray[np.float64] | None:
    """Return the numbers of all rows, (rows, columns), at once, which is much faster; None if anything is wrong."""
    if any(len(row) != width for row in rows) or len({row[0] for row in rows}) < len(rows):
        return None
    try:
        array = np.array([float(cell) for row in rows for cell in row[first:]]).reshape(len(rows), -1)
    except ValueError:
        return None
    return array if _sound(array, task) else None


def _by_line(rows: list[list[str]], width: int, first: int, task: Task, where: str) -> NDArray[np.float64]:
    """Return the same numbers. Raises BadInputError, with the line, at the first row that is wrong."""
    ids: dict[str, int] = {}
    values = []
    for number, row in enumerate(rows, start=2):
        at = f"{where}:{number}"
        if len(row) != width:
            raise BadInputError(f"{len(row)} cells where the header has {width}", where=at, fix="write the file again")
        if row[0] in ids:
            raise BadInputError(f'id "{row[0]}" is also on line {ids[row[0]]}', where=at, fix="keep one row for each id")
        ids[row[0]] = number
        values.append(_probabilities([_number(cell, at) for cell in row[first:]], task, at))
    return np.array(values, dtype=np.float64)


def align(one: Predictions, other: Predictions, *, where: str = "") -> tuple[Predictions, Predictions]:
    """Return both with `other`'s rows in `one`'s order.

    Raises BadInputError when tasks, classes or sets of ids differ (naming a few ids), or when both know y and disagree.
    """
    if (one.task, one.classes) != (other.task, other.classes):
        raise BadInputError(
            f"the predictions are of different kinds ({_kind(one)} and {_kind(other)})",
            where=where,
            fix="compare models that predict the same thing",
        )
    if np.array_equal(one.ids, other.ids):
        return one, _agreeing(one, other, where)
    position = {name: number for number, name in enumerate(other.ids.tolist())}
    absent = [name for name in one.ids.tolist() if name not in position]
    extra = sorted(set(position) - set(one.ids.tolist()))
    if absent or extra:
        sides = [
            f"{len(ids)} only in the {side} ({_few(ids)})" for side, ids in (("first", absent), ("second", extra)) if ids
        ]
        raise BadInputError(
            f"the predictions are not of the same rows: {', '.join(sides)}",
            where=where,
            fix="predict the same rows with both",
        )
    order = np.array([position[name] for name in one.ids.tolist()], dtype=np.intp)
    moved = replace(other, ids=other.ids[order], values=other.values[order], y=None if other.y is None else other.y[order])
    return one, _agreeing(one, moved, where)


def _agreeing(one: Predictions, moved: Predictions, where: str) -> Predictions:
    """Return `moved`, whose rows are `one`'s. Raises BadInputError when both know y and disagree."""
    if one.y is not None and moved.y is not None and (one.y != moved.y).any():
        wrong = [str(name) for name in one.ids[one.y != moved.y].tolist()]
        raise BadInputError(
            f"the two files disagree about y in {len(wrong)} rows ({_few(wrong)})", where=where, fix="use one set of labels"
        )
    return moved


def _columns(header: list[str], where: str) -> tuple[Task, bool, tuple[str, ...]]:
    has_y = header[1:2] == ["y"]
    rest = header[2:] if has_y else header[1:]
    if header[:1] == ["id"] and rest == ["score"]:
        return "binary", has_y, ()
    if header[:1] == ["id"] and rest == ["prediction"]:
        return "regression", has_y, ()
    classes = tuple(name.removeprefix("p_") for name in rest if name.startswith("p_"))
    if header[:1] == ["id"] and len(classes) == len(rest) == len(set(classes)) > 1:
        return "multiclass", has_y, classes
    raise BadInputError(
        "these are no columns of predictions", where=f"{where}:1", fix="write id, y and score, p_<class>… or prediction"
    )


def _number(cell: str, at: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInputError(f'"{cell[:40]}" is no finite number', where=at, fix="write the file again")
    return number


def _probabilities(row: list[float], task: Task, at: str) -> list[float]:
    if task != "regression" and not all(0 <= value <= 1 for value in row):
        raise BadInputError("a probability is outside 0 to 1", where=at, fix="write probabilities")
    if task == "multiclass" and abs(sum(row) - 1) > _NEAR:
        raise BadInputError(f"the probabilities sum to {sum(row):g}, not 1", where=at, fix="write probabilities")
    return row


def _truths(rows: list[list[str]], task: Task, classes: tuple[str, ...], where: str) -> list[float]:
    """Return each row's y. Raises BadInputError, with the line, at one that is none; a class is looked up once."""
    if task == "regression":
        return [_number(row[1], f"{where}:{number}") for number, row in enumerate(rows, start=2)]
    known = {name: place for place, name in enumerate(classes if task == "multiclass" else ("0", "1"))}
    found = [known.get(row[1], -1) for row in rows]
    if -1 in found:
        first = found.index(-1)
        what = f'y is "{rows[first][1][:40]}", not one of {_few(tuple(known))}'
        raise BadInputError(what, where=f"{where}:{first + 2}", fix="write the file again")
    return list(map(float, found))


def _kind(predictions: Predictions) -> str:
    return f"{predictions.task}, {len(predictions.classes)} classes" if predictions.classes else predictions.task


def _few(names: Any) -> str:
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
