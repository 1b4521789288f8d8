"""A small shop: one model made by `release init`, one written by hand, trained once and copied for each test."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from cli_running import NO_INDEX, commit_all, customers, here, ok, start_repository
from support.git import isolate
from support.registries import start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["start_registry"]

NOON = "2026-01-31T12:00:00+00:00"

CHURN = """\
owner: sales
task: binary
data:
  train: data/train.csv
  test: data/test.csv
  target: churned
  id: customer_id
  columns:
    usage: {type: float, min: -9, max: 9}
    tenure: {type: float, min: -9, max: 9}
    noise: {type: float, min: -9, max: 9}
features:
  - scale: {columns: numeric, method: standard}
estimator:
  kind: logistic-regression
seed: 1
gate:
  primary: {metric: roc_auc, margin: 0.15}
  floors: {roc_auc: 0.6}
  looks: 5
rollout: {rps: 40}
"""
"""What people made of the draft; so few rows can only show a wide margin."""

SPEND = """\
owner: sales
task: regression
data:
  train: data/train.csv
  test: data/test.csv
  target: spend
  id: id
  columns: {visits: {type: int, min: 0}}
estimator: {kind: dummy}
gate:
  primary: {metric: rmse, margin: {relative: 5%}}
  floors: {rmse: 100}
rollout: {rps: 40}
"""


@pytest.fixture(scope="session")
def _apart() -> Iterator[None]:
    """Keep the machine's settings out of the tests: git's, MLflow's, every RELEASE_ variable, and whether helm is there."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        patch.setenv("MLFLOW_TRACKING_URI", NO_INDEX)
        patch.setenv("RELEASE_NOW", NOON)
        patch.setenv("RELEASE_HELM", "")
        patch.delenv("KUBECONFIG", raising=False)
        yield


@pytest.fixture(autouse=True)
def _apart_here(_apart: None) -> None:
    """Hold every test to it."""


@pytest.fixture(scope="session")
def _shop(_apart: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    start_repository(folder)
    (folder.parent / "customers.csv").write_text(customers())
    ok(here(folder, "init", "churn", "--from", "../customers.csv", "--target", "churned"))
    (folder / "models/churn/model.yaml").write_text(CHURN)
    write_spend(folder)
    commit_all(folder, "Start")
    ok(here(folder, "dry-run"))
    return folder


@pytest.fixture(scope="session")
def _served(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(_shop, tmp_path_factory.mktemp("served") / "shop")
    ok(here(folder, "promote", "--to", "staging"))
    ok(here(folder, "dry-run", "churn", "spend"))  # the champions are judged against themselves
    return folder


@pytest.fixture
def shop(_shop: Path, tmp_path: Path) -> Path:
    """Give a repository with two models, `churn` and `spend`, committed, trained and judged; nothing was ever promoted."""
    return copied(_shop, tmp_path / "shop")


@pytest.fixture
def served(_served: Path, tmp_path: Path) -> Path:
    """Give the shop after both models were promoted to staging: nothing is due, and champions are to be beaten."""
    return copied(_served, tmp_path / "shop")


def copied(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder, symlinks=True)
    return folder


def write_spend(folder: Path) -> None:
    draw = random.Random(5)
    model = folder / "models/spend"
    (model / "data").mkdir(parents=True)
    (model / "model.yaml").write_text(SPEND)
    for name, first, rows in (("train", 0, 60), ("test", 60, 100)):
        lines = [f"s{first + row},{draw.randrange(30)},{draw.uniform(40, 60):.2f}\n" for row in range(rows)]
        (model / f"data/{name}.csv").write_text("id,visits,spend\n" + "".join(lines))
