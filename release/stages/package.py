"""Package: a model's files become one layer on the runtime's image, in a registry, by digest; and come back out of it.

No daemon, no clock: the same model on the same base is the same image.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from release.artifact import oci
from release.artifact.layer import members
from release.records import Digest, ModelName, PackageRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.oci import Image
    from release.ports import Registry
    from release.records import TrainRecord

TITLE = "org.opencontainers.image.title"
MODEL_DIGEST = "release.model.digest"


def package(
    model: ModelName, trained: TrainRecord, *, key: Digest, files: Mapping[str, bytes], base: Image, registry: Registry
) -> PackageRecord:
    """Build a model's image and push it, tagged by its own digest so that registries do not collect it.

    Raises what the registry raises: EnvironmentTroubleError, or SecurityRefusalError when it stores another digest.
    """
    names = {TITLE: str(model), MODEL_DIGEST: trained.model_digest}
    image = oci.build(base, files, labels=names, annotations=names)
    registry.push(model, image, f"sha256-{image.digest.removeprefix('sha256:')[:40]}")
    return PackageRecord(
        model=model,
        key=key,
        model_digest=trained.model_digest,
        repository=f"{registry.name}/{model}",
        digest=image.digest,
        base=base.digest,
        layer=image.layer,
        diff_id=image.diff_id,
        size_bytes=image.size_bytes,
    )


def unpack(registry: Registry, repository: str, digest: Digest) -> Mapping[str, bytes] | None:
    """Return the files of the model in an image, None when the registry does not have it whole."""
    manifest = registry.manifest(repository, digest)
    if manifest is None:
        return None
    layer = Digest(json.loads(manifest)["layers"][-1]["digest"])
    content = registry.blob(repository, layer)
    return None if content is None else members(content, prefix="model")
