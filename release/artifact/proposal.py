"""A promotion as a pull request: its branch, what its commit must be, and when it is out of date.

Pure. A proposal is exactly what the tool would commit: ledger lines that say one promotion, and owned scalars, chart and
predictions that follow from them. Whatever else touches what only the tool writes is refused here.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from release.artifact import admission
from release.artifact import ledger as events
from release.artifact.intent import ENVIRONMENTS, LEDGERS, VERSIONS, chart_folder
from release.artifact.promotion_commit import operation_of, owned
from release.artifact.serial import digest_of
from release.artifact.values import OWNED, patch, read
from release.errors import SecurityRefusalError
from release.records import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.records import EnvironmentName, Event, ModelName, ReleaseId

    Changed = Mapping[str, tuple[bytes | None, bytes | None]]
    """Paths with their bytes before and after, None where there is no such file."""

_BRANCHES = "release"
_TAKE_OUT = "take the change out; promotions are made by `release promote`"


def branch_of(environment: EnvironmentName, model: ModelName) -> str:
    """Return the branch on which a model's promotion to an environment is proposed."""
    return f"{_BRANCHES}/{environment}/{model}"


def place_of(branch: str) -> tuple[str, str] | None:
    """Return what a proposal's branch says of environment and model, unchecked; None for any other branch."""
    parts = branch.split("/")
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == _BRANCHES else None  # noqa: PLR2004 (three of them)


def proposed(changed: Changed) -> Event:
    """Return the promotion that a commit is, given all that it changed.

    Raises SecurityRefusalError unless it is exactly one, with nothing beside it.
    """
    told = explain(changed)
    if len(told) != 1:
        raise SecurityRefusalError(f"this commit holds {len(told)} promotions, not one", fix=_TAKE_OUT)
    [event] = told
    mine = {_values(event), _ledger(event.model), str(event.predictions.get("path"))}
    chart = event.release.chart if event.release else ""
    for path, (old, new) in changed.items():
        if path not in mine and not path.startswith(f"{chart}/"):
            raise SecurityRefusalError("the promotion does not explain this change", where=path, fix=_TAKE_OUT)
        if path == _values(event) and old is not None and new != patch(old, owned(event), where=path):
            raise SecurityRefusalError("more than the tool's own values changed", where=path, fix=_TAKE_OUT)
        if path == event.predictions.get("path") and digest_of(new or b"") != event.predictions.get("digest"):
            raise SecurityRefusalError("these predictions are not those the ledger names", where=path, fix=_TAKE_OUT)
    return event


def explain(changed: Changed) -> tuple[Event, ...]:
    """Return the promotions that explain every change to what only the tool writes, people's own changes aside.

    Raises SecurityRefusalError for the first change that none of them explains.
    """
    told = tuple(event for path, sides in changed.items() if path.startswith(f"{LEDGERS}/") for event in _told(path, *sides))
    by_path = {_values(event): event for event in told}
    for path, (old, new) in changed.items():
        if path.startswith(f"{ENVIRONMENTS}/") and path.endswith(".yaml"):
            _explain_values(path, old, new, by_path.pop(path, None))
    for path in by_path:
        raise SecurityRefusalError("the ledger says that this was written, and it was not", where=path, fix=_TAKE_OUT)
    _explain_charts(changed, told)
    return told


def vouch(
    event: Event, before: Ledger, after: EnvironmentName | None, order: Sequence[EnvironmentName], now: datetime
) -> None:
    """Refuse a promotion that the ledger before it does not carry: its evidence, and where the release was verified.

    Raises SecurityRefusalError; anybody can write a line, only the tool's own lines before it speak for it.
    """
    release, environment = event.release, event.environment
    where = _ledger(event.model)
    stands = admission.standing(before, release, order) if release else None
    if release is None or environment is None or stands is None or stands.evidence != event.evidence:
        raise SecurityRefusalError("nothing in the ledger speaks for this promotion", where=where, fix=_TAKE_OUT)
    waived = events.overridden(before, "environment", environment=environment, release=release, now=now)
    if after is not None and waived is None and events.verified(before, after, release) is None:
        raise SecurityRefusalError(f"{after} has not verified what this promotes", where=where, fix=_TAKE_OUT)


def carries(ledger: Ledger, event: Event, order: Sequence[EnvironmentName]) -> bool:
    """Say whether a ledger carries a proposal with all that it says: the same release, from the same commit and inputs.

    Only then may it be promoted without the records of the job that made it: somebody else may have written the branch.
    """
    stands = admission.standing(ledger, event.release, order) if event.release else None
    if stands is None or stands.release is None or event.release is None:
        return False
    said, known = (
        (one.commit, one.inputs, one.evidence, one.predictions, release.chart, release.image_repository)
        for one, release in ((event, event.release), (stands, stands.release))
    )
    return said == known


def superseded(event: Event, ledger: Ledger, after: EnvironmentName | None, now: datetime) -> str | None:
    """Say why a proposal can no longer be made as it is, None while it can; freezes and soaks pass, and do not count."""
    release, environment = event.release, event.environment
    if release is None or environment is None:
        return "its event names no release"
    known = events.version_of(ledger, release.model_digest)
    if operation_of(ledger, event.model, environment, replace(release, version=known)) != event.operation:
        last = events.previous(ledger, environment)
        name = f" of {last.release.version}" if last and last.release else ""
        return f"{environment} has moved on since: {last.kind}{name} on {last.at}" if last else "it was numbered anew"
    if events.held(ledger, environment) is not None:
        return f"{environment} is held"
    refused = events.barred(ledger, release.model_digest, now=now)
    refused = refused or events.rejected(ledger, release, environment=environment, now=now)
    if refused is not None:
        return f"it was rejected on {refused.at}: {refused.reason or 'no reason was recorded'}"
    waived = events.overridden(ledger, "environment", environment=environment, release=release, now=now)
    return None if after is None or waived is not None else _overtaken(release, ledger, after)


def _overtaken(release: ReleaseId, ledger: Ledger, after: EnvironmentName) -> str | None:
    """Say what the environment before says by now: another release, or no longer this one."""
    newest = events.last_verified(ledger, after)
    if newest is not None and newest.release is not None and not events.same(newest.release, release):
        return f"{newest.release.version} has been verified in {after} since"
    return None if events.verified(ledger, after, release) is not None else f"{after} has taken it back"


def _told(path: str, old: bytes | None, new: bytes | None) -> tuple[Event, ...]:
    """Return the promotions that were added to a ledger, in which nothing else may have changed."""
    before = events.parse(old or b"", path)
    if new is None or not new.startswith(before.content):
        raise SecurityRefusalError("only the tool writes this file", where=path, fix=_TAKE_OUT)
    after = events.parse(new, path)
    told = after.events[len(before.events) :]
    # One line: approvals come with the tool's own commit, and no other kind of event is anybody's to propose.
    if len(told) != 1 or told[0].kind is not EventKind.PROMOTED or path != _ledger(told[0].model):
        raise SecurityRefusalError("only the tool writes this file", where=path, fix=_TAKE_OUT)
    [event] = told
    if (
        event.release is None
        or event.environment is None
        or event.commit is None
        or event.release.version != events.version_of(before, event.release.model_digest)
        or event.operation != operation_of(before, event.model, event.environment, event.release)
    ):
        raise SecurityRefusalError("this line is no promotion that the tool would make", where=path, fix=_TAKE_OUT)
    return told


def _explain_values(path: str, old: bytes | None, new: bytes | None, event: Event | None) -> None:
    before, after = (read(content, where=path) if content else dict.fromkeys(OWNED) for content in (old, new))
    wanted = owned(event) if event else before
    for name in OWNED:
        if after.get(name) != wanted.get(name):
            raise SecurityRefusalError(f"{name} is the tool's to write", where=path, fix="take that line's change out")


def _explain_charts(changed: Changed, told: Sequence[Event]) -> None:
    """Let a chart's copy be added, whole, where a promotion names it; never be changed."""
    copies: dict[str, dict[str, bytes]] = {}
    for path, (old, new) in changed.items():
        if not path.startswith(f"{VERSIONS}/"):
            continue
        folder = "/".join(path.split("/")[:3])
        if old is not None or new is None or folder not in {event.release.chart for event in told if event.release}:
            raise SecurityRefusalError("only the tool writes this file", where=path, fix=_TAKE_OUT)
        copies.setdefault(folder, {})[posixpath.relpath(path, folder)] = new
    for folder, files in copies.items():
        if chart_folder(files) != folder:
            raise SecurityRefusalError("this copy of the chart is not what its name says", where=folder, fix=_TAKE_OUT)


def _values(event: Event) -> str:
    return f"{ENVIRONMENTS}/{event.environment}/{event.model}.yaml"


def _ledger(model: str) -> str:
    return f"{LEDGERS}/{model}.jsonl"
