"""Makes the intent of a promotion from the records of HEAD, and hands it to the stage that publishes or only shows it."""

from __future__ import annotations

import enum
import os
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from release.artifact import repackage
from release.artifact.intent import Asked, Promotion
from release.artifact.values import draft
from release.cli import forging, pipeline, proposing, repackaging
from release.cli.champions import champion_event
from release.cli.indexing import champion_alias
from release.config.names import environment_name
from release.config.project import rollout_in
from release.data.inputs import CHART
from release.errors import BadInputError
from release.records import Outcome, VerdictRecord
from release.schedule import duration, window

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.records import EvaluateRecord, Event, PackageRecord, PromoteRecord, TrainRecord

PREDICTIONS = "charts/environments/predictions"


class Way(enum.Enum):
    """How a promotion reaches the deploy branch."""

    PUSH = enum.auto()
    PROPOSE = enum.auto()


def preview(
    workspace: Workspace, job: Job, to: str, evaluated: EvaluateRecord, verdict: VerdictRecord, packaged: PackageRecord
) -> PromoteRecord:
    """Show what a promotion would commit, by the state of the deploy branch that is known here."""
    from release.stages.promote import preview as stage  # noqa: PLC0415 (only where something is shown)

    # A rehearsal shows the change whether or not the environment before has verified the release yet.
    intent = replace(_intent(workspace, job, to, evaluated, verdict, packaged), after=None, freeze=(), needed=0)
    return stage(intent, branch=workspace.branch, source=workspace.source, clock=workspace.clock)


def promote(
    workspace: Workspace, job: Job, to: str, *, asked: Asked = Asked.BY_A_PERSON, way: Way = Way.PUSH
) -> PromoteRecord:
    """Promote what earlier jobs trained, judged and packaged at HEAD, or propose it. Raises as those stages do.

    What nobody asked for and lacks approvals is proposed, where a forge is configured.
    """
    from release.stages.promote import promote as stage  # noqa: PLC0415 (only where something is promoted)

    environment = workspace.environment(to)  # a misspelt one must not have to wait for records
    trained = pipeline.train(workspace, job, known=True)
    packaged = pipeline.package(workspace, job, trained, known=True)
    evaluated, verdict, missing = None, None, None
    try:
        evaluated = pipeline.evaluate(workspace, job, trained, known=True)
        verdict = pipeline.gate(workspace, job, evaluated, known=True)
    except BadInputError as error:
        if _met_another_champion(workspace, job, trained):
            evaluated, verdict = _judged_again(workspace, job, trained)
        else:
            # What serves already, or was judged for another environment, needs no verdict here; the tip decides.
            missing = error

    def rejudge(_: Event | None) -> VerdictRecord:
        """Judge against the champion of the fresh tip, which another promotion has just made."""
        if missing is not None:
            raise missing
        ledger = workspace.ledger(job.model, tip=workspace.branch.tip(fetch=False))
        return _judged_again(workspace, replace(job, ledger=ledger), trained)[1]

    intent = replace(_intent(workspace, job, to, evaluated, verdict, packaged), asked=asked)
    forge = forging.deploys_forge(workspace) if way is Way.PROPOSE or _reviewed(environment, verdict) else None
    if way is Way.PROPOSE:
        return proposing.propose(workspace, forge, intent, rejudge)
    # What nobody asks for has no pull request yet; and without a forge a verdict stays what it is.
    unasked = asked is Asked.AUTOMATICALLY or (forge is None and environment.approvals.count == 0)
    record = stage(
        intent,
        branch=workspace.branch,
        source=workspace.source,
        clock=workspace.clock,
        rejudge=rejudge,
        pause=time.sleep,
        rng=random.Random(os.urandom(8)),  # noqa: S311 (jitter, not a secret)
        approvals=None if unasked else proposing.counting(workspace, forge, environment, job.model),
    )
    if record.outcome is Outcome.PROMOTED:
        champion_alias(workspace, job.model, record.release.model_digest)
        proposing.done(workspace, forge, record)
    if record.outcome is Outcome.WAITING and (forge is not None or environment.approvals.count):
        return proposing.propose(workspace, forge, intent, rejudge)
    return record


def _reviewed(environment: EnvironmentSpec, verdict: VerdictRecord | None) -> bool:
    """Say whether people may have to approve a promotion, so that a forge is worth asking for."""
    return environment.approvals.count > 0 or (verdict is not None and bool(verdict.review))


def _met_another_champion(workspace: Workspace, job: Job, trained: TrainRecord) -> bool:
    """Say whether this challenger was judged here against another champion than the one that serves now.

    Then somebody was faster since, and this job is the loser of a race: it is judged again rather than sent back.
    """
    event = champion_event(workspace, job)
    now = event.release.model_digest if event and event.release else None
    about = [
        verdict.champion
        for verdict in workspace.store.records("gate", VerdictRecord)
        if (verdict.model, verdict.challenger) == (job.model, trained.model_digest)
    ]
    return now != trained.model_digest and bool(about) and now not in about


def _judged_again(workspace: Workspace, job: Job, trained: TrainRecord) -> tuple[EvaluateRecord, VerdictRecord]:
    event = champion_event(workspace, job)
    name = event.release.model_digest[:19] if event and event.release else "nobody"
    workspace.progress.note(f"{job.model}: the champion is {name} now, judging again")
    evaluated = pipeline.evaluate(workspace, job, trained)
    return evaluated, pipeline.gate(workspace, job, evaluated)


def _intent(
    workspace: Workspace,
    job: Job,
    to: str,
    evaluated: EvaluateRecord | None,
    verdict: VerdictRecord | None,
    packaged: PackageRecord,
) -> Promotion:
    environment = workspace.environment(to)
    name = environment_name(environment.name)
    chart = workspace.source.tree(workspace.head, CHART)
    files = workspace.source.read_many(workspace.head, list(chart))
    return Promotion(
        model=job.model,
        environment=name,
        after=environment_name(environment.after) if environment.after else None,
        commit=workspace.head,
        inputs=job.inputs,
        package=packaged,
        verdict=verdict,
        environments=workspace.environments,
        chart={path.removeprefix(CHART + "/"): content for path, content in files.items()},
        draft=draft(
            model=job.model,
            environment=name,
            serving=job.spec.serving.model_dump(),
            rollout=rollout_in(environment, job.spec.rollout),
        ),
        predictions=None if evaluated is None else _predictions(workspace, job, evaluated),
        threshold=None if evaluated is None else evaluated.threshold,
        by=workspace.source.identity(),
        cause=repackage.CAUSE if repackaging.subject(workspace, job) is not None else None,
        soak=duration(environment.soak) if environment.soak else timedelta(),
        freeze=tuple(window(entry) for entry in environment.freeze),
        needed=environment.approvals.count,
    )


def _predictions(workspace: Workspace, job: Job, evaluated: EvaluateRecord) -> tuple[str, bytes] | None:
    """Return the challenger's predictions as a file of the deploy branch, where release.yaml asks for it."""
    content = workspace.store.get(evaluated.challenger.predictions) if workspace.project.deploy.predictions else None
    if content is None:
        return None
    test, model = evaluated.test_digest[7:19], evaluated.challenger.model_digest[7:19]
    return f"{PREDICTIONS}/{job.model}/{model}-{test}.csv", content
