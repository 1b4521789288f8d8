"""Container images as bytes: one model as one layer on a base image, by digest, without a daemon.

Pure: no files, no network, no time. Where images are kept is the business of the registry adapters.
Formats: https://github.com/opencontainers/image-spec (manifest, config and annotations, 1.0 and 1.1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from release.artifact.layer import archive
from release.artifact.reference import check_digest
from release.artifact.serial import canonical, digest_of
from release.errors import BadInputError, SecurityRefusalError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

# Layers are not compressed: gzip's bytes depend on the zlib that made them, and the image's digest with them. Every consumer
# accepts a plain tar: its media type is required of implementations by the specification, and Docker (20.10 and newer)
# and containerd look at a layer's first bytes rather than its type. Models are compact files already.
LAYER = "application/vnd.oci.image.layer.v1.tar"

BASE_DIGEST = "org.opencontainers.image.base.digest"
REF_NAME = "org.opencontainers.image.ref.name"

_EPOCH = "1970-01-01T00:00:00Z"

# Docker's own types have the same bytes behind them; a manifest should not mix both families.
_TO_OCI: Mapping[str, str] = {
    CONFIG: CONFIG,
    "application/vnd.docker.container.image.v1+json": CONFIG,
    LAYER: LAYER,
    f"{LAYER}+gzip": f"{LAYER}+gzip",
    f"{LAYER}+zstd": f"{LAYER}+zstd",
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": f"{LAYER}+gzip",
}


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """What a manifest says of one blob: its media type, its digest, its size in bytes."""

    media_type: str
    digest: Digest
    size: int


@dataclass(frozen=True)
class Image:
    """An image: its manifest, the blobs that travel with it, and the digests of its last layer.

    `blobs` holds at least the config; the layers of a base may stay in the registry and only be named by the manifest.
    `layer` is the last layer's digest as stored, `diff_id` that of its uncompressed archive.
    """

    manifest: bytes
    blobs: Mapping[Digest, bytes]
    layer: Digest
    diff_id: Digest

    @property
    def digest(self) -> Digest:
        """The image's name: the digest of its manifest."""
        return digest_of(self.manifest)

    @property
    def size_bytes(self) -> int:
        """What a node downloads, in bytes: manifest, config and all layers, carried here or not."""
        return len(self.manifest) + sum(blob.size for blob in descriptors(self.manifest))


def model_layer(files: Mapping[str, bytes], *, prefix: str = "model") -> tuple[bytes, Digest]:
    """Return the layer that holds `files` below `/prefix`, and its diff_id, which is its digest too (it is not compressed).

    Raises BadInputError without files or for a name that is too long, SecurityRefusalError for a path that escapes.
    """
    if not files:
        raise BadInputError("a model without files cannot be packaged", fix="train the model first")
    content = archive(files, prefix=prefix)
    return content, digest_of(content)


def build(base: Image, files: Mapping[str, bytes], *, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Image:
    """Put a model's files as one layer on a base image, which is left as it is.

    The same arguments give the same bytes anywhere; so labels and annotations must hold nothing of a commit or a time. The
    base's labels stay unless overwritten, its annotations do not; its digest becomes an annotation. Raises what
    `model_layer` and `descriptors` raise, BadInputError when the base does not carry its config.
    """
    config_at, *layers = descriptors(base.manifest)
    if config_at.digest not in base.blobs:
        raise BadInputError("the base image does not carry its config", where=base.digest, fix="make it with from_parts")
    config = _parsed(base.blobs[config_at.digest], "image config")
    layer, diff_id = model_layer(files)

    # Tools count the entries of a history against the layers: a base without one gets an entry for each of its layers.
    history = config.get("history") or [{"created": _EPOCH, "created_by": "base"} for _ in layers]
    run = config.get("config") or {}
    config |= {
        "created": _EPOCH,
        "config": run | {"Labels": (run.get("Labels") or {}) | dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [*config["rootfs"]["diff_ids"], diff_id]},
        "history": [*history, {"created": _EPOCH, "created_by": "release: model"}],
    }
    return _assemble(
        config,
        [*layers, Descriptor(media_type=LAYER, digest=diff_id, size=len(layer))],
        {one.digest: base.blobs[one.digest] for one in layers if one.digest in base.blobs} | {diff_id: layer},
        annotations=dict(annotations) | {BASE_DIGEST: base.digest},
    )


def from_parts(manifest: bytes, config: bytes) -> Image:
    """Make a base of an image whose layers stay where they are: they are named, not carried.

    Manifests of OCI images and of Docker (schema 2) are understood. Raises SecurityRefusalError when the config is not
    the one that the manifest names, BadInputError when either cannot be used (an index of several platforms, for one).
    """
    config_at, *layers = descriptors(manifest)
    if digest_of(config) != config_at.digest or len(config) != config_at.size:
        raise SecurityRefusalError(
            f"the config is {digest_of(config)}, the manifest names {config_at.digest}",
            where=digest_of(manifest),
            fix="fetch both from the registry again, by digest",
        )
    diff_ids = _diff_ids(config)
    if not layers or len(diff_ids) != len(layers):
        raise BadInputError(
            f"the config has {len(diff_ids)} diff_ids for the {len(layers)} layers of the manifest",
            where=digest_of(manifest),
            fix="use an image that a container builder made, with one layer or more",
        )
    return Image(manifest, MappingProxyType({config_at.digest: config}), layers[-1].digest, diff_ids[-1])


def descriptors(manifest: bytes) -> tuple[Descriptor, ...]:
    """Return what a manifest names, the config first, then the layers from the bottom up, all with OCI's media types.

    Raises BadInputError when these bytes are no manifest of one image.
    """
    parsed = _parsed(manifest, "image manifest")
    if "manifests" in parsed:
        raise BadInputError(
            "this is an index of several images, not one image",
            where=digest_of(manifest),
            fix="name the manifest of one platform by its digest",
        )
    layers = parsed.get("layers")
    if parsed.get("schemaVersion") != 2 or not isinstance(layers, list):  # noqa: PLR2004 (the format's own version number)
        _no_manifest(manifest, "it has no schemaVersion 2 with layers")
    return tuple(_descriptor(one, manifest) for one in (parsed.get("config"), *layers))


def media_type(manifest: bytes) -> str:
    """Return the media type under which a registry keeps this manifest. Raises BadInputError for an unknown one."""
    found = _parsed(manifest, "image manifest").get("mediaType", MANIFEST)
    if found not in (MANIFEST, DOCKER_MANIFEST):
        _no_manifest(manifest, f"its media type is {str(found)[:100]!r}")
    return str(found)


def contents(image: Image) -> tuple[Descriptor, ...]:
    """Return what the image's manifest names, the config first, once every carried blob is shown to be what it is called.

    Raises SecurityRefusalError on a blob with another digest or size, BadInputError on a manifest that is none.
    """
    named = descriptors(image.manifest)
    for one in named:
        content = image.blobs.get(one.digest)
        if content is not None and (digest_of(content) != one.digest or len(content) != one.size):
            raise SecurityRefusalError(
                f"the image carries {digest_of(content)} under the name {one.digest}",
                where=image.digest,
                fix="package the model again",
            )
    return named


def labels(image: Image) -> Mapping[str, str]:
    """Return the labels of an image that carries its config. Raises BadInputError when it does not."""
    config = image.blobs.get(descriptors(image.manifest)[0].digest)
    if config is None:
        raise BadInputError("the image does not carry its config", where=image.digest, fix="make it with from_parts")
    found = (_parsed(config, "image config").get("config") or {}).get("Labels") or {}
    return {str(name): str(value) for name, value in found.items()}


def _parsed(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(content, parse_constant=_no_constant)
        canonical(value)  # lone surrogates can be read but not written
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"this {what} is no JSON", where=digest_of(content), fix="fetch it again") from error
    if not isinstance(value, dict):
        raise BadInputError(f"this {what} is no JSON object", where=digest_of(content), fix="fetch it again")
    return value


def _diff_ids(config: bytes) -> tuple[Digest, ...]:
    """Check the parts of a config that `build` extends, and return its diff_ids."""
    parsed = _parsed(config, "image config")
    rootfs, run, history = (parsed.get(key) for key in ("rootfs", "config", "history"))
    labels = run.get("Labels") if isinstance(run, dict) else None
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    named = all(isinstance(parsed.get(key), str) for key in ("architecture", "os"))
    optional = ((run, dict), (labels, dict), (history, list))
    if (
        not named
        or not isinstance(diff_ids, list)
        or not all(one is None or isinstance(one, kind) for one, kind in optional)
    ):
        raise BadInputError(
            "this is no image config: platform, rootfs, labels or history are not as the format has them",
            where=digest_of(config),
            fix="use an image that a container builder made",
        )
    return tuple(check_digest(one) for one in diff_ids)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_manifest(manifest: bytes, why: str) -> NoReturn:
    raise BadInputError(
        f"this is no image manifest: {why}",
        where=digest_of(manifest),
        fix="name an OCI image, or one of Docker's schema 2, by its digest",
    )


def _descriptor(value: object, manifest: bytes) -> Descriptor:
    if not isinstance(value, dict):
        _no_manifest(manifest, "config and layers must be objects")
    kind, size = value.get("mediaType"), value.get("size")
    if not isinstance(kind, str) or kind not in _TO_OCI:
        _no_manifest(manifest, f"it names something of media type {str(kind)[:100]!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        _no_manifest(manifest, "a size is no number of bytes")
    return Descriptor(media_type=_TO_OCI[kind], digest=check_digest(value.get("digest")), size=size)


def _assemble(
    config: Mapping[str, Any], layers: list[Descriptor], blobs: Mapping[Digest, bytes], *, annotations: Mapping[str, str]
) -> Image:
    config_bytes = canonical(dict(config))
    config_at = Descriptor(media_type=CONFIG, digest=digest_of(config_bytes), size=len(config_bytes))
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _written(config_at),
        "layers": [_written(one) for one in layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    carried = MappingProxyType({**blobs, config_at.digest: config_bytes})
    return Image(canonical(manifest), carried, layers[-1].digest, Digest(config["rootfs"]["diff_ids"][-1]))


def _written(one: Descriptor) -> dict[str, str | int]:
    return {"mediaType": one.media_type, "digest": one.digest, "size": one.size}


def _empty_base() -> Image:
    # One layer, empty: image-spec 1.0 wants at least one, and this one (two blocks of zeros) is known to every runtime.
    layer = bytes(1024)
    diff_id = digest_of(layer)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": _EPOCH,
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": _EPOCH, "created_by": "release: empty base"}],
    }
    return _assemble(
        config, [Descriptor(media_type=LAYER, digest=diff_id, size=len(layer))], {diff_id: layer}, annotations={}
    )


EMPTY_BASE: Image = _empty_base()
"""The base until a runtime image exists: valid, and empty."""
