"""Reconcile: each row of what an observation means, what may be restored, and that every order of events converges."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.amending import MODEL, PLACE, Clock, Site
from support.git import git, isolate, sound
from support.promotions import CHART, PRODUCTION, STAGING, digest
from support.rollouts import analysis, image, seen

from release.artifact import ledger as events
from release.artifact.actions import Follow, Mode, Next, Undo, Verify, amendment
from release.artifact.amendment import Tip
from release.artifact.meaning import Failed, Trouble, Waiting
from release.artifact.orders import Resume
from release.artifact.promotion import Asked
from release.artifact.repackage import CAUSE as REPACKAGED
from release.errors import GateFailedError
from release.observed import Phase, Pods, RunPhase
from release.records import EventKind
from release.schedule import window
from release.stages.reconcile import Settings, decide, reconcile
from release.stages.resume import resume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.artifact.actions import Action
    from release.observed import Analysis, Observation
    from release.records import Event, ReleaseId
    from release.stages.reconcile import ReconcileRecord

SETTINGS = Settings(environment=STAGING)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make a place where A was verified, and B was promoted after it."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        made = Site.at(tmp_path_factory.mktemp("made") / "source")
        made.release("A")
        made.promote("B")
        yield made


@pytest.fixture
def site(made: Site, tmp_path: Path) -> Site:
    """Give each test a copy of its own."""
    return made.copied(tmp_path / "source")


def put(site: Site, version: str) -> Event:
    """Return the event by which a version was put into staging last."""
    kinds = {EventKind.PROMOTED, EventKind.RESTORED}
    found = [one for one in site.ledger.events if one.kind in kinds and one.environment == STAGING]
    return next(one for one in reversed(found) if one.release and one.release.version == version)


def canary(site: Site, **changes: Any) -> Observation:
    """Show B as a canary beside A."""
    return seen(put(site, "v2"), stable=put(site, "v1").release, **changes)


def decided(site: Site, look: Observation | None, settings: Settings = SETTINGS) -> tuple[Action, ...]:
    return decide(look, site.ledger, site.clock.now(), settings)


def run(site: Site, look: Observation | None, settings: Settings = SETTINGS, **changes: Any) -> ReconcileRecord:
    followed: list[Follow] = changes.pop("followed", [])

    def follow(action: Follow) -> str:
        followed.append(action)
        return "followed"

    return reconcile(PLACE, look, settings, desk=replace(site.desk, **changes), follow=follow)


def served(site: Site) -> str | None:
    event = events.serving(site.ledger, STAGING)
    return event.release.version if event and event.release else None


ABORTED = {"phase": Phase.DEGRADED, "message": "RolloutAborted: Rollout aborted update to revision 2"}


def aborted(site: Site, *runs: Any, **changes: Any) -> Observation:
    return canary(site, **{**ABORTED, "aborted": site.clock.now(), "analyses": runs, **changes})


def unsure(site: Site, minutes: float, **changes: Any) -> Observation:
    since = site.clock.now() - timedelta(minutes=minutes)
    runs = (analysis(RunPhase.INCONCLUSIVE),)
    return canary(site, **{"phase": Phase.PAUSED, "unsure": since, "analyses": runs, **changes})


FAILURES = {
    "a metric of the model": (
        lambda site: aborted(site, analysis(RunPhase.FAILED, "score-psi")),
        ("rejected", "model", "failed: score-psi"),
    ),
    "a metric of serving": (
        lambda site: aborted(site, analysis(RunPhase.FAILED, "error-rate")),
        ("rejected", "serving", "failed: error-rate"),
    ),
    "both: errors explain the scores": (
        lambda site: aborted(site, analysis(RunPhase.FAILED, "score-psi", "error-rate")),
        ("rejected", "serving", "failed: error-rate, score-psi"),
    ),
    "a metric nobody knows": (
        lambda site: aborted(site, analysis(RunPhase.FAILED, "carbon")),
        ("rejected", "serving", "failed: carbon"),
    ),
    "an analysis in error": (
        lambda site: aborted(site, analysis(RunPhase.ERROR, message="connection refused")),
        ("withdrawn", "infrastructure", "analysis run-new could not measure: connection refused"),
    ),
    "an error beside a failure": (
        lambda site: aborted(site, analysis(RunPhase.ERROR), analysis(RunPhase.FAILED, "latency")),
        ("rejected", "serving", "failed: latency"),
    ),
    "a deadline": (
        lambda site: aborted(site, late="ReplicaSet has timed out progressing."),
        ("withdrawn", "infrastructure", "the deadline passed: ReplicaSet has timed out progressing."),
    ),
    "an inconclusive pause that lasted": (
        lambda site: unsure(site, 10),
        ("withdrawn", "infrastructure", "the analysis stayed inconclusive for 0:10:00"),
    ),
    "an inconclusive pause that may not be": (
        lambda site: unsure(site, 0, when_unsure="abort"),
        ("withdrawn", "infrastructure", "the analysis stayed inconclusive for 0:00:00"),
    ),
    "a person": (aborted, ("withdrawn", "person", "aborted by a person")),
    "a person who ended a good analysis": (
        lambda site: aborted(site, analysis(RunPhase.SUCCESSFUL)),
        ("withdrawn", "person", "aborted by a person"),
    ),
}


@pytest.mark.parametrize("row", FAILURES)
def test_each_failure_has_its_event_and_restores_what_was_verified(site: Site, row: str) -> None:
    """An abort is not a verdict: who is to blame is read from the analysis; in every row v1 serves again."""
    look, expected = FAILURES[row]
    [undo] = decided(site, look(site))
    assert isinstance(undo, Undo)
    assert (undo.found.kind.value, undo.found.cause, undo.found.reason) == expected
    assert undo.target == put(site, "v1")
    done = run(site, look(site))
    assert [event.kind.value for event in done.amended.events] == [expected[0], "restored"]
    assert (served(site), site.values()["image"]["digest"], site.values()["release"]["fast"]) == (
        "v1",
        digest("image A"),
        True,
    )
    assert decided(site, look(site)) == (Waiting(why="the cluster has not taken v1 yet, it is at v2"),)


def _unmeasured(run: Analysis) -> Analysis:
    return replace(run, metrics=(*run.metrics[:-1], replace(run.metrics[-1], successful=0)))


WAITING = {
    "no Rollout": (lambda _: None, "no Rollout of it yet"),
    "an older operation": (lambda site: seen(put(site, "v1"), operation=digest("?")), "has not taken it yet"),
    "a generation not seen": (lambda site: canary(site, observed_generation="6"), "has not seen the newest Rollout"),
    "another image, unmarked": (lambda site: seen(put(site, "v1"), operation=None), "shows another image"),
    "on its way": (lambda site: canary(site, step=1, steps=4), "Progressing, step 1 of 4"),
    "paused for a while": (lambda site: unsure(site, 9.9), "inconclusive, paused for at most 10m"),
    "healthy, not measured": (lambda site: seen(put(site, "v2"), analyses=()), "no AnalysisRun of its pods was successful"),
    "healthy, measured as other pods": (
        lambda site: seen(put(site, "v2"), analyses=(analysis(RunPhase.SUCCESSFUL, hash_="old"),)),
        "no AnalysisRun of its pods was successful",
    ),
    "healthy, measured in an earlier revision": (
        lambda site: seen(put(site, "v2"), analyses=(replace(analysis(RunPhase.SUCCESSFUL), revision="1"),)),
        "no AnalysisRun of its pods was successful",
    ),
    "healthy, ended before the first measurement": (
        lambda site: seen(put(site, "v2"), analyses=(replace(analysis(RunPhase.SUCCESSFUL), metrics=()),)),
        "no AnalysisRun of its pods was successful",
    ),
    "healthy, ended before one metric was measured": (
        lambda site: seen(put(site, "v2"), analyses=(_unmeasured(analysis(RunPhase.SUCCESSFUL, "latency", "error-rate")),)),
        "no AnalysisRun of its pods was successful",
    ),
    "healthy, still measured": (
        lambda site: seen(put(site, "v2"), analyses=(analysis(RunPhase.RUNNING),)),
        "Healthy, although AnalysisRun run-new is Running",
    ),
    "healthy phase, canary not stable": (lambda site: canary(site, phase=Phase.HEALTHY), "Healthy"),
}


@pytest.mark.parametrize("row", WAITING)
def test_what_says_nothing_yet_is_waited_for(site: Site, row: str) -> None:
    """Each condition of `verified` alone suffices to wait; nothing is written."""
    look, why = WAITING[row]
    [wait] = decided(site, look(site))
    assert isinstance(wait, Waiting)
    assert why in wait.why
    commits = site.commits
    assert run(site, look(site)).amended.deploy_commit is None
    assert site.commits == commits


TROUBLE = {
    "edited by hand": (
        lambda site: canary(
            site, pods={"new": Pods(image="evil:latest"), "old": Pods(image=image(put(site, "v1").release))}
        ),
        "somebody edited the Rollout by hand",
    ),
    "passed by hand": (
        lambda site: seen(put(site, "v2"), analyses=(analysis(RunPhase.SUCCESSFUL), analysis(RunPhase.INCONCLUSIVE))),
        "Healthy, although AnalysisRun run-new is Inconclusive",
    ),
    "degraded by itself": (
        lambda site: canary(site, phase=Phase.DEGRADED, message="InvalidSpec: no selector"),
        "the Rollout is Degraded: InvalidSpec: no selector",
    ),
    "failed beside something unknown": (
        lambda site: replace(
            aborted(site),
            pods={"new": Pods(image=image(put(site, "v2").release), revision="2"), "old": Pods(image="x@sha256:0")},
        ),
        "which is not what the ledger verified last",
    ),
}


@pytest.mark.parametrize("row", TROUBLE)
def test_what_time_does_not_help_is_told_and_not_touched(site: Site, row: str) -> None:
    """A person has to look, and is told what to do."""
    look, why = TROUBLE[row]
    [trouble] = decided(site, look(site))
    assert isinstance(trouble, Trouble)
    assert why in trouble.why
    assert trouble.fix
    commits, done = site.commits, run(site, look(site))
    assert (site.commits, done.trouble) == (commits, f"{trouble.why}; {trouble.fix}")


def test_a_verified_release_that_somebody_edits_is_told_and_taken_no_further(site: Site) -> None:
    """An edit after the fact is as much one as before; a Rollout that its controller has not seen yet says nothing."""
    run(site, seen(put(site, "v2")))
    nexts = Settings(environment=STAGING, following=(Next(environment=PRODUCTION, mode=Mode.AUTOMATIC),))
    mine = {"new": Pods(image="registry.example/mine@sha256:0", revision="3")}
    [trouble] = decided(site, seen(put(site, "v2"), pods=mine), nexts)
    assert isinstance(trouble, Trouble)
    assert trouble.why == "somebody edited the Rollout by hand: its image is registry.example/mine@sha256:0"
    [follow] = decided(site, seen(put(site, "v2"), pods=mine, generation="8"), nexts)
    assert isinstance(follow, Follow)


def test_a_good_release_is_verified_once(site: Site) -> None:
    """With what was measured in the event and the message."""
    look = seen(put(site, "v2"))
    assert isinstance(decided(site, look)[0], Verify)
    done = run(site, look)
    [event] = done.amended.events
    assert (event.kind, event.operation, event.reason) == (
        EventKind.VERIFIED,
        put(site, "v2").operation,
        "run-new: error-rate Successful, measured [0.5]",
    )
    assert events.last_verified(site.ledger, STAGING) == event
    message = git(site.root, "log", "-1", "--format=%B", "deploy")
    assert message.startswith("release: churn v2 verified in staging\n\nrun-new: error-rate Successful, measured [0.5]\n")
    assert "Release-Event: verified" in message
    assert run(site, look).amended.deploy_commit is None
    assert Counter(site.kinds)["verified"] == 2


def test_first_and_restored_releases_need_no_analysis(tmp_path: Path) -> None:
    """Neither runs a canary; but both have to be Healthy."""
    site = Site.at(tmp_path / "source")
    site.promote("A")
    assert run(site, seen(put(site, "v1"), analyses=())).amended.deploy_commit
    site.promote("B")
    run(site, aborted(site))
    restored = put(site, "v1")
    assert restored.kind is EventKind.RESTORED
    assert isinstance(decided(site, seen(restored, analyses=(), phase=Phase.PROGRESSING))[0], Waiting)
    assert run(site, seen(restored, analyses=())).amended.deploy_commit
    assert site.kinds == ["promoted", "verified", "promoted", "withdrawn", "restored", "verified"]


def test_what_a_rollback_put_on_another_runtime_is_measured(site: Site) -> None:
    """Restored, but in an image that never served: Healthy alone verifies nothing."""
    release = put(site, "v1").release
    assert release
    put_there = replace(release, image_digest=digest("patched A"))
    site.tell(
        EventKind.RESTORED,
        environment=STAGING,
        operation=digest("patching"),
        release=put_there,
        cause=REPACKAGED,
        commit=None,
    )
    event = site.ledger.events[-1]
    assert isinstance(decided(site, seen(event, analyses=()))[0], Waiting)
    assert isinstance(decided(site, seen(event))[0], Verify)


def test_a_first_release_that_fails_leaves_nothing_to_restore(tmp_path: Path) -> None:
    """An event only; the next one is a first release again."""
    site = Site.at(tmp_path / "source")
    site.promote("A")
    look = seen(put(site, "v1"), phase=Phase.DEGRADED, late="timed out", stable=None)
    done = run(site, replace(look, stable=None))
    assert [event.kind for event in done.amended.events] == [EventKind.WITHDRAWN]
    site.promote("B")
    assert run(site, seen(put(site, "v2"), analyses=())).amended.events[0].kind is EventKind.VERIFIED


def test_the_failed_measurements_are_in_the_commit_message(site: Site) -> None:
    """Whoever reads the log need not ask the cluster, which forgets."""
    run(site, aborted(site, analysis(RunPhase.FAILED, "score-psi")))
    message = git(site.root, "log", "-1", "--format=%B", "deploy")
    assert message.startswith(
        "release: churn v2 rejected in staging, v1 restored\n\n"
        "Why: failed: score-psi\nrun-new: score-psi Failed, measured [0.5]\n\nRelease-Model: churn\n"
    )


def test_only_what_the_model_did_bars_its_digest(site: Site) -> None:
    """A node outage must not bar a good model."""
    run(site, aborted(site, analysis(RunPhase.ERROR)))
    assert events.barred(site.ledger, digest("model B"), now=site.clock.now()) is None
    site.promote("B")
    run(site, aborted(site, analysis(RunPhase.FAILED, "score-psi")))
    assert events.barred(site.ledger, digest("model B"), now=site.clock.now())
    with pytest.raises(GateFailedError, match="this model was rejected"):
        site.promote("B", environment=PRODUCTION)


@pytest.mark.parametrize("metric", ["score-psi", "error-rate"])
def test_a_redeploy_that_failed_bars_no_digest(tmp_path: Path, metric: str) -> None:
    """Canary and stable carry the same image: chart and values return, and the release before stays verified."""
    site = Site.at(tmp_path / "source")
    site.release("A")
    first = put(site, "v1")
    site.promote("A", chart={**CHART, "Chart.yaml": b"name: newer\n"})
    again = put(site, "v1")
    look = seen(again, stable=first.release, aborted=site.clock.now(), analyses=(analysis(RunPhase.FAILED, metric),))
    done = run(site, replace(look, phase=Phase.DEGRADED))
    assert (done.amended.events[0].kind, done.amended.events[0].cause) == (EventKind.REJECTED, "redeploy")
    assert first.release
    assert again.release
    assert site.values()["chart"]["path"] == first.release.chart != again.release.chart
    assert events.barred(site.ledger, digest("model A"), now=site.clock.now()) is None
    assert events.verified(site.ledger, STAGING, first.release)
    assert events.verified(site.ledger, STAGING, again.release) is None


def test_a_failure_that_was_superseded_is_an_event_only(site: Site) -> None:
    """What came after it is neither touched nor undone."""
    look = aborted(site, analysis(RunPhase.FAILED, "latency"))
    site.promote("C")
    values = site.values()
    done = run(site, look)
    assert [event.kind for event in done.amended.events] == [EventKind.REJECTED]
    assert (site.values(), served(site)) == (values, "v3")
    assert isinstance(decided(site, seen(put(site, "v3")))[0], Verify)


def test_values_that_somebody_changed_are_left_alone(site: Site) -> None:
    """Scalar by scalar; and all of them where the operation itself is another."""
    site.edit('version: "v2"', 'version: "mine"')
    run(site, aborted(site))
    assert site.values()["model"] == {"digest": digest("model A"), "version": "mine"}
    assert "somebody changed them: model.version" in git(site.root, "log", "-1", "--format=%B", "deploy")
    site.promote("C")
    site.edit(str(put(site, "v3").operation), digest("mine"))
    done = run(site, seen(put(site, "v3"), stable=put(site, "v1").release, **ABORTED, aborted=site.clock.now()))
    assert [event.kind for event in done.amended.events] == [EventKind.WITHDRAWN]
    assert site.values()["image"]["digest"] == digest("image C")


def test_an_unrelated_edit_meanwhile_stays(site: Site) -> None:
    """A restore is no revert: people's lines and the ledger's are kept."""
    site.edit("replicas: 3", "replicas: 5")
    before = site.ledger.content
    run(site, aborted(site))
    assert site.values()["replicas"] == 5
    assert site.ledger.content.startswith(before)


def test_a_restored_release_that_fails_is_not_restored_again(site: Site) -> None:
    """There is nothing better to go to; without this, Git would turn in circles."""
    run(site, aborted(site))
    restored = put(site, "v1")
    look = seen(restored, stable=put(site, "v2").release, phase=Phase.DEGRADED, late="timed out", analyses=())
    done = run(site, look)
    assert done.amended.deploy_commit is None
    assert "what was restored fails too: the deadline passed" in (done.trouble or "")


def test_three_withdrawals_in_ten_minutes_hold_the_environment(site: Site) -> None:
    """Something is wrong with the cluster: nothing is promoted there by itself until a person resumes."""
    for minutes in (0, 4, 5):
        site.clock.forward(minutes=minutes)
        assert events.held(site.ledger, STAGING) is None
        run(site, aborted(site, analysis(RunPhase.ERROR)))
        if minutes != 5:
            site.promote("B", asked=Asked.AUTOMATICALLY)
    assert site.kinds[-3:] == ["withdrawn", "held", "restored"]
    assert "Held: 3 withdrawals within 0:10:00" in git(site.root, "log", "-1", "--format=%B", "deploy")
    with pytest.raises(GateFailedError, match="staging is held"):
        site.promote("B", asked=Asked.AUTOMATICALLY)
    resume(Resume(place=PLACE, reason=None, by="ada"), desk=site.desk)
    site.promote("B", asked=Asked.AUTOMATICALLY)


def test_withdrawals_of_other_models_count_and_old_ones_do_not(site: Site) -> None:
    """A node takes several models with it."""
    now = site.clock.now()
    look = aborted(site, analysis(RunPhase.ERROR))

    def held(*minutes: float) -> bool:
        [undo] = decided(site, look, replace(SETTINGS, withdrawals=tuple(now - timedelta(minutes=m) for m in minutes)))
        assert isinstance(undo, Undo)
        return undo.hold.name == "TOO_MANY"

    assert held(1, 9)
    assert not held(1, 10)
    assert not held(1)


def test_the_first_environment_soaks_before_it_verifies(site: Site) -> None:
    """Healthy for long enough, and where that is not said, not verified."""
    settings = replace(SETTINGS, soak=timedelta(hours=1))
    now = site.clock.now()
    for since, why in ((None, "since when is not said"), (now - timedelta(minutes=59), "soaking for 0:01:00 more")):
        [wait] = decided(site, seen(put(site, "v2"), healthy_since=since), settings)
        assert isinstance(wait, Waiting)
        assert why in wait.why
    [verify] = decided(site, seen(put(site, "v2"), healthy_since=now - timedelta(hours=1)), settings)
    assert isinstance(verify, Verify)


def onward(mode: Mode, **changes: Any) -> Settings:
    return replace(SETTINGS, following=(Next(environment=PRODUCTION, mode=mode, **changes),))


def test_the_next_environment_follows_as_its_line_says(site: Site) -> None:
    """Only after `verified`, only what was promoted, once, and never where it was tried."""
    look = seen(put(site, "v2"))
    for mode in Mode:
        followed: list[Follow] = []
        run(site, look, onward(mode), followed=followed)
        assert [one.next.mode for one in followed] == ([] if mode is Mode.MANUAL else [mode])
    followed = []
    site.promote("B", environment=PRODUCTION, after=STAGING)
    run(site, look, onward(Mode.AUTOMATIC), followed=followed)
    site.tell(EventKind.WITHDRAWN, environment=PRODUCTION, release=put(site, "v2").release, cause="person")
    run(site, look, onward(Mode.AUTOMATIC), followed=followed)
    assert followed == []


def test_a_restored_release_goes_nowhere(site: Site) -> None:
    """A rollback in staging is no reason to change production."""
    run(site, aborted(site))
    look = seen(put(site, "v1"), analyses=())
    run(site, look)
    assert decided(site, look, onward(Mode.AUTOMATIC)) == ()


def test_the_next_environment_waits_for_soak_freeze_and_hold(site: Site) -> None:
    """Each by itself; then it follows."""
    look = seen(put(site, "v2"))
    run(site, look)
    site.clock.forward(minutes=30)

    def why(**changes: Any) -> str:
        [action] = decided(site, look, onward(Mode.AUTOMATIC, **changes))
        return action.why if isinstance(action, Waiting) else type(action).__name__

    assert why(soak=timedelta(hours=1)) == "soaking for 0:30:00 more before production"
    assert why(freeze=(window("Fri 00:00 - Mon 00:00"),)) == 'production is frozen now, by "Fri 00:00 - Mon 00:00"'
    assert why(soak=timedelta(minutes=30), freeze=(window("Mon 00:00 - Tue 00:00"),)) == "Follow"
    site.tell(EventKind.HELD, environment=PRODUCTION)
    assert why() == "production is held: promote by hand, or `release resume churn`"


def test_a_lost_race_is_decided_again_and_written_once(site: Site) -> None:
    """Two reconcilers at once: one restore."""
    look = aborted(site)

    class Racing:
        asked = 0

        def now(self) -> Any:
            Racing.asked += 1
            if Racing.asked == 1:
                run(site, look)
            return site.clock.now()

    done = run(site, look, clock=Racing())
    assert done.amended.deploy_commit is None
    assert Counter(site.kinds)["restored"] == 1
    assert sound(site.root)


def looks(rng: random.Random, known: list[Event], stable: ReleaseId | None) -> Observation:
    """Return anything a cluster might show of anything that was ever put there."""
    event = rng.choice(known)
    phase, run_phase = rng.choice(list(Phase)), rng.choice(list(RunPhase))
    metrics = rng.sample(["error-rate", "score-psi", "latency"], k=rng.randint(1, 2))
    at = rng.choice([None, Clock().now()])
    return seen(
        event,
        stable=rng.choice([None, stable]),
        phase=phase,
        generation=rng.choice(["7", "8"]),
        operation=rng.choice([event.operation, event.operation, None]),
        aborted=at,
        unsure=rng.choice([None, at]),
        late=rng.choice([None, None, "late"]),
        analyses=tuple(analysis(run_phase, *metrics) for _ in range(rng.randint(0, 2))),
    )


def test_any_sequence_of_observations_converges_and_twice_is_once(site: Site) -> None:
    """Deciding again on the result writes nothing, an operation is settled once, values name what the ledger says serves."""
    settled = Counter[str]()
    for seed in range(120):
        rng = random.Random(seed)
        memory = _Memory(site)
        for _ in range(12):
            known = [e for e in memory.ledger.events if e.kind in {EventKind.PROMOTED, EventKind.RESTORED}]
            proof = events.last_verified(memory.ledger, STAGING)
            look = looks(rng, known, proof.release if proof else None)
            memory.forward(rng.choice([0, 1, 30]))
            memory.apply(look)
            memory.check()
            assert memory.apply(look) is None
            if rng.random() < 0.3:
                memory.put(rng.choice("ABCDE"))
                memory.check()
        settled.update(event.kind.value for event in memory.ledger.events)
    assert min(settled[kind] for kind in ("promoted", "verified", "rejected", "withdrawn", "restored")) > 20


class _Memory:
    """The same decisions without git: a tip in memory, which is enough for what is pure."""

    def __init__(self, site: Site) -> None:
        self.time = site.clock.now()
        content = git(site.root, "show", f"deploy:{PLACE.values_path}") + "\n"
        self.tip = Tip(values=content.encode(), ledger=site.ledger)

    @property
    def ledger(self) -> events.Ledger:
        return self.tip.ledger

    def forward(self, minutes: float) -> None:
        self.time += timedelta(minutes=minutes)

    def apply(self, look: Observation) -> object:
        now = self.time
        made = amendment(decide(look, self.ledger, now, SETTINGS), PLACE, self.tip, now)
        changes = getattr(made, "changes", None)
        if changes is None:
            return None
        ledger = events.parse(changes[PLACE.ledger_path], PLACE.ledger_path)
        self.tip = Tip(values=changes.get(PLACE.values_path, self.tip.values), ledger=ledger)
        return made

    def put(self, name: str) -> None:
        """Promote a model as `promote` would, were it welcome."""
        from support.promotions import promotion  # noqa: PLC0415 (here only)

        from release.artifact.promotion import Change, DeployState, Lineage  # noqa: PLC0415 (as above)
        from release.artifact.promotion import decide as promoted  # noqa: PLC0415 (as above)

        intent = promotion("a" * 40, name)
        files = {PLACE.values_path: self.tip.values or b"", PLACE.ledger_path: self.ledger.content}
        state = DeployState(files=files, ledger=self.ledger, lineage=Lineage.FORWARD)
        try:
            made = promoted(replace(intent, verdict=_passing(name, self.ledger)), state, self.time)
        except GateFailedError:
            return
        if isinstance(made, Change):
            ledger = events.parse(made.changes[PLACE.ledger_path], PLACE.ledger_path)
            self.tip = Tip(values=made.changes.get(PLACE.values_path, self.tip.values), ledger=ledger)

    def check(self) -> None:
        from release.artifact.values import read  # noqa: PLC0415 (here only)

        settled = [e.operation for e in self.ledger.events if e.kind in {*_SETTLES}]
        assert len(settled) == len(set(settled))
        current = events.serving(self.ledger, STAGING)
        if current is not None:
            assert current.release
            values = read(self.tip.values or b"", where="x")
            assert (values["image.digest"], values["release.operation"]) == (
                current.release.image_digest,
                current.operation,
            )
            assert values["release.fast"] is (current.kind is EventKind.RESTORED)


_SETTLES = {EventKind.VERIFIED, EventKind.REJECTED, EventKind.WITHDRAWN}


def _passing(name: str, ledger: events.Ledger) -> Any:
    from support.promotions import rejudged  # noqa: PLC0415 (here only)

    return rejudged(name, events.champion(ledger, (STAGING, PRODUCTION)))


def test_what_failed_is_told_in_words(site: Site) -> None:
    """The finding itself carries kind, cause and lines, for `release status`."""
    [undo] = decided(site, aborted(site, analysis(RunPhase.FAILED)))
    assert isinstance(undo, Undo)
    assert isinstance(undo.found, Failed)
    assert undo.found.lines == ("run-new: error-rate Failed, measured [0.5]",)
    assert undo.subject.model == MODEL
