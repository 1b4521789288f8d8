"""The sequence of a release, each stage fed the last one's record; `dry-run` runs it whole, the other commands in part.

Every stage is looked up first by the digest of what it depends on, so that a job can stop after any of them and another
resume, and an unchanged commit costs nothing. Stages are imported when one has to run: a run in which everything is known
must not wait for scikit-learn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from release.artifact.model import installed_versions
from release.artifact.serial import digest_json
from release.cli import repackaging
from release.cli.champions import anchor_event, champion_event, histories, model_files, rival_of
from release.cli.memory import memo as _memo
from release.errors import GateFailedError, InconclusiveError
from release.records import (
    CheckRecord,
    EvaluateRecord,
    PackageRecord,
    ReportRecord,
    TrainRecord,
    Verdict,
    VerdictRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Digest, ModelName

RECIPE = 2
"""Raised when the toolkit itself would train another model from the same inputs."""
JUDGING = 3
"""Raised when the toolkit itself would check, score, judge or report otherwise; what was remembered is then made again."""


def check(workspace: Workspace, job: Job) -> CheckRecord:
    """Check what needs no training, or find it checked."""
    key = digest_json({"inputs": job.inputs, "policy": job.policy.model_dump_json(), "recipe": JUDGING})

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
    """Train the challenger, or find it trained; with `known` it must have been trained before.

    What is only put on another runtime is taken as it is.
    """
    again = repackaging.subject(workspace, job)
    if again is not None:
        return repackaging.train(workspace, job, again, known=known)
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
    """Score challenger, champion and anchor, or find them scored."""
    if repackaging.subject(workspace, job) is not None:
        return repackaging.evaluate(workspace, job, trained, known=known)
    event, fixed = champion_event(workspace, job), anchor_event(workspace, job)
    champion, anchor = (one.release.model_digest if one and one.release else None for one in (event, fixed))
    key = digest_json(
        {
            "challenger": trained.model_digest,
            "champion": champion,
            "anchor": anchor,
            "histories": histories(workspace, job, (event, fixed)),
            "test": job.inputs.test,
            "train": job.inputs.train,
            "latency": job.policy.budgets.latency_ms is not None,
            "migration": job.spec.evaluation.migration.model_dump(),
            "recipe": JUDGING,
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
            champion=rival_of(workspace, job, event, "champion") if event else None,
            anchor=rival_of(workspace, job, fixed, "anchor") if fixed else None,
            store=workspace.store,
            progress=workspace.progress,
            time_requests=job.policy.budgets.latency_ms is not None,
        )

    return _memo(workspace, job, "evaluate", key, EvaluateRecord, None if known else run)


def gate(workspace: Workspace, job: Job, evaluated: EvaluateRecord, *, known: bool = False) -> VerdictRecord:
    """Judge the challenger, or find the judgement; the look at the test set is counted before the rows are.

    The whole record stays in the store; what is returned is what may be told (`gate.feedback`).
    """
    if repackaging.subject(workspace, job) is not None:
        return repackaging.gate(workspace, job, evaluated, known=known)
    from release.cli import budget  # noqa: PLC0415 (with the ledger only)

    test = evaluated.test_digest
    if evaluated.champion is None or evaluated.champion.model_digest != evaluated.challenger.model_digest:
        workspace.store.look(test, evaluated.challenger.model_digest)
    # Without the count of looks: repeating a judgement is free, and stands, whoever has looked at the test set since.
    key = digest_json({"evaluate": evaluated.key, "policy": job.policy.model_dump_json(), "recipe": JUDGING})

    def run() -> VerdictRecord:
        workspace.pin()
        from release.stages.gate import gate as stage  # noqa: PLC0415 (numpy, scipy)

        spent = budget.spent(workspace, job, test)
        for note in budget.notes(spent):
            workspace.progress.note(f"{job.model}: {note}")
        judged = stage(
            evaluated,
            job.spec,
            job.policy,
            key=key,
            commit=workspace.head,
            looks=spent.used,
            folder=workspace.source.root / job.folder,
            store=workspace.store,
            progress=workspace.progress,
        )
        counted = replace(judged.test_set, inherited=spent.inherited)
        return replace(judged, test_set=counted, feedback=job.policy.feedback)

    return budget.told(workspace, job.ledger, _memo(workspace, job, "gate", key, VerdictRecord, None if known else run))


def report(
    workspace: Workspace,
    job: Job,
    trained: TrainRecord,
    evaluated: EvaluateRecord,
    verdict: VerdictRecord,
    packaged: PackageRecord | None = None,
) -> ReportRecord:
    """Write both renderings of the verdict, or find them written; also as files that people open."""
    from release.cli import explaining  # noqa: PLC0415 (with the report only)
    from release.cli.manifests import gather  # noqa: PLC0415 (as above)

    image = packaged.digest if packaged else None
    manifests = gather(workspace, job, trained, packaged)
    stages = {"train": trained.key, "evaluate": evaluated.key, "gate": verdict.key, "told": digest_json(verdict)}
    explained = explaining.key(workspace, job, trained, evaluated)
    key = digest_json({**stages, "image": image, "manifests": manifests.key, "explained": explained, "recipe": JUDGING})

    def run() -> ReportRecord:
        found = explaining.explain(workspace, job, trained, evaluated, explained)
        from release.cli.rendering import render  # noqa: PLC0415 (numpy)

        markdown, html = render(workspace, job, trained, evaluated, verdict, packaged, manifests.compared(), found)
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
    from release.cli import packaging  # noqa: PLC0415 (only where there is something to pack)

    repackaging.require_fit(workspace, job, trained)
    packed = packaging.packing(workspace, job, trained.model_digest)

    def usable(record: PackageRecord) -> bool:
        return workspace.registry.has(job.model, record.digest)

    def run() -> PackageRecord:
        return packaging.package(workspace, job, model_files(workspace, trained), packed)

    return _memo(workspace, job, "package", packed.key, PackageRecord, None if known else run, usable=usable)


def rehearse_package(workspace: Workspace, job: Job, trained: TrainRecord) -> PackageRecord:
    """Say what `package` would push: nothing is sent to a registry on a server, nor fetched from it but small files."""
    from release.cli import packaging  # noqa: PLC0415 (as in `package`)

    repackaging.require_fit(workspace, job, trained)
    packed = packaging.packing(workspace, job, trained.model_digest)
    if packed.runtime is None:
        return package(workspace, job, trained)
    return packaging.rehearse(workspace, job, model_files(workspace, trained), packed)


def exit_for(verdict: VerdictRecord) -> None:
    """Turn a verdict that is no PASS into its exit code. Raises GateFailedError or InconclusiveError."""
    name = verdict.model or "the challenger"
    why = _why(verdict)
    match verdict.verdict:
        case Verdict.PASS:
            return
        case Verdict.INCONCLUSIVE:
            needed = f"about {verdict.rows_needed} test rows would tell" if verdict.rows_needed else "see the report"
            raise InconclusiveError(f"INCONCLUSIVE: {why}", where=name, fix=needed)
        case Verdict.FAIL | Verdict.INVALID:
            fix = repackaging.NOT_PROMOTED if verdict.model else "standard output has the numbers"
            raise GateFailedError(f"{verdict.verdict}: {why}", where=name, fix=fix)
        case _ as never:
            assert_never(never)


def _why(verdict: VerdictRecord) -> str:
    """Return the first reason that makes the verdict what it is, not that of a requirement that ended otherwise."""
    others = {one.reason for one in verdict.comparisons if one.reason and one.verdict is not verdict.verdict}
    telling = [reason for reason in verdict.reasons if not any(reason.endswith(f": {other}") for other in others)]
    return next(iter(telling or verdict.reasons), "see the report")


def _train_key(job: Job, versions: Mapping[str, str]) -> Digest:
    return digest_json({"model": job.model, "train": job.inputs.train, "versions": dict(versions), "recipe": RECIPE})


def _files_are_here(workspace: Workspace) -> Callable[[TrainRecord], bool]:
    return lambda record: all(workspace.store.get(digest) is not None for digest in record.files.values())
