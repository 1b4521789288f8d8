"""From a pull request on the forge to a Healthy production rollout of a better model, by git and HTTP alone, under load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loop.checks import answered, committed, serves, told
from loop.repository import MODEL, PRODUCTION, STAGING

from release.artifact.forge import CONTEXT
from release.records import EventKind, Verdict

if TYPE_CHECKING:
    from loop.world import World

METRICS = {"error-rate", "latency", "score-psi", "prediction-rate", "null-rate", "refused-rate"}


def verdict_status(world: World, head: str) -> Any:
    """Wait for the required check's status on a commit."""

    def ask() -> Any:
        found = world.git.ask("GET", f"/commits/{head}/status")["statuses"] or []
        return next((one for one in found if one["context"] == CONTEXT and one["status"] != "pending"), None)

    return world.until(ask, f"the verdict on {head[:12]}")


def test_a_better_model_goes_from_a_pull_request_to_production(world: World) -> None:
    """Judged for its author, judged again once merged, verified in staging by a replay, in production by users."""
    start = world.now()
    number, head = world.git.propose(world.another(0.1).files, "Use all columns")
    status = verdict_status(world, head)
    assert (status["status"], status["description"]) == ("success", f"{MODEL} PASS")
    (comment,) = world.git.ask("GET", f"/issues/{number}/comments")
    assert comment["body"].startswith(f"<!-- release:{MODEL} -->\n## ✔ PASS")

    merged = world.git.merge(number)
    staged = world.put(STAGING, start)
    assert staged.commit == merged
    assert staged.evidence is not None
    assert staged.evidence.verdict is Verdict.PASS
    champion, challenger, _, _ = staged.evidence.metrics["roc_auc"]
    assert champion is not None
    assert challenger is not None
    assert challenger > champion
    assert world.settled(staged).kind is EventKind.VERIFIED
    produced = world.put(PRODUCTION, start)
    verified = world.settled(produced)
    assert verified.kind is EventKind.VERIFIED

    assert produced.release == staged.release
    told(world, start, *((place, kind) for place in (STAGING, PRODUCTION) for kind in ("promoted", "verified")))
    for event in (staged, produced):
        serves(world, event)
        assert committed(world, event).message.startswith(f"release: {MODEL} v2 ")
        canary = world.places[str(event.environment)].runs()[-1]
        assert canary["status"]["phase"] == "Successful"
        assert {one["name"] for one in canary["status"]["metricResults"]} >= METRICS
    assert "score-psi Successful" in committed(world, verified).message
    assert answered(world, start) > 100
    assert answered(world, start, STAGING) > 50
