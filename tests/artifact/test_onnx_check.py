"""ONNX files are one spelling of one graph; hostile ones are refused, for their own reason, before a runtime sees them."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from release.artifact import onnx_check, onnx_file, protobuf
from release.artifact.onnx_check import check
from release.artifact.onnx_file import Graph, Kind, Node, Port, Tensor, decode, encode, tensor, texts
from release.errors import SecurityRefusalError

TREE: dict[str, Any] = {
    "aggregate_function": 1,
    "post_transform": 0,
    "n_targets": 1,
    "tree_roots": (0,),
    "nodes_featureids": (0, 2),
    "nodes_splits": tensor(np.array([0.5, 300.0])),
    "nodes_modes": tensor(np.zeros(2, dtype=np.uint8)),
    "nodes_truenodeids": (0, 1),
    "nodes_trueleafs": (1, 1),
    "nodes_falsenodeids": (1, 2),
    "nodes_falseleafs": (0, 1),
    "nodes_missing_value_tracks_true": (0, 1),
    "leaf_targetids": (0, 0, 0),
    "leaf_weights": tensor(np.array([1.0, 2.0, -3.0])),
}
WORDS: dict[str, Any] = {
    "mode": "TF",
    "min_gram_length": 1,
    "max_gram_length": 2,
    "max_skip_count": 0,
    "ngram_counts": (0, 2),
    "ngram_indexes": (1, 0, 2),
    "pool_strings": ("no", "pain", "no", "pain"),
}
CODES: dict[str, Any] = {
    "keys_tensor": texts(("low", "high")),
    "values_tensor": tensor(np.array([1.0, 2.0])),
    "default_tensor": tensor(np.array([0.0])),
}


def node(op: str, *inputs: str, to: str, **attributes: Any) -> Node:
    return Node(op, onnx_check.DOMAINS.get(op, ""), inputs, to, attributes)


def graph(*nodes: Node, **constants: Any) -> Graph:
    """Make a graph of three numbers, a category and a text, whose output is `out`, one number."""
    ports = (Port("numbers", Kind.DOUBLE, 3), Port("text/grade", Kind.STRING, 1), Port("text/note", Kind.STRING, None))
    kept = {name: one if isinstance(one, Tensor) else tensor(np.asarray(one)) for name, one in constants.items()}
    return Graph(ports, (Port("out", Kind.DOUBLE, 1),), kept, nodes)


def good(**change: Any) -> Graph:
    """Make a graph with every kind of part; `change` replaces attributes of its tree, words or codes by prefix."""
    tree, words, codes = (
        {**attributes, **{name[2:]: value for name, value in change.items() if name.startswith(prefix)}}
        for prefix, attributes in (("t_", TREE), ("w_", WORDS), ("c_", CODES))
    )
    return graph(
        node("TreeEnsemble", "numbers", to="a", **tree),
        node("TfIdfVectorizer", "text/note", to="counts", **words),
        node("ReduceSum", "counts", "one", to="b", keepdims=1),
        node("LabelEncoder", "text/grade", to="c", **codes),
        node("Concat", "a", "c", to="d", axis=1),
        node("MatMul", "d", "weights", to="e"),
        node("Gather", "numbers", "places", to="f", axis=1),
        node("Add", "e", "f", to="out"),
        one=np.array([1]),
        weights=[[0.5], [2.0]],
        places=np.array([2]),
    )


def refused(content: bytes, reason: str) -> None:
    with pytest.raises(SecurityRefusalError, match=reason) as caught:
        check(content, where="m/model.onnx")
    assert str(caught.value).startswith("m/model.onnx: ")
    assert "\n" not in str(caught.value)


def test_a_file_comes_back_as_it_was_written() -> None:
    """The same graph, and the same bytes again."""
    content = encode(good())
    assert decode(content) == good()
    assert encode(decode(content)) == content
    assert check(content, where="m") == good()


def test_numbers_of_any_size_are_read_as_written() -> None:
    """One to nine bytes each; what is longer, negative or cut off is none of ours."""
    values = [0, 1, 127, 128, 300, 2**31, 2**62, 2**63 - 1]
    assert protobuf.unpacked(protobuf.packed(values)).tolist() == values
    assert b"".join(map(protobuf.varint, values)) == protobuf.packed(values)
    assert protobuf.unpacked(b"").tolist() == []
    for content in (b"\x80", b"\xff" * 10 + b"\x01"):
        with pytest.raises(SecurityRefusalError, match="malformed"):
            protobuf.unpacked(content)
    with pytest.raises(ValueError, match="negative"):
        protobuf.packed([-1])


def test_whatever_is_done_to_a_file_it_is_read_whole_or_refused() -> None:
    """Bytes flipped, cut off or added never raise anything else, and never pass as another spelling of a graph."""
    content = encode(good())
    changed = [content[:at] for at in range(0, len(content), 7)]
    changed += [
        content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :] for at in range(len(content)) for bit in (1, 128)
    ]
    passed = 0
    for one in changed:
        try:
            found = check(one, where="m")
        except SecurityRefusalError:
            continue
        assert encode(found) == one
        passed += 1
    assert 0 < passed < len(changed) / 2  # another weight is another model, and its digest says so


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no graph"),
        (b"pickle", "malformed|not used|no graph"),
        (encode(good()) + protobuf.text(6, "doc"), "not in its canonical form"),
        (encode(good()).replace(b"release", b"another"), "not in its canonical form"),
        (encode(good()) + protobuf.block(25, b""), "not in its canonical form"),  # functions
    ],
)
def test_other_files_are_refused(content: bytes, reason: str) -> None:
    """No graph, another producer, functions or comments: nothing that our own writer would not have written."""
    refused(content, reason)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (5, protobuf.block(13, protobuf.text(1, "location"))),  # external data
        (5, protobuf.number(14, 1)),
        (15, b""),  # sparse constants
    ],
)
def test_constants_that_are_kept_elsewhere_are_refused(field: int, value: bytes) -> None:
    """No file beside the model is ever opened."""
    content = protobuf.block(7, protobuf.block(field, value))
    refused(content, "kept in a way that is not used|not in its canonical form|has no values")


def test_graphs_in_graphs_are_refused() -> None:
    """An attribute may not hold a graph: so there are no branches and no loops."""
    inner = protobuf.text(1, "body") + protobuf.block(6, b"") + protobuf.number(20, 5)
    loop = protobuf.text(2, "out") + protobuf.text(4, "Loop") + protobuf.block(5, inner)
    refused(protobuf.block(7, protobuf.block(1, loop)), "of a kind that is not used")


@pytest.mark.parametrize(
    ("nodes", "constants", "reason"),
    [
        ([node("Loop", "numbers", to="out")], {}, "operator :Loop that is not on the list"),
        ([Node("Add", "evil", ("numbers",), "out", {})], {}, "operator evil:Add that is not on the list"),
        ([node("Cast", "numbers", to="out")], {}, "other attributes than those it must have"),
        ([Node("Cast", "", ("numbers",), "out", {"to": 8})], {}, "has a to that is not used"),
        ([node("Abs", "nothing", to="out")], {}, "reads 'nothing', which nothing has made yet"),
        ([node("Abs", "numbers", to="numbers")], {}, "two of its values are called 'numbers'"),
        ([node("Abs", "numbers", to="other")], {}, "output 'out' is not what its nodes make"),
        ([node("Abs", "text/note", to="out")], {}, "words stand where numbers were expected"),
        ([node("Abs", "c", to="out")], {"c": [1.0]}, "depends on no input"),
        ([node("Add", "numbers", "c", to="out")], {"c": [1.0, 2.0]}, "inputs of a Add do not fit"),
        ([node("Add", "numbers", "c", to="out")], {"c": np.ones((1000, 3))}, "a constant table stands where one row"),
        ([node("MatMul", "numbers", "c", to="out")], {"c": np.ones((2, 1))}, "inputs of a MatMul do not fit"),
        ([node("Gather", "numbers", "c", to="out", axis=1)], {"c": np.array([3])}, "a Gather reads beyond its input"),
        ([node("Abs", "numbers", to="out")], {"c": np.ones((1, 1, 1))}, "more than two dimensions"),
        ([node("Abs", "numbers", to="out")], {"c": Tensor(Kind.DOUBLE, (9,), b"8 bytes.")}, "another size than its shape"),
        ([node("Abs", "numbers", to="out")], {"c": Tensor(Kind.DOUBLE, (2**62,), b"")}, "another size than its shape"),
        ([node("Abs", "numbers", to="out")], {"c": texts(("a",))}, "of a type that is not used"),
    ],
)
def test_graphs_that_do_not_fit_together_are_refused(nodes: list[Node], constants: dict[str, Any], reason: str) -> None:
    """Operators, attributes, names, widths and constants are all looked at."""
    refused(encode(graph(*nodes, **constants)), reason)


def test_values_that_double_are_refused() -> None:
    """A short file must not ask for all memory: thirty nodes could make a row of a billion numbers."""
    names = ["numbers", *(f"v{step}" for step in range(30))]
    nodes = [node("Concat", one, one, to=other, axis=1) for one, other in pairwise(names)]
    refused(encode(graph(*nodes)), r"a Concat makes \d+ numbers a row, more than 1000000")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"t_nodes_falsenodeids": (0, 2)}, "walks backwards"),
        ({"t_nodes_falsenodeids": (2, 2)}, "does not exist"),
        ({"t_nodes_truenodeids": (3, 1)}, "does not exist"),
        ({"t_nodes_trueleafs": (0, 1), "t_nodes_truenodeids": (1, 1)}, "has no parent, or two"),
        ({"t_tree_roots": (0, 1)}, "has no parent, or two"),
        ({"t_tree_roots": (1,)}, "has no parent, or two"),
        ({"t_nodes_featureids": (0, 3)}, "a feature, or writes a target, that does not exist"),
        ({"t_leaf_targetids": (0, 0, 1)}, "a feature, or writes a target, that does not exist"),
        ({"t_nodes_featureids": (0,)}, "different lengths"),
        ({"t_leaf_weights": tensor(np.array([1.0]))}, "different lengths"),
        ({"t_nodes_modes": tensor(np.ones(2, dtype=np.uint8))}, "a mode that is not used"),
        ({"t_nodes_splits": texts(("a", "b"))}, "are no numbers"),
        ({"t_aggregate_function": 2}, "a mode that is not used"),
        ({"w_ngram_indexes": (1, 0, 3)}, "no place of its own"),
        ({"w_ngram_counts": (0, 3)}, "does not fit its counts"),
        ({"w_ngram_counts": (1, 2)}, "does not fit its counts"),
        ({"w_max_gram_length": 9}, "a mode that is not used"),
        ({"w_mode": "IDF"}, "a mode that is not used"),
        ({"c_keys_tensor": texts(("low",))}, "other keys than values"),
        ({"c_default_tensor": tensor(np.array([1]))}, "other keys than values"),
        ({"c_keys_tensor": 3}, "inputs of a LabelEncoder do not fit"),
    ],
)
def test_indexes_that_a_kernel_would_follow_are_refused(change: dict[str, Any], reason: str) -> None:
    """Trees that walk in circles or out of their arrays, vocabularies and codes that do not fit."""
    refused(encode(good(**change)), reason)


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is looked at first."""
    monkeypatch.setattr(onnx_check, "MOST_BYTES", 10)
    refused(encode(good()), "more than 10")


def test_the_operator_sets_are_pinned() -> None:
    """A newer converter must not change the bytes of a model: raising these is raising every ONNX model's digest."""
    assert (onnx_file.IR_VERSION, onnx_file.OPSETS) == (10, {"": 21, "ai.onnx.ml": 5})
    content = encode(dataclasses.replace(good(), nodes=good().nodes))
    assert content.startswith(b"\x08\x0a\x12\x07release")
