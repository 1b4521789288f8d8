"""Whether a release in an environment is settled: until it is, an edit of its values would start another canary.

Pure: a ledger in, an event out. What is done about an edit is for `release check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.ledger import last_verified, outcome, serving
from release.records import EventKind

if TYPE_CHECKING:
    from release.artifact.ledger import Ledger
    from release.records import EnvironmentName, Event

_UNDONE = frozenset({EventKind.REJECTED, EventKind.WITHDRAWN})


def unsettled(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the event that waits for the cluster or for a restore; None where an edit is in nobody's way.

    That is a promotion or a restore of which nothing is known yet, or a failed release that is still named while a verified
    one waits to be restored. Without a verified one there is nothing to restore, and an edit may be the way out.
    """
    current = serving(ledger, environment)
    if current is not None:
        known = current.operation is None or outcome(ledger, environment, current.operation) is not None
        return None if known else current
    here = [event for event in ledger.events if event.environment == environment]
    ends = [event for event in here if event.kind in _UNDONE or event.kind is EventKind.RETIRED]
    if not ends or ends[-1].kind is EventKind.RETIRED or last_verified(ledger, environment) is None:
        return None
    return ends[-1]
