"""What held-out rows share with the rows that another model was trained on, whose schema may have been another one.

Rows are compared by the marks of `release.data.shared`, so that neither order nor the writing of numbers hides them. What
the challenger's own training rows share with them is `release.data.holdout`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.data.contract import matches
from release.data.shared import marks

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from release.config.model import DataSpec

_MOST_MISSING = 0.5
"""Where more of a model's columns are gone, equal rows are coincidence."""


@dataclass(frozen=True, kw_only=True)
class Common:
    """One way in which rows are shared: by `what`, how many times, and one name for an example."""

    what: str
    count: int
    example: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that held-out rows share with a model's training rows; `note` says what could not be compared."""

    common: tuple[Common, ...] = ()
    note: str | None = None


def seen(train: pd.DataFrame, then: DataSpec, test: pd.DataFrame, now: DataSpec) -> Seen:
    """Find held-out rows that were trained on: by id, as equal rows over the features that both files have, and by group.

    Frames are as they were read, `then` and `now` say what their columns mean. Equal rows agree in the target too.
    """
    train, test = (frame.set_axis([str(name) for name in frame.columns], axis=1) for frame in (train, test))
    old, new = (_features(frame, data) for frame, data in ((train, then), (test, now)))
    kept = [name for name in new if name in old]
    told = then.target.column == now.target.column and len(kept) > len(old) * (1 - _MOST_MISSING)
    ours, theirs = (
        marks(frame[_named(data, frame) + (kept if told else [])], data) for frame, data in ((test, now), (train, then))
    )
    names = test[now.id].astype(str).to_numpy(dtype=object)
    found = [_common("ids", np.isin(ours.ids, theirs.ids), names)] if then.id in train.columns else []
    if told:
        found.append(_common("equal rows", np.isin(ours.rows, theirs.rows), names))
    if now.group is not None and then.group is not None and then.group in train.columns:
        known = set(train[then.group].astype(str))
        shared = [name for name in dict.fromkeys(test[now.group].astype(str)) if name in known]
        found.append(Common(what="groups", count=len(shared), example=shared[0] if shared else ""))
    lost = "its columns or its target have changed too much for rows to be compared, so only ids and groups were"
    return Seen(common=tuple(one for one in found if one.count), note=None if told else lost)


def _common(what: str, hit: NDArray[np.bool_], names: NDArray[Any]) -> Common:
    return Common(what=what, count=int(hit.sum()), example=str(names[hit][0]) if hit.any() else "")


def _features(frame: pd.DataFrame, data: DataSpec) -> list[str]:
    other = {data.id, data.group, data.time, data.weight, data.target.column}
    return [name for name in frame.columns if name not in other and not any(matches(name, one) for one in data.ignore)]


def _named(data: DataSpec, frame: pd.DataFrame) -> list[str]:
    return [name for name in (data.id, data.target.column) if name in frame.columns]
