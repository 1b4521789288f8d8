"""What differs between the rows of two trainings, beyond what chance does: counts, class shares, columns' means and ranges.

Text for people; nothing is judged by it. Two files that share rows differ less by chance than two that share none, which is
what is assumed here: what is listed is rather too little than too much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import norm

from release.data.values import few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from release.data.contract import Table

Line = tuple[str, str, str]

_ALPHA = 0.01
"""Over all lines together."""
_WIDER = 0.1
"""A range counts as another one when an end moved by this share of its width."""
_MOST = 20


def differing(old: Table, new: Table) -> tuple[Line, ...]:
    """List (what, before, now): rows, then the class shares and columns that differ most, at most twenty.

    Shares and means are compared by Wald's test for independent samples, at 1% over all of them (Bonferroni).
    """
    tested = [*_targets(old, new), *_columns(old, new)]
    limit = float(norm.isf(_ALPHA / 2 / max(1, len(tested))))
    beyond = sorted((one for one in tested if one[0] > limit), key=lambda one: -one[0])
    rows = [("training rows", f"{old.rows:,}", f"{new.rows:,}")] if old.rows != new.rows else []
    more = [("and", f"{len(beyond) - _MOST} more", "")] if len(beyond) > _MOST else []
    return (*rows, *(line for _, line in beyond[:_MOST]), *more)


def ranges(old: Table, new: Table) -> Mapping[str, tuple[str | None, str | None]]:
    """Return for columns that both have with one type what each held, where that is another range or other categories."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for name in new.features.columns:
        if name not in old.features.columns or old.kinds[name] != new.kinds[name]:
            continue
        before, now = old.features[name].dropna(), new.features[name].dropna()
        kind = new.kinds[name]
        if kind == "category":
            ours, theirs = sorted(set(now)), sorted(set(before))
            if ours != theirs:
                found[name] = (few(theirs), few(ours))
        elif kind in ("float", "int") and len(before) and len(now):
            ends = [(float(one.min()), float(one.max())) for one in (before, now)]
            width = ends[0][1] - ends[0][0]
            if any(abs(a - b) > _WIDER * width for a, b in zip(*ends, strict=True)):
                found[name] = (f"{ends[0][0]:.4g} to {ends[0][1]:.4g}", f"{ends[1][0]:.4g} to {ends[1][1]:.4g}")
    return found


def _targets(old: Table, new: Table) -> Iterator[tuple[float, Line]]:
    if not new.classes:
        yield _means("the target", old.y, new.y)
        return
    for name in dict.fromkeys((*new.classes, *old.classes)):
        if name == new.classes[0] and len(new.classes) == 2:  # noqa: PLR2004 (of two, one share says both)
            continue
        before, now = (
            one.y == one.classes.index(name) if name in one.classes else np.zeros(one.rows, dtype=bool) for one in (old, new)
        )
        yield _shares(f"class {name}", before, now)


def _columns(old: Table, new: Table) -> Iterator[tuple[float, Line]]:
    for name in new.features.columns:
        if name not in old.features.columns or old.kinds[name] != new.kinds[name]:
            continue
        before, now = old.features[name], new.features[name]
        yield _shares(f"{name} missing", *(one.isna().to_numpy() for one in (before, now)))
        kind = new.kinds[name]
        if kind in ("float", "int"):
            yield _means(name, before.dropna().to_numpy(), now.dropna().to_numpy())
        elif kind == "bool":
            yield _shares(f"{name} true", before.dropna().to_numpy() > 0, now.dropna().to_numpy() > 0)
        elif kind == "category":
            yield _category(name, before.dropna(), now.dropna())


def _category(name: str, before: pd.Series[Any], now: pd.Series[Any]) -> tuple[float, Line]:
    """Return the category whose share moved most; there is always one."""
    known = sorted({*before, *now}) or [""]
    return max(_shares(f"{name} {one}", (before == one).to_numpy(), (now == one).to_numpy()) for one in known)


def _means(name: str, old: NDArray[Any], new: NDArray[Any]) -> tuple[float, Line]:
    if min(len(old), len(new)) < 2:  # noqa: PLR2004 (a variance needs two)
        return 0.0, (name, "", "")
    spread = np.sqrt(np.var(old, ddof=1) / len(old) + np.var(new, ddof=1) / len(new))
    return _z(float(np.mean(new) - np.mean(old)), float(spread)), (
        name,
        f"mean {np.mean(old):.4g}",
        f"mean {np.mean(new):.4g}",
    )


def _shares(name: str, old: NDArray[np.bool_], new: NDArray[np.bool_]) -> tuple[float, Line]:
    if not len(old) or not len(new):
        return 0.0, (name, "", "")
    # Pooled: under no difference there is one share, and where it is 0 or 1 on one side an unpooled error may be 0.
    pooled = (old.sum() + new.sum()) / (len(old) + len(new))
    spread = float(np.sqrt(pooled * (1 - pooled) * (1 / len(old) + 1 / len(new))))
    return _z(float(new.mean() - old.mean()), spread), (name, f"{100 * old.mean():.1f}%", f"{100 * new.mean():.1f}%")


def _z(difference: float, spread: float) -> float:
    if spread == 0:
        return float("inf") if difference else 0.0
    return abs(difference) / spread
