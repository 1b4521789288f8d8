"""A registry that is a folder: one OCI image layout for each repository, readable by skopeo, crane and their like.

The embedded default: no server, no network. Layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
What an image is made of is decided in `release.artifact.oci`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any, BinaryIO

from release.adapters.process import whole_file, write_whole
from release.artifact import oci
from release.artifact.reference import check_digest, check_repository, check_tag
from release.artifact.serial import canonical, digest_of_file
from release.errors import BadInputError, EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.artifact.oci import Image
    from release.ports import Lender
    from release.records import Digest

_LAYOUT = canonical({"imageLayoutVersion": "1.0.0"})

# These name the parts of a layout; a repository of that name inside another one would be taken for such a part.
_RESERVED = frozenset({"blobs", "index.json", "oci-layout"})


class FolderRegistry:
    """Images under `root`, at `<root>/<repository>/{oci-layout,index.json,blobs/sha256/…}`.

    Safe for several processes at once, and for one that is killed: blobs appear whole under their digest or not at all, the
    index last. A damaged blob counts as absent, and the next push writes it again.
    """

    def __init__(self, root: Path, *, name: str | None = None) -> None:
        """Keep images below `root`; `name` is what people call the registry, `oci:` and the folder unless given."""
        self._root = root
        self._name = name or f"oci:{root.as_posix()}"

    @property
    def name(self) -> str:
        """The address that `image.repository` starts with."""
        return self._name

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether an image is there whole: listed, its manifest and all that it names undamaged.

        Raises BadInputError for a name that is none or an index that cannot be read, EnvironmentTroubleError when the disk
        does not answer.
        """
        manifest = self.manifest(repository, digest)
        if manifest is None:
            return False
        folder = self._folder(repository)
        with _disk(folder):
            return all(_whole(_blob(folder, one.digest)) for one in oci.descriptors(manifest))

    def push(self, repository: str, image: Image, tag: str, *, lender: Lender | None = None) -> None:
        """Store an image and point a tag at it; storing it twice is one storing, a tag that moves leaves its old image.

        A layer that the image only names is copied from `lender`. Raises SecurityRefusalError when a blob is not what it is
        called, EnvironmentTroubleError when such a layer is neither here nor there, or the disk refuses.
        """
        named = oci.contents(image)
        check_tag(tag)
        folder = self._folder(repository)
        with _disk(folder):
            (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            for one in named:
                self._store(folder, one.digest, image.blobs.get(one.digest), lender)
            self._store(folder, image.digest, image.manifest, None)
            with _locked(folder):
                _update(folder / "oci-layout", _LAYOUT)
                _update(folder / "index.json", canonical(_with_tag(_index(folder), image, tag)))

    def manifest(self, repository: str, digest: Digest) -> bytes | None:
        """Return a listed manifest's bytes, digest checked; None when it is not there. Raises as `has`."""
        folder = self._folder(repository)
        with _disk(folder):
            if any(one.get("digest") == digest for one in _index(folder)):
                return _intact(_blob(folder, digest))
        return None

    def blob(self, repository: str, digest: Digest) -> bytes | None:
        """Return a blob's bytes, digest checked; None when it is not there or damaged. Raises as `has`."""
        folder = self._folder(repository)
        with _disk(folder):
            return _intact(_blob(folder, digest))

    def fetch(self, repository: str, digest: Digest, into: BinaryIO) -> bool:
        """Write a blob into an empty file in pieces; False when it is not there or damaged. Raises as `has`."""
        folder = self._folder(repository)
        path = _blob(folder, digest)
        with _disk(folder):
            if not _whole(path):
                return False
            with path.open("rb") as file:
                shutil.copyfileobj(file, into)
            into.seek(0)
        return True

    def _folder(self, repository: str) -> Path:
        if _RESERVED & set(check_repository(repository).split("/")):
            raise BadInputError(
                f"{repository!r} cannot be a repository in a folder: {', '.join(sorted(_RESERVED))} are names of its parts",
                where=self._name,
                fix="choose another name",
            )
        return self._root / repository

    def _store(self, folder: Path, digest: Digest, content: bytes | None, lender: Lender | None) -> None:
        path = _blob(folder, digest)
        if _whole(path):
            return
        if content is not None:
            _write(path, content)
            return
        with whole_file(path, unfinished_in=folder) as file:
            if lender is not None and lender.registry.fetch(lender.repository, digest, file):
                return
            raise EnvironmentTroubleError(
                f"layer {digest} of the base image is not here, and the image does not carry it",
                where=lender.name if lender else str(folder),
                fix="copy the base image into this repository first, then run the command again",
            )


def _blob(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / "sha256" / check_digest(digest).removeprefix("sha256:")


def _whole(path: Path) -> bool:
    """Say whether a blob's bytes hash to its name; layers are not read into memory for that."""
    try:
        with path.open("rb") as file:
            return digest_of_file(file) == f"sha256:{path.name}"
    except (FileNotFoundError, NotADirectoryError):
        return False


def _intact(path: Path) -> bytes | None:
    """Return a blob whose bytes hash to its name."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return content if hashlib.sha256(content).hexdigest() == path.name else None


def _index(folder: Path) -> list[dict[str, Any]]:
    """Return the descriptors of a layout's index, none when there is no layout yet."""
    path = folder / "index.json"
    try:
        return _listed(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadInputError(
            "this is no index of an OCI layout", where=str(path), fix="delete this file; the next push writes it again"
        ) from error


def _listed(index: Any) -> list[dict[str, Any]]:
    listed = [dict(one) for one in index["manifests"]]
    for one in listed:
        one["annotations"] = dict(one.get("annotations") or {})
    return listed


def _with_tag(listed: list[dict[str, Any]], image: Image, tag: str) -> dict[str, object]:
    """Return the index in which `tag` names the image alone, and whatever it named before is still listed."""
    kept = [_untagged(one) if _tag(one) == tag else one for one in listed]
    tagged = {one.get("digest") for one in kept if _tag(one)} | {image.digest}
    kept = [one for one in kept if _tag(one) or one.get("digest") not in tagged]
    new = {
        "mediaType": oci.media_type(image.manifest),
        "digest": image.digest,
        "size": len(image.manifest),
        "annotations": {oci.REF_NAME: tag},
    }
    ordered = sorted([*kept, new], key=lambda one: (str(_tag(one) or ""), str(one.get("digest"))))
    bare = [{key: value for key, value in one.items() if value or key != "annotations"} for one in ordered]
    return {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": bare}


def _tag(listed: dict[str, Any]) -> object:
    return listed["annotations"].get(oci.REF_NAME)


def _untagged(listed: dict[str, Any]) -> dict[str, Any]:
    return listed | {"annotations": {key: value for key, value in listed["annotations"].items() if key != oci.REF_NAME}}


def _update(path: Path, content: bytes) -> None:
    """Write a file unless it says so already: a repeated push changes nothing on disk."""
    if not path.is_file() or path.read_bytes() != content:
        _write(path, content)


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once. Half-written files stay outside blobs/, where tools take every file for a blob."""
    folder = path.parents[2] if path.parent.name == "sha256" else path.parent
    write_whole(path, content, unfinished_in=folder)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the index for one writer; the kernel lets go of it when the process dies."""
    with (folder / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentTroubleError(
            f"the registry's folder cannot be used: {error.strerror or type(error).__name__}",
            where=str(error.filename or folder),
            fix="make room or give permission, then run the command again",
        ) from error
