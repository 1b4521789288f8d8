"""Rows of this schema as a model of another schema reads them: what was renamed, what is filled, which classes it knows.

A model that is to be beaten may have been trained before columns were renamed, dropped or typed anew. What it reads is in
its manifest; what to give it for what is gone is declared in model.yaml (`evaluation: {migration: …}`), never guessed: a
column of another type would often be read without complaint, as rubbish. Whether a verdict may rest on it is
`release.judging`'s.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pandas as pd

from release.data.values import NUMBER, TRUTH, few, label, same
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from release.artifact.model import Column, ModelManifest
    from release.config.model import Migration, Scalar
    from release.data.contract import Table

AnyRows = TypeVar("AnyRows")


class UnreadableError(BadInputError):
    """A model cannot read these rows, by whatever way its bytes come."""


class MigrationError(BadInputError):
    """What is declared cannot be meant."""


_NUMERIC = ("float", "int", "bool")
_NOTHING = {"float": "0", "int": "0", "bool": "false", "category": "unknown", "text": "''", "datetime": "'2000-01-01'"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a model reads rows of another schema.

    `renamed` pairs the model's column with the one it is called now, `filled` the model's column with the constant in its
    place. `unknown` are classes of the rows that the model has never seen, `gone` classes it knows that are none any more.
    """

    renamed: tuple[tuple[str, str], ...] = ()
    filled: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of any number of this model must know; nothing when it reads the rows as they are."""
        said = []
        if self.renamed:
            said.append("its columns are renamed: " + ", ".join(f"{old} is {new} now" for old, new in self.renamed))
        if self.filled:
            constants = ", ".join(f"{old} with {value}" for old, value in self.filled)
            said.append(f"columns that are gone are filled: {constants}; it may be worse for that than it was")
        if self.unknown:
            said.append(f"it has never seen the class {few(self.unknown)}, and is never right where that is the truth")
        if self.gone:
            said.append(f"what it gives to the class {few(self.gone)}, which is none now, is shared among the others")
        return tuple(said)


def reading(manifest: ModelManifest, table: Table, task: str, migration: Migration, *, who: str, where: str) -> Reading:
    """Find how a model reads a table's rows; `who` is the model in messages, `where` the file that declares the migration.

    Raises UnreadableError, one line with what to write, for columns that are gone or of another type and not in the
    migration, and for a model that answers another question; MigrationError for what cannot be meant.
    """
    _check_question(manifest, table, task, who, where)
    kinds = {str(name): str(kind) for name, kind in table.kinds.items()}
    renamed, filled = [], []
    lost: list[tuple[Column, str]] = []
    for column in manifest.columns:
        if column.name in kinds:
            if not _fits(column.type, kinds[column.name]):
                lost.append((column, f"{column.name} (was {column.type}, is {kinds[column.name]})"))
        elif (new := migration.rename.get(column.name)) in kinds:
            _check_renamed(column, str(new), kinds, manifest, who, where)
            renamed.append((column.name, str(new)))
        elif column.name in migration.fill:
            filled.append((column.name, _constant(column, migration.fill[column.name], where)))
        else:
            lost.append((column, column.name))
    if lost:
        _refuse(lost, kinds, manifest, who, where)
    known = [label(name) for name in manifest.classes]
    many = task == "multiclass"
    return Reading(
        renamed=tuple(renamed),
        filled=tuple(filled),
        unknown=tuple(name for name in table.classes if name not in known) if many else (),
        gone=tuple(name for name in known if name not in table.classes) if many else (),
    )


def as_read(table: AnyRows, manifest: ModelManifest, found: Reading) -> AnyRows:
    """Return the rows with the columns that the model reads, in its order, and (multiclass) the classes it knows.

    `table` is a Table, or another frozen record with its fields. `y` stays as it is: it counts by the table's own classes,
    and only predicting is meant to follow.
    """
    rows: Any = with_columns(table, manifest, found)
    if not found.unknown and not found.gone:
        return cast("AnyRows", rows)
    return cast("AnyRows", replace(rows, classes=tuple(label(name) for name in manifest.classes)))


def with_columns(table: AnyRows, manifest: ModelManifest, found: Reading) -> AnyRows:
    """Return the rows with the columns that the model reads, in its order, and nothing else changed."""
    rows: Any = table
    renamed, filled = dict(found.renamed), dict(found.filled)
    columns: dict[str, pd.Series[Any]] = {}
    for column in manifest.columns:
        if column.name in filled:
            columns[column.name] = _filled(column, filled[column.name], rows.features.index)
        else:
            columns[column.name] = rows.features[renamed.get(column.name, column.name)]
    read: AnyRows = replace(
        rows,
        features=pd.DataFrame(columns, columns=pd.Index(list(columns), dtype=object)),
        kinds={column.name: column.type for column in manifest.columns},
    )
    return read


def by_classes(values: NDArray[np.float64], known: Sequence[str], classes: Sequence[str]) -> NDArray[np.float64]:
    """Return probabilities, shape (rows, known), as shape (rows, classes): 0 for a class that the model has never seen.

    What it gave to classes that are none any more is shared among the others in proportion, evenly where it gave them
    nothing; each row sums to 1.
    """
    moved = np.zeros((len(values), len(classes)))
    for number, name in enumerate(known):
        if name in classes:
            moved[:, list(classes).index(name)] = values[:, number]
    total = moved.sum(axis=1, keepdims=True)
    shared = np.array([name in known for name in classes], dtype=np.float64)
    even = shared / shared.sum() if shared.any() else np.full(len(classes), 1 / len(classes))
    return np.where(total > 0, moved / np.where(total > 0, total, 1), even)


def _fits(was: str, now: str) -> bool:
    """Say whether a column of one type can be read as another: all numbers are read alike."""
    return was == now or (was in _NUMERIC and now in _NUMERIC)


def _check_question(manifest: ModelManifest, table: Table, task: str, who: str, where: str) -> None:
    """Refuse a model whose answers mean something else; other names for the two classes are taken by their role."""
    other = f"another question is another model: give it a name of its own, or retire {who} first"
    if manifest.task != task:
        raise UnreadableError(f"{who} is a {manifest.task} model, and this is {task}", where=where, fix=other)
    if task != "binary":
        return
    negative, positive = (label(name) for name in manifest.classes)
    if same(positive, table.classes[0]) or same(negative, table.classes[1]):
        what = f'"{positive}" was the positive class of {who}, "{table.classes[1]}" is now'
        raise UnreadableError(what, where=where, fix=other)


def _check_renamed(
    column: Column, new: str, kinds: Mapping[str, str], manifest: ModelManifest, who: str, where: str
) -> None:
    at = f"{where}: evaluation.migration.rename"
    if not _fits(column.type, kinds[new]):
        raise MigrationError(
            f"{who} reads {column.name} as {column.type}, and {new} is {kinds[new]}",
            where=at,
            fix=f"name a column that is {column.type}, or fill {column.name}",
        )
    if any(one.name == new for one in manifest.columns):
        raise MigrationError(
            f"{who} reads {new} itself, and cannot take it for {column.name} too",
            where=at,
            fix=f"name another column, or fill {column.name}",
        )


def _constant(column: Column, value: Scalar, where: str) -> str:
    """Return a constant as text. Raises BadInputError when the column cannot hold it."""
    text = label(value)
    match column.type:
        case "float" | "int":
            number = float(text) if NUMBER.match(text) and not isinstance(value, bool) else None
            fits = number is not None and (column.type == "float" or number.is_integer())
            low, high = column.min, column.max
            fits = fits and number is not None and (low is None or number >= low) and (high is None or number <= high)
        case "bool":
            fits = text.lower() in TRUTH
        case "category":
            fits = not (allowed := _allowed(column)) or any(same(text, one) for one in allowed)
        case _:
            fits = True
    if not fits:
        bounds = f" from {column.min:g} to {column.max:g}" if column.min is not None and column.max is not None else ""
        values = f", one of {few(_allowed(column))}" if _allowed(column) else ""
        raise MigrationError(
            f'"{text[:40]}" cannot stand for {column.name}, which is {column.type}{bounds}{values}',
            where=f"{where}: evaluation.migration.fill",
            fix="fill it with a value that it could have had",
        )
    return text


def _allowed(column: Column) -> list[str]:
    """Return the categories that the model's contract names, none where it names none."""
    values = column.values  # noqa: PD011 (a contract's, no frame's)
    return [label(one) for one in values or ()]


def _filled(column: Column, text: str, index: pd.Index[Any]) -> pd.Series[Any]:
    if column.type in _NUMERIC:
        number = float(TRUTH[text.lower()]) if column.type == "bool" else float(text)
        return pd.Series(np.full(len(index), number), index=index)
    cells = np.empty(len(index), dtype=object)
    cells[:] = text
    return pd.Series(cells, index=index, dtype=object)


def _refuse(
    lost: Sequence[tuple[Column, str]], kinds: Mapping[str, str], manifest: ModelManifest, who: str, where: str
) -> None:
    """Name what the model reads and does not find, and write out the migration that would do."""
    read = {column.name for column in manifest.columns}
    new = {name: kind for name, kind in kinds.items() if name not in read}
    rename, fill = {}, {}
    for column, _ in lost:
        fitting = [name for name, kind in new.items() if _fits(column.type, kind)]
        near = difflib.get_close_matches(column.name, fitting, n=1) or (fitting if len(lost) == len(new) == 1 else [])
        if near and column.name not in kinds:
            rename[column.name] = near[0]
            del new[near[0]]
        elif column.name not in kinds:
            value = _allowed(column)[0] if _allowed(column) else _NOTHING.get(column.type, "0")
            fill[column.name] = value if column.min is None or column.type == "bool" else f"{max(0.0, column.min):g}"
    parts = [
        f"{name}: {{{few([f'{old}: {to}' for old, to in found.items()])}}}"
        for name, found in (("rename", rename), ("fill", fill))
        if found
    ]
    typed = [column.name for column, _ in lost if column.name in kinds]
    write = f"write `evaluation: {{migration: {{{', '.join(parts)}}}}}` with what is true" if parts else ""
    if fill and new:
        write += f", `rename: {{{next(iter(fill))}: …}}` for what is only called otherwise now ({few(list(new))})"
    keep = f"give {few(typed)} a new name, so that it can be renamed or filled" if typed else ""
    raise UnreadableError(
        f"{who} reads columns that are not in these rows: {few([said for _, said in lost])}",
        where=where,
        fix=" and ".join(part for part in (keep, write) if part),
    )
