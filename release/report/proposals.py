"""What a promotion's pull request says, and what a merged one hears: Markdown for GitHub, GitLab and Gitea alike.

The same facts give the same text, whenever it is made: a page that did not change is not written again. Whatever people
wrote goes through `release.report.escape`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from release.records import Outcome, Verdict
from release.report.cells import MARKS
from release.report.escape import code, prose, slug
from release.report.format import NOTHING, number, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.artifact.yaml_scalar import Scalar
    from release.records import Commit, Event, Evidence, ModelName, PromoteRecord


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What release.yaml asks of a promotion: approvals by whom, how long it soaks where, when nothing is promoted."""

    needed: int
    people: Sequence[str]
    after: str | None
    soak: str | None
    freeze: Sequence[str]


def proposal(
    event: Event,
    proof: Event | None,
    terms: Terms,
    before: Mapping[str, Scalar | None],
    after: Mapping[str, Scalar | None],
) -> tuple[str, str]:
    """Return title and body of the pull request that is the promotion `event`.

    `proof` is the event that verified the release in the environment before; `before` and `after` are the owned scalars.
    """
    version, there = event.release.version if event.release else "nothing", code(event.environment or "")
    title = f"Promote {event.model} {version} to {event.environment}"
    rows = [f"| {code(name)} | {_scalar(before.get(name))} | {_scalar(after[name])} |" for name in after]
    changed = [row for name, row in zip(after, rows, strict=True) if before.get(name) != after[name]]
    parts = [
        f"Promotes {code(event.model)} {code(version)}, from commit {code(_commit(event.commit))}, to {there}.",
        _asks(event, terms),
        "\n".join(["| value | now | then |", "|---|---|---|", *changed]),
        *([_evidence(event.evidence)] if event.evidence else []),
        _proven(proof, terms),
        f"*While nothing else happens in {there} the commit stays as it is. Operation {code(short(event.operation))}.*",
    ]
    return title, "\n\n".join(part for part in parts if part) + "\n"


def _asks(event: Event, terms: Terms) -> str:
    if terms.needed == 0:
        return "Merging promotes it."
    who = ", ".join(code(one) for one in terms.people) or "who may write here"
    many = f"{terms.needed} approval{'s' if terms.needed > 1 else ''}"
    command = code(f"release promote {event.model} --to {event.environment}")
    return (
        f"**Needs {many}** of the head commit, from: {who} (not the author). Then `release reconcile`, or {command}, "
        "promotes it and closes this."
    )


def _evidence(evidence: Evidence) -> str:
    against = f"against {code(short(evidence.champion))}" if evidence.champion else "as a first release"
    verdict, test = evidence.verdict, code(short(evidence.test))
    head = f"**Evidence**: {MARKS[verdict]} {verdict.value} {against}, on the test set {test}."
    rows = [
        f"| {code(name)} | {number(champion)} | {number(challenger)} | {number(low)} to {number(high)} |"
        for name, (champion, challenger, low, high) in sorted(evidence.metrics.items())[:40]
    ]
    return (
        "\n".join([head, "", "| comparison | champion | challenger | interval |", "|---|---|---|---|", *rows])
        if rows
        else head
    )


def _proven(proof: Event | None, terms: Terms) -> str:
    told = []
    if terms.after is not None:
        seen = (
            f"verified on {prose(proof.at)}: {prose(proof.reason or 'no reason was recorded')}" if proof else "not verified"
        )
        soak = f"; it has to serve there for {prose(terms.soak)} first" if terms.soak else ""
        told.append(f"- in {code(terms.after)}: {seen}{soak}")
    told += [f"- nothing is promoted in {prose(one)}" for one in terms.freeze]
    return "\n".join(told)


def marker(model: ModelName) -> str:
    """Return the hidden first line of the comment that says what the main branch made of a model."""
    return f"<!-- release-main:{slug(model)} -->"


def outcome(record: PromoteRecord, commit: Commit, others: Sequence[int] = ()) -> tuple[str, str]:
    """Return marker and Markdown of what the main branch made of a model at a commit; `others` were judged with it."""
    mark = MARKS[record.verdict] if record.verdict else MARKS[Verdict.INCONCLUSIVE]
    head = f"{marker(record.model)}\n## {mark} {code(record.model, limit=60)} on the main branch: {said(record)}"
    lines = [f"Judged at {code(_commit(commit))}, model {code(short(record.release.model_digest))}."]
    if record.why:
        lines.append(prose(record.why, limit=2000) + (f"; {prose(record.fix)}" if record.fix else "") + ".")
    if record.outcome is Outcome.PROMOTED and record.deploy_commit:
        image = f"{record.release.image_repository}@{record.release.image_digest}"
        lines.append(
            f"{code(image, limit=300)}, commit {code(_commit(record.deploy_commit))} on {code(record.deploy_branch)}."
        )
    if record.outcome is Outcome.PROPOSED and record.pull:
        lines.append(f"Pull request #{record.pull} asks for the approval.")
    if others:
        lines.append(f"Judged together with {', '.join(f'#{one}' for one in others)}.")
    return marker(record.model), "\n\n".join([head, *lines]) + "\n"


def said(record: PromoteRecord) -> str:
    """Say in a few words what became of a model."""
    version, verdict = record.release.version, record.verdict.value if record.verdict else ""
    match record.outcome:
        case Outcome.PROMOTED:
            return f"{verdict} {version} promoted to {record.environment}".strip()
        case Outcome.ALREADY | Outcome.SHOWN:
            return f"{version} serves in {record.environment}"
        case Outcome.REFUSED:
            return f"{verdict}, not promoted".removeprefix(", ")
        case Outcome.WAITING | Outcome.PROPOSED:
            return f"{verdict}, waits for approval".removeprefix(", ")
        case _:
            assert_never(record.outcome)


def _commit(commit: str | None) -> str:
    return (commit or "?")[:12]


def _scalar(value: Scalar | None) -> str:
    if value is None or value == "":
        return NOTHING
    return code(str(value).lower() if isinstance(value, bool) else str(value), limit=100)
