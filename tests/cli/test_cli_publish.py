"""`release publish` as pipelines run it: from a job's own record to the forge, with exit codes and messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from adapters.forge_server import TOKEN, Fault, GitHub
from cli_running import here, ledger
from support.git import git, repository
from support.promotions import digest
from support.submissions import judged, judgement, submission

from release.artifact.judgement import read, to_log
from release.artifact.serial import canonical, plain
from release.cli.forging import open_forge, rendered
from release.errors import BadInputError, ReleaseError
from release.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli_running import Done

PROJECT = b'tool: "==0.1.*"\ndeploy: {branch: deploy}\nenvironments: [{name: staging}]\n'
UNUSABLE = "the record that the job left cannot be used"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Run a forge, and set what its CI jobs find in their environment."""
    with GitHub() as running:
        monkeypatch.setenv("GITHUB_API_URL", f"{running.address}/api/v3")
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/ml")
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
        running.below = "/api/v3"
        yield running


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Check out a main branch that has one model."""
    files = {"release.yaml": PROJECT, "models/churn/model.yaml": b"task: binary\n", ".gitignore": b".release/\n"}
    return repository(tmp_path / "base", files)


def published(server: GitHub, base: Path, content: str, *args: str) -> Done:
    """Let the judging job have printed this, and publish its run."""
    server.log = f"2026-02-02T12:00:00Z Run release publish\n{content}\n".encode()
    return here(base, "publish", "--run", "9", *args)


def test_a_run_is_published_from_its_log(server: GitHub, base: Path) -> None:
    """Comment, status and ledger; the token is in nothing that is printed."""
    done = published(server, base, to_log(submission(judgement("A"))))
    assert (done.code, done.err) == (0, "")
    assert done.out == "aaaaaaaaaaaa success: churn PASS (#7); new looks recorded: churn\n"
    [comment] = server.comments
    assert comment["body"].startswith("<!-- release:churn -->\n## ✔ PASS")
    assert comment["body"].endswith("provisional: the main branch judges the merged tree again.*\n")
    [(_, status)] = server.statuses
    assert (status["state"], status["target_url"]) == ("success", "https://forge.example/run/9")
    [event] = ledger(base)
    assert (event["kind"], event["by"]) == ("evaluated", "ada in #7")


def test_json_is_one_document(server: GitHub, base: Path) -> None:
    """What was published, with the same words as the records have."""
    done = published(server, base, to_log(submission(judgement("A"))), "--json")
    assert done.document == {
        "head": "a" * 40,
        "pulls": [7],
        "state": "success",
        "description": "churn PASS",
        "models": ["churn"],
        "looks": ["churn"],
        "new": ["churn"],
    }


def test_a_file_is_published_for_a_pull_request(server: GitHub, base: Path) -> None:
    """For CI that has artifacts; `gate --json` will do, and then the comment is brief."""
    (base / "record.json").write_bytes(canonical(judged("A", outcome=Verdict.FAIL)))
    done = here(base, "publish", "--record", "record.json", "--pull", "7")
    assert (done.code, done.out) == (0, "aaaaaaaaaaaa failure: churn FAIL (#7); new looks recorded: churn\n")
    assert server.comments[0]["body"].startswith("<!-- release:churn -->\n## ✘ FAIL: <code>churn</code>\n\n")


def test_a_record_of_an_older_head_gets_no_comment(server: GitHub, base: Path) -> None:
    """The newer push has a run of its own; this one sets the status of its own commit."""
    (base / "record.json").write_bytes(canonical(submission(judgement("A"))))
    done = here(base, "publish", "--record", "record.json", "--pull", "7", "--head", "b" * 40)
    assert done.code == 0
    assert (server.comments, [sha for sha, _ in server.statuses]) == ([], ["b" * 40])


@pytest.mark.parametrize(("conclusion", "state"), [("failure", "failure"), ("cancelled", "error")])
def test_a_job_that_ended_before_any_verdict_says_so(server: GitHub, base: Path, conclusion: str, state: str) -> None:
    """Nothing to comment on and nothing to record; the check must not stay open for ever."""
    server.jobs[0]["conclusion"] = conclusion
    done = published(server, base, "error: something")
    assert done.out == f"aaaaaaaaaaaa {state}: the job ended with {conclusion} (#7)\n"
    assert (server.comments, server.statuses[0][1]["state"]) == ([], state)


def test_a_job_that_succeeded_without_a_record_is_no_success(server: GitHub, base: Path) -> None:
    """Leaving the record out must not pass the check."""
    done = published(server, base, "nothing here")
    assert (done.code, done.errors) == (
        2,
        [
            "error: run 9: there is no record; the pull request's job has to write it with `release publish --collect`",
        ],
    )
    assert [(s["state"], s["description"]) for _, s in server.statuses] == [("error", UNUSABLE)]


def test_a_forged_record_is_refused_and_seen_to_be(server: GitHub, base: Path) -> None:
    """Exit 3, an error on the commit, no comment, no ledger."""
    bad = judgement("A", outcome=Verdict.FAIL)
    forged = replace(bad, verdict=replace(bad.verdict, verdict=Verdict.PASS))
    done = published(server, base, to_log(submission(forged)))
    assert (done.code, len(done.errors)) == (3, 1)
    assert "the record says PASS, its comparisons do not" in done.err
    assert (server.comments, [s["state"] for _, s in server.statuses]) == ([], ["error"])
    assert git(base, "branch", "--list", "deploy") == ""


def test_a_model_that_is_new_gets_a_ledger_from_a_branch_of_ours_and_not_from_a_fork(server: GitHub, base: Path) -> None:
    """Who may push here could write the ledger anyhow; who may not must not fill it with names."""
    server.pulls = [server.pull_of(7, "change", "a" * 40, source="eve/ml")]
    text = to_log(submission(judgement("A", model="brand-new")))
    assert "new looks" not in published(server, base, text).out
    assert len(server.comments) == 1
    server.pulls = [server.pull_of(7, "change", "a" * 40)]
    assert published(server, base, text).out.endswith("new looks recorded: brand-new\n")
    assert [event["model"] for event in ledger(base, "brand-new")] == ["brand-new"]


def test_numbers_that_make_no_page_are_refused_or_shown_and_never_a_crash() -> None:
    """Every leaf of a record replaced by absurd things: a page, or one line; markup never gets through."""
    pages, refusals = 0, 0
    for path, value in _absurd(plain(judgement("A"))):
        document = plain(submission(judgement("A")))
        place: Any = document["judgements"][0]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        try:
            [found] = read(json.dumps(document).encode(), where="here").judgements
            _, body = rendered(found)
        except ReleaseError:
            refusals += 1
            continue
        pages += 1
        # Inside of a fence, which no name can close, forges look for nothing.
        told = "".join(body.split("```")[::2])
        assert "<script>" not in told, path
        assert "@everyone" not in told, path
    assert min(pages, refusals) > 10


def _absurd(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict):
        return [one for name, below in value.items() for one in _absurd(below, (*path, name))]
    if isinstance(value, list | tuple):
        return [one for number, below in enumerate(value) for one in _absurd(below, (*path, number))]
    if isinstance(value, str):
        return [(path, "<script>@everyone</script>\n# x")]
    return [(path, 0), (path, -1e308)] if isinstance(value, int | float) else []


def test_trouble_with_the_forge_is_exit_5_and_another_run_ends_it(server: GitHub, base: Path) -> None:
    """A missing permission is named; nothing is lost, nothing is doubled."""
    server.faults.append(Fault("POST", "statuses", 403))
    text = to_log(submission(judgement("A")))
    done = published(server, base, text)
    assert done.code == 5
    assert "to set a commit status; give it the permission statuses: write" in done.errors[0]
    assert TOKEN not in done.err + done.out
    assert published(server, base, text).code == 0
    assert (len(server.comments), len(ledger(base))) == (1, 1)


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--collect", "--run", "9"),
        ("--record", "x.json"),
        ("--pull", "7"),
        ("--run", "9", "--pull", "7"),
        ("--run", "0"),
    ],
)
def test_what_to_publish_must_be_said_once(server: GitHub, base: Path, args: tuple[str, ...]) -> None:
    """One of three ways, with what belongs to it; nothing is asked of the forge otherwise."""
    done = here(base, "publish", *args)
    assert (done.code, done.out, len(done.errors)) == (2, "", 1)
    assert server.seen == []


def test_a_record_that_is_not_there_is_bad_input(server: GitHub, base: Path) -> None:
    """One line, before the forge hears anything."""
    done = here(base, "publish", "--record", "none.json", "--pull", "7")
    assert (done.code, server.seen) == (2, [])
    assert done.errors == ["error: none.json: there is no such file; the pull request's job has to leave it there"]


@pytest.mark.parametrize("missing", ["GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_REPOSITORY"])
def test_what_the_environment_does_not_say_is_asked_for(
    server: GitHub, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Token, address and repository: each has its own line."""
    monkeypatch.delenv(missing)
    with pytest.raises(BadInputError) as caught:
        open_forge(None, None)
    assert caught.value.fix in {"set RELEASE_FORGE_TOKEN", "give the address of its interface", "write OWNER/NAME"}


def test_a_token_of_our_own_comes_before_the_jobs(server: GitHub, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELEASE_FORGE_TOKEN is what people set when the job's own token may not do enough."""
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    assert published(server, base, to_log(submission())).code == 5
    monkeypatch.setenv("RELEASE_FORGE_TOKEN", TOKEN)
    assert published(server, base, to_log(submission())).out == "aaaaaaaaaaaa success: nothing is due (#7)\n"


def test_collect_prints_what_was_judged_here_and_publishing_it_works(shop: Path, server: GitHub, base: Path) -> None:
    """The whole way: from the records of a real dry-run through a log to a comment with the training's facts."""
    done = here(shop, "publish", "--collect")
    assert (done.code, done.errors) == (0, [])
    as_json = here(shop, "publish", "--collect", "--json").document
    found = read(json.dumps(as_json).encode(), where="here")
    assert sorted(str(j.verdict.model) for j in found.judgements) == ["churn", "spend"]
    told = published(server, base, done.out)
    assert told.code == 0, told
    [churn] = [c for c in server.comments if c["body"].startswith("<!-- release:churn -->")]
    assert "logistic-regression" in churn["body"]


def test_collect_says_nothing_is_due_when_nothing_is(served: Path) -> None:
    """An empty record is a record; it is what lets the check pass."""
    done = here(served, "publish", "--collect", "--json")
    assert (done.code, done.document) == (0, {"judgements": []})


def test_a_look_is_counted_for_later_judgements(server: GitHub, base: Path) -> None:
    """What publishing wrote is what `history` shows and the gate counts."""
    published(server, base, to_log(submission(judgement("A", outcome=Verdict.FAIL))))
    shown = here(base, "history", "churn")
    assert "evaluated" in shown.out
    assert digest("model A")[7:19] in shown.out


WITHHOLDING = b"""\
owner: a
task: binary
data: {train: train.csv, test: test.csv, target: y, id: key, columns: {x: float}}
estimator: {kind: logistic-regression}
gate: {primary: {metric: roc_auc, margin: 0.1}, floors: {roc_auc: 0.6}, feedback: verdict}
"""


def test_the_base_branch_withholds_what_a_pull_request_would_show(server: GitHub, tmp_path: Path) -> None:
    """Whatever the record says of feedback, and whatever numbers it holds; after a PASS they may be shown."""
    files = {"release.yaml": PROJECT, "models/churn/model.yaml": WITHHOLDING, ".gitignore": b".release/\n"}
    base = repository(tmp_path / "withholding", files)
    failed = judgement("A", outcome=Verdict.FAIL)
    done = published(server, base, to_log(submission(failed)))
    assert done.code == 0, done
    [comment] = server.comments
    assert "withheld" in comment["body"]
    [primary, *_] = failed.verdict.comparisons
    assert f"{primary.challenger}" not in comment["body"]
    assert "0.95" not in comment["body"].replace("95%", "")
    assert published(server, base, to_log(submission(judgement("B")))).code == 0
    assert published(server, base, to_log(submission(failed))).code == 0
    assert "withheld" not in server.comments[0]["body"]
