"""What one judgement is about, and how sure it must be: the data that every comparison of it shares."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from release.judging.requirement import ANCHOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from release.judging.requirement import Requirement
    from release.judging.rows import Outputs, Rows


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The error rates of one judgement: `a` for a PASS, `a`/`m` for a FAIL."""

    alpha: float
    looks: int
    m: int

    @property
    def a(self) -> float:
        """alpha/(2H), one-sided."""
        return self.alpha / (2 * self.looks)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a judgement is about.

    `rows` holds truth and predictions of both models, aligned, `anchor` the anchor's on the same rows; `slices` a selection
    of row numbers for each slice. `same` says that challenger and champion are one model, by digest, `same_anchor` that
    challenger and anchor are. `latency_ms` holds timed blocks, the challenger's and the champion's in turn. `known` are the
    numbers of the rows whose class the champion has seen, None for all: on others it cannot be right, and to be compared
    there would excuse losses elsewhere; floors are judged on all. `known_to_anchor` is that of the anchor.
    """

    rows: Rows
    slices: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    same: bool
    anchor: Outputs | None = None
    same_anchor: bool = False
    size_bytes: int | None = None
    latency_ms: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    known: NDArray[Any] | None = None
    known_to_anchor: NDArray[Any] | None = None

    def rows_for(self, one: Requirement) -> Rows:
        """Return the rows that a requirement is about, beside whom it asks; rows that weigh nothing are not counted."""
        rows = self.rows if one.against != ANCHOR else replace(self.rows, champion=self.anchor)
        chosen = None if one.slice is None else np.asarray(self.slices[one.slice])
        known = self.known_to_anchor if one.against == ANCHOR else self.known
        if known is not None and one.floor is None:
            chosen = known if chosen is None else chosen[np.isin(chosen, known)]
        if rows.weights is not None and not bool((rows.weights > 0).all()):
            counted = np.flatnonzero(rows.weights > 0)
            chosen = counted if chosen is None else chosen[np.isin(chosen, counted)]
        return rows if chosen is None else rows.take(chosen)

    def same_model(self, one: Requirement) -> bool:
        """Say whether a requirement compares the challenger with itself."""
        return one.floor is None and (self.same_anchor if one.against == ANCHOR else self.same)
