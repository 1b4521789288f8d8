"""Whom a challenger is compared with, by the ledger: the champion and the anchor, and the ways to a model's predictions.

Bytes are preferred to predictions: this machine's, the registry's, a rebuild from the champion's commit whose digest is the
same; then what was committed beside the ledger.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.model import MANIFEST, ModelManifest, installed_versions
from release.artifact.repackage import made_from, trained_by
from release.artifact.serial import digest_of
from release.cli.wiring import LEDGER, STATE
from release.errors import ConflictError, EnvironmentTroubleError, ReleaseError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Digest, Event, ReleaseId, TrainRecord
    from release.stages.evaluate import Rival


def champion_event(workspace: Workspace, job: Job) -> Event | None:
    """Return the event that made the champion, by the ledger."""
    from release.artifact.ledger import champion  # noqa: PLC0415 (with the ledger only)

    return champion(job.ledger, workspace.environments)


def anchor_event(workspace: Workspace, job: Job) -> Event | None:
    """Return the event of the anchor, None where that is the champion, or where the policy allows no loss to add up."""
    from release.artifact.ledger import anchor  # noqa: PLC0415 (with the ledger only)
    from release.judging.requirement import has_margins  # noqa: PLC0415 (as above)

    best = champion_event(workspace, job)
    metric = job.policy.primary.metric if job.policy.primary else None
    event = anchor(job.ledger, workspace.environments, metric) if has_margins(job.policy) else None
    if event is None or event.release is None or best is None or best.release is None:
        return None
    return event if event.release.model_digest != best.release.model_digest else None


def judged_elsewhere(job: Job, event: Event) -> Event | None:
    """Return the event that first promoted a model which these test rows have not judged, None where they have.

    Then nobody has looked yet whether it was trained on some of them.
    """
    made = trained_by(job.ledger, event)
    inputs = made_from(job.ledger, made)
    return None if inputs is not None and inputs.test == job.inputs.test else made


def histories(workspace: Workspace, job: Job, events: Sequence[Event | None]) -> list[str | None]:
    """Name what this clone has of the commits whose training rows are to be looked at: a deeper clone looks again."""
    made = [judged_elsewhere(job, one) for one in events if one is not None]
    commits = [one.commit for one in made if one is not None and one.commit is not None]
    return list(workspace.source.objects([f"{commit}:{job.folder}/model.yaml" for commit in commits]))


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


def rival_of(workspace: Workspace, job: Job, event: Event, role: str) -> Rival:
    """List the ways to the predictions of the champion or the anchor, in the order of preference."""
    from release.cli.trained_rows import seen_by  # noqa: PLC0415 (pandas)
    from release.stages.evaluate import Rival, Way  # noqa: PLC0415 (scikit-learn)

    release, made = _release_of(job, event), judged_elsewhere(job, event)
    threshold = _predicted(job, event).get("threshold")
    return Rival(
        digest=release.model_digest,
        name=f"the {role} {release.version}",
        seen=None if made is None else seen_by(workspace, job, made),
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
        raise ConflictError("this event names no release", where=where, fix="see `release history`")
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
    """Train a model again from its commit; a result with another digest is another model."""
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


def _predicted(job: Job, event: Event) -> Mapping[str, str]:
    """Return what the ledger says of a model's committed predictions: with this event, else with another of the model."""
    made = (one for one in reversed(job.ledger.events) if one.predictions and one.release and event.release)
    same = (one for one in made if one.release and event.release and one.release.model_digest == event.release.model_digest)
    return event.predictions or next((one.predictions for one in same), {})


def _committed(workspace: Workspace, job: Job, event: Event) -> bytes | None:
    """Read the predictions that were committed with a model, if they are of these very test rows."""
    predictions = _predicted(job, event)
    path, digest = predictions.get("path"), predictions.get("digest")
    rows = workspace.source.read(workspace.head, f"{job.folder}/{job.spec.data.test}")
    if path is None or rows is None or digest_of(rows) != predictions.get("test"):
        return None
    content = workspace.branch.read(workspace.branch.tip(fetch=False), path)
    if content is not None and digest_of(content) != digest:
        raise SecurityRefusalError("these predictions are not those the ledger names", where=path, fix="restore the file")
    return content
