"""What rows count: weights checked, rows that count nothing left out, and how many equal rows weighted ones are worth.

No metric is weighted here; see statistics.py for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.errors import BadInputError
from release.stats.arrays import finite

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats


def counted(weights: Array) -> Floats:
    """Return what rows count, (n,). Raises BadInputError on NaN, negative weights, and weights that are all zero."""
    scale = finite(weights, "the weights")
    if bool((scale < 0).any()):
        raise BadInputError("some of the weights are negative", fix="a row cannot count less than nothing")
    if len(scale) and not bool(scale.any()):
        raise BadInputError("all of the weights are zero", fix="give at least one row a weight above zero")
    return scale


def effective(weights: Floats) -> float:
    """Return the number of equal rows whose mean varies as that of rows with `weights`, (n,), does: Kish (1965)."""
    largest = float(weights.max(initial=0.0))
    if largest <= 0:
        return 0.0
    relative = weights / largest  # squares of very small or large weights would leave a float's range
    return float(relative.sum() ** 2 / (relative**2).sum())


def effective_share(share_squares: float, mean: float, values: Floats, weights: Floats) -> float:
    """Return the number of equal rows behind a weighted mean of `values`, (n,), never more than Kish's.

    `share_squares` is the weighted mean of their squares and `mean` that of the values. Where large weights go with unusual
    values, the mean varies more than Kish's number of rows says.
    """
    most = effective(weights)
    spread = share_squares - mean * mean
    variance = float(((weights / weights.sum()) ** 2 * (values - mean) ** 2).sum())
    return min(most, spread / variance) if variance > 0 and spread > 0 else most
