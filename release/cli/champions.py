"""Whom a challenger has to beat, by the ledger, and the ways to that model's predictions.

Bytes are preferred to predictions: this machine's, the registry's, a rebuild from the champion's commit whose digest is the
same; then what was committed beside the ledger.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.model import MANIFEST, ModelManifest, installed_versions
from release.artifact.repackage import trained_by
from release.artifact.serial import digest_of
from release.cli.wiring import LEDGER, STATE
from release.errors import ConflictError, EnvironmentTroubleError, ReleaseError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Digest, Event, ReleaseId, TrainRecord
    from release.stages.evaluate import Champion


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


def champion_of(workspace: Workspace, job: Job, event: Event) -> Champion:
    """List the ways to the champion's predictions, in the order of preference."""
    from release.stages.evaluate import Champion, Way  # noqa: PLC0415 (scikit-learn)

    release = _release_of(job, event)
    threshold = event.predictions.get("threshold")
    return Champion(
        digest=release.model_digest,
        threshold=float(threshold) if threshold is not None else None,
        ways=(
            Way(name="store", fetch=lambda: stored(workspace, release.model_digest)),
            Way(name="registry", fetch=lambda: _from_registry(workspace, release)),
            Way(name="rebuild", fetch=lambda: _rebuilt(workspace, job, event)),
            Way(name="committed-predictions", fetch=lambda: _committed(workspace, job, event)),
        ),
    )


def model_of(workspace: Workspace, job: Job, event: Event) -> Mapping[str, bytes]:
    """Return the files of the model that an event names, by the first way that leads to its bytes, and say which.

    Raises EnvironmentTroubleError when no way does: predictions alone cannot be put into an image.
    """
    release = _release_of(job, event)
    where = f"{job.model} {release.version}"
    ways: dict[str, Callable[[], Mapping[str, bytes] | None]] = {
        "this machine": lambda: stored(workspace, release.model_digest),
        "the registry": lambda: _from_registry(workspace, release),
        "its commit, trained again": lambda: _rebuilt(workspace, job, event),
    }
    for name, fetch in ways.items():
        try:
            files = fetch()
        except SecurityRefusalError:
            raise
        except ReleaseError as error:
            workspace.progress.note(f"{where} cannot be had from {name}: {error}")
            continue
        if files is not None:
            workspace.progress.note(f"{where}: its bytes are from {name}")
            return files
    raise EnvironmentTroubleError(
        "its bytes are nowhere: not here, not in the registry, and its commit gives another model",
        where=where,
        fix="make the registry reachable, or change what is trained",
    )


def _release_of(job: Job, event: Event) -> ReleaseId:
    if event.release is None:
        where = f"{LEDGER}/{job.model}.jsonl"
        raise ConflictError("the champion's event names no release", where=where, fix="see `release history`")
    return event.release


def stored(workspace: Workspace, digest: Digest) -> Mapping[str, bytes] | None:
    """Return the files of a model from this machine's memory, None when it is not there whole."""
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

    made = trained_by(job.ledger, event).commit
    if made is None or event.release is None:
        return None
    versions = installed_versions()
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="rebuild-") as folder:
        spec = workspace.spec(job.model, made)
        workspace.source.export(made, job.folder, Path(folder))
        record = stage(
            job.model,
            spec,
            commit=made,
            key=event.release.model_digest,
            folder=Path(folder),
            versions=versions,
            store=workspace.store,
            progress=workspace.progress,
        )
    return model_files(workspace, record) if record.model_digest == event.release.model_digest else None


def _committed(workspace: Workspace, job: Job, event: Event) -> bytes | None:
    """Read the predictions that were committed with the champion, if they are of these very test rows."""
    path, digest = event.predictions.get("path"), event.predictions.get("digest")
    rows = workspace.source.read(workspace.head, f"{job.folder}/{job.spec.data.test}")
    if path is None or rows is None or digest_of(rows) != event.predictions.get("test"):
        return None
    content = workspace.branch.read(workspace.branch.tip(fetch=False), path)
    if content is not None and digest_of(content) != digest:
        raise SecurityRefusalError("these predictions are not those the ledger names", where=path, fix="restore the file")
    return content
