"""Equality of predictions: to the last digit that was recorded, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from serving.serving_models import MIXED, MIXED_FEATURES, NUMBERS, Trained, trained

from release.artifact.golden import GOLDEN
from release.artifact.model import MANIFEST, ModelManifest, describe
from release.errors import BadInputError, SecurityRefusalError
from release.judging.equality import Compared, comparison, golden_rows, held_out_rows
from release.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.records import Digest


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train a model of each task; one on every type of column, the others on numbers."""
    columns: Any = (MIXED, MIXED_FEATURES) if request.param == "binary" else (NUMBERS, [])
    return trained(request.param, *columns, tmp_path_factory.mktemp("model"))


def rewritten(
    files: Mapping[str, bytes], change: Mapping[str, bytes | None], **fields: Any
) -> tuple[dict[str, bytes], Digest]:
    """Return a model with other files or fields, whole in itself, under its own digest."""
    kept = {name: change.get(name, content) for name, content in files.items() if name != MANIFEST}
    present = {name: content for name, content in kept.items() if content is not None}
    manifest = replace(ModelManifest.parse(files[MANIFEST]), files=describe(present), **fields)
    return {MANIFEST: manifest.to_bytes(), **present}, manifest.digest


def test_golden_rows_score_as_recorded_with_the_libraries_that_made_them(model: Trained) -> None:
    """Numbers, flags, categories, texts and gaps go through the same door as training rows."""
    assert golden_rows(model.files, model.digest, where="m") == Compared(rows=8)


def test_a_golden_score_that_differs_in_its_last_digit_is_another(model: Trained) -> None:
    """A server lets the last bits of a processor pass; here the same libraries must give the same digits."""
    golden = json.loads(model.files[GOLDEN])
    golden["scores"][2][0] = float(f"{golden['scores'][2][0] * (1 + 3e-9):.9g}")
    files, digest = rewritten(model.files, {GOLDEN: json.dumps(golden, sort_keys=True, separators=(",", ":")).encode()})
    found = golden_rows(files, digest, where="m")
    assert found is not None
    assert found.differs is not None
    assert found.differs.startswith("golden row 3 scores ")
    assert found.differs.endswith(" was recorded")


def test_a_model_without_golden_rows_says_nothing(model: Trained) -> None:
    """Releases from before there were any."""
    files, digest = rewritten(model.files, {GOLDEN: None})
    assert golden_rows(files, digest, where="m") is None


def test_bytes_that_are_not_the_models_are_refused(model: Trained) -> None:
    """Exit code 3, before anything is loaded."""
    with pytest.raises(SecurityRefusalError, match="is not the file that the manifest names"):
        golden_rows({**model.files, GOLDEN: model.files[GOLDEN][:-1] + b" "}, model.digest, where="m")


def test_another_scikit_learn_than_the_models_cannot_compare(model: Trained) -> None:
    """It would compare the libraries, not the runtimes; one line says which version is missing."""
    versions = {**ModelManifest.parse(model.files[MANIFEST]).versions, "scikit-learn": "0.1"}
    files, digest = rewritten(model.files, {}, versions=versions)
    with pytest.raises(BadInputError, match=r"^m: the model was trained with scikit-learn 0\.1, but .* is installed"):
        golden_rows(files, digest, where="m")


BEFORE = b"id,y,score\na,1,0.25\nb,0,0.5\n"


def test_held_out_rows_are_compared_by_id_and_to_the_bit() -> None:
    """Their order in a file means nothing; how many differ, and by how much at most, is told."""
    assert held_out_rows(BEFORE, b"id,y,score\nb,0,0.5\na,1,0.25\n", where="m") == Compared(rows=2)
    found = held_out_rows(BEFORE, b"id,y,score\na,1,0.25000000000000006\nb,0,0.4375\n", where="m")
    assert found == Compared(rows=2, differs="2 of 2 held-out rows are scored otherwise, by up to 0.0625")
    one = held_out_rows(b"id,p_x,p_y\na,0.5,0.5\nb,0.25,0.75\n", b"id,p_x,p_y\na,0.5,0.5\nb,0.5,0.5\n", where="m")
    assert one.differs == "1 of 2 held-out rows are scored otherwise, by up to 0.25"


def test_predictions_of_other_rows_are_no_comparison() -> None:
    """Bad input, not a difference."""
    with pytest.raises(BadInputError, match="the predictions are not of the same rows"):
        held_out_rows(BEFORE, b"id,y,score\na,1,0.25\nc,0,0.5\n", where="m")


SAME, OTHER = Compared(rows=171), Compared(rows=8, differs="golden row 1 scores 1, and 2 was recorded")


@pytest.mark.parametrize(
    ("held_out", "golden", "verdict", "rows", "reason"),
    [
        (SAME, Compared(rows=8), Verdict.PASS, 179, "171 held-out and 8 golden rows score as recorded"),
        (None, Compared(rows=8), Verdict.PASS, 8, "8 golden rows score as recorded"),
        (SAME, None, Verdict.PASS, 171, "171 held-out rows score as recorded"),
        (SAME, OTHER, Verdict.FAIL, 179, "golden row 1 scores 1, and 2 was recorded"),
        (OTHER, OTHER, Verdict.FAIL, 16, f"{OTHER.differs}; {OTHER.differs}"),
        (None, None, Verdict.INVALID, 0, "it carries no golden rows, and no predictions of these test rows are known"),
    ],
)
def test_what_was_compared_is_one_row_of_the_verdict(
    held_out: Compared | None, golden: Compared | None, verdict: Verdict, rows: int, reason: str
) -> None:
    """The same or not; where nothing could be compared, nothing is said."""
    row = comparison(held_out, golden)
    assert (row.metric, row.method, row.verdict, row.n, row.reason) == ("predictions", "identical", verdict, rows, reason)
