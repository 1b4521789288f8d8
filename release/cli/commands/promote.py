"""`release promote`: one commit on the deploy branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import click

from release.cli.render import json_option, models_argument, show
from release.errors import BadInputError, GateFailedError, InconclusiveError
from release.records import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.errors import ReleaseError
    from release.records import PromoteRecord


@click.command(short_help="Commit values and ledger of one environment, and push them.")
@models_argument
@click.option("--to", "environment", metavar="ENV", required=True, help="The environment to promote to.")
@click.option("--base", metavar="REV", help="Read the gate's policy from the merge base of REV and HEAD.")
@click.option("--automatic", is_flag=True, help="Nobody asks for it: stop where somebody holds, take a refusal down.")
@click.option("--propose", is_flag=True, help="Open, or bring up to date, the promotion's own pull request instead.")
@json_option
def command(
    models: tuple[str, ...],
    environment: str,
    base: str | None,
    automatic: bool,  # noqa: FBT001 (click passes it)
    propose: bool,  # noqa: FBT001 (as above)
    as_json: bool,  # noqa: FBT001 (as above)
) -> None:
    """Commit the judged model's digest to an environment's values and its ledger line, in one commit, and push it.

    Needs the records that train, evaluate, gate and package wrote for this commit; only a PASS promotes. Pushed by
    compare-and-swap: when another promotion was first, the decision is made again on the new state. Twice is once.

    Where release.yaml asks for approvals, they are the reviews of the promotion's own pull request (--propose). On the main
    branch (--automatic) a refusal becomes an event of the ledger, so that the same inputs are due no longer, and the merged
    pull request is told, where a forge is configured.

    \b
    Example:
      release promote churn --to staging
      release promote churn --to production --propose
    """
    from release.artifact.intent import Asked  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.each import each  # noqa: PLC0415 (as above)
    from release.cli.promoting import Way, promote  # noqa: PLC0415 (as above)
    from release.cli.repackaging import Batch  # noqa: PLC0415 (as above)
    from release.cli.telling import tell_commit, tell_pulls  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)

    if automatic and propose:
        raise BadInputError("it is either asked for or automatic", where="release promote", fix="leave one of them out")
    turns = Batch(environment)
    asked = Asked.AUTOMATICALLY if automatic else Asked.BY_A_PERSON
    failures: list[ReleaseError] = []

    def one(workspace: Workspace, job: Job) -> PromoteRecord | None:
        # What nobody asks for is put on another runtime a few models at a time.
        if automatic and not turns.admits(workspace, job):
            return None
        record = promote(workspace, job, environment, asked=asked, way=Way.PROPOSE if propose else Way.PUSH)
        if automatic:
            tell_pulls(workspace, job, record)
        return record

    done = [record for record in each(models, one, base=base, failures=failures) if record is not None]
    turns.tell()
    if automatic:
        tell_commit(Workspace.here(), done, failures)
    if failures and not done:
        for error in failures[1:]:
            click.echo(f"error: {error}", err=True)
        raise failures[0]
    show(done, _text, one=len(models) == 1 and bool(done), as_json=as_json)
    _finish(done, failures)


def _finish(done: Sequence[PromoteRecord], failures: Sequence[ReleaseError]) -> None:
    """End with the code of what failed first, else of the worst refusal; told on standard error, after the document."""
    refused = [_error(one) for one in done if one.outcome in {Outcome.REFUSED, Outcome.WAITING}]
    told = [*failures, *sorted(refused, key=lambda error: error.code)]
    for error in told:
        click.echo(f"error: {error}", err=True)
    if told:
        click.get_current_context().exit(told[0].code)


def _error(record: PromoteRecord) -> GateFailedError | InconclusiveError:
    kind = InconclusiveError if record.verdict is Verdict.INCONCLUSIVE else GateFailedError
    return kind(record.why or "it is not promoted", where=f"{record.model} {record.environment}", fix=record.fix or "")


def _text(record: PromoteRecord) -> str:
    where = f"{record.model} {record.release.version} ({record.release.model_digest[:19]}) in {record.environment}"
    commit = f"commit {(record.deploy_commit or '')[:12]} on {record.deploy_branch}"
    tries = f", after {record.attempts} attempts" if record.attempts > 1 else ""
    match record.outcome:
        case Outcome.ALREADY | Outcome.SHOWN:
            return f"{where}: serves already, nothing to do"
        case Outcome.PROMOTED:
            return f"{where}: promoted, {commit}{tries}"
        case Outcome.REFUSED:
            # A refused model has no version.
            about = f"{record.model} ({record.release.model_digest[:19]}) in {record.environment}"
            return f"{about}: {record.verdict or 'refused'}, not promoted; the ledger says so" + (
                f": {commit}" if record.diff else " already"
            )
        case Outcome.WAITING:
            return f"{where}: waits for approval" + (f", {commit}" if record.diff else "")
        case Outcome.PROPOSED:
            return f"{where}: proposed in pull request #{record.pull}, {commit}"
        case _:
            assert_never(record.outcome)
