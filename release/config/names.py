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
_HARMLESS = re.compile(r"(?!-)(?!.*\.\.)[\w. -]*\Z")


def model_name(text: str, *, where: str = "") -> ModelName:
    """Check a model's name: lower-case letters, digits and inner hyphens, at most 40 in all.

    Raises BadInputError, or SecurityRefusalError for what a path, a shell or a terminal could take for something else.
    """
    return ModelName(_checked(text, "model", where))


def environment_name(text: str, *, where: str = "") -> EnvironmentName:
    """Check an environment's name, by the rule of model names; raises as `model_name` does."""
    return EnvironmentName(_checked(text, "environment", where))


def _checked(text: str, what: str, where: str) -> str:
    if _NAME.match(text):
        return text
    kind = BadInputError if _HARMLESS.match(text) else SecurityRefusalError
    fix = "use lower-case letters, digits and inner hyphens, at most 40 in all"
    raise kind(f"{text[:80]!r} is no {what} name", where=where, fix=fix)
