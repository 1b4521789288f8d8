"""The document between a pull request's job and the job that publishes: what is read back, and all that is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.promotions import digest
from support.submissions import judged, judgement, submission

from release.artifact.judgement import MOST_BYTES, MOST_MODELS, from_log, read, to_log
from release.artifact.serial import canonical, plain
from release.errors import BadInputError, ReleaseError, SecurityRefusalError
from release.records import Verdict


def changed(path: str, value: Any) -> bytes:
    """Write a sound submission with one thing replaced; `path` has a / between names, below the first judgement."""
    document = plain(submission(judgement("A")))
    *parents, last = path.split("/")
    place: Any = document["judgements"][0]
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[int(last) if isinstance(place, list) else last] = value
    return json.dumps(document).encode()


def test_a_submission_comes_back_as_it_was_written() -> None:
    """Records and all, also when there is nothing in it: nothing due is not nothing said."""
    for whole in (submission(judgement("A"), judgement("B", model="other")), submission()):
        assert read(canonical(whole), where="here") == whole


def test_a_verdict_record_alone_or_in_a_list_is_read_too() -> None:
    """What `gate --json` prints will do; then it is not known how the challenger was trained."""
    one = read(canonical(judged("A")), where="here")
    many = read(canonical([judged("A"), judged("B", model="other")]), where="here")
    assert [j.verdict.model for j in one.judgements] == ["churn"]
    assert [(j.verdict.model, j.train) for j in many.judgements] == [("churn", None), ("other", None)]


def test_it_survives_a_log_with_timestamps_and_other_text() -> None:
    """Runners put the time before each line, and everything else that the job says around it."""
    whole = submission(*(judgement("A", model=f"m{number}") for number in range(12)))
    lines = to_log(whole).splitlines()
    assert len(lines) > 2
    log = "\r\n".join(f"2026-02-02T12:00:00.0000000Z {line}" for line in ["Run release", *lines, "Done"])
    content = from_log(log.encode() + b"\xff\xfe\n")
    assert content is not None
    assert read(content, where="log") == whole


def test_the_last_whole_record_of_a_log_counts() -> None:
    """A step that ran twice is told by its second run; a record that is cut off is none."""
    first, second, third = (to_log(submission(judgement(name))) for name in "ABC")
    content = from_log(f"{first}\n{second}\n{first}\n{third[:500]}\n".encode())
    assert content is not None
    assert read(content, where="log") == submission(judgement("A"))


@pytest.mark.parametrize(
    "log", [b"", b"no record\n", to_log(submission())[:-8].encode(), b"release-record 1/1 0123456789abcdef eA==\n"]
)
def test_a_log_without_a_whole_record_has_none(log: bytes) -> None:
    """Missing, cut off or with another digest than it says: not read as something else."""
    assert from_log(log) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[1]",
        b'"x"',
        b"[" * 100_000,
        b'{"judgements": 1}',
        b'{"judgements": [{}]}',
        changed("verdict/verdict", "GREAT"),
        changed("verdict/comparisons/0/low", "much"),
        changed("verdict/model", None),
        changed("verdict/challenger", "sha256:" + "A" * 64),
        changed("verdict/test_set/digest", "sha256:zz\n"),
        changed("verdict/champion", "../../etc/passwd"),
        canonical(submission(judgement("A"))).replace(b"0.95", b"1e999"),
        canonical(submission(judgement("A"))).replace(b"0.95", b"NaN"),
        canonical(submission(judgement("A"))).replace(b"171", b"9" * 30),
        canonical(submission(judgement("A"))).replace(b"171", b"9" * 5000),
    ],
)
def test_what_is_no_record_is_bad_input_in_one_line(content: bytes) -> None:
    """Whatever is wrong with it: one line, no traceback, and none of its bytes at length."""
    with pytest.raises(BadInputError) as caught:
        read(content, where="run 9")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "content",
    [
        b" " * (MOST_BYTES + 1),
        canonical(submission(*(judgement("A", model=f"m{number}") for number in range(MOST_MODELS + 1)))),
        canonical(submission(judgement("A"), judgement("B"))),
        changed("train/model", "other"),
        changed("train/model_digest", digest("another")),
        changed("evaluate/test_digest", digest("another")),
        changed("evaluate/challenger/model_digest", digest("another")),
        changed("verdict/comparisons/0/verdict", "FAIL"),
        changed("verdict/comparisons/0/verdict", "INCONCLUSIVE"),
        changed("verdict/comparisons", []),
    ],
)
def test_what_is_forged_or_too_much_is_refused(content: bytes) -> None:
    """Sizes, a model twice, records about different things, and a PASS that its comparisons deny."""
    with pytest.raises(SecurityRefusalError):
        read(content, where="run 9")


def test_a_verdict_may_be_worse_than_its_comparisons_and_an_unsure_note_stops_no_pass() -> None:
    """INVALID has reasons that are no comparison; `when_unsure: note` is for reading only."""
    found = judgement("A")
    worse = replace(found, verdict=replace(found.verdict, verdict=Verdict.INVALID, comparisons=()))
    assert read(canonical(submission(worse)), where="here") == submission(worse)
    sure, note = found.verdict.comparisons[0], replace(found.verdict.comparisons[0], role="guard")
    note = replace(note, verdict=Verdict.INCONCLUSIVE, when_unsure="note")
    noted = replace(found, verdict=replace(found.verdict, comparisons=(sure, note)))
    assert read(canonical(submission(noted)), where="here") == submission(noted)


def test_no_mutation_of_a_record_is_a_crash() -> None:
    """Every leaf replaced by every kind of thing is either read or refused in our own words."""
    document = plain(submission(judgement("A")))
    values: list[Any] = [None, True, -1, 1e300, "", "\u202e\n<script>", [], {}, [[]], "sha256:" + "0" * 64]
    tried, codes = 0, set[int]()
    for path in _leaves(document["judgements"][0]):
        for value in values:
            tried += 1
            try:
                read(changed(path, value), where="here")
            except ReleaseError as error:
                codes.add(error.code)
    assert tried > 500
    assert codes == {2, 3}


def _leaves(value: Any, at: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [path for name, one in items for path in _leaves(one, f"{at}/{name}" if at else str(name))]
    return [*([at] if at else []), *below]
