"""Equality of predictions: the gate of a model that is put on another runtime without being trained again.

Whatever is compared must be the same to the last digit that was recorded; there is no margin, and no look at a test set.
Which bytes and which records are compared, and what a runtime has, is not this module's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from release.artifact import canonical
from release.artifact.golden import GOLDEN, Golden, recorded
from release.artifact.model import SKOPS, ModelManifest
from release.errors import BadInputError
from release.learning.asked import scores_of
from release.learning.predict import align, from_csv
from release.records import Comparison, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.learning.rows import Task
    from release.records import Digest, JsonScalar

ROLE = METHOD = "identical"
_TEXTS = frozenset({"category", "datetime", "text"})


@dataclass(frozen=True, kw_only=True)
class Compared:
    """So many rows were compared; `differs` says in words what is not the same, None when nothing is."""

    rows: int
    differs: str | None = None


def golden_rows(files: Mapping[str, bytes], digest: Digest, *, where: str) -> Compared | None:
    """Score a model's golden rows with the libraries that are installed; None when it carries none.

    Raises SecurityRefusalError when the files are not those of `digest`, BadInputError when another scikit-learn trained it.
    """
    manifest = ModelManifest.verify(files, digest, where=where)
    if GOLDEN not in files:
        return None
    estimator = canonical.load(files[SKOPS], where=where, sklearn_version=manifest.versions.get("scikit-learn"))
    golden = Golden.parse(files[GOLDEN], where=f"{where}/{GOLDEN}")
    classes = tuple(str(name) for name in manifest.classes)
    try:
        found = scores_of(estimator, _frame(golden, manifest), classes, cast("Task", manifest.task)).tolist()
    except ValueError as error:
        said = str(error).strip().splitlines()[0][:200]
        raise BadInputError(f"the model cannot read its golden rows: {said}", where=where, fix="train it again") from error
    for number, (expected, scores) in enumerate(zip(golden.scores, found, strict=True), start=1):
        if list(expected) != [recorded(score) for score in scores]:
            said = f"golden row {number} scores {_shown(scores)}, and {_shown(expected)} was recorded"
            return Compared(rows=len(golden.rows), differs=said)
    return Compared(rows=len(golden.rows))


def held_out_rows(before: bytes, now: bytes, *, where: str) -> Compared:
    """Compare two files of predictions row by row, as `release.learning.predict` writes them.

    Raises BadInputError when they are not of the same rows.
    """
    one, other = align(from_csv(before, where), from_csv(now, where), where=where)
    rows = len(one.ids)
    away = np.abs(one.values - other.values).reshape(rows, -1).max(axis=1)  # noqa: PD011 (ours, not of pandas)
    changed = int((away > 0).sum())
    if not changed:
        return Compared(rows=rows)
    return Compared(rows=rows, differs=f"{changed} of {rows} held-out rows are scored otherwise, by up to {away.max():.3g}")


def comparison(held_out: Compared | None, golden: Compared | None) -> Comparison:
    """Judge what was compared: PASS when all of it is the same, FAIL when any is not, INVALID when there was nothing."""
    parts = [part for part in (held_out, golden) if part is not None]
    differs = [part.differs for part in parts if part.differs is not None]
    if not parts:
        verdict, reason = Verdict.INVALID, "it carries no golden rows, and no predictions of these test rows are known"
    elif differs:
        verdict, reason = Verdict.FAIL, "; ".join(differs)
    else:
        counted = (f"{part.rows} {name}" for part, name in ((held_out, "held-out"), (golden, "golden")) if part)
        verdict, reason = Verdict.PASS, f"{' and '.join(counted)} rows score as recorded"
    return Comparison(
        metric="predictions",
        role=ROLE,
        slice=None,
        n=sum(part.rows for part in parts),
        champion=None,
        challenger=None,
        difference=None,
        low=None,
        high=None,
        level=1.0,
        high_family=None,
        margin=None,
        p_value=None,
        p_margin=None,
        method=METHOD,
        verdict=verdict,
        rows_needed=None,
        reason=reason,
    )


def _frame(golden: Golden, manifest: ModelManifest) -> pd.DataFrame:
    """Return golden rows as `release.data.contract.Table.features` would hold them."""
    kinds = {column.name: column.type for column in manifest.columns}
    series = {}
    for position, name in enumerate(golden.columns):
        texts = kinds.get(name) in _TEXTS
        cells = [np.nan if row[position] is None else _cell(row[position], texts=texts) for row in golden.rows]
        series[name] = pd.Series(cells, dtype=object if texts else np.float64)
    return pd.DataFrame(series, columns=pd.Index(list(golden.columns), dtype=object))


def _cell(value: JsonScalar, *, texts: bool) -> str | float:
    return str(value) if texts else float(value or 0)


def _shown(scores: list[float] | tuple[float, ...]) -> str:
    return ", ".join(f"{score:.9g}" for score in scores[:4])
