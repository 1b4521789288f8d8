"""Images: valid, the same from the same inputs, and never something else than they are called."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from release.artifact import oci
from release.artifact.oci import EMPTY_BASE, Image, build, contents, descriptors, from_parts, labels, media_type, model_layer
from release.artifact.serial import canonical, digest_of
from release.errors import BadInputError, SecurityRefusalError

FILES = {"model.json": b'{"format":1}', "pipeline.skops": bytes(range(256)) * 40}
LABELS = {"io.release.model": "churn"}
ANNOTATIONS = {"org.opencontainers.image.title": "churn"}

DOCKER_LAYER = gzip.compress(bytes(1024), mtime=0)


def docker_base(**config: Any) -> tuple[bytes, bytes]:
    """Return manifest and config of a small image as `docker build` pushes it."""
    config_bytes = canonical(
        {
            "architecture": "arm64",
            "os": "linux",
            "created": "2024-05-01T10:00:00Z",
            "config": {"Entrypoint": ["/serve"], "Env": ["A=1"], "Labels": {"base": "yes", "io.release.model": "none"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(bytes(1024))]},
            "history": [{"created_by": "ADD x"}, {"created_by": "ENV A=1", "empty_layer": True}],
            **config,
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": oci.DOCKER_MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": digest_of(config_bytes),
            "size": len(config_bytes),
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "digest": digest_of(DOCKER_LAYER),
                "size": len(DOCKER_LAYER),
            }
        ],
    }
    return canonical(manifest), config_bytes


def config_of(image: oci.Image) -> dict[str, Any]:
    return json.loads(image.blobs[descriptors(image.manifest)[0].digest])


def assert_valid(image: oci.Image) -> None:
    """Check what image-spec says an image must be, by its own digests."""
    manifest = json.loads(image.manifest)
    config = config_of(image)
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, "application/vnd.oci.image.manifest.v1+json")
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert len(manifest["layers"]) >= 1
    for one in (manifest["config"], *manifest["layers"]):
        content = image.blobs[one["digest"]]
        assert one["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
        assert one["size"] == len(content)
    assert {one["mediaType"] for one in manifest["layers"]} == {"application/vnd.oci.image.layer.v1.tar"}
    assert config["rootfs"] == {"type": "layers", "diff_ids": [one["digest"] for one in manifest["layers"]]}
    assert sum(not one.get("empty_layer", False) for one in config["history"]) == len(manifest["layers"])
    assert config["architecture"]
    assert config["os"] == "linux"
    assert image.layer == manifest["layers"][-1]["digest"]
    assert image.diff_id == config["rootfs"]["diff_ids"][-1]


def test_the_empty_base_is_a_valid_image() -> None:
    """The base that stands in for a runtime image holds together, with the one empty layer that every runtime knows."""
    assert_valid(EMPTY_BASE)
    assert EMPTY_BASE.diff_id == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def test_a_built_image_is_valid_and_names_its_base() -> None:
    """A model on the empty base is a valid image with its labels, its annotations and the base's digest."""
    image = build(EMPTY_BASE, FILES, labels=LABELS, annotations=ANNOTATIONS)
    assert_valid(image)
    assert json.loads(image.manifest)["annotations"] == {
        **ANNOTATIONS,
        "org.opencontainers.image.base.digest": EMPTY_BASE.digest,
    }
    assert config_of(image)["config"]["Labels"] == LABELS
    assert config_of(image)["created"] == "1970-01-01T00:00:00Z"
    assert image.blobs[image.layer] == model_layer(FILES)[0]


def test_an_image_is_the_same_bytes_in_another_process() -> None:
    """Another interpreter with another hash seed, another time zone and files in another order gives the same digest."""
    program = (
        "from release.artifact.oci import EMPTY_BASE, build\n"
        "files = {'pipeline.skops': bytes(range(256)) * 40, 'model.json': b'{\"format\":1}'}\n"
        "print(build(EMPTY_BASE, files, labels={'io.release.model': 'churn'},"
        " annotations={'org.opencontainers.image.title': 'churn'}).digest)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    image = build(EMPTY_BASE, FILES, labels=LABELS, annotations=ANNOTATIONS)
    assert done.stdout.strip() == image.digest
    assert image.digest == "sha256:ca09dea25140c43ffd6d86aaf0e603a61d2cb350e92e725dea56e80ee609464c"


def test_everything_that_goes_in_changes_the_digest() -> None:
    """Another byte, another label, another annotation or another base is another image."""
    base = from_parts(*docker_base())
    digests = {
        build(EMPTY_BASE, FILES, labels=LABELS, annotations=ANNOTATIONS).digest,
        build(EMPTY_BASE, FILES | {"model.json": b"[]"}, labels=LABELS, annotations=ANNOTATIONS).digest,
        build(EMPTY_BASE, FILES, labels={}, annotations=ANNOTATIONS).digest,
        build(EMPTY_BASE, FILES, labels=LABELS, annotations={}).digest,
        build(base, FILES, labels=LABELS, annotations=ANNOTATIONS).digest,
    }
    assert len(digests) == 5


def test_a_base_from_the_registry_keeps_its_settings_and_its_layers_stay_there() -> None:
    """Docker's manifest becomes OCI's around the same blobs; entrypoint, environment and platform survive, labels merge."""
    base = from_parts(*docker_base())
    image = build(base, FILES, labels=LABELS, annotations={})
    config, (config_at, below, ours) = config_of(image), descriptors(image.manifest)
    assert base.digest == digest_of(docker_base()[0])
    assert json.loads(image.manifest)["layers"][0] == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": digest_of(DOCKER_LAYER),
        "size": len(DOCKER_LAYER),
    }
    assert set(image.blobs) == {config_at.digest, ours.digest}
    assert config["config"] == {
        "Entrypoint": ["/serve"],
        "Env": ["A=1"],
        "Labels": {"base": "yes", "io.release.model": "churn"},
    }
    assert config["architecture"] == "arm64"
    assert config["rootfs"]["diff_ids"] == [base.diff_id, image.diff_id]
    assert len(config["history"]) == 3
    assert base.layer == below.digest
    assert image.size_bytes == len(image.manifest) + config_at.size + len(DOCKER_LAYER) + ours.size


def test_building_leaves_the_base_as_it_was() -> None:
    """A base can be built upon twice, and a built image can be a base."""
    first = build(EMPTY_BASE, FILES, labels={}, annotations={})
    second = build(first, FILES, labels={}, annotations={})
    assert first == build(EMPTY_BASE, FILES, labels={}, annotations={})
    assert_valid(second)
    assert len(descriptors(second.manifest)) == 4


def test_a_base_without_history_gets_one_entry_for_each_layer() -> None:
    """Tools that count a history against the layers find as many."""
    image = build(from_parts(*docker_base(history=None)), FILES, labels={}, annotations={})
    assert [one["created_by"] for one in config_of(image)["history"]] == ["base", "release: model"]


def test_a_config_that_the_manifest_does_not_name_is_refused() -> None:
    """The two parts of a base must belong together."""
    manifest, _ = docker_base()
    _, another = docker_base(os="plan9")
    with pytest.raises(SecurityRefusalError, match="the manifest names"):
        from_parts(manifest, another)


@pytest.mark.parametrize(
    "config",
    [
        {"rootfs": None},
        {"rootfs": {"type": "layers", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:zz"]}},
        {"architecture": None},
        {"config": []},
        {"config": {"Labels": "x"}},
        {"history": "x"},
    ],
)
def test_configs_that_cannot_be_extended_are_refused(config: dict[str, Any]) -> None:
    """A base whose config is not as the format has it is bad input, not a crash in build."""
    with pytest.raises(BadInputError):
        from_parts(*docker_base(**config))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"schemaVersion": NaN}', "no JSON"),
        (b'{"a": "\\ud800"}', "no JSON"),
        (b'{"schemaVersion":2,"manifests":[]}', "index of several images"),
        (b'{"schemaVersion":1,"layers":[]}', "no schemaVersion 2"),
        (b'{"schemaVersion":2,"layers":[]}', "must be objects"),
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes, message: str) -> None:
    """Broken, hostile and multi-platform manifests get one line."""
    with pytest.raises(BadInputError, match=message):
        descriptors(manifest)


@pytest.mark.parametrize(
    "change",
    [
        {"mediaType": "application/x-foreign"},
        {"size": -1},
        {"size": True},
        {"size": "1"},
        {"digest": "sha512:00"},
        {"digest": 7},
    ],
)
def test_descriptors_are_checked(change: dict[str, Any]) -> None:
    """A layer of an unknown type, with an odd size or digest, is refused."""
    manifest = json.loads(docker_base()[0])
    manifest["layers"][0] |= change
    with pytest.raises(BadInputError):
        descriptors(canonical(manifest))


def test_media_type_is_the_manifests_own() -> None:
    """OCI's and Docker's manifests are told apart, anything else is refused."""
    assert media_type(EMPTY_BASE.manifest) == oci.MANIFEST
    assert media_type(docker_base()[0]) == oci.DOCKER_MANIFEST
    assert media_type(b"{}") == oci.MANIFEST
    with pytest.raises(BadInputError, match="media type"):
        media_type(b'{"mediaType":"text/html"}')


def test_a_blob_under_a_wrong_name_is_refused() -> None:
    """An image that carries other bytes than it names is not stored by anybody."""
    image = build(EMPTY_BASE, FILES, labels={}, annotations={})
    forged = dataclasses.replace(image, blobs={**image.blobs, image.layer: b"other"})
    assert contents(image) == descriptors(image.manifest)
    with pytest.raises(SecurityRefusalError, match="under the name"):
        contents(forged)


def test_a_model_without_files_is_refused() -> None:
    """There is no image of nothing."""
    with pytest.raises(BadInputError, match="without files"):
        model_layer({})


def test_a_base_without_its_config_is_refused() -> None:
    """Only the manifest of a base is not enough to build upon."""
    with pytest.raises(BadInputError, match="does not carry its config"):
        build(dataclasses.replace(EMPTY_BASE, blobs={}), FILES, labels={}, annotations={})


def test_labels_are_those_of_the_config() -> None:
    """A base's and a model's together; an image without any has none, one that does not carry its config is refused."""
    base = build(EMPTY_BASE, {"a": b"1"}, labels={"one": "1", "two": "2"}, annotations={})
    assert labels(build(base, {"b": b"1"}, labels={"two": "3"}, annotations={})) == {"one": "1", "two": "3"}
    assert labels(EMPTY_BASE) == {}
    with pytest.raises(BadInputError, match="does not carry its config"):
        labels(Image(base.manifest, {}, base.layer, base.diff_id))
