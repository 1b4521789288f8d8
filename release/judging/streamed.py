"""Files of predictions that memory should not hold as the rows of a judgement: on disk, aligned and checked.

What `release.judging.compared` does with files that fit, piece by piece, with the same conversions and the same words.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from release.config.comparing import metrics_of
from release.config.names import COST
from release.config.source import shown
from release.data.alignment import FIX_SHARED, Aligned
from release.data.merging import merged
from release.data.spilling import columns_of
from release.errors import BadInputError
from release.judging.compared import Compared, check_outputs, slices_of
from release.judging.comparison import seed_for
from release.judging.costs import cost_matrix, refuse_unfit
from release.judging.streamed_fields import TARGET, WEIGHT, Reading
from release.judging.streamed_rows import IN_MEMORY, StreamedCase, StreamedRows, refuse_unstreamed
from release.records import Digest
from release.stats.metrics import metric_named
from release.stats.spilled import Spilled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from release.config.comparing import Place, Task
    from release.config.model import GateSpec
    from release.data.spilling import Taken
    from release.judging.compared import Columns
    from release.judging.streamed_fields import Meaning


def heads(paths: Sequence[Path], challenger: Path, champion: Path | None) -> Compared:
    """Return the files without their rows, the authoritative one first. Raises as reading them would."""
    files = {path: columns_of(path) for path in dict.fromkeys(paths)}
    none = tuple(np.empty(0, dtype=np.intp) for _ in files)
    theirs = None if champion is None else files[champion]
    return Compared(files[challenger], theirs, Aligned(tuple(files.values()), none, ()))


def streamed(
    found: Compared, columns: Columns, policy: GateSpec, task: Task | None, at: Place, *, folder: Path, same: bool
) -> tuple[StreamedCase, Digest]:
    """Return what a policy is judged on, kept in `folder`, and the digest of ids and truth, as rows_of and slices_of do.

    `same` says that both models are one. Raises BadInputError as those do, and for what needs all rows at once.
    """
    check_outputs(found, columns, policy)
    slices_of(found, policy)
    _refuse(found, columns, policy)
    reading = Reading(found, columns, policy, task)
    files = [reading.take(number, folder) for number in range(len(found.rows.files))]
    said = _Said()
    parts = merged(files, folder, lambda names: said.add([name.decode() for name in names.tolist()]))
    said.close()
    meaning = reading.meaning()
    if meaning.classes:
        refuse_unfit(policy, meaning.classes, at)
    rows = Spilled(folder / "rows", _dtype(reading, files))
    for blocks in zip(*(part.blocks() for part in parts), strict=True):
        joined = _joined(reading, meaning, files, blocks, rows.dtype)
        said.add(np.array(meaning.classes, dtype=object)[joined["y"]].tolist() if meaning.classes else joined["y"].tolist())
        rows.append(joined)
    said.close()
    if columns.weight is not None and not any(block["weight"].any() for block in rows.blocks()):
        what = f'every weight in "{shown(columns.weight)}" is 0'
        raise BadInputError(what, where=files[0].path, fix="give some row a weight")
    test = said.digest()
    return StreamedCase(
        rows=StreamedRows(
            records=rows,
            thresholds=tuple(one.threshold for _, one in reading.models),
            costs=cost_matrix(policy.costs, meaning.classes, at),
            seed=seed_for(test),
            folder=folder,
        ),
        slices={part.name: f"slice-{number}" for number, part in enumerate(policy.slices)},
        same=same,
    ), test


class _Said:
    """The digest of two lists as JSON, written a block at a time."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256(b"[")
        self._closed = 0
        self._begun = False

    def add(self, values: list[Any]) -> None:
        if not self._begun:
            self._sum.update(b", [" if self._closed else b"[")
        self._sum.update((", " * self._begun + json.dumps(values)[1:-1]).encode())
        self._begun = True

    def close(self) -> None:
        self._sum.update(b"]")
        self._closed, self._begun = self._closed + 1, False

    def digest(self) -> Digest:
        self._sum.update(b"]")
        return Digest("sha256:" + self._sum.hexdigest())


def _refuse(found: Compared, columns: Columns, policy: GateSpec) -> None:
    """Refuse what needs all rows at once before any is read."""
    for column in (columns.target, columns.weight):
        if column is not None and not any(file.has(column) for file in found.rows.files):
            found.rows.files[0].require(column)
    if columns.group is not None:
        what = f"rows that belong together are drawn together, and there are more than {IN_MEMORY:,}"
        raise BadInputError(what, where="--group", fix=f"give at most {IN_MEMORY:,} rows")
    parts = {part.metric for part in policy.slices}
    whole = [policy.primary.metric] if policy.primary is not None else []
    for name in [*whole, *(guard.metric for guard in policy.guards), *policy.floors]:
        if name != COST and name in metrics_of(policy) and name not in parts - {*whole}:
            refuse_unstreamed(metric_named(name), weighted=columns.weight is not None)


def _dtype(reading: Reading, files: Sequence[Taken]) -> np.dtype[Any]:
    """Return what is kept of a row: truth, weight, outputs and slices."""
    fields: list[tuple[Any, ...]] = [("y", "f8" if reading.task == "regression" else "i4")]
    if reading.columns.weight is not None:
        fields.append(("weight", "f8"))
    for file in files:
        kinds = file.records.dtype
        outputs = [name for name in kinds.names or () if name.startswith(("values-", "labels-"))]
        fields += [(name, kinds[name].base, kinds[name].shape) for name in outputs]
    return np.dtype([*fields, *((f"slice-{number}", "?") for number in range(len(reading.policy.slices)))])


def _joined(
    reading: Reading, meaning: Meaning, files: Sequence[Taken], blocks: Sequence[NDArray[Any]], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return the same rows of all files as one record each. Raises BadInputError where two files do not say the same."""
    rows = np.empty(len(blocks[0]), dtype=dtype)
    target = reading.columns.target
    rows["y"] = _shared(TARGET, target, files, blocks, meaning.target if meaning.classes else None)
    if reading.columns.weight is not None:
        rows["weight"] = _shared(WEIGHT, reading.columns.weight, files, blocks)
    for block in blocks:
        for name in block.dtype.names or ():
            if name.startswith("labels-"):
                rows[name] = meaning.labels[name][block[name]]
            elif name.startswith("values-"):
                rows[name] = block[name][:, meaning.orders[name]] if name in meaning.orders else block[name]
    held = [_shared(f"where-{place}", name, files, blocks) for place, (name, _) in enumerate(reading.conditions)]
    for number, part in enumerate(reading.policy.slices):
        places = [reading.place(column, value) for column, value in part.where.items()]
        rows[f"slice-{number}"] = np.logical_and.reduce([held[place] for place in places])
    return rows


def _shared(
    name: str, column: str, files: Sequence[Taken], blocks: Sequence[NDArray[Any]], code: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return what the first file that has a field says (`code` of it if given), and all others that have it too."""
    holders = [(file, block) for file, block in zip(files, blocks, strict=True) if name in (block.dtype.names or ())]
    found = [block[name] if code is None else code[block[name]] for _, block in holders]
    for values, (file, block) in zip(found[1:], holders[1:], strict=True):
        differs = np.flatnonzero(values != found[0])
        if len(differs):
            first, here = holders[0]
            row = differs[here["line"][differs].argmin()]
            what = f'"{shown(column)}" does not say the same here and in {file.at(block[row])}'
            raise BadInputError(what, where=first.at(here[row]), fix=FIX_SHARED)
    return found[0]
