"""What a ledger says of its test sets: who was judged where, what has been shown, how fast the budget goes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from release.artifact.ledger import EMPTY, Ledger, append
from release.artifact.looks import displayed, judged_on, pace, passed
from release.records import Commit, Digest, EventKind, Evidence, Kind, ModelName, Verdict

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def digest(text: str) -> Digest:
    return Digest("sha256:" + hashlib.sha256(text.encode()).hexdigest())


def commit(text: str) -> Commit:
    return Commit(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def looked(
    ledger: Ledger,
    who: str,
    *,
    test: str = "test",
    days: float = 0,
    verdict: Verdict = Verdict.FAIL,
    told: float | None = None,
    cause: str | None = None,
) -> Ledger:
    evidence = Evidence(
        verdict=verdict,
        record=digest("record"),
        champion=None,
        test=digest(test),
        metrics={} if told is None else {"roc_auc": (None, told, None, None)},
    )
    grown, _ = append(
        ledger,
        EventKind.EVALUATED,
        at=START + timedelta(days=days),
        model=ModelName("churn"),
        commit=commit(who),
        challenger=digest(who),
        evidence=evidence,
        cause=cause,
    )
    return grown


def test_every_test_set_is_listed_with_its_commits_the_latest_first() -> None:
    """A repackaging looks at nothing."""
    ledger = looked(looked(looked(EMPTY, "A"), "B"), "C", test="other")
    ledger = looked(ledger, "D", test="third", cause=Kind.REPACKAGE)
    assert judged_on(ledger) == {
        digest("test"): (commit("B"), commit("A")),
        digest("other"): (commit("C"),),
    }


def test_a_pass_is_one_of_a_challenger_on_this_test_set() -> None:
    """Not on another one, and not of a model that was compared with itself."""
    ledger = looked(looked(EMPTY, "A"), "B", test="other", verdict=Verdict.PASS)
    assert not passed(ledger, digest("test"))
    assert passed(ledger, digest("other"))
    repackaged = looked(EMPTY, "A", verdict=Verdict.PASS, cause=Kind.REPACKAGE)
    assert not passed(repackaged, digest("test"))


def test_what_was_shown_is_read_back_in_order() -> None:
    """Only of the test set that is asked about; judgements without a number are passed over."""
    ledger = looked(looked(looked(EMPTY, "A", told=0.9), "B"), "C", told=0.92)
    ledger = looked(ledger, "D", test="other", told=0.99)
    assert displayed(ledger, digest("test"), "roc_auc") == (0.9, 0.92)
    assert displayed(ledger, digest("test"), "accuracy") == ()


def test_the_pace_is_the_mean_time_between_looks() -> None:
    """Repeats are no looks, and two looks have no pace."""
    two = looked(looked(EMPTY, "A"), "B", days=2)
    assert pace(two, digest("test")) is None
    three = looked(looked(two, "B", days=3), "C", days=6)
    assert pace(three, digest("test")) == timedelta(days=3)
    assert pace(looked(looked(looked(EMPTY, "A"), "B"), "C"), digest("test")) is None
