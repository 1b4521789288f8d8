"""The registry of estimators: closed, bounded, and true to scikit-learn's own names and defaults."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from release.config.estimators import CLASSIFICATION, ESTIMATORS, EstimatorSpec, FeatureStep
from release.config.names import TASKS

THEIRS: dict[str, tuple[Any, ...]] = {
    "logistic-regression": (LogisticRegression,),
    "ridge": (Ridge,),
    "random-forest": (RandomForestClassifier, RandomForestRegressor),
    "hist-gradient-boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "svm": (SVC, SVR),
    "k-nearest-neighbours": (KNeighborsClassifier, KNeighborsRegressor),
    "dummy": (DummyClassifier, DummyRegressor),
}
OUR_DEFAULTS = {
    ("logistic-regression", "max_iter"),  # theirs often stops before it converges
    ("random-forest", "max_features"),  # theirs differs by task
    ("hist-gradient-boosting", "early_stopping"),  # theirs depends on the number of rows
}


def test_the_registry_and_the_type_that_reads_it_agree() -> None:
    """Every kind that can be written is listed, with the record of its parameters."""
    union, _ = get_args(EstimatorSpec)
    kinds = {
        get_args(one.model_fields["kind"].annotation)[0]: one.model_fields["params"].annotation for one in get_args(union)
    }
    assert kinds == {kind: params for kind, (params, _) in ESTIMATORS.items()}
    assert set(kinds) == set(THEIRS)


def test_every_task_has_an_estimator_and_every_estimator_a_task() -> None:
    """Tasks are those of `model.yaml`."""
    named = [tasks for _, tasks in ESTIMATORS.values()]
    assert {task for tasks in named for task in tasks} == set(TASKS)
    assert all(tasks for tasks in named)
    assert set(CLASSIFICATION) < set(TASKS)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_parameters_are_scikit_learns_by_name_and_default(kind: str) -> None:
    """What the documentation of scikit-learn says of a parameter holds here."""
    params, _ = ESTIMATORS[kind]
    known = [inspect.signature(one).parameters for one in THEIRS[kind]]
    for name, field in params.model_fields.items():
        theirs = [parameters[name].default for parameters in known if name in parameters]
        assert theirs, f"{name} is no parameter of {kind}"
        if (kind, name) not in OUR_DEFAULTS:
            assert field.default in theirs


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_number_has_bounds_that_keep_training_finite(kind: str) -> None:
    """Nobody can ask for a billion trees, for all processors, or for an infinite anything."""
    params, _ = ESTIMATORS[kind]
    for name, schema in params.model_json_schema().get("properties", {}).items():
        for one in schema.get("anyOf", [schema]):
            if one.get("type") in ("number", "integer"):
                assert {"maximum", "exclusiveMaximum"} & set(one), f"{kind}.{name} has no upper bound"
                assert {"minimum", "exclusiveMinimum"} & set(one), f"{kind}.{name} has no lower bound"
    assert not {"n_jobs", "verbose", "random_state", "warm_start"} & set(params.model_fields)


@pytest.mark.parametrize("wrong", ["true", '"1"', "[]", "1e10", "-1"])
def test_parameters_are_strict(wrong: str) -> None:
    """No conversion from text or booleans, no value out of bounds."""
    params, _ = ESTIMATORS["logistic-regression"]
    assert params.model_validate_json('{"C": 2}').model_dump()["C"] == 2.0
    with pytest.raises(ValidationError):
        params.model_validate_json(f'{{"C": {wrong}}}')


@pytest.mark.parametrize("name", [field.alias or name for name, field in FeatureStep.model_fields.items()])
def test_every_step_can_be_written_with_nothing_but_its_name(name: str) -> None:
    """Defaults make `- scale: {}` a step, and the step knows itself."""
    step = FeatureStep.model_validate_json(json.dumps({name: {}}))
    assert type(step.step).__name__.lower() == name.replace("-", "")
