"""Propose: one pull request a promotion, whose approvals are about one commit, and when it ends."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from support.amending import MODEL, PLACE, Site
from support.forges import ROBOT, MemoryForge
from support.git import commit, git, isolate
from support.promotions import PRODUCTION, STAGING, digest, promotion, rejudged, verdict

from release.adapters.git import GitSource
from release.artifact import ledger as events
from release.artifact.forge import Opinion
from release.artifact.intent import Asked
from release.artifact.proposal import branch_of, carries, proposed, superseded, vouch
from release.artifact.values import patch
from release.errors import GateFailedError, InconclusiveError, SecurityRefusalError
from release.records import Commit, EventKind, Outcome, Verdict
from release.stages.promote import promote
from release.stages.propose import Desk, approvals, propose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.artifact.intent import Approvals, Promotion
    from release.records import Digest, Event, PromoteRecord

BRANCH = branch_of(PRODUCTION, MODEL)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@dataclass
class Office:
    """A site whose production is reached by approval, and its forge."""

    site: Site
    forge: MemoryForge
    people: tuple[str, ...] = ()
    needed: int = 1

    def intent(self, name: str, **changes: Any) -> Promotion:
        """Want A (or another) in production, as reconcile does."""
        defaults = {"environment": PRODUCTION, "after": STAGING, "verdict": None, "needed": self.needed}
        return promotion(self.site.head, name, **{**defaults, "asked": Asked.AUTOMATICALLY, **changes})

    def propose(self, intent: Promotion) -> PromoteRecord:
        """Propose, and describe the change by its operation."""
        desk = Desk(
            branch=self.site.branch,
            source=GitSource(self.site.root),
            forge=self.forge,
            clock=self.site.clock,
            pause=lambda _: None,
            rng=random.Random(7),
        )
        return propose(
            intent,
            desk=desk,
            rejudge=lambda champion: rejudged(intent.package.model_digest, champion),
            describe=lambda attempt: (f"Promote {attempt.change.release.version}", attempt.change.operation),
        )

    def approvals(self, operation: Digest, environment: Any = PRODUCTION) -> Approvals:
        """Count them."""
        return approvals(MODEL, environment, operation, people=self.people, branch=self.site.branch, forge=self.forge)

    def promote(self, intent: Promotion) -> PromoteRecord:
        """Promote by compare-and-swap, if enough people approve."""
        return promote(
            intent,
            branch=self.site.branch,
            source=GitSource(self.site.root),
            clock=self.site.clock,
            rejudge=lambda champion: rejudged("?", champion),
            pause=lambda _: None,
            rng=random.Random(7),
            approvals=lambda operation: self.approvals(operation, intent.environment),
        )

    def head(self, branch: str = BRANCH) -> str:
        """Where the proposal's branch is."""
        return git(self.site.root, "rev-parse", f"refs/heads/{branch}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make a place where A was verified in staging."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        made = Site.at(tmp_path_factory.mktemp("made") / "source")
        made.release("A")
        yield made


@pytest.fixture
def office(made: Site, tmp_path: Path) -> Office:
    site = made.copied(tmp_path / "source")
    return Office(site, MemoryForge(site.root))


def test_a_proposal_is_the_promotions_commit_on_a_branch_of_its_own(office: Office) -> None:
    """The deploy branch stays; the pull request holds what promoting would push, and nothing beside it."""
    tip = git(office.site.root, "rev-parse", "deploy")
    record = office.propose(office.intent("A"))
    assert (record.outcome, record.pull, record.deploy_branch) == (Outcome.PROPOSED, 1, "release/production/churn")
    assert git(office.site.root, "rev-parse", "deploy") == tip == git(office.site.root, "rev-parse", f"{BRANCH}~1")
    event = proposed(office.site.branch.change(Commit(office.head())))
    assert (event.kind, event.environment, event.operation) == (EventKind.PROMOTED, PRODUCTION, record.operation)
    [pull] = office.forge.opened
    assert (pull.title, pull.body, pull.base) == ("Promote v1", record.operation, "deploy")


def test_proposing_again_changes_nothing(office: Office) -> None:
    """The clock goes on, and head and pull request stay: approvals stick to the head."""
    first = office.propose(office.intent("A"))
    office.site.clock.forward(hours=1)
    again = office.propose(office.intent("A"))
    assert (again.deploy_commit, again.pull, len(office.forge.opened)) == (first.deploy_commit, 1, 1)


def test_enough_approvals_promote_and_the_ledger_says_whose(office: Office) -> None:
    """By compare-and-swap on the fresh tip, in one commit with the approvals before it."""
    office.needed = 2
    intent = office.intent("A")
    office.propose(intent)
    assert office.promote(intent).outcome is Outcome.WAITING
    office.forge.review(1, "grace")
    assert office.promote(intent).outcome is Outcome.WAITING
    office.forge.review(1, "ada")
    office.site.tell(EventKind.EVALUATED, challenger=digest("another"))  # the tip moves on, the operation does not
    done = office.promote(intent)
    assert done.outcome is Outcome.PROMOTED
    told = [(event.kind.value, event.by, event.operation) for event in office.site.ledger.events[-3:]]
    assert told == [
        ("approved", "ada", done.operation),
        ("approved", "grace", done.operation),
        ("promoted", None, done.operation),
    ]
    assert office.site.ledger.events[-2].reason == "pull request #1"
    assert git(office.site.root, "log", "-1", "--format=%P", "deploy") != git(office.site.root, "rev-parse", f"{BRANCH}~1")


def test_a_person_is_told_how_many_are_missing_and_where_to_review(office: Office) -> None:
    """Exit 4 with the pull request's number; without one, how to open it."""
    intent = office.intent("A", asked=Asked.BY_A_PERSON)
    with pytest.raises(GateFailedError, match="production asks for 1 approval, nobody approved it; --propose opens"):
        office.promote(intent)
    office.propose(intent)
    with pytest.raises(GateFailedError, match="review pull request #1"):
        office.promote(intent)


def test_whose_approval_counts(office: Office) -> None:
    """Who may write, unless people, or a team, are named; never the author; and a word against it stops it."""
    intent = office.intent("A")
    operation = office.propose(intent).operation
    for author in ("mallory", ROBOT, "grace"):
        office.forge.review(1, author)
    assert office.approvals(operation).by == ("grace",)
    office.people = ("Mallory",)
    assert office.approvals(operation).by == ("mallory",)
    office.people = ("acme/owners", "nobody")
    assert office.approvals(operation).by == ("grace",)
    office.people = ("nobody",)
    assert office.approvals(operation).by == ()
    office.people = ()
    office.forge.review(1, "ada", Opinion.REFUSED)
    assert office.approvals(operation).against == ("ada",)
    assert office.promote(intent).outcome is Outcome.WAITING
    assert "ada asked for changes" in (office.promote(intent).why or "")


def test_an_approval_is_about_one_commit_and_one_operation(office: Office) -> None:
    """A head that somebody moved, or that is another operation's, has no approvals."""
    intent = office.intent("A")
    record = office.propose(intent)
    office.forge.review(1, "grace")
    assert office.approvals(digest("another operation")).by == ()
    assert office.approvals(record.operation).by == ("grace",)
    git(office.site.root, "switch", "-q", BRANCH)
    commit(office.site.root, {"README.md": b"looks the same\n"})
    git(office.site.root, "switch", "-q", "main")
    office.forge.review(1, "grace")
    assert office.approvals(record.operation).by == ()


def test_a_branch_that_somebody_spoilt_is_made_anew(office: Office) -> None:
    """Its pull request is closed first, so that no approval of the other commit is taken over."""
    record = office.propose(office.intent("A"))
    git(office.site.root, "switch", "-q", BRANCH)
    commit(office.site.root, {"README.md": b"more\n"})
    git(office.site.root, "switch", "-q", "main")
    again = office.propose(office.intent("A"))
    assert (again.operation, again.pull) == (record.operation, 2)
    assert office.forge.one(1).state == "closed"
    assert git(office.site.root, "rev-parse", f"{BRANCH}~1") == git(office.site.root, "rev-parse", "deploy")


def test_another_operation_closes_the_old_pull_request(office: Office) -> None:
    """A newer release is proposed in a pull request of its own, on the same branch."""
    office.propose(office.intent("A"))
    office.site.release("B")
    record = office.propose(office.intent("B"))
    assert (record.pull, record.release.version) == (2, "v2")
    assert office.forge.one(1).state == "closed"
    assert office.forge.one(1).comments == ["<!-- release-proposal -->\nSuperseded: churn v2 is proposed anew.\n"]


def test_a_proposal_that_could_not_be_merged_any_more_is_refreshed_unless_it_was_reviewed(office: Office) -> None:
    """Another line in the ledger stands in the way of a merge; an approval is worth more where approvals promote."""
    record = office.propose(office.intent("A"))
    office.forge.review(1, "grace")
    office.site.tell(EventKind.EVALUATED, challenger=digest("another"))
    assert office.propose(office.intent("A")).deploy_commit == record.deploy_commit
    office.forge.one(1).reviews.clear()
    fresh = office.propose(office.intent("A"))
    assert (fresh.operation, fresh.pull, fresh.deploy_commit == record.deploy_commit) == (record.operation, 1, False)
    assert git(office.site.root, "rev-parse", f"{BRANCH}~1") == git(office.site.root, "rev-parse", "deploy")


def test_what_a_person_closed_is_not_opened_again_by_itself(office: Office) -> None:
    """Closing is a no; a person may ask again."""
    office.propose(office.intent("A"))
    office.forge.close(1)
    told = office.propose(office.intent("A"))
    assert (told.outcome, told.why) == (Outcome.WAITING, "pull request #1 was closed by hand")
    assert office.propose(office.intent("A", asked=Asked.BY_A_PERSON)).pull == 2


def test_what_serves_already_is_not_proposed(office: Office) -> None:
    """Nothing is opened, and it says that it is done."""
    office.site.release("A", PRODUCTION, verdict=None)
    assert office.propose(office.intent("A")).outcome is Outcome.ALREADY
    assert office.forge.opened == []


def test_an_override_of_the_environment_waives_approvals(office: Office) -> None:
    """No forge is asked; the override is the owners' word."""
    office.site.tell(EventKind.OVERRIDDEN, environment=PRODUCTION, cause="environment")
    assert office.promote(office.intent("A")).outcome is Outcome.PROMOTED
    assert office.forge.asked == []


def unsure(name: str, site: Site, *review: str) -> Any:
    champion = events.champion(site.ledger, (STAGING, PRODUCTION))
    beaten = champion.release.model_digest if champion and champion.release else None
    return replace(verdict(name, champion=beaten, outcome=Verdict.INCONCLUSIVE, reason="few rows"), review=review)


def test_an_unsure_verdict_that_may_be_reviewed_is_promoted_by_one_approval(office: Office) -> None:
    """The ledger takes it down first; the same evidence then stands for the next environment, without another review."""
    office.needed = 0
    fresh = office.intent("B", environment=STAGING, after=None, verdict=unsure("B", office.site, "roc_auc"))
    waits = office.promote(fresh)
    assert (waits.outcome, waits.verdict) == (Outcome.WAITING, Verdict.INCONCLUSIVE)
    note = office.site.ledger.events[-1]
    assert (note.kind, note.environment, note.inputs) == (EventKind.JUDGED, None, fresh.inputs)
    assert events.last_inputs(office.site.ledger) == fresh.inputs
    assert office.promote(fresh).deploy_commit == git(office.site.root, "rev-parse", "deploy")
    assert office.site.ledger.events[-1] == note
    # By now nobody has the records any more: the ledger's evidence is enough.
    later = replace(fresh, verdict=None)
    assert office.propose(later).pull == 1
    office.forge.review(1, "ada")
    assert office.promote(later).outcome is Outcome.PROMOTED
    promoted = office.site.ledger.events[-1]
    assert (promoted.kind, promoted.evidence) == (EventKind.PROMOTED, note.evidence)
    office.site.verify()
    assert office.promote(office.intent("B")).outcome is Outcome.PROMOTED


def test_a_review_is_no_way_around_a_verdict_that_blocks(office: Office) -> None:
    """Unsure without `when_unsure: review` stays what it is, for a person as for a job."""
    blocked = office.intent("B", environment=STAGING, after=None, verdict=unsure("B", office.site))
    with pytest.raises(InconclusiveError):
        office.propose(replace(blocked, asked=Asked.BY_A_PERSON))
    assert office.promote(blocked).outcome is Outcome.REFUSED
    assert office.forge.opened == []


def test_evidence_that_waits_is_void_once_another_champion_serves(office: Office) -> None:
    """It was about somebody else: judged again, not promoted on an old word."""
    office.needed = 1
    passed = verdict("B", champion=digest("model A"))
    fresh = office.intent("B", environment=STAGING, after=None, verdict=passed)
    assert office.promote(fresh).outcome is Outcome.WAITING
    assert office.propose(fresh).pull == 1
    office.forge.review(1, "ada")
    office.site.promote("C")
    event = proposed(office.site.branch.change(Commit(office.head(branch_of(STAGING, MODEL)))))
    why = superseded(event, office.site.ledger, None, office.site.clock.now())
    assert why == "staging has moved on since: promoted of v2 on 2026-01-30T12:00:00Z"
    judged: list[Event | None] = []

    def rejudge(champion: Event | None) -> Any:
        judged.append(champion)
        return rejudged("B", champion)

    promote(
        replace(fresh, verdict=None, asked=Asked.BY_A_PERSON, needed=0),
        branch=office.site.branch,
        source=GitSource(office.site.root),
        clock=office.site.clock,
        rejudge=rejudge,
        pause=lambda _: None,
        rng=random.Random(7),
    )
    assert [one.release.model_digest for one in judged if one and one.release] == [digest("model C")]


OVERTAKEN = {
    "nothing": (lambda _: None, None),
    "a look at the test set": (lambda site: site.tell(EventKind.EVALUATED, challenger=digest("x")), None),
    "a newer one promoted to staging": (lambda site: site.promote("B"), None),
    "a newer one verified": (lambda site: site.release("B"), "v2 has been verified in staging since"),
    "held": (
        lambda site: site.tell(EventKind.HELD, environment=PRODUCTION),
        "production has moved on since: held on 2026-01-30T12:00:00Z",
    ),
    "promoted meanwhile": (
        lambda site: site.promote("A", environment=PRODUCTION, verdict=None),
        "production has moved on since: promoted of v1 on 2026-01-30T12:00:00Z",
    ),
}


@pytest.mark.parametrize(("change", "why"), OVERTAKEN.values(), ids=OVERTAKEN)
def test_when_a_proposal_is_out_of_date(office: Office, change: Any, why: str | None) -> None:
    """Only what makes the promotion another one, or forbids it; what has nothing to do with it does not."""
    head = office.propose(office.intent("A")).deploy_commit
    assert head
    event = proposed(office.site.branch.change(head))
    change(office.site)
    assert superseded(event, office.site.ledger, STAGING, office.site.clock.now()) == why


def test_a_release_that_was_rejected_takes_its_proposal_along(office: Office) -> None:
    """The model is bad wherever it was found out."""
    head = office.propose(office.intent("A")).deploy_commit
    assert head
    event = proposed(office.site.branch.change(head))
    serving = events.serving(office.site.ledger, STAGING)
    assert serving
    assert serving.release
    office.site.tell(
        EventKind.REJECTED,
        environment=STAGING,
        release=serving.release,
        operation=serving.operation,
        cause="model",
        reason="x",
    )
    why = superseded(event, office.site.ledger, STAGING, office.site.clock.now())
    assert why == "it was rejected on 2026-01-30T12:00:00Z: x"


def spoilt(changed: dict[str, tuple[bytes | None, bytes | None]], how: str) -> dict[str, tuple[bytes | None, bytes | None]]:
    values, ledger = f"charts/environments/production/{MODEL}.yaml", PLACE.ledger_path
    old, new = changed[ledger]
    assert new
    operation, other = str(proposed(changed).operation).encode(), digest("another operation").encode()
    ways = {
        "a file beside it": {"README.md": (None, b"x")},
        "an owned scalar": {values: (None, (changed[values][1] or b"").replace(b"v1", b"v9"))},
        "no values": {},
        "a ledger that was rewritten": {ledger: (old, new.replace(b"staging", b"stagign"))},
        "a ledger that was removed": {ledger: (new, None)},
        "another chart": {"charts/versions/0123456789abcdef/Chart.yaml": (None, b"x")},
        "another kind of event": {ledger: (old, new.replace(b'"kind":"promoted"', b'"kind":"verified"'))},
        "another operation": {path: (was, now and now.replace(operation, other)) for path, (was, now) in changed.items()},
    }
    spoilt = {**changed, **ways[how]}
    if how == "no values":
        del spoilt[values]
    return spoilt


@pytest.mark.parametrize(
    "how",
    [
        "a file beside it",
        "an owned scalar",
        "no values",
        "a ledger that was rewritten",
        "a ledger that was removed",
        "another chart",
        "another kind of event",
        "another operation",
    ],
)
def test_what_is_not_exactly_a_promotion_is_none(office: Office, how: str) -> None:
    """Each of them is refused, and the untouched change is not."""
    head = office.propose(office.intent("A")).deploy_commit
    assert head
    changed = dict(office.site.branch.change(head))
    assert proposed(changed).environment == PRODUCTION
    with pytest.raises(SecurityRefusalError):
        proposed(spoilt(changed, how))


def forged(office: Office, **fields: Any) -> Event:
    """Push a proposal that says something else of the same operation, as whoever may push branches can."""
    made = proposed(office.site.branch.change(Commit(office.head())))
    branch, tip = office.site.branch, office.site.branch.tip(fetch=False)
    before = office.site.ledger
    told = {**vars(made), **fields}
    for name in ("seq", "prev", "kind", "at", "model"):
        told.pop(name)
    grown, _ = events.append(before, EventKind.PROMOTED, at=office.site.clock.now(), model=MODEL, **told)
    changes = {path: new for path, (_, new) in branch.change(Commit(office.head())).items() if new is not None}
    scalars = {"release.commit": str(told["commit"])}
    values = f"charts/environments/production/{MODEL}.yaml"
    changes |= {PLACE.ledger_path: grown.content, values: patch(changes[values], scalars, where=values)}
    evil = branch.commit(tip, changes, "Evil\n", office.site.clock.now())
    assert branch.push(BRANCH, evil, Commit(office.head()))
    return proposed(branch.change(evil))


def test_a_forged_head_of_the_same_operation_is_not_kept(office: Office) -> None:
    """The operation says model, image and chart; commit and inputs are compared as well, and no approval moves over."""
    order = (STAGING, PRODUCTION)
    record = office.propose(office.intent("A"))
    assert carries(office.site.ledger, proposed(office.site.branch.change(Commit(office.head()))), order)
    event = forged(office, commit=Commit("e" * 40))
    assert event.operation == record.operation
    assert not carries(office.site.ledger, event, order)
    again = office.propose(office.intent("A"))
    assert (again.pull, office.forge.one(1).state) == (2, "closed")
    assert carries(office.site.ledger, proposed(office.site.branch.change(Commit(office.head()))), order)


def test_what_the_ledger_does_not_carry_is_not_vouched_for(office: Office) -> None:
    """Evidence that nobody took down, and a release that the environment before has not verified."""
    order, now = (STAGING, PRODUCTION), office.site.clock.now()
    office.propose(office.intent("A"))
    event = proposed(office.site.branch.change(Commit(office.head())))
    vouch(event, office.site.ledger, STAGING, order, now)
    assert event.evidence
    better = replace(event, evidence=replace(event.evidence, record=digest("another")))
    with pytest.raises(SecurityRefusalError, match="nothing in the ledger speaks for this promotion"):
        vouch(better, office.site.ledger, STAGING, order, now)
    with pytest.raises(SecurityRefusalError, match="staging has not verified what this promotes"):
        vouch(event, events.parse(office.site.ledger.content.splitlines(keepends=True)[0], "x"), STAGING, order, now)
