"""`model.yaml` and `release.yaml` as records: every mistake has its exit code, its place, its fact and its remedy."""

from __future__ import annotations

import copy
import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from release.config.build import effective_gate, load_model, load_project
from release.config.estimators import ESTIMATORS
from release.config.model import FoldsThreshold, Relative, SearchRange
from release.config.names import offered
from release.errors import BadInputError, ReleaseError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable

BINARY = ", ".join(offered("binary"))
KINDS = ", ".join(ESTIMATORS)


def refused(content: bytes, load: Callable[..., object] = load_model) -> tuple[int, str]:
    """Return exit code and line of the refusal."""
    with pytest.raises(ReleaseError) as caught:
        load(content, where="m.yaml")
    return caught.value.code, str(caught.value)


def test_the_whole_file_becomes_records(model_with: Callable[..., bytes]) -> None:
    """Short and long forms, aliases and nested records, each with its type."""
    spec = load_model(model_with(), where="m.yaml")
    assert (spec.owner, spec.task, spec.seed) == ("diagnostics", "binary", 7)
    assert spec.data.target.positive == 1
    assert {name: column.type for name, column in spec.data.columns.items()} == {
        "mean_*": "float",
        "grade": "category",
        "smoker": "bool",
    }
    assert spec.data.columns["grade"].values == ("smooth", "rough")
    assert [type(step.step).__name__ for step in spec.features] == ["Impute", "OneHot"]
    assert spec.estimator.params.model_dump()["C"] == 1.0
    assert spec.search is not None
    assert spec.search.params["C"] == SearchRange(low=0.001, high=100, log=True)
    assert spec.gate.guards[0].margin == Relative(relative="2%")
    assert spec.gate.slices[0].where == {"smoker": True}
    assert (spec.rollout.steps, spec.serving.replicas) == ((10, 50), 1)


def test_short_forms_mean_the_long_ones(model_with: Callable[..., bytes]) -> None:
    """`target: y` is `target: {column: y}`, and `age: int` is `age: {type: int}`."""
    short = load_model(model_with("{column: malignant, positive: 1}", "malignant"), where="m.yaml")
    long = load_model(
        model_with("{column: malignant, positive: 1}", "{column: malignant}", "bool", "{type: bool}"), where="m"
    )
    assert short == long


def test_a_threshold_may_come_from_folds(model_with: Callable[..., bytes]) -> None:
    """The long form of a threshold is a record of its own."""
    spec = load_model(model_with("threshold: 0.5", "threshold: {from: folds, maximise: f1}"), where="m.yaml")
    assert spec.evaluation.threshold == FoldsThreshold(**{"from": "folds", "maximise": "f1"})


WRONG = [
    # unknown fields, with the nearest name or the list
    ("owner:", "ownr:", 2, '2:1: unknown field "ownr" in the file; did you mean "owner"?'),
    (
        "estimator:\n",
        "modle: 1\nestimator:\n",
        2,
        '17:1: unknown field "modle" in the file; one of: data, description, estimator,',
    ),
    ("margin: 0.01", "marign: 0.01", 2, '29:30: unknown field "marign" in gate.primary; did you mean "margin"?'),
    ("{C: 1.0}", "{c: 1.0}", 2, '19:12: unknown field "c" in estimator.params; did you mean "C"?'),
    ("- impute:", "- imput:", 2, '15:5: unknown field "imput" in features.0; did you mean "impute"?'),
    ("values: [smooth, rough]", "vals: [a]", 2, '11:29: unknown field "vals" in data.columns.grade; did you mean "values"?'),
    ("relative: 2%", "rel: 2%", 2, '31:38: unknown field "rel" in gate.guards.0.margin; one of: relative'),
    # wrong types and words
    ("owner: diagnostics", "owner: 12", 2, "2:8: owner must be text, not 12; quote it"),
    ("owner: diagnostics", "owner:", 2, "2:7: owner must be text, not nothing; correct it"),
    ("owner: diagnostics", "owner: true", 2, "2:8: owner must be text, not the boolean true; quote it"),
    ("seed: 7", "seed: 7.5", 2, "25:7: seed must be a whole number, not 7.5; write a whole number"),
    ("seed: 7", 'seed: "7"', 2, '25:7: seed must be a whole number, not the text "7"; write a whole number, without quotes'),
    ("seed: 7", "seed: -1", 2, "25:7: seed must be at least 0, not -1; correct it"),
    ("log: true", "log: 1", 2, "22:44: log must be true or false, not 1; write true or false, without quotes"),
    ("ignore: [notes]", "ignore: notes", 2, '13:11: ignore must be a list, not the text "notes"; write it like [a, b]'),
    ("[grade, smoker]", "[grade, 1]", 2, "16:32: columns.1 must be text, not 1; quote it"),
    (
        "{smoker: true}",
        "{smoker: [true]}",
        2,
        "34:39: smoker must be text, a number or true or false, not a list; correct it",
    ),
    ("  - impute: {columns: numeric, strategy: median}", "  - impute", 2, "15:5: features.0 must be fields, not the text"),
    ("strategy: median", "strategy: medain", 2, '15:42: strategy must be "mean", "median", "most-frequent" or "constant"'),
    ("task: binary", "task: binery", 2, '3:7: task must be "binary", "multiclass" or "regression", not the text "binery"'),
    ("smoker: bool", "smoker: boolean", 2, '12:13: smoker must be "float", "int", "bool", "category", "text" or'),
    ("cpu: 500m", "cpu: lots", 2, '36:31: cpu must be text like 500m, not the text "lots"; correct it'),
    ("timeout: 10m", "timeout: 10 minutes", 2, "37:37: timeout must be text like 30s, 10m or 14d, not the text"),
    ("relative: 2%", "relative: 0.02", 2, "31:48: relative must be text, not 0.02; quote it"),
    ("threshold: 0.5", "threshold: 1", 2, "27:14: threshold must be below 1 or fields, not 1; correct it"),
    ("steps: [10, 50]", "steps: [10, 500]", 2, "37:23: steps.1 must be at most 100, not 500; correct it"),
    ("name: smokers", 'name: ""', 2, '34:14: name must be text that is not empty, not the text ""; correct it'),
    # what is missing
    ("owner: diagnostics\n", "", 2, '1:1: field "owner" is missing in the file; add owner:'),
    ("  id: sample_id\n", "", 2, '5:3: field "id" is missing in data; add id:'),
    ("metric: roc_auc, margin: 0.01", "margin: 0.01", 2, '29:12: field "metric" is missing in gate.primary; add metric:'),
    ("  kind: logistic-regression\n", "", 2, '18:3: field "kind" is missing in estimator; add kind:'),
    # what could mean two things
    ("owner: diagnostics", "owner: no", 2, "2:8: no means different things to different YAML readers; quote it if it is"),
    ("owner: diagnostics", "owner: 2024-99-99", 2, "2:8: 2024-99-99 means different things to different YAML readers;"),
    ("threshold: 0.5", "threshold: .nan", 2, "27:14: .nan is not a finite number; write a finite number"),
    ("roc_auc: 0.9", "roc_auc: -.inf", 2, "32:21: -.inf is not a finite number; write a finite number"),
    ("seed: 7", "seed: 7\nseed: 8", 2, '26:1: duplicate key "seed", first on line 25; keep one of the two'),
    # estimators, a closed registry
    ("kind: logistic-regression", "kind: xgboost", 2, f'18:9: unknown estimator "xgboost"; one of: {KINDS}'),
    (
        "kind: logistic-regression",
        "kind: logistic-regresion",
        2,
        f'18:9: unknown estimator "logistic-regresion"; did you mean "logistic-regression"? one of: {KINDS}',
    ),
    ("kind: logistic-regression", "kind: 3", 2, "18:9: kind must be text, not 3; choose from `release estimators`"),
    (
        "kind: logistic-regression",
        "_target_: os.system",
        3,
        '18:3: "_target_" is no field, and names never reach Python; choose from `release estimators`',
    ),
    (
        "kind: logistic-regression",
        "kind: sklearn.svm.SVC",
        3,
        '18:9: estimator "sklearn.svm.SVC" looks like a Python path, which is never imported; choose from',
    ),
    ("kind: logistic-regression", "kind: os:system", 3, '18:9: estimator "os:system" looks like a Python path'),
    ("{C: 1.0}", "{C: 1.0, __class__: x}", 3, '19:20: "__class__" is no field, and names never reach Python'),
    ("{C: 1.0}", "{n_jobs: 1000000000}", 2, '19:12: unknown field "n_jobs" in estimator.params; one of: C,'),
    ("{C: 1.0}", "{max_iter: 1000000000}", 2, "19:22: max_iter must be at most 100000, not 1000000000; correct it"),
    ("{C: 1.0}", "{C: 0}", 2, "19:15: C must be above 0, not 0; correct it"),
    # files
    (
        "data/train.csv",
        "../../etc/x.csv",
        3,
        '5:10: data.train leaves the model\'s folder: "../../etc/x.csv"; keep the file in',
    ),
    (
        "data/test.csv",
        "/etc/x.csv",
        3,
        "6:9: data.test leaves the model's folder: \"/etc/x.csv\"; keep the file in the model's",
    ),
    ("data/test.csv", "data\\x.csv", 3, '6:9: data.test leaves the model\'s folder: "data\\x.csv"; keep the file'),
    ("data/test.csv", '"a\\nb.csv"', 3, '6:9: data.test leaves the model\'s folder: "a\\nb.csv"; keep the file'),
    ("data/test.csv", "./data//test.csv", 2, '6:9: "./data//test.csv" is not written plainly; write "data/test.csv"'),
    ("data/test.csv", "data/test.xls", 2, '6:9: "data/test.xls" is neither .csv nor .parquet; convert it'),
    ("data/test.csv", "data/train.csv", 2, "6:9: the test file is the training file; hold rows out that training never"),
    # rules that span fields
    (
        "- impute: {columns: numeric, strategy: median}",
        "- {impute: {}, scale: {}}",
        2,
        "15:5: a step has exactly one name; write one `- step: {...}` a line",
    ),
    ("- impute: {columns: numeric, strategy: median}", "- {}", 2, "15:5: a step has exactly one name; write one `- step:"),
    (
        "metric: roc_auc\n",
        "metric: rocauc\n",
        2,
        f'24:11: "rocauc" is no metric for binary; did you mean "roc_auc"? one of: {BINARY}',
    ),
    ("trials: 30", "folds: 5", 2, "21:3: a random search needs to know how many trials; add trials:"),
    ("params: {C: {low", "params: {D: {low", 2, '22:15: "D" is no parameter of logistic-regression; one of: C, l1_ratio,'),
    ("low: 0.001", "low: 0", 2, "22:15: low must be below high, and positive for log; correct the range"),
    ("low: 0.001", "low: 200", 2, "22:15: low must be below high, and positive for log; correct the range"),
    ("method: random", "method: grid", 2, "22:15: a grid needs a list of values; list them, or use method: random"),
    ("{low: 0.001, high: 100, log: true}", "[1, -1]", 2, "22:15: C must be above 0, not -1; correct the values"),
    ("margin: 0.01", "margin: 0", 2, "29:38: a margin must be above 0, not 0; use better_by: 0"),
    ("margin: 0.05", "margin: -1", 2, "34:70: a margin must be above 0, not -1; use better_by: 0"),
    ("relative: 2%", "relative: 0%", 2, "31:37: a margin must be above 0, not 0; use better_by: 0"),
    (
        "margin: 0.01",
        "margin: 0.01, better_by: 0",
        2,
        "29:12: primary needs either margin or better_by; write one of the two",
    ),
    (
        "{metric: roc_auc, margin: 0.01}",
        "{metric: roc_auc}",
        2,
        "29:12: primary needs either margin or better_by; write one",
    ),
    ("metric: brier_score", "metric: rmse", 2, f'31:16: "rmse" is no metric for binary; one of: {BINARY}'),
    ("floors: {roc_auc: 0.9}", "floors: {auc: 0.9}", 2, '32:17: "auc" is no metric for binary; did you mean "roc_auc"?'),
    (
        "  looks: 5",
        "    - {name: smokers, where: {grade: rough}, metric: f1, margin: 0.1}\n  looks: 5",
        2,
        '35:14: a second slice called "smokers"; rename one of the two',
    ),
]


@pytest.mark.parametrize(("old", "new", "code", "line"), WRONG, ids=[f"{new[:30]}-{line[:24]}" for _, new, _, line in WRONG])
def test_each_mistake_has_one_line(model_with: Callable[..., bytes], old: str, new: str, code: int, line: str) -> None:
    """Exit code, file, line, column, the fact and the remedy."""
    found = refused(model_with(old, new))
    assert found[0] == code
    assert found[1].startswith(f"m.yaml:{line}")
    assert "\n" not in found[1]


def test_a_task_and_its_estimator_must_fit(model_with: Callable[..., bytes]) -> None:
    """The remedy lists the estimators that can."""
    code, line = refused(model_with("kind: logistic-regression\n  params: {C: 1.0}", "kind: ridge"))
    fitting = [kind for kind, (_, tasks) in ESTIMATORS.items() if "binary" in tasks]
    assert (code, line) == (2, f"m.yaml:18:9: ridge cannot do binary; one of: {', '.join(fitting)}")
    assert "ridge" not in fitting


def test_a_threshold_is_for_two_classes_only(model_with: Callable[..., bytes]) -> None:
    """A field that would be ignored is refused instead."""
    code, line = refused(model_with("task: binary", "task: multiclass"))
    assert (code, line) == (2, "m.yaml:27:14: a threshold has no meaning for multiclass; remove it")


def test_what_is_asked_of_the_recipe_is_for_every_task(model_with: Callable[..., bytes]) -> None:
    """Resamples and seeds need no threshold."""
    pieces = (
        *("task: binary", "task: multiclass", "threshold: 0.5", "resamples: 10x10\n  seeds: 5"),
        *("  metric: roc_auc\nseed", "  metric: log_loss\nseed", "primary: {metric: roc_auc", "primary: {metric: accuracy"),
        *("brier_score", "log_loss", "floors: {roc_auc", "floors: {accuracy", "metric: recall", "metric: accuracy"),
    )
    spec = load_model(model_with(*pieces), where="m.yaml")
    assert (spec.task, spec.evaluation.resamples, spec.evaluation.seeds) == ("multiclass", "10x10", 5)


@pytest.mark.parametrize(
    ("migration", "line"),
    [
        ("rename: {gone: nowhere}", '"nowhere" is no column of the data contract; '),
        ("rename: {gone: grade, lost: grade}", '"grade" is given for "gone" already; name another column, or fill'),
        ("rename: {grade: mean_a}", '"grade" is still a column, and the champion reads it as it is; remove it here'),
        ("fill: {smoker: 1}", '"smoker" is still a column, and the champion reads it as it is; remove it here'),
        ("rename: {gone: grade}, fill: {gone: 1}", '"gone" is renamed and filled; keep one of the two'),
    ],
)
def test_a_migration_gives_the_champion_columns_that_are_there(
    model_with: Callable[..., bytes], migration: str, line: str
) -> None:
    """It names what is gone; it cannot take from the champion what is still there."""
    code, said = refused(model_with("threshold: 0.5", f"migration: {{{migration}}}"))
    assert code == 2
    assert said.startswith("m.yaml:27:")
    assert line in said


def test_columns_may_have_any_name_that_data_have(model_with: Callable[..., bytes]) -> None:
    """`_id` is a column of many databases, and no way into Python."""
    spec = load_model(model_with("smoker: bool", '_id: text\n    "on": bool', "{smoker: true}", "{_id: x}"), where="m.yaml")
    assert list(spec.data.columns) == ["mean_*", "grade", "_id", "on"]
    assert spec.gate.slices[0].where == {"_id": "x"}


def test_the_first_mistake_of_the_file_is_told_first(model_with: Callable[..., bytes]) -> None:
    """One line a run: unknown fields before what they may explain, then in the order of the file."""
    _, line = refused(model_with("owner: diagnostics", "owner: 1", "seed: 7", "seed: x"))
    assert line.startswith("m.yaml:2:8: owner")
    _, line = refused(model_with("owner:", "onwer:", "task: binary", "task: x"))
    assert line == 'm.yaml:2:1: unknown field "onwer" in the file; did you mean "owner"?'


PROJECT_WRONG = [
    ("tool:", "tols:", 2, '1:1: unknown field "tols" in the file; did you mean "tool"?'),
    (
        "name: staging, promote",
        "name: Staging, promote",
        2,
        "7:12: 'Staging' is no environment name; use lower-case letters,",
    ),
    ("name: staging, promote", "name: a/b, promote", 3, "7:12: 'a/b' is no environment name; use lower-case letters,"),
    ("name: production", "name: staging", 2, '8:12: a second environment called "staging"; rename one of the two'),
    (
        "after: staging",
        "after: stagin",
        2,
        '8:31: "stagin" is no environment listed before this one; did you mean "staging"?',
    ),
    (
        "after: staging",
        "after: production",
        2,
        '8:31: "production" is no environment listed before this one; one of: staging',
    ),
    (
        "soak: 24h",
        "freeze: [Fri 16:00 - Mon 08:00, weekends]",
        2,
        '8:72: "weekends" is no freeze window; write Fri 16:00 - Mon 08:00 or 2026-12-23 18:00 - 2027-01-02 08:00,',
    ),
    ("soak: 24h", "freeze: [Fri 16:00 - Fri 16:00]", 2, '8:49: "Fri 16:00 - Fri 16:00" begins when it ends; write Fri'),
    ("soak: 24h", "soak: a day", 2, '8:46: soak must be text like 30s, 10m or 14d, not the text "a day"; correct it'),
    (
        "promote: automatic",
        "promote: auto",
        2,
        '7:30: promote must be "manual", "automatic" or "pull-request", not the text',
    ),
    ("{roc_auc: 0.02}", "{roc_ac: 0.02}", 2, '5:29: "roc_ac" is no metric for any task; did you mean "roc_auc"? one of:'),
    ("{roc_auc: 0.02}", "{roc_auc: 0}", 2, "5:30: roc_auc must be above 0, not 0; correct it"),
    ("defaults: {}", "defaults: {floors: {auk: 1}}", 2, '4:28: "auk" is no metric for any task; one of:'),
    (
        "defaults: {}",
        "defaults: {primary: {metric: roc_auc, margin: -1}}",
        2,
        "4:49: a margin must be above 0, not -1; use better_by: 0",
    ),
]


COST = "primary: {metric: cost, margin: 0.1}\n  costs: "
COSTS_WRONG = [
    (
        "{}",
        (
            "30:10: cost is judged by a matrix, and gate.costs has no cost; write what a wrong label costs, such as "
            "costs: {ill: {well: 50}, well: {ill: 1}}, the true class first"
        ),
    ),
    ("{1: {0: 0}}", "30:10: cost is judged by a matrix, and gate.costs has no cost; write"),
    ("{1: {0: -5}, 0: {1: 1}}", "30:18: a cost must be 0 or more, not -5; write a gain as what missing it costs"),
    ("{1: {0: .inf}}", "30:18: .inf is not a finite number; write a finite number"),
    ("{1: 5}", "30:14: 1 must be fields, not 5; write `field: value` lines below it"),
]


@pytest.mark.parametrize(("costs", "line"), COSTS_WRONG, ids=[costs for costs, _ in COSTS_WRONG])
def test_costs_that_cannot_be_judged_by_are_refused(model_with: Callable[..., bytes], costs: str, line: str) -> None:
    """Exit code 2, with the place of the cell."""
    code, said = refused(model_with("primary: {metric: roc_auc, margin: 0.01}", COST + costs))
    assert code == 2
    assert said.startswith(f"m.yaml:{line}")


def test_costs_and_their_metric_come_together(model_with: Callable[..., bytes]) -> None:
    """Costs are read by true class; a matrix that nothing is judged by is a mistake."""
    spec = load_model(model_with("primary: {metric: roc_auc, margin: 0.01}", COST + "{1: {0: 50}, 0: {1: 1.5}}"), where="m")
    assert spec.gate.costs == {"1": {"0": 50.0}, "0": {"1": 1.5}}
    code, said = refused(model_with("  looks: 5", "  costs: {1: {0: 5}}\n  looks: 5"))
    assert (code, said) == (2, "m.yaml:35:10: no metric of the gate is cost; judge by it, or remove gate.costs")


@pytest.mark.parametrize("defaults", ["{costs: {1: {0: 5}}}", "{guards: [{metric: cost, margin: 1}]}"])
def test_costs_are_no_default(project_with: Callable[..., bytes], defaults: str) -> None:
    """Classes are a model's own, so that what their confusion costs is too."""
    code, said = refused(project_with("defaults: {}", f"defaults: {defaults}"), load_project)
    assert code == 2
    assert said == (
        "m.yaml:4:13: what an error costs is a model's own: its classes are; "
        "write cost and costs in the gate of its model.yaml"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "primary: {metric: roc_auc",
            "primary: {metric: expected_calibration_error",
            "29:21: expected_calibration_error is biased, and only reported; gate on brier_score or log_loss",
        ),
        (
            "floors: {roc_auc: 0.9}",
            "floors: {expected_calibration_error: 0.1}",
            "32:40: expected_calibration_error is biased, and only reported; gate on brier_score or log_loss",
        ),
        (
            "  metric: roc_auc\nseed",
            "  metric: cost\nseed",
            (
                "24:11: a search does not go by cost: what is trained would change with the gate's costs; "
                "search by log_loss or brier_score"
            ),
        ),
        ("primary: {metric: roc_auc", "primary: {metric: top_2_accuracy", '29:21: "top_2_accuracy" is no metric for'),
    ],
)
def test_a_metric_that_cannot_judge_says_what_can(model_with: Callable[..., bytes], old: str, new: str, line: str) -> None:
    """What is biased, what is another task's, and what would let the policy choose the model."""
    code, said = refused(model_with(old, new))
    assert code == 2
    assert said.startswith(f"m.yaml:{line}")


@pytest.mark.parametrize(("old", "new", "code", "line"), PROJECT_WRONG, ids=[line[:40] for *_, line in PROJECT_WRONG])
def test_each_mistake_in_release_yaml_has_one_line(
    project_with: Callable[..., bytes], old: str, new: str, code: int, line: str
) -> None:
    """As for `model.yaml`; misspelt metrics in limits would otherwise hold nobody."""
    found = refused(project_with(old, new), load_project)
    assert found[0] == code
    assert found[1].startswith(f"m.yaml:{line}")


def test_a_project_needs_an_environment() -> None:
    """A list, and not an empty one."""
    assert refused(b"environments: []", load_project) == (
        2,
        "m.yaml:1:15: no environment is listed; add one, such as {name: staging}",
    )
    assert refused(b"tool: x", load_project) == (
        2,
        'm.yaml:1:1: field "environments" is missing in the file; add environments:',
    )


def test_defaults_fill_what_a_model_leaves_out(model_with: Callable[..., bytes], project_with: Callable[..., bytes]) -> None:
    """What the model says wins, field by field of the gate."""
    project = load_project(
        project_with("defaults: {}", "defaults: {alpha: 0.1, looks: 9, floors: {recall: 0.5}}"), where="release.yaml"
    )
    gate = effective_gate(load_model(model_with("  floors: {roc_auc: 0.9}\n", ""), where="m.yaml"), project, where="m.yaml")
    assert (gate.alpha, gate.looks, gate.floors) == (0.1, 5, {"recall": 0.5})
    assert gate.primary is not None


@pytest.mark.parametrize(
    ("margin", "line"),
    [
        ("0.03", "the margin of roc_auc exceeds the limit of 0.02 in release.yaml; use a margin of at most 0.02"),
        (
            "{relative: 1%}",
            (
                "the margin of roc_auc is relative, and cannot be held to the limit of 0.02 in release.yaml; "
                "use a margin of at most 0.02"
            ),
        ),
    ],
)
@pytest.mark.parametrize("place", ["primary", "guard", "slice"])
def test_no_margin_of_a_model_is_looser_than_the_limit(
    model_with: Callable[..., bytes], project_with: Callable[..., bytes], margin: str, line: str, place: str
) -> None:
    """Only `release.yaml` sets limits, wherever in the gate the margin stands; the limit itself is allowed."""
    old = {
        "primary": "{metric: roc_auc, margin: 0.01}",
        "guard": "{metric: brier_score, margin: {relative: 2%}}",
        "slice": "metric: recall, margin: 0.05}",
    }[place]
    new = {"primary": "{", "guard": "{", "slice": ""}[place] + "metric: roc_auc, margin: %s}"
    project = load_project(project_with(), where="release.yaml")
    effective_gate(load_model(model_with(old, new % "0.02"), where="m.yaml"), project, where="m.yaml")
    with pytest.raises(BadInputError) as caught:
        effective_gate(load_model(model_with(old, new % margin), where="m.yaml"), project, where="m.yaml")
    assert str(caught.value) == f"m.yaml: {line}"


def test_a_default_that_does_not_fit_the_task_is_told(
    model_with: Callable[..., bytes], project_with: Callable[..., bytes]
) -> None:
    """A default for regression cannot judge a classifier."""
    project = load_project(
        project_with("defaults: {}", "defaults: {primary: {metric: rmse, better_by: 1}}"), where="release.yaml"
    )
    spec = load_model(model_with("  primary: {metric: roc_auc, margin: 0.01}\n", ""), where="m.yaml")
    with pytest.raises(BadInputError) as caught:
        effective_gate(spec, project, where="m.yaml")
    assert str(caught.value) == (
        'm.yaml: gate.primary.metric, from gates.defaults of release.yaml: "rmse" is no metric for binary; '
        "write gate.primary.metric here"
    )


def _places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *itertools.chain.from_iterable(_places(one, (*at, key)) for key, one in inside)]


def _changed(right: Any, path: tuple[str | int, ...], wrong: object) -> Any:
    data = copy.deepcopy(right)
    holder = data
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = wrong
    return data


def _refusal(content: bytes) -> ReleaseError | None:
    try:
        load_model(content, where="m.yaml")
    except (BadInputError, SecurityRefusalError) as error:
        return error
    return None


def test_every_field_with_every_kind_of_value_is_read_or_refused(model_with: Callable[..., bytes]) -> None:
    """Whatever stands wherever: a record, or one line with file, line, column and remedy; never another exception."""
    right = yaml.safe_load(model_with())
    lines = [
        (path, wrong, _refusal(yaml.safe_dump(_changed(right, path, wrong), sort_keys=False).encode()))
        for path in _places(right)[1:]
        for wrong in (None, True, -3, 1.5, "", ["q"], {}, {"zz": 1})
    ]
    for path, wrong, error in lines:
        if error is not None:
            assert re.match(r"m\.yaml:\d+:\d+\Z", error.where), (path, wrong, error)
            assert error.fix, (path, wrong, error)
            assert not re.search("Input should|Field required|String should", error.what), (path, wrong, error)
    assert len(lines) > 600
    assert sum(error is not None for _, _, error in lines) > 0.8 * len(lines)
