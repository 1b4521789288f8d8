"""The sequence of a release, each stage fed the last one's record; `dry-run` runs it whole, the other commands in part.

Every stage is looked up first by the digest of what it depends on, so that a job can stop after any of them and another
resume, and an unchanged commit costs nothing. Stages are imported when one has to run: a run in which everything is known
must not wait for scikit-learn.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never

from release.artifact.model import MANIFEST, ModelManifest, installed_versions
from release.artifact.oci import EMPTY_BASE
from release.artifact.serial import digest_json, digest_of
from release.cli.wiring import LEDGER, STATE
from release.config.build import effective_gate
from release.data.inputs import MODELS
from release.errors import (
    BadInputError,
    ConflictError,
    EnvironmentTroubleError,
    GateFailedError,
    InconclusiveError,
    SecurityRefusalError,
)
from release.records import (
    CheckRecord,
    EvaluateRecord,
    Kind,
    PackageRecord,
    ReportRecord,
    TrainRecord,
    Verdict,
    VerdictRecord,
)
from release.stages.plan import inputs_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.artifact.ledger import Ledger
    from release.cli.wiring import Workspace
    from release.config.model import GateSpec, ModelSpec
    from release.records import Commit, Digest, Event, Inputs, ModelName, ReleaseId
    from release.stages.evaluate import Champion

R = TypeVar("R")
RECIPE = 2
"""Raised when the toolkit itself would train another model from the same inputs."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One model at one commit, and what every stage needs to know of it."""

    model: ModelName
    spec: ModelSpec
    inputs: Inputs
    kind: Kind
    ledger: Ledger
    policy: GateSpec

    @property
    def folder(self) -> str:
        """The model's folder, relative to the repository."""
        return f"{MODELS}/{self.model}"


def job(
    workspace: Workspace,
    model: ModelName,
    *,
    kind: Kind = Kind.TRAIN,
    base: Commit | None = None,
) -> Job:
    """Gather one model's configuration, inputs and ledger at HEAD.

    With `base`, the gate's policy is the base commit's where the model exists there: no change relaxes the margin that
    judges it. Raises BadInputError for files that are wrong or not committed.
    """
    spec = workspace.spec(model)
    workspace.require_clean([model])
    workspace.source.tree(workspace.head, f"{MODELS}/{model}")  # refuses links, which could name anything
    inputs = inputs_at(workspace.source, workspace.head, model)
    if inputs is None:
        raise BadInputError("model.yaml is not in the commit", where=f"{MODELS}/{model}", fix="commit it")
    judged_by, project = spec, workspace.project
    if base is not None and workspace.source.read(base, f"{MODELS}/{model}/model.yaml") is not None:
        judged_by, project = workspace.spec(model, base), workspace.project_at(base)
    policy = effective_gate(judged_by, project, where=f"{MODELS}/{model}/model.yaml")
    ledger = workspace.ledger(model, tip=workspace.branch.tip(fetch=False))
    return Job(model=model, spec=spec, inputs=inputs, kind=kind, ledger=ledger, policy=policy)


def check(workspace: Workspace, job: Job) -> CheckRecord:
    """Check what needs no training, or find it checked."""
    key = digest_json({"inputs": job.inputs, "policy": job.policy.model_dump_json(), "recipe": RECIPE})

    def run() -> CheckRecord:
        workspace.pin()
        from release.stages.check import check as stage  # noqa: PLC0415 (pandas)

        return stage(
            job.model,
            job.spec,
            job.policy,
            key=key,
            folder=workspace.source.root / job.folder,
            first=champion_event(workspace, job) is None,
            progress=workspace.progress,
        )

    return _memo(workspace, job, "check", key, CheckRecord, run)


def train(workspace: Workspace, job: Job, *, known: bool = False) -> TrainRecord:
    """Train the challenger, or find it trained; with `known` it must have been trained before."""
    versions = installed_versions()
    key = _train_key(job, versions)

    def run() -> TrainRecord:
        workspace.pin()
        from release.stages.train import train as stage  # noqa: PLC0415 (scikit-learn)

        return stage(
            job.model,
            job.spec,
            commit=workspace.head,
            key=key,
            folder=workspace.source.root / job.folder,
            versions=versions,
            store=workspace.store,
            progress=workspace.progress,
        )

    return _memo(workspace, job, "train", key, TrainRecord, None if known else run, usable=_files_are_here(workspace))


def evaluate(workspace: Workspace, job: Job, trained: TrainRecord, *, known: bool = False) -> EvaluateRecord:
    """Score challenger and champion, or find them scored."""
    event = champion_event(workspace, job)
    champion = event.release.model_digest if event and event.release else None
    key = digest_json(
        {
            "challenger": trained.model_digest,
            "champion": champion,
            "test": job.inputs.test,
            "train": job.inputs.train,
            "latency": job.policy.budgets.latency_ms is not None,
            "recipe": RECIPE,
        }
    )

    def run() -> EvaluateRecord:
        workspace.pin()
        from release.stages.evaluate import evaluate as stage  # noqa: PLC0415 (scikit-learn)

        return stage(
            job.model,
            job.spec,
            commit=workspace.head,
            key=key,
            folder=workspace.source.root / job.folder,
            challenger=(trained.model_digest, model_files(workspace, trained)),
            champion=_champion(workspace, job, event) if event else None,
            store=workspace.store,
            progress=workspace.progress,
            time_requests=job.policy.budgets.latency_ms is not None,
        )

    return _memo(workspace, job, "evaluate", key, EvaluateRecord, None if known else run)


def gate(workspace: Workspace, job: Job, evaluated: EvaluateRecord, *, known: bool = False) -> VerdictRecord:
    """Judge the challenger, or find the judgement; the look at the test set is counted before the rows are."""
    from release.artifact.ledger import looks  # noqa: PLC0415 (with the ledger only)

    test = evaluated.test_digest
    if evaluated.champion is None or evaluated.champion.model_digest != evaluated.challenger.model_digest:
        workspace.store.look(test, evaluated.challenger.model_digest)
    used = len(looks(job.ledger, test) | workspace.store.looks(test))
    # Without the count of looks: repeating a judgement is free, and stands, whoever has looked at the test set since.
    key = digest_json({"evaluate": evaluated.key, "policy": job.policy.model_dump_json(), "recipe": RECIPE})

    def run() -> VerdictRecord:
        workspace.pin()
        from release.stages.gate import gate as stage  # noqa: PLC0415 (numpy, scipy)

        return stage(
            evaluated,
            job.spec,
            job.policy,
            key=key,
            commit=workspace.head,
            looks=used,
            folder=workspace.source.root / job.folder,
            store=workspace.store,
            progress=workspace.progress,
        )

    return _memo(workspace, job, "gate", key, VerdictRecord, None if known else run)


def report(
    workspace: Workspace,
    job: Job,
    trained: TrainRecord,
    evaluated: EvaluateRecord,
    verdict: VerdictRecord,
    packaged: PackageRecord | None = None,
) -> ReportRecord:
    """Write both renderings of the verdict, or find them written; also as files that people open."""
    image = packaged.digest if packaged else None
    key = digest_json(
        {"train": trained.key, "evaluate": evaluated.key, "gate": verdict.key, "image": image, "recipe": RECIPE}
    )

    def run() -> ReportRecord:
        from release.cli.rendering import render  # noqa: PLC0415 (numpy)

        markdown, html = render(workspace, job, trained, evaluated, verdict, packaged)
        return ReportRecord(model=job.model, key=key, markdown=workspace.store.put(markdown), html=workspace.store.put(html))

    def usable(record: ReportRecord) -> bool:
        return all(workspace.store.get(digest) is not None for digest in (record.markdown, record.html))

    record = _memo(workspace, job, "report", key, ReportRecord, run, usable=usable)
    for name, digest in (("report.md", record.markdown), ("report.html", record.html)):
        content = workspace.store.get(digest)
        path = report_folder(workspace, job.model) / name
        if content is not None and (not path.is_file() or path.read_bytes() != content):
            workspace.store.write(path, content)
    return record


def report_folder(workspace: Workspace, model: ModelName) -> Path:
    """Return where people find a model's report."""
    return workspace.state / "reports" / model


def package(workspace: Workspace, job: Job, trained: TrainRecord, *, known: bool = False) -> PackageRecord:
    """Put the model into an image and the image into the registry, or find it there."""
    base = EMPTY_BASE
    address = f"{workspace.registry.name}/{job.model}"
    key = digest_json({"model": trained.model_digest, "base": base.digest, "repository": address, "recipe": RECIPE})

    def usable(record: PackageRecord) -> bool:
        return workspace.registry.has(job.model, record.digest)

    def run() -> PackageRecord:
        from release.stages.package import package as stage  # noqa: PLC0415 (only when there is something to pack)

        with workspace.progress.step(f"{job.model}: packaging"):
            return stage(
                job.model,
                trained,
                key=key,
                files=model_files(workspace, trained),
                base=base,
                registry=workspace.registry,
            )

    return _memo(workspace, job, "package", key, PackageRecord, None if known else run, usable=usable)


def champion_event(workspace: Workspace, job: Job) -> Event | None:
    """Return the event that made the champion, by the ledger."""
    from release.artifact.ledger import champion  # noqa: PLC0415 (with the ledger only)

    return champion(job.ledger, workspace.environments)


def model_files(workspace: Workspace, trained: TrainRecord) -> Mapping[str, bytes]:
    """Return the trained model's files. Raises EnvironmentTroubleError when the local memory has lost one."""
    files = {name: workspace.store.get(digest) for name, digest in trained.files.items()}
    found = {name: content for name, content in files.items() if content is not None}
    if len(found) != len(files):
        raise EnvironmentTroubleError(
            f"the files of {trained.model_digest[:19]} are gone",
            where=STATE,
            fix=f"run `release train {trained.model}` again",
        )
    return found


def exit_for(verdict: VerdictRecord) -> None:
    """Turn a verdict that is no PASS into its exit code. Raises GateFailedError or InconclusiveError."""
    name = verdict.model or "the challenger"
    why = verdict.reasons[0] if verdict.reasons else "see the report"
    match verdict.verdict:
        case Verdict.PASS:
            return
        case Verdict.INCONCLUSIVE:
            needed = f"about {verdict.rows_needed} test rows would tell" if verdict.rows_needed else "see the report"
            raise InconclusiveError(f"INCONCLUSIVE: {why}", where=name, fix=needed)
        case Verdict.FAIL | Verdict.INVALID:
            raise GateFailedError(
                f"{verdict.verdict}: {why}", where=name, fix="nothing is promoted; the report has the numbers"
            )
        case _ as never:
            assert_never(never)


def _train_key(job: Job, versions: Mapping[str, str]) -> Digest:
    return digest_json({"model": job.model, "train": job.inputs.train, "versions": dict(versions), "recipe": RECIPE})


def _files_are_here(workspace: Workspace) -> Callable[[TrainRecord], bool]:
    return lambda record: all(workspace.store.get(digest) is not None for digest in record.files.values())


def _memo(
    workspace: Workspace,
    job: Job,
    stage: str,
    key: Digest,
    kind: type[R],
    run: Callable[[], R] | None,
    *,
    usable: Callable[[R], bool] = lambda _: True,
) -> R:
    """Return what is known under `key`, else run the stage and remember; `run` is None where it must be known."""
    record = workspace.store.get_record(stage, key, kind)
    if record is not None and usable(record):
        workspace.progress.note(f"{job.model}: {stage} reused, same inputs ({key[7:19]})")
        return record
    if run is None:
        raise BadInputError(
            f"no `{stage}` record for this commit, data and champion",
            where=job.folder,
            fix=f"run `release {stage} {job.model}`",
        )
    record = run()
    workspace.store.put_record(stage, key, record)
    return record


def _champion(workspace: Workspace, job: Job, event: Event) -> Champion:
    """List the ways to the champion's predictions, in the order of preference."""
    from release.stages.evaluate import Champion, Way  # noqa: PLC0415 (scikit-learn)

    if event.release is None:
        raise ConflictError(
            "the champion's event names no release", where=f"{LEDGER}/{job.model}.jsonl", fix="see `release history`"
        )
    release = event.release
    threshold = event.predictions.get("threshold")
    return Champion(
        digest=release.model_digest,
        threshold=float(threshold) if threshold is not None else None,
        ways=(
            Way(name="store", fetch=lambda: _from_store(workspace, release.model_digest)),
            Way(name="registry", fetch=lambda: _from_registry(workspace, release)),
            Way(name="rebuild", fetch=lambda: _rebuilt(workspace, job, event)),
            Way(name="committed-predictions", fetch=lambda: _committed(workspace, event)),
        ),
    )


def _from_store(workspace: Workspace, digest: Digest) -> Mapping[str, bytes] | None:
    manifest = workspace.store.get(digest)
    if manifest is None:
        return None
    named = ModelManifest.parse(manifest, where=digest).files
    files = {name: workspace.store.get(one.digest) for name, one in named.items()}
    whole = {name: content for name, content in files.items() if content is not None}
    return {MANIFEST: manifest, **whole} if len(whole) == len(files) else None


def _from_registry(workspace: Workspace, release: ReleaseId) -> Mapping[str, bytes] | None:
    from release.stages.package import unpack  # noqa: PLC0415 (with the champion only)

    prefix, _, repository = release.image_repository.rpartition("/")
    if prefix != workspace.registry.name:
        return None
    return unpack(workspace.registry, repository, release.image_digest)


def _rebuilt(workspace: Workspace, job: Job, event: Event) -> Mapping[str, bytes] | None:
    """Train the champion again from its commit; a result with another digest is no champion."""
    from release.stages.train import train as stage  # noqa: PLC0415 (scikit-learn)

    if event.commit is None or event.release is None:
        return None
    versions = installed_versions()
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="rebuild-") as folder:
        spec = workspace.spec(job.model, event.commit)
        workspace.source.export(event.commit, job.folder, Path(folder))
        record = stage(
            job.model,
            spec,
            commit=event.commit,
            key=event.release.model_digest,
            folder=Path(folder),
            versions=versions,
            store=workspace.store,
            progress=workspace.progress,
        )
    return model_files(workspace, record) if record.model_digest == event.release.model_digest else None


def _committed(workspace: Workspace, event: Event) -> bytes | None:
    path, digest = event.predictions.get("path"), event.predictions.get("digest")
    if path is None:
        return None
    content = workspace.branch.read(workspace.branch.tip(fetch=False), path)
    if content is not None and digest_of(content) != digest:
        raise SecurityRefusalError("these predictions are not those the ledger names", where=path, fix="restore the file")
    return content
