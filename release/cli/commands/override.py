"""`release override`: owners let a release pass one rule for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option

if TYPE_CHECKING:
    from datetime import datetime

KINDS = ("gate", "environment", "freeze", "rejected")


@click.command(short_help="Let a release pass one rule for a while.")
@click.argument("model")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Which rule gives way.")
@click.option("--env", "environment", metavar="ENV", help="Where; in all environments otherwise.")
@click.option("--release", "name", metavar="VERSION|DIGEST", help="For this release; the last one rejected, else any.")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the ledger.")
@click.option("--approver", "approvers", metavar="NAME", multiple=True, help="Who agreed, beside you; once for each.")
@click.option("--until", metavar="TIME", help="When it ends, as 2026-01-31T12:00:00+00:00; as late as allowed otherwise.")
@json_option
def command(
    model: str,
    kind: str,
    environment: str | None,
    name: str | None,
    reason: str,
    approvers: tuple[str, ...],
    until: str | None,
    as_json: bool,  # noqa: FBT001 (click passes it)
) -> None:
    """Record that owners let a model's release pass one rule: with reason, approvers and an end.

    gate: a verdict that is not PASS (never INVALID). environment: not verified, or not for long enough, in the environment
    before. freeze: a freeze window. rejected: a rejection, which is lifted for that release.

    \b
    Example:
      release override churn --kind rejected --reason "Prometheus was wrong" --approver grace --approver ada
    """
    from release.artifact.orders import Overridden, Override, Reach  # noqa: PLC0415 (kept off the path of --help)
    from release.cli import ordering  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.schedule import duration  # noqa: PLC0415 (as above)
    from release.stages.override import override  # noqa: PLC0415 (as above)

    workspace = Workspace.here()
    policy = workspace.project.override
    order = Override(
        place=ordering.place(workspace, model, environment or workspace.environments[0]),
        kind=Overridden(kind),
        release=name,
        reason=reason,
        by=workspace.source.identity(),
        approvers=approvers,
        needed=policy.approvals.count,
        longest=duration(policy.expires),
        until=None if until is None else _time(until),
        reach=Reach.HERE if environment else Reach.EVERYWHERE,
    )
    record = override(order, desk=ordering.desk(workspace))
    emit(record, lambda: ordering.text(record), as_json=as_json)


def _time(text: str) -> datetime:
    from datetime import UTC, datetime  # noqa: PLC0415 (as above)

    from release.errors import BadInputError  # noqa: PLC0415 (as above)

    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInputError(
            f"{text!r} is no time", where="--until", fix="write it like 2026-01-31T12:00:00+00:00"
        ) from error
