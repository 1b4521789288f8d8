"""Closed sets of names: metrics agree with the statistics, and a model's name can be a path, a label and a branch."""

from __future__ import annotations

import pytest

from release.config.names import LOSSES, METRICS, TASKS, environment_name, model_name
from release.errors import BadInputError, SecurityRefusalError
from release.stats.metrics import METRICS as DEFINED

RULE = "use lower-case letters, digits and inner hyphens, at most 40 in all"


@pytest.mark.parametrize("task", TASKS)
def test_metrics_by_task_are_those_that_are_defined(task: str) -> None:
    """A name that people may write has a definition, and no definition is out of reach."""
    assert sorted(METRICS[task]) == sorted(name for name, metric in DEFINED.items() if task in metric.tasks)
    assert len(set(METRICS[task])) == len(METRICS[task])


def test_losses_are_the_metrics_of_which_less_is_better() -> None:
    """The sign of every margin and floor depends on it."""
    assert {name for name, metric in DEFINED.items() if not metric.greater_is_better} == LOSSES
    assert set(METRICS) == set(TASKS)


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
