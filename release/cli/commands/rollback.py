"""`release rollback`: back to the verified release before the serving one."""

from __future__ import annotations

import click

from release.cli.render import emit, json_option


@click.command(short_help="Return to a release that was verified before.")
@click.argument("model")
@click.option("--env", "environment", metavar="ENV", help="Where; the last environment in which the model serves otherwise.")
@click.option("--to", "name", metavar="VERSION|DIGEST", help="To this release, verified there, instead of the one before.")
@click.option("--keep", is_flag=True, help="Do not reject the release that is left.")
@click.option("--reason", metavar="TEXT", default="a person rolled it back", show_default=True, help="Why, for the ledger.")
@json_option
def command(model: str, environment: str | None, name: str | None, keep: bool, reason: str, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Return an environment to the verified release before the serving one, in one commit, without canary steps.

    Works at any hour: freeze windows and approvals do not apply. Rejects the release that it leaves, and holds automatic
    promotion until somebody promotes or resumes. Asked twice, it goes back once; --to goes further.

    Where runtime.minimum of release.yaml asks for a newer runtime than the release has, its model is first put on the
    present one, in an image that was never verified: that goes back through a canary.

    \b
    Example:
      release rollback churn --env production
    """
    from release.artifact.rollback import Leaves, Rollback  # noqa: PLC0415 (kept off the path of --help)
    from release.cli import ordering, patching  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.stages.rollback import rollback  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    order = Rollback(
        place=ordering.place(workspace, model, environment),
        to=name,
        leaves=Leaves.KEPT if keep else Leaves.REJECTED,
        leaving=None,
        reason=reason,
        by=workspace.source.identity(),
    )
    record = rollback(patching.patched(workspace, order), desk=ordering.desk(workspace))
    emit(record, lambda: ordering.text(record), as_json=as_json)
