"""Recipes trained again, and the learning curve: on training rows alone, groups whole, the same numbers each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

from release.errors import BadInputError
from release.learning.fitting import train_on
from release.learning.importance import Limits
from release.learning.learning_curve import learning_curve
from release.learning.order import beginning, in_proportion
from release.learning.recipes import SEED_FOLDS, Recipe, other_seeds, resampled, reseeded
from release.stats.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import MakeSpec, MakeTable

COLUMNS = {"age": {"type": "int"}, "dose": {"type": "float", "missing": 0.5}}
STEPS = [{"impute": {"columns": ["dose"]}}, {"scale": {}}]


def silent(_: str) -> None:
    """Say nothing."""


def limits(seconds: float = 1e9, clock: Callable[[], float] = lambda: 0.0) -> Limits:
    return Limits(seconds=seconds, clock=clock)


@pytest.fixture
def recipes(make_spec: MakeSpec, make_table: MakeTable) -> dict[str, Recipe]:
    """Give two recipes and the rows of both."""
    spec = make_spec("binary", "logistic-regression", columns=COLUMNS, features=STEPS)
    other = make_spec("binary", "dummy", columns=COLUMNS)
    table = make_table(spec, 150)
    return {"challenger": Recipe(spec=spec, table=table), "champion": Recipe(spec=other, table=table)}


def test_resamples_are_repeated_cross_validation(recipes: dict[str, Recipe]) -> None:
    """Every repeat divides anew, both recipes alike; the mean is that of scikit-learn's own, give or take the divisions."""
    said: list[str] = []
    found = resampled(recipes, METRICS["roc_auc"], repeats=3, count=5, seed=1, where="m", say=said.append)
    assert {name: len(scores) for name, scores in found.scores.items()} == {"challenger": 15, "champion": 15}
    assert found.test_share == pytest.approx(1 / 4)
    assert set(found.scores["champion"]) == {0.5}
    assert len(set(found.scores["challenger"])) > 5
    one = recipes["challenger"]
    model = train_on(one.spec, one.table, where="m")
    division = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    theirs = cross_val_score(model, one.table.features, one.table.y, scoring="roc_auc", cv=division)
    assert np.mean(found.scores["challenger"]) == pytest.approx(theirs.mean(), abs=0.02)
    assert [line.split(":")[0] for line in said] == ["resample 5 of 15", "resample 10 of 15", "resample 15 of 15"]
    again = resampled(recipes, METRICS["roc_auc"], repeats=3, count=5, seed=1, where="m", say=silent)
    assert again.scores == found.scores


def test_the_search_is_part_of_the_recipe(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """What is trained on a part has been searched for on that part, and takes its threshold from it."""
    search = {"method": "grid", "params": {"C": [0.0001, 1.0]}, "folds": 3, "metric": "log_loss"}
    fields: dict[str, Any] = {"columns": COLUMNS, "features": STEPS}
    searched = make_spec("binary", "logistic-regression", search=search, **fields)
    good, bad = (make_spec("binary", "logistic-regression", {"C": value}, **fields) for value in (1.0, 0.0001))
    table = make_table(searched, 150)
    recipes = {name: Recipe(spec=spec, table=table) for name, spec in {"s": searched, "g": good, "b": bad}.items()}
    found = resampled(recipes, METRICS["log_loss"], repeats=1, count=3, seed=1, where="m", say=silent).scores
    assert found["s"] == found["g"]
    assert np.mean(found["s"]) < np.mean(found["b"])


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_groups_stay_whole_and_repeats_differ(make_spec: MakeSpec, make_table: MakeTable, task: Any) -> None:
    """Also where a search's own folds of groups are always the same."""
    kind = {"binary": "logistic-regression", "regression": "ridge"}[task]
    spec = make_spec(task, kind, columns=COLUMNS, features=STEPS, data={"group": "who"})
    recipe = {"challenger": Recipe(spec=spec, table=make_table(spec, 150))}
    metric = METRICS["accuracy" if task == "binary" else "rmse"]
    scores = resampled(recipe, metric, repeats=2, count=3, seed=1, where="m", say=silent).scores["challenger"]
    assert set(scores[:3]).isdisjoint(scores[3:])


def test_too_many_folds_are_refused(recipes: dict[str, Recipe]) -> None:
    """A class would be missing from some: the rows are too few, in one line."""
    with pytest.raises(BadInputError, match="too few for 80 folds"):
        resampled(recipes, METRICS["roc_auc"], repeats=1, count=80, seed=1, where="m", say=silent)


def test_seeds_change_what_is_luck_and_nothing_else(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A forest moves with its seed, a ridge does not; the declared seed comes first and is among them."""
    seeds = other_seeds(7, 4)
    assert (seeds[0], len(set(seeds))) == (7, 4)
    assert other_seeds(7, 3) == seeds[:3]
    forest = make_spec("regression", "random-forest", {"n_estimators": 5, "max_depth": 3}, columns=COLUMNS)
    ridge = make_spec("regression", "ridge", columns=COLUMNS, features=STEPS)
    table = make_table(forest, 100)
    recipes = {"challenger": Recipe(spec=forest, table=table), "champion": Recipe(spec=ridge, table=table)}
    said: list[str] = []
    found = reseeded(recipes, METRICS["rmse"], seeds, seed=1, where="m", say=said.append)
    assert len(set(found["challenger"])) == 4
    assert len(set(found["champion"])) == 1
    assert len(said) == 4
    assert SEED_FOLDS == 5


def test_the_curve_rises_with_rows_and_is_fitted_better_than_held_out(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """Five growing sizes up to a fold's training side, losses as they are."""
    spec = make_spec("regression", "random-forest", {"n_estimators": 10}, columns=COLUMNS)
    points, notes = learning_curve(
        spec, make_table(spec, 300), METRICS["rmse"], threshold=None, seed=1, limits=limits(), where="m"
    )
    assert notes == ()
    assert [point.rows for point in points] == [30, 50, 85, 143, 240]
    assert all(point.fitted[0] < point.held_out[0] for point in points)
    assert points[-1].held_out[0] < points[0].held_out[0]


def test_the_curve_ends_where_time_would(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """The next size is foreseen from the last one, and not begun."""
    ticks = iter(range(100))
    spec = make_spec("binary", "dummy", columns=COLUMNS)
    points, notes = learning_curve(
        spec,
        make_table(spec, 300),
        METRICS["log_loss"],
        threshold=0.5,
        seed=1,
        limits=limits(6.0, lambda: float(next(ticks))),
        where="m",
    )
    assert 1 <= len(points) < 5
    assert notes == (f"the learning curve ends at {points[-1].rows} of 240 rows: more would take too long",)


def test_no_curve_where_there_are_no_folds(make_spec: MakeSpec, make_table: MakeTable) -> None:
    """A note instead, in words."""
    spec = make_spec("binary", "dummy", columns=COLUMNS, data={"group": "who"})
    table = make_table(spec, 18)
    points, notes = learning_curve(spec, table, METRICS["log_loss"], threshold=0.5, seed=1, limits=limits(), where="m")
    assert points == ()
    assert notes == ("no learning curve: 3 groups are too few for 5 folds",)


def test_every_beginning_has_the_classes_and_whole_groups() -> None:
    """A small size is a sample of the large one."""
    y = np.repeat([0, 1], [90, 10])
    order = in_proportion(y, classes=True, seed=1)
    assert [int(y[order[:rows]].sum()) for rows in (10, 50, 100)] == [1, 5, 10]
    groups = np.array([f"g{number // 7}" for number in range(100)], dtype=object)
    positions = np.arange(0, 100)
    taken = beginning(order, 30, groups, positions)
    assert 30 <= len(taken) <= 36
    assert all(len(set(taken) & set(np.flatnonzero(groups == one))) in (0, (groups == one).sum()) for one in set(groups))
    assert set(beginning(order, 20, None, positions)) <= set(beginning(order, 50, None, positions))
