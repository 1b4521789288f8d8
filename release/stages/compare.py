"""Compare: the gate alone, on files of predictions that any tool may have written.

Reading, aligning and judging are steps of their own: `release.data.prediction_file`, `release.data.alignment`, and, by the
rule of every gate, `release.judging`. No look is counted, and nothing is written.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.serial import digest_json
from release.config.comparing import task_for
from release.config.model import Budgets
from release.data.alignment import align
from release.data.prediction_file import read
from release.data.tables import count as rows_in
from release.errors import BadInputError
from release.judging.compared import Compared, rows_of, slices_of, task_of_labels
from release.judging.rule import Case, judge, no_first_release, requirements
from release.judging.streamed import heads, streamed
from release.judging.streamed_rows import IN_MEMORY
from release.records import TestSet, VerdictRecord

if TYPE_CHECKING:
    from release.config.comparing import Place, Task
    from release.config.model import GateSpec
    from release.data.prediction_file import PredictionFile
    from release.judging.compared import Columns
    from release.judging.streamed_rows import StreamedCase
    from release.records import Digest


@dataclass(frozen=True, kw_only=True)
class Files:
    """The predictions to judge, those to judge them against (None: a first release), and the truth where it is apart."""

    challenger: Path
    champion: Path | None = None
    truth: Path | None = None


def compare(files: Files, columns: Columns, policy: GateSpec, at: Place, *, task: Task | None = None) -> VerdictRecord:
    """Judge the predictions of a challenger by a policy; rows are aligned by id, and drawn again in the order of the ids.

    `at` says where a path of the policy was written; `task` follows from metrics and columns unless given. Budgets of size
    and latency are left out, with a reason. Raises BadInputError, with file and row, for what cannot be read or meant.
    """
    _check_columns(columns)
    output = columns.challenger
    task = task_for(policy, task, by_class=output.by_class, scored=bool(output.scores), at=at)
    paths = [path for path in (files.truth, files.challenger, files.champion) if path is not None]
    if max(map(rows_in, paths)) > IN_MEMORY:
        return _streamed(files, paths, columns, policy, at, task)
    found = _aligned(files, columns.id)
    rows, test = rows_of(found, columns, policy, task or task_of_labels(found, columns), at)
    ours, theirs = _models(found, columns)
    return _judged(policy, Case(rows=rows, slices=slices_of(found, policy), same=ours == theirs), test, ours, theirs)


def _streamed(
    files: Files, paths: list[Path], columns: Columns, policy: GateSpec, at: Place, task: Task | None
) -> VerdictRecord:
    """Judge files of more rows than memory should hold: the same judgement, from disk."""
    found = heads(paths, files.challenger, files.champion)
    ours, theirs = _models(found, columns)
    with tempfile.TemporaryDirectory(prefix="release-compare-") as folder:
        case, test = streamed(found, columns, policy, task, at, folder=Path(folder), same=ours == theirs)
        return _judged(policy, case, test, ours, theirs)


def _judged(policy: GateSpec, case: Case | StreamedCase, test: Digest, ours: Digest, theirs: Digest | None) -> VerdictRecord:
    first = theirs is None
    lacking = no_first_release(policy) if first and policy.floors else None
    judged = judge(
        requirements(policy.model_copy(update={"budgets": Budgets()}), first=first),
        case,
        alpha=policy.alpha,
        looks=policy.looks,
        first=first,
        invalid=[] if lacking is None else [lacking],
    )
    return VerdictRecord(
        verdict=judged.verdict,
        model=None,
        challenger=ours,
        champion=theirs,
        alpha=policy.alpha,
        comparisons=judged.comparisons,
        reasons=(*judged.reasons, *_left_out(policy)),
        test_set=TestSet(digest=test, looks=1, budget=policy.looks),
        review=judged.review,
        rows_needed=judged.rows_needed,
    )


def _aligned(files: Files, id_column: str) -> Compared:
    """Read each file once, and put all of them on the rows of the first, which is authoritative."""
    opened: dict[Path, PredictionFile] = {}
    for path in (files.truth, files.challenger, files.champion):
        if path is not None and path not in opened:
            opened[path] = read(path)
    champion = None if files.champion is None else opened[files.champion]
    return Compared(opened[files.challenger], champion, align(tuple(opened.values()), id_column))


def _check_columns(columns: Columns) -> None:
    for prefix, output in (("--", columns.challenger), ("--champion-", columns.champion)):
        if not output.scores and output.label is None:
            fix = "add --score COLUMN, or --label COLUMN for metrics of labels"
            raise BadInputError("no column of predictions is named", where=f"{prefix}score", fix=fix)
        if output.threshold is not None and not 0 <= output.threshold <= 1:
            what, fix = f"{output.threshold:g} is no threshold", "use one from 0 to 1"
            raise BadInputError(what, where=f"{prefix}threshold", fix=fix)


def _models(found: Compared, columns: Columns) -> tuple[Digest, Digest | None]:
    """Return what names each model: its file's digest, and its columns too where one file holds both."""
    ours, theirs = found.challenger, found.champion
    if theirs is None or ours.digest != theirs.digest or columns.challenger == columns.champion:
        return ours.digest, None if theirs is None else theirs.digest
    named = [digest_json({"file": ours.digest, "output": one}) for one in (columns.challenger, columns.champion)]
    return named[0], named[1]


def _left_out(policy: GateSpec) -> tuple[str, ...]:
    budgets = [name for name in ("size_mb", "latency_ms") if getattr(policy.budgets, name) is not None]
    said = f"the budgets of the gate ({', '.join(budgets)}) are not judged: files of predictions say nothing of them"
    return (said,) if budgets else ()
