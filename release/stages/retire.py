"""Retire: take a model out of an environment.

What is written is decided in `release.artifact.orders`; here it is landed. The Application is deleted by whoever runs the
cluster, when the pods are gone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from release.amending import AmendRecord, Desk, amend
from release.artifact import orders

if TYPE_CHECKING:
    from release.artifact.orders import Retire


def retire(order: Retire, *, desk: Desk) -> AmendRecord:
    """Retire, once. Raises what `release.artifact.orders.retire` and `amend` raise."""
    return amend(order.place, partial(orders.retire, order), desk=desk, verb="retired")
