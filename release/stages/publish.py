"""Publish: tell a forge what a pull request's own job found, from code that the pull request could not change.

The record is untrusted (`release.artifact.judgement`): what is posted is rendered from it anew, the commit and the pull
request come from the forge, and success takes both the record and the job's own end. The look at the test set goes to the
ledger whatever the verdict. Rendering is given, the forge and git are reached through ports only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import ledger as events
from release.artifact.forge import Check
from release.artifact.intent import ENVIRONMENTS
from release.artifact.serial import digest_json
from release.config.names import model_name
from release.judging.feedback import ladder_value
from release.landing import Done, Landed, Proposal, land
from release.records import Event, EventKind, Evidence, Verdict

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from release.artifact.judgement import Judgement, Submission
    from release.ports import Clock, DeployBranch, Forge
    from release.records import Commit, Digest, ModelName, VerdictRecord

_SUCCESS = "success"
_FAILED = frozenset({"failure", "failed"})
_WORST = {Verdict.INVALID: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2, Verdict.PASS: 3}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the forge itself says the record is about; none of it comes from the record.

    `head` is the commit that was judged, `pulls` the pull requests it is the head of (none when it was superseded),
    `conclusion` how the job ended, `url` its page. `known` are the models whose ledgers may be written: an outsider's pull
    request makes no ledger for a model that the main branch does not have.
    """

    head: Commit
    pulls: tuple[int, ...]
    conclusion: str
    url: str
    by: str
    known: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PublishRecord:
    """What was published. `looks` names the models whose look is in the ledger now, `new` those that were not before."""

    head: Commit
    pulls: tuple[int, ...]
    state: Check
    description: str
    models: tuple[ModelName, ...]
    looks: tuple[ModelName, ...]
    new: tuple[ModelName, ...]


def publish(
    submission: Submission,
    subject: Subject,
    *,
    forge: Forge,
    branch: DeployBranch,
    clock: Clock,
    render: Callable[[Judgement], tuple[str, str]],
    pause: Callable[[float], None],
    rng: random.Random,
) -> PublishRecord:
    """Record the looks, then bring comments and status up to date; repeating it changes nothing.

    `render` returns a judgement's hidden marker and its Markdown. Raises BadInputError and SecurityRefusalError for names
    that are none, and what `render`, the forge and the branch raise.
    """
    names = tuple(model_name(judgement.verdict.model or "") for judgement in submission.judgements)
    comments = [render(judgement) for judgement in submission.judgements]  # before anything is written
    looks: list[ModelName] = []
    new: list[ModelName] = []
    for name, judgement in zip(names, submission.judgements, strict=True):
        if name not in subject.known or not _is_a_look(judgement.verdict):
            continue
        looks.append(name)
        if _record(name, judgement.verdict, subject, branch=branch, clock=clock, pause=pause, rng=rng):
            new.append(name)
    for number in subject.pulls:
        for marker, body in comments:
            forge.comment(number, marker, body)
    state, description = summary(submission, subject.conclusion)
    forge.status(subject.head, state, description, subject.url)
    return PublishRecord(
        head=subject.head,
        pulls=subject.pulls,
        state=state,
        description=description,
        models=names,
        looks=tuple(looks),
        new=tuple(new),
    )


def summary(submission: Submission, conclusion: str) -> tuple[Check, str]:
    """Say in one state and one line what the required check shows: success takes every verdict, and the job itself."""
    verdicts = sorted((judgement.verdict for judgement in submission.judgements), key=lambda v: _WORST[v.verdict])
    told = ", ".join(f"{verdict.model} {verdict.verdict}" for verdict in verdicts)
    if verdicts and verdicts[0].verdict is not Verdict.PASS:
        return Check.FAILURE, told
    if conclusion != _SUCCESS:
        state = Check.FAILURE if conclusion in _FAILED else Check.ERROR
        return state, f"the job ended with {conclusion or 'no result'}" + (f"; {told}" if told else "")
    return Check.SUCCESS, told or "nothing is due"


def _is_a_look(verdict: VerdictRecord) -> bool:
    """Say whether rows were scored: a champion that meets itself is not judged by them."""
    return verdict.challenger != verdict.champion


def _record(
    model: ModelName,
    verdict: VerdictRecord,
    subject: Subject,
    *,
    branch: DeployBranch,
    clock: Clock,
    pause: Callable[[float], None],
    rng: random.Random,
) -> bool:
    """Append the `evaluated` event of a look that is new; say whether it was."""
    path = f"{ENVIRONMENTS}/ledger/{model}.jsonl"

    def propose(tip: Commit | None, now: datetime) -> Proposal[Event] | Done[None]:
        ledger = events.parse(branch.read(tip, path) or b"", path)
        if verdict.challenger in events.looks(ledger, verdict.test_set.digest):
            return Done(what=None)
        operation = digest_json([model, EventKind.EVALUATED, verdict.challenger, verdict.test_set.digest])
        grown, _ = events.append(
            ledger,
            EventKind.EVALUATED,
            at=now,
            model=model,
            operation=operation,
            commit=subject.head,
            challenger=verdict.challenger,
            evidence=_evidence(verdict),
            by=subject.by,
        )
        changes: Mapping[str, bytes] = {path: grown.content}
        message = _message(model, verdict, operation, subject)
        return Proposal(changes=changes, message=message, what=grown.events[-1])

    end = land(propose, branch=branch, clock=clock, pause=pause, rng=rng, verb="recorded")
    # A push whose reply was lost is found done at the next attempt; it was ours, and new, all the same.
    return isinstance(end, Landed) or bool(end.tried)


def _evidence(verdict: VerdictRecord) -> Evidence:
    """Keep digests and the verdict only: numbers of an untrusted record have no place in the ledger.

    But for the one that the Ladder shows: the next challenger must know what has been shown. It decides nothing.
    """
    climbed = ladder_value(verdict)
    return Evidence(
        verdict=verdict.verdict,
        record=digest_json(verdict),
        champion=verdict.champion,
        test=verdict.test_set.digest,
        metrics={} if climbed is None else {climbed.metric: (None, climbed.challenger, None, None)},
    )


def _message(model: ModelName, verdict: VerdictRecord, operation: Digest, subject: Subject) -> str:
    about = ", ".join(f"#{number}" for number in subject.pulls) or subject.head[:12]
    return (
        f"release: {model} was judged on its test set by {about}\n\n"
        f"Release-Model: {model}\n"
        f"Release-Model-Digest: {verdict.challenger}\n"
        f"Release-Operation: {operation}\n"
        f"Release-Event: {EventKind.EVALUATED}\n"
    )
