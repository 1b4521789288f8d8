"""Hostile model files: each is refused for its own reason, before anything in it runs."""

from __future__ import annotations

import io
import json
import pickle
import random
import re
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sklearn
import skops.io
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import SVC

from release.artifact.canonical import dump, load
from release.artifact.npy import read_npy, write_npy
from release.artifact.storedzip import Limits, pack
from release.errors import BadInputError, ReleaseError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3))
Y = np.arange(60) % 3
WORDS = [f"red green {'blue' if number % 2 else 'black'}" for number in range(60)]
COLOURS = DRAW.choice(["red", "green", "blue"], (60, 2))

FOREST = dump(RandomForestClassifier(2, max_depth=3, random_state=0).fit(X, Y))


def opened(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the parsed description and the arrays of a file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files.pop("schema.json")), files


def closed(schema: Any, files: dict[str, bytes]) -> bytes:
    """Pack a description and arrays as the canonical layout does."""
    text = schema if isinstance(schema, bytes) else json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()
    return pack({"schema.json": text, **files})


def refused(content: bytes, reason: str, **options: Any) -> None:
    """Check that a file is refused with this reason, in one line that names it, with exit code 3."""
    with pytest.raises(SecurityRefusalError, match=reason) as caught:
        load(content, where="models/m.skops", **options)
    assert str(caught.value).startswith("models/m.skops: ")
    assert "\n" not in str(caught.value)
    assert caught.value.code == 3


def attribute(schema: dict[str, Any], *path: str | int) -> dict[str, Any]:
    """Return the node of an attribute, through objects and lists."""
    node = schema
    for part in path:
        inner = node["content"]
        node = inner[part] if isinstance(part, int) else inner["content"][part] if "__loader__" in inner else inner[part]
    return node


def test_a_pickle_by_another_name() -> None:
    """A pickle is not even looked into."""
    refused(pickle.dumps({"a": 1}), "it is a pickle")


@pytest.mark.parametrize("content", [b"", b"P", b"hello", b"\x93NUMPY\x01\x00", b"PK\x05\x06" + bytes(18)])
def test_something_else(content: bytes) -> None:
    """Bytes that are no archive of a model are said to be none."""
    refused(content, "it is not a skops file")


def test_bytes_around_the_archive() -> None:
    """Bytes before, after and instead of the end are three different reasons."""
    refused(b"#!/bin/sh\n" + FOREST, "10 bytes come before")
    refused(FOREST + b"more", "4 bytes follow")
    refused(FOREST[:-1], "cut short")
    refused(FOREST[: len(FOREST) // 2], "cut short")


def rewritten(change: Callable[[zipfile.ZipFile], None]) -> bytes:
    """Add to a good file with an ordinary zip writer."""
    stream = io.BytesIO(FOREST)
    with zipfile.ZipFile(stream, "a") as archive:
        change(archive)
    return stream.getvalue()


def test_an_entry_that_is_there_twice() -> None:
    """Which of two entries counts depends on the reader, so neither does."""
    with pytest.warns(UserWarning, match="Duplicate"):
        content = rewritten(lambda archive: archive.writestr("schema.json", b"{}"))
    refused(content, "schema.json is there twice")


def test_an_entry_nobody_knows() -> None:
    """Names that the format does not have, and arrays that nothing refers to, are unknown."""
    refused(rewritten(lambda archive: archive.writestr("../evil.py", b"")), r"entry '\.\./evil\.py' is unknown")
    refused(rewritten(lambda archive: archive.writestr("99999.npy", b"")), "99999.npy is unknown")


def test_a_zip_bomb() -> None:
    """A compressed entry is refused by its header, without decompressing it."""
    bomb = rewritten(lambda archive: archive.writestr("9.npy", bytes(50_000_000), zipfile.ZIP_DEFLATED))
    refused(bomb, "compressed .*zip bomb")


def test_an_array_referred_to_without_end() -> None:
    """Arrays count as often as they are referred to."""
    refused(FOREST, "expand to more than 1000 bytes", limits=Limits(expanded=1000))


def test_sizes_are_checked_first() -> None:
    """Files, descriptions and numbers of entries beyond the limits are refused before they are parsed."""
    refused(FOREST, "more than the 100 that a model file may have", limits=Limits(size=100))
    refused(FOREST, r"schema\.json has \d+ bytes, more than the 100", limits=Limits(schema=100))
    refused(FOREST, "more than 3 entries", limits=Limits(entries=3))
    refused(FOREST, "nested more than 4 deep", limits=Limits(depth=4))
    refused(closed(b"[" * 10_000_000, {}), "mostly brackets")


def test_a_description_that_is_no_json() -> None:
    """Text, deep nesting and missing parts are malformed, whatever the parser raises."""
    refused(closed(b"nonsense", {}), r"malformed \(JSONDecodeError\)")
    refused(closed(b"[" * 500 + b" " * 16_000, {}), "malformed")
    refused(closed([], {}), "skops protocol 2")
    refused(pack({"0.npy": b""}), "no schema.json")


def test_an_older_protocol() -> None:
    """A file cannot choose older, laxer rules."""
    schema, files = opened(FOREST)
    for protocol in (0, 1, 3, True, "2", None):
        refused(closed({**schema, "protocol": protocol}, files), "skops protocol 2")


@pytest.mark.parametrize(
    ("kind", "module", "name"),
    [
        ("FunctionNode", "posix", "system"),
        ("TypeNode", "builtins", "eval"),
        ("ObjectNode", "os", "_wrap_close"),
        ("ObjectNode", "sklearn.linear_model._stochastic_gradient", "SGDClassifier"),
        ("FunctionNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
        ("MethodNode", "sklearn.ensemble._forest", "RandomForestClassifier"),
        ("OperatorFuncNode", "operator", "methodcaller"),
        ("CachedNode", "builtins", "str"),
        ("ReduceNode", "posix", "system"),
    ],
)
def test_types_that_are_not_on_the_list(kind: str, module: str, name: str) -> None:
    """Only our own list of types counts, each in the one way it is built; the refusal names the type."""
    schema, files = opened(FOREST)
    attribute(schema, "oob_score").clear()
    attribute(schema, "oob_score").update({"__loader__": kind, "__module__": module, "__class__": name, "content": "x"})
    refused(closed(schema, files), rf"it holds {re.escape(module)}\.{name}")


def test_a_plain_skops_file_is_not_canonical() -> None:
    """A harmless file that something else wrote is not taken for the one whose digest was promised."""
    model = RandomForestClassifier(2, max_depth=3, random_state=0).fit(X, Y)
    refused(skops.io.dumps(model), "not in its canonical form")
    schema, files = opened(FOREST)
    refused(closed(json.dumps(schema).encode(), files), "not in its canonical form")


def test_no_estimator() -> None:
    """A file may hold nothing but a model."""
    node = {"__class__": "str", "__loader__": "JsonNode", "__module__": "builtins", "content": "1", "is_json": True}
    refused(closed({**node, "protocol": 2, "_skops_version": "0.16.0"}, {}), "holds no estimator")


def test_another_scikit_learn() -> None:
    """A model of another scikit-learn is bad input, whether the caller or the file says so; both versions are named."""
    message = rf"^m: the model was trained with scikit-learn 0\.24\.2, but {re.escape(sklearn.__version__)} is installed"
    with pytest.raises(BadInputError, match=message) as caught:
        load(FOREST, where="m", sklearn_version="0.24.2")
    assert caught.value.code == 2
    schema, files = opened(FOREST)
    attribute(schema, "_sklearn_version")["content"] = '"0.24.2"'
    with pytest.raises(BadInputError, match=message):
        load(closed(schema, files), where="m", sklearn_version=sklearn.__version__)


def with_nodes(content: bytes, field: str, row: int, value: int) -> bytes:
    """Set one field of one node of the first array of tree nodes in a file."""
    schema, files = opened(content)
    for name, body in files.items():
        nodes = read_npy(body).copy()
        if nodes.dtype.names and field in nodes.dtype.names:
            nodes[field][row] = value
            return closed(schema, {**files, name: write_npy(nodes)})
    pytest.fail("no such array")


@pytest.mark.parametrize(
    ("field", "row", "value", "reason"),
    [
        ("left_child", 1, 1, "loop"),
        ("right_child", 1, 0, "loop"),
        ("left_child", 0, 10**6, "child that is out of range"),
        ("right_child", 0, -2, "child that is out of range"),
        ("right_child", 0, 1, "two parents"),
        ("feature", 0, 3, "feature that is out of range"),
        ("feature", 0, -1, "feature that is out of range"),
        ("left_child", 0, -1, "leaf with a child"),
    ],
)
def test_crafted_trees(field: str, row: int, value: int, reason: str) -> None:
    """A tree that would hang or crash compiled code is refused, by what is wrong with it."""
    refused(with_nodes(FOREST, field, row, value), reason)


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (("node_count",), "100000", "another number of nodes"),
        (("node_count",), '"9"', "no whole numbers"),
        (("max_depth",), "-1", "another number of nodes"),
    ],
)
def test_crafted_tree_counts(path: tuple[str], content: str, reason: str) -> None:
    """The counts that a tree's constructor believes are compared with its arrays first."""
    schema, files = opened(FOREST)
    attribute(schema, "estimators_", 0, "tree_")["content"]["content"][path[0]]["content"] = content
    refused(closed(schema, files), reason)


def test_a_tree_with_more_outputs_than_it_has() -> None:
    """The number of outputs decides how far the constructor reads, so it is checked before."""
    schema, files = opened(FOREST)
    attribute(schema, "estimators_", 0, "tree_")["__reduce__"]["args"]["content"][2]["content"] = "1000000"
    refused(closed(schema, files), "another number of outputs")


def test_a_tree_wider_than_its_forest() -> None:
    """A forest checks rows once for all its trees, so all must expect the same number of features."""
    schema, files = opened(FOREST)
    attribute(schema, "n_features_in_")["content"] = "2"
    refused(closed(schema, files), "another number of features")


def test_an_estimator_that_checks_nothing() -> None:
    """Without its number of features scikit-learn would check no rows at all."""
    schema, files = opened(FOREST)
    attribute(schema, "n_features_in_")["content"] = "null"
    refused(closed(schema, files), "does not say how many features")


def test_an_attribute_that_hides_a_method() -> None:
    """No attribute may take the place of a method that checks rows."""
    schema, files = opened(FOREST)
    attributes, kinds = schema["content"]["content"], schema["content"]["key_types"]["content"]
    attributes["_validate_X_predict"] = attributes["verbose"]
    kinds.append(kinds[0])
    refused(closed(schema, files), "'_validate_X_predict' of a RandomForestClassifier hides")


def test_a_tree_outside_an_estimator() -> None:
    """A bare tree as the last step of a pipeline would answer rows that nobody has checked."""
    schema, files = opened(dump(Pipeline([("only", RandomForestClassifier(1, random_state=0).fit(X, Y))])))
    forest = attribute(schema, "steps", 0, 1)
    tree = attribute(forest, "estimators_", 0, "tree_")
    attribute(schema, "steps", 0)["content"][1] = tree
    used = set(re.findall(r"\d+\.npy", json.dumps(schema)))
    refused(closed(schema, {name: body for name, body in files.items() if name in used}), "a Tree is in a place")


@pytest.mark.parametrize(
    ("field", "row", "value", "reason"),
    [
        ("left", 0, 0, "loop"),
        ("right", 0, 4_000_000_000, "child that is out of range"),
        ("feature_idx", 0, 3, "feature that is out of range"),
        ("is_categorical", 0, 1, "categories that are not there"),
    ],
)
def test_crafted_boosted_trees(field: str, row: int, value: int, reason: str) -> None:
    """The trees of histogram boosting are checked like the others, and what they know of categories too."""
    model = HistGradientBoostingClassifier(max_iter=1, min_samples_leaf=5, random_state=0).fit(X, Y)
    refused(with_nodes(dump(model), field, row, value), reason)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize(
    ("field", "row", "value", "reason"),
    [
        ("idx_end", 2, 61, "leaves its rows"),
        ("idx_start", 0, -1, "leaves its rows"),
        ("is_leaf", -1, 0, "children are not there"),
    ],
)
def test_crafted_neighbour_trees(algorithm: str, field: str, row: int, value: int, reason: str) -> None:
    """Trees over training rows stay within those rows."""
    content = dump(KNeighborsClassifier(algorithm=algorithm, leaf_size=10).fit(X, Y))
    refused(with_nodes(content, field, row, value), reason)


def altered(model: Any, **attributes: Any) -> bytes:
    """Write a model some of whose fitted attributes were set to something else."""
    for name, value in attributes.items():
        setattr(model, name, value)
    return dump(model)


def crafted() -> list[Any]:
    """Make models whose parts do not fit, as no training leaves them."""
    svm, words, one_hot = SVC().fit(X, Y), TfidfVectorizer().fit(WORDS), OneHotEncoder(drop="first").fit(COLOURS)
    sparse_svm = SVC().fit(sparse.csr_matrix(X), Y)
    rare = OneHotEncoder(min_frequency=25).fit(COLOURS)
    near, brute = KNeighborsClassifier().fit(X, Y), KNeighborsClassifier(algorithm="brute").fit(X, Y)
    boosted = HistGradientBoostingClassifier(max_iter=1).fit(X, Y)
    return [
        (svm, {"_n_support": np.array([1, 1, 1], dtype=np.int32)}, "sizes do not fit"),
        (svm, {"support_vectors_": svm.support_vectors_[:, :2].copy()}, "sizes do not fit"),
        (svm, {"_dual_coef_": svm._dual_coef_[:1].copy()}, "sizes do not fit"),
        (svm, {"_intercept_": svm._intercept_[:1].copy()}, "sizes do not fit"),
        (svm, {"_probA": np.zeros(2)}, "sizes do not fit"),
        (svm, {"kernel": "precomputed"}, "kernel 'precomputed'"),
        (sparse_svm, {"_dual_coef_": sparse_svm._dual_coef_[:1]}, "sizes do not fit"),
        (words, {"vocabulary_": {"red": 0, "green": 10**6}}, "columns that are not there"),
        (words, {"token_pattern": "(a+)+$"}, "not the ordinary one"),
        (one_hot, {"_n_features_outs": [1, 1]}, "another number of columns"),
        (one_hot, {"drop_idx_": None, "_drop_idx_after_grouping": np.array([9, 9], dtype=object)}, "drops a category"),
        (rare, {"_default_to_infrequent_mappings": [np.array([0, 7, 1]), None]}, "outside its columns"),
        (near, {"_y": np.full(60, 3)}, "labels that are no classes"),
        (near, {"n_samples_fit_": 61}, "another number of rows"),
        (near, {"n_neighbors": 61}, "more neighbours than it has"),
        (near, {"effective_metric_": "manhattan"}, "made of other rows"),
        (near, {"_fit_X": X[:, :2].copy(), "n_features_in_": 2}, "made of other rows"),
        (boosted, {"n_trees_per_iteration_": 10**8}, "another number of trees"),
        (boosted, {"_in_fit": True}, "still being trained"),
        (brute, {"effective_metric_": "seuclidean"}, "unknown way"),
        (boosted, {"_preprocessor": FunctionTransformer()}, "encodes categories itself"),
    ]


@pytest.mark.parametrize("number", range(len(crafted())))
def test_parts_that_do_not_fit(number: int) -> None:
    """Counts and indexes that compiled code would follow are compared with each other."""
    model, attributes, reason = crafted()[number]
    refused(altered(model, **attributes), reason)


def test_a_sparse_matrix_out_of_range() -> None:
    """The column indexes of a sparse matrix stay within its columns."""
    schema, files = opened(dump(KNeighborsClassifier().fit(sparse.csr_matrix(X), Y)))
    name = next(name for name in files if name.endswith(".npz"))
    with zipfile.ZipFile(io.BytesIO(files[name])) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    parts["indices.npy"] = write_npy(read_npy(parts["indices.npy"]) + 10**6)
    refused(closed(schema, {**files, name: pack(parts)}), "indexes out of range")


def test_arrays_that_lie_about_their_size() -> None:
    """An array header that promises another size, or objects, is refused before memory is taken."""
    schema, files = opened(FOREST)
    name, body = next((name, body) for name, body in files.items() if b"'<f8'" in body)
    shape = re.search(rb"'shape': \([^)]*\), \}", body)
    assert shape is not None
    claim = b"'shape': (99999999999,), }"[: len(shape[0])].ljust(len(shape[0]))
    refused(closed(schema, {**files, name: body.replace(shape[0], claim)}), "array")
    refused(closed(schema, {**files, name: body.replace(b"'<f8'", b"'|O8'")}), "not plain numbers|cannot be read")
    refused(closed(schema, {**files, name: body.replace(b"'<f8'", b"'>f8'")}), "not plain numbers")
    refused(closed(schema, {**files, name: b"x" + body}), "npy format")


def outcome(content: bytes) -> str:
    """Say what a damaged file led to; another exception from loading, a crash or a hang fails the test."""
    try:
        model: Any = load(content, where="m")
    except ReleaseError as error:
        return type(error).__name__
    try:
        model.predict(X)
    except Exception:  # noqa: BLE001 (a parameter such as C may now be nonsense, which scikit-learn itself refuses)
        return "useless"
    return "loaded"


def test_flipped_bytes() -> None:
    """Every file with one byte changed is refused; no other exception escapes."""
    draw = random.Random(1)
    for _ in range(150):
        at = draw.randrange(len(FOREST))
        content = bytearray(FOREST)
        content[at] ^= 1 << draw.randrange(8)
        assert outcome(bytes(content)) == "SecurityRefusalError", at


def places(node: Any) -> list[tuple[Any, Any]]:
    """List every container in a parsed description with each of its keys."""
    found: list[tuple[Any, Any]] = []
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict | list):
            keys = list(item) if isinstance(item, dict) else range(len(item))
            found += [(item, key) for key in keys]
            stack += [item[key] for key in keys]
    return found


def mutate(draw: random.Random, schema: dict[str, Any]) -> None:
    """Change one random place of a parsed description into something else, or swap it with another place."""
    somewhere = places(schema)
    (node, key), (other, place) = draw.choice(somewhere), draw.choice(somewhere)
    values = [None, True, -1, 10**30, "", "x", [], {}, "1", "0", "-1", "99999999", "NaN", "[[]]", "0.npy", "2.npy"]
    node[key] = draw.choice(values) if draw.random() < 0.8 else json.loads(json.dumps(other[place]))


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2, max_depth=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5, random_state=0),
        SVC(),
        KNeighborsClassifier(algorithm="kd_tree", leaf_size=10),
        KNeighborsClassifier(algorithm="brute"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_changed_descriptions(model: Any) -> None:
    """A description changed anywhere is refused or still a model that answers; nothing else happens."""
    draw = random.Random(2)
    content = dump(model.fit(X, Y))
    seen = set()
    for _ in range(80):
        schema, files = opened(content)
        mutate(draw, schema)
        text = json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()
        used = set(re.findall(r"\d+\.npy", text.decode()))
        seen.add(outcome(closed(text, {name: body for name, body in files.items() if name in used})))
    assert {"SecurityRefusalError", "loaded"} <= seen <= {"SecurityRefusalError", "BadInputError", "loaded", "useless"}


def test_changed_arrays() -> None:
    """A bit flipped in any array gives a refusal or a model that still answers, never a crash."""
    draw = random.Random(3)
    seen = set()
    for model in (
        SVC(),
        KNeighborsClassifier(algorithm="ball_tree", leaf_size=10),
        RandomForestClassifier(2, random_state=0),
    ):
        schema, files = opened(dump(model.fit(X, Y)))
        for _ in range(60):
            name = draw.choice(sorted(name for name, body in files.items() if len(body) > 128))
            body = bytearray(files[name])
            body[draw.randrange(128, len(body))] ^= 1 << draw.randrange(8)
            seen.add(outcome(closed(schema, {**files, name: bytes(body)})))
    assert {"SecurityRefusalError", "loaded"} <= seen <= {"SecurityRefusalError", "loaded", "useless"}
