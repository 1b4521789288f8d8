"""What a ledger says of repackaging: whose turn it is, what it is worth, and which runtime is too old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from support.promotions import PRODUCTION, STAGING, digest, promotion, verdict

from release.artifact import ledger as events
from release.artifact.promotion_commit import evidence_of
from release.artifact.repackage import (
    CAUSE,
    inherited,
    made_from,
    older,
    only_the_package,
    require_serving,
    room,
    subject,
    trained_by,
    unsettled,
)
from release.errors import ConflictError
from release.records import Commit, EventKind, Evidence, Inputs, ModelName, ReleaseId, Verdict

NOON = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)
MODEL = ModelName("churn")


def inputs(train: str = "a", package: str = "old", **others: str) -> Inputs:
    parts = {"train": train, "test": "t", "policy": "p", "package": package, "deploy": "d", **others}
    return Inputs(**{name: digest(f"{name} {text}") for name, text in parts.items()})


def release(name: str, image: str = "old") -> ReleaseId:
    return ReleaseId(
        model_digest=digest(f"model {name}"),
        image_repository="registry.example/ml/churn",
        image_digest=digest(f"image {name} {image}"),
        chart="charts/versions/1",
        version=f"v-{name}",
    )


def evidence(outcome: Verdict = Verdict.PASS) -> Evidence:
    return evidence_of(verdict("A", outcome=outcome))


def ledger(*lines: tuple[EventKind, dict[str, Any]]) -> events.Ledger:
    """Write events, in staging unless said, each with an operation of its own unless said."""
    grown = events.EMPTY
    for number, (kind, fields) in enumerate(lines):
        own = {"environment": STAGING, "operation": digest(f"operation {number}"), "commit": Commit(f"{number:040}")}
        grown, _ = events.append(grown, kind, at=NOON, model=MODEL, **{**own, **fields})
    return grown


PUT = (EventKind.PROMOTED, {"release": release("A"), "inputs": inputs(), "evidence": evidence()})
AGAIN = (EventKind.PROMOTED, {"release": release("A", "new"), "inputs": inputs(package="new"), "cause": CAUSE})


def test_only_another_package_asks_for_repackaging() -> None:
    """Nothing that is trained or judged may differ; the chart may."""
    assert only_the_package(inputs(), inputs(package="new"))
    assert only_the_package(inputs(), inputs(package="new", deploy="other"))
    assert not only_the_package(inputs(), inputs())
    for part in ("train", "test", "policy"):
        assert not only_the_package(inputs(), inputs(package="new", **{part: "other"}))


def test_what_serves_first_is_the_subject_and_after_that_what_came_of_it() -> None:
    """Asked again when it is settled, the same inputs give the same release, not a training."""
    served = ledger(PUT)
    assert subject(served, STAGING, inputs(package="new")) == served.events[0]
    assert subject(served, STAGING, inputs()) is None
    assert subject(served, STAGING, inputs(train="b", package="new")) is None
    assert subject(events.EMPTY, STAGING, inputs(package="new")) is None
    done = ledger(PUT, AGAIN)
    assert subject(done, STAGING, inputs(package="new")) == done.events[1]
    trained = ledger(PUT, (EventKind.PROMOTED, {**AGAIN[1], "cause": None}))
    assert subject(trained, STAGING, inputs(package="new")) is None


def test_a_release_that_was_restored_is_known_by_what_promoted_it() -> None:
    """A cluster's word restores without saying the inputs."""
    back = ledger(
        PUT,
        AGAIN,
        (EventKind.REJECTED, {"operation": digest("operation 1"), "release": release("A", "new")}),
        (EventKind.RESTORED, {"release": release("A"), "operation": digest("o")}),
    )
    assert made_from(back, back.events[-1]) == inputs()
    assert subject(back, STAGING, inputs(package="new")) == back.events[-1]


def test_a_model_was_trained_at_the_commit_that_promoted_it_first() -> None:
    """Later commits may hold another proposal by the time its image is made anew."""
    done = ledger(PUT, AGAIN)
    assert trained_by(done, done.events[1]).commit == done.events[0].commit


def test_a_batch_has_room_again_when_the_cluster_has_spoken() -> None:
    """Verified, or undone: either way it is no longer on its way; ordinary promotions do not count."""
    waiting = ledger(PUT, AGAIN)
    assert unsettled(waiting, STAGING) == waiting.events[1]
    assert unsettled(waiting, PRODUCTION) is None
    operation = {"operation": digest("operation 1"), "release": release("A", "new")}
    verified = ledger(PUT, AGAIN, (EventKind.VERIFIED, operation))
    rejected = ledger(PUT, (EventKind.VERIFIED, {"operation": digest("operation 0"), "release": release("A")}), AGAIN)
    ordinary = ledger(PUT)
    assert [room([waiting, verified, ordinary, waiting], STAGING, most) for most in (1, 2, 3)] == [0, 0, 1]
    assert room([rejected], STAGING, 1) == 0
    assert unsettled(verified, STAGING) is None


def test_nothing_is_put_back_that_no_longer_serves() -> None:
    """Equal to itself is all that was shown: somebody else's better model stays, unless owners say otherwise."""
    put = replace(promotion("0" * 40, "A"), cause=CAUSE)
    mine = replace(release("A", "new"), version="v1")
    require_serving(put, ledger(PUT), mine, NOON)
    newer = ledger(PUT, (EventKind.PROMOTED, {"release": release("B"), "inputs": inputs(train="b")}))
    with pytest.raises(ConflictError, match=r"staging serves v-B, and v1 was only packaged again, not judged against it"):
        require_serving(put, newer, mine, NOON)
    with pytest.raises(ConflictError, match="staging serves nothing"):
        require_serving(put, events.EMPTY, mine, NOON)
    require_serving(replace(put, cause=None), newer, mine, NOON)
    waived = ledger(PUT, (EventKind.PROMOTED, {"release": release("B")}), (EventKind.OVERRIDDEN, {"cause": "gate"}))
    require_serving(put, waived, mine, NOON)


@pytest.mark.parametrize("outcome", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_evidence_is_worth_no_more_than_what_it_repeats(outcome: Verdict) -> None:
    """What owners once let pass in one environment does not go on to the next as a PASS."""
    put = replace(promotion("0" * 40, "A"), cause=CAUSE)
    passed = evidence()
    assert inherited(put, ledger(PUT), passed) == passed
    waived = ledger((EventKind.PROMOTED, {**PUT[1], "evidence": evidence(outcome)}))
    assert inherited(put, waived, passed) == replace(passed, verdict=outcome)
    assert inherited(replace(put, cause=None), waived, passed) == passed


def test_a_review_counts_for_the_model_in_its_next_image_too() -> None:
    """Who approved what was unsure approved the model; its new image says nothing else."""
    put = replace(promotion("0" * 40, "A"), cause=CAUSE)
    approved = ledger(
        (EventKind.APPROVED, {"operation": digest("reviewed"), "release": release("A"), "by": "ada"}),
        (EventKind.PROMOTED, {**PUT[1], "evidence": evidence(Verdict.INCONCLUSIVE), "operation": digest("reviewed")}),
    )
    assert inherited(put, approved, evidence()) == evidence()


def test_a_repackaged_model_is_no_look_at_a_test_set() -> None:
    """It was compared with what it said itself, also where the test set is a newer one."""
    other = replace(evidence(), test=digest("other rows"))
    done = ledger(PUT, (EventKind.PROMOTED, {**AGAIN[1], "evidence": other}))
    assert events.looks(done, digest("other rows")) == set()
    assert events.looks(done, evidence().test) == {digest("model A")}


@pytest.mark.parametrize(
    ("version", "minimum", "expected"),
    [
        ("0.1.0", "0.2", True),
        ("0.2.0", "0.2", False),
        ("0.2", "0.2.0", False),
        ("0.10.0", "0.9.0", False),
        ("0.9.9", "0.10", True),
        ("1", "0.99.99", False),
        ("v0.2.1", "0.2", False),
        ("0.2.0.dev3", "0.2.0", True),
        ("0.2.0rc1", "0.2", True),
        ("0.2.0-beta.1", "0.2", True),
        ("0.2.1rc1", "0.2", False),
        ("0.2.0.post1", "0.2.0", False),
        ("0.2.0+cuda12", "0.2.0", False),
        (None, "0.0.1", True),
        ("", "0", True),
        ("latest", "0", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str | None, minimum: str, expected: object) -> None:
    """A runtime that does not say how old it is counts as too old."""
    assert older(version, minimum) is expected
