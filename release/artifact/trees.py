"""Are these arrays trees? Compiled code follows their indexes without looking, and a crafted one crashes it or never ends.

A tree is one when every child comes after its parent and inside the array, no node has two parents, and every split asks for
a feature that the rows have. scikit-learn builds no other. Only arrays come in here; who owns them is
`release.artifact.structure`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from release.artifact.npy import Array

LEAF = -1
BITSET_WORDS = 8
MOST_CLASSES = 1_000_000


def check_tree(
    *,
    nodes: Array,
    values: Array,
    node_count: object,
    max_depth: object,
    n_features: object,
    n_classes: Array,
    n_outputs: object,
) -> None:
    """Check the state of a `sklearn.tree._tree.Tree` before it is constructed. Raises SecurityRefusalError.

    `nodes` is the record array of shape (node_count,), `values` has shape (node_count, n_outputs, largest of n_classes).
    """
    if not all(type(number) is int for number in (node_count, max_depth, n_features, n_outputs)):
        raise SecurityRefusalError("a tree has counts that are no whole numbers")
    if n_classes.ndim != 1 or n_classes.dtype.kind != "i" or len(n_classes) != n_outputs or n_outputs == 0:
        raise SecurityRefusalError("a tree has another number of outputs than it says")
    if n_classes.min() < 1 or n_classes.max() > MOST_CLASSES:
        raise SecurityRefusalError("a tree has an impossible number of classes")
    shape = (node_count, n_outputs, int(n_classes.max()))
    if nodes.shape != (node_count,) or values.shape != shape or not isinstance(max_depth, int) or max_depth < 0:
        raise SecurityRefusalError("a tree has another number of nodes than it says")
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != LEAF
    if (right[~inner] != LEAF).any():
        raise SecurityRefusalError("a tree has a leaf with a child")
    check_children(left, right, inner)
    check_features(nodes["feature"][inner], n_features)


def check_predictor(nodes: Array, bitsets: Array, is_categorical: Array) -> None:
    """Check one tree of histogram boosting. Raises SecurityRefusalError.

    `nodes` is the record array, `bitsets` of shape (categorical splits, 8) what its categorical splits refer to,
    `is_categorical` says for each feature whether such a split may ask for it.
    """
    if nodes.ndim != 1 or bitsets.ndim != 2 or bitsets.shape[1] != BITSET_WORDS:  # noqa: PLR2004 (dimensions)
        raise SecurityRefusalError("a boosted tree has arrays of the wrong shape")
    inner = nodes["is_leaf"] == 0
    check_children(nodes["left"], nodes["right"], inner)
    check_features(nodes["feature_idx"][inner], len(is_categorical))
    categorical = inner & (nodes["is_categorical"] != 0)
    if (nodes["bitset_idx"][categorical] >= len(bitsets)).any():
        raise SecurityRefusalError("a boosted tree refers to categories that are not there")
    if not is_categorical[nodes["feature_idx"][categorical]].all():
        raise SecurityRefusalError("a boosted tree takes a number for a category")


def check_neighbours(data: Array, order: Array, nodes: Array, bounds: Array, *, corners: int) -> None:
    """Check the state of a k-d tree or a ball tree. Raises SecurityRefusalError.

    `data` has shape (rows, features), `order` is a permutation of the rows, `nodes` a binary heap of ranges of `order`,
    `bounds` has shape (corners, nodes, features): two corners of a box, or one centre of a ball.
    """
    rows, features = data.shape
    if bounds.shape != (corners, len(nodes), features) or nodes.ndim != 1 or len(nodes) == 0:
        raise SecurityRefusalError("a neighbour tree has arrays of the wrong shape")
    if order.shape != (rows,) or not np.array_equal(np.sort(order), np.arange(rows)):
        raise SecurityRefusalError("a neighbour tree refers to rows that are not there")
    start, end = nodes["idx_start"], nodes["idx_end"]
    if (start < 0).any() or (end < start).any() or (end > rows).any():
        raise SecurityRefusalError("a neighbour tree has a node that leaves its rows")
    first_without_children = (len(nodes) - 1) // 2
    if (nodes["is_leaf"][first_without_children:] == 0).any():
        raise SecurityRefusalError("a neighbour tree has a node whose children are not there")


def check_children(left: Array, right: Array, inner: Array) -> None:
    """Check that the nodes marked `inner` and their children form a tree rooted in node 0. Raises SecurityRefusalError."""
    if len(inner) == 0:
        raise SecurityRefusalError("a tree has no nodes")
    parents = np.flatnonzero(inner)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    if (children < 0).any() or (children >= len(inner)).any():
        raise SecurityRefusalError("a tree has a child that is out of range")
    if (children <= np.tile(parents, 2)).any():
        raise SecurityRefusalError("a tree has a loop")
    if len(np.unique(children)) != len(children):
        raise SecurityRefusalError("a tree has a node with two parents")


def check_features(asked: Array, n_features: object) -> None:
    """Check that splits ask only for features that the rows have. Raises SecurityRefusalError."""
    if not isinstance(n_features, int) or (asked < 0).any() or (asked >= n_features).any():
        raise SecurityRefusalError("a tree asks for a feature that is out of range")
