"""Promote, where nobody asks: a refusal is an event, once, and the newest judged commit has the last word."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.amending import MODEL, Site
from support.git import commit, git, isolate
from support.promotions import PRODUCTION, STAGING, digest, promotion, verdict

from release.adapters.git import GitSource
from release.artifact import ledger as events
from release.artifact.intent import Asked
from release.errors import ConflictError, GateFailedError
from release.records import EventKind, Outcome, Verdict
from release.stages.promote import promote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.records import Event, PromoteRecord


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make a place where A serves in staging."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        made = Site.at(tmp_path_factory.mktemp("made") / "source")
        made.promote("A")
        yield made


@pytest.fixture
def site(made: Site, tmp_path: Path) -> Site:
    return made.copied(tmp_path / "source")


def judged(name: str, site: Site, outcome: Verdict) -> Any:
    """Judge a model against what serves by now."""
    champion = events.champion(site.ledger, (STAGING, PRODUCTION))
    beaten = champion.release.model_digest if champion and champion.release else None
    return verdict(name, champion=beaten, outcome=outcome, reason="worse" if outcome is not Verdict.PASS else "")


def run(site: Site, name: str, outcome: Verdict = Verdict.FAIL, **changes: Any) -> PromoteRecord:
    """Let the main branch's job promote a model with this verdict; judged again, it is the same."""
    fields = {"asked": Asked.AUTOMATICALLY, "verdict": judged(name, site, outcome), **changes}
    intent = promotion(changes.pop("commit", site.head), name, **{k: v for k, v in fields.items() if k != "commit"})

    def rejudge(champion: Event | None) -> Any:
        return replace(
            judged(name, site, outcome), champion=champion.release.model_digest if champion and champion.release else None
        )

    return promote(
        intent,
        branch=site.branch,
        source=GitSource(site.root),
        clock=site.clock,
        rejudge=rejudge,
        pause=lambda _: None,
        rng=random.Random(7),
    )


@pytest.mark.parametrize("outcome", [Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE])
def test_a_refusal_is_taken_down_once_and_its_inputs_are_due_no_longer(site: Site, outcome: Verdict) -> None:
    """One line with inputs, evidence and commit; what serves stays, and a second run adds nothing."""
    before = site.values(), events.serving(site.ledger, STAGING)
    record = run(site, "B", outcome)
    assert (record.outcome, record.verdict, record.deploy_commit) == (
        Outcome.REFUSED,
        outcome,
        git(site.root, "rev-parse", "deploy"),
    )
    assert record.why == f"the verdict is {outcome}: roc_auc {outcome} (worse)"
    event = site.ledger.events[-1]
    assert (event.kind, event.environment, event.release) == (EventKind.JUDGED, None, None)
    assert (event.commit, event.challenger, event.reason) == (site.head, digest("model B"), record.why)
    assert event.evidence is not None
    assert (event.evidence.verdict, event.evidence.champion) == (outcome, digest("model A"))
    assert events.last_inputs(site.ledger) == event.inputs == promotion(site.head, "B").inputs
    assert events.looks(site.ledger, digest("test")) == {digest("model A"), digest("model B")}
    assert (site.values(), events.serving(site.ledger, STAGING)) == before
    commits = site.commits
    again = run(site, "B", outcome)
    assert (again.outcome, again.diff, site.commits) == (Outcome.REFUSED, "", commits)
    assert git(site.root, "log", "-1", "--format=%s%n%(trailers:key=Release-Event)", "deploy").split("\n")[:2] == [
        f"release: churn judged {outcome}, is not promoted",
        "Release-Event: judged",
    ]


def test_a_person_who_promotes_what_fails_leaves_nothing_behind(site: Site) -> None:
    """The error is the answer; the ledger is for what the main branch decided."""
    commits = site.commits
    with pytest.raises(GateFailedError):
        run(site, "B", asked=Asked.BY_A_PERSON)
    assert site.commits == commits


def test_other_inputs_are_judged_and_refused_anew(site: Site) -> None:
    """Also when they were refused before something else was judged: they are the newest again."""
    run(site, "B")
    run(site, "C")
    run(site, "B")
    told = [event.challenger for event in site.ledger.events if event.kind is EventKind.JUDGED]
    assert told == [digest("model B"), digest("model C"), digest("model B")]
    operations = [event.operation for event in site.ledger.events]
    assert len(operations) == len(set(operations))


def test_a_refusal_is_about_the_champion_of_the_fresh_tip(site: Site) -> None:
    """Somebody was promoted meanwhile: judged again, and the evidence names whom it did not beat."""
    stale = judged("C", site, Verdict.FAIL)
    site.promote("B")
    record = run(site, "C", verdict=stale)
    evidence = site.ledger.events[-1].evidence
    assert (record.outcome, evidence and evidence.champion) == (Outcome.REFUSED, digest("model B"))


def test_two_merges_one_after_the_other_end_with_the_newer(site: Site) -> None:
    """The first is promoted, the second refused: the first serves, and neither is due."""
    first = commit(site.root, {"a": b"1"})
    assert run(site, "B", Verdict.PASS, commit=first).outcome is Outcome.PROMOTED
    second = commit(site.root, {"a": b"2"})
    assert run(site, "C", commit=second).outcome is Outcome.REFUSED
    served = events.serving(site.ledger, STAGING)
    assert served
    assert (served.commit, events.last_inputs(site.ledger)) == (first, promotion(second, "C").inputs)


@pytest.mark.parametrize("newest", [Verdict.FAIL, Verdict.PASS])
@pytest.mark.parametrize("late", [Verdict.FAIL, Verdict.PASS])
def test_a_slow_job_that_ends_after_a_newer_one_changes_nothing(site: Site, newest: Verdict, late: Verdict) -> None:
    """Whatever either of them says: exit code 6, and the ledger is as the newer job left it."""
    old = commit(site.root, {"a": b"1"})
    new = commit(site.root, {"a": b"2"})
    run(site, "C", newest, commit=new)
    content = site.ledger.content
    with pytest.raises(ConflictError) as caught:
        run(site, "B", late, commit=old)
    assert caught.value.code == 6
    assert site.ledger.content == content


def test_a_newer_refusal_does_not_hold_up_what_is_verified(site: Site) -> None:
    """What serves in staging goes on to production, though a later proposal was judged and refused since."""
    site.verify()
    run(site, "B", commit=commit(site.root, {"a": b"1"}))
    record = run(site, "A", environment=PRODUCTION, after=STAGING, verdict=None)
    assert record.outcome is Outcome.PROMOTED


def test_what_was_rejected_is_refused_for_good_and_a_freeze_is_not(site: Site) -> None:
    """A frozen or held environment opens again, and then the same inputs are promoted: they stay due."""
    site.promote("B")
    served = events.serving(site.ledger, STAGING)
    assert served
    site.tell(EventKind.REJECTED, environment=STAGING, release=served.release, operation=served.operation, cause="model")
    inputs = replace(promotion(site.head, "B").inputs, policy=digest("another"))
    assert run(site, "B", Verdict.PASS, inputs=inputs).outcome is Outcome.REFUSED
    assert events.last_inputs(site.ledger) == inputs
    site.tell(EventKind.HELD, environment=STAGING)
    content = site.ledger.content
    with pytest.raises(GateFailedError, match="is held"):
        run(site, "C", Verdict.PASS)
    assert site.ledger.content == content


def test_owners_who_took_a_verdict_upon_themselves_are_not_refused(site: Site) -> None:
    """An override of the gate covers the job of the main branch too."""
    site.tell(EventKind.OVERRIDDEN, environment=STAGING, cause="gate")
    assert run(site, "B").outcome is Outcome.PROMOTED
    assert run(site, "C", Verdict.INVALID).outcome is Outcome.REFUSED


def test_jobs_that_refuse_at_once_leave_one_line(site: Site) -> None:
    """The slower one finds the other's event and goes by it."""
    moves = [lambda: run(site, "B", by="another job")]

    class Rival:
        def now(self) -> Any:
            if moves:
                moves.pop()()
            return site.clock.now()

    fields: dict[str, Any] = {"asked": Asked.AUTOMATICALLY, "verdict": judged("B", site, Verdict.FAIL)}
    done = promote(
        promotion(site.head, "B", **fields),
        branch=site.branch,
        source=GitSource(site.root),
        clock=Rival(),
        rejudge=lambda _: judged("B", site, Verdict.FAIL),
        pause=lambda _: None,
        rng=random.Random(7),
    )
    assert (done.outcome, done.attempts, done.diff) == (Outcome.REFUSED, 2, "")
    assert [event.model for event in site.ledger.events if event.kind is EventKind.JUDGED] == [MODEL]
