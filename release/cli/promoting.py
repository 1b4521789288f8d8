"""Makes the intent of a promotion from the records of HEAD, and hands it to the stage that publishes or only shows it."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from release.artifact.promotion import Promotion
from release.artifact.values import draft
from release.cli import pipeline
from release.cli.indexing import champion_alias
from release.config.names import environment_name
from release.data.inputs import CHART
from release.errors import BadInputError
from release.records import Outcome

if TYPE_CHECKING:
    from release.cli.pipeline import Job
    from release.cli.wiring import Workspace
    from release.records import EvaluateRecord, Event, PackageRecord, PromoteRecord, VerdictRecord

PREDICTIONS = "charts/environments/predictions"


def preview(
    workspace: Workspace, job: Job, to: str, evaluated: EvaluateRecord, verdict: VerdictRecord, packaged: PackageRecord
) -> PromoteRecord:
    """Show what a promotion would commit, by the state of the deploy branch that is known here."""
    from release.stages.promote import preview as stage  # noqa: PLC0415 (only where something is shown)

    # A rehearsal shows the change whether or not the environment before has verified the release yet.
    intent = replace(_intent(workspace, job, to, evaluated, verdict, packaged), after=None)
    return stage(intent, branch=workspace.branch, source=workspace.source, clock=workspace.clock)


def promote(workspace: Workspace, job: Job, to: str) -> PromoteRecord:
    """Promote what earlier jobs trained, judged and packaged at HEAD. Raises as `release.stages.promote` does."""
    from release.stages.promote import promote as stage  # noqa: PLC0415 (only where something is promoted)

    trained = pipeline.train(workspace, job, known=True)
    packaged = pipeline.package(workspace, job, trained, known=True)
    evaluated, verdict, missing = None, None, None
    try:
        evaluated = pipeline.evaluate(workspace, job, trained, known=True)
        verdict = pipeline.gate(workspace, job, evaluated, known=True)
    except BadInputError as error:
        # What serves already, or was judged for another environment, needs no verdict here; the tip decides.
        missing = error

    def rejudge(champion: Event | None) -> VerdictRecord:
        """Judge against the champion of the fresh tip, which another promotion has just made."""
        if missing is not None:
            raise missing
        name = champion.release.model_digest[:19] if champion and champion.release else "nobody"
        workspace.progress.note(f"{job.model}: the champion is {name} now, judging again")
        ledger = workspace.ledger(job.model, tip=workspace.branch.tip(fetch=False))
        fresh = replace(job, ledger=ledger)
        return pipeline.gate(workspace, fresh, pipeline.evaluate(workspace, fresh, trained))

    record = stage(
        _intent(workspace, job, to, evaluated, verdict, packaged),
        branch=workspace.branch,
        source=workspace.source,
        clock=workspace.clock,
        rejudge=rejudge,
        pause=time.sleep,
        rng=random.Random(os.urandom(8)),  # noqa: S311 (jitter, not a secret)
    )
    if record.outcome is Outcome.PROMOTED:
        champion_alias(workspace, job.model, record.release.model_digest)
    return record


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
            model=job.model, environment=name, serving=job.spec.serving.model_dump(), rollout=job.spec.rollout.model_dump()
        ),
        predictions=None if evaluated is None else _predictions(workspace, job, evaluated),
        threshold=None if evaluated is None else evaluated.threshold,
        by=workspace.source.identity(),
    )


def _predictions(workspace: Workspace, job: Job, evaluated: EvaluateRecord) -> tuple[str, bytes] | None:
    """Return the challenger's predictions as a file of the deploy branch, where release.yaml asks for it."""
    content = workspace.store.get(evaluated.challenger.predictions) if workspace.project.deploy.predictions else None
    if content is None:
        return None
    test, model = evaluated.test_digest[7:19], evaluated.challenger.model_digest[7:19]
    return f"{PREDICTIONS}/{job.model}/{model}-{test}.csv", content
