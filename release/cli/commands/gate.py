"""`release gate`: one stage alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import json_option, models_argument, show

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import VerdictRecord


@click.command(short_help="Judge the challenger: PASS, FAIL, INCONCLUSIVE or INVALID.")
@models_argument
@click.option("--base", metavar="REV", help="Read the gate's policy from the merge base of REV and HEAD.")
@json_option
def command(models: tuple[str, ...], base: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Judge the challenger by the gate of model.yaml. Exit code 0 is PASS, 4 FAIL or INVALID, 7 INCONCLUSIVE.

    Needs the records that `release train` and `release evaluate` wrote for this commit.

    \b
    Example:
      release gate churn --base main --json
    """
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.finish import finish  # noqa: PLC0415 (as above)
    from release.cli.summary import verdict_text  # noqa: PLC0415 (as above)

    done = each(models, _gate, base=base)
    show(done, verdict_text, one=len(models) == 1, as_json=as_json)
    finish(done)


def _gate(workspace: Workspace, job: Job) -> VerdictRecord:
    from release.cli import pipeline  # noqa: PLC0415 (kept off the path of --help)

    trained = pipeline.train(workspace, job, known=True)
    return pipeline.gate(workspace, job, pipeline.evaluate(workspace, job, trained, known=True))
