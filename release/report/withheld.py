"""Why a page shows no numbers: the gate's feedback withholds them until a challenger passes on this test set.

Which numbers are withheld is decided before a report is made; this only tells, and keeps figures out that would tell them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.report.format import plain

if TYPE_CHECKING:
    from release.records import VerdictRecord

FULL = "full"


def withheld(verdict: VerdictRecord) -> str | None:
    """Say in one sentence why numbers are missing; None where they are shown."""
    if verdict.feedback == FULL:
        return None
    return (
        "The numbers are withheld until a challenger passes on this test set (gate.feedback: "
        f"{plain(verdict.feedback, limit=20)}): who sees them can tune to them, and the test set would no longer be fair."
    )
