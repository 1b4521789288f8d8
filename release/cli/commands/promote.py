"""`release promote`: one commit on the deploy branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import json_option, models_argument, show
from release.records import Outcome

if TYPE_CHECKING:
    from release.records import PromoteRecord


@click.command(short_help="Commit values and ledger of one environment, and push them.")
@models_argument
@click.option("--to", "environment", metavar="ENV", required=True, help="The environment to promote to.")
@click.option("--base", metavar="REV", help="Read the gate's policy from the merge base of REV and HEAD.")
@click.option("--automatic", is_flag=True, help="Nobody asks for it: refuse where somebody holds the environment.")
@json_option
def command(models: tuple[str, ...], environment: str, base: str | None, automatic: bool, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Commit the judged model's digest to an environment's values and its ledger line, in one commit, and push it.

    Needs the records that train, evaluate, gate and package wrote for this commit; only a PASS promotes. Pushed by
    compare-and-swap: when another promotion was first, the decision is made again on the new state. Twice is once.

    \b
    Example:
      release promote churn --to staging
    """
    from release.artifact.promotion import Asked  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.promoting import promote  # noqa: PLC0415 (as above)

    asked = Asked.AUTOMATICALLY if automatic else Asked.BY_A_PERSON
    done = each(models, lambda workspace, job: promote(workspace, job, environment, asked=asked), base=base)
    show(done, _text, one=len(models) == 1, as_json=as_json)


def _text(record: PromoteRecord) -> str:
    where = f"{record.model} {record.release.version} ({record.release.model_digest[:19]}) in {record.environment}"
    if record.outcome is Outcome.ALREADY or record.deploy_commit is None:
        return f"{where}: serves already, nothing to do"
    tries = f", after {record.attempts} attempts" if record.attempts > 1 else ""
    return f"{where}: {record.outcome}, commit {record.deploy_commit[:12]} on {record.deploy_branch}{tries}"
