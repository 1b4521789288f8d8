"""`release status`: what serves where by the ledger, since when and on what evidence; and what the cluster shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from release.artifact.ledger import Ledger
    from release.records import EnvironmentName, ModelName


@click.command(short_help="Show what serves where, since when and why.")
@models_argument
@click.option("--fetch/--no-fetch", default=False, help="Ask the deploy branch's remote first.")
@click.option("--cluster/--no-cluster", default=None, help="Ask the clusters too; the default where KUBECONFIG is set.")
@click.option("--watch", is_flag=True, help="Show it again whenever a cluster reports a change; implies --cluster, --fetch.")
@click.option("--argocd", default="argocd", metavar="NAMESPACE", help="Where Applications are; read only if permitted.")
@json_option
def command(models: tuple[str, ...], fetch: bool, cluster: bool | None, watch: bool, argocd: str, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Show for every model and environment which release serves by the ledger, since when, and on what evidence.

    With a cluster in reach also what it shows: phase and step, what was measured beside its limit, what Argo CD says, and
    what to do where cluster and Git differ. What is held, frozen or rejected is said either way.

    \b
    Example:
      release status --fetch
    """
    from release.cli import actual, standing  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.config.names import model_name  # noqa: PLC0415 (as above)
    from release.errors import BadInputError  # noqa: PLC0415 (as above)

    def look() -> list[dict[str, Any]]:
        ledgers = workspace.ledgers(fetch=fetch or watch)
        known = sorted(set(ledgers) | {model_name(name) for name in workspace.models()})
        wanted = [model_name(name) for name in models] or known
        for name in wanted:
            if name not in known:
                fix = f"models here: {', '.join(known) or 'none yet'}"
                raise BadInputError(f"there is no model {name}", where=f"models/{name}/model.yaml", fix=fix)
        rows = [_row(name, environment, ledgers.get(name)) for name in wanted for environment in workspace.environments]
        eyes = actual.Eyes(clusters, argocd) if clusters is not None else None
        for row in rows:
            where = workspace.environment(row["environment"])
            row["standing"] = standing.standing(ledgers.get(row["model"]), where, workspace.clock.now())
            if eyes is not None:
                row["actual"] = actual.actual(workspace, eyes, ledgers, row["model"], where)
        return rows

    def show(rows: list[dict[str, Any]]) -> None:
        emit({"releases": rows}, lambda: _text(rows), as_json=as_json)

    workspace = Workspace.here()
    clusters = None
    if watch or cluster or (cluster is None and actual.is_known()):
        from release.cli.reconciling import Clusters  # noqa: PLC0415 (only where a cluster is read)

        clusters = Clusters(workspace.project.environments)
    show(look())
    if watch and clusters is not None:
        from release.cli.watching import waiting_out  # noqa: PLC0415 (only where a cluster is watched)

        for rows in waiting_out(clusters.changes, look, workspace.progress):
            click.clear()
            show(rows)


def _row(model: ModelName, environment: EnvironmentName, ledger: Ledger | None) -> dict[str, Any]:
    from release.artifact.ledger import serving, verified  # noqa: PLC0415 (kept off the path of --help)

    event = serving(ledger, environment) if ledger is not None else None
    if ledger is None or event is None or event.release is None:
        return {"model": model, "environment": environment, "serves": None}
    return {
        "model": model,
        "environment": environment,
        "serves": event.release,
        "since": event.at,
        "commit": event.commit,
        "evidence": event.evidence,
        "verified": verified(ledger, environment, event.release),
    }


def _text(rows: list[dict[str, Any]]) -> str:
    from release.cli import actual, standing  # noqa: PLC0415 (kept off the path of --help)

    lines: list[str] = []
    for row in rows:
        shown = [*standing.lines(row["standing"], row["model"]), *(actual.lines(row["actual"]) if "actual" in row else [])]
        head = f"{row['model']:<20} {row['environment']:<12}"
        release = row["serves"]
        if release is None:
            lines += [f"{head} nothing", *shown]
            continue
        evidence = row["evidence"]
        state = "verified" if row["verified"] else "not verified yet"
        judged = f", {evidence.verdict}" if evidence else ""
        lines.append(
            f"{head} {release.version:<4} model {release.model_digest[7:19]} image {release.image_digest[7:19]} "
            f"since {row['since']} by {(row['commit'] or '?')[:12]}{judged}, {state}"
        )
        lines += shown
    return "\n".join(lines) or "no models"
