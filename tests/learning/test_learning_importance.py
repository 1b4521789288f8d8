"""Permutation importance: what a model leans on, the same numbers each time, and never more work than allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.inspection import permutation_importance

from release.learning.importance import MOST_PREDICTIONS, REPEATS, Asked, Limits, importance
from release.learning.predict import values_of
from release.learning.train import fit
from release.stats.metrics import METRICS

if TYPE_CHECKING:
    from conftest import MakeSpec, MakeTable
    from numpy.typing import NDArray

    from release.learning.rows import Part, Rows

COLUMNS = {"age": {"type": "int"}, "dose": {"type": "float", "missing": 0.5}, "smoker": {"type": "bool"}}
STEPS = [{"impute": {"columns": ["dose"]}}, {"scale": {}}]
BLOCKS = {"age": ("age",), "dose": ("dose",), "smoker": ("smoker",)}


class Clock:
    """A clock that a model's predictions move."""

    def __init__(self, each: float) -> None:
        """Let every predicted row take `each` seconds."""
        self.each, self.now, self.rows = each, 0.0, 0

    def read(self) -> float:
        """Return the time."""
        return self.now

    def ask(self, part: Part) -> NDArray[np.float64]:
        """Predict from age, in time."""
        self.now += self.each * len(part.y)
        self.rows += len(part.y)
        return part.features["age"].to_numpy() / 100


def plenty() -> Limits:
    return Limits(seconds=1e9, clock=lambda: 0.0)


def test_it_agrees_with_scikit_learn(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Within what different shuffles differ by, for columns of every kind."""
    spec = make_spec("binary", "logistic-regression", columns=COLUMNS, features=STEPS)
    table = make_table(spec, 300)
    model = fit(spec, table).estimator
    asked = Asked(ask=lambda part: values_of(model, part, "binary"), columns=frozenset(COLUMNS), threshold=0.5)
    found = importance({"challenger": asked}, table, BLOCKS, METRICS["roc_auc"], seed=1, limits=plenty()).found
    theirs = permutation_importance(model, table.features, table.y, scoring="roc_auc", n_repeats=40, random_state=0)
    for place, name in enumerate(table.features.columns):
        mean, spread = found[name]["challenger"]
        assert mean == pytest.approx(theirs.importances_mean[place], abs=4 * spread / np.sqrt(REPEATS) + 0.01)
    assert found["age"]["challenger"][0] > 0.1


def test_losses_are_turned_round_and_seeds_count(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A column that helps is positive for every metric; one seed gives one answer, another column changes no number."""
    spec = make_spec("regression", "ridge", columns=COLUMNS, features=STEPS)
    table = make_table(spec, 200)
    model = fit(spec, table).estimator
    asked = {
        "champion": Asked(ask=lambda part: values_of(model, part, "regression"), columns=frozenset(COLUMNS), threshold=None)
    }

    def found(seed: int, *names: str) -> dict[str, tuple[float, float]]:
        blocks = {name: BLOCKS[name] for name in names}
        result = importance(asked, table, blocks, METRICS["rmse"], seed=seed, limits=plenty())
        return {name: one["champion"] for name, one in result.found.items()}

    assert found(1, "age", "dose")["age"][0] > 0
    assert found(1, "age", "dose", "smoker")["dose"] == found(1, "dose")["dose"]
    assert found(1, "age") != found(2, "age")


def test_a_model_has_no_entry_for_what_it_does_not_read(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """None is another thing than nothing lost; columns of one block are shuffled together."""
    table = make_table(make_spec("binary", "dummy", columns=COLUMNS))
    clock = Clock(0)
    models = {
        "champion": Asked(ask=clock.ask, columns=frozenset({"age"}), threshold=0.5),
        "challenger": Asked(ask=clock.ask, columns=frozenset({"age", "dose"}), threshold=0.5),
    }
    blocks = {"both": ("age", "dose"), "dose": ("dose",), "smoker": ("smoker",)}
    found = importance(models, table, blocks, METRICS["roc_auc"], seed=1, limits=plenty()).found
    assert {block: set(one) for block, one in found.items()} == {
        "both": {"champion", "challenger"},
        "dose": {"challenger"},
        "smoker": set(),
    }
    assert found["dose"]["challenger"] == (0.0, 0.0)


def test_the_number_of_predictions_is_bounded(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Many columns leave fewer rows to each, and the notes say how many."""
    table = make_table(make_spec("binary", "dummy", columns=COLUMNS), 900)
    clock = Clock(0)
    asked = {"challenger": Asked(ask=clock.ask, columns=frozenset(COLUMNS), threshold=0.5)}
    blocks = {f"{name}{number}": (name,) for number in range(300) for name in COLUMNS}
    found = importance(asked, table, blocks, METRICS["roc_auc"], seed=1, limits=plenty())
    assert found.rows == MOST_PREDICTIONS // (REPEATS * len(blocks))
    assert clock.rows <= MOST_PREDICTIONS + 2 * 900
    assert found.notes == (f"importance is measured on {found.rows:,} of 900 test rows",)


def test_a_slow_model_is_asked_about_fewer_rows_and_then_no_more(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Time measured on few rows decides how many are asked about; what is not reached is named."""
    table = make_table(make_spec("binary", "dummy", columns=COLUMNS), 900)
    clock = Clock(0.01)
    asked = {"challenger": Asked(ask=clock.ask, columns=frozenset(COLUMNS), threshold=0.5)}
    found = importance(asked, table, BLOCKS, METRICS["roc_auc"], seed=1, limits=Limits(seconds=10.0, clock=clock.read))
    assert found.rows == 128
    assert "importance is measured on 128 of 900 test rows" in found.notes
    assert clock.now < 2 + 3 * 10
    assert len(found.found) < len(BLOCKS)
    assert f"importance of {len(found.found)} of 3 columns or families: there was no time for the others" in found.notes


def test_rows_without_a_class_explain_nothing(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """The metric does not exist there: a note, no number."""
    table: Rows = make_table(make_spec("binary", "dummy", columns=COLUMNS))
    one_class = type(table)(**{**vars(table), "y": np.zeros_like(table.y)})
    asked = {"challenger": Asked(ask=Clock(0).ask, columns=frozenset(COLUMNS), threshold=0.5)}
    found = importance(asked, one_class, BLOCKS, METRICS["roc_auc"], seed=1, limits=plenty())
    assert found.found == {}
    assert found.notes == ("no importance: roc_auc: only one class among the rows",)
