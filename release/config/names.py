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
        "macro_f1",
        "weighted_f1",
        "mcc",
        "brier_score",
        "log_loss",
    ),
    "multiclass": (
        "accuracy",
        "balanced_accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "weighted_f1",
        "mcc",
        "brier_score",
        "log_loss",
    ),
    "regression": ("rmse", "mae", "r2", "median_absolute_error", "mape"),
}
"""Plain metric names by task. `release.stats.metrics` defines each; a test holds the two together."""

COST = "cost"
"""The mean cost by the matrix in gate.costs, for binary and multiclass."""

CALIBRATION = "expected_calibration_error"
"""Reported for binary and multiclass, never judged: it is biased, and more so the fewer rows there are."""

_FORMS = {
    "binary": (COST,),
    "multiclass": ("top_<k>_accuracy", COST),
    "regression": ("pinball_loss_<q>",),
}
_LOSSES = frozenset({
    "brier_score", "log_loss", "rmse", "mae", "median_absolute_error", "mape", COST, CALIBRATION,
})  # fmt: skip
_TOP = re.compile(r"top_([1-9]\d{0,3})_accuracy\Z", re.ASCII)
_PINBALL = re.compile(r"pinball_loss_(0\.\d{0,5}[1-9])\Z", re.ASCII)  # one spelling for one share
_SHOWN_TOP = 3

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")
_HARMLESS = re.compile(r"(?!-)(?!.*\.\.)[\w. -]*\Z")


def top(name: str) -> int | None:
    """Return k of `top_<k>_accuracy`, 2 or more, None for another name."""
    found = _TOP.match(name)
    return int(found[1]) if found and int(found[1]) > 1 else None


def quantile(name: str) -> float | None:
    """Return q of `pinball_loss_<q>`, between 0 and 1, None for another name."""
    found = _PINBALL.match(name)
    return float(found[1]) if found else None


def known(name: str, task: str | None) -> bool:
    """Say whether a metric can be judged for a task (None: for any), whatever its parameter."""
    tasks = TASKS if task is None else (task,)
    return any(
        name in METRICS[one]
        or (name == COST and COST in _FORMS[one])
        or (one == "multiclass" and top(name) is not None)
        or (one == "regression" and quantile(name) is not None)
        for one in tasks
    )


def offered(task: str | None) -> tuple[str, ...]:
    """Return what may be written where a metric of a task (None: of any) is wanted, parameters as `<k>` and `<q>`."""
    tasks = TASKS if task is None else (task,)
    return tuple(dict.fromkeys(name for one in tasks for name in (*METRICS[one], *_FORMS[one])))


def reported(task: str, *, classes: int) -> tuple[str, ...]:
    """Return the metrics that are reported of every model, in order; of `classes` classes the first three count if more."""
    if task == "regression":
        return METRICS[task]
    more = (f"top_{_SHOWN_TOP}_accuracy",) if task == "multiclass" and classes > _SHOWN_TOP else ()
    return (*METRICS[task], *more, CALIBRATION)


def loss(name: str) -> bool:
    """Say whether less of a metric is better."""
    return name in _LOSSES or quantile(name) is not None


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
