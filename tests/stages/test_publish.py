"""Publish: what an untrusted record becomes on the forge and in the ledger, and what it does not become."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from adapters.forge_server import TOKEN, Fault, GitHub, When
from support.git import git, isolate, log, repository
from support.promotions import Ticking, digest
from support.submissions import judgement, submission

from release.adapters.deploy_branch import open_branch
from release.adapters.forge import open_forge
from release.artifact import ledger as events
from release.artifact.forge import Address, Check
from release.artifact.looks import displayed
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.patience import Patience
from release.records import Commit, Digest, EventKind, ModelName, Verdict
from release.report import markdown
from release.stages.publish import Subject, publish, summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.artifact.judgement import Judgement, Submission
    from release.artifact.ledger import Ledger
    from release.stages.publish import PublishRecord

HEAD = Commit("a" * 40)
LEDGER = "charts/environments/ledger/churn.jsonl"


def render(judged: Judgement) -> tuple[str, str]:
    assert judged.train is not None
    return markdown.marker(judged.verdict.model), markdown.render(judged.train, judged.evaluate, judged.verdict)


@dataclass
class World:
    """A forge with pull request 7, and a repository whose deploy branch is new."""

    server: GitHub
    root: Path
    clock: Ticking = field(default_factory=Ticking)

    def publish(self, found: Submission, *, cache: str = "deploy", render: Any = render, **changes: Any) -> PublishRecord:
        """Publish as the trusted job of a run that succeeded does."""
        known = frozenset({"churn"})
        subject = Subject(head=HEAD, pulls=(7,), conclusion="success", url="https://ci/1", by="ada in #7", known=known)
        address = Address(kind="github", api=self.server.address, repository="acme/ml")
        return publish(
            found,
            replace(subject, **changes),
            forge=open_forge(address, TOKEN, patience=Patience(sleep=lambda _: None)),
            branch=open_branch(self.root, ".", "deploy", self.root / ".release" / cache),
            clock=self.clock,
            render=render,
            pause=lambda _: None,
            rng=random.Random(7),
        )

    def ledger(self, path: str = LEDGER) -> Ledger:
        """Read a ledger at the deploy branch's tip."""
        content = git(self.root, "show", f"deploy:{path}", check=False)
        return events.parse((content + "\n").encode() if content else b"", path)

    @property
    def branches(self) -> str:
        """Name the branches there are."""
        return git(self.root, "for-each-ref", "--format=%(refname:short)")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    isolate(monkeypatch)
    with GitHub() as server:
        yield World(server, repository(tmp_path / "source", {"README.md": b"x\n", ".gitignore": b".release/\n"}))


def test_a_verdict_becomes_a_comment_a_status_and_a_look(world: World) -> None:
    """The ledger says which challenger met which test set, by whom and when; no number of the record gets into it."""
    done = world.publish(submission(judgement("A")))
    assert (done.state, done.description, done.looks, done.new) == (Check.SUCCESS, "churn PASS", ("churn",), ("churn",))
    [comment] = world.server.comments
    assert comment["body"].startswith("<!-- release:churn -->\n## ✔ PASS")
    [(sha, status)] = world.server.statuses
    assert (sha, status["state"], status["target_url"]) == (HEAD, "success", "https://ci/1")
    [event] = world.ledger().events
    assert (event.kind, event.commit, event.by, event.environment) == (EventKind.EVALUATED, HEAD, "ada in #7", None)
    assert (event.challenger, event.release) == (digest("model A"), None)
    assert event.evidence is not None
    assert (event.evidence.verdict, event.evidence.champion) == (Verdict.PASS, digest("model old"))
    assert event.evidence.metrics == {}
    assert events.looks(world.ledger(), digest("test")) == {digest("model A")}
    assert git(world.root, "log", "-1", "--format=%(trailers:key=Release-Event,valueonly)", "deploy").strip() == "evaluated"


def test_twice_is_once_and_another_challenger_is_another_look(world: World) -> None:
    """A job that runs again changes neither comment nor ledger; a new challenger on the same rows is counted."""
    world.publish(submission(judgement("A")))
    again = world.publish(submission(judgement("A")))
    assert (again.looks, again.new) == (("churn",), ())
    assert len(log(world.root, "deploy", "%s")) == 1
    world.publish(submission(judgement("B", outcome=Verdict.FAIL)))
    assert events.looks(world.ledger(), digest("test")) == {digest("model A"), digest("model B")}
    [comment] = world.server.comments
    assert "## ✘ FAIL" in comment["body"]


def test_a_look_counts_whatever_the_verdict_but_not_against_oneself(world: World) -> None:
    """Rows that refused a model have still judged it; a champion that meets itself is judged by no rows."""
    world.publish(submission(judgement("A", outcome=Verdict.INCONCLUSIVE)))
    assert len(world.ledger().events) == 1
    itself = judgement("B", champion=digest("model B"))
    assert world.publish(submission(itself)).looks == ()
    assert len(world.ledger().events) == 1


def test_a_ledger_is_begun_only_for_models_that_may_have_one(world: World) -> None:
    """An outsider's record cannot make files for models that the main branch does not have; it is shown all the same."""
    done = world.publish(submission(judgement("A"), judgement("B", model="brand-new")))
    assert (done.models, done.looks) == (("churn", "brand-new"), ("churn",))
    assert len(world.server.comments) == 2
    assert world.ledger("charts/environments/ledger/brand-new.jsonl").events == ()
    trusted = frozenset({"churn", "brand-new"})
    assert world.publish(submission(judgement("B", model="brand-new")), known=trusted).new == ("brand-new",)


@pytest.mark.parametrize("name", ["../../x", "Churn", "a b", "churn\n", "", "x" * 41, "$(id)"])
def test_a_name_that_is_none_is_refused_before_anything_is_written(world: World, name: str) -> None:
    """A name becomes a path and a marker: it has its one form, or nothing is posted, committed or set."""
    bad = judgement("A")
    bad = replace(bad, verdict=replace(bad.verdict, model=ModelName(name)))
    with pytest.raises((BadInputError, SecurityRefusalError)):
        world.publish(submission(judgement("B"), bad), known=frozenset({"churn", name}))
    assert (world.server.comments, world.server.statuses, world.branches) == ([], [], "main")


def test_what_cannot_be_rendered_writes_nothing(world: World) -> None:
    """Pages are made before anything is written, so that half a publication is none."""

    def broken(_: Judgement) -> tuple[str, str]:
        raise BadInputError("nothing can be made of these numbers")

    with pytest.raises(BadInputError):
        world.publish(submission(judgement("A")), render=broken)
    assert (world.server.seen, world.branches) == ([], "main")


def test_a_head_that_moved_on_keeps_its_status_and_its_look_and_gets_no_comment(world: World) -> None:
    """A slow job that ends after a newer one must not overwrite the newer comment."""
    done = world.publish(submission(judgement("A")), pulls=())
    assert (world.server.comments, len(world.server.statuses), done.new) == ([], 1, ("churn",))


@pytest.mark.parametrize(
    ("outcomes", "conclusion", "state", "description"),
    [
        ([], "success", Check.SUCCESS, "nothing is due"),
        (["PASS"], "success", Check.SUCCESS, "m0 PASS"),
        (["PASS", "PASS"], "success", Check.SUCCESS, "m0 PASS, m1 PASS"),
        (["PASS", "INCONCLUSIVE"], "success", Check.FAILURE, "m1 INCONCLUSIVE, m0 PASS"),
        (["PASS", "FAIL", "INVALID"], "failure", Check.FAILURE, "m2 INVALID, m1 FAIL, m0 PASS"),
        (["PASS"], "failure", Check.FAILURE, "the job ended with failure; m0 PASS"),
        (["PASS"], "failed", Check.FAILURE, "the job ended with failed; m0 PASS"),
        (["PASS"], "cancelled", Check.ERROR, "the job ended with cancelled; m0 PASS"),
        ([], "", Check.ERROR, "the job ended with no result"),
    ],
)
def test_success_takes_every_verdict_and_the_job_itself(
    outcomes: list[str], conclusion: str, state: Check, description: str
) -> None:
    """The worst comes first; trouble that says nothing of the change is an error, not a failure."""
    judged = [judgement("A", model=f"m{number}", outcome=Verdict(one)) for number, one in enumerate(outcomes)]
    assert summary(submission(*judged), conclusion) == (state, description)


def test_a_forge_that_stays_away_leaves_the_look_and_the_next_run_the_rest(world: World) -> None:
    """The look is recorded first: rows that were seen stay seen, whatever happens to the comment."""
    world.server.faults.append(Fault("POST", "comments", 500, times=6))
    with pytest.raises(EnvironmentTroubleError):
        world.publish(submission(judgement("A")))
    assert (len(world.ledger().events), world.server.comments, world.server.statuses) == (1, [], [])
    done = world.publish(submission(judgement("A")))
    assert (done.new, len(world.server.comments), len(world.server.statuses)) == ((), 1, 1)


def test_lost_replies_double_nothing(world: World) -> None:
    """Comment and status were accepted, the connections broke: one comment, one state."""
    world.server.faults += [Fault("POST", "comments", when=When.AFTERWARDS), Fault("POST", "statuses", when=When.AFTERWARDS)]
    world.publish(submission(judgement("A")))
    assert len(world.server.comments) == 1
    assert {status["state"] for _, status in world.server.statuses} == {"success"}


def test_publishers_at_once_lose_no_look(world: World) -> None:
    """Six runs end together: each look is one line of one chain."""
    names = "ABCDEF"
    with ThreadPoolExecutor(len(names)) as pool:
        records = [pool.submit(world.publish, submission(judgement(name)), cache=f"deploy-{name}") for name in names]
        assert {record.result().new for record in records} == {("churn",)}
    assert events.looks(world.ledger(), digest("test")) == {digest(f"model {name}") for name in names}
    assert len(world.ledger().events) == len(names)


def test_a_ledger_that_was_tampered_with_stops_it(world: World) -> None:
    """A chain that is broken is told, not continued."""
    world.publish(submission(judgement("A")))
    git(world.root, "checkout", "-q", "deploy")
    (world.root / LEDGER).write_bytes(b"{}\n")
    git(world.root, "commit", "-qam", "Tamper")
    git(world.root, "checkout", "-q", "main")
    with pytest.raises(SecurityRefusalError):
        world.publish(submission(judgement("B")))
    assert len(world.server.statuses) == 1


def test_the_event_reads_back_as_it_was_written(world: World) -> None:
    """What is appended passes the ledger's own strict reading, also with a champion that is unknown."""
    world.publish(submission(judgement("A", champion=None)))
    [event] = world.ledger().events
    assert event.evidence is not None
    assert event.evidence.champion is None
    assert event.operation is not None
    assert Digest(event.operation).startswith("sha256:")


def test_what_the_ladder_has_shown_is_in_the_ledger(world: World) -> None:
    """The one number of an untrusted record that is kept: the next challenger must know what was shown before it."""
    found = judgement("A", outcome=Verdict.FAIL)
    primary = replace(found.verdict.comparisons[0], role="primary", challenger=0.93, low=None, high=None, method="ladder")
    primary = replace(primary, verdict=Verdict.INCONCLUSIVE)
    told = replace(found.verdict, comparisons=(primary,), reasons=(), feedback="ladder")
    world.publish(submission(replace(found, verdict=told)))
    [event] = world.ledger().events
    assert event.evidence is not None
    assert event.evidence.metrics == {primary.metric: (None, 0.93, None, None)}
    assert displayed(world.ledger(), digest("test"), primary.metric) == (0.93,)
