"""Fitted estimators as ONNX: what `release.learning.predict.values_of` returns, from the numbers that the steps made.

A closed match, as `release.learning.estimators` has it; k-nearest-neighbours has no form here: it carries its training rows,
and answers by distances whose ties no other runtime breaks as scikit-learn does.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC, SVR

from release.errors import BadInputError
from release.learning.onnx_trees import boosting, forest

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.learning.onnx_graph import Builder, Value


def scored(builder: Builder, model: Any, value: Value) -> Value:
    """Return scores of shape (rows, classes), or (rows, 1): the positive class's where there are two, or the prediction.

    Raises BadInputError for an estimator that has no ONNX form.
    """
    maker = ESTIMATORS.get(type(model))
    if maker is None:
        raise BadInputError(f"{type(model).__name__} has no ONNX form")
    return maker(builder, model, value)


def _logistic(builder: Builder, model: Any, value: Value) -> Value:
    decision = builder.with_row("Add", builder.times(value, model.coef_.T), model.intercept_)
    return _probabilities(builder, decision)


def _probabilities(builder: Builder, raw: Value) -> Value:
    if raw.width == 1:
        return builder.node("Sigmoid", raw.name, width=1)
    return builder.node("Softmax", raw.name, width=raw.width, axis=1)


def _ridge(builder: Builder, model: Any, value: Value) -> Value:
    return builder.with_row("Add", builder.times(value, model.coef_.reshape(-1, 1)), model.intercept_)


def _boosting_classes(builder: Builder, model: Any, value: Value) -> Value:
    return _probabilities(builder, boosting(builder, value, model))


def _dummy(builder: Builder, model: Any, value: Value) -> Value:
    if isinstance(model, DummyClassifier):
        priors = np.asarray(model.class_prior_, dtype=np.float64)
        constant = priors[1:] if len(priors) == 2 else priors  # noqa: PLR2004 (one number says both)
    else:
        constant = np.asarray(model.constant_, dtype=np.float64).reshape(-1)
    # Nothing of a row but that there is one; a missing value must not become a missing score.
    gone = builder.as_numbers(builder.node("IsNaN", value.name, width=value.width))
    return builder.with_row("Add", builder.times(gone, np.zeros((value.width, len(constant)))), constant)


def _regressor(builder: Builder, model: Any, value: Value) -> Value:
    kernel = _kernel(builder, model, value)
    return builder.with_row("Add", builder.times(kernel, model.dual_coef_.T), model.intercept_)


def _calibrated(builder: Builder, model: Any, value: Value) -> Value:
    """Return calibrated probabilities, one sigmoid for each class but where there are two."""
    (calibrated,) = model.calibrated_classifiers_
    decision = _decision(builder, calibrated.estimator, value)
    slopes = [one.a_ for one in calibrated.calibrators]
    shifts = [one.b_ for one in calibrated.calibrators]
    turned = builder.with_row("Add", builder.with_row("Mul", decision, slopes), shifts)
    chances = builder.node("Sigmoid", builder.with_row("Mul", turned, -1.0).name, width=turned.width)
    if chances.width == 1:
        return chances
    total = builder.total(chances)
    none = builder.with_row("Equal", total, 0.0)
    divisor = builder.node("Where", none.name, builder.constant(np.ones(1)), total.name, width=1)
    shares = builder.node("Div", chances.name, divisor.name, width=chances.width)
    # No class is likely at all: all are alike.
    uniform = builder.with_row("Div", builder.as_numbers(none), float(chances.width))
    return builder.node("Add", shares.name, uniform.name, width=chances.width)


def _decision(builder: Builder, model: Any, value: Value) -> Value:
    """Return a support vector classifier's decision: one number for two classes, else votes and how sure they are.

    As `sklearn.utils.multiclass._ovr_decision_function` counts the votes of the machines of each pair of classes.
    """
    if not isinstance(model, SVC):
        raise BadInputError(f"{type(model).__name__} has no ONNX form")
    kernel = _kernel(builder, model, value)
    classes = len(model.classes_)
    if classes == 2:  # noqa: PLR2004 (one machine)
        return builder.with_row("Add", builder.times(kernel, model.dual_coef_.T), model.intercept_)
    pairs = list(combinations(range(classes), 2))
    bounds = np.cumsum([0, *model.n_support_])
    weights = np.zeros((kernel.width, len(pairs)))
    for at, (one, other) in enumerate(pairs):
        # libsvm keeps, for a vector of one class, its weight against each other class in turn.
        weights[bounds[one] : bounds[one + 1], at] = model.dual_coef_[other - 1, bounds[one] : bounds[one + 1]]
        weights[bounds[other] : bounds[other + 1], at] = model.dual_coef_[one, bounds[other] : bounds[other + 1]]
    decision = builder.with_row("Add", builder.times(kernel, weights), model.intercept_)
    lost = builder.as_numbers(builder.with_row("Less", decision, 0.0))
    first, second = (np.array([[float(pair[side] == one) for one in range(classes)] for pair in pairs]) for side in (0, 1))
    votes = builder.with_row("Add", builder.times(lost, second - first), first.sum(axis=0))
    sure = builder.times(decision, first - second)
    size = builder.with_row("Add", builder.node("Abs", sure.name, width=classes), 1.0)
    bounded = builder.node("Div", sure.name, builder.with_row("Mul", size, 3.0).name, width=classes)
    return builder.node("Add", votes.name, bounded.name, width=classes)


def _kernel(builder: Builder, model: Any, value: Value) -> Value:
    """Return the kernel of rows and support vectors, shape (rows, vectors)."""
    vectors = model.support_vectors_
    vectors = np.asarray(vectors.toarray() if hasattr(vectors, "toarray") else vectors, dtype=np.float64)
    products = builder.times(value, vectors.T)
    gamma, shift = float(model._gamma), float(model.coef0)  # noqa: SLF001 (gamma as it was trained, if `scale` was asked for)
    match model.kernel:
        case "linear":
            return products
        case "rbf":
            squares = builder.total(builder.node("Mul", value.name, value.name, width=value.width))
            halves = builder.with_row("Sub", builder.with_row("Mul", products, 2.0), (vectors**2).sum(axis=1))
            near = builder.node("Sub", halves.name, squares.name, width=products.width)
            return builder.node("Exp", builder.with_row("Mul", near, gamma).name, width=products.width)
        case "poly":
            turned = builder.with_row("Add", builder.with_row("Mul", products, gamma), shift)
            return builder.with_row("Pow", turned, float(model.degree))
        case "sigmoid":
            turned = builder.with_row("Add", builder.with_row("Mul", products, gamma), shift)
            return builder.node("Tanh", turned.name, width=products.width)
        case _:
            raise BadInputError(f"a kernel {model.kernel!r} has no ONNX form")


ESTIMATORS: dict[type, Callable[[Builder, Any, Value], Value]] = {
    LogisticRegression: _logistic,
    Ridge: _ridge,
    RandomForestClassifier: lambda builder, model, value: forest(builder, value, model),
    RandomForestRegressor: lambda builder, model, value: forest(builder, value, model),
    HistGradientBoostingClassifier: _boosting_classes,
    HistGradientBoostingRegressor: lambda builder, model, value: boosting(builder, value, model),
    CalibratedClassifierCV: _calibrated,
    SVR: _regressor,
    DummyClassifier: _dummy,
    DummyRegressor: _dummy,
}
