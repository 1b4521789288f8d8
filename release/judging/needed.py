"""How many test rows would settle what these rows leave unsure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from release.config.model import Relative
from release.judging.streamed_rows import StreamedRows
from release.stats.contrast import Identical
from release.stats.power import least_rows_identical, rows_needed

if TYPE_CHECKING:
    from release.judging.case import Levels
    from release.judging.requirement import Requirement
    from release.judging.rows import Rows
    from release.stats.contrast import Contrast


def needed(one: Requirement, found: Contrast, rows: Rows | StreamedRows, levels: Levels, *, whole: int) -> int | None:
    """Return the rows of the whole test set, of which `whole` are here, that would settle a requirement; None if none would.

    n ((z(1 - a) + z(1 - .2/m)) se / (D - t))^2, where D is what equal models would show for a margin, and what was seen for
    a floor or a gain; for a margin at least what identical predictions need, ln a / ln(1 - margin) deciding rows or groups,
    and for a floor where nothing was seen to go wrong what faultless ones do.
    `rows` are those of the requirement: what decides, and what lies in a slice, is as frequent among new rows as here.
    """
    share = whole / rows.n
    if isinstance(found, Identical) or found.se == 0:
        # Rows without a single error, or difference, have no spread to plan by.
        return _least(found.estimate - one.threshold, one, rows, levels, share)
    expected = found.estimate
    if one.margin is not None:
        # Of equal models a relative contrast is that share of the champion's value.
        expected = one.margin.share * (found.champion or 0.0) if isinstance(one.margin, Relative) else 0.0
    least = 0 if one.margin is None else _least(expected - one.threshold, one, rows, levels, share) or 0
    count = rows_needed(found.n, found.se, expected, one.threshold, levels.a, levels.m)
    return None if count is None else max(least, math.ceil(count * rows.n / max(1, found.n) * share))


def _least(gap: float, one: Requirement, rows: Rows | StreamedRows, levels: Levels, share: float) -> int | None:
    """Return the rows on which identical predictions exclude a difference of `gap`; None where they never do."""
    metric = rows.metric(one.metric)
    if not metric.bounded or not 0 < gap < metric.span:
        return None
    least = least_rows_identical(levels.a, gap / metric.span)
    return math.ceil(least * rows.n / max(1, _deciding(one.metric, rows)) * share)


def _deciding(name: str, rows: Rows | StreamedRows) -> int:
    """Count what evidence is counted in: the metric's deciding rows, or the groups that have one."""
    if isinstance(rows, StreamedRows) or rows.groups is None:
        return rows.deciding(name)
    metric = rows.metric(name)
    labels = rows.read(metric, rows.challenger) if metric.decided_by_labels else None
    return len(np.unique(rows.groups[metric.deciding_rows(rows.y, labels)]))
