"""Requests to replay, sent to a real server: every one is answered, and the file beside the model disturbs nobody."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import pytest
from serving_models import MIXED, MIXED_FEATURES, NUMBERS, Trained, rows, serving, spec

from release.artifact.model import MANIFEST, ModelManifest
from release.artifact.replay import REPLAY
from release.data import contract, tables
from release.data.replay import held_out

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {
    "mixed": ("binary", MIXED, MIXED_FEATURES),
    "classes": ("multiclass", NUMBERS, []),
    "costs": ("regression", NUMBERS, []),
}


@pytest.mark.usefixtures("serves")
@pytest.mark.parametrize("name", MODELS)
def test_every_request_is_answered(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whatever types and missing values a signature has; the model loads with the file in its folder."""
    model: Trained = request.getfixturevalue(name)
    task, columns, features = MODELS[name]
    (tmp_path / "b.csv").write_text(rows(40).to_csv(index=False))
    data = spec(task, columns, features).data
    table = contract.conform(tables.read(tmp_path / "b.csv", where="b.csv"), data, task, where="b.csv")
    lines, count = held_out(table, ModelManifest.parse(model.files[MANIFEST]).columns)
    folder = tmp_path / "model"
    shutil.copytree(model.folder, folder)
    (folder / REPLAY).write_bytes(lines)
    with serving(dataclasses.replace(model, folder=folder)) as server:
        assert [server.post(line).status_code for line in lines.splitlines()] == [200] * count == [200] * 40
