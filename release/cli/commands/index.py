"""`release index`: bring the MLflow index up to date."""

from __future__ import annotations

import click

from release.cli.render import emit, json_option


@click.command(short_help="Bring the MLflow index up to date.")
@json_option
def command(as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Log to MLflow every release that this machine knows and the index does not yet, and point the aliases.

    The index is for browsing (`mlflow ui --backend-store-uri sqlite:///.release/mlflow.db`); the ledger in Git is the truth.

    \b
    Example:
      MLFLOW_TRACKING_URI=http://mlflow.example release index
    """
    from release.cli.indexing import catch_up  # noqa: PLC0415 (mlflow)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (kept off the path of --help)

    done = catch_up(Workspace.here())
    emit({"indexed": done}, lambda: "\n".join(done) or "the index is up to date", as_json=as_json)
