"""Closed sets of names that people write: tasks, metrics by task, and what a model or environment may be called."""

from __future__ import annotations

import re

from release.errors import BadInputError, SecurityRefusalError
from release.records import EnvironmentName, ModelName

TASKS = ("binary", "multiclass", "regression")

METRICS = {
    "binary": (
        "roc_auc",
        "average_precision",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "brier_score",
        "log_loss",
    ),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}
"""Metric names by task. `release.stats.metrics` defines each; a test holds the two together."""

LOSSES = frozenset({"brier_score", "log_loss", "rmse", "mae"})
"""Metrics of which less is better."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")


def model_name(text: str) -> ModelName:
    """Check a model's name: lower-case letters, digits and inner hyphens, at most 40. Raises BadInputError or SecurityRefusalError."""
    return ModelName(_checked(text, "model"))


def environment_name(text: str) -> EnvironmentName:
    """Check an environment's name, by the rule of model names."""
    return EnvironmentName(_checked(text, "environment"))


def _checked(text: str, what: str) -> str:
    if _NAME.match(text):
        return text
    fix = "use lower-case letters, digits and inner hyphens, at most 40 in all"
    if "/" in text or "\\" in text or ".." in text or not text.isprintable():
        raise SecurityRefusalError(f"{text!r} is no {what} name", fix=fix)
    raise BadInputError(f"{text!r} is no {what} name", fix=fix)
