"""Tells a forge what the main branch made of a model: the pull requests that brought it, and the commit.

Nobody listens where no forge is configured, and then nothing is said. Trouble with the forge never fails a release: what
happened is in the ledger. What is said is `release.report.proposals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.adapters.process import Git
from release.artifact.forge import MAIN, Check
from release.artifact.ledger import last_final
from release.cli import forging
from release.data.inputs import CHART, MODELS, PROJECT
from release.errors import ReleaseError
from release.records import Commit, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.ports import Forge
    from release.records import PromoteRecord

_MOST = 20
"""Merges that one job judges at once and tells; more than that is a first run on an old repository."""
_STATES = {
    Outcome.PROMOTED: Check.SUCCESS,
    Outcome.REFUSED: Check.FAILURE,
    Outcome.WAITING: Check.PENDING,
    Outcome.PROPOSED: Check.PENDING,
}
_WORST = (Check.ERROR, Check.FAILURE, Check.PENDING, Check.SUCCESS)


def tell_pulls(workspace: Workspace, job: Job, record: PromoteRecord) -> None:
    """Comment on the merged pull requests whose change of a model was judged at HEAD."""
    if record.outcome not in _STATES:
        return
    try:
        forge = forging.sources_forge(workspace)
        if forge is not None:
            _comment(workspace, forge, job, record)
    except ReleaseError as error:
        workspace.progress.note(f"{job.model}: the pull request was not told: {error}")


def _comment(workspace: Workspace, forge: Forge, job: Job, record: PromoteRecord) -> None:
    from release.report.proposals import outcome  # noqa: PLC0415 (kept off the path of --help)

    commits = _brought(workspace, job)
    pulls = list(dict.fromkeys(number for commit in commits for number in forge.merged(commit)))
    for number in pulls:
        marker, body = outcome(record, workspace.head, [one for one in pulls if one != number])
        forge.comment(number, marker, body)


def _brought(workspace: Workspace, job: Job) -> list[Commit]:
    """Name HEAD, and the commits of the main branch since the last judgement that changed what the model is made from."""
    final = last_final(job.ledger)
    span = f"{final.commit}..{workspace.head}" if final and final.commit else workspace.head
    paths = (f"{MODELS}/{job.model}", PROJECT, CHART)
    most = _MOST if final else 1
    listing = Git(workspace.source.root).run(
        "log", "--first-parent", f"--max-count={most}", "--format=%H", span, "--", *paths
    )
    return list(dict.fromkeys([workspace.head, *(Commit(line) for line in listing.decode().split())]))


def tell_commit(workspace: Workspace, records: Sequence[PromoteRecord], failed: Sequence[ReleaseError]) -> None:
    """Set the status `release / main` of HEAD: the worst of what became of its models; nothing where nothing happened."""
    states = [_STATES[record.outcome] for record in records if record.outcome in _STATES] + [Check.ERROR for _ in failed]
    if not states:
        return
    try:
        forge = forging.sources_forge(workspace)
        if forge is None:
            return
        from release.report.proposals import said  # noqa: PLC0415 (kept off the path of --help)

        told = [f"{record.model} {said(record)}" for record in records if record.outcome in _STATES]
        told += [error.what for error in failed]
        forge.status(workspace.head, min(states, key=_WORST.index), "; ".join(told), context=MAIN)
    except ReleaseError as error:
        workspace.progress.note(f"the commit's status was not set: {error}")
