"""The privileged workflow on a real forge: a pull request's job prints a record, base-branch code publishes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from forge.conftest import until
from forge.workflow_parts import files, verdict_file
from support.git import commit, git
from support.promotions import digest
from support.submissions import judgement, submission

from release.artifact import ledger as events
from release.artifact.forge import CONTEXT
from release.records import EventKind, Verdict

if TYPE_CHECKING:
    from forge.conftest import Project

    from release.artifact.ledger import Ledger

LEDGER = "charts/environments/ledger/churn.jsonl"


def proposed(project: Project, changes: dict[str, bytes]) -> tuple[int, str]:
    """Put the workflows on main, changes on a branch, and open a pull request."""
    commit(project.clone, files())
    project.push("main")
    commit(project.clone, changes)
    head = project.push("change")
    return project.opened("change"), head


def status(project: Project, head: str) -> Any:
    """Wait for the status that publishing sets."""

    def ours() -> Any:
        found = project.ask("GET", f"/commits/{head}/status")["statuses"] or []
        return next((one for one in found if one["context"] == CONTEXT), None)

    return until(ours)


def ledger(project: Project) -> Ledger:
    """Read the ledger on the forge's deploy branch."""
    git(project.clone, "fetch", "-q", "origin", "deploy")
    return events.parse((git(project.clone, "show", f"FETCH_HEAD:{LEDGER}") + "\n").encode(), LEDGER)


def test_a_passing_record_becomes_comment_status_and_a_look(project: Project) -> None:
    """The shipped workflow, unchanged but for what it installs, publishes from the main branch with its own token."""
    number, head = proposed(project, verdict_file(submission(judgement("A"))))
    shown = status(project, head)
    assert (shown["status"], shown["description"]) == ("success", "churn PASS")
    [comment] = project.ask("GET", f"/issues/{number}/comments")
    assert comment["user"]["login"] == "gitea-actions"
    assert comment["body"].startswith("<!-- release:churn -->\n## ✔ PASS")
    [event] = ledger(project).events
    assert (event.kind, event.commit, event.by) == (EventKind.EVALUATED, head, f"lab in #{number}")
    assert events.looks(ledger(project), digest("test")) == {digest("model A")}


def test_a_later_push_changes_the_same_comment(project: Project) -> None:
    """One comment a model, whatever the number of pushes; each commit has its own status, each challenger its look."""
    number, head = proposed(project, verdict_file(submission(judgement("A", outcome=Verdict.FAIL))))
    assert status(project, head)["status"] == "failure"
    commit(project.clone, verdict_file(submission(judgement("B"))))
    newer = project.push("change")
    assert status(project, newer)["status"] == "success"
    [comment] = project.ask("GET", f"/issues/{number}/comments")
    assert comment["body"].startswith("<!-- release:churn -->\n## ✔ PASS")
    assert events.looks(ledger(project), digest("test")) == {digest("model A"), digest("model B")}


def test_a_job_that_fails_is_no_success_whatever_its_record_says(project: Project) -> None:
    """The record is the pull request's own; how its job ended is the forge's word."""
    _, head = proposed(project, {**verdict_file(submission(judgement("A"))), "fails": b"\n"})
    shown = status(project, head)
    assert (shown["status"], shown["description"]) == ("failure", "the job ended with failure; churn PASS")


def test_a_forged_record_leaves_an_error_and_nothing_else(project: Project) -> None:
    """A verdict that its own comparisons deny is refused: no comment, no ledger, and a status that says so."""
    bad = judgement("A", outcome=Verdict.FAIL)
    forged = replace(bad, verdict=replace(bad.verdict, verdict=Verdict.PASS))
    number, head = proposed(project, verdict_file(submission(forged)))
    shown = status(project, head)
    assert (shown["status"], shown["description"]) == ("error", "the record that the job left cannot be used")
    assert project.ask("GET", f"/issues/{number}/comments") == []
    assert [branch["name"] for branch in project.ask("GET", "/branches")] == ["change", "main"]


def test_a_fork_is_published_by_code_it_could_not_change(project: Project, outsider: str) -> None:
    """An outsider's own copy of the publishing workflow is not run; the record is told, a new model's ledger not begun."""
    commit(project.clone, files())
    project.push("main")
    project.gitea.ask("POST", f"{project.at}/forks", {}, sudo=outsider)
    name = project.name.partition("/")[2]
    fork = git(project.clone, "remote", "get-url", "origin").replace(f"/{project.name}.git", f"/{outsider}/{name}.git")
    hostile = b"name: release-publish\non:\n  workflow_run:\n    workflows: [release]\njobs:\n  publish:\n"
    hostile += b"    runs-on: ubuntu-latest\n    steps:\n      - run: false\n"
    records = submission(judgement("A"), judgement("B", model="brand-new"))
    head = commit(project.clone, {**verdict_file(records), ".github/workflows/release-publish.yml": hostile})
    git(project.clone, "push", "-q", fork, "HEAD:refs/heads/change")
    number = project.opened("change", head=f"{outsider}:change", sudo=outsider)
    project.approve(until(project.runs)[0])
    assert status(project, head)["status"] == "success"
    comments = project.ask("GET", f"/issues/{number}/comments")
    assert [c["body"].split("\n", 1)[0] for c in comments] == ["<!-- release:churn -->", "<!-- release:brand-new -->"]
    assert [event.by for event in ledger(project).events] == [f"{outsider} in #{number}"]
    assert git(project.clone, "ls-tree", "-r", "--name-only", "FETCH_HEAD", "charts/environments/ledger").split() == [LEDGER]
