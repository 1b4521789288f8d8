"""Forests and boosted trees as one ONNX operator in float64: the same comparisons, so the same leaves.

The operator's float32 forms, which converters usually write, put rows near a threshold into other leaves.
https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.onnx_file import Kind, tensor
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from release.learning.onnx_graph import Builder, Value


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as arrays over its nodes, the root first, each parent before its children; leaves have no left child (-1).

    A row goes left where its feature is at most the threshold, or missing and `missing_left`. `values` are of the leaves.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]


def summed(builder: Builder, value: Value, trees: Sequence[Tree], targets: Sequence[int], *, width: int) -> Value:
    """Return the sums of the leaves that a row falls into, each tree's added to its target."""
    parts = [_arrays(tree) for tree in trees]
    nodes = np.cumsum([0, *(len(part["split"]) for part in parts)])
    leaves = np.cumsum([0, *(len(part["weight"]) for part in parts)])

    def child(side: str) -> tuple[int, ...]:
        places = [
            part[side] + np.where(part[f"{side}_leaf"], leaf, node)
            for part, node, leaf in zip(parts, nodes, leaves, strict=False)
        ]
        return _ints(np.concatenate(places))

    def whole(name: str) -> NDArray[Any]:
        return np.concatenate([part[name] for part in parts])

    return builder.node(
        "TreeEnsemble",
        value.name,
        width=width,
        aggregate_function=1,
        post_transform=0,
        n_targets=width,
        tree_roots=_ints(nodes[:-1]),
        nodes_featureids=_ints(whole("feature")),
        nodes_splits=tensor(whole("split")),
        nodes_modes=tensor(np.zeros(nodes[-1], dtype=np.uint8)),
        nodes_truenodeids=child("left"),
        nodes_trueleafs=_ints(whole("left_leaf")),
        nodes_falsenodeids=child("right"),
        nodes_falseleafs=_ints(whole("right_leaf")),
        nodes_missing_value_tracks_true=_ints(whole("missing")),
        leaf_targetids=_ints(np.repeat(targets, np.diff(leaves))),
        leaf_weights=tensor(whole("weight")),
    )


def forest(builder: Builder, value: Value, model: Any) -> Value:
    """Return a random forest's probabilities (of the positive class where there are two), or its prediction."""
    rounded = builder.node("Cast", value.name, width=value.width, to=1)  # as scikit-learn does before it compares
    value = builder.node("Cast", rounded.name, width=value.width, to=int(Kind.DOUBLE))
    count = len(model.estimators_)
    whole = [one.tree_ for one in model.estimators_]
    classes = getattr(model, "n_classes_", 1)
    if classes <= 2:  # noqa: PLR2004 (one number says both)
        trees = [_forest_tree(tree, tree.value[:, 0, classes - 1]) for tree in whole]
        return builder.with_row("Div", summed(builder, value, trees, [0] * count, width=1), float(count))
    # A leaf has a number for each class, and one place for one number: that of its row in a table.
    firsts = np.cumsum([0, *(tree.node_count for tree in whole)])
    trees = [_forest_tree(tree, first + np.arange(tree.node_count)) for tree, first in zip(whole, firsts, strict=False)]
    found = summed(builder, value, trees, range(count), width=count)
    rows = builder.node("Cast", found.name, width=count, to=int(Kind.INT64))
    axes = builder.constant(np.array([1], dtype=np.int64))
    table = np.concatenate([tree.value[:, 0, :] for tree in whole])
    shares = [
        builder.node("Gather", builder.constant(np.ascontiguousarray(table[:, one])), rows.name, width=count, axis=0)
        for one in range(classes)
    ]
    return builder.joined([builder.node("ReduceMean", one.name, axes, width=1, keepdims=1) for one in shares])


def boosting(builder: Builder, value: Value, model: Any) -> Value:
    """Return histogram boosting's raw predictions, one for each class where there are more than two."""
    grown = model._predictors  # noqa: SLF001 (scikit-learn keeps what it predicts with in private attributes)
    baseline = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)  # noqa: SLF001 (as above)
    trees = [_boosted_tree(one.nodes) for iteration in grown for one in iteration]
    targets = [place for iteration in grown for place in range(len(iteration))]
    return builder.with_row("Add", summed(builder, value, trees, targets, width=len(baseline)), baseline)


def _forest_tree(tree: Any, values: NDArray[Any]) -> Tree:
    nodes = tree.__getstate__()["nodes"]
    return Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        values=np.asarray(values, dtype=np.float64),
    )


def _boosted_tree(nodes: NDArray[Any]) -> Tree:
    if nodes["is_categorical"].any():
        raise BadInputError("trees that split on sets of categories have no ONNX form")
    leaf = nodes["is_leaf"].astype(np.bool_)
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        values=nodes["value"],
    )


def _arrays(tree: Tree) -> dict[str, NDArray[Any]]:
    """Return a tree as the operator has it: nodes that ask and leaves numbered apart, from 0."""
    is_leaf = tree.left < 0
    if is_leaf[0]:  # a tree that never asks must ask something: whatever it hears, it says the same
        zero, true = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.bool_)
        sides = {"left": zero, "right": zero, "left_leaf": true, "right_leaf": true}
        return {"feature": zero, "split": np.zeros(1), "missing": true, "weight": tree.values[:1], **sides}
    place = np.where(is_leaf, np.cumsum(is_leaf), np.cumsum(~is_leaf)) - 1
    asks = ~is_leaf
    found: dict[str, NDArray[Any]] = {
        "feature": tree.feature[asks],
        "split": tree.threshold[asks],
        "missing": tree.missing_left[asks],
        "weight": tree.values[is_leaf],
    }
    for side, children in (("left", tree.left[asks]), ("right", tree.right[asks])):
        found |= {side: place[children], f"{side}_leaf": is_leaf[children]}
    return found


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(np.asarray(values).astype(np.int64).tolist())
