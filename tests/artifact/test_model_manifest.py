"""The manifest: a model's digest stands for exactly its files."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from typing import Any

import pytest

from release.artifact.model import MANIFEST, SKOPS, Column, ModelManifest, describe, installed_versions
from release.artifact.serial import canonical, digest_of
from release.errors import BadInputError, SecurityRefusalError
from release.records import Digest

BODY = b"the bytes of a model"


def manifest(**change: Any) -> ModelManifest:
    """Make a manifest of one file."""
    columns = (
        Column(name="age", type="int", min=0, max=120),
        Column(name="grade", type="category", values=("smooth", "rough", 3, True), missing=0.2),
    )
    good = ModelManifest(
        format="skops",
        files=describe({SKOPS: BODY}),
        task="binary",
        target="malignant",
        positive=1,
        classes=(0, 1),
        threshold=0.5,
        columns=columns,
        versions={"scikit-learn": "1.9.1"},
    )
    return dataclasses.replace(good, **change)


def files(**change: Any) -> dict[str, bytes]:
    """Make the files of a model."""
    return {MANIFEST: manifest(**change).to_bytes(), SKOPS: BODY}


def test_it_reads_what_it_writes() -> None:
    """A manifest comes back equal, types of values included, and its digest is that of its bytes."""
    content = manifest().to_bytes()
    again = ModelManifest.parse(content)
    assert again == manifest()
    assert [type(value) for value in again.columns[1].values or ()] == [str, str, int, bool]
    assert again.digest == digest_of(content)


def test_the_bytes_are_known() -> None:
    """The form of a manifest is pinned: a change of it would change the digest of every model."""
    assert json.loads(manifest(columns=manifest().columns[:1]).to_bytes()) == {
        "classes": [0, 1],
        "columns": [{"max": 120.0, "min": 0.0, "missing": 0.0, "name": "age", "type": "int", "values": None}],
        "files": {SKOPS: {"digest": digest_of(BODY), "size": len(BODY)}},
        "format": "skops",
        "positive": 1,
        "target": "malignant",
        "task": "binary",
        "threshold": 0.5,
        "versions": {"scikit-learn": "1.9.1"},
    }


def test_equal_manifests_have_equal_bytes() -> None:
    """Whole numbers for bounds, and another order of files and versions, change nothing."""
    one = manifest(versions={"a": "1", "b": "2"}, columns=(Column(name="x", type="float", min=0, missing=0),), threshold=1)
    other = manifest(versions={"b": "2", "a": "1"}, columns=(Column(name="x", type="float", min=0.0),), threshold=1.0)
    assert one.to_bytes() == other.to_bytes()
    assert ModelManifest.parse(one.to_bytes()) == other


def test_the_order_of_columns_counts() -> None:
    """Columns are a signature: another order is another model."""
    assert manifest(columns=manifest().columns[::-1]).digest != manifest().digest


def test_a_regression_has_no_classes() -> None:
    """Task, classes and threshold may be those of a regression."""
    content = manifest(task="regression", positive=None, classes=(), threshold=None).to_bytes()
    assert ModelManifest.parse(content).classes == ()


def test_no_number_that_is_none() -> None:
    """Bounds that are not finite cannot be written."""
    with pytest.raises(ValueError, match="JSON compliant"):
        manifest(threshold=math.nan).to_bytes()


def test_whole_models_are_verified() -> None:
    """Verifying returns the manifest of files that are exactly what the digest names."""
    assert ModelManifest.verify(files(), manifest().digest, where="registry") == manifest()


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({SKOPS: BODY}, "has no model.json"),
        (files(target="other"), "the model's digest is sha256:[0-9a-f]{64}, not sha256"),
        ({MANIFEST: manifest().to_bytes()}, "lacks its file model.skops"),
        ({**files(), "extra.bin": b""}, "a file 'extra.bin' that its manifest does not name"),
        ({**files(), SKOPS: BODY + b"!"}, "model.skops has 21 bytes, not 20"),
        ({**files(), SKOPS: BODY.upper()}, "not the file that the manifest names"),
    ],
)
def test_models_that_are_not_what_they_say(found: dict[str, bytes], reason: str) -> None:
    """Each way in which files can differ from the digest is refused for its own reason, in the caller's words for where."""
    with pytest.raises(SecurityRefusalError, match=reason) as caught:
        ModelManifest.verify(found, manifest().digest, where="registry/churn")
    assert caught.value.where == "registry/churn"
    assert caught.value.code == 3


def test_a_manifest_without_a_model() -> None:
    """A manifest that names no model file is refused though its digest is right."""
    empty = manifest(files={})
    with pytest.raises(SecurityRefusalError, match=r"lacks its file model\.skops"):
        ModelManifest.verify({MANIFEST: empty.to_bytes()}, empty.digest, where="registry")


@pytest.mark.parametrize("name", ["../model.skops", "/etc/passwd", ".hidden", "a/b", "", "A"])
def test_names_that_could_be_paths(name: str) -> None:
    """A file's name can never lead out of the model's folder."""
    content = manifest(files={**describe({SKOPS: BODY}), **describe({name: b""})}).to_bytes()
    with pytest.raises(SecurityRefusalError, match="names a file"):
        ModelManifest.parse(content)


def test_fields_we_do_not_know() -> None:
    """Unknown fields, white space and repeated keys are not canonical."""
    content = manifest().to_bytes()
    value = json.loads(content)
    for other in (canonical({**value, "hook": "x"}), content + b"\n", content.replace(b"{", b'{"task":"x",', 1)):
        with pytest.raises(SecurityRefusalError, match="canonical form"):
            ModelManifest.parse(other)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"format":"skops"}', b"\xff"])
def test_something_that_is_no_manifest(content: bytes) -> None:
    """Another shape is bad input, and says where."""
    with pytest.raises(BadInputError, match=r"^here: .*ModelManifest"):
        ModelManifest.parse(content, where="here")


def test_an_unknown_format() -> None:
    """A format we do not load is bad input and says which we do."""
    with pytest.raises(BadInputError, match=r"unknown model format 'pickle'; use one of skops"):
        ModelManifest.parse(manifest(format="pickle").to_bytes())


def test_versions_are_those_installed() -> None:
    """Every library that the bytes or the predictions depend on is named with its version."""
    versions = installed_versions()
    assert set(versions) == {"numpy", "scikit-learn", "scipy", "skops"}
    assert all(version[0].isdigit() for version in versions.values())


def test_reading_a_manifest_is_quick_to_import() -> None:
    """The module needs neither scikit-learn nor NumPy: commands that only compare digests start fast."""
    code = "import sys, release.artifact.model; print(sorted({'sklearn', 'numpy', 'skops', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_wrong_digest_of_the_right_form() -> None:
    """The digest asked for is compared, not only its form."""
    with pytest.raises(SecurityRefusalError, match="digest is"):
        ModelManifest.verify(files(), Digest("sha256:" + "0" * 64), where="registry")
