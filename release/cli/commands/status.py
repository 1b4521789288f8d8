"""`release status`: what serves where, since when, by which commit, on what evidence; by the ledger."""

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
@json_option
def command(models: tuple[str, ...], fetch: bool, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    r"""Show for every model and environment which release serves by the ledger, since when, and on what evidence.

    \b
    Example:
      release status --fetch
    """
    from release.cli.wiring import Workspace  # noqa: PLC0415 (kept off the path of --help)
    from release.config.names import model_name  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    ledgers = workspace.ledgers(fetch=fetch)
    known = sorted(set(ledgers) | {model_name(name) for name in workspace.models()})
    wanted = [model_name(name) for name in models] or known
    rows = [_row(name, environment, ledgers.get(name)) for name in wanted for environment in workspace.environments]
    emit({"releases": rows}, lambda: _text(rows), as_json=as_json)


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
    lines = []
    for row in rows:
        head = f"{row['model']:<20} {row['environment']:<12}"
        release = row["serves"]
        if release is None:
            lines.append(f"{head} nothing")
            continue
        evidence = row["evidence"]
        state = "verified" if row["verified"] else "not verified yet"
        judged = f", {evidence.verdict}" if evidence else ""
        lines.append(
            f"{head} {release.version:<4} model {release.model_digest[7:19]} image {release.image_digest[7:19]} "
            f"since {row['since']} by {(row['commit'] or '?')[:12]}{judged}, {state}"
        )
    return "\n".join(lines) or "no models"
