"""The numbers a search maximises: every metric that can be named, as it is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from release.config.names import METRICS, loss
from release.errors import BadInputError
from release.learning.scoring import better, score

if TYPE_CHECKING:
    from release.learning.rows import Task

NAMED: list[tuple[Task, str]] = [(task, name) for task in ("binary", "multiclass", "regression") for name in METRICS[task]]
Y = np.array([0, 0, 1, 1, 1])
SCORE = np.array([0.1, 0.6, 0.4, 0.8, 0.9])


@pytest.mark.parametrize(("task", "metric"), NAMED)
def test_every_named_metric_prefers_the_better_model(task: Task, metric: str) -> None:
    """Predictions nearer to the truth score higher once losses are turned round."""
    kinds, costs = np.array([0, 1, 2, 2, 1]), np.array([1.0, 2, 3, 4, 5])
    y, sharp, dull = {
        "binary": (Y, np.array([0.1, 0.2, 0.8, 0.9, 0.9]), np.array([0.6, 0.4, 0.4, 0.5, 0.3])),
        "multiclass": (kinds, np.eye(3)[kinds] * 0.8 + 0.2 / 3, np.eye(3)[(kinds + 1) % 3] * 0.4 + 0.2),
        "regression": (costs, costs + 0.1, costs[::-1]),
    }[task]
    assert better(metric, score(metric, task, y, sharp)) > better(metric, score(metric, task, y, dull))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("roc_auc", 5 / 6),
        ("accuracy", 3 / 5),
        ("precision", 2 / 3),
        ("recall", 2 / 3),
        ("specificity", 1 / 2),
        ("f1", 2 / 3),
        ("balanced_accuracy", 7 / 12),
        ("brier_score", (0.01 + 0.36 + 0.36 + 0.04 + 0.01) / 5),
    ],
)
def test_worked_values(metric: str, value: float) -> None:
    """Values counted by hand."""
    assert score(metric, "binary", Y, SCORE) == pytest.approx(value)


def test_threshold_and_weights_count() -> None:
    """Labels are made at the threshold, and rows count by their weight."""
    assert score("recall", "binary", Y, SCORE, threshold=0.4) == 1
    assert score("recall", "binary", Y, SCORE, weights=np.array([1, 1, 4, 1, 1.0])) == pytest.approx(2 / 6)


def test_losses_are_those_of_the_registry() -> None:
    """Turning round is for losses alone."""
    assert {name for _, name in NAMED if better(name, 1.0) == -1} == {name for _, name in NAMED if loss(name)}


def test_a_metric_that_the_rows_do_not_have_is_told() -> None:
    """A share of a target of zero is none, and the search says so instead of choosing by it."""
    with pytest.raises(BadInputError, match=r"search.metric: mape is not defined: row 1 of 2 has target 0; use mae or rmse"):
        score("mape", "regression", np.array([0.0, 2.0]), np.array([1.0, 2.0]))


def test_parameters_in_names_reach_the_metric() -> None:
    """Of three classes the first two, and a quantile."""
    proba = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    assert score("top_2_accuracy", "multiclass", np.array([1, 0]), proba) == 0.5
    assert score("pinball_loss_0.9", "regression", np.array([1.0, 1.0]), np.array([0.0, 2.0])) == pytest.approx(0.5)
