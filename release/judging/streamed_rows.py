"""Rows of a judgement that stay on disk: what `Rows` and `Case` are to samples that fit in memory.

Slices small enough are read into memory and judged as any others. How the rows got to disk is `release.judging.streamed`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError
from release.judging.rows import Outputs, Rows
from release.stats.blocks import Block, Stream
from release.stats.cells import counted, outcomes
from release.stats.metrics import Deciding, metric_named
from release.stats.spilled import Spilled
from release.stats.streams import judged, refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from release.judging.requirement import Requirement
    from release.stats.contrast import Contrast, Unjudged
    from release.stats.metrics import Costs, Metric

IN_MEMORY = 1_000_000
"""The most rows that are held in memory at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedRows:
    """Rows in the order of their ids: a record holds `y`, `weight` where rows have one, and each model's outputs.

    `thresholds` are the challenger's and, where it has one to stand beside, the champion's; `outputs` are the fields of
    `values` and `labels` by model. `folder` is for what is sorted.
    """

    records: Spilled
    thresholds: tuple[float | None, ...]
    costs: Costs | None
    seed: int
    folder: Path

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.records)

    @property
    def weighted(self) -> bool:
        """Whether rows count differently."""
        return "weight" in (self.records.dtype.names or ())

    def metric(self, name: str) -> Metric:
        """Return a metric by its name, with these rows' costs (see Rows)."""
        return metric_named(name, self.costs)

    def pieces(self) -> Iterator[Rows]:
        """Yield the rows in blocks."""
        return map(self._rows, self.records.blocks())

    def whole(self) -> Rows:
        """Return all rows, in memory."""
        return self._rows(self.records.all())

    def chosen(self, path: Path, part: str | None) -> StreamedRows:
        """Return, in a file of their own, the rows that count and, if `part` names a field, have it true."""
        kept = Spilled(path, self.records.dtype)
        for block in self.records.blocks():
            wanted = np.ones(len(block), dtype=np.bool_) if part is None else block[part]
            kept.append(block[wanted & (block["weight"] > 0) if self.weighted else wanted])
        return replace(self, records=kept)

    def contrast(self, name: str, *, alone: bool, seed: int, resamples: int, ratio: float) -> Contrast | Unjudged:
        """Judge the challenger by a metric, `alone` or beside the champion.

        Raises BadInputError for a metric that needs all rows at once.
        """
        metric = self.metric(name)
        refuse_unstreamed(metric, weighted=self.weighted)
        alone = alone or len(self.thresholds) == 1

        def blocks() -> Iterator[Block]:
            for rows in self.pieces():
                ours = rows.read(metric, rows.challenger)
                theirs = () if alone or rows.champion is None else (rows.read(metric, rows.champion),)
                yield Block(rows.y, (*theirs, ours), rows.weights)

        stream = Stream(blocks, self.n, self.folder)
        return judged(metric, stream, seed=seed, resamples=resamples, ratio=1.0 if alone else ratio)

    def invalid(self, name: str) -> str | None:
        """Say why no rows like these could ever be judged by a metric (see Rows)."""
        done, metric = 0, self.metric(name)
        for rows in self.pieces():
            if metric.invalid(rows.y) is not None:
                # The row is named by its place among all.
                place = np.ones(self.n, dtype=np.int8)
                place[done + int(np.flatnonzero(rows.y == 0)[0])] = 0
                return metric.invalid(place)
            done += rows.n
            if metric.name != "mape":
                break
        return None

    def undefined(self, name: str) -> str | None:
        """Say why a metric does not exist on so few rows (see Rows)."""
        return self.metric(name).undefined(self._distinct)

    def value(self, name: str) -> float | None:
        """Return the challenger's metric on these rows, None where it is undefined."""
        if self.invalid(name) or self.undefined(name):
            return None
        found = self.contrast(name, alone=True, seed=0, resamples=1, ratio=1.0)
        return found.challenger

    def deciding(self, name: str) -> int:
        """Count the rows in a metric's deciding denominator (see Rows)."""
        metric = self.metric(name)
        if metric.deciding is Deciding.ROWS:
            return self.n
        if not metric.decided_by_labels:
            return outcomes(rows.y for rows in self.pieces()).deciding(metric)
        return counted((rows.y, rows.read(metric, rows.challenger)) for rows in self.pieces()).deciding(metric)

    def fewest(self, name: str) -> int:
        """Count what a slice must have ten of (see Rows)."""
        both = self.metric(name).deciding in (Deciding.SMALLEST_CLASS, Deciding.SCARCEST_CLASS)
        return 0 if both and len(self._distinct) == 1 else self.deciding(name)

    @property
    def groups(self) -> None:
        """Rows on disk never belong together."""
        return

    @cached_property
    def _distinct(self) -> NDArray[Any]:
        """Outcomes of which some metric exists exactly when it exists on all: the least and the greatest."""
        ends = [(rows.y.min(), rows.y.max()) for rows in self.pieces()]
        return np.unique(ends)

    def _rows(self, records: NDArray[Any]) -> Rows:
        ours, *theirs = (_outputs(records, number, one) for number, one in enumerate(self.thresholds))
        return Rows(
            y=records["y"],
            champion=theirs[0] if theirs else None,
            challenger=ours,
            weights=records["weight"] if self.weighted else None,
            costs=self.costs,
            seed=self.seed,
        )


def _outputs(records: NDArray[Any], number: int, threshold: float | None) -> Outputs:
    names = records.dtype.names or ()
    labels = records[f"labels-{number}"].astype(np.int64) if f"labels-{number}" in names else None
    values = records[f"values-{number}"] if f"values-{number}" in names else labels
    return Outputs(np.asarray(values, dtype=np.float64), threshold, labels)


def refuse_unstreamed(metric: Metric, *, weighted: bool) -> None:
    """Raise BadInputError for a metric of which more rows than fit in memory cannot be judged, a block at a time."""
    if reason := refused(metric, weighted=weighted):
        other = {"median_absolute_error": "mae", "average_precision": "roc_auc"}.get(metric.name)
        what = f"{metric.name} {reason}, and there are more than {IN_MEMORY:,}"
        fix = f"give at most {IN_MEMORY:,} rows" + (f", or judge by {other}" if other else "")
        raise BadInputError(what, where="--metric", fix=fix)


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedCase:
    """What a judgement of rows on disk is about; `slices` give the field of each, `same` says that both models are one."""

    rows: StreamedRows
    slices: Mapping[str, str]
    same: bool
    known: dict[str | None, Rows | StreamedRows] = field(default_factory=dict)

    def rows_for(self, one: Requirement) -> Rows | StreamedRows:
        """Return the rows that a requirement is about: in memory where they are few; what weighs nothing is not counted."""
        if one.slice is None and not self.rows.weighted:
            return self.rows
        if one.slice not in self.known:
            path = self.rows.folder / f"part-{len(self.known)}"
            found = self.rows.chosen(path, None if one.slice is None else self.slices[one.slice])
            self.known[one.slice] = found.whole() if found.n <= IN_MEMORY else found
        return self.known[one.slice]

    def same_model(self, one: Requirement) -> bool:
        """Say whether a requirement compares the challenger with itself."""
        return one.floor is None and self.same
