"""Puts an old model on the present runtime before something returns to it: what `runtime.minimum` asks of a rollback.

Its image in the registry says which runtime it has and gives the model; nothing is trained. What is then committed is
decided in `release.artifact.rollback`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from release.amending import observe
from release.artifact import oci
from release.artifact.amendment import Nothing
from release.artifact.ledger import serving
from release.artifact.model import ModelManifest
from release.artifact.repackage import made_from, older
from release.artifact.rollback import Patched, aim
from release.artifact.runtime import VERSION, unfit
from release.cli import runtimes
from release.cli.jobs import Job
from release.config.build import effective_gate
from release.data.inputs import MODELS, PROJECT
from release.errors import BadInputError, EnvironmentTroubleError, GateFailedError
from release.records import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.rollback import Rollback
    from release.cli.wiring import Workspace
    from release.records import Event, ReleaseId

_ELSE = "lower runtime.minimum, or name another release by --to"


def patched(workspace: Workspace, order: Rollback) -> Rollback:
    """Return an order with what is to be put in place of a release whose runtime is older than `runtime.minimum`.

    Raises what `aim` raises; EnvironmentTroubleError when the registry cannot tell or cannot give what is needed;
    GateFailedError when no runtime is named, when it cannot carry the model, or when the model answers otherwise on it.
    """
    minimum = workspace.project.runtime.minimum
    if minimum is None:
        return order
    tip = observe(order.place, workspace.branch, workspace.branch.tip(fetch=True))
    target = aim(order, tip)
    if isinstance(target, Nothing) or target.release is None:
        return order
    where = f"{order.place.model} {target.release.version}"
    version = runtime_of(workspace, target.release)
    if not older(version, minimum):
        return order
    workspace.progress.note(f"{where}: its runtime, {version or 'of no known version'}, is older than {minimum}")
    job = _job(workspace, order, target)
    if getattr(workspace.project.runtime.images, job.spec.serving.format) is None:
        what = f"its runtime is older than runtime.minimum, and {PROJECT} names no runtime.images.{job.spec.serving.format}"
        raise GateFailedError(what, where=where, fix=f"name one (`release runtime` builds it), or {_ELSE}")
    files = _model(workspace, target.release, where)
    _require_fit(workspace, job, files, target.release, where, minimum)
    from release.cli import packaging  # noqa: PLC0415 (only where an image is made)

    packed = packaging.packing(workspace, job, target.release.model_digest)
    record = packaging.package(workspace, job, files, packed)
    put = replace(target.release, image_repository=record.repository, image_digest=record.digest)
    return replace(order, patched=Patched(of=target.release, release=put))


def runtime_of(workspace: Workspace, release: ReleaseId) -> str | None:
    """Return the version of the runtime in a release's image, None where the image says none.

    Raises EnvironmentTroubleError when the registry cannot be reached, or does not have it.
    """
    image = f"{release.image_repository}@{release.image_digest}"
    repository = _repository(workspace, release)
    manifest = None if repository is None else workspace.registry.manifest(repository, release.image_digest)
    config = None
    if repository is not None and manifest is not None:
        config = workspace.registry.blob(repository, oci.descriptors(manifest)[0].digest)
    if manifest is None or config is None:
        what = f"{workspace.registry.name} does not have it, so nothing says which runtime is in it"
        raise EnvironmentTroubleError(what, where=image, fix=_ELSE)
    return oci.labels(oci.from_parts(manifest, config)).get(VERSION)


def _repository(workspace: Workspace, release: ReleaseId) -> str | None:
    prefix, _, repository = release.image_repository.rpartition("/")
    return repository if prefix == workspace.registry.name else None


def _job(workspace: Workspace, order: Rollback, target: Event) -> Job:
    """Gather what packaging needs of a model as it was at the commit of a release, whatever HEAD is by now."""
    model, where = order.place.model, f"{order.place.model} {target.release.version if target.release else ''}".rstrip()
    ledger = workspace.ledger(model, tip=workspace.branch.tip(fetch=False))
    inputs = made_from(ledger, target)
    if target.commit is None or inputs is None:
        raise GateFailedError("the ledger does not say which commit it comes from", where=where, fix=_ELSE)
    spec = workspace.spec(model, target.commit)
    policy = effective_gate(spec, workspace.project, where=f"{MODELS}/{model}/model.yaml")
    return Job(model=model, spec=spec, inputs=inputs, kind=Kind.REPACKAGE, ledger=ledger, policy=policy)


def _model(workspace: Workspace, release: ReleaseId, where: str) -> Mapping[str, bytes]:
    from release.stages.package import unpack  # noqa: PLC0415 (only where an image is made)

    files = unpack(workspace.registry, _repository(workspace, release) or "", release.image_digest)
    if files is None:
        what = f"{workspace.registry.name} does not have its model any more"
        raise EnvironmentTroubleError(what, where=where, fix=_ELSE)
    return files


def _require_fit(
    workspace: Workspace, job: Job, files: Mapping[str, bytes], release: ReleaseId, where: str, minimum: str
) -> None:
    """Refuse a runtime that is too old itself or cannot carry the model, and a model that answers otherwise by now."""
    reference = runtimes.named(workspace, job.spec.serving.format)
    assert reference is not None  # noqa: S101 (it was looked up before)
    labels = oci.labels(runtimes.fetched(workspace, reference).image)
    manifest = ModelManifest.verify(files, release.model_digest, where=where)
    reasons = list(unfit(labels, manifest.versions, manifest.format))
    if older(labels.get(VERSION), minimum):
        reasons.append(f"it is of version {labels.get(VERSION, 'unknown')} itself")
    if reasons:
        what = f"its runtime is older than {minimum}, and the one in {PROJECT} cannot take its place: {'; '.join(reasons)}"
        raise GateFailedError(what, where=where, fix=_ELSE)
    workspace.pin()
    from release.judging.equality import golden_rows  # noqa: PLC0415 (scikit-learn)

    with workspace.progress.step(f"{where}: scoring its golden rows"):
        try:
            found = golden_rows(files, release.model_digest, where=where)
        except BadInputError as error:
            raise GateFailedError(error.what, where=where, fix=f"{error.fix}; or {_ELSE}") from error
    if found is None or found.differs is not None:
        said = found.differs if found else "it carries no golden rows, which would show that it answers the same"
        raise GateFailedError(f"it cannot be put on another runtime: {said}", where=where, fix=_ELSE)


def outdated(workspace: Workspace) -> tuple[str, ...]:
    """Name what serves on an older runtime than `runtime.minimum`, as far as the registry can tell; nothing without one."""
    minimum = workspace.project.runtime.minimum
    if minimum is None:
        return ()
    notes, known = list[str](), dict[str, str | None]()
    for name, ledger in workspace.ledgers(fetch=False).items():
        for environment in workspace.environments:
            here = serving(ledger, environment)
            if here is None or here.release is None:
                continue
            image = here.release.image_digest
            try:
                known[image] = known[image] if image in known else runtime_of(workspace, here.release)
            except EnvironmentTroubleError as error:
                return (*notes, f"note: which runtimes serve cannot be told: {error}")
            if older(known[image], minimum):
                has = f"runtime {known[image]}" if known[image] else "a runtime of no known version"
                said = f"{name} {here.release.version} in {environment} has {has}, older than runtime.minimum {minimum}"
                notes.append(f"note: {said}; a newer image in runtime.images makes it due")
    return tuple(notes)
