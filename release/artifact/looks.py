"""The looks that a model's ledger holds, test set by test set: who was judged, at which commits, how fast.

Pure: events in, facts out. Which test sets share rows takes their files, and is not known here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from release.artifact.ledger import looks
from release.records import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.ledger import Ledger
    from release.records import Commit, Digest

_PACE = 3
"""Fewer looks than this have no pace."""


def judged_on(ledger: Ledger) -> Mapping[Digest, tuple[Commit, ...]]:
    """Return every test set that has judged somebody, and the commits of those judgements, the latest first."""
    found: dict[Digest, dict[Commit, None]] = {}
    for event in reversed(ledger.events):
        if event.evidence is None:
            continue
        commits = found.setdefault(event.evidence.test, {})
        if event.commit is not None:
            commits.setdefault(event.commit)
    return {test: tuple(commits) for test, commits in found.items() if looks(ledger, test)}


def passed(ledger: Ledger, test: Digest) -> bool:
    """Say whether some challenger has passed on a test set: then its numbers are no secret any more."""
    # What only went to another runtime was compared with itself.
    judged = [event.evidence for event in ledger.events if event.evidence is not None and event.cause != Kind.REPACKAGE]
    return any(evidence.test == test and evidence.verdict is Verdict.PASS for evidence in judged)


def displayed(ledger: Ledger, test: Digest, name: str) -> tuple[float, ...]:
    """Return the values of a metric that were shown of challengers on a test set, in their order."""
    shown = []
    for event in ledger.events:
        if event.evidence is not None and event.evidence.test == test:
            value = event.evidence.metrics.get(name, (None, None, None, None))[1]
            if value is not None:
                shown.append(value)
    return tuple(shown)


def pace(ledger: Ledger, test: Digest) -> timedelta | None:
    """Return the mean time between the looks of a test set, None for fewer than three and for looks of one moment."""
    first: dict[Digest, datetime] = {}
    for event in ledger.events:
        challenger = event.challenger or (event.release.model_digest if event.release else None)
        judged = event.evidence is not None and event.evidence.test == test and event.cause != Kind.REPACKAGE
        if judged and challenger is not None:
            first.setdefault(challenger, datetime.fromisoformat(event.at))
    if len(first) < _PACE:
        return None
    mean = (max(first.values()) - min(first.values())) / (len(first) - 1)
    return mean or None
