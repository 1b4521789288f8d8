"""A model answers the same whichever format serves it, and a server loads one format's libraries only."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from serving_models import MIXED, MIXED_FEATURES, NUMBERS, Trained, environment, trained

from release.artifact.golden import GOLDEN, Golden
from release.artifact.model import ONNX, ModelManifest, describe
from release.errors import SecurityRefusalError
from release.serving.cells import DATATYPES
from release.serving.scorer import Scorer, load
from release.serving.tensors import Tensor

if TYPE_CHECKING:
    from pathlib import Path

STRANGE: list[Any] = [
    [60, None, True, "high", "PAIN at n\u00eeght \u4f60\u597d x"],
    [0, 0.0, False, "low", "no_pain 42 \u0130"],
    [120, 9.5, True, "mid", None],
]


def answers(scorer: Scorer, rows: list[Any]) -> dict[str, np.ndarray[Any, Any]]:
    columns = scorer.rows.columns
    cells = [[row[at] for row in rows] for at in range(len(columns))]
    tensors = [Tensor(one.name, DATATYPES[one.type], (len(rows),), data) for one, data in zip(columns, cells, strict=True)]
    return dict(scorer.answer(scorer.rows.features(tensors)).outputs)


@pytest.mark.parametrize(
    ("task", "columns", "features"),
    [("binary", MIXED, MIXED_FEATURES), ("multiclass", NUMBERS, []), ("regression", NUMBERS, [])],
)
def test_both_formats_answer_alike(tmp_path: Path, task: str, columns: Any, features: Any) -> None:
    """Names, shapes and datatypes are the same, labels too, and scores to the last bits; unseen words and gaps as well."""
    models = [trained(task, columns, features, tmp_path / serves, serves) for serves in ("skops", "onnx")]
    one, other = (load(model.folder, model.digest) for model in models)
    assert one.outputs() == other.outputs()
    golden = Golden.parse(models[0].files[GOLDEN])
    rows = [*golden.rows, *(STRANGE if task == "binary" else [])]
    expected, found = answers(one, rows), answers(other, rows)
    assert list(expected) == list(found)
    for name, values in expected.items():
        assert (found[name].shape, found[name].dtype) == (values.shape, values.dtype)
        if name == "label":
            assert found[name].tolist() == values.tolist()
        else:
            np.testing.assert_allclose(found[name], values, rtol=1e-12)


def test_a_server_imports_its_own_format_only(mixed: Trained, serves: str) -> None:
    """ONNX needs neither scikit-learn nor scipy nor skops, neither format pandas or a Kubernetes client."""
    code = (
        "import sys, os; from pathlib import Path; from release.serving.scorer import load;"
        " load(Path(os.environ['MODEL_DIR']), os.environ['MODEL_DIGEST']); import release.serving.server;"
        " print(sorted({'sklearn', 'scipy', 'skops', 'pandas', 'kubernetes', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(mixed), capture_output=True, text=True, check=True)
    # Where pandas is installed scikit-learn imports it; the runtime image has none.
    found = set(json.loads(done.stdout.replace("'", '"'))) - ({"pandas"} if serves == "skops" else set())
    assert found == ({"sklearn", "scipy", "skops"} if serves == "skops" else {"onnxruntime"})


def test_a_converted_model_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    """The file is looked into before a runtime is given it, though the digest is right."""
    model = trained("regression", NUMBERS, [], tmp_path / "model", "onnx")
    content = model.files[ONNX].replace(b"MatMul", b"Gather")
    manifest = ModelManifest.parse(model.files["model.json"])
    files = {name: body for name, body in model.files.items() if name != "model.json"} | {ONNX: content}
    changed = ModelManifest(**{**vars(manifest), "files": describe(files)})
    for name, body in {**files, "model.json": changed.to_bytes()}.items():
        (model.folder / name).write_bytes(body)
    with pytest.raises(SecurityRefusalError, match=r"model\.onnx: a Gather has other attributes"):
        load(model.folder, changed.digest)
