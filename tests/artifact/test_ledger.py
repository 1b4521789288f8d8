"""The ledger: a chain that shows every tampering, and the facts derived from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from release.artifact import ledger as events
from release.artifact.ledger import EMPTY, Ledger
from release.artifact.serial import canonical, digest_of
from release.errors import SecurityRefusalError
from release.records import (
    Commit,
    Digest,
    EnvironmentName,
    EventKind,
    Evidence,
    Inputs,
    ModelName,
    ReleaseId,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 1, 31, 12, 0, 30, 999, tzinfo=UTC)
MODEL = ModelName("churn")
STAGING, PRODUCTION = EnvironmentName("staging"), EnvironmentName("production")
CHAIN = (STAGING, PRODUCTION)
WHERE = "charts/environments/ledger/churn.jsonl"


def digest(text: str) -> Digest:
    return digest_of(text.encode())


def release(name: str, *, chart: str = "charts/versions/1", version: str = "v1") -> ReleaseId:
    return ReleaseId(
        model_digest=digest(f"model {name}"),
        image_repository="registry.example/churn",
        image_digest=digest(f"image {name}"),
        chart=chart,
        version=version,
    )


def inputs(name: str) -> Inputs:
    parts = {part: digest(f"{part} {name}") for part in ("train", "policy", "package", "deploy")}
    return Inputs(**parts, test=digest("test"))


def evidence(*, test: str = "test") -> Evidence:
    return Evidence(
        verdict=Verdict.PASS,
        record=digest("record"),
        champion=None,
        test=digest(test),
        metrics={"roc_auc": (0.9, 0.95, None, 1)},
    )


def told(*steps: tuple[EventKind, EnvironmentName | None, str | None] | dict[str, Any]) -> Ledger:
    """Build a ledger from (kind, environment, name of the release) and from whole events as keywords."""
    ledger = EMPTY
    for step in steps:
        fields = step if isinstance(step, dict) else {"kind": step[0], "environment": step[1], "release": step[2]}
        fields = {**fields, "release": release(fields["release"]) if fields.get("release") else None}
        ledger, _ = events.append(ledger, fields.pop("kind"), at=AT, model=MODEL, **fields)
    return ledger


FULL = told(
    {
        "kind": EventKind.PROMOTED,
        "environment": STAGING,
        "operation": digest("operation"),
        "commit": Commit("a" * 40),
        "release": "A",
        "inputs": inputs("A"),
        "evidence": evidence(),
        "predictions": {"path": "ä.csv"},
        "by": "Grace Höpper <g@example.org>",
        "until": "2026-02-01T00:00:00Z",
    },
    (EventKind.VERIFIED, STAGING, "A"),
    {"kind": EventKind.REJECTED, "environment": STAGING, "release": "A", "reason": 'latency "p99"\n', "cause": "serving"},
)


def test_what_is_appended_is_read_back() -> None:
    """Parsing the bytes gives the very events, bounds that are None and whole numbers included."""
    parsed = events.parse(FULL.content, WHERE)
    assert parsed == FULL
    assert events.parse(b"", WHERE) == EMPTY


def test_a_line_is_canonical_json_without_what_is_not_said() -> None:
    """Sorted keys, no white space, no nulls; `prev` is the digest of the line before without its line end."""
    lines = FULL.content.split(b"\n")
    second = json.loads(lines[1])
    assert lines[1] == canonical(second)
    assert set(second) == {"seq", "prev", "kind", "at", "model", "environment", "release"}
    assert second["prev"] == digest_of(lines[0])
    assert second["at"] == "2026-01-31T12:00:30Z"
    assert "prev" not in json.loads(lines[0])
    assert lines[-1] == b""


def test_appending_keeps_every_byte_before() -> None:
    """The line returned is exactly what the file grows by."""
    grown, line = events.append(FULL, EventKind.HELD, at=AT, model=MODEL, environment=STAGING)
    assert grown.content == FULL.content + line
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert events.parse(grown.content, WHERE).events[:-1] == FULL.events


def test_times_are_written_in_utc_and_need_a_zone() -> None:
    """The same moment is the same text, wherever it was taken."""
    elsewhere = AT.astimezone(timezone(timedelta(hours=-5)))
    assert events.instant(elsewhere) == events.instant(AT) == "2026-01-31T12:00:30Z"
    with pytest.raises(ValueError, match="without a time zone"):
        events.instant(AT.replace(tzinfo=None))


def edited(change: Callable[[list[dict[str, Any]]], object], *, chained: bool = False) -> bytes:
    """Return FULL after a change of its decoded lines; with `chained`, `prev` and `seq` are made to fit again."""
    lines = [json.loads(line) for line in FULL.content.splitlines()]
    change(lines)
    written: list[bytes] = []
    for number, line in enumerate(lines, 1):
        if chained:
            line |= {"seq": number, **({"prev": digest_of(written[-1])} if written else {})}
        written.append(canonical(line))
    return b"".join(line + b"\n" for line in written)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (edited(lambda lines: lines.pop(0)), 1, "number 2"),
        (edited(lambda lines: lines.pop(1)), 2, "number 3"),
        (edited(lambda lines: lines.reverse()), 1, "number 3"),
        (edited(lambda lines: lines[0].update(reason="changed")), 2, "the chain is broken"),
        (edited(lambda lines: lines[1].update(prev=digest("x"))), 2, "the chain is broken"),
        (edited(lambda lines: lines[1].pop("prev")), 2, "the chain is broken"),
        (edited(lambda lines: lines[0].update(prev=digest("x"))), 1, "the chain is broken"),
        (edited(lambda lines: lines[1].update(model="other"), chained=True), 2, "about other"),
        (FULL.content[:-1], 3, "the last line is cut off"),
        (FULL.content[:-40], 3, "the last line is cut off"),
        (FULL.content + b"\n", 4, "no event"),
        (FULL.content.replace(b"\n", b"\r\n"), 1, "not written as the tool writes it"),
        (FULL.content.replace(b'"seq":1', b'"seq":1,"seq":1'), 1, "not written as the tool writes it"),
        (FULL.content.replace(b'"seq":1', b'"seq": 1'), 1, "not written as the tool writes it"),
        (edited(lambda lines: lines[0].update(cause=None)), 1, "not written as the tool writes it"),
    ],
)
def test_a_chain_that_was_tampered_with_is_refused_by_line(content: bytes, line: int, what: str) -> None:
    """Removed, reordered, changed, cut and rewritten lines are exit code 3 with the line's number."""
    with pytest.raises(SecurityRefusalError, match=what) as caught:
        events.parse(content, WHERE)
    assert caught.value.where == f"{WHERE}:{line}"
    assert caught.value.code == 3


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kind": "celebrated"}, "kind 'celebrated' is none of evaluated, judged, packaged, promoted"),
        ({"mood": "good"}, "unknown field 'mood'"),
        (
            {"release": {**json.loads(FULL.content.splitlines()[0])["release"], "tag": "latest"}},
            "unknown field 'release.tag'",
        ),
        ({"release": {"chart": "x"}}, "release.model_digest is missing"),
        ({"release": []}, "release is no mapping"),
        ({"operation": "sha256:zz"}, "operation is no digest"),
        ({"operation": "sha256:" + "A" * 64}, "operation is no digest"),
        ({"commit": "main"}, "commit is no commit"),
        ({"at": "yesterday"}, "at is no time"),
        ({"at": "2026-01-31T12:00:30"}, "at is no time"),
        ({"until": "2026-13-31T12:00:30Z"}, "until is no time"),
        ({"seq": True}, "seq is no int"),
        ({"seq": "1"}, "seq is no int"),
        ({"by": 7}, "by is no str"),
        ({"predictions": []}, "predictions is no mapping"),
        ({"predictions": {"path": 1}}, "predictions.path is no str"),
        (
            {"evidence": {**json.loads(FULL.content.splitlines()[0])["evidence"], "metrics": {"f1": [1, 2, 3]}}},
            "no list of 4",
        ),
        (
            {"evidence": {**json.loads(FULL.content.splitlines()[0])["evidence"], "verdict": "pass"}},
            "'pass' is none of PASS",
        ),
    ],
)
def test_an_event_that_is_none_is_refused_with_the_field(change: dict[str, Any], what: str) -> None:
    """Unknown kinds and fields, missing ones and wrong types: exit code 3, never a guess."""
    with pytest.raises(SecurityRefusalError) as caught:
        events.parse(edited(lambda lines: lines[0].update(change)), WHERE)
    assert what in caught.value.what
    assert caught.value.where == f"{WHERE}:1"


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"seq":' + b"1" * 5000 + b"}", b"\xff", b"7", b'{"seq":NaN}', b"{}"])
def test_hostile_lines_are_refused_not_crashed_on(line: bytes) -> None:
    """Deep nesting, endless digits, other encodings: the same one-line refusal."""
    with pytest.raises(SecurityRefusalError) as caught:
        events.parse(line + b"\n", WHERE)
    assert caught.value.where == f"{WHERE}:1"


def test_not_a_number_is_refused_inside_of_metrics() -> None:
    """A bound that is NaN would compare as nothing; JSON does not know it."""
    with pytest.raises(SecurityRefusalError, match="this line is no event"):
        events.parse(FULL.content.replace(b"0.95", b"NaN"), WHERE)


P, V, X, W, R = EventKind.PROMOTED, EventKind.VERIFIED, EventKind.REJECTED, EventKind.WITHDRAWN, EventKind.RESTORED
GONE, HELD = EventKind.RETIRED, EventKind.HELD


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([(P, STAGING, "A")], 1),
        ([(P, PRODUCTION, "A")], None),
        ([(P, STAGING, "A"), (V, STAGING, "A"), (HELD, STAGING, None)], 1),
        ([(P, STAGING, "A"), (P, STAGING, "B")], 2),
        ([(P, STAGING, "A"), (P, STAGING, "B"), (X, STAGING, "B")], None),
        ([(P, STAGING, "A"), (P, STAGING, "B"), (X, STAGING, "B"), (R, STAGING, "A")], 4),
        ([(P, STAGING, "A"), (P, STAGING, "B"), (X, STAGING, "A")], 2),
        ([(P, STAGING, "A"), (W, STAGING, "A")], None),
        ([(P, STAGING, "A"), (W, PRODUCTION, "A")], 1),
        ([(P, STAGING, "A"), (GONE, STAGING, None)], None),
        ([(P, STAGING, "A"), (GONE, STAGING, None), (P, STAGING, "B")], 3),
    ],
)
def test_what_serves_is_what_was_put_there_last_and_not_undone(steps: list[Any], expected: int | None) -> None:
    """Promoted or restored in that environment; undone by its own rejection, its withdrawal or retirement."""
    event = events.serving(told(*steps), STAGING)
    assert (event.seq if event else None) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([(P, STAGING, "A")], 1),
        ([(P, STAGING, "A"), (P, PRODUCTION, "A"), (P, STAGING, "B")], 3),
        ([(P, STAGING, "A"), (V, STAGING, "A"), (P, PRODUCTION, "A")], 1),
        ([(P, STAGING, "A"), (V, STAGING, "A"), (P, STAGING, "B")], 3),
        ([(P, PRODUCTION, "A"), (V, PRODUCTION, "A"), (P, STAGING, "B"), (V, STAGING, "B")], 1),
        ([(P, PRODUCTION, "A"), (V, PRODUCTION, "A"), (P, PRODUCTION, "B")], 3),
        ([(P, PRODUCTION, "A"), (V, PRODUCTION, "A"), (GONE, PRODUCTION, None), (P, STAGING, "B")], 4),
        ([(P, STAGING, "A"), (GONE, STAGING, None)], None),
    ],
)
def test_the_champion_serves_in_the_last_environment_that_has_proven_something(
    steps: list[Any], expected: int | None
) -> None:
    """Where nothing is verified yet, it is the last one promoted."""
    event = events.champion(told(*steps), CHAIN)
    assert (event.seq if event else None) == expected


def test_a_release_is_verified_until_something_takes_it_back() -> None:
    """Model and image count, the chart does not; another environment or image is another matter."""
    ledger = told((P, STAGING, "A"), (V, STAGING, "A"))
    assert events.verified(ledger, STAGING, release("A", chart="charts/versions/2")) == ledger.events[1]
    assert events.verified(ledger, PRODUCTION, release("A")) is None
    assert events.verified(ledger, STAGING, release("B")) is None
    taken = told((P, STAGING, "A"), (V, STAGING, "A"), (W, STAGING, "A"))
    assert events.verified(taken, STAGING, release("A")) is None


def test_looks_are_the_challengers_a_test_set_has_judged() -> None:
    """The same challenger looks once, another test set has looks of its own."""
    ledger = told(
        {"kind": EventKind.EVALUATED, "release": "A", "inputs": inputs("A")},
        {"kind": EventKind.JUDGED, "release": "A", "evidence": evidence()},
        {"kind": EventKind.PROMOTED, "release": "B", "environment": STAGING, "evidence": evidence()},
        {"kind": EventKind.JUDGED, "release": "C", "evidence": evidence(test="another")},
    )
    assert events.looks(ledger, digest("test")) == {digest("model A"), digest("model B")}
    assert events.looks(ledger, digest("another")) == {digest("model C")}
    assert events.looks(EMPTY, digest("test")) == set()


def final(kind: EventKind, environment: EnvironmentName | None, name: str) -> dict[str, Any]:
    return {"kind": kind, "environment": environment, "release": name, "inputs": inputs(name)}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([final(EventKind.EVALUATED, None, "A")], None),
        ([final(P, STAGING, "A")], "A"),
        ([final(P, STAGING, "A"), final(EventKind.JUDGED, None, "B")], "B"),
        ([final(P, STAGING, "A"), final(P, STAGING, "B"), final(P, PRODUCTION, "A")], "B"),
        ([final(P, STAGING, "A"), final(P, STAGING, "B"), final(P, STAGING, "A")], "A"),
    ],
)
def test_inputs_are_settled_by_the_last_new_decision(steps: list[Any], expected: str | None) -> None:
    """Promoting an older release on to production does not make the newer one due again."""
    ledger = told(*steps)
    assert events.last_inputs(ledger) == (inputs(expected) if expected else None)
    event = events.last_final(ledger)
    assert (event.inputs if event else None) == (inputs(expected) if expected else None)


def test_versions_count_models_not_promotions() -> None:
    """A model keeps its version in every environment and when it comes back."""
    ledger = EMPTY
    for name, version in (("A", "v1"), ("B", "v2"), ("A", "v1")):
        assert events.version_of(ledger, digest(f"model {name}")) == version
        ledger, _ = events.append(ledger, P, at=AT, model=MODEL, environment=STAGING, release=release(name, version=version))
    assert events.version_of(ledger, digest("model C")) == "v3"


def test_a_rejected_model_is_barred_everywhere_until_an_override() -> None:
    """Only cause `model` bars the digest; an override lifts the bar while it lasts."""
    serving = told({"kind": X, "environment": STAGING, "release": "A", "cause": "serving"})
    assert events.barred(serving, digest("model A"), now=AT) is None
    steps = [{"kind": X, "environment": STAGING, "release": "A", "cause": "model"}]
    assert events.barred(told(*steps), digest("model A"), now=AT) is not None
    assert events.barred(told(*steps), digest("model B"), now=AT) is None
    other = {"kind": EventKind.OVERRIDDEN, "release": "B", "cause": "rejected"}
    assert events.barred(told(*steps, other), digest("model A"), now=AT) is not None
    lifted = {"kind": EventKind.OVERRIDDEN, "release": "A", "cause": "rejected", "until": "2026-02-01T00:00:00Z"}
    assert events.barred(told(*steps, lifted), digest("model A"), now=AT) is None
    assert events.barred(told(*steps, lifted), digest("model A"), now=AT + timedelta(days=1)) is not None
    assert events.barred(told(*steps, lifted, *steps), digest("model A"), now=AT) is not None


def test_a_rejected_release_is_rejected_with_its_chart_in_its_environment() -> None:
    """The same model in another image, chart or environment is another release."""
    ledger = told({"kind": X, "environment": STAGING, "release": "A", "cause": "serving"})

    def found(which: ReleaseId, environment: EnvironmentName = STAGING, of: Ledger = ledger) -> bool:
        return events.rejected(of, which, environment=environment, now=AT) is not None

    assert found(release("A"))
    assert not found(release("A"), PRODUCTION)
    assert not found(release("A", chart="charts/versions/2"))
    assert not found(release("B"))
    lifted, _ = events.append(ledger, EventKind.OVERRIDDEN, at=AT, model=MODEL, environment=STAGING, cause="rejected")
    assert not found(release("A"), of=lifted)


def test_an_override_covers_its_environment_and_release_until_it_expires() -> None:
    """Another kind, environment or release is not covered; neither is anything after its time."""
    until = "2026-02-01T00:00:00Z"
    ledger = told(
        {"kind": EventKind.OVERRIDDEN, "environment": PRODUCTION, "release": "A", "cause": "environment", "until": until}
    )

    def covers(cause: str, environment: EnvironmentName, name: str, now: datetime) -> bool:
        return events.overridden(ledger, cause, environment=environment, release=release(name), now=now) is not None

    assert covers("environment", PRODUCTION, "A", AT)
    assert not covers("freeze", PRODUCTION, "A", AT)
    assert not covers("environment", STAGING, "A", AT)
    assert not covers("environment", PRODUCTION, "B", AT)
    assert not covers("environment", PRODUCTION, "A", datetime(2026, 2, 1, tzinfo=UTC))


def test_what_takes_a_release_back_takes_it_back_with_its_chart() -> None:
    """A redeploy that failed says nothing against the same image where it was; nor does it pass for verified."""
    newer = release("A", chart="charts/versions/2")
    ledger = told((P, STAGING, "A"), (V, STAGING, "A"))
    failed, _ = events.append(ledger, X, at=AT, model=MODEL, environment=STAGING, release=newer, cause="redeploy")
    assert events.verified(failed, STAGING, release("A")) == ledger.events[1]
    assert events.verified(failed, STAGING, newer) is None
    assert events.last_verified(failed, STAGING) == ledger.events[1]


def test_the_last_verified_release_is_one_that_was_not_taken_back() -> None:
    """Rejected and withdrawn ones are passed over, and so are other environments."""
    steps: list[Any] = [(P, STAGING, "A"), (V, STAGING, "A"), (P, STAGING, "B"), (V, STAGING, "B"), (V, PRODUCTION, "C")]
    found = events.last_verified(told(*steps), STAGING)
    assert (found.seq if found else None) == 4
    found = events.last_verified(told(*steps, (W, STAGING, "B")), STAGING)
    assert (found.seq if found else None) == 2
    assert events.last_verified(EMPTY, STAGING) is None


def test_an_operation_is_undone_by_its_own_failure_only() -> None:
    """The same release put there anew is another operation."""
    one, two = digest("one"), digest("two")
    first = {"kind": P, "environment": STAGING, "release": "A", "operation": one}
    again = {**first, "operation": two}
    late = {"kind": W, "environment": STAGING, "release": "A", "operation": one}
    ledger = told(first, again, late)
    event = events.serving(ledger, STAGING)
    assert (event.seq if event else None) == 2
    assert events.serving(told(first, late), STAGING) is None
    settled = events.outcome(ledger, STAGING, one)
    assert (settled.seq if settled else None) == 3
    assert events.outcome(ledger, STAGING, two) is None
    assert events.outcome(ledger, PRODUCTION, one) is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([(HELD, STAGING, "A")], 1),
        ([(HELD, PRODUCTION, "A")], None),
        ([(HELD, STAGING, "A"), (R, STAGING, "A"), (V, STAGING, "A")], 1),
        ([(HELD, STAGING, "A"), (P, STAGING, "B")], None),
        ([(HELD, STAGING, "A"), (P, PRODUCTION, "B")], 1),
        ([(HELD, STAGING, "A"), {"kind": EventKind.OVERRIDDEN, "environment": STAGING, "cause": "held"}], None),
        ([(HELD, STAGING, "A"), {"kind": EventKind.OVERRIDDEN, "environment": STAGING, "cause": "freeze"}], 1),
        ([(HELD, STAGING, "A"), (P, STAGING, "B"), (HELD, STAGING, "A")], 3),
    ],
)
def test_a_hold_lasts_until_somebody_promotes_or_resumes_there(steps: list[Any], expected: int | None) -> None:
    """Neither a restore nor another environment ends it."""
    event = events.held(told(*steps), STAGING)
    assert (event.seq if event else None) == expected


def at_hours(*steps: tuple[float, EventKind, str | None]) -> Ledger:
    ledger = EMPTY
    for hours, kind, name in steps:
        ledger, _ = events.append(
            ledger,
            kind,
            at=AT + timedelta(hours=hours),
            model=MODEL,
            environment=STAGING,
            release=release(name) if name else None,
        )
    return ledger


@pytest.mark.parametrize(
    ("steps", "hours"),
    [
        ([], 0),
        ([(0, P, "A")], 0),
        ([(0, P, "A"), (1, V, "A")], 9),
        ([(0, P, "A"), (1, V, "A"), (2, V, "A")], 9),
        ([(0, P, "A"), (1, V, "A"), (3, P, "B")], 2),
        ([(0, P, "A"), (1, V, "A"), (3, GONE, None)], 2),
        ([(0, P, "A"), (1, V, "A"), (3, P, "B"), (4, X, "B"), (4, R, "A"), (6, V, "A")], 6),
        ([(0, P, "A"), (1, V, "A"), (3, W, "A")], 0),
        ([(0, P, "A"), (1, V, "A"), (3, W, "A"), (4, P, "A"), (8, V, "A")], 2),
        ([(0, P, "B"), (1, V, "B")], 0),
    ],
)
def test_soaking_is_the_time_it_served_verified(steps: list[Any], hours: float) -> None:
    """Stays add up to ten o'clock; what takes the release back ends them all."""
    # Ledgers tell the time to the second.
    now = (AT + timedelta(hours=10)).replace(microsecond=0)
    assert events.soaked(at_hours(*steps), STAGING, release("A"), now=now) == timedelta(hours=hours)


def test_people_call_a_release_by_version_or_digest() -> None:
    """A digest may be cut, but not to less than seven digits."""
    one = release("A", version="v12")
    for name in ("v12", one.model_digest, one.image_digest, one.image_digest[7:14], one.model_digest[:20]):
        assert events.called(one, name)
    for name in ("v1", "", "sha256:", one.image_digest[7:13], release("B").image_digest):
        assert not events.called(one, name)


# The anchor: whom margins are counted from.


def shown(name: str, low: float | None, *, environment: EnvironmentName = STAGING, **fields: Any) -> dict[str, Any]:
    """Promote a release on evidence with this lower limit of the primary's difference; None for a first release."""
    limits = {} if low is None else {"roc_auc": (0.9, 0.9, low, 1.0)}
    about = Evidence(
        verdict=Verdict.PASS,
        record=digest("record"),
        champion=None if low is None else digest("model before"),
        test=digest("test"),
        metrics={"roc_auc:floor": (None, 0.9, 0.8, 1.0), "anchor:roc_auc": (0.9, 0.9, 0.5, 1.0), **limits},
    )
    operation = digest(f"operation {name} {environment}")
    given = {"kind": EventKind.PROMOTED, "environment": environment, "release": name, "evidence": about}
    return {**given, "operation": operation, **fields}


def undone(name: str, kind: EventKind, *, environment: EnvironmentName = STAGING, cause: str = "serving") -> dict[str, Any]:
    operation = digest(f"operation {name} {environment}")
    return {"kind": kind, "environment": environment, "release": name, "operation": operation, "cause": cause}


def anchored(*steps: Any, metric: str | None = "roc_auc") -> str | None:
    """Return the name of the anchor's model."""
    event = events.anchor(told(*steps), CHAIN, metric)
    names = {release(name).model_digest: name for name in "ABCDE"}
    return None if event is None or event.release is None else names[event.release.model_digest]


def test_the_anchor_is_the_last_release_that_was_shown_better() -> None:
    """Else the first; its own lower limit counts, not its estimate, and neither a floor's nor another metric's."""
    first = shown("A", None)
    assert anchored() is None
    assert anchored(first) == "A"
    assert anchored(first, shown("B", -0.01), shown("C", 0.0), shown("D", -0.02)) == "A"
    assert anchored(first, shown("B", 0.01), shown("C", -0.01)) == "B"
    assert anchored(first, shown("B", 0.01), shown("C", 0.02), shown("D", -0.01)) == "C"
    assert anchored(first, shown("B", 0.01), shown("C", -0.01), metric="recall") == "A"
    assert anchored(first, shown("B", 0.01), metric=None) == "A"


@pytest.mark.parametrize("kind", [EventKind.REJECTED, EventKind.WITHDRAWN])
def test_what_was_taken_back_is_no_anchor(kind: EventKind) -> None:
    """Until it is promoted again; the first that is left takes the place of a first that is gone."""
    steps = [shown("A", None), shown("B", 0.01), undone("B", kind)]
    assert anchored(*steps, shown("C", -0.01)) == "A"
    assert anchored(*steps, shown("B", 0.01, operation=digest("again")), shown("C", -0.01)) == "B"
    assert anchored(shown("A", None), undone("A", kind), shown("B", None), shown("C", -0.01)) == "B"


def test_a_model_that_was_rejected_anywhere_is_no_anchor() -> None:
    """The cause `model` bars its digest everywhere."""
    steps = [shown("A", None), shown("B", 0.01), shown("C", -0.01)]
    elsewhere = undone("B", EventKind.REJECTED, environment=PRODUCTION, cause="model")
    assert anchored(*steps, elsewhere) == "A"
    assert anchored(*steps, {**elsewhere, "cause": "serving"}) == "B"


def test_the_anchor_is_where_the_champion_is() -> None:
    """What production has not had yet is no anchor of production's champion."""
    steps = [shown("A", None), shown("A", None, environment=PRODUCTION), (EventKind.VERIFIED, PRODUCTION, "A")]
    assert anchored(*steps, shown("B", 0.01)) == "A"
    assert anchored(*steps, shown("B", 0.01), shown("B", 0.01, environment=PRODUCTION), shown("C", -0.01)) == "B"


def test_a_retirement_begins_a_new_line() -> None:
    """What comes after it is the first again."""
    steps = [shown("A", None), shown("B", 0.01), (EventKind.RETIRED, STAGING, None), shown("C", None), shown("D", -0.01)]
    assert anchored(*steps) == "C"
    assert anchored(*steps[:3]) is None
