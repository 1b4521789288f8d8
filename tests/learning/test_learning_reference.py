"""Training rows are counted in bins that live traffic is counted in too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from release.learning import reference
from release.learning.asked import scores_of
from release.learning.predict import values_of
from release.learning.train import fit

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable

FEATURES: list[Any] = [
    {"impute": {"columns": ["dose"], "strategy": "median"}},
    {"one-hot": {"columns": ["grade"]}},
    {"tf-idf": {"columns": ["note"]}},
]


@pytest.mark.parametrize(
    ("task", "kind"), [("binary", "logistic-regression"), ("multiclass", "random-forest"), ("regression", "ridge")]
)
def test_shares_sum_to_one_and_repeat(make_spec: MakeSpec, make_table: MakeTable, task: Any, kind: str) -> None:
    """Every binned feature and the score are a distribution, the same bytes each time."""
    spec = make_spec(task, kind, features=FEATURES)
    table = make_table(spec)
    estimator = fit(spec, table).estimator
    found = reference.describe(estimator, table, task)
    assert [bins.name for bins in found.features] == list(table.features.columns)
    for bins in (*found.features, found.score):
        assert len(bins.shares) == len(bins.labels)
        if bins.labels:
            assert sum(bins.shares) == pytest.approx(1, abs=1e-4)
    assert max(found.score.shares) < 1
    assert reference.describe(estimator, table, task).to_bytes() == found.to_bytes()


def test_numbers_get_bins_of_about_equal_shares(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Ten bins whose edges are values of the training rows; what is missing is counted apart."""
    spec = make_spec("binary", "logistic-regression", features=FEATURES)
    table = make_table(spec, 400)
    found = {bins.name: bins for bins in reference.describe(fit(spec, table).estimator, table, "binary").features}
    dose = found["dose"]
    assert len(dose.edges) == 9
    assert set(dose.edges) <= set(table.features["dose"].dropna())
    assert max(dose.shares) < 0.15
    assert dose.missing == pytest.approx(table.features["dose"].isna().mean(), abs=1e-6)
    assert found["smoker"].shares == pytest.approx([1 - table.features["smoker"].mean(), table.features["smoker"].mean()])
    assert found["smoker"].labels == ("0", "+Inf")
    assert set(found["grade"].values) == {"low", "mid", "high"}
    assert found["note"].labels == ()
    assert found["note"].missing == pytest.approx((table.features["note"] == "").mean(), abs=1e-6)


def test_score_bins_do_not_depend_on_the_model(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Two models of one problem are counted in the same bins, so that their scores can be compared."""
    edges = {}
    for task, kinds in {
        "binary": ("logistic-regression", "random-forest"),
        "regression": ("ridge", "random-forest"),
    }.items():
        found = set()
        for kind in kinds:
            spec = make_spec(task, kind, features=FEATURES)  # type: ignore[arg-type]  # the literal is lost in the loop
            table = make_table(spec)
            found.add(reference.describe(fit(spec, table).estimator, table, spec.task).score.edges)
        assert len(found) == 1
        edges[task] = found.pop()
    assert edges["binary"] == reference.PROBABILITIES
    steps = np.diff(edges["regression"])
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert 8 <= len(steps) <= 20


def test_a_feature_that_never_varies_has_one_edge(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Live values that are larger than all that were seen fall into a bin of their own."""
    spec = make_spec("binary", "logistic-regression", features=FEATURES)
    table = make_table(spec)
    estimator = fit(spec, table).estimator
    table.features["age"] = 40.0
    age = next(bins for bins in reference.describe(estimator, table, "binary").features if bins.name == "age")
    assert (age.edges, age.shares) == ((40.0,), (1.0, 0.0))


def test_scores_are_those_of_predict(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Rows without a truth score as rows with one do."""
    for task, kind in (("binary", "logistic-regression"), ("multiclass", "random-forest")):
        spec = make_spec(task, kind, features=FEATURES)  # type: ignore[arg-type]  # the literal is lost in the loop
        table = make_table(spec)
        estimator = fit(spec, table).estimator
        expected = values_of(estimator, table, spec.task).reshape(len(table.ids), -1)
        assert (scores_of(estimator, table.features, table.classes, spec.task) == expected).all()
