"""The stages of a release whose model is not trained but put on another runtime: its bytes, its predictions, its verdict.

Which releases those are follows from the ledger (`release.artifact.repackage`), how they are judged is
`release.stages.repackage`. `release.cli.pipeline` asks here first; packaging and promoting are the same for all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from release.artifact import oci, repackage
from release.artifact.ledger import looks
from release.artifact.model import MANIFEST, ModelManifest, installed_versions
from release.artifact.runtime import unfit
from release.artifact.serial import digest_json, digest_of
from release.cli.champions import model_files, model_of, stored
from release.cli.memory import memo
from release.cli.wiring import STATE
from release.errors import EnvironmentTroubleError, GateFailedError, SecurityRefusalError
from release.records import EvaluateRecord, Kind, TrainRecord, Verdict, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Digest, Event, ModelName

KEPT = "repackage"
"""Records are kept apart: what was scored for a comparison with itself must not be taken for what was once recorded."""
RECIPE = 1
_FEW = 10
NOT_PROMOTED = "nothing is promoted; the report has the numbers"


def subject(workspace: Workspace, job: Job) -> Event | None:
    """Return the event of the release that is put on another runtime, None where a model is trained."""
    environments = workspace.environments
    return repackage.subject(job.ledger, environments[0], job.inputs) if environments else None


def train(workspace: Workspace, job: Job, event: Event, *, known: bool = False) -> TrainRecord:
    """Fetch the model as it was trained, or find it fetched; only as the last resort its commit is trained again.

    Raises as `release.cli.champions.model_of`.
    """
    digest = _digest(event)
    key = digest_json({"model": digest, "train": job.inputs.train, "recipe": RECIPE})

    def run() -> TrainRecord:
        workspace.pin()
        files = model_of(workspace, job, event)
        manifest = ModelManifest.verify(files, digest, where=f"{job.model}'s model {digest[:19]}")
        blobs = {name: workspace.store.put(content) for name, content in files.items()}
        made = [one for one in workspace.store.records("train", TrainRecord) if one.model_digest == digest]
        if made:
            return replace(made[0], commit=workspace.head, key=key, files=blobs)
        return _described(workspace, job, manifest, blobs, key=key, size=sum(map(len, files.values())))

    def usable(record: TrainRecord) -> bool:
        return all(workspace.store.get(blob) is not None for blob in record.files.values())

    return memo(workspace, job, "train", key, TrainRecord, None if known else run, usable=usable, kept=f"{KEPT}-train")


def _described(
    workspace: Workspace, job: Job, manifest: ModelManifest, blobs: dict[str, Digest], *, key: Digest, size: int
) -> TrainRecord:
    """Describe a model that was trained elsewhere, by what it says of itself and by the rows, which are still the same."""
    from release.data import tables  # noqa: PLC0415 (pandas)
    from release.learning.estimators import parameters  # noqa: PLC0415 (scikit-learn)

    path = workspace.source.root / job.folder / job.spec.data.train
    # What a search chose is known only where it was trained.
    searched, where = job.spec.search is not None, f"{job.folder}/model.yaml"
    return TrainRecord(
        model=job.model,
        commit=workspace.head,
        key=key,
        model_digest=manifest.digest,
        files=blobs,
        size_bytes=size,
        task=manifest.task,
        estimator=job.spec.estimator.kind,
        parameters={} if searched else parameters(job.spec.estimator.params, job.spec.task, where=where),
        threshold=manifest.threshold,
        train_digest=tables.digest(path),
        rows=len(tables.read(path, where=f"{job.folder}/{job.spec.data.train}")),
        columns=len(manifest.columns),
        cross_validation={},
        candidates=0,
        versions=manifest.versions,
    )


def evaluate(workspace: Workspace, job: Job, trained: TrainRecord, *, known: bool = False) -> EvaluateRecord:
    """Score the held-out rows with the model as it is, beside what it said of them before; the champion is it itself."""
    before = _recorded(workspace, job, trained.model_digest)
    key = digest_json(
        {
            "model": trained.model_digest,
            "test": job.inputs.test,
            "train": job.inputs.train,
            "recorded": None if before is None else digest_of(before),
            "versions": installed_versions(),
            "recipe": RECIPE,
        }
    )

    def run() -> EvaluateRecord:
        workspace.pin()
        from release.stages.evaluate import Rival, Way  # noqa: PLC0415 (scikit-learn)
        from release.stages.evaluate import evaluate as stage  # noqa: PLC0415 (as above)

        itself = Rival(
            digest=trained.model_digest, threshold=trained.threshold, ways=(Way(name="recorded", fetch=lambda: before),)
        )
        return stage(
            job.model,
            job.spec,
            commit=workspace.head,
            key=key,
            folder=workspace.source.root / job.folder,
            challenger=(trained.model_digest, model_files(workspace, trained)),
            champion=None if before is None else itself,
            store=workspace.store,
            progress=workspace.progress,
            time_requests=False,
        )

    return memo(workspace, job, "evaluate", key, EvaluateRecord, None if known else run, kept=f"{KEPT}-evaluate")


def _recorded(workspace: Workspace, job: Job, digest: Digest) -> bytes | None:
    """Return what a model said of these very test rows when it was released: committed beside the ledger, or kept here."""
    rows = workspace.source.read(workspace.head, f"{job.folder}/{job.spec.data.test}")
    test = None if rows is None else digest_of(rows)
    for event in job.ledger.events:
        path, named = event.predictions.get("path"), event.predictions.get("digest")
        ours = event.release is not None and event.release.model_digest == digest
        if not ours or path is None or event.predictions.get("test") != test:
            continue
        content = workspace.branch.read(workspace.branch.tip(fetch=False), path)
        if content is not None and digest_of(content) != named:
            raise SecurityRefusalError(
                "these predictions are not those the ledger names", where=path, fix="restore the file"
            )
        if content is not None:
            return content
    for record in workspace.store.records("evaluate", EvaluateRecord):
        if (record.challenger.model_digest, record.test_digest) == (digest, test):
            return workspace.store.get(record.challenger.predictions)
    return None


def gate(workspace: Workspace, job: Job, evaluated: EvaluateRecord, *, known: bool = False) -> VerdictRecord:
    """Judge by equality, and by whether the runtime has what the model was trained with; no look at the test set."""
    from release.cli import runtimes  # noqa: PLC0415 (only where an image is made)

    runtime = runtimes.named(workspace, job.spec.serving.format)
    key = digest_json(
        {
            "evaluate": evaluated.key,
            "runtime": None if runtime is None else runtime.digest,
            "policy": job.policy.model_dump_json(),
            "recipe": RECIPE,
        }
    )
    used = looks(job.ledger, evaluated.test_digest) | workspace.store.looks(evaluated.test_digest)

    def run() -> VerdictRecord:
        workspace.pin()
        from release.stages.repackage import repackage as stage  # noqa: PLC0415 (scikit-learn)

        files = stored(workspace, evaluated.challenger.model_digest)
        if files is None:
            fix = f"run `release train {job.model}` again"
            raise EnvironmentTroubleError("the model's files are gone", where=STATE, fix=fix)
        manifest = ModelManifest.parse(files[MANIFEST])
        return stage(
            evaluated,
            files,
            job.policy,
            unfit=_unfit(workspace, job, manifest.versions),
            key=key,
            commit=workspace.head,
            looks=len(used),
            store=workspace.store,
            progress=workspace.progress,
        )

    return memo(workspace, job, "gate", key, VerdictRecord, None if known else run, kept=f"{KEPT}-gate")


def require_fit(workspace: Workspace, job: Job, trained: TrainRecord) -> None:
    """Refuse to package again what the runtime cannot carry, in the words of the verdict. Raises GateFailedError."""
    if subject(workspace, job) is None:
        return
    if reasons := _unfit(workspace, job, trained.versions):
        raise GateFailedError(f"{Verdict.FAIL}: {reasons[0]}", where=job.model, fix=NOT_PROMOTED)


def _unfit(workspace: Workspace, job: Job, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Say why the runtime that release.yaml names cannot carry a model, and what to do; nothing when it can."""
    from release.cli import runtimes  # noqa: PLC0415 (only where an image is made)

    serves = job.spec.serving.format
    runtime = runtimes.named(workspace, serves)
    base = runtimes.EMPTY if runtime is None else runtimes.fetched(workspace, runtime)
    found = unfit(oci.labels(base.image), versions, serves)
    if not found:
        return ()
    remedy = "name a runtime that has it, or have the model trained again (another `seed` in model.yaml does)"
    return (f"the runtime cannot carry it, its pods would never be ready: {'; '.join(found)}; {remedy}",)


class Batch:
    """Whose turn it is where nobody asks: so many models at once go to another runtime, the rest stays due.

    Asked for each model in its turn, by the ledgers as they are then: one that is refused takes nobody's place.
    """

    def __init__(self, environment: str) -> None:
        """Begin with nobody waiting."""
        self.environment = environment
        self.late: list[tuple[Workspace, ModelName]] = []

    def admits(self, workspace: Workspace, job: Job) -> bool:
        """Say whether a model may be promoted now."""
        full = job.kind is Kind.REPACKAGE and _room(workspace, self.environment) == 0
        if full:
            self.late.append((workspace, job.model))
        return not full

    def tell(self) -> None:
        """Say who waits, the first few by name."""
        if not self.late:
            return
        workspace, names = self.late[0][0], [name for _, name in self.late]
        shown = ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} others" if len(names) > _FEW else "")
        verb, most = "waits" if len(names) == 1 else "wait", _at_most(workspace.project.runtime.batch, self.environment)
        workspace.progress.note(f"{len(names)} more {verb} for this batch, {most}: {shown}")


def waits(workspace: Workspace, event: Event, environment: str) -> str | None:
    """Say why what an event put into one environment cannot go on to the next one yet, None when it can."""
    if event.cause != repackage.CAUSE or _room(workspace, environment):
        return None
    return f"waits for its batch, {_at_most(workspace.project.runtime.batch, environment)}"


def _room(workspace: Workspace, environment: str) -> int:
    from release.config.names import environment_name  # noqa: PLC0415 (kept off the path of --help)

    ledgers = workspace.ledgers(fetch=True).values()
    return repackage.room(ledgers, environment_name(environment), workspace.project.runtime.batch)


def _at_most(at_once: int, environment: str) -> str:
    return f"at most {at_once} at once in {environment} (runtime.batch)"


def _digest(event: Event) -> Digest:
    assert event.release is not None  # noqa: S101 (such events are not subjects)
    return event.release.model_digest
