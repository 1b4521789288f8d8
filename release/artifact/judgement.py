"""What a pull request's own job says of itself, as data that trusted code may read: written there, checked and read here.

The document is untrusted: anybody who can open a pull request can write it. So its size is bounded, numbers are finite,
digests have their one form, and a verdict may not claim more than its comparisons (model names are checked by the stage
that uses them). That it is true is claimed nowhere: the main branch judges again. Posting, committing and rendering must not
live here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

from release.artifact.reference import check_digest
from release.artifact.serial import canonical, load
from release.errors import BadInputError, SecurityRefusalError
from release.records import (  # pydantic reads the types of records at run time
    Comparison,
    EvaluateRecord,
    TrainRecord,
    Verdict,
    VerdictRecord,
)

MOST_BYTES = 1 << 20
MOST_MODELS = 50

_CHUNK = 4000
"""Characters of base64 a line: runners cut lines of tens of kilobytes."""
_LINE = re.compile(rb"release-record ([0-9]{1,4})/([0-9]{1,4}) ([0-9a-f]{16}) ([A-Za-z0-9+/=]{1,4000})\s*$", re.MULTILINE)
_WIDEST = 1 << 63
_RANK = {Verdict.PASS: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 2, Verdict.INVALID: 3}
_FIX = "the pull request's job has to write it with `release publish --collect`"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One model's verdict, and the records that it rests on where they are known."""

    verdict: VerdictRecord
    train: TrainRecord | None = None
    evaluate: EvaluateRecord | None = None


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Everything that one job judged; empty when nothing was due."""

    judgements: tuple[Judgement, ...]


def read(content: bytes, *, where: str) -> Submission:
    """Read a submission, one verdict record, or a list of them, trusting none of it.

    Raises BadInputError for what is no such document, SecurityRefusalError for what is one but forged or hostile.
    """
    if not content:
        raise BadInputError("there is no record", where=where, fix=_FIX)
    if len(content) > MOST_BYTES:
        raise SecurityRefusalError(f"the record is larger than {MOST_BYTES} bytes", where=where, fix=_FIX)
    document = _parsed(content, where)
    if isinstance(document, dict) and "judgements" in document:
        found = load(Submission, document, where=where)
    else:
        verdicts = document if isinstance(document, list) else [document]
        if not all(isinstance(verdict, dict) for verdict in verdicts):
            raise BadInputError("this is no verdict record", where=where, fix=_FIX)
        found = Submission(
            judgements=tuple(Judgement(verdict=load(VerdictRecord, verdict, where=where)) for verdict in verdicts)
        )
    if len(found.judgements) > MOST_MODELS:
        raise SecurityRefusalError(f"the record judges more than {MOST_MODELS} models", where=where, fix=_FIX)
    for judgement in found.judgements:
        _check(judgement, where)
    names = [judgement.verdict.model for judgement in found.judgements]
    if len(set(names)) != len(names):
        raise SecurityRefusalError("the record judges a model twice", where=where, fix=_FIX)
    return found


def to_log(submission: Submission) -> str:
    """Write a submission as lines that survive in a job's log, for where there is no better way between two jobs."""
    content = canonical(submission)
    text, tag = base64.b64encode(content).decode(), _tag(content)
    chunks = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    return "\n".join(f"release-record {number}/{len(chunks)} {tag} {chunk}" for number, chunk in enumerate(chunks, 1))


def from_log(log: bytes) -> bytes | None:
    """Return the last whole submission in a job's log, None when there is none; other lines are passed over."""
    parts: dict[tuple[bytes, int], dict[int, bytes]] = {}
    for found in _LINE.finditer(log):
        number, count, tag, chunk = int(found[1]), int(found[2]), found[3], found[4]
        # The later run of a step in the same log counts, hence the new place in the order.
        known = parts.pop((tag, count), {})
        parts[tag, count] = {**known, number: chunk}
    for (tag, count), chunks in reversed(parts.items()):
        if set(chunks) != set(range(1, count + 1)):
            continue
        try:
            content = base64.b64decode(b"".join(chunks[number] for number in range(1, count + 1)), validate=True)
        except binascii.Error:
            continue
        if _tag(content).encode() == tag:
            return content
    return None


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content, parse_float=_finite, parse_int=_narrow, parse_constant=_finite)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise BadInputError("the record is no JSON that the tool writes", where=where, fix=_FIX) from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _narrow(text: str) -> int:
    value = int(text)
    if abs(value) >= _WIDEST:
        raise ValueError("a number beyond 64 bits")
    return value


def _check(judgement: Judgement, where: str) -> None:
    verdict, train, evaluate = judgement.verdict, judgement.train, judgement.evaluate
    model = verdict.model
    if model is None:
        raise BadInputError("the record names no model", where=where, fix=_FIX)
    for digest in (verdict.challenger, verdict.champion, verdict.test_set.digest):
        if digest is not None:
            check_digest(digest)
    claims = [
        *([(train.model, model), (train.model_digest, verdict.challenger)] if train else []),
        *([(evaluate.model, model), (evaluate.challenger.model_digest, verdict.challenger)] if evaluate else []),
        *([(evaluate.test_digest, verdict.test_set.digest)] if evaluate else []),
    ]
    if any(one != other for one, other in claims):
        raise SecurityRefusalError("the records of one judgement are about different things", where=where, fix=_FIX)
    if _RANK[verdict.verdict] < _least(verdict.comparisons):
        raise SecurityRefusalError(f"the record says {verdict.verdict}, its comparisons do not", where=where, fix=_FIX)


def _least(comparisons: tuple[Comparison, ...]) -> int:
    """Rank what the comparisons allow at best; without any there is no PASS."""
    told = [c.verdict for c in comparisons if c.verdict is not Verdict.INCONCLUSIVE or c.when_unsure != "note"]
    return max((_RANK[verdict] for verdict in told), default=_RANK[Verdict.INCONCLUSIVE])
