"""Promotions as pull requests on a real forge: whose approval counts, one pull request however often, what a merge hears."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from forge.conftest import until
from support.git import commit, git
from support.promotions import PRODUCTION, STAGING, Ticking, promotion, rejudged

from release.adapters.deploy_branch import open_branch
from release.adapters.git import GitSource
from release.artifact import ledger as events
from release.artifact.forge import CONTEXT, MAIN, Check
from release.artifact.intent import Asked
from release.records import Commit, EventKind, Outcome
from release.stages.promote import promote
from release.stages.propose import Desk, approvals, close, propose

if TYPE_CHECKING:
    from forge.conftest import Gitea, Project

    from release.artifact.intent import Approvals
    from release.ports import Forge
    from release.records import Digest, PromoteRecord

SCOPES = ("write:repository", "write:issue", "read:user", "read:organization")
LEDGER = "charts/environments/ledger/churn.jsonl"


class Board:
    """A project whose A is verified in staging, and production reached by approval."""

    def __init__(self, project: Project) -> None:
        """Promote A to staging and have it verified."""
        self.project, self.clock = project, Ticking()
        self.forge: Forge = project.forge(project.gitea.token(*SCOPES))
        self.branch = open_branch(project.clone, ".", "deploy", project.clone / ".release/deploy")
        self.intent = promotion(
            git(project.clone, "rev-parse", "HEAD"),
            "A",
            environment=PRODUCTION,
            after=STAGING,
            verdict=None,
            needed=1,
            asked=Asked.AUTOMATICALLY,
        )
        first = promotion(self.intent.commit, "A")
        done = self._promote(first)
        self.tell(EventKind.VERIFIED, environment=STAGING, operation=done.operation, release=done.release)

    def _promote(self, intent: Any, people: tuple[str, ...] = ()) -> PromoteRecord:
        return promote(
            intent,
            branch=self.branch,
            source=GitSource(self.project.clone),
            clock=self.clock,
            rejudge=lambda champion: rejudged("A", champion),
            pause=lambda _: None,
            rng=random.Random(7),
            approvals=lambda operation: self.approvals(operation, people),
        )

    def promote(self, *people: str) -> PromoteRecord:
        """Promote to production if enough people approve."""
        return self._promote(self.intent, people)

    def tell(self, kind: EventKind, **fields: Any) -> None:
        """Append an event to the ledger."""
        tip = self.branch.tip(fetch=True)
        parsed = events.parse(self.branch.read(tip, LEDGER) or b"", LEDGER)
        grown, _ = events.append(parsed, kind, at=self.clock.now(), model=self.intent.model, **fields)
        assert self.branch.publish(self.branch.commit(tip, {LEDGER: grown.content}, "Tell\n", self.clock.now()), tip)

    def propose(self) -> PromoteRecord:
        """Open the pull request, or bring it up to date."""
        desk = Desk(
            branch=self.branch,
            source=GitSource(self.project.clone),
            forge=self.forge,
            clock=self.clock,
            pause=lambda _: None,
            rng=random.Random(7),
        )
        return propose(
            self.intent,
            desk=desk,
            rejudge=lambda champion: rejudged("A", champion),
            describe=lambda attempt: ("Promote churn", f"Operation {attempt.change.operation}"),
        )

    def approvals(self, operation: Digest, people: tuple[str, ...] = ()) -> Approvals:
        """Count the approvals of an operation."""
        return approvals(self.intent.model, PRODUCTION, operation, people=people, branch=self.branch, forge=self.forge)

    def approve(self, number: int, login: str) -> None:
        """Let somebody approve the head as it is."""
        body = {"event": "APPROVED", "body": "fine"}
        self.project.ask("POST", f"/pulls/{number}/reviews", body, sudo=login)


@pytest.fixture
def board(project: Project) -> Board:
    return Board(project)


@pytest.fixture
def colleague(project: Project, outsider: str) -> str:
    """Let a user write to the repository."""
    project.ask("PUT", f"/collaborators/{outsider}", {"permission": "write"})
    return outsider


def test_an_approval_at_the_head_promotes_and_the_pull_request_is_closed(board: Board, colleague: str) -> None:
    """Proposed twice it is one pull request with one head; the ledger says who approved and where."""
    first, again = board.propose(), board.propose()
    assert (first.pull, first.deploy_commit) == (again.pull, again.deploy_commit)
    number = first.pull or 0
    [pull] = board.project.ask("GET", "/pulls?state=open")
    assert (pull["number"], pull["head"]["ref"], pull["base"]["ref"]) == (number, "release/production/churn", "deploy")
    assert pull["head"]["sha"] == first.deploy_commit
    assert board.promote().outcome is Outcome.WAITING
    board.approve(number, colleague)
    done = board.promote()
    assert (done.outcome, done.operation) == (Outcome.PROMOTED, first.operation)
    git(board.project.clone, "fetch", "-q", "origin", "deploy")
    content = (git(board.project.clone, "show", f"FETCH_HEAD:{LEDGER}") + "\n").encode()
    approved, promoted = events.parse(content, LEDGER).events[-2:]
    assert (approved.kind, approved.by, approved.reason) == (EventKind.APPROVED, colleague, f"pull request #{number}")
    assert (promoted.kind, promoted.environment) == (EventKind.PROMOTED, PRODUCTION)
    for _ in range(2):
        close(number, "Promoted.", forge=board.forge)
    assert board.project.ask("GET", f"/pulls/{number}")["state"] == "closed"
    assert [c["body"] for c in board.project.ask("GET", f"/issues/{number}/comments")] == [
        "<!-- release-proposal -->\nPromoted.\n"
    ]


def test_whose_approvals_do_not_count(board: Board, outsider: str) -> None:
    """Somebody who may only read; the author cannot even approve; and nobody's word about an older head."""
    record = board.propose()
    number = record.pull or 0
    board.project.ask("PUT", f"/collaborators/{outsider}", {"permission": "read"})
    board.approve(number, outsider)
    assert board.approvals(record.operation).by == ()
    assert board.approvals(record.operation, (outsider,)).by == (outsider,)  # unless they are named
    author = board.project.gitea.login[0]
    with pytest.raises(AssertionError, match="approve your own pull"):
        board.approve(number, author)
    assert board.approvals(record.operation, (author,)).by == ()
    # Somebody pushes to the branch: the approval was of the commit before.
    git(board.project.clone, "fetch", "-q", "origin", "release/production/churn")
    git(board.project.clone, "switch", "-q", "--detach", "FETCH_HEAD")
    commit(board.project.clone, {"README.md": b"more\n"})
    git(board.project.clone, "push", "-q", "origin", "HEAD:refs/heads/release/production/churn")
    assert until(lambda: board.forge.pull(number).head != record.deploy_commit)
    assert board.approvals(record.operation, (outsider,)).by == ()
    git(board.project.clone, "switch", "-q", "main")
    anew = board.propose()
    assert (anew.operation, anew.pull != number) == (record.operation, True)
    assert board.approvals(record.operation, (outsider,)).by == ()


def test_a_pull_request_that_a_person_closed_is_not_opened_again(board: Board) -> None:
    """Closing is a no, until a person asks for another."""
    record = board.propose()
    board.project.ask("PATCH", f"/pulls/{record.pull}", {"state": "closed"})
    told = board.propose()
    assert (told.outcome, told.pull) == (Outcome.WAITING, record.pull)
    assert board.project.ask("GET", "/pulls?state=open") == []


def test_merged_by_a_person_it_is_the_promotion(board: Board) -> None:
    """The events and values arrive as they were proposed; promoting then finds it done."""
    record = board.propose()
    merge = {"Do": "merge"}
    until(lambda: board.project.ask("GET", f"/pulls/{record.pull}")["mergeable"])
    board.project.ask("POST", f"/pulls/{record.pull}/merge", merge)
    assert (board.promote().outcome, board.promote().operation) == (Outcome.ALREADY, record.operation)


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_the_pull_request_of_a_merged_commit_is_found_and_told(project: Project, how: str) -> None:
    """However it was merged; the commit's own status stands beside the required check."""
    commit(project.clone, {"models/churn/model.yaml": b"x\n"})
    project.push("change")
    number = project.opened("change")
    until(lambda: project.ask("GET", f"/pulls/{number}")["mergeable"])
    project.ask("POST", f"/pulls/{number}/merge", {"Do": how})
    git(project.clone, "fetch", "-q", "origin", "main")
    merged = Commit(git(project.clone, "rev-parse", "FETCH_HEAD"))
    forge = project.forge(project.gitea.token(*SCOPES))
    assert list(forge.merged(merged)) == [number]
    assert list(forge.merged(Commit(git(project.clone, "rev-list", "--max-parents=0", "FETCH_HEAD")))) == []
    for text in ("FAIL", "FAIL"):
        forge.comment(number, "<!-- release-main:churn -->", f"<!-- release-main:churn -->\n{text}")
    assert [c["body"].split("\n")[1] for c in project.ask("GET", f"/issues/{number}/comments")] == ["FAIL"]
    forge.status(merged, Check.FAILURE, "churn FAIL, not promoted", context=MAIN)
    forge.status(merged, Check.SUCCESS, "churn PASS")
    shown = project.ask("GET", f"/commits/{merged}/status")["statuses"]
    assert {one["context"]: one["status"] for one in shown} == {MAIN: "failure", CONTEXT: "success"}


def test_a_team_is_asked_for_by_its_name(gitea: Gitea, project: Project, outsider: str) -> None:
    """ORG/TEAM, whatever the team may do."""
    organization = f"org-{secrets.token_hex(4)}"
    gitea.ask("POST", "/orgs", {"username": organization})
    try:
        fields = {"name": "modelers", "permission": "read", "units": ["repo.code"]}
        team = gitea.ask("POST", f"/orgs/{organization}/teams", fields)["id"]
        forge = project.forge(gitea.token(*SCOPES))
        assert not forge.belongs(outsider, f"{organization}/modelers")
        gitea.ask("PUT", f"/teams/{team}/members/{outsider}")
        assert forge.belongs(outsider, f"{organization}/modelers")
        assert not forge.belongs(outsider, f"{organization}/others")
        gitea.ask("DELETE", f"/teams/{team}/members/{outsider}")
    finally:
        gitea.ask("DELETE", f"/orgs/{organization}")
