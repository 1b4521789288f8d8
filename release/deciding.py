"""Brings a promotion's intent and a tip of the deploy branch together, for the stages that promote, propose and show.

What a promotion means is `release.artifact.promotion`; publishing what comes of it is the stages'. Neither may live here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.diff import unified
from release.artifact.intent import Change, DeployState, Lineage, Rejudge, Unapproved
from release.artifact.promotion import decide
from release.config.names import environment_name, model_name
from release.errors import ConflictError
from release.records import Outcome, PromoteRecord, ReleaseId

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from release.artifact.intent import Already, Approvals, Promotion, Refused
    from release.ports import DeployBranch, Source
    from release.records import Commit, Digest, Event, VerdictRecord

    Decision = Change | Already | Unapproved | Refused


def observe(promotion: Promotion, branch: DeployBranch, source: Source, tip: Commit | None) -> DeployState:
    """Read what a tip says of a promotion.

    Raises SecurityRefusalError for a ledger that was tampered with and names that are paths, EnvironmentTroubleError for
    commits that this clone lacks.
    """
    model_name(promotion.model)  # they become paths, whoever made them
    environment_name(promotion.environment)
    paths = [promotion.values_path, promotion.ledger_path, *([promotion.predictions[0]] if promotion.predictions else [])]
    files = {path: content for path in paths if (content := branch.read(tip, path)) is not None}
    files |= branch.read_all(tip, promotion.chart_path)
    ledger = events.parse(files.get(promotion.ledger_path, b""), promotion.ledger_path)
    current, final = events.serving(ledger, promotion.environment), events.last_final(ledger)
    lineage = _lineage(promotion, current, source)
    same = final is None or (current is not None and final.commit == current.commit)
    return DeployState(
        files=files, ledger=ledger, lineage=lineage, settled=lineage if same else _lineage(promotion, final, source)
    )


def _lineage(promotion: Promotion, other: Event | None, source: Source) -> Lineage:
    older = other.commit if other else None
    if older is None or older == promotion.commit or source.is_ancestor(older, promotion.commit):
        return Lineage.FORWARD
    return Lineage.BACKWARD if source.is_ancestor(promotion.commit, older) else Lineage.DIVERGED


def settle(
    promotion: Promotion,
    state: DeployState,
    now: datetime,
    *,
    rejudge: Callable[[Event | None], VerdictRecord],
    approvals: Callable[[Digest], Approvals] | None = None,
) -> tuple[Promotion, Decision]:
    """Decide: against a new champion only after judging again, and on approvals, where any are needed, as they are now.

    Returns the intent with what was found out. Raises what `decide`, `rejudge` and `approvals` (given an operation) raise,
    and ConflictError when a new judgement is about another champion still.
    """
    decision = decide(promotion, state, now)
    if isinstance(decision, Rejudge):
        promotion = replace(promotion, verdict=rejudge(decision.champion))
        decision = decide(promotion, state, now)
    if isinstance(decision, Unapproved) and approvals is not None:
        promotion = replace(promotion, approvals=approvals(decision.change.operation))
        decision = decide(promotion, state, now)
    if isinstance(decision, Rejudge):
        raise ConflictError("judged again, and still about another champion", where=promotion.model, fix="run again")
    return promotion, decision


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A change on top of a tip, and what it makes of the promotion; `why` is what stands in the way of one, with `fix`."""

    change: Change
    state: DeployState
    outcome: Outcome = Outcome.PROMOTED
    why: str | None = None
    fix: str | None = None

    def record(self, promotion: Promotion, branch: str, commit: Commit | None, number: int) -> PromoteRecord:
        """Tell what became of it; `commit` is None when it is only shown."""
        changes, files, event = self.change.changes, self.state.files, self.change.event
        return PromoteRecord(
            model=promotion.model,
            environment=promotion.environment,
            outcome=Outcome.SHOWN if commit is None else self.outcome,
            operation=self.change.operation,
            release=self.change.release,
            deploy_branch=branch,
            deploy_commit=commit,
            attempts=number,
            diff="".join(unified(path, files.get(path), changes[path]) for path in sorted(changes)),
            verdict=event.evidence.verdict if event.evidence else None,
            why=self.why,
            fix=self.fix,
        )


def told(
    promotion: Promotion,
    *,
    outcome: Outcome,
    operation: Digest,
    release: ReleaseId,
    branch: str,
    tip: Commit | None,
    number: int,
    why: str | None = None,
    fix: str | None = None,
) -> PromoteRecord:
    """Tell of a promotion that needed no commit at `tip`."""
    return PromoteRecord(
        model=promotion.model,
        environment=promotion.environment,
        outcome=outcome,
        operation=operation,
        release=release,
        deploy_branch=branch,
        deploy_commit=tip,
        attempts=number,
        diff="",
        verdict=promotion.verdict.verdict if promotion.verdict else None,
        why=why,
        fix=fix,
    )
