"""Training: search, threshold and final fit, the same each time, with the user's mistakes in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from release.artifact import canonical
from release.errors import BadInputError
from release.learning.fitting import out_of_fold, with_parameters
from release.learning.search import candidates, divided
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable

STEPS = [{"impute": {}}, {"scale": {}}, {"one-hot": {}}, {"tf-idf": {}}]
GRID = {"method": "grid", "params": {"C": [0.001, 1.0]}, "metric": "roc_auc", "folds": 3}


def test_without_a_search_the_parameters_are_those_given(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Defaults are resolved, nothing was cross-validated, and one candidate counts."""
    spec = make_spec("binary", "random-forest", {"n_estimators": 3}, features=STEPS, evaluation={"threshold": 0.3})
    fitted = fit(spec, make_table(spec))
    assert fitted.parameters == {
        "n_estimators": 3,
        "max_depth": None,
        "min_samples_split": 2,
        "min_samples_leaf": 1,
        "max_features": "sqrt",
        "class_weight": None,
    }
    assert (fitted.cross_validation, fitted.candidates, fitted.threshold) == ({}, 1, 0.3)


def test_grid_takes_the_best_of_all(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Every combination is tried, the best mean wins, and progress hears of each."""
    spec = make_spec("binary", "logistic-regression", features=STEPS, search=GRID)
    heard: list[str] = []
    fitted = fit(spec, make_table(spec), progress=heard.append)
    assert [line.split(":")[0] for line in heard] == ["candidate 1 of 2", "candidate 2 of 2"]
    means = [float(line.rsplit(" ", 1)[1]) for line in heard]
    assert fitted.parameters["C"] == (0.001, 1.0)[int(np.argmax(means))]
    assert fitted.cross_validation["mean"] == pytest.approx(max(means), abs=1e-4)
    assert fitted.cross_validation["std"] > 0
    assert fitted.candidates == 2


def test_losses_are_made_small(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A search on rmse keeps the lower one, and reports it as it is."""
    search = {"method": "grid", "params": {"alpha": [1e6, 1.0]}, "metric": "rmse", "folds": 3}
    spec = make_spec("regression", "ridge", features=STEPS, search=search)
    fitted = fit(spec, make_table(spec))
    assert fitted.parameters["alpha"] == 1.0
    assert 0 < fitted.cross_validation["mean"] < 1


@pytest.mark.parametrize(
    "search",
    [
        GRID,
        {"method": "random", "params": {"C": {"low": 0.01, "high": 10, "log": True}}, "trials": 3, "metric": "log_loss"},
        {"method": "halving", "params": {"C": {"low": 0.1, "high": 10}}, "trials": 9, "metric": "f1", "folds": 3},
    ],
)
def test_search_is_the_same_every_time(make_spec: MakeSpec, make_table: MakeTable, search: Any) -> None:
    """Draws, folds and the final bytes repeat."""
    spec = make_spec("binary", "logistic-regression", features=STEPS, search=search)
    one, other = (fit(spec, make_table(spec)) for _ in range(2))
    assert canonical.dump(one.estimator) == canonical.dump(other.estimator)
    assert (one.parameters, one.cross_validation) == (other.parameters, other.cross_validation)
    assert one.candidates == len(candidates(spec)) > 1


def test_halving_judges_fewer_on_more_rows(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Nine on a ninth of the rows, three on a third, one on all."""
    search = {"method": "halving", "params": {"alpha": {"low": 0.1, "high": 10}}, "trials": 9, "metric": "r2", "folds": 3}
    spec = make_spec("regression", "ridge", features=STEPS, search=search)
    heard: list[str] = []
    fit(spec, make_table(spec), progress=heard.append)
    assert [int(line.split(":")[0].rsplit(" ", 1)[1]) for line in heard] == [9] * 9 + [3] * 3 + [1]


def test_halving_skips_rounds_that_are_too_small(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Where a ninth of the rows lacks a class for some fold the search goes on with more rows."""
    search = {"method": "halving", "params": {"C": {"low": 0.1, "high": 10}}, "trials": 9, "metric": "f1", "folds": 5}
    spec = make_spec("binary", "logistic-regression", features=STEPS, search=search)
    assert fit(spec, make_table(spec, 60)).candidates == 9


def test_random_draws_are_typed_and_in_range(make_spec: MakeSpec) -> None:
    """Whole-number ranges give whole numbers, listed values stay themselves, duplicates count once."""
    search = {
        "method": "random",
        "params": {
            "n_estimators": {"low": 10, "high": 1000, "log": True, "int": True},
            "max_depth": [None, 3],
            "max_features": {"low": 0.2, "high": 0.9},
        },
        "trials": 30,
        "metric": "roc_auc",
    }
    found: list[Any] = candidates(make_spec("binary", "random-forest", {"min_samples_leaf": 4}, search=search))
    assert len(found) == 30
    assert all(isinstance(one.n_estimators, int) and 10 <= one.n_estimators <= 1000 for one in found)
    assert all(0.2 <= one.max_features <= 0.9 and one.min_samples_leaf == 4 for one in found)
    assert {one.max_depth for one in found} == {None, 3}
    assert np.median([one.n_estimators for one in found]) < 300  # drawn evenly in the logarithm
    few = make_spec("binary", "svm", search={"method": "random", "params": {"C": [1.0, 2.0]}, "trials": 9, "metric": "f1"})
    assert len(candidates(few)) == 2


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"depth": [1]}, 'logistic-regression has no parameter "depth"; it has: C, l1_ratio'),
        ({"C": [1.0, -1.0]}, "search: C cannot be -1.0: Input should be greater than 0"),
        ({"C": [1.0, "many"]}, "search: C cannot be 'many': Input should be a valid number"),
        ({"max_iter": [1.5]}, "search: max_iter cannot be 1.5"),
        ({"C": {"low": 1, "high": 2}}, "a grid needs a list for C"),
        ({"C": [float(n) for n in range(1, 201)], "tol": [n / 1000 for n in range(1, 101)]}, "a grid of 20000 candidates"),
    ],
)
def test_impossible_candidates_are_refused(make_spec: MakeSpec, params: Any, what: str) -> None:
    """The first parameter or value that the estimator does not take is named."""
    spec = make_spec("binary", "logistic-regression", search={**GRID, "params": params})
    with pytest.raises(BadInputError) as caught:
        candidates(spec, where="m.yaml")
    assert what in str(caught.value)
    assert caught.value.where == "m.yaml"


def test_threshold_from_folds_is_chosen_on_unseen_rows(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """It maximises F1 over out-of-fold scores, among all thresholds."""
    chosen = {"threshold": {"from": "folds", "maximise": "f1"}}
    spec = make_spec("binary", "logistic-regression", features=STEPS, evaluation=chosen)
    table = make_table(spec)
    threshold = fit(spec, table).threshold
    assert threshold is not None
    scores = out_of_fold(spec, table, divided(spec, table, where=""), where="")
    reached = f1_score(table.y, scores >= threshold)
    assert reached == max(f1_score(table.y, scores >= one) for one in scores)


def test_groups_stay_whole_in_folds(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """No group is both trained on and judged by, for classes and for numbers."""
    for task, kind in (("binary", "logistic-regression"), ("regression", "ridge")):
        spec = make_spec(task, kind, features=STEPS, data={"group": "who"})
        table = make_table(spec)
        assert table.groups is not None
        for train, judged in divided(spec, table, where=""):
            assert not set(table.groups[train]) & set(table.groups[judged])
            assert len(train) + len(judged) == 120


def test_folds_that_cannot_be_are_refused(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Too few rows of a class, or too few groups, name the class and the number."""
    spec = make_spec("multiclass", "logistic-regression", features=STEPS, search={**GRID, "metric": "accuracy", "folds": 40})
    with pytest.raises(BadInputError, match=r'class "a" has \d+ training rows, too few for 40 folds'):
        fit(spec, make_table(spec))
    data = {"group": "who"}
    spec = make_spec("binary", "logistic-regression", features=STEPS, search={**GRID, "folds": 30}, data=data)
    with pytest.raises(BadInputError, match="20 groups are too few for 30 folds"):
        fit(spec, make_table(spec))


@pytest.mark.parametrize("kind", ["logistic-regression", "random-forest", "hist-gradient-boosting", "svm", "dummy"])
def test_weights_reach_the_estimator(make_spec: MakeSpec, make_table: MakeTable, kind: str) -> None:
    """Rows that count double or thrice give another model than rows that count alike."""
    data = {"weight": "w"}
    params = {"n_estimators": 5} if kind == "random-forest" else None
    spec = make_spec("binary", kind, params, features=STEPS, data=data)
    plain = make_spec("binary", kind, params, features=STEPS)
    table = make_table(spec)
    weighted = fit(spec, table).estimator.predict_proba(table.features)
    assert (weighted != fit(plain, make_table(plain)).estimator.predict_proba(table.features)).any()


def test_weights_that_cannot_be_used_are_refused(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """An estimator without weights says so instead of ignoring them."""
    data = {"weight": "w"}
    spec = make_spec("binary", "k-nearest-neighbours", features=STEPS, data=data)
    with pytest.raises(BadInputError, match=r"k-nearest-neighbours cannot use weights; remove data\.weight"):
        fit(spec, make_table(spec))


@pytest.mark.parametrize(
    ("task", "kind", "params", "steps", "what"),
    [
        ("binary", "k-nearest-neighbours", {"n_neighbors": 500}, STEPS, "k-nearest-neighbours cannot be trained: "),
        ("regression", "ridge", None, [*STEPS, {"pca": {"components": 300}}], "ridge cannot be trained: n_components=300"),
        ("regression", "svm", {"class_weight": "balanced"}, STEPS, "class_weight has no meaning for regression"),
    ],
)
def test_what_the_library_refuses_is_one_line(
    make_spec: MakeSpec, make_table: MakeTable, task: Any, kind: str, params: Any, steps: Any, what: str
) -> None:
    """Whatever scikit-learn raises about the rows becomes bad input with a remedy."""
    spec = make_spec(task, kind, params, features=steps)
    with pytest.raises(BadInputError) as caught:
        fit(spec, make_table(spec), where="m.yaml")
    assert what in caught.value.what
    assert "\n" not in str(caught.value)
    assert caught.value.fix


def test_training_that_stops_early_is_noted(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """The user reads that the estimator did not converge; nothing is printed or raised."""
    spec = make_spec("binary", "logistic-regression", {"max_iter": 1}, features=STEPS)
    assert fit(spec, make_table(spec)).notes == (
        "logistic-regression stopped before it converged: raise max_iter, or scale the features",
    )


def test_out_of_fold_predictions_come_from_other_rows(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A model that remembers its rows perfectly is not perfect out of fold."""
    spec = make_spec("multiclass", "k-nearest-neighbours", {"n_neighbors": 1}, features=STEPS)
    table = make_table(spec)
    values = out_of_fold(with_parameters(spec, spec.estimator.params), table, divided(spec, table, where=""), where="")
    assert values.shape == (120, 3)
    assert 0.3 < float((values.argmax(axis=1) == table.y).mean()) < 1
    assert (fit(spec, table).estimator.predict(table.features) == table.y).all()
