"""`release retire`: take a model out of an environment."""

from __future__ import annotations

import click

from release.cli.render import emit, json_option


@click.command(short_help="Take a model out of an environment.")
@click.argument("model")
@click.option("--env", "environment", metavar="ENV", required=True, help="Where.")
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@json_option
def command(model: str, environment: str, reason: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Take a model out of an environment: scale it to zero in Git, and record that it serves there no more.

    Nothing is promoted there of itself again. When the pods are gone, whoever runs the cluster deletes the Application. To
    bring the model back, set serving.replicas in its values file, then promote.

    \b
    Example:
      release retire churn --env production
    """
    from release.artifact.orders import Retire  # noqa: PLC0415 (kept off the path of --help)
    from release.cli import ordering  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.stages.retire import retire  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    where = ordering.place(workspace, model, environment)
    record = retire(Retire(place=where, reason=reason, by=workspace.source.identity()), desk=ordering.desk(workspace))
    emit(record, lambda: ordering.text(record), as_json=as_json)
