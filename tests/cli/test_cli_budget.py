"""The test set as a budget, on real repositories: looks that are inherited, how many are left, and what may be shown."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, edit, here, ledger, ok
from support.git import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
TEST = "models/churn/data/test.csv"
ESTIMATOR = "kind: logistic-regression"
LOOKS = re.compile(r"test set [0-9a-f]{12}: (?:look )?(\d+) of (\d+)(?: looks used)?(?:, (\d+) of them)?")


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / TEST).read_text())))


def write(folder: Path, changed: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(changed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(changed)
    (folder / TEST).write_text(text.getvalue())


def renamed(one: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "customer_id": f"n{number:04}"} for number, row in enumerate(one)]


def fresh(one: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{**row, "noise": f"{float(row['noise']) + 0.5:.3f}"} for row in renamed(one)]


def used(folder: Path) -> tuple[str, ...]:
    """Return looks used, budget and inherited looks, as check says them."""
    found = LOOKS.search(ok(here(folder, "check", "churn")).out)
    assert found is not None
    return found.groups()


CHANGES: dict[str, tuple[Callable[[list[dict[str, str]]], list[dict[str, str]]], tuple[str | None, ...]]] = {
    "renamed": (renamed, ("1", "5", "1")),
    "renamed and reordered": (lambda one: renamed(one)[::-1], ("1", "5", "1")),
    "one row dropped": (lambda one: one[1:], ("1", "5", "1")),
    "other labels": (lambda one: [{**row, "churned": str(1 - int(row["churned"]))} for row in one], ("1", "5", "1")),
    "fresh rows": (fresh, ("0", "5", None)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("memory", ["kept", "gone"])
def test_looks_are_inherited_with_the_rows(served: Path, change: str, memory: str) -> None:
    """By the marks kept here or, where they are gone, by the file of the commit that was judged."""
    made, expected = CHANGES[change]
    assert used(served) == ("1", "5", None)
    write(served, made(rows(served)))
    if memory == "gone":
        commit_all(served, "Refresh the test set")
        for path in (served / ".release/records/rows").glob("*"):
            path.unlink()
    assert used(served) == expected


def test_a_judgement_says_what_it_inherited(served: Path) -> None:
    """In the record, on the screen and as a note; the next commit's copy of the rows counts on."""
    write(served, renamed(rows(served)))
    edit(served, MODEL, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.01}")
    commit_all(served, "Refresh, and propose")
    done = here(served, "dry-run", "churn", "--json")
    verdict = done.document["models"][0]["verdict"]
    assert (verdict["test_set"]["looks"], verdict["test_set"]["inherited"]) == (2, 1)
    assert "of its rows are in the test set" in done.err
    assert "look 2 of 5, 1 of them at files with the same rows" in here(served, "dry-run", "churn").out


def test_an_inherited_budget_can_be_spent(served: Path) -> None:
    """Renaming rows is no way round INVALID."""
    edit(served, MODEL, "looks: 5", "looks: 1")
    write(served, renamed(rows(served)))
    edit(served, MODEL, ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.01}")
    commit_all(served, "Refresh, and propose")
    done = here(served, "dry-run", "churn")
    assert done.code == 4
    assert "INVALID: this test set has judged 1 challengers of 1" in done.err


def test_check_says_when_to_refresh(served: Path) -> None:
    """Nothing while there is plenty, a warning near the end, and at the end that it is one."""
    assert "left" not in ok(here(served, "check", "churn")).out
    edit(served, MODEL, "looks: 5", "looks: 1")
    assert "no look is left: the next new challenger is INVALID; hold out new rows" in ok(here(served, "check", "churn")).out
    edit(served, MODEL, "looks: 1", "looks: 2")
    document = ok(here(served, "check", "churn", "--json")).document
    [worn] = document["test_sets"]
    assert (worn["model"], worn["looks"], worn["budget"], worn["inherited"], worn["notes"]) == ("churn", 1, 2, 0, [])


def test_a_shallow_clone_says_that_it_cannot_tell_and_how_to_get_what_is_missing(served: Path, tmp_path: Path) -> None:
    """A budget that starts again because history is missing would be none."""
    write(served, renamed(rows(served)))
    commit_all(served, "Refresh")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{served}", str(shallow))
    git(shallow, "branch", "deploy", "origin/deploy")
    done = here(shallow, "check", "churn")
    assert done.code == 5
    [line] = done.errors
    assert "shares rows with an older one" in line
    assert line.endswith("run: git fetch --unshallow origin")


def withheld(folder: Path, feedback: str, *changes: tuple[str, str]) -> None:
    """Make a policy that withholds, and a test set on which nobody has passed yet; then propose."""
    edit(folder, MODEL, "  looks: 5", f"  looks: 5\n  feedback: {feedback}")
    write(folder, fresh(rows(folder)))
    for old, new in changes:
        edit(folder, MODEL, old, new)
    commit_all(folder, "Propose")


WORSE = (ESTIMATOR, "kind: dummy")
"""Of two classes of about equal size: AUC .5."""


def leaks(text: str, folder: Path) -> list[str]:
    """Return the decimal numbers of a text that are also in the whole record of the judgement, none when nothing leaks."""
    [record] = [
        one
        for one in map(json.loads, (path.read_text() for path in (folder / ".release/records/gate").glob("*.json")))
        if one["feedback"] != "full" and one["verdict"] == "FAIL"
    ]
    [primary] = [one for one in record["comparisons"] if one["role"] == "primary"]
    # Not the value itself: a dummy's .5 is also the threshold.
    secret = {f"{primary[name]:.3g}" for name in ("difference", "low", "high", "high_family")}
    told = {f"{abs(float(one)):.3g}" for one in re.findall(r"\d+\.\d+(?:e-?\d+)?", text)}
    return sorted({one.lstrip("-") for one in secret} & told)


def test_without_a_pass_no_number_leaves_the_store(served: Path) -> None:
    """Terminal, JSON, both reports, the record for the forge and what evaluate prints; the store keeps all of it."""
    withheld(served, "verdict", WORSE)
    done = here(served, "dry-run", "churn")
    assert done.code == 4
    assert "numbers are withheld until a challenger passes" in done.out
    document = here(served, "dry-run", "churn", "--json").document["models"][0]
    assert (document["verdict"]["verdict"], document["verdict"]["comparisons"]) == ("FAIL", [])
    assert document["verdict"]["feedback"] == "verdict"
    assert document["evaluate"]["challenger"]["metrics"] == {}
    reports = [(served / ".release/reports/churn" / name).read_text() for name in ("report.md", "report.html")]
    texts = [done.out, done.err, json.dumps(document["verdict"]), json.dumps(document["evaluate"]["challenger"]), *reports]
    texts += [here(served, verb, "churn").out for verb in ("evaluate", "gate")]
    texts.append(
        json.dumps(ok(here(served, "publish", "--collect", "churn", "--json")).document["judgements"][0]["verdict"])
    )
    assert [leaks(text, served) for text in texts] == [[]] * len(texts)
    assert "numbers are withheld" in texts[6]
    assert all("withheld" in report for report in reports)


def test_after_a_pass_everything_may_be_shown(served: Path) -> None:
    """The challenger that passes is shown itself, and whoever comes after it on these rows."""
    withheld(served, "verdict", (ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.9}"))
    document = ok(here(served, "dry-run", "churn", "--json")).document["models"][0]["verdict"]
    assert (document["verdict"], document["feedback"]) == ("PASS", "full")
    assert document["comparisons"][0]["challenger"] > 0.9
    edit(served, MODEL, ESTIMATOR + "\n  params: {C: 0.9}", "kind: dummy")
    commit_all(served, "Propose another")
    document = here(served, "dry-run", "churn", "--json").document["models"][0]["verdict"]
    assert (document["verdict"], document["feedback"]) == ("FAIL", "full")
    assert document["comparisons"][0]["challenger"] == 0.5


def test_on_the_ladder_only_the_best_value_so_far_is_shown(served: Path) -> None:
    """A worse challenger shows the champion's value, and no interval."""
    withheld(served, "ladder", WORSE)
    document = here(served, "dry-run", "churn", "--json").document["models"][0]["verdict"]
    [told] = document["comparisons"]
    assert (document["verdict"], document["feedback"], told["method"]) == ("FAIL", "ladder", "ladder")
    assert told["challenger"] == told["champion"]
    assert (told["low"], told["high"], told["difference"], told["p_margin"]) == (None, None, None, None)
    again = here(served, "gate", "churn", "--json").document
    assert again == document


def test_the_ledger_of_a_refusal_holds_no_number(served: Path) -> None:
    """The main branch takes down that it refused, and neither by how much nor why."""
    withheld(served, "verdict", WORSE)
    here(served, "dry-run", "churn")
    ok(here(served, "package", "churn"))
    here(served, "promote", "--to", "staging", "--automatic")
    judged = [event for event in ledger(served) if event["kind"] == "judged"]
    if not judged:  # asked for by name there is no event at all
        done = here(served, "promote", "churn", "--to", "staging")
        assert (done.code, leaks(done.err, served)) == (4, [])
    for event in judged:
        assert event["evidence"].get("metrics", {}) == {}
        assert leaks(event["reason"], served) == []
