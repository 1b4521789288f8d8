"""A model is served only when it is the one that was asked for and scores as it did when it was trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from serving_models import Trained, rows

from release.artifact.bins import REFERENCE
from release.artifact.golden import GOLDEN, Golden
from release.artifact.model import MANIFEST, ModelManifest, describe
from release.errors import BadInputError, GateFailedError, ReleaseError, SecurityRefusalError
from release.serving.scorer import Scorer, load
from release.serving.tensors import Features

if TYPE_CHECKING:
    from pathlib import Path


def changed(model: Trained, folder: Path, files: dict[str, bytes | None], **manifest: Any) -> Trained:
    """Write a copy of a model with other files and a manifest that names them: a model of its own."""
    shutil.copytree(model.folder, folder)
    kept = {name: content for name, content in {**model.files, **files}.items() if content is not None}
    kept.pop(MANIFEST)
    named = replace(ModelManifest.parse(model.files[MANIFEST]), files=describe(kept), **manifest)
    for name in set(model.files) - set(kept):
        (folder / name).unlink()
    for name, content in {**kept, MANIFEST: named.to_bytes()}.items():
        (folder / name).write_bytes(content)
    return Trained(named.digest, folder, kept)


def test_a_binary_model_answers_with_score_and_label(mixed: Trained) -> None:
    """The score is that of the positive class, the label what the threshold makes of it."""
    scorer = load(mixed.folder, mixed.digest)
    golden = Golden.parse(mixed.files[GOLDEN])
    answer = scorer.answer(frame(scorer, golden))
    assert list(answer.outputs) == ["score", "label"]
    assert np.allclose(answer.outputs["score"], [row[0] for row in golden.scores], rtol=1e-6)
    assert answer.outputs["label"].tolist() == ["1" if score >= 0.5 else "0" for (score,) in golden.scores]
    assert {*answer.outputs["label"].tolist()} == {"0", "1"}


def test_a_multiclass_model_answers_with_probabilities_and_label(classes: Trained) -> None:
    """A row's label is its likeliest class."""
    scorer = load(classes.folder, classes.digest)
    answer = scorer.answer(frame(scorer, Golden.parse(classes.files[GOLDEN])))
    assert answer.outputs["probabilities"].shape == (8, 3)
    assert np.allclose(answer.outputs["probabilities"].sum(axis=1), 1)
    likeliest = answer.outputs["probabilities"].argmax(axis=1)
    assert answer.outputs["label"].tolist() == [scorer.classes[number] for number in likeliest]
    assert [one["shape"] for one in scorer.outputs()] == [[-1, 3], [-1]]


def test_a_regression_answers_with_predictions_only(costs: Trained) -> None:
    """There is no label to give."""
    scorer = load(costs.folder, costs.digest)
    answer = scorer.answer(frame(scorer, Golden.parse(costs.files[GOLDEN])))
    assert list(answer.outputs) == ["prediction"]
    assert answer.labels is None
    assert answer.outputs["prediction"].std() > 0


def test_another_model_than_the_digest_names_is_refused(mixed: Trained, classes: Trained) -> None:
    """The digest comes from the release, the files from the image: they must agree."""
    with pytest.raises(SecurityRefusalError, match="digest is"):
        load(mixed.folder, classes.digest)


@pytest.mark.parametrize("name", ["model.skops", GOLDEN, REFERENCE])
def test_a_file_with_another_byte_is_refused(mixed: Trained, tmp_path: Path, name: str) -> None:
    """Every file counts, golden rows and reference too."""
    folder = tmp_path / "model"
    shutil.copytree(mixed.folder, folder)
    content = bytearray(mixed.files[name])
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(SecurityRefusalError, match=name):
        load(folder, mixed.digest)


def test_a_model_that_scores_otherwise_is_refused(mixed: Trained, tmp_path: Path) -> None:
    """A valid digest does not help a model that this runtime does not read as it was trained."""
    golden = json.loads(mixed.files[GOLDEN])
    golden["scores"][2][0] += 0.001
    content = json.dumps(golden, sort_keys=True, separators=(",", ":")).encode()
    other = changed(mixed, tmp_path / "model", {GOLDEN: content})
    with pytest.raises(GateFailedError, match=r"golden row 3 scores 0\.\d+, not 0\.\d+ as recorded"):
        load(other.folder, other.digest)


def test_another_scikit_learn_is_refused(mixed: Trained, serves: str, tmp_path: Path) -> None:
    """A model of another version may load and then fail, or predict something else; a converted one needs none."""
    versions = {**ModelManifest.parse(mixed.files[MANIFEST]).versions, "scikit-learn": "1.6.0"}
    other = changed(mixed, tmp_path / "model", {}, versions=versions)
    if serves == "onnx":
        assert load(other.folder, other.digest).digest == other.digest
        return
    with pytest.raises(BadInputError, match=r"trained with scikit-learn 1\.6\.0"):
        load(other.folder, other.digest)


@pytest.mark.parametrize("name", [GOLDEN, REFERENCE])
def test_a_model_without_its_proof_is_refused(mixed: Trained, tmp_path: Path, name: str) -> None:
    """Models that were trained before there were golden rows must be trained again."""
    other = changed(mixed, tmp_path / "model", {name: None})
    with pytest.raises(BadInputError, match=f"the model has no {name}"):
        load(other.folder, other.digest)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, mixed: Trained) -> None:
    """An image without a model says so."""
    with pytest.raises(ReleaseError, match="the model cannot be read: No such file or directory"):
        load(tmp_path / "none", mixed.digest)


def test_scores_do_not_depend_on_how_many_rows_are_asked_at_once(mixed: Trained) -> None:
    """One row scores alone as it does among others, to the last bits that matter."""
    scorer = load(mixed.folder, mixed.digest)
    together = frame(scorer, Golden.parse(mixed.files[GOLDEN]))
    alone = np.concatenate(
        [
            scorer.scores(
                Features(together.numbers[row : row + 1], {n: t[row : row + 1] for n, t in together.texts.items()})
            )
            for row in range(len(together))
        ]
    )
    assert np.allclose(alone, scorer.scores(together), rtol=1e-12)


def frame(scorer: Scorer, golden: Golden) -> Features:
    """Return the golden rows as the server itself reads them."""
    from release.serving.cells import DATATYPES  # noqa: PLC0415 (this helper only)
    from release.serving.tensors import Tensor  # noqa: PLC0415 (this helper only)

    return scorer.rows.features(
        [
            Tensor(column.name, DATATYPES[column.type], (len(golden.rows),), [row[at] for row in golden.rows])
            for at, column in enumerate(scorer.rows.columns)
        ]
    )


def test_golden_rows_are_nobodys_rows(mixed: Trained) -> None:
    """No row of the training data travels in the image."""
    golden = Golden.parse(mixed.files[GOLDEN])
    table = rows()
    at = [golden.columns.index(name) for name in ("age", "dose", "grade")]
    known = {(row.age, row.dose, row.grade) for row in table.itertuples()}
    assert not {tuple(row[position] for position in at) for row in golden.rows} & known
