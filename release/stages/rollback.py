"""Rollback: return an environment to a release that was verified there, in one commit, at any hour.

Which release that is, and what is written, is decided in `release.artifact.rollback`; here it is landed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from release.amending import AmendRecord, Desk, amend
from release.artifact import ledger as events
from release.artifact.rollback import decide

if TYPE_CHECKING:
    from datetime import datetime

    from release.artifact.amendment import Amendment, Nothing, Tip
    from release.artifact.rollback import Rollback


def rollback(order: Rollback, *, desk: Desk) -> AmendRecord:
    """Roll back, once, however often this is called, raced or interrupted.

    On a lost race the order stays about the release that served when it was given: when another one serves by then, that is
    a ConflictError, not the next rollback. Raises what `decide` and `amend` raise.
    """
    given = order

    def about(tip: Tip, now: datetime) -> Amendment | Nothing:
        nonlocal given
        current = events.serving(tip.ledger, order.place.environment)
        if given.leaving is None and current is not None:
            given = replace(given, leaving=current.release)
        return decide(given, tip, now)

    return amend(order.place, about, desk=desk, verb="rolled back")
