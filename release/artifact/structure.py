"""Do the parts of a loaded model fit each other? Compiled code follows counts and indexes that the file supplied.

The walk visits every object before the model is used: no attribute may hide a method, a part with compiled code may sit only
where its owner is checked, and trees must match their owner. The rules were read from scikit-learn's sources. What single
estimators need beyond trees is in `release.artifact.indexes`; nothing is constructed or predicted here.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._base import NeighborsBase
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from release.artifact import indexes
from release.artifact.trees import check_predictor
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWNERS: tuple[tuple[type, type, str], ...] = (
    (Tree, BaseDecisionTree, "tree_"),
    (TreePredictor, BaseHistGradientBoosting, "_predictors"),
    (KDTree, NeighborsBase, "_tree"),
    (BallTree, NeighborsBase, "_tree"),
    (DistanceMetric, KDTree, "dist_metric"),
)
"""Parts whose compiled code checks nothing, and the only place where each may be."""


def check_structure(model: object) -> None:
    """Check a model and everything in it. Raises SecurityRefusalError with the first thing that does not fit."""
    for thing in parts(model, visit=_check_place):
        _check_object(thing)


def parts(model: object, *, visit: Callable[[object, object, str], None] | None = None) -> Iterator[object]:
    """Yield every object with attributes in a model, itself first.

    `visit` is called with every value there is, the object that holds it, and the name of the attribute.
    """
    stack: list[tuple[object, object, str]] = [(model, None, "")]
    seen: set[int] = set()
    while stack:
        value, owner, name = stack.pop()
        if visit is not None:
            visit(value, owner, name)
        if isinstance(value, list | tuple | set | dict | np.ndarray):
            stack += [(item, owner, name) for item in _items(value)]
        elif hasattr(value, "__dict__") and not isinstance(value, type | FunctionType | partial) and id(value) not in seen:
            seen.add(id(value))
            yield value
            stack += [(item, value, attribute) for attribute, item in vars(value).items()]


def _check_place(value: object, owner: object, name: str) -> None:
    for kind, place, attribute in OWNERS:
        if isinstance(value, kind) and not (isinstance(owner, place) and name == attribute):
            raise SecurityRefusalError(f"a {type(value).__name__} is in a place where nothing checks it")


def _items(value: Any) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif not isinstance(value, np.ndarray):
        yield from value
    elif value.dtype.hasobject:
        yield from value.ravel()


def _check_object(thing: object) -> None:
    hidden = next((name for name in vars(thing) if hasattr(type(thing), name)), None)
    if hidden:
        raise SecurityRefusalError(f"the attribute {hidden[:40]!r} of a {type(thing).__name__} hides part of its class")
    for kind, fitted, check in CHECKS:
        if isinstance(thing, kind) and fitted in vars(thing):
            check(thing)


def _check_decision_tree(model: Any) -> None:
    if type(model.tree_) is not Tree or model.tree_.n_features != indexes.feature_count(model):
        raise SecurityRefusalError("a decision tree expects another number of features than its estimator checks")


def _check_forest(model: Any) -> None:
    """Check that all trees agree: a forest lets its first tree check the rows, and the others trust it."""
    features = indexes.feature_count(model)
    for tree in model.estimators_:
        if not isinstance(tree, BaseDecisionTree) or indexes.feature_count(tree) != features:
            raise SecurityRefusalError("a forest has a tree that expects another number of features")


def _check_boosting(model: Any) -> None:
    features = indexes.feature_count(model)
    if model._preprocessor is not None:  # noqa: SLF001 (scikit-learn keeps what it predicts with in private attributes)
        raise SecurityRefusalError("histogram boosting encodes categories itself, which cannot be checked")
    if "_in_fit" in vars(model):
        raise SecurityRefusalError("histogram boosting says that it is still being trained, and would check no rows")
    is_categorical = np.asarray(model._bin_mapper.is_categorical_)  # noqa: SLF001 (as above)
    if is_categorical.shape != (features,):
        raise SecurityRefusalError("histogram boosting expects another number of features than it checks")
    for iteration in model._predictors:  # noqa: SLF001 (as above)
        if len(iteration) != model.n_trees_per_iteration_:
            raise SecurityRefusalError("histogram boosting has another number of trees than it says")
        for tree in iteration:
            if type(tree) is not TreePredictor:
                raise SecurityRefusalError("histogram boosting holds something that is no tree")
            check_predictor(tree.nodes, tree.raw_left_cat_bitsets, is_categorical)


CHECKS: tuple[tuple[type, str, Callable[[Any], None]], ...] = (
    (BaseDecisionTree, "tree_", _check_decision_tree),
    (BaseForest, "estimators_", _check_forest),
    (BaseHistGradientBoosting, "_predictors", _check_boosting),
    (BaseLibSVM, "support_vectors_", indexes.check_support_vectors),
    (NeighborsBase, "_fit_X", indexes.check_neighbourhood),
    (OneHotEncoder, "categories_", indexes.check_one_hot),
    (CountVectorizer, "vocabulary_", indexes.check_vocabulary),
)
"""What to check of which estimator, once it has the attribute that training gives it."""
