"""The counts and indexes of single estimators that compiled code follows without looking.

Support vectors, stored neighbours, one-hot columns and vocabularies; trees are in `release.artifact.trees`. Attributes are
scikit-learn's own, private ones included: they are what its prediction code reads.
"""
# ruff: noqa: SLF001 (see above)

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import BallTree, KDTree

from release.artifact.trees import check_neighbours
from release.errors import SecurityRefusalError

KERNELS = frozenset({"linear", "rbf", "poly", "sigmoid"})
METRICS = frozenset({"euclidean", "manhattan", "minkowski"})
CORNERS = {KDTree: 2, BallTree: 1}
TOKEN_PATTERN = r"(?u)\b\w\w+\b"  # noqa: S105 (scikit-learn's default pattern for words)


def feature_count(model: Any) -> int:
    """Return how many features an estimator checks its rows for. Raises SecurityRefusalError when it would not check."""
    count = vars(model).get("n_features_in_")
    if not isinstance(count, int | np.integer) or isinstance(count, bool):
        raise SecurityRefusalError(f"a {type(model).__name__} does not say how many features it takes")
    return int(count)


def check_support_vectors(model: Any) -> None:
    """Check that the arrays of a support vector machine have the sizes that libsvm computes from one another."""
    vectors, counts = model.support_vectors_, model._n_support
    classes, rows = len(counts), vectors.shape[0]
    pairs = classes * (classes - 1) // 2
    if model._sparse:
        fits = sparse.issparse(vectors) and sparse.issparse(model._dual_coef_)
        fits = fits and model._dual_coef_.data.shape == ((classes - 1) * rows,)
    else:
        fits = isinstance(vectors, np.ndarray) and model._dual_coef_.shape == (classes - 1, rows)
        fits = fits and model.support_.shape == (rows,)
    probabilities = {model._probA.shape, model._probB.shape}
    if not (
        fits
        and vectors.shape == (rows, feature_count(model))
        and (counts.min() >= 0 and counts.sum() == rows if is_classifier(model) else classes == 2)  # noqa: PLR2004 (libsvm's)
        and model._intercept_.shape == (pairs,)
        and probabilities in ({(0,)}, {(pairs,)})
    ):
        raise SecurityRefusalError("a support vector machine has arrays whose sizes do not fit each other")
    if model.kernel not in KERNELS:
        raise SecurityRefusalError(f"a support vector machine has the kernel {str(model.kernel)[:40]!r}")


def check_neighbourhood(model: Any) -> None:
    """Check the training rows that a nearest-neighbours model keeps, their labels, and the tree over them."""
    rows, labels, tree = model._fit_X, np.asarray(model._y), model._tree
    count = rows.shape[0]
    if rows.shape != (count, feature_count(model)) or model.n_samples_fit_ != count or labels.shape[:1] != (count,):
        raise SecurityRefusalError("a nearest-neighbours model has another number of rows than it says")
    if not 1 <= model.n_neighbors <= count:
        raise SecurityRefusalError("a nearest-neighbours model asks for more neighbours than it has rows")
    if is_classifier(model) and (labels.ndim != 1 or labels.min() < 0 or labels.max() >= len(model.classes_)):
        raise SecurityRefusalError("a nearest-neighbours model has labels that are no classes")
    metric, params = model.effective_metric_, dict(model.effective_metric_params_)
    known = metric in METRICS and model.metric in METRICS and model.metric_params is None
    if not known or params.pop("w", None) is not None or set(params) - {"p"}:
        raise SecurityRefusalError("a nearest-neighbours model measures distance in an unknown way")
    if tree is not None:
        _check_tree_over(rows, tree, DistanceMetric.get_metric(metric, **params))


def _check_tree_over(rows: Any, tree: Any, expected: Any) -> None:
    if type(tree) not in CORNERS or not isinstance(rows, np.ndarray):
        raise SecurityRefusalError("a nearest-neighbours model holds something that is no tree")
    state = tree.__getstate__()
    data, order, nodes, bounds = state[:4]
    metric, weights = state[11:]
    same_metric = type(metric) is type(expected) and all(map(np.array_equal, metric.__getstate__(), expected.__getstate__()))
    if data.shape != rows.shape or not same_metric or weights is not None:
        raise SecurityRefusalError("a neighbour tree was made of other rows than its model has")
    check_neighbours(data, order, nodes, bounds, corners=CORNERS[type(tree)])


def check_one_hot(model: Any) -> None:
    """Check that a one-hot encoder fills only the columns it announces: the sparse matrix it builds is not checked again."""
    if list(model._n_features_outs) != list(model._compute_n_features_outs()):
        raise SecurityRefusalError("a one-hot encoder makes another number of columns than it says")
    mappings = vars(model).get("_default_to_infrequent_mappings") or [None] * len(model.categories_)
    dropped = model._drop_idx_after_grouping
    dropped = [None] * len(model.categories_) if dropped is None else dropped
    for categories, mapping, drop, width in zip(model.categories_, mappings, dropped, model._n_features_outs, strict=True):
        codes = np.arange(len(categories)) if mapping is None else np.asarray(mapping)
        groups = width + (drop is not None)
        if codes.shape != categories.shape or codes.min(initial=0) < 0 or codes.max(initial=-1) >= groups:
            raise SecurityRefusalError("a one-hot encoder has a category that falls outside its columns")
        if drop is not None and not 0 <= drop < groups:
            raise SecurityRefusalError("a one-hot encoder drops a category that is not there")


def check_vocabulary(model: Any) -> None:
    """Check that a vectoriser's words number its columns, and that its pattern for words is the ordinary one."""
    columns = list(model.vocabulary_.values())
    if sorted(columns) != list(range(len(columns))):
        raise SecurityRefusalError("a vocabulary refers to columns that are not there")
    if model.token_pattern != TOKEN_PATTERN:  # another one could take exponential time on a request
        raise SecurityRefusalError("a text vectoriser has a pattern for words that is not the ordinary one")
