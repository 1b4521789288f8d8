"""Package: a model's files become one layer on the runtime's image, in a registry, by digest; and come back out of it.

No daemon, no clock: the same model on the same base is the same image.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import oci
from release.artifact.layer import members
from release.artifact.model import MANIFEST, ModelManifest
from release.artifact.reference import keeping_tag
from release.artifact.replay import REPLAY
from release.artifact.runtime import unfit
from release.errors import BadInputError
from release.records import Digest, ModelName, PackageRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from release.artifact.oci import Image
    from release.config.model import ModelSpec
    from release.ports import Lender, Registry

TITLE = "org.opencontainers.image.title"
MODEL_DIGEST = "release.model.digest"


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a model is put on: an image, who has its layers, and the reference by which `release.yaml` names it.

    Without a reference it is an image that runs nothing, for rehearsals.
    """

    image: Image
    lender: Lender | None = None
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The held-out rows that requests are made of: the file, what messages call it, and its contract."""

    path: Path
    where: str
    spec: ModelSpec


def package(
    model: ModelName,
    files: Mapping[str, bytes],
    *,
    key: Digest,
    base: Base,
    held_out: HeldOut | None,
    registry: Registry,
) -> PackageRecord:
    """Build a model's image and push it, tagged by its own digest so that registries do not collect it.

    Raises as `rehearse`, and what the registry raises: EnvironmentTroubleError, or SecurityRefusalError when it stores
    another digest.
    """
    image, record = rehearse(model, files, key=key, base=base, held_out=held_out, registry=registry.name)
    registry.push(model, image, keeping_tag(image.digest), lender=base.lender)
    return record


def rehearse(
    model: ModelName, files: Mapping[str, bytes], *, key: Digest, base: Base, held_out: HeldOut | None, registry: str
) -> tuple[Image, PackageRecord]:
    """Return the image of a model in the registry of that name, as `package` would push it, and its record.

    Raises BadInputError when the base cannot serve this model, and for held-out rows that break their contract.
    """
    manifest = ModelManifest.parse(files[MANIFEST], where=f"{model}/{MANIFEST}")
    reasons = unfit(oci.labels(base.image), manifest.versions, manifest.format)
    if reasons:
        raise BadInputError(
            f"the runtime cannot serve {model}: {'; '.join(reasons)}",
            where=base.reference or base.image.digest,
            fix="build the runtime that fits (`release runtime`), or train the model with what this one has",
        )
    requests, count = _requests(manifest, held_out) if held_out else (None, 0)
    names = {TITLE: str(model), MODEL_DIGEST: manifest.digest}
    carried = {**files, **({} if requests is None else {REPLAY: requests})}
    image = oci.build(base.image, carried, labels=names, annotations=names)
    return image, PackageRecord(
        model=model,
        key=key,
        model_digest=manifest.digest,
        repository=f"{registry}/{model}",
        digest=image.digest,
        base=base.image.digest,
        layer=image.layer,
        diff_id=image.diff_id,
        size_bytes=image.size_bytes,
        runtime=base.reference,
        requests=count,
    )


def unpack(registry: Registry, repository: str, digest: Digest) -> Mapping[str, bytes] | None:
    """Return the files of the model in an image, None when the registry does not have it whole."""
    manifest = registry.manifest(repository, digest)
    if manifest is None:
        return None
    layer = Digest(json.loads(manifest)["layers"][-1]["digest"])
    content = registry.blob(repository, layer)
    if content is None:
        return None
    return {name: file for name, file in members(content, prefix="model").items() if name != REPLAY}


def _requests(manifest: ModelManifest, held_out: HeldOut) -> tuple[bytes, int]:
    from release.data import contract, replay, tables  # noqa: PLC0415 (pandas; most images carry no requests)

    classes = tuple(str(name) for name in manifest.classes) or None
    frame = tables.read(held_out.path, where=held_out.where)
    table = contract.conform(frame, held_out.spec.data, held_out.spec.task, where=held_out.where, classes=classes)
    return replay.held_out(table, manifest.columns)
