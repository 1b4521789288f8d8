"""A `model.yaml` and a `release.yaml` that are right, to be made wrong in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = """\
description: Malignant or benign
owner: diagnostics
task: binary
data:
  train: data/train.csv
  test: data/test.csv
  target: {column: malignant, positive: 1}
  id: sample_id
  columns:
    "mean_*": {type: float, min: 0, max: 4000}
    grade: {type: category, values: [smooth, rough]}
    smoker: bool
  ignore: [notes]
features:
  - impute: {columns: numeric, strategy: median}
  - one-hot: {columns: [grade, smoker]}
estimator:
  kind: logistic-regression
  params: {C: 1.0}
search:
  method: random
  params: {C: {low: 0.001, high: 100, log: true}}
  trials: 30
  metric: roc_auc
seed: 7
evaluation:
  threshold: 0.5
gate:
  primary: {metric: roc_auc, margin: 0.01}
  guards:
    - {metric: brier_score, margin: {relative: 2%}}
  floors: {roc_auc: 0.9}
  slices:
    - {name: smokers, where: {smoker: true}, metric: recall, margin: 0.05}
  looks: 5
serving: {format: skops, cpu: 500m, memory: 512Mi}
rollout: {steps: [10, 50], timeout: 10m}
"""

PROJECT = """\
tool: "==0.1.*"
registry: oci:.release/registry
gates:
  defaults: {}
  limits: {margin: {roc_auc: 0.02}}
environments:
  - {name: staging, promote: automatic}
  - {name: production, after: staging, soak: 24h}
"""


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the text"
    return text.replace(old, new)


@pytest.fixture
def model_with() -> Callable[..., bytes]:
    """Return a maker of the right `model.yaml` with pieces replaced, old and new in turn."""
    return lambda *pieces: _with(MODEL, pieces)


@pytest.fixture
def project_with() -> Callable[..., bytes]:
    """Return a maker of the right `release.yaml` with pieces replaced, old and new in turn."""
    return lambda *pieces: _with(PROJECT, pieces)


def _with(text: str, pieces: tuple[str, ...]) -> bytes:
    for old, new in zip(pieces[::2], pieces[1::2], strict=True):
        text = replaced(text, old, new)
    return text.encode()
