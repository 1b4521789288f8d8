"""`release evaluate`: one stage alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import json_option, models_argument, show
from release.config.names import reported

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import EvaluateRecord


@click.command(short_help="Score challenger and champion on the same held-out rows.")
@models_argument
@json_option
def command(models: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Score the trained challenger and the champion on the same held-out rows; nothing is judged yet.

    Needs the record that `release train` wrote for this commit.

    \b
    Example:
      release evaluate churn
    """
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)

    done = each(models, _evaluate)
    show(done, _text, one=len(models) == 1, as_json=as_json)


def _evaluate(workspace: Workspace, job: Job) -> EvaluateRecord:
    from release.cli import budget, pipeline  # noqa: PLC0415 (kept off the path of --help)

    done = pipeline.evaluate(workspace, job, pipeline.train(workspace, job, known=True))
    return budget.told_evaluation(workspace, job, done)


def _text(record: EvaluateRecord) -> str:
    lines = [f"{record.model}: {record.rows} held-out rows"]
    for name in reported(record.task, classes=len(record.classes)):
        if name not in record.challenger.metrics:
            continue
        value = record.challenger.metrics[name]
        against = (
            f" against {record.champion.metrics[name]:.4g}" if record.champion and name in record.champion.metrics else ""
        )
        lines.append(f"  {name:<26} {value:.4g}{against}")
    if not record.challenger.metrics:
        from release.judging.feedback import WITHHELD  # noqa: PLC0415 (only where something is withheld)

        lines.append(f"  {WITHHELD}")
    return "\n".join(lines)
