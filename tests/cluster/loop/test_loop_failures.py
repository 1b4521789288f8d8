"""What fails is taken back by the loop itself, each time from a baseline that serves, and users notice nothing of it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from loop.checks import answered, committed, restored, serves, told
from loop.repository import ENVIRONMENTS, MODEL, PRODUCTION, STAGING
from loop.thief import Thief
from loop.watching import Restless

from release.artifact import ledger as events
from release.artifact.amendment import scalars
from release.records import EnvironmentName, EventKind

if TYPE_CHECKING:
    from loop.world import World

    from release.records import Event

NOWHERE = "http://127.0.0.1:9"
DEADLINE = 45
COMMENT = "# Ada: the pager of this model is mine.\n"


@pytest.fixture(autouse=True)
def _baseline(world: World) -> None:
    """Begin only where the case before has left everything in order."""
    for name in ENVIRONMENTS:
        event = serving(world, name)
        end = events.outcome(world.git.ledger(), EnvironmentName(name), event.operation) if event.operation else None
        if end is None or end.kind is not EventKind.VERIFIED or world.places[name].status().get("phase") != "Healthy":
            pytest.fail(f"{name} was not in order before this test\n{world.told()}", pytrace=False)


def serving(world: World, place: str) -> Event:
    """Return the event that put what serves by the ledger."""
    found = events.serving(world.git.ledger(), EnvironmentName(place))
    assert found is not None
    return found


def test_a_server_that_errors_is_rejected_once_whoever_reconciles_and_dies(world: World) -> None:
    """Three reconcilers at once, two of them killed again and again: one rejection, one restore; an edit meanwhile stays."""
    then, stable = world.now(), world.places[STAGING].status()["stableRS"]
    world.release(world.another(0.2), "Another server", runtime=world.broken_runtime())
    with Restless(lambda number: world.reconciler(f"restless-{number}"), 2) as restless:
        put = world.put(STAGING, then)
        canary = world.canary(put)
        world.git.edit(STAGING, lambda text: COMMENT + text, "Say whose it is")
        restored(world, then, STAGING, "rejected", "serving", "error-rate Failed")
        assert restless.killed > 1
    assert world.git.text(STAGING).startswith(COMMENT)
    answered(world, then)
    answered(world, then, STAGING, also=["500"])
    errors = world.errors()
    assert errors[canary] > 0
    assert errors[stable] == 0


def test_a_model_whose_scores_are_shifted_is_barred_whatever_is_edited_meanwhile(world: World) -> None:
    """Nobody reconciles while the canary is aborted and an edit makes it run again; the evidence is found all the same."""
    then = world.now()
    world.watcher.__exit__()
    world.release(world.another(0.002), "Much stronger regularisation")
    put = world.put(STAGING, then)
    place = world.places[STAGING]
    world.until(lambda: place.status().get("abort"), "the canary to be aborted")
    world.git.edit(STAGING, lambda text: text + "\nlimits: {latency_ms: 1500}\n", "Be patient with this one")
    world.until(lambda: "latency_ms: 1500" in world.git.text(STAGING), "the edit")
    world.watcher.__enter__()
    restored(world, then, STAGING, "rejected", "model", "score-psi Failed")
    assert put.release is not None
    assert events.barred(world.git.ledger(), put.release.model_digest, now=datetime.now(UTC)) is not None
    assert "latency_ms: 1500" in world.git.text(STAGING)
    answered(world, then)
    answered(world, then, STAGING)


def test_a_rejected_release_that_is_named_again_by_hand_is_judged_again(world: World) -> None:
    """Its pods are known and its first analysis is over, and yet it is measured anew and aborted."""
    rejected, good, place = last_rejected(world), serving(world, STAGING), world.places[STAGING]
    then = world.now()
    named = next(one for one in world.git.ledger().events if one.operation == rejected.operation)
    world.git.set(STAGING, scalars(named), "It was not that bad")
    canary = world.canary(named)
    world.until(lambda: place.status().get("abort"), "the canary to be aborted again")
    assert [one["status"]["phase"] for one in place.runs(canary)][-2:] == ["Failed", "Failed"]
    assert place.status()["stableRS"] != place.status()["currentPodHash"]
    world.git.set(STAGING, scalars(good), "It was")
    world.until(lambda: place.status().get("phase") == "Healthy", "what was verified to serve")
    serves(world, good)
    told(world, then)
    answered(world, then)
    answered(world, then, STAGING)


def test_without_prometheus_nothing_is_said_of_the_model(world: World) -> None:
    """It is withdrawn, not rejected; when measurements are back the very same release may be promoted, and is verified."""
    then = world.now()
    world.follow({STAGING: NOWHERE})
    world.release(world.another(0.15), "A little less regularisation")
    restored(world, then, STAGING, "withdrawn", "infrastructure", "could not measure")
    world.follow()
    withdrawn = world.put(STAGING, then)

    again = world.now()
    world.promote(STAGING)
    put = world.put(STAGING, again)
    assert put.release == withdrawn.release
    assert world.settled(put).kind is EventKind.VERIFIED
    produced = world.put(PRODUCTION, again)
    assert world.settled(produced).kind is EventKind.VERIFIED
    serves(world, put)
    serves(world, produced)
    for name in ENVIRONMENTS:
        answered(world, then, name)


def test_an_image_that_cannot_be_pulled_is_withdrawn_by_the_deadline(world: World) -> None:
    """The model's layer is gone from the registry: no pod starts, none that serves is taken, and Git is set back."""
    then = world.now()
    world.git.edit(STAGING, lambda text: text.replace("  timeout:", f"  deadline: {DEADLINE}s\n  timeout:"), "Be quick")
    with Thief(world.registry, MODEL) as thief:
        world.release(world.another(0.12), "A model whose image gets lost")
        put = world.put(STAGING, then)
    assert thief.taken
    restored(world, then, STAGING, "withdrawn", "infrastructure", "the deadline passed")
    assert not [one for one in world.places[STAGING].runs() if one["metadata"]["creationTimestamp"] > put.at]
    world.git.edit(STAGING, lambda text: text.replace(f"  deadline: {DEADLINE}s\n", ""), "Take your time")
    for name in ENVIRONMENTS:
        answered(world, then, name)


def test_without_traffic_a_canary_waits_as_long_as_declared_and_is_withdrawn(world: World) -> None:
    """Verified in staging by its replay, it reaches production, which nobody uses: inconclusive, paused, taken back."""
    then = world.now()
    load = world.loads[PRODUCTION]
    load.on.clear()
    world.release(world.another(0.13), "A model that nobody asks")
    put = world.put(PRODUCTION, then)
    place = world.places[PRODUCTION]
    world.until(lambda: place.status().get("phase") == "Paused", "the canary to pause")
    reasons = [one["reason"] for one in place.status().get("pauseConditions", [])]
    assert reasons == ["InconclusiveAnalysisRun"]
    back = restored(world, then, PRODUCTION, "withdrawn", "infrastructure", "stayed inconclusive for 0:00:20")
    assert serving(world, STAGING).release == put.release != back.release
    load.on.set()
    answered(world, then, STAGING)


def test_a_persons_abort_is_no_verdict(world: World) -> None:
    """What staging verified is promoted again by hand; aborted by a person it is withdrawn, and may come again."""
    then = world.now()
    onward(world)
    world.canary(world.put(PRODUCTION, then))
    world.places[PRODUCTION].abort()
    restored(world, then, PRODUCTION, "withdrawn", "person", "aborted by a person")
    for name in ENVIRONMENTS:
        answered(world, then, name)


def test_a_rollouts_controller_that_dies_loses_no_canary(world: World) -> None:
    """Killed while a canary is measured and started again, it goes on from what the cluster knows."""
    then = world.now()
    onward(world)
    put = world.put(PRODUCTION, then)
    world.canary(put)
    restart("RELEASE_TEST_RESTART_ROLLOUTS")
    assert world.settled(put).kind is EventKind.VERIFIED
    assert [str(one.kind) for one in world.since(then, PRODUCTION)] == ["promoted", "verified"]
    serves(world, put)
    for name in ENVIRONMENTS:
        answered(world, then, name)


def test_an_api_server_that_dies_is_waited_out(world: World) -> None:
    """Killed while a canary is measured and started again: the same reconciler goes on, and both environments get there."""
    then = world.now()
    world.release(world.another(0.16), "A model for a bad day")
    put = world.put(STAGING, then)
    world.canary(put)
    restart("RELEASE_TEST_RESTART_API")
    assert world.settled(put).kind is EventKind.VERIFIED
    produced = world.put(PRODUCTION, then)
    assert world.settled(produced).kind is EventKind.VERIFIED
    assert world.watcher.alive
    told(world, then, *((name, kind) for name in ENVIRONMENTS for kind in ("promoted", "verified")))
    serves(world, produced)
    assert committed(world, produced)
    for name in ENVIRONMENTS:
        answered(world, then, name)


def last_rejected(world: World) -> Event:
    """Return the latest rejection in staging; where the cases before did not run, there is none before this makes one."""
    then = world.now()
    if not any(one.kind is EventKind.REJECTED for one in world.git.ledger().events):
        world.release(world.another(0.002), "Much stronger regularisation")
        assert world.settled(world.put(STAGING, then)).kind is EventKind.REJECTED
        assert world.settled(world.put(STAGING, then, EventKind.RESTORED)).kind is EventKind.VERIFIED
    return next(one for one in reversed(world.git.ledger().events) if one.kind is EventKind.REJECTED)


def onward(world: World) -> None:
    """Take to production what staging has verified, by hand; where production has that already, release another model."""
    if serving(world, STAGING).release != serving(world, PRODUCTION).release:
        world.promote(PRODUCTION)
    else:
        world.release(world.another(0.14), "One more model")


def restart(variable: str) -> None:
    """Kill a part of the cluster and start it again, by the command that the environment names."""
    done = subprocess.run(os.environ[variable], shell=True, capture_output=True, text=True, timeout=300, check=False)  # noqa: S602 (it is a shell command by contract)
    assert done.returncode == 0, f"{variable}: {done.returncode} {done.stdout}{done.stderr}"
