"""The forge port against a real Gitea: what our adapter writes is what the forge then shows."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from support.git import commit

from release.artifact.forge import CONTEXT, Check, Opinion, Review
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError
from release.records import Commit

if TYPE_CHECKING:
    from forge.conftest import Gitea, Project

    from release.ports import Forge

MARKER = "<!-- release:churn -->"
SCOPES = ("write:repository", "write:issue", "read:user")


def opened(project: Project, branch: str = "change") -> tuple[Forge, int, str]:
    """Open a pull request that changes one file."""
    commit(project.clone, {"models/churn/model.yaml": b"x\n"})
    head = project.push(branch)
    forge = project.forge(project.gitea.token(*SCOPES))
    return forge, forge.propose(branch, "main", "Better churn", "Because."), head


def test_a_pull_request_is_opened_at_once_after_its_branch_was_pushed_and_then_only_updated(project: Project) -> None:
    """The moment in which Gitea does not know the branch yet is waited out; the second call changes title and body."""
    forge, number, _ = opened(project)
    assert forge.propose("change", "main", "Even better", "Because of that.") == number
    [pull] = project.ask("GET", "/pulls?state=open")
    assert (pull["number"], pull["title"], pull["body"]) == (number, "Even better", "Because of that.")


def test_what_the_forge_refuses_for_good_is_a_conflict(project: Project) -> None:
    """A pull request of a branch into itself is neither asked for again and again nor called trouble of the network."""
    forge, _, _ = opened(project)
    with pytest.raises(ConflictError, match="accepts no pull request from main into main"):
        forge.propose("main", "main", "Nothing", "")


def test_a_pull_request_is_read_with_files_author_and_reviews_of_its_head(project: Project, outsider: str) -> None:
    """Only the last word on the head commit counts; an approval of an older commit does not."""
    forge, number, head = opened(project)
    project.ask("PUT", f"/collaborators/{outsider}", {"permission": "write"})
    project.ask("POST", f"/pulls/{number}/reviews", {"event": "APPROVED", "body": "fine"}, sudo=outsider)
    read = forge.pull(number)
    assert (read.head, read.branch, read.base) == (head, "change", "main")
    assert (read.author, read.source, read.target) == (project.gitea.login[0], project.name, project.name)
    assert read.files == ("models/churn/model.yaml",)
    assert read.reviews == (Review(author=outsider, opinion=Opinion.APPROVED, official=True),)
    commit(project.clone, {"models/churn/model.yaml": b"y\n"})
    newer = project.push("change")
    again = forge.pull(number)
    assert (again.head, again.reviews) == (newer, ())


def test_one_comment_is_kept_whoever_else_writes_its_marker(project: Project, outsider: str) -> None:
    """A comment of somebody else that begins like ours is left alone; ours is written once and then changed."""
    forge, number, _ = opened(project)
    project.ask("POST", f"/issues/{number}/comments", {"body": f"{MARKER}\nforged"}, sudo=outsider)
    for text in ("first", "first", "second"):
        forge.comment(number, MARKER, f"{MARKER}\n{text}\n")
    comments = project.ask("GET", f"/issues/{number}/comments")
    assert [(c["user"]["login"], c["body"]) for c in comments] == [
        (outsider, f"{MARKER}\nforged"),
        (project.gitea.login[0], f"{MARKER}\nsecond\n"),
    ]


def test_a_comment_is_found_again_among_more_than_a_page(project: Project) -> None:
    """Fifty later comments do not make a second one of ours."""
    forge, number, _ = opened(project)
    forge.comment(number, MARKER, f"{MARKER}\nfirst")
    for _ in range(52):
        project.ask("POST", f"/issues/{number}/comments", {"body": "chatter"})
    forge.comment(number, MARKER, f"{MARKER}\nlast")
    bodies = [c["body"] for c in project.ask("GET", f"/issues/{number}/comments")]
    assert [body for body in bodies if body.startswith(MARKER)] == [f"{MARKER}\nlast"]


def test_a_status_is_set_under_the_name_of_the_required_check(project: Project) -> None:
    """Context, state, description and link arrive; a later state replaces an earlier one."""
    forge, _, head = opened(project)
    forge.status(Commit(head), Check.PENDING, "judging", "")
    forge.status(Commit(head), Check.FAILURE, "churn FAIL", "https://ci.example.org/1")
    whole = project.ask("GET", f"/commits/{head}/status")
    [status] = whole["statuses"]
    assert (status["context"], status["status"], status["description"], status["target_url"]) == (
        CONTEXT,
        "failure",
        "churn FAIL",
        "https://ci.example.org/1",
    )


def test_what_is_not_there_is_bad_input(project: Project) -> None:
    """A wrong number is the caller's mistake, in one line."""
    forge = project.forge(project.gitea.token(*SCOPES))
    with pytest.raises(BadInputError, match="there is no pull request 99"):
        forge.pull(99)
    with pytest.raises(BadInputError, match="there is no run 999999"):
        forge.run(999999)


def test_a_token_that_is_none_or_may_not_is_told_with_what_it_lacks_and_never_shown(project: Project) -> None:
    """Refusals name the scope; the token is in no message."""
    _, number, head = opened(project)
    wrong = secrets.token_hex(20)
    with pytest.raises(EnvironmentTroubleError, match="refuses the token") as caught:
        project.forge(wrong).status(Commit(head), Check.SUCCESS, "x")
    assert wrong not in repr(caught.value)
    weak = project.gitea.token("read:repository", "read:issue")
    with pytest.raises(EnvironmentTroubleError, match="give it the scope write:issue") as caught:
        project.forge(weak).comment(number, MARKER, f"{MARKER}\nx")
    assert weak not in repr(caught.value)


def test_a_pull_request_from_a_fork_says_where_it_comes_from(project: Project, outsider: str, gitea: Gitea) -> None:
    """Source and target differ, which is how outsiders are told from those who may push here."""
    gitea.ask("POST", f"{project.at}/forks", {}, sudo=outsider)
    fork = f"/repos/{outsider}/{project.name.partition('/')[2]}"
    change = {"content": "eAo=", "message": "Change", "branch": "main", "new_branch": "change"}
    gitea.ask("POST", f"{fork}/contents/models/churn/model.yaml", change, sudo=outsider)
    number = project.opened("change", head=f"{outsider}:change", sudo=outsider)
    read = project.forge(gitea.token(*SCOPES)).pull(number)
    assert (read.author, read.source, read.target) == (outsider, fork.removeprefix("/repos/"), project.name)
