"""Training writes the files of a serving format, the same ones each time; the default format's models are as they were."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from release.adapters.store import FolderStore
from release.artifact.model import MANIFEST, ModelManifest
from release.artifact.onnx_check import check
from release.config.model import ModelSpec
from release.errors import BadInputError
from release.records import Commit, Digest, ModelName, TrainRecord
from release.stages.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Heard:
    """Progress that is remembered."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.steps: list[str] = []

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Remember a step."""
        self.steps.append(what)
        yield

    def note(self, what: str) -> None:
        """Remember a note."""
        self.steps.append(what)


def trained(folder: Path, kind: str = "logistic-regression", **serving: str) -> tuple[TrainRecord, dict[str, bytes], Heard]:
    drawn = np.random.RandomState(5)
    rows = pd.DataFrame({"id": [f"r{number}" for number in range(60)], "age": drawn.randint(20, 80, 60)})
    rows["dose"] = np.where(drawn.random_sample(60) < 0.2, np.nan, drawn.random_sample(60))
    rows["ill"] = (rows["age"] + drawn.normal(0, 9, 60) > 50).astype(int)
    folder.mkdir(parents=True)
    rows.to_csv(folder / "a.csv", index=False)
    described: dict[str, Any] = {
        "owner": "team",
        "task": "binary",
        "data": {
            "train": "a.csv",
            "test": "b.csv",
            "target": "ill",
            "id": "id",
            "columns": {"age": {"type": "int"}, "dose": {"type": "float", "missing": 0.5}},
        },
        "features": [{"impute": {"columns": ["dose"]}}, {"scale": {}}],
        "estimator": {"kind": kind},
        "seed": 7,
        **({"serving": serving} if serving else {}),
    }
    store, heard = FolderStore(folder / "state"), Heard()
    record = train(
        ModelName("demo"),
        ModelSpec.model_validate_json(json.dumps(described)),
        commit=Commit("0" * 40),
        key=Digest("sha256:" + "0" * 64),
        folder=folder,
        versions={"scikit-learn": "1"},
        store=store,
        progress=heard,
    )
    return record, {name: store.get(digest) or b"" for name, digest in record.files.items()}, heard


def test_onnx_is_a_file_beside_the_trained_model(tmp_path: Path) -> None:
    """Both are files of one model: one is judged, the other served; the manifest says which format it is."""
    record, files, heard = trained(tmp_path / "one", format="onnx")
    assert sorted(files) == ["golden.json", "model.json", "model.onnx", "model.skops", "reference.json"]
    manifest = ModelManifest.verify(files, record.model_digest, where="m")
    assert manifest.format == "onnx"
    assert set(manifest.files) == set(files) - {MANIFEST}
    assert [port.name for port in check(files["model.onnx"], where="m").inputs] == ["numbers"]
    assert "demo: converting to ONNX, and scoring 60 rows with both" in heard.steps
    again, _, _ = trained(tmp_path / "two", format="onnx")
    assert again.model_digest == record.model_digest


def test_the_default_format_is_not_touched(tmp_path: Path) -> None:
    """A model of skops has the files and the digest that it has without a word about serving."""
    plain, files, heard = trained(tmp_path / "plain")
    named, same, _ = trained(tmp_path / "named", format="skops")
    assert "model.onnx" not in files
    assert (named.model_digest, same) == (plain.model_digest, files)
    assert not [step for step in heard.steps if "ONNX" in step]
    converted, others, _ = trained(tmp_path / "converted", format="onnx")
    assert converted.model_digest != plain.model_digest
    assert {name: others[name] for name in files if name != MANIFEST} == {n: f for n, f in files.items() if n != MANIFEST}


def test_what_cannot_be_converted_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """One line that names the file, the estimator and the other format, before anything is trained."""
    with pytest.raises(BadInputError) as caught:
        trained(tmp_path / "one", "k-nearest-neighbours", format="onnx")
    assert str(caught.value) == (
        "models/demo/model.yaml: k-nearest-neighbours cannot be served as ONNX; write `serving: {format: skops}`"
    )
    assert not (tmp_path / "one" / "state").exists()


def test_a_missing_runtime_is_told_before_training(tmp_path: Path) -> None:
    """Whoever asks for ONNX without onnxruntime learns what to install, not after an hour of search."""
    code = (
        "import sys; sys.modules['onnxruntime'] = None; sys.path[:0] = ['tests/stages']; import pathlib, test_train;"
        f" test_train.trained(pathlib.Path({str(tmp_path / 'one')!r}), format='onnx')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = "needs onnxruntime, which is not installed; pip install 'model-release[onnx]'"
    assert said in done.stderr.splitlines()[-1]
    assert not (tmp_path / "one" / "state").exists()
