"""Several hypotheses at once: Holm's adjustment, for sentences that say "better".

Not for the verdict: PASS is an intersection-union test and needs no correction, FAIL divides its level by the comparisons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's (1979) adjusted p-values, in the order given; they hold under any dependence."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted = [0.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return tuple(adjusted)
