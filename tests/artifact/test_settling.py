"""Whether a release is settled, by its ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from release.artifact.ledger import EMPTY, Ledger, append
from release.artifact.serial import digest_of
from release.artifact.settling import unsettled
from release.records import Digest, EnvironmentName, EventKind, ModelName, ReleaseId

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
STAGING, PRODUCTION = EnvironmentName("staging"), EnvironmentName("production")


def digest(text: str) -> Digest:
    return digest_of(text.encode())


def ledger(*said: str, environment: EnvironmentName = STAGING) -> Ledger:
    """Return a ledger from words like `promoted a1`: the event, the model and the operation's number."""
    grown = EMPTY
    for word in said:
        kind, _, what = word.partition(" ")
        release = ReleaseId(
            model_digest=digest(what[:1]),
            image_repository="registry.example/churn",
            image_digest=digest(f"image {what[:1]}"),
            chart="charts/versions/1",
            version="v1",
        )
        grown, _ = append(
            grown,
            EventKind(kind),
            at=AT,
            model=ModelName("churn"),
            environment=environment,
            operation=digest(what),
            release=None if kind in {"retired", "held"} else release,
        )
    return grown


@pytest.mark.parametrize(
    ("said", "open_since"),
    [
        ((), None),
        (("promoted a1",), 1),
        (("promoted a1", "verified a1"), None),
        (("promoted a1", "verified a1", "promoted b2"), 3),
        (("promoted a1", "verified a1", "promoted b2", "verified b2"), None),
        (("promoted a1", "verified a1", "promoted b2", "rejected b2"), 4),
        (("promoted a1", "verified a1", "promoted b2", "withdrawn b2"), 4),
        (("promoted a1", "verified a1", "promoted b2", "rejected b2", "restored a3"), 5),
        (("promoted a1", "verified a1", "promoted b2", "rejected b2", "restored a3", "verified a3"), None),
        (("promoted a1", "withdrawn a1"), None),
        (("promoted a1", "verified a1", "promoted b2", "rejected b2", "retired b2"), None),
    ],
)
def test_what_waits_for_the_cluster_or_a_restore_is_unsettled(said: tuple[str, ...], open_since: int | None) -> None:
    """An edit would start its canary anew; where a first release failed, an edit may be the way out."""
    found = unsettled(ledger(*said), STAGING)
    assert (found and found.seq) == open_since


def test_another_environment_is_another_matter() -> None:
    """A canary in staging is not in the way of production's values."""
    assert unsettled(ledger("promoted a1"), PRODUCTION) is None
    assert unsettled(ledger("promoted a1", environment=PRODUCTION), PRODUCTION) is not None
