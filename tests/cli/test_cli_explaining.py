"""What explains a verdict, end to end: made with the report, remembered, and made anew when what it follows from changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli_running import commit_all, edit, here

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
SEED = "seed: 1\n"


def records(folder: Path, stage: str, model: str = "churn") -> list[dict[str, Any]]:
    """Return what is remembered of a stage, the last one written last."""
    paths = sorted((folder / ".release/records" / stage).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    found = [json.loads(path.read_text()) for path in paths]
    return [one for one in found if one["model"] == model]


def test_a_first_release_is_explained_alone(shop: Path) -> None:
    """Importance and learning curve of the challenger, and nothing to differ from."""
    [found] = records(shop, "inspect")
    assert found["metric"] == "roc_auc"
    assert {one["column"] for one in found["importance"]} == {"usage", "tenure", "noise"}
    assert found["importance"][0]["column"] == "usage"
    assert all(one["champion"] is None for one in found["importance"])
    assert len(found["learning"]) == 5
    assert (found["signature"], found["parameters"], found["data"], found["notes"]) == ([], [], [], [])


def test_two_models_are_explained_beside_each_other(served: Path) -> None:
    """What each leans on, what it was trained with, on what, and what it takes."""
    edit(served, MODEL, "kind: logistic-regression", "kind: random-forest\n  params: {n_estimators: 20}")
    edit(served, MODEL, "noise: {type: float, min: -9, max: 9}", "noise: {type: float, min: -9, max: 10}")
    file = served / "models/churn/data/train.csv"
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *rows[:120], *(f"new{n},8,8,0,1" for n in range(90))]) + "\n")
    commit_all(served)
    here(served, "dry-run", "churn")
    found = records(served, "inspect")[-1]
    by_column = {one["column"]: one for one in found["importance"]}
    assert by_column["usage"]["champion"][0] > by_column["noise"]["champion"][0]
    assert by_column["usage"]["challenger"] != by_column["usage"]["champion"]
    signature = {one["what"]: (one["champion"], one["challenger"]) for one in found["signature"]}
    assert signature["noise"] == ("float, -9 to 9", "float, -9 to 10")
    assert signature["usage"][1].endswith(" to 8")
    assert ["estimator", "logistic-regression", "random-forest"] in found["parameters"]
    assert ["n_estimators", "none", "20"] in found["parameters"]
    names = [line[0] for line in found["data"]]
    assert names[0] == "training rows"
    assert {"usage", "tenure", "class 1"} <= set(names)
    text = (served / ".release/reports/churn/report.html").read_text()
    assert "usage" in text
    assert "n_estimators" in text


def test_recipes_are_compared_where_it_is_asked(served: Path) -> None:
    """Nothing is trained anew for it but the recipes; the report is, and the second time all is known."""
    edit(served, MODEL, "kind: logistic-regression", "kind: dummy")
    commit_all(served)
    here(served, "dry-run", "churn")
    before = (served / ".release/reports/churn/report.html").read_bytes()
    assert records(served, "recipe") == []
    edit(served, MODEL, SEED, f"{SEED}evaluation: {{resamples: 2x4, seeds: 3}}\n")
    commit_all(served)
    told = here(served, "dry-run", "churn")
    assert all(f"churn: {stage} reused" in told.err for stage in ("train", "evaluate", "gate"))
    assert "resample 8 of 8: roc_auc challenger 0.5000, champion 0.9" in told.err
    [found] = records(served, "recipe")
    assert (found["resamples"], found["metric"], found["df"], found["level"]) == ("2x4", "roc_auc", 7, 0.95)
    assert found["challenger"] == 0.5
    assert found["difference"] == pytest.approx(found["challenger"] - found["champion"])
    assert found["low"] < found["difference"] < found["high"] < 0
    assert 0 < found["p_value"] < 0.05
    assert found["seeds"][0] == 1
    assert {name: len(one) for name, one in found["by_seed"].items()} == {"challenger": 3, "champion": 3}
    assert "the seed changes nothing of the champion's recipe" in found["notes"]
    assert (served / ".release/reports/churn/report.html").read_bytes() != before
    again = here(served, "dry-run", "churn")
    assert "resample" not in again.err
    assert again.code == told.code


def test_the_same_recipe_is_not_compared_with_itself(served: Path) -> None:
    """What differs is the rows, and the record says so; the challenger's own numbers stand."""
    file = served / "models/churn/data/train.csv"
    file.write_text("\n".join(file.read_text().splitlines()[:150]) + "\n")
    edit(served, MODEL, SEED, f"{SEED}evaluation: {{resamples: 1x3}}\n")
    commit_all(served)
    here(served, "dry-run", "churn")
    [found] = records(served, "recipe")
    assert found["difference"] is None
    assert found["challenger"] > 0.9
    assert any("both recipes are the same" in note for note in found["notes"])


def test_too_few_rows_for_the_folds_end_in_one_line(served: Path) -> None:
    """Exit 2, with the class and the number."""
    edit(served, MODEL, SEED, f"{SEED}evaluation: {{resamples: 1x50}}\n")
    file = served / "models/churn/data/train.csv"
    file.write_text("\n".join(file.read_text().splitlines()[:40]) + "\n")
    commit_all(served)
    told = here(served, "dry-run", "churn")
    assert told.code == 2
    [line] = told.errors
    assert line.startswith("error: models/churn/model.yaml: class ")
    assert "too few for 50 folds" in line


def test_importance_is_withheld_with_the_other_numbers(served: Path) -> None:
    """Under `feedback: verdict` no number from the test rows is in the report; what is from training rows is."""
    edit(served, MODEL, "  looks: 5", "  looks: 5\n  feedback: verdict")
    edit(served, MODEL, "margin: 0.15}", "better_by: 0}")
    edit(served, MODEL, "kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.02}")
    test = served / "models/churn/data/test.csv"
    test.write_text(test.read_text() + "c9999,1.5,0.5,0,1\n")  # nobody has passed on these rows
    commit_all(served)
    assert here(served, "dry-run", "churn").code in (4, 7)
    found = records(served, "inspect")[-1]
    text = (served / ".release/reports/churn/report.html").read_text()
    largest = [one for one in found["importance"] if one["column"] == "usage"]
    assert len(largest) == 1
    assert all(f"{largest[0][who][0]:.3f}" not in text for who in ("champion", "challenger"))
    assert f"{found['learning'][-1]['rows']}" in text
