"""`release reconcile`: what the cluster made of promotions becomes events, and what failed is restored in Git."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from release.stages.reconcile import ReconcileRecord


@click.command(short_help="Bring ledger and values up to what the cluster shows.")
@models_argument
@click.option("--env", "names", metavar="ENV", multiple=True, help="Only there, once for each; everywhere otherwise.")
@click.option("--watch", is_flag=True, help="Go on whenever the cluster reports a change.")
@click.option("--follow", metavar="BRANCH", help="Read release.yaml from this branch of origin, anew at each look.")
@json_option
def command(models: tuple[str, ...], names: tuple[str, ...], watch: bool, follow: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Read Rollouts and AnalysisRuns: what is verified goes to the ledger and on to the next environment, as its
    `promote:` says; what failed is restored in Git, rejected or withdrawn.

    Needs a kubeconfig (KUBECONFIG), or to run in the cluster; list and watch of rollouts, list of analysisruns and
    replicasets. Run twice, at once or interrupted, it comes to the same.

    \b
    Example:
      release reconcile --env staging --watch
    """  # noqa: D205 (one sentence over two lines)
    from release.cli import reconciling, watching  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.errors import ConflictError  # noqa: PLC0415 (as above)

    here = Workspace.here()

    def look() -> Workspace:
        return Workspace(here.source) if follow is None else here.following(follow)

    if watch:
        for record in watching.always(look, models, names, here.progress):
            emit(record, partial(_text, record), as_json=as_json)
        return
    workspace = look()
    clusters = reconciling.Clusters(reconciling.environments(workspace, names))
    done = reconciling.once(workspace, models, clusters)
    emit({"reconciled": done}, lambda: "\n".join(map(_text, done)) or "nothing was ever promoted there", as_json=as_json)
    trouble = [record for record in done if record.trouble is not None]
    if trouble:
        first = trouble[0]
        where = f"{first.amended.model} in {first.amended.environment}"
        raise ConflictError(first.trouble or "", where=where)


def _text(record: ReconcileRecord) -> str:
    one = record.amended
    if one.deploy_commit is not None:
        lines = [f"{one.why}: commit {one.deploy_commit[:12]} on {one.deploy_branch}"]
    else:
        lines = [f"{one.model} in {one.environment}: {record.trouble or one.why}"]
    return "\n".join([*lines, *(f"  {said}" for said in record.onward if said != one.why)])
