"""The GitLab adapter against a server that answers as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from adapters.forge_server import TOKEN, Fault, GitLab, When

from release.adapters.forge import open_forge
from release.artifact.forge import Address, Check, Opinion, Review
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError
from release.patience import Patience
from release.records import Commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.ports import Forge

MARKER = "<!-- release:churn -->"
HEAD = Commit("a" * 40)


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab() as running:
        yield running


@pytest.fixture
def forge(server: GitLab) -> Forge:
    """Talk to the server, and never really sleep."""
    address = Address(kind="gitlab", api=f"{server.address}/api/v4", repository="acme/ml")
    return open_forge(address, TOKEN, patience=Patience(sleep=lambda _: None))


def approval(author: str, at: str | None) -> dict[str, Any]:
    return {"user": {"username": author}, **({"approved_at": at} if at else {})}


def test_one_note_is_kept_and_somebody_elses_is_not_ours(server: GitLab, forge: Forge) -> None:
    """Three calls with two texts are one note beside the forged one, also when a reply is lost."""
    server.said("mallory", f"{MARKER}\nforged")
    server.faults.append(Fault("POST", "notes", when=When.AFTERWARDS))
    for text in ("one", "one", "two"):
        forge.comment(7, MARKER, f"{MARKER}\n{text}\n")
    assert [n["body"] for n in server.notes] == [f"{MARKER}\nforged", f"{MARKER}\ntwo\n"]
    assert (server.asked("POST", "notes"), server.asked("PUT", "notes")) == (1, 1)


def test_a_status_is_set_in_gitlabs_words_and_twice_is_once(server: GitLab, forge: Forge) -> None:
    """GitLab refuses a state that is set already; that is what was wanted."""
    for _ in range(2):
        forge.status(HEAD, Check.FAILURE, "churn FAIL", "https://ci.example/1")
    [(sha, query)] = server.statuses
    assert (sha, query["state"], query["name"], query["target_url"]) == (
        HEAD,
        "failed",
        "release / verdict",
        "https://ci.example/1",
    )


def test_only_an_approval_that_is_younger_than_the_head_counts(server: GitLab, forge: Forge) -> None:
    """Approvals name no commit; one from before the last push, or of unknown age, says nothing of the head."""
    server.approved_by = [
        approval("ben", "2026-02-02T12:30:00.000Z"),
        approval("cleo", "2026-02-02T11:30:00.000Z"),
        approval("dora", None),
    ]
    pull = forge.pull(7)
    assert pull.reviews == (Review(author="ben", opinion=Opinion.APPROVED),)
    assert (pull.head, pull.branch, pull.base, pull.author) == (HEAD, "change", "main", "ada")
    assert (pull.source, pull.target) == ("acme/ml", "acme/ml")
    assert pull.files == ("models/churn/model.yaml", "models/churn/other.yaml")


def test_a_fork_is_another_project(server: GitLab, forge: Forge) -> None:
    """Source and target differ, whatever the fork is called."""
    server.requests[0]["source_project_id"] = 77
    pull = forge.pull(7)
    assert (pull.source, pull.target) == ("project 77", "acme/ml")


def test_a_pipeline_leaves_its_log_and_how_the_verdicts_job_ended(server: GitLab, forge: Forge) -> None:
    """The pipeline may have succeeded although the job that judged did not."""
    server.log = b"hello\n"
    run = forge.run(9)
    assert (run.head, run.conclusion, run.pulls, run.log) == (HEAD, "failed", (7,), b"hello\n")


def test_a_merge_request_is_opened_once_and_then_brought_up_to_date(server: GitLab, forge: Forge) -> None:
    """A lost reply does not open a second one; a fork's branch of the same name is not ours."""
    server.requests.append(server.request_of(8, "retrain", "e" * 40, source=77))
    server.faults.append(Fault("POST", "merge_requests", when=When.AFTERWARDS))
    number = forge.propose("retrain", "main", "Retrain", "Drift.")
    assert forge.propose("retrain", "main", "Retrain again", "Drift.") == number
    ours = [r for r in server.requests if r["source_project_id"] == 5 and r["source_branch"] == "retrain"]
    assert [(r["iid"], r["title"]) for r in ours] == [(number, "Retrain again")]


def test_refusals_are_told_apart(server: GitLab, forge: Forge) -> None:
    """A conflict, a missing scope and a wrong number are three different things to do."""
    server.faults.append(Fault("POST", "merge_requests", 409, times=1))
    with pytest.raises(ConflictError, match="accepts no merge request from same into main"):
        forge.propose("same", "main", "Nothing", "")
    server.faults.append(Fault("POST", "statuses", 403))
    with pytest.raises(EnvironmentTroubleError, match="give it the scope api"):
        forge.status(HEAD, Check.SUCCESS, "fine")
    with pytest.raises(BadInputError, match="there is no merge request 99"):
        forge.pull(99)


def test_a_status_may_bear_another_name(server: GitLab, forge: Forge) -> None:
    """What the main branch says of a commit is not the check that a merge request waits for."""
    forge.status(HEAD, Check.SUCCESS, "promoted", context="release / main")
    assert [query["name"] for _, query in server.statuses] == ["release / main"]


def test_proposals_are_closed_once_and_known_afterwards(server: GitLab, forge: Forge) -> None:
    """GitLab refuses to close what is closed, which is what was asked."""
    assert forge.proposals("main") == {"change": 7}
    assert forge.declined("change", "main", HEAD) is None
    for _ in range(2):
        forge.close(7)
    assert forge.proposals("main") == {}
    assert forge.declined("change", "main", HEAD) == 7
    assert forge.declined("change", "main", Commit("b" * 40)) is None


def test_the_merged_merge_requests_of_a_commit_are_found(server: GitLab, forge: Forge) -> None:
    """An open one that has the commit too brought nothing to the main branch."""
    assert list(forge.merged(HEAD)) == [7]
    assert list(forge.merged(Commit("b" * 40))) == []


@pytest.mark.parametrize(
    ("login", "group", "there"),
    [
        ("grace", "owners", True),
        ("ada", "owners", True),
        ("mallory", "owners", False),
        ("nobody", "owners", False),
        ("grace", "acme/owners", True),
        ("ada", "acme/owners", False),
        ("mallory", "acme/guests", True),
    ],
)
def test_who_belongs_to_a_group(server: GitLab, forge: Forge, login: str, group: str, there: bool) -> None:  # noqa: FBT001 (a parameter)
    """Owners may push, which a Reporter may not; of a group, everybody is a member whatever the role."""
    assert forge.belongs(login, group) is there
