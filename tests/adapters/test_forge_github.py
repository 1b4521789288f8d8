"""The GitHub adapter against a server that answers as documented, and as networks do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapters.forge_server import NOON, TOKEN, Fault, GitHub, When

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
def server() -> Iterator[GitHub]:
    with GitHub() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Collect the seconds that a client would have slept."""
    return []


@pytest.fixture
def forge(server: GitHub, waits: list[float]) -> Forge:
    """Talk to the server, and never really sleep."""
    address = Address(kind="github", api=server.address, repository="acme/ml")
    return open_forge(address, TOKEN, patience=Patience(sleep=waits.append, jitter=lambda: 1.0))


def test_a_comment_is_written_once_then_changed_and_left_alone_when_it_says_so_already(server: GitHub, forge: Forge) -> None:
    """Three calls with two texts are one comment, one POST and one PATCH."""
    for text in ("one", "one", "two"):
        forge.comment(7, MARKER, f"{MARKER}\n{text}\n")
    assert [c["body"] for c in server.comments] == [f"{MARKER}\ntwo\n"]
    assert (server.asked("POST", "comments"), server.asked("PATCH", "comments")) == (1, 1)


def test_what_somebody_else_wrote_under_our_marker_is_not_ours(server: GitHub, forge: Forge) -> None:
    """Anybody may copy a hidden marker; editing their comment would leave our words in their hands."""
    server.said("mallory", f"{MARKER}\nforged")
    forge.comment(7, MARKER, f"{MARKER}\ntrue")
    assert [(c["user"]["login"], c["body"]) for c in server.comments] == [
        ("mallory", f"{MARKER}\nforged"),
        ("robot", f"{MARKER}\ntrue"),
    ]


def test_a_job_token_that_may_not_ask_who_it_is_is_the_bot(server: GitHub, forge: Forge) -> None:
    """GITHUB_TOKEN gets 403 for /user; its comments are github-actions[bot]'s."""
    server.me = None
    server.said("github-actions[bot]", f"{MARKER}\nold")
    forge.comment(7, MARKER, f"{MARKER}\nnew")
    assert [c["body"] for c in server.comments] == [f"{MARKER}\nnew"]


def test_of_two_comments_that_a_race_left_the_older_is_kept(server: GitHub, forge: Forge) -> None:
    """Two jobs may both have found none; the next one tidies up."""
    server.said("robot", f"{MARKER}\na")
    server.said("robot", f"{MARKER}\nb")
    forge.comment(7, MARKER, f"{MARKER}\nc")
    assert [(c["id"], c["body"]) for c in server.comments] == [(1, f"{MARKER}\nc")]


def test_a_comment_whose_reply_was_lost_is_not_written_twice(server: GitHub, forge: Forge) -> None:
    """After a broken connection the comments are read again before anything is written again."""
    server.faults.append(Fault("POST", "comments", when=When.AFTERWARDS))
    forge.comment(7, MARKER, f"{MARKER}\nx")
    assert [c["body"] for c in server.comments] == [f"{MARKER}\nx"]


@pytest.mark.parametrize("largest", [100, 20])
def test_our_comment_is_found_on_any_page(server: GitHub, forge: Forge, largest: int) -> None:
    """Lists are read to their end, whatever the largest page that the server gives."""
    server.largest_page = largest
    for number in range(130):
        server.said("ada", f"chatter {number}")
    server.said("robot", f"{MARKER}\nold")
    forge.comment(7, MARKER, f"{MARKER}\nnew")
    assert server.comments[-1]["body"] == f"{MARKER}\nnew"
    assert len(server.comments) == 131


def test_a_status_carries_the_required_name_and_at_most_140_characters(server: GitHub, forge: Forge) -> None:
    """GitHub refuses longer descriptions; control characters are taken out."""
    forge.status(HEAD, Check.FAILURE, "bad\n\x1b[31m" + "x" * 200, "https://ci.example/1")
    [(sha, body)] = server.statuses
    assert (sha, body["context"], body["state"]) == (HEAD, "release / verdict", "failure")
    assert body["target_url"] == "https://ci.example/1"
    assert len(body["description"]) == 140
    assert body["description"].startswith("bad [31mxxx")


def test_a_pull_request_has_the_standing_reviews_of_its_head_only(server: GitHub, forge: Forge) -> None:
    """The last word of each reviewer counts, a comment takes nothing back, a dismissal does, another commit is no head."""

    def review(author: str, state: str, commit: str = HEAD) -> None:
        server.reviews.append({"user": {"login": author}, "state": state, "commit_id": commit})

    review("eve", "APPROVED", "c" * 40)
    review("ben", "APPROVED")
    review("ben", "COMMENTED")
    review("cleo", "APPROVED")
    review("cleo", "CHANGES_REQUESTED")
    review("dora", "DISMISSED")
    server.reviews.append({"user": None, "state": "APPROVED", "commit_id": HEAD})
    server.files[0]["previous_filename"] = "models/old/model.yaml"
    pull = forge.pull(7)
    assert pull.reviews == (Review(author="ben", opinion=Opinion.APPROVED), Review(author="cleo", opinion=Opinion.REFUSED))
    assert (pull.head, pull.branch, pull.base, pull.author) == (HEAD, "change", "main", "ada")
    assert (pull.source, pull.target) == ("acme/ml", "acme/ml")
    assert pull.files == ("models/churn/model.yaml", "models/old/model.yaml")


def test_a_list_of_files_that_is_cut_is_not_taken_for_whole(server: GitHub, forge: Forge) -> None:
    """GitHub lists 3,000 files and no more: what is not listed might be what matters."""
    server.pulls[0]["changed_files"] = 2
    with pytest.raises(EnvironmentTroubleError, match="lists 1 of the 2 files"):
        forge.pull(7)


def test_a_fork_that_is_gone_is_still_another_repository(server: GitHub, forge: Forge) -> None:
    """A deleted fork has no repository; it must not look like ours."""
    server.pulls[0]["head"]["repo"] = None
    assert forge.pull(7).source == ""


def test_a_run_is_known_by_its_head_and_leaves_its_log(server: GitHub, forge: Forge) -> None:
    """Pull requests are found by their head, since GitHub names none for forks; the verdict's job says how it ended."""
    server.log = b"2026-02-02T12:00:00Z hello\n"
    server.jobs = [{"id": 30, "name": "other", "conclusion": "success"}, {**server.jobs[0], "conclusion": "failure"}]
    server.pulls.append(server.pull_of(8, "patch", HEAD, source="eve/ml"))
    server.pulls.append(server.pull_of(9, "elsewhere", "d" * 40))
    run = forge.run(9)
    assert (run.head, run.conclusion, run.pulls, run.log) == (HEAD, "failure", (7, 8), server.log)
    assert run.url == "https://forge.example/run/9"


def test_a_pull_request_is_opened_once_and_then_brought_up_to_date(server: GitHub, forge: Forge) -> None:
    """A fork's branch of the same name is not ours; the same title and body change nothing."""
    server.pulls.append(server.pull_of(8, "retrain", "e" * 40, source="eve/ml"))
    number = forge.propose("retrain", "main", "Retrain churn", "Drift.")
    assert forge.propose("retrain", "main", "Retrain churn", "Drift.") == number
    assert forge.propose("retrain", "main", "Retrain churn again", "More drift.") == number
    assert (server.pulls[-1]["title"], server.pulls[-1]["body"]) == ("Retrain churn again", "More drift.")
    assert (server.asked("POST", "/pulls"), server.asked("PATCH", "/pulls")) == (1, 1)


def test_a_pull_request_that_was_opened_although_the_reply_was_lost_is_found(server: GitHub, forge: Forge) -> None:
    """The whole operation is repeated, so it looks before it opens a second one."""
    server.faults.append(Fault("POST", "/pulls", when=When.AFTERWARDS))
    number = forge.propose("retrain", "main", "Retrain", "Drift.")
    assert [p["number"] for p in server.pulls if p["head"]["ref"] == "retrain"] == [number]


def test_what_the_forge_does_not_accept_is_a_conflict(server: GitHub, forge: Forge, waits: list[float]) -> None:
    """422 without an open pull request means that there is nothing to propose; waiting does not help."""
    server.faults.append(Fault("POST", "/pulls", 422, times=9))
    with pytest.raises(ConflictError, match="accepts no pull request from same into main"):
        forge.propose("same", "main", "Nothing", "")
    assert waits == []


@pytest.mark.parametrize("status", [500, 502, 503, 408, 429, 0])
def test_trouble_that_passes_is_waited_out_with_growing_waits(
    server: GitHub, forge: Forge, waits: list[float], status: int
) -> None:
    """Server errors, timeouts, limits and broken connections are tried again, each time after a longer wait."""
    server.faults.append(Fault("POST", "statuses", status, times=3))
    forge.status(HEAD, Check.SUCCESS, "fine")
    assert len(server.statuses) == 1
    assert waits == [0.5, 1.0, 2.0]


def test_trouble_that_stays_is_trouble_of_the_environment(server: GitHub, forge: Forge, waits: list[float]) -> None:
    """After a bounded number of attempts the last answer is told, and what to do."""
    server.faults.append(Fault("POST", "statuses", 503, times=99))
    with pytest.raises(EnvironmentTroubleError, match=r"the forge answered 503 \(6 attempts\); run the command again"):
        forge.status(HEAD, Check.SUCCESS, "fine")
    assert len(waits) == 5


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "17"}, 17.0),
        (403, {"Retry-After": "21"}, 21.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOON + 42)}, 42.0),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOON - 5)}, 0.5),
    ],
)
def test_a_limit_of_requests_is_waited_for_as_long_as_the_forge_asks(
    server: GitHub, forge: Forge, waits: list[float], status: int, headers: dict[str, str], wait: float
) -> None:
    """Reset times count from the answer's own date, whatever the clock here says."""
    server.faults.append(Fault("POST", "statuses", status, headers))
    forge.status(HEAD, Check.SUCCESS, "fine")
    assert waits == [wait]


def test_githubs_secondary_limit_is_known_by_its_words(server: GitHub, forge: Forge, waits: list[float]) -> None:
    """It comes as 403 without any header; a missing permission it is not."""
    body = b'{"message": "You have exceeded a secondary rate limit. Please wait."}'
    server.faults.append(Fault("POST", "statuses", 403, body=body))
    forge.status(HEAD, Check.SUCCESS, "fine")
    assert waits == [0.5]


def test_a_limit_that_lasts_too_long_is_told_instead_of_slept_through(
    server: GitHub, forge: Forge, waits: list[float]
) -> None:
    """A job must not hang for an hour: it ends, says when, and may be run again."""
    server.faults.append(Fault("POST", "statuses", 429, {"Retry-After": "3000"}))
    with pytest.raises(EnvironmentTroubleError, match="limits requests for another 3000 s"):
        forge.status(HEAD, Check.SUCCESS, "fine")
    assert waits == []


def test_a_missing_permission_is_named_in_githubs_words(server: GitHub, forge: Forge) -> None:
    """What GitHub says it would accept is repeated where it has the form of a permission."""
    server.faults.append(Fault("POST", "statuses", 403, {"X-Accepted-GitHub-Permissions": "statuses=write"}))
    with pytest.raises(EnvironmentTroubleError, match=r"statuses: write \(statuses=write\)") as caught:
        forge.status(HEAD, Check.SUCCESS, "fine")
    assert "to set a commit status" in caught.value.what
    server.faults.append(Fault("GET", "pulls/7", 403, {"X-Accepted-GitHub-Permissions": "<script>"}))
    with pytest.raises(EnvironmentTroubleError, match=r"pull-requests: read$"):
        forge.pull(7)


def test_a_number_that_is_none_is_bad_input(forge: Forge) -> None:
    """The forge answers 404 also to tokens that may not see it, and the message says so."""
    with pytest.raises(BadInputError, match="there is no pull request 99 that this token may see"):
        forge.pull(99)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"head": null}', b"[" * 100_000])
def test_an_answer_that_is_none_of_this_forges_is_told_in_one_line(server: GitHub, forge: Forge, body: bytes) -> None:
    """A proxy's page, or another program at that address, is no bug of ours."""
    server.faults.append(Fault("GET", "pulls/7", 200, body=body, times=9))
    with pytest.raises(EnvironmentTroubleError, match="not what its documentation says"):
        forge.pull(7)


def test_a_status_may_bear_another_name(server: GitHub, forge: Forge) -> None:
    """What the main branch says of a commit is not the check that a pull request waits for."""
    forge.status(HEAD, Check.PENDING, "waits", context="release / main")
    assert [(sha, body["context"]) for sha, body in server.statuses] == [(HEAD, "release / main")]


def test_proposals_are_open_pull_requests_of_our_own_branches_into_one_branch(server: GitHub, forge: Forge) -> None:
    """A fork's branch of the same name is somebody else's, and so is a closed one."""
    server.pulls = [
        server.pull_of(1, "release/production/churn", "b" * 40, source="eve/ml"),
        server.pull_of(2, "release/production/churn", "b" * 40),
        server.pull_of(3, "release/production/spend", "c" * 40) | {"state": "closed"},
        server.pull_of(4, "other", "c" * 40) | {"base": {"ref": "deploy", "repo": {"full_name": "acme/ml"}}},
    ]
    assert forge.proposals("main") == {"release/production/churn": 2}
    assert forge.proposals("deploy") == {"other": 4}


def test_closing_is_once_and_for_all_and_what_was_closed_by_hand_is_known(server: GitHub, forge: Forge) -> None:
    """By its very head: a branch that has moved on since is another proposal; a merged one was not declined."""
    assert forge.declined("change", "main", HEAD) is None
    for _ in range(2):
        forge.close(7)
    assert server.pulls[0]["state"] == "closed"
    assert forge.declined("change", "main", HEAD) == 7
    assert forge.declined("change", "main", Commit("b" * 40)) is None
    assert forge.declined("change", "deploy", HEAD) is None
    server.pulls[0]["merged_at"] = "2026-02-02T12:00:00Z"
    assert forge.declined("change", "main", HEAD) is None


def test_the_merged_pull_requests_of_a_commit_are_found(server: GitHub, forge: Forge) -> None:
    """An open one that has the commit too brought nothing to the main branch."""
    merged = {"number": 7, "merged_at": "2026-02-02T12:00:00Z"}
    server.brought = {HEAD: [merged, {"number": 8, "merged_at": None}]}
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
        ("mallory", "acme/owners", False),
        ("ada", "acme/owners", False),
        ("grace", "acme/others", False),
    ],
)
def test_who_belongs_to_a_group(server: GitHub, forge: Forge, login: str, group: str, there: bool) -> None:  # noqa: FBT001 (a parameter)
    """Owners may write, members of a team are active; an invitation that was not accepted is none."""
    assert forge.belongs(login, group) is there


def test_a_permission_that_is_missing_to_ask_for_people_is_named(server: GitHub, forge: Forge) -> None:
    """An approval is not lost silently because the token may not look."""
    server.faults.append(Fault("GET", "collaborators", 403, times=9))
    with pytest.raises(EnvironmentTroubleError, match="give it the permission metadata: read"):
        forge.belongs("grace", "owners")
