"""The column contract applied: a frame as it was read becomes a table that training and scoring can rely on.

Everything a file can get wrong is told here in one line, before anything is trained. Values are typed in
`release.data.typed`, the target in `release.data.target`; what leaks between two tables is `release.data.holdout`'s.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pandas as pd

from release.data.target import Task, encode
from release.data.typed import Cells, Floats, Kind, Texts, datetimes, declared_values, numbers, texts, typed
from release.data.values import few
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from release.config.model import Column, DataSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Rows that keep their contract, in the file's order.

    `ids` are text, unique. `features` has the declared columns only, in the order of `data.columns` (names that one glob
    matches, by name), whatever the order of the file; float, int and bool columns are float64 (missing: NaN), category and
    datetime columns text (missing: NaN), text columns text (missing: ""). `y` is 0/1 (binary), an index into `classes`
    (multiclass) or a float (regression). `kinds` names each feature's type as declared.
    """

    ids: Texts
    features: pd.DataFrame
    y: NDArray[Any]
    classes: tuple[str, ...]
    kinds: Mapping[str, Kind]
    groups: Texts | None = None
    weights: Floats | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.ids)


def conform(frame: pd.DataFrame, data: DataSpec, task: Task, *, where: str, classes: Sequence[str] | None = None) -> Table:
    """Check a frame against its contract and type it.

    `classes` are the training table's when the held-out rows are read, so that both count classes alike. Raises
    BadInputError for columns that are missing or not declared (one line with the difference), for the first value that
    breaks its column's contract, for ids that are missing or repeated, and for a target that cannot be learned from.
    """
    if len(frame) == 0:
        raise BadInputError("there are columns but no rows", where=where, fix="add the rows")
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    declared = _declared(list(frame.columns), data, where)
    reserved = {name: Cells(frame[name], name, where) for name in _reserved(data)}
    ids = _ids(reserved[data.id])
    y, known = encode(reserved[data.target.column], data.target, task, classes)
    if data.time is not None:
        datetimes(reserved[data.time])
    columns = {name: typed(Cells(frame[name], name, where), column) for name, column in declared.items()}
    return Table(
        ids=ids,
        features=_features(columns),
        y=y,
        classes=known,
        kinds={name: column.type for name, column in declared.items()},
        groups=None if data.group is None else _groups(reserved[data.group]),
        weights=None if data.weight is None else _weights(reserved[data.weight]),
    )


def matches(name: str, pattern: str) -> bool:
    """Say whether a name or glob of `model.yaml` means a column; a name always means itself, brackets or not."""
    return name == pattern or fnmatchcase(name, pattern)


def signature(table: Table, data: DataSpec) -> list[dict[str, Any]]:
    """Describe a table's feature columns in order, as a model's manifest keeps them."""
    described = []
    for name in table.features.columns:
        column = _column(name, data)
        assert column is not None  # noqa: S101 (narrowing: a table has declared columns only)
        described.append(
            {
                "name": name,
                "type": column.type,
                "min": column.min,
                "max": column.max,
                "values": declared_values(column),
                "missing": column.missing,
            }
        )
    return described


def _column(name: str, data: DataSpec) -> Column | None:
    return next((column for pattern, column in data.columns.items() if matches(name, pattern)), None)


def _reserved(data: DataSpec) -> list[str]:
    named = (data.target.column, data.id, data.group, data.time, data.weight)
    return list(dict.fromkeys(name for name in named if name is not None))


def _declared(present: list[str], data: DataSpec, where: str) -> dict[str, Column]:
    """Return the feature columns in canonical order, or refuse with the difference between file and contract."""
    reserved = _reserved(data)
    free = [name for name in present if name not in reserved and not any(matches(name, one) for one in data.ignore)]
    declared: dict[str, Column] = {}
    missing = [name for name in reserved if name not in present]
    for pattern, column in data.columns.items():
        matched = sorted(name for name in free if matches(name, pattern))
        if not matched and not any(matches(name, pattern) for name in present):
            missing.append(pattern)
        declared |= {name: column for name in matched if name not in declared}
    extra = [name for name in free if name not in declared]
    if missing or extra:
        raise BadInputError(
            f"columns differ from the contract ({_difference(missing, extra)})",
            where=where,
            fix="correct the file's header, or data.columns and data.ignore in model.yaml",
        )
    if not declared:
        raise BadInputError("no column is left to learn from", where=where, fix="declare some in data.columns")
    return declared


def _difference(missing: list[str], extra: list[str]) -> str:
    said = []
    for name in extra:
        near = difflib.get_close_matches(name, missing, n=1)
        said.append(f"{name} (did you mean {near[0]}?)" if near else name)
    parts = []
    if missing:
        parts.append(f"missing: {few(missing)}")
    if extra:
        parts.append(f"not declared: {few(said)}")
    return "; ".join(parts)


def _features(columns: Mapping[str, Floats | Texts]) -> pd.DataFrame:
    # One Series each with its own dtype: a frame made of arrays would turn text into whatever this pandas prefers.
    series = {name: pd.Series(array, dtype=array.dtype) for name, array in columns.items()}
    return pd.DataFrame(series, columns=pd.Index(list(columns), dtype=object))


def _ids(cells: Cells) -> Texts:
    cells.refuse_missing("the id")
    ids = texts(cells)
    if len(set(ids.tolist())) == len(ids):
        return ids
    seen: dict[str, int] = {}
    for position, name in enumerate(ids):
        if name in seen:
            cells.refuse(position, f"is also the id at {cells.at(seen[name])}", "give every row an id of its own")
        seen[name] = position
    return ids


def _groups(cells: Cells) -> Texts:
    cells.refuse_missing("the group")
    return texts(cells)


def _weights(cells: Cells) -> Floats:
    cells.refuse_missing("the weight")
    weights = numbers(cells, "float")
    if (weights < 0).any():
        cells.refuse(int((weights < 0).argmax()), "is a negative weight", "use weights of 0 or more")
    if weights.sum() <= 0:
        raise BadInputError(f'column "{cells.name}": all weights are 0', where=cells.where, fix="give some row a weight")
    return weights
