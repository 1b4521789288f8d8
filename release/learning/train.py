"""Fit: a specification and its training rows become one trained pipeline, the same one each time.

The held-out rows never come here. Bytes depend on threads and vector instructions too: see `release.learning.threads`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sklearn.exceptions import ConvergenceWarning

from release.config.model import FoldsThreshold
from release.learning.estimators import parameters
from release.learning.fitting import out_of_fold, train_on, with_parameters
from release.learning.search import choose, divided
from release.learning.threshold import best_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sklearn.pipeline import Pipeline

    from release.config.model import ModelSpec
    from release.learning.rows import Rows
    from release.records import JsonScalar

_MOST_NOTES = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A trained pipeline and how it came about.

    `parameters` are the estimator's as trained, after the search. `cross_validation` holds `mean` and `std` over the folds
    of the search metric for the chosen candidate, empty without a search; `candidates` counts what was tried. `threshold`
    is None unless the task is binary. `notes` are remarks a user should read.
    """

    estimator: Pipeline
    parameters: Mapping[str, JsonScalar]
    cross_validation: Mapping[str, float]
    candidates: int
    threshold: float | None
    notes: tuple[str, ...] = ()


def fit(spec: ModelSpec, table: Rows, *, where: str = "", progress: Callable[[str], None] | None = None) -> Fitted:
    """Search if the specification says so, choose the threshold, and train on all rows.

    `progress` hears one line for each candidate; `where` is what messages are about. Raises BadInputError when the
    specification does not fit the columns, a search or its folds are impossible, or scikit-learn refuses the rows.
    """
    say = progress or _silence
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        validation: dict[str, float] = {}
        tried = 1
        if spec.search is not None:
            choice = choose(spec, table, where=where, say=say)
            spec = with_parameters(spec, choice.params)
            validation, tried = {"mean": choice.mean, "std": choice.std}, choice.tried
        threshold = _threshold(spec, table, where)
        estimator = train_on(spec, table, where=where)
    return Fitted(
        estimator=estimator,
        parameters=parameters(spec.estimator.params, spec.task, where=where),
        cross_validation=validation,
        candidates=tried,
        threshold=threshold,
        notes=_notes(caught, spec.estimator.kind),
    )


def _threshold(spec: ModelSpec, table: Rows, where: str) -> float | None:
    if spec.task != "binary":
        return None
    wanted = spec.evaluation.threshold
    if not isinstance(wanted, FoldsThreshold):
        return wanted
    scores = out_of_fold(spec, table, divided(spec, table, where=where), where=where)
    return best_threshold(table.y, scores, wanted.maximise, weights=table.weights)


def _notes(caught: list[warnings.WarningMessage], kind: str) -> tuple[str, ...]:
    """Say each thing once; arithmetic warnings only repeat what scikit-learn says in words."""
    said: dict[str, None] = {}
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            said[f"{kind} stopped before it converged: raise max_iter, or scale the features"] = None
        elif not issubclass(warning.category, RuntimeWarning | DeprecationWarning):
            said[" ".join(str(warning.message).split())[:200]] = None
    return tuple(said)[:_MOST_NOTES]


def _silence(_: str) -> None:
    """Say nothing."""
