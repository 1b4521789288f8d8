"""What one model's image is made of: the runtime that release.yaml names, the model, requests where they are replayed.

The sequence is `release.cli.pipeline`'s, the image itself the package stage's.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.serial import digest_json
from release.cli import runtimes
from release.config.project import replays
from release.errors import BadInputError, EnvironmentTroubleError
from release.records import EventKind
from release.stages import package as stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from release.artifact.reference import Reference
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.model import ModelSpec
    from release.records import Commit, Digest, PackageRecord
    from release.stages.package import HeldOut

RECIPE = 2
"""Raised when the toolkit itself would make another image of the same model."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The file that requests to replay are made of: as it was at a commit, None for the work tree, and its Git object."""

    commit: Commit | None
    spec: ModelSpec
    name: str | None


@dataclass(frozen=True, kw_only=True)
class Packing:
    """What an image is made of; `key` is the digest of all of it."""

    key: Digest
    runtime: Reference | None
    rows: Rows | None


def packing(workspace: Workspace, job: Job, model: Digest) -> Packing:
    """Decide what the image of a model is made of, without fetching any of it.

    Raises BadInputError where the registry is a server and no runtime is named.
    """
    runtime = runtimes.named(workspace, job.spec.serving.format)
    rows = _rows(workspace, job, model) if replays(workspace.project, job.spec.rollout) else None
    base = runtimes.EMPTY.image.digest if runtime is None else runtime.digest
    repository = f"{workspace.registry.name}/{job.model}"
    parts = {"model": model, "base": base, "repository": repository, "rows": rows.name if rows else None, "recipe": RECIPE}
    return Packing(key=digest_json(parts), runtime=runtime, rows=rows)


def package(workspace: Workspace, job: Job, files: Mapping[str, bytes], packed: Packing) -> PackageRecord:
    """Put a model into an image and the image into the registry. Raises as the stage and the registries do."""
    base = runtimes.EMPTY if packed.runtime is None else runtimes.fetched(workspace, packed.runtime)
    with workspace.progress.step(f"{job.model}: packaging"), _held_out(workspace, job, packed.rows) as held_out:
        return stage.package(job.model, files, key=packed.key, base=base, held_out=held_out, registry=workspace.registry)


def rehearse(workspace: Workspace, job: Job, files: Mapping[str, bytes], packed: Packing) -> PackageRecord:
    """Say what `package` would push, without pushing it; where the runtime cannot be had, what it would be without it."""
    base = runtimes.EMPTY
    if packed.runtime is not None:
        try:
            base = runtimes.fetched(workspace, packed.runtime)
        except EnvironmentTroubleError as error:
            what = "the image's digest will be another one, as its runtime cannot be had"
            workspace.progress.note(f"{job.model}: {what}: {error}")
    with _held_out(workspace, job, packed.rows) as held_out:
        registry = workspace.registry.name
        return stage.rehearse(job.model, files, key=packed.key, base=base, held_out=held_out, registry=registry)[1]


def _rows(workspace: Workspace, job: Job, model: Digest) -> Rows:
    """Find the held-out rows that a model's image carries: those it was first promoted with, so that it stays the same."""
    source = workspace.source
    commit = _promoted(job, model)
    if commit is not None and commit != workspace.head:
        with contextlib.suppress(BadInputError, EnvironmentTroubleError):
            spec = workspace.spec(job.model, commit)
            [name] = source.objects([f"{commit}:{job.folder}/{spec.data.test}"])
            if name is not None:
                return Rows(commit=commit, spec=spec, name=name)
        here = f"the held-out rows of {commit[:12]} are not in this clone"
        workspace.progress.note(f"{job.model}: requests to replay are made of the present rows: {here}")
    [name] = source.objects([f"{workspace.head}:{job.folder}/{job.spec.data.test}"])
    return Rows(commit=None, spec=job.spec, name=name)


def _promoted(job: Job, model: Digest) -> Commit | None:
    """Return the commit that first promoted this model in an image made of the same parts."""
    for event in job.ledger.events:
        if event.kind is not EventKind.PROMOTED or event.release is None or event.inputs is None:
            continue
        if event.release.model_digest == model and event.inputs.package == job.inputs.package:
            return event.commit
    return None


@contextlib.contextmanager
def _held_out(workspace: Workspace, job: Job, rows: Rows | None) -> Iterator[HeldOut | None]:
    """Give the file that rows come from, for as long as it is needed."""
    if rows is None:
        yield None
        return
    where = f"{job.folder}/{rows.spec.data.test}"
    if rows.commit is None:
        yield stage.HeldOut(path=workspace.source.root / where, where=where, spec=rows.spec)
        return
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="held-out-") as folder:
        workspace.source.export(rows.commit, where, Path(folder))
        path = Path(folder) / Path(where).name
        yield stage.HeldOut(path=path, where=f"{rows.commit[:12]}:{where}", spec=rows.spec)
