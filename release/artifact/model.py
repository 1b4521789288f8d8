"""A model as a set of files: `model.json` names the others by digest, and its own digest is the model's.

It says what the model expects and answers, and what it was made with; nothing that depends on machine, time, commit or
Python, so that the same training gives the same digest. Loading the files is `release.artifact.canonical`'s business: this
module is quick to import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from release.artifact import serial
from release.errors import BadInputError, SecurityRefusalError
from release.records import Digest, JsonScalar  # noqa: TC001 (pydantic reads annotations at run time)

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST = "model.json"
SKOPS = "model.skops"
ONNX = "model.onnx"
FORMATS = {"skops": (SKOPS,), "onnx": (SKOPS, ONNX)}
"""Formats, and the files that a model in that format must have; the last is what is served, the first what is judged."""

FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}", re.ASCII)
LIBRARIES = ("numpy", "scikit-learn", "scipy", "skops")
FETCH = "fetch the model again by its digest"


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of a model; `size` in bytes."""

    digest: Digest
    size: int


@dataclass(frozen=True, kw_only=True)
class Column:
    """What the model expects of one column: the type, its bounds or values, and the share of rows that may lack it."""

    name: str
    type: str
    min: float | None = None
    max: float | None = None
    values: tuple[JsonScalar, ...] | None = None
    missing: float = 0.0

    def __post_init__(self) -> None:
        """Take whole numbers for floats, so that equal columns have equal bytes."""
        for name in ("min", "max", "missing"):
            _as_float(self, name)


@dataclass(frozen=True, kw_only=True)
class ModelManifest:
    """The contents of `model.json`.

    `columns` are in the order of the rows the model takes. `classes` are in the order of the columns of its probabilities,
    empty for a regression; `positive` is the class that `threshold` decides on, None unless the task is binary.
    """

    format: str
    files: dict[str, ModelFile]
    task: str
    target: str
    columns: tuple[Column, ...]
    versions: dict[str, str]
    positive: JsonScalar = None
    classes: tuple[JsonScalar, ...] = ()
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Take whole numbers for floats, so that equal manifests have equal bytes."""
        _as_float(self, "threshold")

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises ValueError when a number is not finite."""
        return serial.canonical(self)

    @property
    def digest(self) -> Digest:
        """The digest of the model: that of its `model.json`."""
        return serial.digest_of(self.to_bytes())

    @classmethod
    def parse(cls, content: bytes, *, where: str = MANIFEST) -> ModelManifest:
        """Read a `model.json`.

        Raises BadInputError for another shape or an unknown format, SecurityRefusalError when the bytes are not the
        canonical ones (fields we do not know, repeated keys, another order) or when a file's name could be a path.
        """
        manifest = serial.load(cls, content, where=where)
        if manifest.format not in FORMATS:
            known = ", ".join(FORMATS)
            raise BadInputError(f"unknown model format {manifest.format[:40]!r}", where=where, fix=f"use one of {known}")
        if manifest.to_bytes() != content:
            raise SecurityRefusalError("the manifest is not in its canonical form", where=where, fix=FETCH)
        for name in manifest.files:
            if not FILE_NAME.fullmatch(name):
                raise SecurityRefusalError(f"the manifest names a file {name[:60]!r}", where=where, fix=FETCH)
        return manifest

    @classmethod
    def verify(cls, files: Mapping[str, bytes], digest: Digest, *, where: str) -> ModelManifest:
        """Return the manifest of a model whose files, `model.json` among them, are exactly those that `digest` names.

        Raises SecurityRefusalError, one reason each: no manifest, a manifest of another digest, a file that is missing,
        extra, of another size, or of another digest.
        """

        def refuse(what: str) -> SecurityRefusalError:
            return SecurityRefusalError(what, where=where, fix=FETCH)

        if MANIFEST not in files:
            raise refuse(f"the model has no {MANIFEST}")
        found = serial.digest_of(files[MANIFEST])
        if found != digest:
            raise refuse(f"the model's digest is {found}, not {digest}")
        manifest = cls.parse(files[MANIFEST], where=f"{where}/{MANIFEST}")
        needed = {*manifest.files, *FORMATS[manifest.format]}
        for name in sorted(needed - set(files)):
            raise refuse(f"the model lacks its file {name}")
        for name in sorted(set(files) - set(manifest.files) - {MANIFEST}):
            raise refuse(f"the model has a file {name[:60]!r} that its manifest does not name")
        for name, expected in sorted(manifest.files.items()):
            size = len(files[name])
            if size != expected.size:
                raise refuse(f"{name} has {size} bytes, not {expected.size}")
            if serial.digest_of(files[name]) != expected.digest:
                raise refuse(f"{name} is not the file that the manifest names: its digest differs")
        return manifest


def describe(files: Mapping[str, bytes]) -> dict[str, ModelFile]:
    """Return the digests and sizes of files, for `ModelManifest.files`."""
    return {name: ModelFile(digest=serial.digest_of(body), size=len(body)) for name, body in files.items()}


def installed_versions() -> dict[str, str]:
    """Return the versions of the libraries that a model's bytes and predictions depend on."""
    return {name: metadata.version(name) for name in LIBRARIES}


def _as_float(record: object, name: str) -> None:
    value = getattr(record, name)
    if value is not None:
        object.__setattr__(record, name, float(value))
