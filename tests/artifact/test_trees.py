"""The structural check of trees: no false refusal, no crafted tree let through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.neighbors import BallTree, KDTree
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from release.artifact.trees import check_children, check_features, check_neighbours, check_predictor, check_tree
from release.errors import SecurityRefusalError

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(300, 4))
X[::11, 1] = np.nan
Y = DRAW.integers(0, 4, 300)


def state(tree: Any) -> dict[str, Any]:
    """Return the arguments of `check_tree` for a fitted estimator."""
    _, (n_features, n_classes, n_outputs), inside = tree.tree_.__reduce__()
    return {**inside, "n_features": n_features, "n_classes": n_classes, "n_outputs": n_outputs}


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=0),
        DecisionTreeClassifier(max_leaf_nodes=9, random_state=0),
        DecisionTreeClassifier(splitter="random", random_state=0),
        DecisionTreeClassifier(max_depth=1, ccp_alpha=0.01, random_state=0),
        DecisionTreeRegressor(criterion="absolute_error", random_state=0),
        DecisionTreeRegressor(min_samples_leaf=300, random_state=0),
    ],
)
def test_single_trees_pass(model: Any) -> None:
    """Trees grown depth first, best first, at random, pruned, or of a single leaf are trees."""
    found = state(model.fit(X, Y))
    check_tree(**found)
    assert found["node_count"] >= 1


@pytest.mark.parametrize("model", [ExtraTreesClassifier(5, random_state=0), RandomForestRegressor(5, random_state=0)])
def test_forests_pass(model: Any) -> None:
    """Every tree of a forest is a tree, with several outputs too."""
    for target in (Y, np.column_stack([Y, Y[::-1]])):
        for tree in model.fit(X, target).estimators_:
            check_tree(**state(tree))


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(max_iter=3, random_state=0),
        HistGradientBoostingRegressor(max_iter=3, categorical_features=[3], min_samples_leaf=2, random_state=0),
    ],
)
def test_boosted_trees_pass(model: Any) -> None:
    """Trees of histogram boosting are trees, those that split on categories too."""
    rows = np.column_stack([X[:, :3], Y])
    model.fit(rows, Y)
    is_categorical = np.asarray(model._bin_mapper.is_categorical_)
    trees = [tree for iteration in model._predictors for tree in iteration]
    for tree in trees:
        check_predictor(tree.nodes, tree.raw_left_cat_bitsets, is_categorical)
    assert any(tree.nodes["is_categorical"].any() for tree in trees) == is_categorical.any()


def test_a_category_that_is_a_number() -> None:
    """A split on a category whose feature is a number is refused."""
    model = HistGradientBoostingRegressor(max_iter=1, categorical_features=[0], min_samples_leaf=2)
    model.fit(np.column_stack([Y, X[:, 0]]), Y)
    tree = model._predictors[0][0]
    with pytest.raises(SecurityRefusalError, match="takes a number for a category"):
        check_predictor(tree.nodes, tree.raw_left_cat_bitsets, np.array([False, False]))
    with pytest.raises(SecurityRefusalError, match="wrong shape"):
        check_predictor(tree.nodes, tree.raw_left_cat_bitsets[:, :4], np.array([True, False]))


@pytest.mark.parametrize("rows", [1, 2, 3, 50, 299])
@pytest.mark.parametrize(("kind", "corners"), [(KDTree, 2), (BallTree, 1)])
def test_neighbour_trees_pass(kind: Any, corners: int, rows: int) -> None:
    """Neighbour trees of any size pass, and not with another number of rows."""
    data, order, nodes, bounds = kind(X[:rows, [0, 2]], leaf_size=5).__getstate__()[:4]
    check_neighbours(data, order, nodes, bounds, corners=corners)
    with pytest.raises(SecurityRefusalError):
        check_neighbours(np.vstack([data, data]), order, nodes, bounds, corners=corners)
    with pytest.raises(SecurityRefusalError, match="wrong shape"):
        check_neighbours(data, order, nodes, bounds, corners=3 - corners)


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ([], [], "no nodes"),
        ([0], [0], "loop"),
        ([1, 1, -1], [2, 2, -1], "loop"),
        ([1, -1, -1], [1, -1, -1], "two parents"),
        ([1, 2, -1], [2, 2, -1], "two parents"),
        ([1, -1], [2, -1], "out of range"),
        ([-7, -1], [1, -1], "out of range"),
        ([2**40, -1], [1, -1], "out of range"),
    ],
)
def test_what_is_no_tree(left: list[int], right: list[int], reason: str) -> None:
    """Loops, shared children and children outside the array each have their reason."""
    one, other = np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)
    with pytest.raises(SecurityRefusalError, match=reason):
        check_children(one, other, one != -1)


def test_features_out_of_range() -> None:
    """The last feature is in range, the one after it and a negative one are not."""
    check_features(np.array([0, 3]), 4)
    for asked in (4, -1):
        with pytest.raises(SecurityRefusalError, match="out of range"):
            check_features(np.array([0, asked]), 4)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n_outputs": 2}, "number of outputs"),
        ({"n_outputs": 0, "n_classes": np.array([], dtype=np.int64)}, "number of outputs"),
        ({"n_classes": np.array([0])}, "number of classes"),
        ({"n_classes": np.array([2**40])}, "number of classes"),
        ({"n_classes": np.array([5])}, "number of nodes"),
        ({"node_count": 10**9}, "number of nodes"),
        ({"node_count": 2.0}, "whole numbers"),
        ({"max_depth": -1}, "number of nodes"),
        ({"n_features": 1}, "feature that is out of range"),
    ],
)
def test_counts_that_lie(change: dict[str, Any], reason: str) -> None:
    """Counts are compared with the arrays before a constructor believes them."""
    good = state(DecisionTreeClassifier(random_state=0).fit(X, Y))
    with pytest.raises(SecurityRefusalError, match=reason):
        check_tree(**{**good, **change})
