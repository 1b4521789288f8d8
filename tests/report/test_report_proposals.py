"""What a promotion's pull request and a merged one's comment say: complete, the same each time, and harmless."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.promotions import PRODUCTION, STAGING, digest, promotion

from release.artifact.promotion_commit import owned
from release.artifact.values import OWNED
from release.records import (
    Commit,
    Event,
    EventKind,
    Evidence,
    ModelName,
    Outcome,
    PromoteRecord,
    ReleaseId,
    Verdict,
)
from release.report.proposals import Terms, marker, outcome, proposal, said

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = Commit("a" * 40)
RELEASE = ReleaseId(
    model_digest=digest("model"),
    image_repository="registry.example/ml/churn",
    image_digest=digest("image"),
    chart="charts/versions/0123456789abcdef",
    version="v2",
)
HOSTILE = "<script>@everyone</script>\n# x | y"
TERMS = Terms(needed=2, people=("acme/owners",), after="staging", soak="24h", freeze=("Fri 16:00 - Mon 08:00",))


def event(**changes: Any) -> Event:
    metrics = {"roc_auc": (0.9, 0.95, 0.01, 0.09), f"recall:{HOSTILE}": (None, 0.8, None, None)}
    evidence = Evidence(
        verdict=Verdict.PASS, record=digest("r"), champion=digest("old"), test=digest("test"), metrics=metrics
    )
    fields: dict[str, Any] = {"evidence": evidence, "release": RELEASE, "environment": PRODUCTION, "commit": HEAD}
    fields |= {"operation": digest("operation"), "inputs": promotion(HEAD, "A").inputs, "prev": None, **changes}
    return Event(seq=5, kind=EventKind.PROMOTED, at="2026-01-31T12:00:00Z", model=ModelName("churn"), **fields)


def record(**changes: Any) -> PromoteRecord:
    fields: dict[str, Any] = {
        "outcome": Outcome.REFUSED,
        "verdict": Verdict.FAIL,
        "why": f"roc_auc FAIL ({HOSTILE})",
        **changes,
    }
    return PromoteRecord(
        model=ModelName("churn"),
        environment=STAGING,
        operation=digest("operation"),
        release=RELEASE,
        deploy_branch="deploy",
        deploy_commit=Commit("b" * 40),
        attempts=1,
        diff="",
        **fields,
    )


def test_a_proposal_says_what_on_which_evidence_and_what_it_still_takes() -> None:
    """Only values that change are shown; who must approve, where it was verified, soak and freeze are said."""
    before: Mapping[str, Any] = {**dict.fromkeys(OWNED), "image.repository": RELEASE.image_repository, "release.fast": False}
    proof = replace(event(), kind=EventKind.VERIFIED, environment=STAGING, reason="error-rate 0.001")
    title, body = proposal(event(), proof, TERMS, before, owned(event()))
    assert title == "Promote churn v2 to production"
    for part in (
        "Needs 2 approvals",
        "acme",
        "✔ PASS against",
        "0.95",
        "in <code>staging</code>: verified",
        "24h",
        "Fri 16",
    ):
        assert part in body, part
    rows = [line for line in body.splitlines() if line.startswith("| <code>")]
    assert (len([row for row in rows if RELEASE.image_repository in row]), len(rows)) == (0, 6 + 2)
    later = replace(event(), at="2026-03-01T00:00:00Z", seq=9)
    assert proposal(later, proof, TERMS, before, owned(later))[1] == body
    free = replace(TERMS, needed=0)
    assert "Merging promotes it." in proposal(event(), None, free, before, owned(event()))[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "FAIL, not promoted"),
        ({"outcome": Outcome.PROMOTED, "verdict": Verdict.PASS, "why": None}, "PASS v2 promoted to staging"),
        ({"outcome": Outcome.WAITING, "verdict": Verdict.INCONCLUSIVE}, "INCONCLUSIVE, waits for approval"),
        ({"outcome": Outcome.PROPOSED, "verdict": Verdict.INCONCLUSIVE, "pull": 12}, "INCONCLUSIVE, waits for approval"),
        ({"outcome": Outcome.ALREADY, "verdict": None}, "v2 serves in staging"),
    ],
)
def test_a_merged_pull_request_hears_what_became_of_it(changes: dict[str, Any], words: str) -> None:
    """In a heading, with commit, model, reason and, where there is one, the proposal."""
    one = record(**changes)
    first, body = outcome(one, HEAD, [3])
    assert (first, said(one)) == (marker(one.model), words)
    assert body.startswith(f"{first}\n## ")
    assert words in body
    assert "Judged together with #3." in body
    assert ("request #12" in body) is (one.pull == 12)


def test_what_people_wrote_is_no_markup_in_either() -> None:
    """A slice's name, a reason: neither makes a tag, a mention, a heading or a column."""
    before: Mapping[str, Any] = dict.fromkeys(OWNED)
    proof = replace(event(), kind=EventKind.VERIFIED, environment=STAGING, reason=HOSTILE)
    texts = [proposal(event(), proof, TERMS, before, owned(event()))[1], outcome(record(), HEAD)[1]]
    for text in texts:
        assert "<script>" not in text
        assert "@everyone" not in text
        assert "\n# x" not in text
    [row] = [line for line in texts[0].splitlines() if "recall" in line]
    assert row.count("|") == 5
