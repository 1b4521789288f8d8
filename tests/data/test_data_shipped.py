"""The data files of the shipped models: made by their script, complete, and without leaks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from release.config.model import DataSpec
from release.data.contract import Table, conform
from release.data.holdout import Overlap, overlap
from release.data.infer import draft_columns
from release.data.tables import read

if TYPE_CHECKING:
    from release.data.target import Task

MODELS = Path(__file__).parents[2] / "models"
SETS: list[tuple[str, Task, str, str, int, int]] = [
    ("breast-cancer", "binary", "malignant", "sample_id", 569, 30),
    ("diabetes", "regression", "progression", "patient_id", 442, 10),
    ("digits", "multiclass", "digit", "image_id", 1797, 64),
]


def tables(model: str, target: str) -> tuple[Table, Table]:
    parts = [read(MODELS / model / "data" / f"{name}.csv", where=name) for name in ("train", "test")]
    draft = draft_columns(pd.concat(parts), target=target, where=model)
    data = DataSpec(train="a.csv", test="b.csv", target={"column": target}, id=draft.id, columns=dict(draft.columns))
    train = conform(parts[0], data, draft.task, where="train")
    return train, conform(parts[1], data, draft.task, where="test", classes=train.classes)


def test_files_are_what_the_script_makes() -> None:
    """Running the script again would change nothing."""
    done = subprocess.run(
        [sys.executable, str(MODELS / "make_data.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "all data files are what this script makes\n")


@pytest.mark.parametrize(("model", "task", "target", "row_id", "rows", "columns"), SETS)
def test_no_row_is_lost_or_on_both_sides(model: str, task: Task, target: str, row_id: str, rows: int, columns: int) -> None:
    """Both parts together are the whole set, and nothing of one is in the other."""
    train, test = tables(model, target)
    assert train.rows + test.rows == rows
    assert len(train.features.columns) == columns
    assert overlap(train, test) == Overlap()
    assert len(train.classes) == {"binary": 2, "regression": 0, "multiclass": 10}[task]
    assert train.ids[0].split("-")[0] in {"wdbc", "patient", "digit"}


@pytest.mark.parametrize(
    ("model", "target", "loader"),
    [
        ("breast-cancer", "malignant", load_breast_cancer),
        ("diabetes", "progression", lambda: load_diabetes(scaled=False)),
        ("digits", "digit", load_digits),
    ],
)
def test_numbers_are_exactly_the_loaders(model: str, target: str, loader: object) -> None:
    """Every float in the files is bit for bit what scikit-learn loads, in the row its id says."""
    bunch = loader()  # type: ignore[operator]
    features = pd.DataFrame(bunch.data, columns=[name.replace(" ", "_") for name in bunch.feature_names])
    truth = 1 - bunch.target if model == "breast-cancer" else bunch.target
    for table in tables(model, target):
        positions = [int(name.rsplit("-", 1)[1]) - 1 for name in table.ids]
        assert (table.features.to_numpy() == features[list(table.features.columns)].to_numpy()[positions]).all()
        assert (table.y == truth[positions]).all()


def test_half_of_each_diagnosis_is_held_out() -> None:
    """The breast-cancer test set has the malignant rows that its gate's margins need."""
    train, test = tables("breast-cancer", "malignant")
    assert (int(train.y.sum()), int(test.y.sum())) == (106, 106)
