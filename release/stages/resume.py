"""Resume: end a hold, so that automatic promotion goes on.

What is written is decided in `release.artifact.orders`; here it is landed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from release.amending import AmendRecord, Desk, amend
from release.artifact import orders

if TYPE_CHECKING:
    from release.artifact.orders import Resume


def resume(order: Resume, *, desk: Desk) -> AmendRecord:
    """Resume, once. Raises what `release.artifact.orders.resume` and `amend` raise."""
    return amend(order.place, partial(orders.resume, order), desk=desk, verb="resumed")
