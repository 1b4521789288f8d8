"""The anchor and the rows that rivals were trained on, end to end: a real ledger, real models, real git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli_running import commit_all, edit, here, ledger, ok
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
ESTIMATOR = "kind: logistic-regression"


def propose(folder: Path, old: str, new: str) -> None:
    edit(folder, MODEL, old, new)
    commit_all(folder, "Propose")
    ok(here(folder, "train", "churn"))


def released(folder: Path, old: str, new: str) -> None:
    """Propose a change and put it through to staging."""
    propose(folder, old, new)
    for verb in ("evaluate", "gate", "package"):
        ok(here(folder, verb, "churn"))
    ok(here(folder, "promote", "churn", "--to", "staging"))


def models(folder: Path) -> list[str]:
    """Return the digests of the models that were promoted, in their order."""
    return [line["release"]["model_digest"] for line in ledger(folder) if line["kind"] == "promoted"]


def by_whom(record: Any) -> list[tuple[str, str, str]]:
    return [(c["role"], c["metric"], c["against"]) for c in record["comparisons"]]


def test_every_margin_is_judged_against_the_last_release_that_was_shown_better(served: Path) -> None:
    """A second release is judged by the first alone; a third by both, since the second was not shown better."""
    propose(served, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}")
    ok(here(served, "evaluate", "churn"))
    second = ok(here(served, "gate", "churn", "--json")).document
    assert (second["anchor"], by_whom(second)) == (
        None,
        [("primary", "roc_auc", "champion"), ("floor", "roc_auc", "champion")],
    )
    ok(here(served, "package", "churn"))
    ok(here(served, "promote", "churn", "--to", "staging"))
    first, champion = models(served)
    propose(served, "C: 0.5", "C: 0.05")
    scored = ok(here(served, "evaluate", "churn", "--json")).document
    assert (scored["champion"]["model_digest"], scored["anchor"]["model_digest"]) == (champion, first)
    assert scored["anchor"]["source"] == "store"
    assert any(note.startswith("the anchor v1 is the last release that was shown better") for note in scored["notes"])
    third = ok(here(served, "gate", "churn", "--json")).document
    assert (third["champion"], third["anchor"]) == (champion, first)
    assert by_whom(third) == [
        ("primary", "roc_auc", "champion"),
        ("floor", "roc_auc", "champion"),
        ("primary", "roc_auc", "anchor"),
    ]
    assert f"anchor {first[7:19]}" in ok(here(served, "gate", "churn")).out
    ok(here(served, "package", "churn"))
    ok(here(served, "promote", "churn", "--to", "staging"))
    told = ledger(served)[-1]["evidence"]["metrics"]
    assert sorted(told) == ["anchor:roc_auc", "roc_auc", "roc_auc:floor"]


def test_a_model_that_looked_better_by_chance_is_no_anchor_without_margins(served: Path) -> None:
    """Where nothing may get worse nothing adds up: a gain over the champion is asked, and nobody else is scored."""
    released(served, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}")
    propose(served, "margin: 0.15}", "better_by: 0}")
    assert ok(here(served, "evaluate", "churn", "--json")).document["anchor"] is None


def test_an_anchor_that_nothing_leads_to_stops_the_judgement(served: Path, tmp_path: Path) -> None:
    """It is not dropped in silence: exit 5, its version, and what to fetch; with the history it is trained again."""
    released(served, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}")
    edit(served, MODEL, "C: 0.5", "C: 0.4")
    commit_all(served, "Propose")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "2", "--no-single-branch", f"file://{served}", str(clone))
    git(clone, "branch", "-q", "deploy", "origin/deploy")
    ok(here(clone, "train", "churn"))
    told = here(clone, "evaluate", "churn")
    assert told.code == 5
    [line] = told.errors
    assert "anchor v1 of churn, sha256:" in line
    assert line.endswith("or fetch the history with its commit (`git fetch --unshallow`)")
    git(clone, "fetch", "-q", "--unshallow")
    again = ok(here(clone, "evaluate", "churn", "--json")).document
    assert again["anchor"]["source"] == "rebuild"


def test_a_test_set_with_rows_that_the_champion_was_trained_on_is_invalid(served: Path) -> None:
    """Though they are no longer in the training file, and have new ids: the champion has seen the answers."""
    train, test = served / "models/churn/data/train.csv", served / "models/churn/data/test.csv"
    header, *rows = train.read_text().splitlines()
    moved = [f"new{number},{row.split(',', 1)[1]}" for number, row in enumerate(rows[:3])]
    train.write_text("\n".join([header, *rows[3:]]) + "\n")
    test.write_text(test.read_text() + "\n".join(moved) + "\n")
    propose(served, "looks: 5", "looks: 6")
    scored = ok(here(served, "evaluate", "churn", "--json")).document
    assert scored["invalid"] == [
        "3 equal rows of the test set are in the training set that the champion v1 was trained on, new0 for one"
    ]
    told = here(served, "gate", "churn")
    assert (told.code, told.out.splitlines()[0]) == (4, "churn: INVALID")


def test_what_a_shallow_clone_cannot_check_is_noted_and_checked_with_the_history(served: Path, tmp_path: Path) -> None:
    """The test set has another row; whether the champion was trained on it takes the champion's commit."""
    test = served / "models/churn/data/test.csv"
    test.write_text(test.read_text() + "extra,0.1,0.2,0.3,1\n")
    commit_all(served, "One more row")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{served}", str(clone))
    git(clone, "branch", "-q", "deploy", "origin/deploy")
    for folder in (".release/blobs", ".release/records"):
        (clone / folder).parent.mkdir(exist_ok=True)
        (clone / folder).symlink_to(served / folder)
    ok(here(clone, "train", "churn"))
    scored = ok(here(clone, "evaluate", "churn", "--json")).document
    [note] = [one for one in scored["notes"] if "could not be checked" in one]
    assert note.startswith("whether the champion v1 was trained on test rows could not be checked: ")
    assert "--unshallow" in note
    git(clone, "fetch", "-q", "--unshallow")
    again = ok(here(clone, "evaluate", "churn", "--json")).document
    assert not [one for one in again["notes"] if "could not be checked" in one]
