"""`release resume`: let automatic promotion go on."""

from __future__ import annotations

import click

from release.cli.render import emit, json_option


@click.command(short_help="End a hold: automatic promotion goes on.")
@click.argument("model")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where.")
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@json_option
def command(model: str, environment: str, reason: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Let automatic promotion to an environment go on after a rollback, or after too many failures, held it.

    \b
    Example:
      release resume churn --env production
    """
    from release.artifact.orders import Resume  # noqa: PLC0415 (kept off the path of --help)
    from release.cli import ordering  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.stages.resume import resume  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    where = ordering.place(workspace, model, environment)
    record = resume(Resume(place=where, reason=reason, by=workspace.source.identity()), desk=ordering.desk(workspace))
    emit(record, lambda: ordering.text(record), as_json=as_json)
