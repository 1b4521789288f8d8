"""Training on some rows: the step that search, thresholds and the final model share.

What scikit-learn refuses becomes one line for the user here, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from release.errors import BadInputError
from release.learning.estimators import TAKES_NO_WEIGHTS
from release.learning.pipeline import CALIBRATION_FOLDS, build
from release.learning.predict import values_of
from release.learning.rows import Rows, take

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from release.config.estimators import Frozen
    from release.config.model import ModelSpec
    from release.learning.folds import Folds


def train_on(spec: ModelSpec, table: Rows, *, where: str) -> Pipeline:
    """Return the pipeline of a specification, trained on all rows of a table and found able to predict them.

    Raises BadInputError when the specification does not fit the columns, or scikit-learn refuses the rows.
    """
    weights = {}
    if table.weights is not None:
        if spec.estimator.kind in TAKES_NO_WEIGHTS:
            raise BadInputError(f"{spec.estimator.kind} cannot use weights", where=where, fix="remove data.weight")
        weights = {"estimator__sample_weight": table.weights}
    pipeline = build(spec, table.kinds, where=where, calibration_folds=_calibration_folds(spec, table, where))
    try:
        pipeline.fit(table.features, table.y, **weights)
        # Some estimators notice only now that they cannot work, such as more neighbours than rows.
        values = values_of(pipeline, table, spec.task)
    except ValueError as error:
        said = " ".join(str(error).split())
        raise BadInputError(
            f"{spec.estimator.kind} cannot be trained: {said[:300]}",
            where=where,
            fix="correct features, estimator or search",
        ) from error
    if not np.isfinite(values).all():
        raise BadInputError(
            f"{spec.estimator.kind} predicts numbers that are not finite",
            where=where,
            fix="scale the features, or regularise more",
        )
    return pipeline


def out_of_fold(spec: ModelSpec, table: Rows, folds: Folds, *, where: str) -> NDArray[np.float64]:
    """Return predictions for every row by a model that was not trained on it, shaped as `Predictions.values`.

    Raises as `train_on` does.
    """
    shape: Any = (len(table.y), len(table.classes)) if spec.task == "multiclass" else (len(table.y),)
    values = np.full(shape, np.nan)
    for train, judged in folds:
        fitted = train_on(spec, take(table, train), where=where)
        values[judged] = values_of(fitted, take(table, judged), spec.task)
    return values


def with_parameters(spec: ModelSpec, params: Frozen) -> ModelSpec:
    """Return the specification with other estimator parameters."""
    return spec.model_copy(update={"estimator": spec.estimator.model_copy(update={"params": params})})


def _calibration_folds(spec: ModelSpec, table: Rows, where: str) -> int:
    if spec.estimator.kind != "svm" or spec.task == "regression":
        return CALIBRATION_FOLDS
    rarest = int(np.bincount(table.y, minlength=len(table.classes)).min())
    if rarest < 2:  # noqa: PLR2004 (one to train on and one to calibrate by)
        raise BadInputError("svm needs two rows of each class", where=where, fix="add rows, or choose another estimator")
    return min(CALIBRATION_FOLDS, rarest)
