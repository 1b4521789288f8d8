"""What the main branch refuses and who hears of it, and promotions that people approve: as pipelines and people run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from adapters.forge_server import TOKEN, Fault, GitHub
from cli_running import commit_all, edit, here, ledger, ok, scalar
from support.git import git

from release.adapters.deploy_branch import open_branch
from release.artifact import ledger as events
from release.artifact.actions import Follow, Mode, Next
from release.cli import forging
from release.cli.following import Board, followed, settle
from release.cli.wiring import Workspace
from release.config.names import environment_name
from release.records import EventKind, ModelName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli_running import Done

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
LEDGER = "charts/environments/ledger/churn.jsonl"
BRANCH = "release/production/churn"
WORSE = ("kind: logistic-regression", "kind: dummy")
OTHER = ("kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
JOB = ("promote", "--to", "staging", "--automatic")
CHURN, PRODUCTION = ModelName("churn"), environment_name("production")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Run a forge, and set what its CI jobs find in their environment."""
    with GitHub() as running:
        monkeypatch.setenv("GITHUB_API_URL", f"{running.address}/api/v3")
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ml")
        monkeypatch.setenv("RELEASE_FORGE_TOKEN", TOKEN)
        monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
        running.below = "/api/v3"
        running.pulls = []
        yield running


@pytest.fixture(autouse=True)
def _no_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GITHUB_API_URL",
        "GITHUB_SERVER_URL",
        "CI_API_V4_URL",
        "CI_SERVER_URL",
        "GITHUB_TOKEN",
        "RELEASE_FORGE_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)


def merged(shop: Path, server: GitHub, *change: str) -> str:
    """Change the model by a pull request, number 7, and run the job's stages up to the package."""
    edit(shop, MODEL, *change)
    head = commit_all(shop)
    server.brought = {head: [{"number": 7, "merged_at": "2026-01-31T12:00:00Z"}]}
    judged(shop)
    return head


def judged(shop: Path) -> None:
    ok(here(shop, "train"))
    ok(here(shop, "evaluate"))
    assert here(shop, "gate").code in {0, 4, 7}
    ok(here(shop, "package"))


def tell(shop: Path, kind: EventKind, environment: str = "staging", **fields: Any) -> None:
    """Write an event, such as a cluster would bring about, about what serves in an environment."""
    branch = open_branch(shop, ".", "deploy", shop / ".release/deploy")
    tip = branch.tip(fetch=True)
    parsed = events.parse(branch.read(tip, LEDGER) or b"", LEDGER)
    place = environment_name(environment)
    one = events.serving(parsed, place)
    about = {"operation": one.operation, "release": one.release, "commit": one.commit} if one else {}
    now = Workspace.here().clock.now()
    grown, _ = events.append(parsed, kind, at=now, model=CHURN, environment=place, **{**about, **fields})
    assert branch.publish(branch.commit(tip, {LEDGER: grown.content}, "Told\n", now), tip)


@pytest.fixture
def proven(served: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the shop with `churn` v1 verified in staging, two days ago; production takes one approval."""
    monkeypatch.chdir(served)
    tell(served, EventKind.VERIFIED)
    monkeypatch.setenv("RELEASE_NOW", "2026-02-02T12:00:00+00:00")
    return served


def test_a_refusal_on_the_main_branch_is_an_event_and_the_pull_request_hears_of_it(served: Path, server: GitHub) -> None:
    """Exit 4, one ledger line, a comment on the merged pull request, a status; then nothing is due, and nothing repeated."""
    values = git(served, "show", "deploy:charts/environments/staging/churn.yaml")
    head = merged(served, server, *WORSE)
    done = here(served, *JOB)
    assert (done.code, len(done.errors)) == (4, 1)
    assert "the verdict is FAIL: roc_auc FAIL" in done.errors[0]
    event = ledger(served)[-1]
    assert (event["kind"], event["commit"], event["evidence"]["verdict"]) == ("judged", head, "FAIL")
    assert "environment" not in event
    assert git(served, "show", "deploy:charts/environments/staging/churn.yaml") == values
    [comment] = server.comments
    assert comment["body"].startswith(
        "<!-- release-main:churn -->\n## ✘ <code>churn</code> on the main branch: FAIL, not promoted"
    )
    [(sha, status)] = server.statuses
    assert (sha, status["context"], status["state"]) == (head, "release / main", "failure")
    assert status["description"] == "churn FAIL, not promoted"
    assert ok(here(served, "plan")).out == "nothing to release\n"
    assert ok(here(served, *JOB)).out == "nothing to release\n"
    assert (len(server.statuses), len(server.comments)) == (1, 1)
    again = here(served, "promote", "churn", "--to", "staging", "--automatic")
    assert (again.code, "the ledger says so already" in again.out) == (4, True)
    assert len(ledger(served)) == 2


def test_one_refused_model_does_not_stop_anothers_release(served: Path, server: GitHub) -> None:
    """Both are shown in one document, and the refusal decides the exit code."""
    edit(served, "models/spend/model.yaml", "rmse: 100", "rmse: 90")
    merged(served, server, *WORSE)
    done = here(served, *JOB, "--json")
    assert done.code == 4
    assert [(one["model"], one["outcome"]) for one in done.document] == [("churn", "refused"), ("spend", "promoted")]
    assert ok(here(served, "plan")).out == "nothing to release\n"


def test_what_is_promoted_is_told_too(served: Path, server: GitHub) -> None:
    """With digest and deploy commit; a comment of a job that ran twice is one comment."""
    head = merged(served, server, *OTHER)
    record = ok(here(served, *JOB, "--json")).document[0]
    [comment] = server.comments
    assert "PASS v2 promoted to staging" in comment["body"]
    assert record["deploy_commit"][:12] in comment["body"]
    assert record["release"]["model_digest"][7:19] in comment["body"]
    assert [(sha, status["state"]) for sha, status in server.statuses] == [(head, "success")]


def test_pull_requests_that_were_judged_together_all_hear_of_it(served: Path, server: GitHub) -> None:
    """A job that was overtaken judged nothing: the next one speaks to both."""
    edit(served, MODEL, "seed: 1", "seed: 2")
    first = commit_all(served)
    head = merged(served, server, *OTHER)
    server.brought[first] = [{"number": 6, "merged_at": "2026-01-31T12:00:00Z"}]
    server.comments_of[6] = []
    ok(here(served, *JOB))
    assert head != first
    assert "Judged together with #6." in server.comments[-1]["body"]
    assert "Judged together with #7." in server.comments_of[6][-1]["body"]


def test_trouble_with_the_forge_never_fails_a_release(served: Path, server: GitHub) -> None:
    """It is a note; the promotion stands."""
    merged(served, server, *OTHER)
    server.faults.append(Fault("GET", "/commits/", 403, times=9))
    server.faults.append(Fault("POST", "/statuses/", 403, times=9))
    done = ok(here(served, *JOB))
    assert "churn: the pull request was not told: " in done.err
    assert "the commit's status was not set: " in done.err
    assert scalar(served, "charts/environments/staging/churn.yaml", "version") == "v2"


def test_without_a_forge_approvals_cannot_be_told(proven: Path) -> None:
    """One line, exit 2, what to set; rollback, which needs no approval, is not in its way."""
    tip = git(proven, "rev-parse", "deploy")
    done = here(proven, "promote", "churn", "--to", "production")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "production asks for approvals, and no forge is configured" in done.errors[0]
    assert "set RELEASE_FORGE_TOKEN" in done.errors[0]
    assert here(proven, "promote", "churn", "--to", "production", "--propose").code == 2
    assert git(proven, "rev-parse", "deploy") == tip


def test_an_override_of_the_environment_takes_no_approval(proven: Path) -> None:
    """The owners' recorded word is enough, also where no forge is."""
    ok(here(proven, "override", "churn", "--kind", "environment", "--env", "production", "--reason", "a demonstration"))
    assert "promoted" in ok(here(proven, "promote", "churn", "--to", "production")).out


def approve(shop: Path, server: GitHub, who: str = "grace", *, branch: str = BRANCH) -> None:
    """Let somebody approve the proposal's head; the server's pull request follows the branch as a forge's does."""
    head = git(shop, "rev-parse", branch)
    server.pulls[-1]["head"]["sha"] = head
    server.pulls[-1]["user"]["login"] = "robot"
    server.reviews.append({"user": {"login": who}, "commit_id": head, "state": "APPROVED"})


def into_deploy(server: GitHub) -> None:
    for pull in server.pulls:
        pull["base"]["ref"] = "deploy"


def proposed(shop: Path, server: GitHub) -> Done:
    done = ok(here(shop, "promote", "churn", "--to", "production", "--propose"))
    into_deploy(server)
    return done


def test_a_promotion_by_approval_from_the_terminal(proven: Path, server: GitHub) -> None:
    """Exit 4 with the way to go, --propose, a review, and the same command promotes and closes the pull request."""
    words = ("promote", "churn", "--to", "production")
    none = here(proven, *words)
    assert (none.code, "--propose opens the pull request to review" in none.errors[0]) == (4, True)
    told = proposed(proven, server)
    assert f"proposed in pull request #100, commit {git(proven, 'rev-parse', BRANCH)[:12]} on {BRANCH}" in told.out
    [pull] = server.pulls
    assert pull["title"] == "Promote churn v1 to production"
    for part in ("**Needs 1 approval**", "who may write here", "| value | now | then |", "**Evidence**: ✔ PASS", "24h"):
        assert part in pull["body"]
    few = here(proven, *words)
    assert (few.code, "review pull request #100" in few.errors[0]) == (4, True)
    approve(proven, server, "mallory")
    assert here(proven, *words).code == 4
    approve(proven, server)
    assert "promoted" in ok(here(proven, *words)).out
    assert [event["kind"] for event in ledger(proven)[-2:]] == ["approved", "promoted"]
    assert ledger(proven)[-2]["by"] == "grace"
    assert pull["state"] == "closed"
    assert server.comments[-1]["body"].startswith("<!-- release-proposal -->\nPromoted as ")


def follow(shop: Path) -> Follow:
    workspace = Workspace.here()
    parsed = workspace.ledger(CHURN, tip=workspace.branch.tip(fetch=True))
    subject = events.serving(parsed, environment_name("staging"))
    assert subject
    assert shop
    return Follow(next=Next(environment=PRODUCTION, mode=Mode.PULL_REQUEST), subject=subject)


def test_reconcile_proposes_waits_and_promotes(proven: Path, server: GitHub) -> None:
    """Once each; the forge is not asked again and again while nobody has reviewed."""
    said = followed(Workspace.here(), follow(proven), Board())
    into_deploy(server)
    assert said == "#100 proposes it for production: production asks for 1 approval, nobody approved it"
    head, board = git(proven, "rev-parse", BRANCH), Board()
    assert followed(Workspace.here(), follow(proven), board) == said
    asked = len(server.seen)
    assert followed(Workspace.here(), follow(proven), board) == said
    assert (len(server.seen), git(proven, "rev-parse", BRANCH), len(server.pulls)) == (asked, head, 1)
    approve(proven, server)
    assert followed(Workspace.here(), follow(proven), Board()) == "promoted to production, approved in #100"
    assert server.pulls[0]["state"] == "closed"
    assert scalar(proven, "charts/environments/production/churn.yaml", "version") == "v1"


def test_without_a_forge_reconcile_says_that_it_is_ready(proven: Path) -> None:
    """As it did before there were proposals."""
    said = followed(Workspace.here(), follow(proven), Board())
    assert said == "ready for production: `release promote churn --to production`"


def test_a_proposal_that_is_out_of_date_is_closed_with_a_word(
    proven: Path, server: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only then: one that stands is left alone, however often it is looked at."""
    proposed(proven, server)
    workspace = Workspace.here()
    settle(workspace, [CHURN], workspace.project.environments, Board())
    assert server.pulls[0]["state"] == "open"
    tell(proven, EventKind.HELD, "production", reason="a night")
    settle(workspace, [ModelName("spend")], workspace.project.environments, Board())
    assert server.pulls[0]["state"] == "open"
    workspace.branch.tip(fetch=True)
    settle(workspace, [CHURN], workspace.project.environments, Board())
    assert server.pulls[0]["state"] == "closed"
    assert "Superseded: production has moved on since: held" in server.comments[-1]["body"]
    assert "churn, pull request #100: closed, production has moved on since" in capsys.readouterr().err


def test_an_approved_proposal_that_nobody_follows_is_made(proven: Path, server: GitHub) -> None:
    """Proposed by a person, or whose release has been overtaken in staging's cluster: the approval is enough."""
    proposed(proven, server)
    approve(proven, server)
    workspace = Workspace.here()
    settle(workspace, [CHURN], workspace.project.environments, Board())
    assert ledger(proven)[-1]["kind"] == "promoted"
    assert server.pulls[0]["state"] == "closed"


def test_a_proposal_passes_check_and_a_forged_one_does_not(proven: Path, server: GitHub) -> None:
    """The tool's own commit on top of the base does; with one owned scalar, or one more file of the tool's, it is exit 3."""
    proposed(proven, server)
    git(proven, "switch", "-q", "--detach", "deploy")
    git(proven, "checkout", "-q", "main", "--", "release.yaml", "models", "charts/model")
    base = commit_all(proven, "What is on main")
    git(proven, "cherry-pick", BRANCH)
    ok(here(proven, "check", "--base", base))
    values = "charts/environments/production/churn.yaml"
    edit(proven, values, "fast: false", "fast: true")
    commit_all(proven)
    forged = here(proven, "check", "--base", base)
    assert (forged.code, "release.fast is the tool's to write" in forged.errors[0]) == (3, True)
    git(proven, "reset", "-q", "--hard", "HEAD~1")
    lines = (proven / LEDGER).read_bytes()
    (proven / LEDGER).write_bytes(lines.replace(b'"verdict":"PASS"', b'"verdict":"FAIL"'))
    commit_all(proven)
    assert here(proven, "check", "--base", base).code == 3
    git(proven, "reset", "-q", "--hard", "HEAD~1")
    (proven / "charts/versions/new").mkdir()
    (proven / "charts/versions/new/Chart.yaml").write_text("x: 1\n")
    commit_all(proven)
    assert here(proven, "check", "--base", base).code == 3


def test_which_forge_is_asked(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELEASE_FORGE, the CI job's variables, or a forge that everybody knows: there our own token goes, and no other."""
    monkeypatch.chdir(served)
    workspace = Workspace.here()
    git(served, "remote", "add", "origin", "https://github.com/acme/ml.git")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    assert forging.sources_forge(workspace) is None
    monkeypatch.setenv("RELEASE_FORGE_TOKEN", TOKEN)
    assert forging.sources_forge(workspace) is not None
    git(served, "remote", "set-url", "origin", "https://git.example.org/acme/ml.git")
    assert forging.sources_forge(workspace) is None
    monkeypatch.setenv("RELEASE_FORGE", "https://git.example.org/api/v1")
    assert forging.sources_forge(workspace) is not None
    assert forging.deploys_forge(workspace) is not None


def test_the_deploy_branchs_own_repository_is_where_its_pull_requests_are(
    served: Path, server: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one that the CI job runs for."""
    edit(served, "release.yaml", "repository: .", f"repository: {server.address}/acme/deploy.git")
    monkeypatch.chdir(served)
    server.route("GET", "/repos/acme/deploy/pulls", lambda _: (200, []))
    forge = forging.deploys_forge(Workspace.here())
    assert forge
    assert forge.proposals("deploy") == {}
    assert server.seen[-1] == ("GET", "/repos/acme/deploy/pulls")


def test_the_main_branchs_job_proposes_what_takes_an_approval(
    served: Path, server: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken down, proposed and told; due no longer; once approved it is promoted without any record of the job."""
    monkeypatch.chdir(served)
    edit(served, "release.yaml", "{name: staging,", "{name: staging, approvals: {count: 1},")
    merged(served, server, *OTHER)
    done = ok(here(served, "promote", "churn", "--to", "staging", "--automatic"))
    assert "proposed in pull request #100" in done.out
    assert ledger(served)[-1]["kind"] == "judged"
    assert "Pull request #100 asks for the approval." in server.comments[0]["body"]
    assert [status["state"] for _, status in server.statuses] == ["pending"]
    assert ok(here(served, "plan")).out == "nothing to release\n"
    for path in sorted((served / ".release/records").rglob("*.json")):
        path.unlink()
    into_deploy(server)
    approve(served, server, branch="release/staging/churn")
    workspace = Workspace.here()
    settle(workspace, [CHURN], workspace.project.environments, Board())
    assert [event["kind"] for event in ledger(served)[-2:]] == ["approved", "promoted"]
    assert scalar(served, "charts/environments/staging/churn.yaml", "version") == "v2"
    assert ok(here(served, "plan")).out == "nothing to release\n"


def test_without_a_forge_the_job_says_what_it_takes(served: Path, server: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2; the judgement is in the ledger all the same, and no hour trains it again."""
    edit(served, "release.yaml", "{name: staging,", "{name: staging, approvals: {count: 1},")
    merged(served, server, *OTHER)
    monkeypatch.delenv("RELEASE_FORGE_TOKEN")
    done = here(served, *JOB)
    assert (done.code, "needs a forge, and none is configured" in done.errors[0]) == (2, True)
    assert ok(here(served, "plan")).out == "nothing to release\n"
