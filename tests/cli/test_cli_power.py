"""`release power`: what is said of a model's test set, and of one that is not there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_running import here, ok

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories


def test_a_champions_own_predictions_are_what_challengers_are_made_of(served: Path) -> None:
    """Metric by metric, then the whole gate for better, equal and worse challengers; what is assumed is said."""
    found = ok(here(served, "power", "churn", "--json")).document
    assert (found["model"], found["rows"], found["looks"]) == ("churn", 73, 5)
    [reach] = found["reach"]
    assert (reach["metric"], reach["rows"], reach["deciding"], reach["units"]) == ("roc_auc", 73, 35, "rows")
    assert reach["identical"] == pytest.approx(1 - 0.005 ** (1 / 35))
    assert found["undetected"] == pytest.approx(3.7 / 73, rel=0.03)
    assert found["assuming"][0].startswith("the champion's own predictions (v1, ")
    chances = {one["challenger"]: (one["difference"], one["passes"]) for one in found["chances"]}
    assert [difference for difference, _ in chances.values()] == [0.075, 0.0, -0.075, -0.15]
    assert chances["equal"][1] > 0.9
    assert chances["equal"][1] >= chances["worse by half a margin"][1] >= chances["worse by a margin"][1]
    assert chances["worse by a margin"][1] <= 0.05


def test_without_a_champion_one_is_assumed(shop: Path) -> None:
    """And named; for a regression the size of its errors too."""
    told = ok(here(shop, "power", "spend")).out
    assert told.startswith("spend: 100 test rows, a budget of 20 looks, alpha 0.05\n  rmse: 100 of 100 rows decide\n")
    assert "a defect on fewer than 3.62% of cases (3.7/n) may leave no trace in these rows" in told
    assert "assumed: a champion with an R2 of 0.5" in told


def test_more_rows_looks_and_other_margins_can_be_asked_for(shop: Path) -> None:
    """Rows sharpen, looks and narrower margins cost."""
    plan = ("power", "churn", "--margin", "roc_auc=0.02", "--json")
    [now] = ok(here(shop, *plan)).document["reach"]
    more = ok(here(shop, *plan, "--rows", "5000", "--looks", "50")).document
    assert (more["rows"], more["looks"], more["reach"][0]["margin"], now["margin"]) == (5000, 50, 0.02, 0.02)
    assert more["reach"][0]["error"] < now["error"] / 5
    assert more["reach"][0]["margin_rows"] > now["margin_rows"]


def test_a_test_set_can_be_planned_before_there_is_one(tmp_path: Path) -> None:
    """In no repository; for as many rows as the margins need, and by ease.ml/ci's bound for shares of right rows."""
    plan = ("power", "--margin", "roc_auc=0.03", "--margin", "recall=0.1", "--looks", "10", "--prevalence", "0.2")
    found = ok(here(tmp_path, *plan, "--json")).document
    assert found["model"] is None
    assert [one["metric"] for one in found["reach"]] == ["roc_auc", "recall"]
    assert found["rows"] == pytest.approx(max(one["margin_rows"] for one in found["reach"]), rel=0.05)
    [bound] = found["bounds"]
    assert (bound["metric"], bound["looks"], bound["delta"]) == ("recall", 10, 0.05)
    assert bound["rows"] < bound["rows_adaptive"]
    assert "20% of rows are positive" in found["assuming"]
    told = ok(here(tmp_path, *plan, "--rows", "500")).out
    assert told.startswith("plan: 500 test rows, a budget of 10 looks")
    assert "of these keep all 10 looks within 0.1 of the truth, 95% certain" in told


@pytest.mark.parametrize(
    ("margin", "line"),
    [
        ("roc_auc", 'error: --margin: "roc_auc" is no margin of a metric; write METRIC=MARGIN: roc_auc=0.01'),
        ("roc_auc=0", "error: --margin roc_auc: a margin must be above 0, not 0; use better_by: 0"),
        (
            "roc_auc=nan",
            'error: --margin roc_auc: "nan" is no margin; write a number such as 0.01, or a percentage such as 2%',
        ),
        ("roc_ac=0.1", 'error: --margin: "roc_ac" is no metric; did you mean "roc_auc"?'),
        ("top_2_accuracy=0.1", "error: --margin: these metrics cannot be planned together without data; name a model"),
    ],
)
def test_what_cannot_be_planned_is_one_line(tmp_path: Path, margin: str, line: str) -> None:
    """With exit code 2."""
    done = here(tmp_path, "power", "--margin", margin)
    assert done.code == 2
    [said] = done.errors
    assert said.startswith(line)


def test_a_metric_of_another_task_is_refused(shop: Path) -> None:
    """The model knows its task."""
    done = here(shop, "power", "churn", "--margin", "rmse=1")
    assert (done.code, done.errors[0].split(";")[0]) == (2, 'error: --margin: "rmse" is no metric for binary')
