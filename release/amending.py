"""Lands an amendment: observed at the tip, decided, published by compare-and-swap, and told as a record.

What stages that amend share, so that they need not import each other. What is decided, and why, must not live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.amendment import Amendment, Nothing, Place, Tip
from release.artifact.diff import unified
from release.config.names import environment_name, model_name
from release.errors import ConflictError
from release.landing import Done, Landed, Proposal, land
from release.records import Commit, Event  # noqa: TC001 (records are read at run time)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from release.ports import Clock, DeployBranch

    Decide = Callable[[Tip, datetime], Amendment | Nothing]


@dataclass(frozen=True, kw_only=True)
class AmendRecord:
    """An amendment as it was committed, or found needless: then `deploy_commit` is None and `why` says so.

    `diff` is the unified diff of the deploy branch.
    """

    model: str
    environment: str
    why: str
    events: tuple[Event, ...]
    deploy_branch: str
    deploy_commit: Commit | None
    attempts: int
    diff: str


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What it takes to write: the branch, the time, and how to wait between attempts."""

    branch: DeployBranch
    clock: Clock
    pause: Callable[[float], None]
    rng: random.Random
    bound: int = 20


def observe(place: Place, branch: DeployBranch, tip: Commit | None) -> Tip:
    """Read what a tip says of a place. Raises SecurityRefusalError for a ledger that was tampered with."""
    model_name(place.model)  # they become paths, whoever made them
    environment_name(place.environment)
    content = branch.read(tip, place.ledger_path) or b""
    return Tip(values=branch.read(tip, place.values_path), ledger=events.parse(content, place.ledger_path))


def amend(place: Place, decide: Decide, *, desk: Desk, verb: str) -> AmendRecord:
    """Commit what `decide` makes of the tip, once, however often this is called, raced or interrupted.

    Raises what `decide` and the branch raise; ConflictError when a file that the amendment needs is not there;
    EnvironmentTroubleError when every attempt was lost.
    """

    def propose(tip: Commit | None, now: datetime) -> Proposal[tuple[Amendment, Tip]] | Done[Nothing]:
        state = observe(place, desk.branch, tip)
        decision = decide(state, now)
        if isinstance(decision, Nothing):
            return Done(what=decision)
        for path in decision.needs:
            if desk.branch.read(tip, path) is None:
                fix = "restore the folder from the deploy branch's history"
                raise ConflictError("the chart that this release was made with is gone", where=path, fix=fix)
        return Proposal(changes=decision.changes, message=decision.message, what=(decision, state))

    end = land(propose, branch=desk.branch, clock=desk.clock, pause=desk.pause, rng=desk.rng, bound=desk.bound, verb=verb)
    if isinstance(end, Landed):
        return _record(place, desk, end, end.attempts)
    # Ours, though the remote said no or nothing, when the very event is in the ledger.
    for one in end.tried:
        if end.what.event is not None and end.what.event in one.what[0].events:
            return _record(place, desk, one, end.attempts)
    return AmendRecord(
        model=place.model,
        environment=place.environment,
        why=end.what.why,
        events=(),
        deploy_branch=desk.branch.name,
        deploy_commit=None,
        attempts=end.attempts,
        diff="",
    )


def _record(place: Place, desk: Desk, landed: Landed[tuple[Amendment, Tip]], attempts: int) -> AmendRecord:
    made, before = landed.what
    old = {place.values_path: before.values, place.ledger_path: before.ledger.content or None}
    return AmendRecord(
        model=place.model,
        environment=place.environment,
        why=made.message.partition("\n")[0].removeprefix("release: "),
        events=made.events,
        deploy_branch=desk.branch.name,
        deploy_commit=landed.commit,
        attempts=attempts,
        diff="".join(unified(path, old.get(path), made.changes[path]) for path in sorted(made.changes)),
    )
