"""Feature steps and estimators: composed as the list says, seeded, on one thread, and refused before anything is trained."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from release.artifact import canonical
from release.config.estimators import ESTIMATORS
from release.errors import BadInputError
from release.learning.pipeline import build
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable
    from numpy.typing import NDArray

    from release.data.target import Task

IMPUTE = {"impute": {"columns": "numeric"}}
SCALE = {"scale": {"columns": "numeric"}}
ONE_HOT = {"one-hot": {"columns": "categorical"}}
WORDS = {"tf-idf": {"columns": "note"}}
USUAL = [IMPUTE, SCALE, ONE_HOT, WORDS]
NUMBERS = {"age": {"type": "int"}, "dose": {"type": "float", "missing": 0.5}, "smoker": {"type": "bool"}}
WHOLE_NUMBERS = {"age": {"type": "int"}, "smoker": {"type": "bool"}}


def features(
    make_spec: MakeSpec, make_table: MakeTable, steps: list[Any], columns: Any, kind: str = "ridge"
) -> NDArray[Any]:
    spec = make_spec("regression", kind, features=steps, columns=columns)
    table = make_table(spec)
    made = build(spec, table.kinds)[:-1].fit_transform(table.features, table.y)
    return np.asarray(made.toarray() if hasattr(made, "toarray") else made)


def test_steps_on_the_same_columns_follow_each_other(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Impute then scale is the scaled imputed column; columns that no step touches come as they are."""
    made = features(make_spec, make_table, [IMPUTE, {"scale": {"columns": ["age", "dose"]}}], NUMBERS)
    table = make_table(make_spec("regression", "ridge", columns=NUMBERS))
    raw = table.features[["age", "dose"]].to_numpy()
    expected = StandardScaler().fit_transform(SimpleImputer(strategy="median").fit_transform(raw))
    np.testing.assert_array_equal(made[:, :2], expected)
    np.testing.assert_array_equal(made[:, 2], table.features["smoker"])


def test_order_of_the_list_counts(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Scaling before imputing is not imputing before scaling."""
    skew = {"impute": {"columns": "dose", "strategy": "constant", "value": 9}}
    scale = {"scale": {"columns": "dose"}}
    one = features(make_spec, make_table, [skew, scale], NUMBERS)
    other = features(make_spec, make_table, [scale, skew], NUMBERS)
    assert one[:, -1].max() < 9  # the nines were scaled too; columns without steps come first
    assert other[:, -1].max() == 9


def test_different_columns_go_side_by_side(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Numbers, categories and words each get their own steps, and all arrive."""
    columns = {**NUMBERS, "grade": {"type": "category"}, "note": {"type": "text", "missing": 0.5}}
    made = features(make_spec, make_table, USUAL, columns)
    assert made.shape == (120, 3 + 3 + 6)  # three numbers, three grades, words of two or more letters
    assert not np.isnan(made).any()


def test_select_and_pca_apply_to_everything_before(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """What remains after select or pca is as many columns as they keep."""
    columns = {**NUMBERS, "grade": {"type": "category"}}
    steps = [IMPUTE, SCALE, ONE_HOT]
    assert features(make_spec, make_table, [*steps, {"select": {"keep": 4}}], columns).shape[1] == 4
    both = [*steps, {"select": {"method": "mutual-information", "keep": 4}}, {"pca": {"components": 2}}]
    assert features(make_spec, make_table, both, columns).shape[1] == 2
    assert features(make_spec, make_table, [*steps, {"pca": {"components": 1.0}}], columns).shape[1] == 6
    whole = [IMPUTE, {"pca": {"components": 2}}, {"scale": {"columns": "all"}}]
    np.testing.assert_allclose(features(make_spec, make_table, whole, NUMBERS).std(axis=0), 1)


def test_polynomial_multiplies_columns_that_share_their_steps(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Products of two columns are there; columns treated differently are refused."""
    steps: list[Any] = [{"polynomial": {"columns": ["age", "smoker"], "interaction_only": True}}]
    made = features(make_spec, make_table, steps, WHOLE_NUMBERS)
    np.testing.assert_array_equal(made[:, 2], made[:, 0] * made[:, 1])
    with pytest.raises(BadInputError, match="polynomial: age and smoker go through different steps"):
        features(make_spec, make_table, [{"scale": {"columns": "age"}}, *steps], WHOLE_NUMBERS)


def test_unseen_and_missing_categories(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Unseen categories become zeros (one-hot) or -1 (ordinal), whatever else happens in the row."""
    columns = {"age": {"type": "int"}, "grade": {"type": "category", "missing": 0.5}}
    for step, expected in (("one-hot", [0, 0, 0]), ("ordinal", [-1])):
        spec = make_spec("regression", "ridge", features=[{step: {}}], columns=columns)
        table = make_table(spec)
        fitted = build(spec, table.kinds)[:-1].fit(table.features, table.y)
        strange = table.features.iloc[:2].assign(grade=np.array(["unheard of", np.nan], dtype=object))
        assert fitted.transform(strange)[0, 1:].tolist() == expected
        assert fitted.transform(strange)[1, 1:].tolist() == expected


def test_words_stay_sparse_only_where_they_may(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """An estimator that needs a dense matrix gets one."""
    columns = {"age": {"type": "int"}, "note": {"type": "text", "missing": 0.5}}
    for kind in ("ridge", "hist-gradient-boosting", "k-nearest-neighbours"):
        spec = make_spec("regression", kind, features=[{"tf-idf": {"ngrams": 2}}], columns=columns)
        assert fit(spec, make_table(spec)).threshold is None


@pytest.mark.parametrize(
    ("steps", "columns", "what"),
    [
        (
            [{"scale": {"columns": "doze"}}],
            NUMBERS,
            'scale: no column is "doze"; did you mean dose? there are age, dose, smoker',
        ),
        ([{"one-hot": {}}], NUMBERS, 'one-hot: no column is "categorical"'),
        ([], NUMBERS, "dose may be missing, and ridge cannot learn from missing values"),
        ([{"pca": {}}], NUMBERS, "dose may be missing, and pca cannot learn"),
        ([{"polynomial": {"columns": "dose"}}], NUMBERS, 'polynomial: column "dose" may be missing; add'),
        ([], {"grade": {"type": "category"}}, "no feature step makes numbers of category grade; add one-hot or ordinal"),
        ([], {"note": {"type": "text"}}, "no feature step makes numbers of text note; add tf-idf"),
        ([], {"seen": {"type": "datetime"}}, "no feature step makes numbers of datetime seen"),
        ([{"scale": {"columns": "all"}}], {"grade": {"type": "category"}}, 'scale: column "grade" is category; put one-hot'),
        ([{"one-hot": {"columns": "note"}}], {"note": {"type": "text"}}, 'one-hot: column "note" is text; use tf-idf'),
        ([ONE_HOT, {"ordinal": {"columns": "grade"}}], {"grade": {"type": "category"}}, 'column "grade" is encoded already'),
        ([WORDS, {"scale": {"columns": "note"}}], {"note": {"type": "text"}}, 'column "note" is words already'),
        ([{"pca": {}}, SCALE], WHOLE_NUMBERS, "scale: after pca columns have no names any more; move it before pca, or say"),
        ([{"pca": {}}, {"one-hot": {"columns": "all"}}], WHOLE_NUMBERS, "one-hot: after pca columns have no names"),
        ([{"impute": {"columns": "grade"}}], {"grade": {"type": "category"}}, 'impute: column "grade" is category'),
        ([{"impute": {"strategy": "constant", "value": "x"}}], NUMBERS, 'impute: column "age" needs a number as value'),
        ([{"impute": {"value": 3}}], NUMBERS, 'impute: column "age" is filled by median, value is not used'),
    ],
)
def test_steps_that_cannot_work_are_refused(make_spec: MakeSpec, steps: list[Any], columns: Any, what: str) -> None:
    """Each is one line that names step and column, before any row is looked at."""
    spec = make_spec("regression", "ridge", features=steps, columns=columns)
    with pytest.raises(BadInputError) as caught:
        build(spec, {name: column["type"] for name, column in columns.items()}, where="m.yaml")
    assert what in str(caught.value)
    assert caught.value.where == "m.yaml"
    assert caught.value.fix


KINDS = [(kind, task) for kind, (_, tasks) in ESTIMATORS.items() for task in tasks]
QUICK = {"random-forest": {"n_estimators": 5}, "hist-gradient-boosting": {"max_iter": 5}}


@pytest.mark.parametrize(("kind", "task"), KINDS)
def test_every_estimator_trains_and_fits_the_model_format(
    make_spec: MakeSpec, make_table: MakeTable, kind: str, task: Task
) -> None:
    """Each registered estimator, behind each kind of step, is saved canonically, loads, and predicts the same."""
    steps = [
        {"impute": {"columns": "numeric", "indicator": True}},
        {"bin": {"columns": "age", "bins": 3}},
        {"scale": {"columns": "dose", "method": "robust"}},
        {"ordinal": {"columns": "grade"}},
        {"scale": {"columns": "grade", "method": "min-max"}},
        WORDS,
        {"select": {"method": "mutual-information", "keep": 8}},
    ]
    spec = make_spec(task, kind, QUICK.get(kind), features=steps)
    table = make_table(spec)
    fitted = fit(spec, table)
    content = canonical.dump(fitted.estimator)
    assert content == canonical.dump(fit(spec, table).estimator)
    loaded: Any = canonical.load(content, where="model.skops")
    method = "predict" if task == "regression" else "predict_proba"
    np.testing.assert_array_equal(getattr(loaded, method)(table.features), getattr(fitted.estimator, method)(table.features))
    assert fitted.notes == ()


@pytest.mark.parametrize(("kind", "task"), KINDS)
def test_everything_random_is_seeded_and_single_threaded(make_spec: MakeSpec, kind: str, task: Task) -> None:
    """No part of a pipeline draws from the process's own stream or asks for more than one job."""
    steps = [{"bin": {"columns": "age"}}, {"select": {"keep": 1}}]
    parts = build(make_spec(task, kind, features=steps, columns=WHOLE_NUMBERS), {"age": "int", "smoker": "bool"})
    for name, value in parts.get_params(deep=True).items():
        if name.endswith("n_jobs"):
            assert value in (1, None), name
        # A dummy and probability-free machines have the parameter and draw nothing.
        if name.endswith("random_state") and kind != "dummy" and not name.startswith("2-"):
            assert isinstance(value, int), name


def test_seeds_differ_by_purpose_and_seed(make_spec: MakeSpec) -> None:
    """Two purposes, and two seeds in model.yaml, never share a stream."""
    seeds = set()
    for seed in (0, 1):
        spec = make_spec("binary", "random-forest", features=[{"bin": {"columns": "age"}}], columns=WHOLE_NUMBERS, seed=seed)
        params = build(spec, {"age": "int", "smoker": "bool"}).get_params(deep=True)
        seeds |= {value for name, value in params.items() if name.endswith("random_state")}
    assert len(seeds) == 4


def test_logistic_penalties_all_train(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Any mix of L1 and L2 chooses a solver that knows it, without a warning."""
    norms = []
    for ratio in (0.0, 0.5, 1.0):
        spec = make_spec("binary", "logistic-regression", {"l1_ratio": ratio, "C": 0.05}, features=USUAL)
        fitted = fit(spec, make_table(spec))
        assert fitted.notes == ()
        norms.append(int((fitted.estimator[-1].coef_ == 0).sum()))
    assert norms[0] == 0 < norms[1] <= norms[2]


def test_mixed_steps_give_the_same_features_in_any_grouping(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Naming columns one by one is the same as naming them together."""
    together = features(make_spec, make_table, [IMPUTE, SCALE], NUMBERS)
    steps = [{name: {"columns": column}} for name, column in itertools.product(("impute", "scale"), NUMBERS)]
    np.testing.assert_array_equal(features(make_spec, make_table, steps, NUMBERS), together)
