"""Promote: name a package by digest in one environment's values, in one commit that also says why.

Decide, then act: `release.artifact.promotion` computes the commit from an intent and a tip of the deploy branch; here it is
published by compare-and-swap, and decided again whenever somebody else was faster. A dry-run shows it instead. Training and
judging are done before, and git is reached through ports only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from release.artifact import ledger as events
from release.artifact.diff import unified
from release.artifact.promotion import Already, Change, DeployState, Lineage, Promotion, Rejudge, decide
from release.config.names import environment_name, model_name
from release.errors import ConflictError
from release.landing import PATIENCE, Done, Landed, Proposal, land
from release.records import Outcome, PromoteRecord

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from release.ports import Clock, DeployBranch, Source
    from release.records import Commit, Event, VerdictRecord

__all__ = [
    "PATIENCE",
    "Already",
    "Change",
    "DeployState",
    "Lineage",
    "Promotion",
    "Rejudge",
    "decide",
    "preview",
    "promote",
    "unified",
]


def promote(
    promotion: Promotion,
    *,
    branch: DeployBranch,
    source: Source,
    clock: Clock,
    rejudge: Callable[[Event | None], VerdictRecord],
    pause: Callable[[float], None],
    rng: random.Random,
    bound: int = 20,
) -> PromoteRecord:
    """Promote, once, however often this is called or interrupted.

    On a lost race the intent is applied to the fresh tip, after a random `pause` (in seconds), `bound` times at most; when
    the champion changed, `rejudge` is given its event and returns the new verdict. Raises what `decide`, `rejudge` and the
    branch raise; EnvironmentTroubleError when every attempt was lost.
    """
    intent = promotion

    def propose(tip: Commit | None, now: datetime) -> Proposal[_Attempt] | Done[Already]:
        nonlocal intent
        state = _observe(intent, branch, source, tip)
        intent, decision = _settled(intent, state, now, rejudge)
        if isinstance(decision, Already):
            return Done(what=decision)
        return Proposal(changes=decision.changes, message=decision.message, what=_Attempt(change=decision, state=state))

    end = land(propose, branch=branch, clock=clock, pause=pause, rng=rng, bound=bound, verb="promoted")
    if isinstance(end, Landed):
        return end.what.record(intent, branch, end.commit, end.attempts)
    # Ours, though the remote said no or nothing, when the very event is in the ledger.
    for one in end.tried:
        if one.what.change.event == end.what.event:
            return one.what.record(intent, branch, one.commit, end.attempts)
    return _already(intent, end.what, branch, end.tip, end.attempts)


def preview(promotion: Promotion, *, branch: DeployBranch, source: Source, clock: Clock) -> PromoteRecord:
    """Show what `promote` would commit on top of the tip that is known here; nothing is written.

    Raises what `decide` raises, and ConflictError when the verdict is about another champion than that tip's.
    """
    tip = branch.tip(fetch=False)
    state = _observe(promotion, branch, source, tip)
    decision = decide(promotion, state, clock.now())
    match decision:
        case Rejudge():
            raise ConflictError(
                "there is no verdict about this tip's champion", where=promotion.model, fix="run `release gate` again"
            )
        case Already():
            return _already(promotion, decision, branch, tip, 0)
        case Change():
            return _Attempt(change=decision, state=state).record(promotion, branch, None, 0)
        case _:
            assert_never(decision)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A change on top of a tip."""

    change: Change
    state: DeployState

    def record(self, promotion: Promotion, branch: DeployBranch, commit: Commit | None, number: int) -> PromoteRecord:
        """Tell what became of it; `commit` is None when it is only shown."""
        changes, files = self.change.changes, self.state.files
        return PromoteRecord(
            model=promotion.model,
            environment=promotion.environment,
            outcome=Outcome.SHOWN if commit is None else Outcome.PROMOTED,
            operation=self.change.operation,
            release=self.change.release,
            deploy_branch=branch.name,
            deploy_commit=commit,
            attempts=number,
            diff="".join(unified(path, files.get(path), changes[path]) for path in sorted(changes)),
        )


def _already(promotion: Promotion, found: Already, branch: DeployBranch, tip: Commit | None, number: int) -> PromoteRecord:
    return PromoteRecord(
        model=promotion.model,
        environment=promotion.environment,
        outcome=Outcome.ALREADY,
        operation=found.operation,
        release=found.release,
        deploy_branch=branch.name,
        deploy_commit=tip,
        attempts=number,
        diff="",
    )


def _settled(
    promotion: Promotion, state: DeployState, now: datetime, rejudge: Callable[[Event | None], VerdictRecord]
) -> tuple[Promotion, Change | Already]:
    """Decide; against a new champion, only after judging again."""
    decision = decide(promotion, state, now)
    if isinstance(decision, Rejudge):
        promotion = replace(promotion, verdict=rejudge(decision.champion))
        decision = decide(promotion, state, now)
    if isinstance(decision, Rejudge):
        raise ConflictError("judged again, and still about another champion", where=promotion.model, fix="run again")
    return promotion, decision


def _observe(promotion: Promotion, branch: DeployBranch, source: Source, tip: Commit | None) -> DeployState:
    model_name(promotion.model)  # they become paths, whoever made them
    environment_name(promotion.environment)
    paths = [promotion.values_path, promotion.ledger_path, *([promotion.predictions[0]] if promotion.predictions else [])]
    files = {path: content for path in paths if (content := branch.read(tip, path)) is not None}
    files |= branch.read_all(tip, promotion.chart_path)
    ledger = events.parse(files.get(promotion.ledger_path, b""), promotion.ledger_path)
    current = events.serving(ledger, promotion.environment)
    older = current.commit if current else None
    if older is None or older == promotion.commit or source.is_ancestor(older, promotion.commit):
        lineage = Lineage.FORWARD
    else:
        lineage = Lineage.BACKWARD if source.is_ancestor(promotion.commit, older) else Lineage.DIVERGED
    return DeployState(files=files, ledger=ledger, lineage=lineage)
