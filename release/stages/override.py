"""Override: owners let a release pass one rule for a while, with reason, approvers and expiry in the ledger.

What is written is decided in `release.artifact.orders`; here it is landed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from release.amending import AmendRecord, Desk, amend
from release.artifact import orders

if TYPE_CHECKING:
    from release.artifact.orders import Override


def override(order: Override, *, desk: Desk) -> AmendRecord:
    """Record an override, once. Raises what `release.artifact.orders.override` and `amend` raise."""
    return amend(order.place, partial(orders.override, order), desk=desk, verb="overridden")
