"""The two operators of an ONNX graph whose kernels follow many indexes of the file: trees, and vocabularies.

Every index is looked at before a runtime is. What else a graph may contain is `release.artifact.onnx_check`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from release.artifact.onnx_file import Kind, Node, Tensor
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREES = frozenset(
    {"aggregate_function", "post_transform", "n_targets", "tree_roots", "nodes_featureids", "nodes_splits", "nodes_modes"}
    | {"nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs"}
    | {"nodes_missing_value_tracks_true", "leaf_targetids", "leaf_weights"}
)
WORDS = frozenset(
    {"mode", "min_gram_length", "max_gram_length", "max_skip_count", "ngram_counts", "ngram_indexes", "pool_strings"}
)
_LONGEST_GRAM = 3
_SUM = 1


def check_trees(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    """Return the targets of a TreeEnsemble, having checked that its nodes are trees.

    Each node and leaf exists, no node is a child twice or a child of a later one (so no walk goes round), features are those
    there are. Raises SecurityRefusalError. https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
    """
    if len(made) != 1 or made[0] is None or constants:
        raise SecurityRefusalError("a TreeEnsemble has other inputs than one row of numbers")
    splits, modes, weights = (_numbers(node, name) for name in ("nodes_splits", "nodes_modes", "leaf_weights"))
    features, roots, missing = (
        _indexes(node, name) for name in ("nodes_featureids", "tree_roots", "nodes_missing_value_tracks_true")
    )
    targets, wanted = _indexes(node, "leaf_targetids"), node.attributes["n_targets"]
    count, leaves = len(splits), len(weights)
    sides = [
        (_indexes(node, f"nodes_{side}nodeids"), _indexes(node, f"nodes_{side}leafs").astype(np.bool_))
        for side in ("true", "false")
    ]
    long = {len(modes), len(features), len(missing), *(len(one) for side in sides for one in side)}
    if long != {count} or len(targets) != leaves or not count or not isinstance(wanted, int) or wanted < 1:
        raise SecurityRefusalError("the lists of a TreeEnsemble have different lengths")
    if node.attributes["aggregate_function"] != _SUM or node.attributes["post_transform"] != 0 or modes.any():
        raise SecurityRefusalError("a TreeEnsemble has a mode that is not used")
    if features.max() >= made[0] or (leaves and targets.max() >= wanted):
        raise SecurityRefusalError("a tree reads a feature, or writes a target, that does not exist")
    children = [np.where(leaf, -1, child) for child, leaf in sides]
    for (child, leaf), inner in zip(sides, children, strict=True):
        if (child[leaf] >= leaves).any() or (inner >= count).any() or (~leaf & (inner <= np.arange(count))).any():
            raise SecurityRefusalError("a tree has a node that does not exist, or walks backwards")
    found = np.concatenate([roots, *(one[one >= 0] for one in children)])
    if len(found) != count or (np.sort(found) != np.arange(count)).any():
        raise SecurityRefusalError("a node of a tree has no parent, or two")
    return wanted


def check_words(node: Node, made: list[int | None], constants: list[Tensor]) -> int:
    """Return the width of a TfIdfVectorizer, having checked its vocabulary's bounds. Raises SecurityRefusalError."""
    if made != [None] or constants:
        raise SecurityRefusalError("a TfIdfVectorizer has other inputs than words")
    longest, pool = node.attributes["max_gram_length"], node.attributes["pool_strings"]
    counts, places = _indexes(node, "ngram_counts"), _indexes(node, "ngram_indexes")
    fixed = [node.attributes[name] for name in ("mode", "min_gram_length", "max_skip_count")]
    if fixed != ["TF", 1, 0] or not isinstance(longest, int) or not 1 <= longest <= _LONGEST_GRAM or len(counts) != longest:
        raise SecurityRefusalError("a TfIdfVectorizer has a mode that is not used")
    words = len(pool) if isinstance(pool, tuple) else 0
    sizes = np.diff([*counts.tolist(), words])
    grams = sizes // np.arange(1, longest + 1)
    if counts[0] != 0 or (sizes < 0).any() or (sizes % np.arange(1, longest + 1)).any() or grams.sum() != len(places):
        raise SecurityRefusalError("the vocabulary of a TfIdfVectorizer does not fit its counts")
    if (np.sort(places) != np.arange(len(places))).any():
        raise SecurityRefusalError("a word of a TfIdfVectorizer has no place of its own")
    return len(places)


def _numbers(node: Node, name: str) -> NDArray[np.generic]:
    value = node.attributes[name]
    kind = Kind.UINT8 if name == "nodes_modes" else Kind.DOUBLE
    if not isinstance(value, Tensor) or value.kind is not kind or len(value.shape) != 1:
        raise SecurityRefusalError(f"the {name} of a {node.op} are no numbers")
    return value.array()


def _indexes(node: Node, name: str) -> NDArray[np.int64]:
    value = node.attributes[name]
    if not isinstance(value, tuple) or any(isinstance(one, str) for one in value[:1]):
        raise SecurityRefusalError(f"the {name} of a {node.op} are no numbers")
    return np.array(value, dtype=np.int64)
