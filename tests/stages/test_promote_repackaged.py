"""Promoting a model in another image than before: the same version, no better evidence than it had, and no way back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.amending import PLACE, Site
from support.git import isolate
from support.promotions import CHART, PRODUCTION, STAGING, digest, promotion, verdict

from release.artifact import ledger as events
from release.artifact.intent import Asked
from release.artifact.repackage import CAUSE
from release.errors import ConflictError, GateFailedError
from release.records import EventKind, Outcome, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from release.records import PromoteRecord


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Make a place where A is verified in staging and production, and B only in staging."""
    isolate(monkeypatch)
    made = Site.at(tmp_path / "source")
    made.release("A")
    made.release("A", PRODUCTION, after=STAGING)
    made.release("B")
    return made


def again(site: Site, name: str, outcome: Verdict = Verdict.PASS, **changes: Any) -> PromoteRecord:
    """Promote a model in another image, judged against what it said itself."""
    usual = promotion(site.head, name)
    itself = verdict(name, champion=digest(f"model {name}"), outcome=outcome)
    row = replace(itself.comparisons[0], metric="predictions", method="identical", role="identical")
    fields = {
        "package": replace(usual.package, digest=digest(f"patched {name}")),
        "inputs": replace(usual.inputs, package=digest("patched")),
        "verdict": replace(itself, comparisons=(row,)),
        "cause": CAUSE,
    }
    return site.promote(name, **{**fields, **changes})


def test_it_is_the_same_version_in_another_image_whoever_the_champion_is(site: Site) -> None:
    """B serves in staging, and production's A is the champion: B is not judged against it once more."""
    done = again(site, "B")
    assert (done.outcome, done.release.version) == (Outcome.PROMOTED, "v2")
    assert done.release.image_digest == digest("patched B")
    event = site.ledger.events[-1]
    assert (event.kind, event.cause) == (EventKind.PROMOTED, CAUSE)
    assert event.evidence is not None
    assert event.evidence.verdict is Verdict.PASS
    assert event.evidence.champion == digest("model B")
    assert again(site, "B").outcome is Outcome.ALREADY


def test_it_goes_on_as_any_release_once_it_is_verified(site: Site) -> None:
    """Not before; and its own verification counts, not that of its former image."""
    again(site, "B")
    package = replace(promotion(site.head, "B").package, digest=digest("patched B"))
    with pytest.raises(GateFailedError, match="staging has not verified this release"):
        site.promote("B", environment=PRODUCTION, after=STAGING, package=package, verdict=None)
    site.verify()
    done = site.promote("B", environment=PRODUCTION, after=STAGING, package=package, verdict=None, cause=CAUSE)
    assert done.outcome is Outcome.PROMOTED
    assert site.values(replace(PLACE, environment=PRODUCTION))["image"]["digest"] == digest("patched B")


def test_what_was_let_pass_by_override_needs_one_again(site: Site) -> None:
    """A FAIL that owners waived in staging is no PASS after a change of the runtime."""
    site.tell(EventKind.OVERRIDDEN, cause="gate", environment=STAGING, reason="known")
    site.promote("C", verdict=verdict("C", champion=digest("model A"), outcome=Verdict.FAIL))
    site.verify()
    again(site, "C")
    evidence = site.ledger.events[-1].evidence
    assert evidence is not None
    assert evidence.verdict is Verdict.FAIL
    site.verify()
    with pytest.raises(ConflictError, match="production serves v1, and v3 was only packaged again, not judged against it"):
        again(site, "C", environment=PRODUCTION, after=STAGING)


def test_a_faster_release_is_not_undone(site: Site) -> None:
    """Between the judgement and the push another model came to serve: exit 6, and it stays."""
    site.promote("D")
    with pytest.raises(ConflictError, match="staging serves v3, and v2 was only packaged again") as caught:
        again(site, "B")
    assert caught.value.code == 6
    serving = events.serving(site.ledger, STAGING)
    assert serving
    assert serving.release
    assert serving.release.model_digest == digest("model D")


def test_a_refusal_is_taken_down_and_is_due_no_longer(site: Site) -> None:
    """Where nobody asks, a difference is an event: the same runtime would fail again; nothing that serves changes."""
    before = site.values()
    done = again(site, "B", Verdict.FAIL, asked=Asked.AUTOMATICALLY)
    assert done.outcome is Outcome.REFUSED
    final = events.last_final(site.ledger)
    assert final
    assert (final.kind, final.cause, final.inputs) == (
        EventKind.JUDGED,
        CAUSE,
        replace(promotion(site.head, "B").inputs, package=digest("patched")),
    )
    assert site.values() == before
    count = len(site.ledger.events)
    again(site, "B", Verdict.FAIL, asked=Asked.AUTOMATICALLY)
    assert len(site.ledger.events) == count


def test_a_failed_canary_returns_to_the_former_image(site: Site) -> None:
    """What is taken back is the image, not the model: the former release still counts as verified."""
    again(site, "B", chart={**CHART, "values.yaml": b"a: 1\n"})
    event = site.ledger.events[-1]
    site.tell(EventKind.REJECTED, environment=STAGING, operation=event.operation, release=event.release, cause="serving")
    proof = events.last_verified(site.ledger, STAGING)
    assert proof
    assert proof.release
    assert proof.release.image_digest == digest("image B")
    assert events.barred(site.ledger, digest("model B"), now=site.clock.now()) is None
