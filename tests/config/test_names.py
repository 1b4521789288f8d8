"""Closed sets of names: metrics agree with the statistics, and a model's name can be a path, a label and a branch."""

from __future__ import annotations

import pytest

from release.config.names import (
    CALIBRATION,
    COST,
    METRICS,
    TASKS,
    environment_name,
    known,
    loss,
    model_name,
    offered,
    quantile,
    reported,
    top,
)
from release.errors import BadInputError, SecurityRefusalError
from release.stats.metrics import METRICS as DEFINED
from release.stats.metrics import metric_named

RULE = "use lower-case letters, digits and inner hyphens, at most 40 in all"


@pytest.mark.parametrize("task", TASKS)
def test_metrics_by_task_are_those_that_are_defined(task: str) -> None:
    """A name that people may write has a definition, and no definition is out of reach."""
    assert sorted(METRICS[task]) == sorted(name for name, metric in DEFINED.items() if task in metric.tasks)
    assert len(set(METRICS[task])) == len(METRICS[task])


def test_losses_are_the_metrics_of_which_less_is_better() -> None:
    """The sign of every margin and floor depends on it."""
    names = (*DEFINED, COST, CALIBRATION, "top_3_accuracy", "pinball_loss_0.25")
    assert {name for name in names if loss(name)} == {
        name for name in names if not metric_named(name, ((0.0, 1.0), (2.0, 0.0))).greater_is_better
    }
    assert set(METRICS) == set(TASKS)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        *(("top_2_accuracy", "multiclass"), ("top_10_accuracy", "multiclass"), (COST, "binary"), (COST, "multiclass")),
        *(("pinball_loss_0.9", "regression"), ("pinball_loss_0.025", "regression")),
    ],
)
def test_a_name_may_carry_its_parameter(name: str, task: str) -> None:
    """It is known for its own task, and a definition of that task stands behind it."""
    assert known(name, task)
    assert known(name, None)
    assert not any(known(name, other) for other in TASKS if other not in metric_named(name, ((0.0, 1.0), (1.0, 0.0))).tasks)
    assert task in metric_named(name, ((0.0, 1.0), (1.0, 0.0))).tasks
    assert (top(name) is None) == (not name.startswith("top"))
    assert (quantile(name) is None) == (not name.startswith("pinball"))


@pytest.mark.parametrize(
    "name",
    [
        *("top_1_accuracy", "top_0_accuracy", "top_03_accuracy", "top_k_accuracy", "top_3_accuracy ", "top_\u0663_accuracy"),
        *("pinball_loss", "pinball_loss_0", "pinball_loss_1", "pinball_loss_0.0", "pinball_loss_0.90", "pinball_loss_.9"),
        *("pinball_loss_1.5", "pinball_loss_-0.5", "pinball_loss_nan", CALIBRATION, ""),
    ],
)
def test_a_parameter_has_one_spelling_and_a_range(name: str) -> None:
    """The best one of all is accuracy, a share is strictly between 0 and 1, and what is biased is never judged."""
    assert not known(name, None)


def test_what_is_offered_is_known_once_its_parameter_is_filled_in() -> None:
    """The remedy for a misspelt name never offers what is refused."""
    for task in TASKS:
        filled = [name.replace("<k>", "5").replace("<q>", "0.5") for name in offered(task)]
        assert all(known(name, task) for name in filled)
    assert {*offered("binary"), *offered("multiclass"), *offered("regression")} == set(offered(None))


def test_what_is_reported_fits_the_task() -> None:
    """The calibration error of classes, the first three of more than three, and no cost or quantile that nobody chose."""
    assert reported("binary", classes=2) == (*METRICS["binary"], CALIBRATION)
    assert reported("multiclass", classes=3) == (*METRICS["multiclass"], CALIBRATION)
    assert reported("multiclass", classes=4) == (*METRICS["multiclass"], "top_3_accuracy", CALIBRATION)
    assert reported("regression", classes=0) == METRICS["regression"]


@pytest.mark.parametrize("name", ["a", "7", "churn", "breast-cancer", "a1-b2-c3", "x" * 40, "0" * 40])
def test_good_names_are_returned_as_they_are(name: str) -> None:
    """One letter up to forty."""
    assert model_name(name) == name
    assert environment_name(name) == name


@pytest.mark.parametrize("name", ["", "Churn", "breast_cancer", "a-", "my model", "modèle", "v1.2", "x" * 41, "a."])
def test_a_name_that_is_none_is_told_the_rule(name: str) -> None:
    """Honest mistakes are bad input, exit code 2."""
    with pytest.raises(BadInputError) as caught:
        model_name(name, where="models/x")
    assert str(caught.value) == f"models/x: {name!r} is no model name; {RULE}"


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a..b",
        "..",
        "-rf",
        "--all",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a\nb",
        "a\n",
        "a\x1b[31m",
    ],
)
def test_a_name_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    """Paths, options, shell and terminal code: exit code 3, shown without their effect."""
    with pytest.raises(SecurityRefusalError) as caught:
        environment_name(name)
    assert str(caught.value) == " ".join(f"{name!r} is no environment name; {RULE}".split())
    assert str(caught.value).isprintable()


def test_a_long_name_is_cut_in_the_message() -> None:
    """A message stays one line of a readable length."""
    with pytest.raises(BadInputError) as caught:
        model_name("x" * 10_000)
    assert len(str(caught.value)) < 200
