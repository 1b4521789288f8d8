"""Reconciles for ever: whenever a cluster reports a change, by release.yaml as it is then.

Trouble, and a mistake that somebody commits meanwhile, are told and waited out; a rewritten ledger ends it, because nothing
may be restored by one. What is done at each look is `release.cli.reconciling`.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, TypeVar

from release.cli.reconciling import Clusters, each, environments
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from release.cli.wiring import Workspace
    from release.ports import Progress
    from release.stages.reconcile import ReconcileRecord

T = TypeVar("T")

_AGAIN = 5.0
"""Seconds to wait when everything failed."""
_NUMBERS = re.compile(r"\d+")


def always(
    look: Callable[[], Workspace], models: Sequence[str], names: Sequence[str], progress: Progress
) -> Iterator[ReconcileRecord]:
    """Reconcile at every change, yielding what was written and whatever is new to say of a place; never ends by itself.

    `look` gives the repository with release.yaml as it is now. Raises BadInputError for what is wrong from the start,
    SecurityRefusalError for a ledger that was rewritten.
    """
    said, clusters = _Said(), _connected(_found(look, progress), names)
    while True:
        try:
            for _ in clusters.changes():
                workspace = look()
                if tuple(environments(workspace, names)) != clusters.environments:
                    progress.note("release.yaml has changed: its environments are read anew")
                    clusters = _connected(workspace, names)
                    break
                failed: list[ReleaseError] = []
                for record in each(workspace, models, clusters, failed):
                    if record.amended.deploy_commit is not None or said.is_new(record):
                        yield record
        except (EnvironmentTroubleError, BadInputError) as error:
            progress.note(str(error))
            time.sleep(_AGAIN)


def waiting_out(changes: Callable[[], Iterator[None]], look: Callable[[], T], progress: Progress) -> Iterator[T]:
    """Look at every change, for ever; trouble is told and waited out. Raises what is no trouble of the environment."""
    while True:
        try:
            for _ in changes():
                yield look()
        except EnvironmentTroubleError as error:
            progress.note(str(error))
            time.sleep(_AGAIN)


def _found(look: Callable[[], Workspace], progress: Progress) -> Workspace:
    """Return the first look, however long the remote is away: begun again in an outage, we wait for its end as well."""
    while True:
        try:
            return look()
        except EnvironmentTroubleError as error:
            progress.note(str(error))
            time.sleep(_AGAIN)


def _connected(workspace: Workspace, names: Sequence[str]) -> Clusters:
    clusters = Clusters(environments(workspace, names))
    for environment in clusters.environments:
        clusters.of(environment)
    return clusters


class _Said:
    """What was said of each place last, numbers apart: a time that is running out is no news."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}

    def is_new(self, record: ReconcileRecord) -> bool:
        one = record.amended
        place, words = (one.model, one.environment), " ".join((one.why, *record.onward, record.trouble or ""))
        before, self._last[place] = self._last.get(place), _NUMBERS.sub("", words)
        return self._last[place] != before
