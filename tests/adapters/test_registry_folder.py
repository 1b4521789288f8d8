"""The embedded registry: an OCI image layout that survives damage, crowds and crashes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from release.adapters.registry_folder import FolderRegistry
from release.artifact.oci import EMPTY_BASE, Image, build, descriptors, from_parts
from release.artifact.serial import digest_of
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_THERE = Digest("sha256:" + "00" * 32)


def image_of(content: bytes) -> Image:
    return build(EMPTY_BASE, {"model.json": content}, labels={}, annotations={})


def index_of(layout: Path) -> dict[str, Any]:
    return json.loads((layout / "index.json").read_bytes())


def tags_of(layout: Path) -> dict[str, str]:
    key = "org.opencontainers.image.ref.name"
    listed = [one for one in index_of(layout)["manifests"] if key in one.get("annotations", {})]
    return {one["annotations"][key]: one["digest"] for one in listed}


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def blob_path(root: Path, digest: str) -> Path:
    return root / "churn" / "blobs" / "sha256" / digest.removeprefix("sha256:")


def assert_valid_layout(layout: Path) -> None:
    """Check the rules of image-layout.md: version, index, every blob under its digest, everything named is there."""
    assert json.loads((layout / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = index_of(layout)
    assert index["schemaVersion"] == 2
    assert [path.name for path in (layout / "blobs").iterdir()] == ["sha256"]
    blobs = {f"sha256:{path.name}": path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}
    assert all(name == "sha256:" + hashlib.sha256(content).hexdigest() for name, content in blobs.items())
    todo = list(index["manifests"])
    for one in index["manifests"]:
        manifest = json.loads(blobs[one["digest"]])
        assert manifest["mediaType"] == one["mediaType"]
        todo += [manifest["config"], *manifest["layers"]]
    assert all(len(blobs[one["digest"]]) == one["size"] for one in todo)
    tags = [one["annotations"]["org.opencontainers.image.ref.name"] for one in index["manifests"] if "annotations" in one]
    assert len(tags) == len(set(tags))


def test_what_is_pushed_comes_back_byte_for_byte(tmp_path: Path) -> None:
    """Manifest, config and layers are read back as they were, in a valid layout."""
    registry, image = FolderRegistry(tmp_path), image_of(b"1")
    assert not registry.has("churn", image.digest)
    registry.push("churn", image, "v1")
    assert registry.has("churn", image.digest)
    assert registry.manifest("churn", image.digest) == image.manifest
    assert {digest: registry.blob("churn", digest) for digest in image.blobs} == dict(image.blobs)
    assert_valid_layout(tmp_path / "churn")
    assert tags_of(tmp_path / "churn") == {"v1": image.digest}


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    """An empty folder, another repository and another digest hold nothing; a layer is no manifest."""
    registry, image = FolderRegistry(tmp_path / "missing"), image_of(b"1")
    assert not registry.has("churn", NOT_THERE)
    assert registry.manifest("churn", NOT_THERE) is None
    registry.push("churn", image, "v1")
    assert registry.blob("churn", NOT_THERE) is None
    assert registry.blob("other", image.layer) is None
    assert registry.manifest("churn", image.layer) is None
    assert not registry.has("churn", image.layer)


def test_pushing_twice_changes_no_file(tmp_path: Path) -> None:
    """The second push of an image writes nothing at all."""
    registry, image = FolderRegistry(tmp_path), image_of(b"1")
    registry.push("churn", image, "v1")
    before = snapshot(tmp_path)
    FolderRegistry(tmp_path).push("churn", image_of(b"1"), "v1")
    assert snapshot(tmp_path) == before


def test_a_tag_moves_and_its_old_image_stays(tmp_path: Path) -> None:
    """One tag names one image; what it named before stays listed, and can be named again."""
    registry, old, new = FolderRegistry(tmp_path), image_of(b"1"), image_of(b"2")
    for image, tag in ((old, "live"), (new, "live"), (new, "v2")):
        registry.push("churn", image, tag)
    assert tags_of(tmp_path / "churn") == {"live": new.digest, "v2": new.digest}
    assert registry.has("churn", old.digest)
    assert_valid_layout(tmp_path / "churn")
    registry.push("churn", old, "live")
    assert tags_of(tmp_path / "churn") == {"live": old.digest, "v2": new.digest}
    assert len(index_of(tmp_path / "churn")["manifests"]) == 2


def test_annotations_of_other_tools_stay_in_the_index(tmp_path: Path) -> None:
    """An index that another tool has written to keeps what we do not understand."""
    registry, image = FolderRegistry(tmp_path), image_of(b"1")
    registry.push("churn", image, "v1")
    index = index_of(tmp_path / "churn")
    index["manifests"][0]["annotations"]["com.example.note"] = "kept"
    (tmp_path / "churn" / "index.json").write_text(json.dumps(index))
    registry.push("churn", image_of(b"2"), "v1")
    notes = [one["annotations"] for one in index_of(tmp_path / "churn")["manifests"] if one["digest"] == image.digest]
    assert notes == [{"com.example.note": "kept"}]


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
@pytest.mark.parametrize("damage", [b"", b"other bytes", None])
def test_a_damaged_blob_is_not_here_and_is_written_again(tmp_path: Path, part: str, damage: bytes | None) -> None:
    """Whichever part of an image is cut, overwritten or removed: the image is not there until it is pushed again."""
    registry, image = FolderRegistry(tmp_path), image_of(b"1")
    registry.push("churn", image, "v1")
    hurt = {"manifest": image.digest, "config": descriptors(image.manifest)[0].digest, "layer": image.layer}[part]
    path = blob_path(tmp_path, hurt)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert not registry.has("churn", image.digest)
    assert registry.blob("churn", hurt) is None
    registry.push("churn", image, "v1")
    assert registry.has("churn", image.digest)
    assert_valid_layout(tmp_path / "churn")


def test_an_image_whose_base_is_elsewhere_is_refused_until_the_layers_are_here(tmp_path: Path) -> None:
    """Layers that are only named must be in the repository already; then the image is whole."""
    config = EMPTY_BASE.blobs[descriptors(EMPTY_BASE.manifest)[0].digest]
    light = build(from_parts(EMPTY_BASE.manifest, config), {"model.json": b"1"}, labels={}, annotations={})
    registry = FolderRegistry(tmp_path)
    with pytest.raises(EnvironmentTroubleError, match="of the base image is not here"):
        registry.push("churn", light, "v1")
    assert not registry.has("churn", light.digest)
    registry.push("churn", EMPTY_BASE, "base")
    registry.push("churn", light, "v1")
    assert registry.has("churn", light.digest)
    assert light.digest == image_of(b"1").digest
    assert_valid_layout(tmp_path / "churn")


def test_a_forged_image_writes_nothing(tmp_path: Path) -> None:
    """A blob under another blob's name is refused before the disk is touched."""
    image = image_of(b"1")
    forged = Image(image.manifest, {**image.blobs, image.layer: b"other"}, image.layer, image.diff_id)
    with pytest.raises(SecurityRefusalError):
        FolderRegistry(tmp_path).push("churn", forged, "v1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("repository", ["../churn", "/churn", "", "Churn", "a/blobs", "index.json", "a/oci-layout/b"])
def test_names_that_leave_the_folder_or_hide_in_a_layout_are_refused(tmp_path: Path, repository: str) -> None:
    """No name of a repository reaches outside the root or into another repository's layout."""
    registry = FolderRegistry(tmp_path / "root")
    with pytest.raises(BadInputError):
        registry.push(repository, EMPTY_BASE, "v1")
    with pytest.raises(BadInputError):
        registry.has(repository, NOT_THERE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("digest", ["../../x", "sha256:../../x", "sha256:00", ""])
def test_digests_that_are_none_are_refused(tmp_path: Path, digest: str) -> None:
    """A digest is part of a path: nothing else gets there."""
    with pytest.raises(BadInputError, match="is no digest"):
        FolderRegistry(tmp_path).blob("churn", Digest(digest))


@pytest.mark.parametrize("tag", ["", "-x", "a/b", "a b"])
def test_tags_that_are_none_are_refused(tmp_path: Path, tag: str) -> None:
    """The tag is checked before anything is written."""
    with pytest.raises(BadInputError, match="is no tag"):
        FolderRegistry(tmp_path).push("churn", EMPTY_BASE, tag)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"manifests":["x"]}', b'{"manifests":[{"annotations":"x"}]}', b"[" * 100_000]
)
def test_a_broken_index_is_said_to_be_broken(tmp_path: Path, content: bytes) -> None:
    """One line names the file and the way out, which works."""
    registry, image = FolderRegistry(tmp_path), image_of(b"1")
    registry.push("churn", image, "v1")
    path = tmp_path / "churn" / "index.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="delete this file") as caught:
        registry.push("churn", image, "v1")
    assert caught.value.where == str(path)
    path.unlink()
    registry.push("churn", image, "v1")
    assert registry.has("churn", image.digest)


def test_a_folder_that_cannot_be_used_is_trouble_with_the_environment(tmp_path: Path) -> None:
    """A file in the folder's place gives one line that names it."""
    (tmp_path / "root").write_text("a file")
    registry = FolderRegistry(tmp_path / "root")
    with pytest.raises(EnvironmentTroubleError, match="cannot be used: Not a directory") as caught:
        registry.push("churn", EMPTY_BASE, "v1")
    assert str(tmp_path / "root") in caught.value.where
    assert not registry.has("churn", EMPTY_BASE.digest)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A push that the system cuts short by a limit on file sizes raises, leaves no half a blob, and can be repeated."""
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from release.adapters.registry_folder import FolderRegistry\n"
        "from release.artifact.oci import EMPTY_BASE, build\n"
        "from release.errors import EnvironmentTroubleError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "image = build(EMPTY_BASE, {'model.json': bytes(9000)}, labels={}, annotations={})\n"
        "try:\n"
        "    FolderRegistry(Path(sys.argv[1])).push('churn', image, 'v1')\n"
        "except EnvironmentTroubleError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "the registry's folder cannot be used: File too large" in done.stdout
    image = image_of(bytes(9000))
    assert not blob_path(tmp_path, image.layer).exists()
    assert list((tmp_path / "churn").glob(".unfinished*")) == []
    FolderRegistry(tmp_path).push("churn", image, "v1")
    assert_valid_layout(tmp_path / "churn")


def test_eight_writers_at_once_lose_no_tag(tmp_path: Path) -> None:
    """Processes that push into one repository at the same time all find their tags there afterwards."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from release.adapters.registry_folder import FolderRegistry\n"
        "from release.artifact.oci import EMPTY_BASE, build\n"
        "names = [f'{sys.argv[2]}-{n}' for n in range(9)]\n"
        "images = [build(EMPTY_BASE, {'model.json': name.encode()}, labels={}, annotations={}) for name in names]\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
        "for name, image in zip(names, images):\n"
        "    FolderRegistry(Path(sys.argv[1])).push('churn', image, name)\n"
    )
    commands = [[sys.executable, "-c", program, str(tmp_path), str(number)] for number in range(8)]
    with contextlib.ExitStack() as stack:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        writers = [stack.enter_context(subprocess.Popen(one, **pipes)) for one in commands]
        for one in writers:
            one.stdout.readline()
        for one in writers:
            one.stdin.close()
    assert [one.returncode for one in writers] == [0] * 8
    expected = {f"{one}-{n}": image_of(f"{one}-{n}".encode()).digest for one in range(8) for n in range(9)}
    assert tags_of(tmp_path / "churn") == expected
    assert_valid_layout(tmp_path / "churn")


KILLED = (
    "import sys\n"
    "from pathlib import Path\n"
    "from release.adapters.registry_folder import FolderRegistry\n"
    "from release.artifact.oci import EMPTY_BASE, build\n"
    "size, count = int(sys.argv[2]), int(sys.argv[3])\n"
    "images = [build(EMPTY_BASE, {'model.json': bytes([n]) * size}, labels={}, annotations={}) for n in range(count)]\n"
    "print(flush=True)\n"
    "for n, image in enumerate(images):\n"
    "    FolderRegistry(Path(sys.argv[1])).push('churn', image, f'v{n}')\n"
    "sys.stdin.read()\n"
)


@contextlib.contextmanager
def writer(root: Path, size: int, count: int) -> Iterator[None]:
    """Start a process that pushes `count` images of `size` bytes, and kill it when the context ends."""
    command = [sys.executable, "-c", KILLED, str(root), str(size), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.kill()


def assert_completes(root: Path) -> None:
    """Check that what the index lists is whole, and that the next push finds nothing in its way."""
    if (root / "churn" / "index.json").exists():
        assert_valid_layout(root / "churn")
    image = image_of(b"after")
    FolderRegistry(root).push("churn", image, "after")
    assert tags_of(root / "churn")["after"] == image.digest
    assert_valid_layout(root / "churn")


def test_a_writer_killed_at_any_moment_leaves_a_valid_layout(tmp_path: Path) -> None:
    """SIGKILL after some milliseconds: everything under blobs/ is whole, everything listed is there."""
    for moment in range(5):
        with writer(tmp_path, 50_000, 100):
            time.sleep(0.007 * (moment + 1))
        assert_completes(tmp_path)


def halves(root: Path, size: int) -> list[Path]:
    """Return the files that have begun to be written and are not complete."""
    found = []
    for path in root.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
            if path.is_file() and 4096 < path.stat().st_size < size:
                found.append(path)
    return found


def test_a_writer_killed_in_the_middle_of_a_layer_leaves_no_half_blob(tmp_path: Path) -> None:
    """SIGKILL while a large layer is being written: the half of it is nowhere that a tool would look."""
    size = 32 << 20
    for attempt in range(20):
        root, until = tmp_path / str(attempt), time.monotonic() + 10
        with writer(root, size, 1):
            while time.monotonic() < until and not halves(root, size):
                pass
        left = halves(root, size)
        assert {path.parent for path in left} <= {root / "churn"}
        assert_completes(root)
        if left:  # else the writer was faster than the signal
            return
    pytest.fail("no writer was caught in the middle")


def test_the_name_is_the_folder_unless_given(tmp_path: Path) -> None:
    """What people call the registry does not depend on where a clone lives, when the caller says so."""
    assert FolderRegistry(Path(".release/registry")).name == "oci:.release/registry"
    assert FolderRegistry(tmp_path, name="embedded").name == "embedded"


def test_digests_are_those_of_the_files(tmp_path: Path) -> None:
    """The digest that was predicted names the file that holds the manifest."""
    image = image_of(b"1")
    FolderRegistry(tmp_path).push("churn", image, "v1")
    assert digest_of(blob_path(tmp_path, image.digest).read_bytes()) == image.digest
