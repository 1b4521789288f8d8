"""Estimators by their registered names, seeded and on one thread. A closed match: no name ever reaches Python's imports.

Names, bounds and defaults are `release.config.estimators`'s; what they become in scikit-learn is decided here alone.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from release.config.estimators import (
    DummyParams,
    Frozen,
    HistGradientBoostingParams,
    KNearestNeighboursParams,
    LogisticRegressionParams,
    RandomForestParams,
    RidgeParams,
    SvmParams,
)
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.learning.rows import Task

TAKES_GAPS = frozenset({"hist-gradient-boosting", "random-forest", "dummy"})
"""Estimators that learn from missing values as they are."""
TAKES_SPARSE = frozenset({"logistic-regression", "ridge", "random-forest", "svm", "dummy"})
"""Estimators that take sparse matrices, which many words make."""
TAKES_NO_WEIGHTS = frozenset({"k-nearest-neighbours"})

# scikit-learn 1.8 reads the penalty from l1_ratio alone and warns when told both.
_PENALTY_FROM_RATIO = signature(LogisticRegression).parameters["penalty"].default == "deprecated"


def parameters(params: Frozen, task: Task, *, where: str) -> dict[str, Any]:
    """Return the parameters as they are trained with, defaults resolved for the task.

    Raises BadInputError for class weights where there are no classes.
    """
    chosen = params.model_dump()
    if task == "regression" and "class_weight" in chosen and chosen.pop("class_weight") is not None:
        raise BadInputError("class_weight has no meaning for regression", where=where, fix="remove it")
    if isinstance(params, RandomForestParams) and params.max_features is None:
        chosen["max_features"] = 1.0 if task == "regression" else "sqrt"
    return chosen


def estimator(params: Frozen, task: Task, *, seed: int, folds: int, where: str) -> Any:  # noqa: PLR0911 (one return a kind)
    """Return the unfitted estimator for typed parameters; `folds` calibrate classifiers that know no probabilities.

    Raises BadInputError as `parameters` does.
    """
    chosen = parameters(params, task, where=where)
    regression = task == "regression"
    match params:
        case LogisticRegressionParams():
            return LogisticRegression(**_logistic(chosen), random_state=seed)
        case RidgeParams():
            return Ridge(**chosen, random_state=seed)
        case RandomForestParams():
            forest = RandomForestRegressor if regression else RandomForestClassifier
            return forest(**chosen, random_state=seed, n_jobs=1)
        case HistGradientBoostingParams():
            boosting = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
            return boosting(**chosen, random_state=seed)
        case SvmParams():
            # Calibrated by folds because SVC's own probabilities are deprecated; ensemble=False keeps one machine, not five.
            return (
                SVR(**chosen)
                if regression
                else CalibratedClassifierCV(SVC(**chosen, random_state=seed), cv=folds, ensemble=False, n_jobs=1)
            )
        case KNearestNeighboursParams():
            # brute: no tree whose indexes compiled code would follow, and no leaf size to depend on.
            neighbours = KNeighborsRegressor if regression else KNeighborsClassifier
            return neighbours(**chosen, algorithm="brute", n_jobs=1)
        case DummyParams():
            return DummyRegressor() if regression else DummyClassifier(strategy="prior")
        case _:
            raise TypeError(f"no estimator for {type(params).__name__}")


def _logistic(chosen: dict[str, Any]) -> dict[str, Any]:
    ratio = chosen["l1_ratio"]
    # lbfgs converges best but knows only the L2 penalty; saga knows both.
    if ratio == 0:
        plain = {name: value for name, value in chosen.items() if name != "l1_ratio"}
        return {**plain, "solver": "lbfgs"}
    penalty = {} if _PENALTY_FROM_RATIO else {"penalty": "elasticnet"}
    return {**chosen, **penalty, "solver": "saga"}
