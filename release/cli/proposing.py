"""Joins a promotion to its pull request: opened or updated, its approvals counted, closed when it is done or out of date.

The rules are in `release.stages.propose` and `release.artifact.proposal`; which forge it is, in `release.cli.forging`.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.promotion_commit import owned
from release.artifact.proposal import branch_of
from release.artifact.values import OWNED, read
from release.config.names import environment_name
from release.errors import BadInputError, ReleaseError
from release.records import Verdict
from release.stages.propose import Desk, approvals, close
from release.stages.propose import propose as stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.artifact.intent import Approvals, Promotion
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.deciding import Attempt
    from release.ports import Forge
    from release.records import Digest, Event, ModelName, PromoteRecord, VerdictRecord

NO_FORGE = "set RELEASE_FORGE_TOKEN, and RELEASE_FORGE to the address of the forge's interface where CI does not say it"


def desk(workspace: Workspace, forge: Forge) -> Desk:
    """Return where proposals are made."""
    return Desk(
        branch=workspace.branch,
        source=workspace.source,
        forge=forge,
        clock=workspace.clock,
        pause=time.sleep,
        rng=random.Random(os.urandom(8)),  # noqa: S311 (jitter, not a secret)
    )


def propose(
    workspace: Workspace, forge: Forge | None, promotion: Promotion, rejudge: Callable[[Event | None], VerdictRecord]
) -> PromoteRecord:
    """Open the pull request of a promotion, or bring it up to date. Raises BadInputError without a forge."""
    if forge is None:
        what = f"a promotion to {promotion.environment} by pull request needs a forge, and none is configured"
        raise BadInputError(what, where=promotion.model, fix=NO_FORGE)
    environment = workspace.environment(promotion.environment)
    at = desk(workspace, forge)
    return stage(promotion, desk=at, rejudge=rejudge, describe=lambda one: _described(environment, promotion, one))


def counting(
    workspace: Workspace, forge: Forge | None, environment: EnvironmentSpec, model: ModelName
) -> Callable[[Digest], Approvals]:
    """Return what counts the approvals of an operation; it raises BadInputError where they are asked for and no forge is."""

    def count(operation: Digest) -> Approvals:
        if forge is None:
            what = f"{environment.name} asks for approvals, and no forge is configured that could tell them"
            raise BadInputError(what, where=model, fix=NO_FORGE)
        people, name = environment.approvals.from_, environment_name(environment.name)
        return approvals(model, name, operation, people=people, branch=workspace.branch, forge=forge)

    return count


def done(workspace: Workspace, forge: Forge | None, record: PromoteRecord) -> None:
    """Close the proposal of a promotion that was made; trouble is told, the promotion stands."""
    if forge is None or record.deploy_commit is None:
        return
    try:
        number = forge.proposals(workspace.branch.name).get(branch_of(record.environment, record.model))
        if number is not None:
            close(number, f"Promoted as {record.deploy_commit} on {record.deploy_branch}.", forge=forge)
    except ReleaseError as error:
        workspace.progress.note(f"{record.model}: its pull request is still open: {error}")


def _described(environment: EnvironmentSpec, promotion: Promotion, attempt: Attempt) -> tuple[str, str]:
    from release.report.proposals import Terms, proposal  # noqa: PLC0415 (kept off the path of --help)

    event, state = attempt.change.event, attempt.state
    values = state.files.get(promotion.values_path)
    proof = None
    if promotion.after is not None and event.release is not None:
        proof = events.verified(state.ledger, promotion.after, event.release)
    unsure = promotion.after is None and event.evidence is not None and event.evidence.verdict is Verdict.INCONCLUSIVE
    terms = Terms(
        needed=max(promotion.needed, 1 if unsure else 0),
        people=environment.approvals.from_,
        after=promotion.after,
        soak=environment.soak,
        freeze=environment.freeze,
    )
    before = read(values, where=promotion.values_path) if values else dict.fromkeys(OWNED)
    return proposal(event, proof, terms, before, owned(event))
