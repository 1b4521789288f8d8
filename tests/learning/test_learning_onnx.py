"""Converted models: every step and estimator scores as it was trained, or is refused in one line that says what to write."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from release.errors import BadInputError
from release.learning import golden, onnx_convert
from release.learning.asked import scores_of
from release.learning.onnx_session import words
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable

    from release.config.model import ModelSpec
    from release.data.contract import Table

WORDS = {"tf-idf": {}}
STEPS: dict[str, list[dict[str, Any]]] = {
    "scaled": [{"impute": {}}, {"scale": {}}, {"one-hot": {}}, WORDS],
    "marked": [
        {"impute": {"columns": ["dose"], "strategy": "mean", "indicator": True}},
        {"scale": {"columns": ["age", "dose"], "method": "robust"}},
        {"one-hot": {"columns": ["grade", "smoker"], "drop": "first"}},
        {"tf-idf": {"ngrams": 2, "max_features": 7}},
    ],
    "selected": [
        {"impute": {"strategy": "constant", "value": -1}},
        {"scale": {"method": "min-max"}},
        {"one-hot": {"min_frequency": 45}},
        WORDS,
        {"select": {"keep": 5}},
    ],
    "products": [
        {"impute": {}},
        {"polynomial": {"columns": ["age", "dose"], "degree": 3}},
        {"ordinal": {}},
        {"tf-idf": {"ngrams": 3}},
        {"pca": {"components": 3}},
    ],
    "binned": [
        {"impute": {}},
        {"bin": {"columns": ["age", "dose"], "bins": 4}},
        {"ordinal": {"columns": ["grade", "smoker"]}},
        WORDS,
        {"pca": {"components": 0.9}},
        {"scale": {"columns": "all"}},
    ],
    "together": [
        {"impute": {"columns": ["grade", "dose"], "strategy": "most-frequent", "indicator": True}},
        {"one-hot": {"columns": ["grade"]}},
        WORDS,
    ],
}
ESTIMATORS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "binary": [
        ("logistic-regression", {}),
        ("random-forest", {"n_estimators": 5}),
        ("hist-gradient-boosting", {"max_iter": 5}),
        ("svm", {"kernel": "poly"}),
        ("dummy", {}),
    ],
    "multiclass": [
        ("logistic-regression", {"l1_ratio": 0.5}),
        ("random-forest", {"n_estimators": 5}),
        ("hist-gradient-boosting", {"max_iter": 5}),
        ("svm", {}),
        ("dummy", {}),
    ],
    "regression": [
        ("ridge", {}),
        ("random-forest", {"n_estimators": 5}),
        ("hist-gradient-boosting", {"max_iter": 5}),
        ("svm", {"kernel": "sigmoid"}),
        ("dummy", {}),
    ],
}
CASES = [(task, *one) for task, all_of in ESTIMATORS.items() for one in all_of]


def kinds_of(table: Table) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in table.kinds.items()}


def proved(spec: ModelSpec, table: Table) -> tuple[float, bytes]:
    """Train, convert and prove a model; return the largest difference and the file."""
    fitted, kinds = fit(spec, table), kinds_of(table)
    missing = dict.fromkeys(kinds, 0.0) | {name: 0.5 for name in ("dose", "note") if name in kinds}
    rows = golden.frame(golden.choose(fitted.estimator, table, spec.task, missing=missing), table)
    content = onnx_convert.convert(fitted.estimator, kinds=kinds, estimator=spec.estimator.kind, where="model.yaml")
    session = onnx_convert.session(content, kinds=kinds, where="model.yaml")
    worst = onnx_convert.prove(
        fitted.estimator, session, table, spec.task, threshold=fitted.threshold, golden=rows, where="model.yaml"
    )
    return worst, content


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(("task", "kind", "params"), CASES)
def test_every_model_scores_as_trained(
    make_spec: MakeSpec, make_table: MakeTable, steps: str, task: Any, kind: str, params: dict[str, Any]
) -> None:
    """To the last bits, in float64: training rows, golden rows, gaps, unseen categories and words of any language."""
    spec = make_spec(task, kind, params, features=STEPS[steps])
    worst, _ = proved(spec, make_table(spec, 90))
    assert worst < 1e-12


@pytest.mark.parametrize("kind", ["random-forest", "hist-gradient-boosting", "dummy"])
def test_gaps_reach_the_estimators_that_take_them(make_spec: MakeSpec, make_table: MakeTable, kind: str) -> None:
    """Where nothing fills missing values, trees send them the way they learnt to."""
    spec = make_spec("binary", kind, features=[{"one-hot": {}}, WORDS])
    worst, _ = proved(spec, make_table(spec))
    assert worst < 1e-12


def test_a_missing_category_is_a_category_of_its_own(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """One-hot and ordinal encoders know it from an unseen one; numbers that are categories too."""
    columns = {
        "age": {"type": "int", "missing": 0.5},
        "dose": {"type": "float", "missing": 0.5},
        "grade": {"type": "category", "missing": 0.5},
        "note": {"type": "text", "missing": 0.5},
    }
    for steps in ([{"one-hot": {"columns": ["grade", "age"]}}], [{"ordinal": {"columns": ["grade", "age"]}}]):
        spec = make_spec("multiclass", "hist-gradient-boosting", features=[*steps, WORDS], columns=columns)
        table = make_table(spec)
        table.features.loc[::7, "grade"] = np.nan
        table.features.loc[::5, "age"] = np.nan
        worst, _ = proved(spec, table)
        assert worst < 1e-12


def test_the_same_model_is_the_same_file_anywhere(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """No name, order or version in it depends on the process that wrote it."""
    spec = make_spec("multiclass", "random-forest", {"n_estimators": 5}, features=STEPS["marked"])
    here = [proved(spec, make_table(spec))[1] for _ in range(2)]
    assert here[0] == here[1]
    code = (
        "import sys, hashlib; sys.path[:0] = ['tests/learning']; import conftest as c, test_learning_onnx as t;"
        " s = c._spec('multiclass', 'random-forest', {'n_estimators': 5}, features=t.STEPS['marked']);"
        " sys.stdout.buffer.write(t.proved(s, c._table(s))[1])"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": "99"})
    assert there.stdout == here[0]


def test_what_has_no_onnx_form_says_what_to_write(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """One line, exit code 2, naming the estimator and the other format."""
    spec = make_spec("binary", "k-nearest-neighbours", features=STEPS["scaled"])
    with pytest.raises(BadInputError) as caught:
        proved(spec, make_table(spec))
    assert str(caught.value) == (
        "model.yaml: k-nearest-neighbours cannot be served as ONNX: KNeighborsClassifier has no ONNX form;"
        " write `serving: {format: skops}`"
    )


def test_a_step_without_a_form_is_named(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A step is called what model.yaml calls it, with its place."""
    from sklearn.preprocessing import QuantileTransformer  # noqa: PLC0415 (one that no model.yaml can name)

    spec = make_spec("binary", "dummy", features=STEPS["scaled"])
    table = make_table(spec)
    pipeline = fit(spec, table).estimator
    branches = pipeline.named_steps["columns"].transformers_
    branches[0] = (branches[0][0], QuantileTransformer(), branches[0][2])
    with pytest.raises(BadInputError, match=r"features cannot be served as ONNX: step 1-\S+: QuantileTransformer has no"):
        onnx_convert.convert(pipeline, kinds=kinds_of(table), estimator="dummy", where="model.yaml")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_that_scores_otherwise_is_refused(make_spec: MakeSpec, make_table: MakeTable, task: Any) -> None:
    """The row is named, with both scores, and how many differ."""
    kind = "ridge" if task == "regression" else "logistic-regression"
    spec = make_spec(task, kind, features=STEPS["scaled"])
    table = make_table(spec)
    fitted, kinds = fit(spec, table), kinds_of(table)
    content = onnx_convert.convert(fitted.estimator, kinds=kinds, estimator=kind, where="model.yaml")
    session = onnx_convert.session(content, kinds=kinds, where="model.yaml")
    fitted.estimator.steps[-1][1].intercept_ = fitted.estimator.steps[-1][1].intercept_ + 1e-3 * (task != "multiclass")
    if task == "multiclass":
        fitted.estimator.steps[-1][1].coef_ = fitted.estimator.steps[-1][1].coef_ * 1.01
    said = (
        r"model\.yaml: the ONNX model scores training row r\d+ [-\d., e]+, the trained one [-\d., e]+ \(\d+ of 120 differ\)"
    )
    with pytest.raises(BadInputError, match=said):
        onnx_convert.prove(
            fitted.estimator, session, table, task, threshold=0.5, golden=table.features.iloc[:2], where="model.yaml"
        )


def test_many_rows_are_scored_in_parts(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """More rows than go through the graph at once come back in their order, none lost."""
    spec = make_spec("multiclass", "logistic-regression", features=STEPS["scaled"])
    table = make_table(spec, 2500)
    fitted, kinds = fit(spec, table), kinds_of(table)
    content = onnx_convert.convert(fitted.estimator, kinds=kinds, estimator=spec.estimator.kind, where="m")
    found = onnx_convert.session(content, kinds=kinds, where="m").scores(*onnx_convert.arrays(table.features, kinds))
    np.testing.assert_allclose(found, scores_of(fitted.estimator, table.features, table.classes, spec.task), rtol=1e-12)


def test_words_are_those_of_scikit_learn() -> None:
    """Lower case, two letters or more, in any alphabet; shorter texts are filled up."""
    found = words(["P\u00e4in at a_1 \u0130", "", "\u4f60\u597d"])
    assert found.tolist()[0][:3] == ["p\u00e4in", "at", "a_1"]
    assert set(found.tolist()[1]) == {""}
    assert found.tolist()[2][0] == "\u4f60\u597d"
    assert words([]).shape == (0, 1)
