"""The runtime images that release.yaml names, fetched as the base of a model's image; and a new one, built and pushed.

What is in a runtime is `release.adapters.images`'s business, how a model is put on one the package stage's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import oci
from release.artifact.reference import keeping_tag, parse_reference
from release.data.inputs import PROJECT
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError
from release.ports import Lender
from release.stages.package import Base
from release.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from release.artifact.reference import Reference
    from release.cli.wiring import Workspace
    from release.config.project import RuntimeImages
    from release.records import Digest

EMPTY = Base(image=oci.EMPTY_BASE)
"""What a model is rehearsed on where no runtime is named."""

NOTHING_RUNS = "these images hold models and no server, so nothing can run them: name a runtime (`release runtime`)"


def named(workspace: Workspace, serves: str) -> Reference | None:
    """Return the runtime that `release.yaml` names for a serving format, None where it names none.

    Raises BadInputError for what is no reference, and where there is none though the registry is a server.
    """
    text = getattr(workspace.project.runtime.images, serves)
    where = f"{PROJECT}: runtime.images.{serves}"
    if text is None and not workspace.project.registry.startswith("oci:"):
        raise BadInputError(
            "images for a registry on a server need a runtime, and none is named",
            where=where,
            fix=f"build and push one: `release runtime --base IMAGE{'' if serves == 'skops' else f' --format {serves}'}`",
        )
    try:
        return None if text is None else parse_reference(text)
    except ReleaseError as error:
        raise type(error)(error.what, where=where, fix=error.fix) from error


def fetched(workspace: Workspace, reference: Reference) -> Base:
    """Return a runtime as a base whose layers stay where they are.

    Raises EnvironmentTroubleError when it is not there or its registry cannot be reached, BadInputError when it is no image
    of one platform, SecurityRefusalError when the registry answers with another image.
    """
    registry = workspace.registry_at(reference.registry)
    digest, repository = reference.digest, reference.repository
    assert digest is not None  # noqa: S101 (release.yaml is refused without)
    manifest = registry.manifest(repository, digest)
    config = None if manifest is None else registry.blob(repository, oci.descriptors(manifest)[0].digest)
    if manifest is None or config is None:
        raise EnvironmentTroubleError(
            "the runtime image is not there",
            where=str(reference),
            fix=f"push it, or name in {PROJECT} one that is there (`release runtime` builds one)",
        )
    return Base(image=oci.from_parts(manifest, config), lender=Lender(registry, repository), reference=str(reference))


@dataclass(frozen=True, kw_only=True)
class Built:
    """A runtime that was built and pushed: how it is named from now on, and the lines for release.yaml."""

    format: str
    image: str
    digest: Digest
    tags: tuple[str, ...]
    release_yaml: str


def build(
    repository: str,
    serves: str,
    images: RuntimeImages | None,
    *,
    base: str,
    index: str | None,
    ca: Path | None,
    say: Callable[[str], None],
) -> Built:
    """Build a runtime with Docker and push it into a repository (`host/name`), tagged by version and by digest.

    `images` are those that release.yaml names now. Raises EnvironmentTroubleError without Docker or its SDK, and when the
    build or a push fails.
    """
    try:
        from release.adapters.images import DockerImages  # noqa: PLC0415 (an extra)
    except ImportError as error:
        fix = "pip install 'model-release[images]'"
        raise EnvironmentTroubleError("building images needs the Docker SDK", where="docker", fix=fix) from error
    trusted = _content(ca) if ca is not None else None
    daemon = DockerImages()
    # The keyword names what is not the default: a runtime for skops is built by every version of the builder.
    other = {} if serves == "skops" else {"format": serves}
    identity = daemon.build(base=base, index=index, ca=trusted, say=say, **other)
    digest = daemon.push(identity, repository, __version__)
    daemon.push(identity, repository, keeping_tag(digest))
    image = f"{repository}@{digest}"
    return Built(
        format=serves,
        image=image,
        digest=digest,
        tags=(__version__, keeping_tag(digest)),
        release_yaml=_lines({**(images.model_dump() if images else {}), serves: image}),
    )


def _lines(images: dict[str, str | None]) -> str:
    named = [f"    {serves}: {image}" for serves, image in images.items() if image is not None]
    return "\n".join(["runtime:", "  images:", *named])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        said = f"the certificates cannot be read: {error.strerror}"
        raise BadInputError(said, where=str(path), fix="name a file in PEM form") from error
