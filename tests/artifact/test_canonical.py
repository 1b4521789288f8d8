"""Canonical model files: the same bytes everywhere, the same predictions after loading."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fitted_models
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import FunctionTransformer

from release.artifact.allowed import ALLOWED, TRUSTED
from release.artifact.canonical import dump, load
from release.artifact.storedzip import Limits
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from sklearn.pipeline import Pipeline

NAMES = sorted(fitted_models.pipelines())
SCRIPT = Path(fitted_models.__file__)


@pytest.fixture(scope="module")
def models() -> dict[str, Pipeline]:
    return fitted_models.fitted()


@pytest.fixture(scope="module")
def written(models: dict[str, Pipeline]) -> dict[str, bytes]:
    return {name: dump(model) for name, model in models.items()}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return fitted_models.table()


@pytest.fixture(scope="module")
def elsewhere() -> list[dict[str, str]]:
    """Digests from processes that differ in hash seed, OpenMP threads and jobs; one BLAS thread, as in training."""
    runs = []
    for seed, threads, jobs in (("0", "1", "1"), ("4242", "2", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, str(SCRIPT), jobs]
        runs.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    return [json.loads(run.communicate()[0]) for run in runs]


def entries(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def nodes(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield every JSON object of a file's description."""
    stack = [json.loads(entries(content)["schema.json"])]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_same_bytes_in_every_process(elsewhere: list[dict[str, str]], name: str) -> None:
    """Hash seed, thread count and number of jobs leave no trace in a model's file."""
    one, other = elsewhere
    assert one[name] == other[name]


@pytest.mark.parametrize("name", NAMES)
def test_predictions_survive(models: dict[str, Pipeline], written: dict[str, bytes], rows: pd.DataFrame, name: str) -> None:
    """A loaded model answers bit for bit what the trained one did, with our loader and with plain skops."""
    expected = fitted_models.answers(models[name], rows)
    ours = load(written[name], where="model.skops")
    plain = skops.io.loads(written[name], trusted=TRUSTED)
    assert np.array_equal(fitted_models.answers(ours, rows), expected)
    assert np.array_equal(fitted_models.answers(plain, rows), expected)


@pytest.mark.parametrize("name", NAMES)
def test_writing_again_changes_nothing(written: dict[str, bytes], rows: pd.DataFrame, name: str) -> None:
    """A loaded model, even after it has answered, is written as the bytes it came from."""
    model = load(written[name], where="model.skops")
    fitted_models.answers(model, rows)
    assert dump(model) == written[name]


def test_the_estimator_is_left_alone() -> None:
    """Writing changes neither `n_jobs` nor the vocabulary of the estimator that is written."""
    target, model = fitted_models.pipelines()["dummy"]
    rows = fitted_models.table()
    model.fit(rows[fitted_models.FEATURES], rows[target]).set_params(columns__n_jobs=2)
    dump(model)
    words = model["columns"].named_transformers_["words"].vocabulary_
    assert model["columns"].n_jobs == 2
    assert {type(column) for column in words.values()} == {np.int64}


def test_no_trace_of_the_training_run(written: dict[str, bytes]) -> None:
    """Addresses and processor counts are replaced, and nothing carries an object id."""
    attributes = ("n_threads", "n_jobs", "_stop_words_id", "_feature_subsample_rng")
    found: dict[str, set[str]] = {name: set() for name in attributes}
    for content in written.values():
        assert b"__id__" not in content
        for node in nodes(content):
            for name in attributes:
                if isinstance(node.get(name), dict):
                    found[name].add(node[name]["content"])
    assert found == {"n_threads": {"1"}, "n_jobs": {"null"}, "_stop_words_id": {"null"}, "_feature_subsample_rng": {"null"}}


def test_equal_arrays_are_stored_once(written: dict[str, bytes]) -> None:
    """No two entries of a file have the same bytes."""
    bodies = list(entries(written["forest"]).values())
    assert len(set(bodies)) == len(bodies)


def test_smaller_than_plain_skops(models: dict[str, Pipeline], written: dict[str, bytes]) -> None:
    """The canonical file is less than half of what skops itself writes."""
    assert len(written["forest"]) * 2 < len(skops.io.dumps(models["forest"]))


def test_every_allowed_type_is_needed(written: dict[str, bytes]) -> None:
    """The allow-list holds no type that no model here uses: each line of it is exercised."""
    seen = {
        (node["__loader__"], f"{node['__module__']}.{node['__class__']}")
        for content in written.values()
        for node in nodes(content)
        if "__loader__" in node
    }
    kinds = ["ObjectNode", "FunctionNode", "TreeNode", "LossNode", "PartialNode", "DTypeNode", "SliceNode"]
    assert {(kind, name) for kind in kinds for name in ALLOWED[kind]} - seen == set()


def test_sets_have_one_order() -> None:
    """The same set of words gives the same bytes however it was filled."""
    filled, grown_and_shrunk = {"a", "b", "c"}, {str(number) for number in range(1000)} | {"a", "b", "c"}
    grown_and_shrunk -= {str(number) for number in range(1000)}
    contents = [dump(FunctionTransformer(kw_args={"words": words})) for words in (filled, grown_and_shrunk)]
    assert contents[0] == contents[1]
    loaded: Any = load(contents[0], where="model.skops")
    assert loaded.kw_args == {"words": {"a", "b", "c"}}


def test_dictionaries_have_one_order() -> None:
    """The same mapping gives the same bytes in whatever order it was filled, whole-number keys included."""
    one, other = LogisticRegression(class_weight={2: 1.0, 10: 2.0}), LogisticRegression(class_weight={10: 2.0, 2: 1.0})
    assert dump(one) == dump(other)
    loaded: Any = load(dump(one), where="model.skops")
    assert loaded.class_weight == {2: 1.0, 10: 2.0}


def test_memory_order_of_arrays_is_kept() -> None:
    """Arrays in Fortran order come back in Fortran order, so that BLAS takes the same path."""
    model = LogisticRegression().fit(np.eye(3), [0, 1, 2])
    model.coef_ = np.asfortranarray(np.arange(9.0).reshape(3, 3))
    loaded: Any = load(dump(model), where="model.skops")
    assert loaded.coef_.flags.f_contiguous


def test_shared_memory_arrays_become_plain(tmp_path: Path) -> None:
    """An array that training left in a memory-mapped file is written as the plain array it is."""
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    plain = dump(model)
    mapped = np.memmap(tmp_path / "coef", dtype=np.float64, mode="w+", shape=model.coef_.shape)
    mapped[:] = model.coef_
    model.coef_ = mapped
    assert dump(model) == plain


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (SGDClassifier().fit(np.eye(2), [0, 1]), "SGDClassifier"),
        (FunctionTransformer(np.sqrt), "numpy.sqrt"),
        (FunctionTransformer(lambda rows: rows), "<lambda>"),
        (LogisticRegression(random_state=np.random.RandomState(0)), "RandomState"),
        (LogisticRegression(class_weight={True: 1.0}), r"key of type builtins\.bool"),
        (FunctionTransformer(kw_args={"array": np.array([1j])}), "complex128"),
        (iter(()), "tuple_iterator"),
    ],
)
def test_what_cannot_be_loaded_is_not_written(estimator: object, reason: str) -> None:
    """A type that the loader would refuse is refused when it is written, by name."""
    with pytest.raises(BadInputError, match=reason):
        dump(estimator)


@pytest.mark.parametrize("limits", [Limits(size=1000), Limits(schema=1000), Limits(entries=3)])
def test_what_is_too_large_to_load_is_not_written(limits: Limits) -> None:
    """A model beyond the loader's limits is refused when it is written, not when it is served."""
    with pytest.raises(BadInputError, match=r"more than `load` accepts; train a smaller one"):
        dump(LogisticRegression().fit(np.eye(3), [0, 1, 2]), limits=limits)
