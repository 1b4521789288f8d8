"""What explains a verdict, for its report: the two models inspected, and the two recipes compared where model.yaml asks.

Both are remembered by what they follow from. Nothing here can change a verdict: where the champion's history or bytes are
not to be had, the records say so.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.model import MANIFEST, ModelManifest
from release.artifact.repackage import trained_by
from release.artifact.serial import digest_json, digest_of
from release.cli import repackaging
from release.cli.champions import champion_event, model_files, stored
from release.cli.memory import memo
from release.config.explained import explained_in
from release.errors import ReleaseError, SecurityRefusalError
from release.records import InspectRecord, RecipeRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.model import ModelSpec
    from release.records import Commit, Digest, EvaluateRecord, TrainRecord

EXPLAINING = 1
"""Raised when the toolkit itself would explain otherwise."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Both records; None for what is not asked for, or where no model is trained."""

    inspected: InspectRecord | None
    recipe: RecipeRecord | None


@dataclass(frozen=True, kw_only=True)
class _Past:
    """The champion: its digest, the commit it was trained at, its files if they are here, and its model.yaml if it is."""

    digest: Digest
    commit: Commit | None
    files: Mapping[str, bytes] | None
    spec: ModelSpec | None
    train: str | None
    notes: tuple[str, ...]


def key(workspace: Workspace, job: Job, trained: TrainRecord, evaluated: EvaluateRecord) -> Digest | None:
    """Return the digest of what both records follow from, None where there is nothing to explain: no model is trained."""
    if repackaging.subject(workspace, job) is not None:
        return None
    past = _past(workspace, job, evaluated)
    asked = job.spec.evaluation
    return digest_json(
        {
            "challenger": trained.model_digest,
            "test": evaluated.test_digest,
            "train": job.inputs.train,
            "metric": explained_in(job.spec, job.policy),
            "costs": job.policy.costs,
            "asked": [asked.resamples, asked.seeds, asked.migration.model_dump()],
            "champion": None if past is None else past.digest,
            "bytes": past is not None and past.files is not None,
            "history": None if past is None else [past.train, None if past.spec is None else past.spec.model_dump_json()],
            "recipe": EXPLAINING,
        }
    )


def explain(workspace: Workspace, job: Job, trained: TrainRecord, evaluated: EvaluateRecord, at: Digest | None) -> Explained:
    """Make both records, or find them made; `at` is what `key` returned."""
    if at is None:
        return Explained(inspected=None, recipe=None)
    return Explained(
        inspected=_inspect(workspace, job, trained, evaluated, at), recipe=_recipe(workspace, job, evaluated, at)
    )


def _inspect(workspace: Workspace, job: Job, trained: TrainRecord, evaluated: EvaluateRecord, at: Digest) -> InspectRecord:
    """Inspect both models, or find them inspected."""

    def run() -> InspectRecord:
        workspace.pin()
        from release.stages.inspect import Former  # noqa: PLC0415 (scikit-learn)
        from release.stages.inspect import inspect as stage  # noqa: PLC0415 (as above)

        past = _past(workspace, job, evaluated)
        with tempfile.TemporaryDirectory(dir=workspace.state, prefix="inspect-") as folder:
            former = None
            if past is not None:
                former = Former(
                    digest=past.digest,
                    files=past.files,
                    spec=past.spec,
                    train=_rows(workspace, job, past, Path(folder)),
                    notes=(
                        *past.notes,
                        *(() if past.files else ("the champion's bytes are not here: of it little is shown",)),
                    ),
                )
            return stage(
                trained,
                job.spec,
                job.policy,
                key=at,
                folder=workspace.source.root / job.folder,
                files=model_files(workspace, trained),
                former=former,
                progress=workspace.progress,
                clock=time.perf_counter,
            )

    return memo(workspace, job, "inspect", at, InspectRecord, run)


def _recipe(workspace: Workspace, job: Job, evaluated: EvaluateRecord, at: Digest) -> RecipeRecord | None:
    """Compare both recipes, or find them compared; None where model.yaml asks for neither resamples nor seeds."""
    if job.spec.evaluation.resamples is None and job.spec.evaluation.seeds is None:
        return None

    def run() -> RecipeRecord:
        workspace.pin()
        from release.stages.recipe import Former  # noqa: PLC0415 (scikit-learn)
        from release.stages.recipe import recipe as stage  # noqa: PLC0415 (as above)

        past = _past(workspace, job, evaluated)
        former = None
        if past is not None:
            manifest = None if past.files is None else ModelManifest.parse(past.files[MANIFEST], where=past.digest)
            former = Former(spec=past.spec, manifest=manifest, notes=past.notes)
        folder = workspace.source.root / job.folder
        return stage(job.model, job.spec, job.policy, key=at, folder=folder, former=former, progress=workspace.progress)

    return memo(workspace, job, "recipe", at, RecipeRecord, run)


def _past(workspace: Workspace, job: Job, evaluated: EvaluateRecord) -> _Past | None:
    """Gather what is here of the champion that was scored."""
    event = champion_event(workspace, job)
    if event is None or evaluated.champion is None:
        return None
    digest, commit = evaluated.champion.model_digest, trained_by(job.ledger, event).commit
    spec, train, notes = None, None, tuple[str, ...]()
    try:
        if commit is not None:
            spec = workspace.spec(job.model, commit)
            [train] = workspace.source.objects([f"{commit}:{job.folder}/{spec.data.train}"])
    except SecurityRefusalError:
        raise
    except ReleaseError as error:
        notes = (f"the champion's commit is not here, so its recipe and training rows are not compared: {error.what}",)
    return _Past(digest=digest, commit=commit, files=stored(workspace, digest), spec=spec, train=train, notes=notes)


def _rows(workspace: Workspace, job: Job, past: _Past, folder: Path) -> Path | None:
    """Write the champion's training file, where it is not this commit's with the same contract."""
    if past.spec is None or past.commit is None or past.train is None:
        return None
    then, now = past.spec.data, job.spec.data
    content = workspace.source.read(past.commit, f"{job.folder}/{then.train}")
    here = (workspace.source.root / job.folder / now.train).read_bytes()
    if content is None or (digest_of(content) == digest_of(here) and then == now):
        return None
    file = folder / Path(then.train).name
    file.write_bytes(content)
    return file
