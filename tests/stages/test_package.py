"""Package: a model on a base, with or without requests to replay; and what comes back out of the image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from release.adapters.registry_folder import FolderRegistry
from release.artifact import oci
from release.artifact.layer import members
from release.artifact.model import MANIFEST, SKOPS, Column, ModelManifest, describe
from release.artifact.reference import keeping_tag
from release.artifact.replay import REPLAY
from release.config.model import ModelSpec
from release.errors import BadInputError
from release.records import Digest, ModelName
from release.stages.package import Base, HeldOut, package, rehearse, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = Digest("sha256:" + "a" * 64)
MODEL = ModelName("churn")
SPEC = ModelSpec.model_validate_json(
    json.dumps(
        {
            "owner": "team",
            "task": "binary",
            "data": {"train": "a.csv", "test": "b.csv", "target": "y", "id": "id", "columns": {"x": {"type": "float"}}},
            "estimator": {"kind": "logistic-regression"},
        }
    )
)


def model(**versions: str) -> Mapping[str, bytes]:
    files = {SKOPS: b"weights"}
    manifest = ModelManifest(
        format="skops",
        files=describe(files),
        task="binary",
        target="y",
        columns=(Column(name="x", type="float"),),
        versions={"scikit-learn": "1.9.1", **versions},
        positive="1",
        classes=("0", "1"),
        threshold=0.5,
    )
    return {MANIFEST: manifest.to_bytes(), **files}


def runtime(**labels: str) -> Base:
    named = {f"release.runtime.{name}": value for name, value in labels.items()}
    image = oci.build(oci.EMPTY_BASE, {"server": b"code"}, labels=named, annotations={})
    return Base(image=image, reference=f"registry.example/runtime@{image.digest}")


def held_out(folder: Path, *cells: str) -> HeldOut:
    folder.mkdir(exist_ok=True)
    (folder / "b.csv").write_text("id,x,y\n" + "".join(f"r{n},{cell},{n % 2}\n" for n, cell in enumerate(cells)))
    return HeldOut(path=folder / "b.csv", where="b.csv", spec=SPEC)


def test_a_model_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """The image is in the registry under its own digest as a tag, and holds the model's files."""
    registry, files = FolderRegistry(tmp_path / "r"), model()
    record = package(MODEL, files, key=KEY, base=runtime(), held_out=None, registry=registry)
    assert unpack(registry, "churn", record.digest) == files
    assert record.model_digest == ModelManifest.parse(files[MANIFEST]).digest
    assert (record.base, record.requests, record.key) == (runtime().image.digest, 0, KEY)
    index = json.loads((tmp_path / "r/churn/index.json").read_text())
    [listed] = index["manifests"]
    assert listed["annotations"]["org.opencontainers.image.ref.name"] == keeping_tag(record.digest)


def test_requests_lie_beside_the_model_and_are_none_of_it(tmp_path: Path) -> None:
    """The layer carries them, the model's digest does not depend on them, and they are not unpacked with it."""
    registry, files = FolderRegistry(tmp_path / "r"), model()
    rows = held_out(tmp_path / "data", "1.5", "2", "3")
    bare = package(MODEL, files, key=KEY, base=runtime(), held_out=None, registry=registry)
    record = package(MODEL, files, key=KEY, base=runtime(), held_out=rows, registry=registry)
    assert record.requests == 3
    assert record.model_digest == bare.model_digest
    assert record.digest != bare.digest
    layer = registry.blob("churn", record.layer)
    assert layer is not None
    sent = [json.loads(line)["inputs"][0]["data"] for line in members(layer, prefix="model")[REPLAY].splitlines()]
    assert sorted(sent) == [[1.5], [2.0], [3.0]]
    assert unpack(registry, "churn", record.digest) == files


def test_a_rehearsal_says_what_would_be_pushed(tmp_path: Path) -> None:
    """The same record and digest, and nothing written."""
    registry, files, rows = FolderRegistry(tmp_path / "r"), model(), held_out(tmp_path / "data", "1", "2")
    _, told = rehearse(MODEL, files, key=KEY, base=runtime(), held_out=rows, registry=registry.name)
    assert not (tmp_path / "r").exists()
    assert told == package(MODEL, files, key=KEY, base=runtime(), held_out=rows, registry=registry)


def test_a_runtime_with_another_scikit_learn_is_refused(tmp_path: Path) -> None:
    """Its pods would never become ready: both versions and both ways out are named, and nothing is pushed."""
    base, registry = runtime(**{"scikit-learn": "1.8.0", "format": "skops"}), FolderRegistry(tmp_path / "r")
    with pytest.raises(BadInputError) as caught:
        package(MODEL, model(), key=KEY, base=base, held_out=None, registry=registry)
    assert str(caught.value) == (
        f"{base.reference}: the runtime cannot serve churn: it has scikit-learn 1.8.0, the model was trained with 1.9.1; "
        "build the runtime that fits (`release runtime`), or train the model with what this one has"
    )
    assert not (tmp_path / "r").exists()
    package(MODEL, model(), key=KEY, base=runtime(**{"scikit-learn": "1.9.1"}), held_out=None, registry=registry)


def test_held_out_rows_that_break_the_contract_are_told_with_their_line(tmp_path: Path) -> None:
    """A request that the server would refuse is found when it is made."""
    rows, registry = held_out(tmp_path / "data", "1", "two"), FolderRegistry(tmp_path / "r")
    with pytest.raises(BadInputError, match="is no float") as caught:
        package(MODEL, model(), key=KEY, base=runtime(), held_out=rows, registry=registry)
    assert caught.value.where == "b.csv:3"
