"""`release report`: one stage alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from pathlib import Path

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import PackageRecord, ReportRecord, TrainRecord


@click.command(short_help="Write the verdict as Markdown and as one HTML file.")
@models_argument
@click.option("--base", metavar="REV", help="Read the gate's policy from the merge base of REV and HEAD.")
@click.option("--markdown", is_flag=True, help="Print the Markdown instead of where it is.")
@json_option
def command(models: tuple[str, ...], base: str | None, markdown: bool, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Write the verdict as Markdown, fit for a pull request, and as one HTML file that needs no network.

    Needs the records that train, evaluate and gate wrote for this commit. Files: .release/reports/MODEL/. Where helm is
    installed the report also shows what changes in the manifests of each environment, without a cluster: the base's chart
    and values against those here, or, without --base, what was promoted last.

    \b
    Example:
      release report churn --markdown
      release report churn --base main
    """
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)

    done = each(models, _report, base=base)
    documents = [
        {"record": record, "markdown": folder / "report.md", "html": folder / "report.html"} for record, folder in done
    ]

    def text() -> str:
        if markdown:
            return "\n\n".join((folder / "report.md").read_text() for _, folder in done)
        return (
            "\n".join(f"{folder / name}" for _, folder in done for name in ("report.md", "report.html"))
            or "nothing to release"
        )

    emit(documents[0] if len(models) == 1 else documents, text, as_json=as_json)


def _report(workspace: Workspace, job: Job) -> tuple[ReportRecord, Path]:
    from release.cli import pipeline  # noqa: PLC0415 (kept off the path of --help)

    trained = pipeline.train(workspace, job, known=True)
    evaluated = pipeline.evaluate(workspace, job, trained, known=True)
    verdict = pipeline.gate(workspace, job, evaluated, known=True)
    record = pipeline.report(workspace, job, trained, evaluated, verdict, _packaged(workspace, job, trained))
    return record, pipeline.report_folder(workspace, job.model)


def _packaged(workspace: Workspace, job: Job, trained: TrainRecord) -> PackageRecord | None:
    """Return the package of this commit, else what it would be, as `dry-run` says it; None where neither is known here."""
    from release.cli import pipeline, runtimes  # noqa: PLC0415 (kept off the path of --help)
    from release.errors import BadInputError, EnvironmentTroubleError  # noqa: PLC0415 (as above)

    try:
        with contextlib.suppress(BadInputError):
            return pipeline.package(workspace, job, trained, known=True)
        if runtimes.named(workspace, job.spec.serving.format) is not None:
            return pipeline.rehearse_package(workspace, job, trained)
    except (BadInputError, EnvironmentTroubleError) as error:
        workspace.progress.note(f"{job.model}: the image is not known: {error}")
    return None
