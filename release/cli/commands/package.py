"""`release package`: one stage alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import TerminalProgress, json_option, models_argument, show

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import PackageRecord


@click.command(short_help="Put the model into an image, by digest.")
@models_argument
@json_option
def command(models: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Put the trained model into an image and the image into the registry. The same model is the same image, anywhere.

    Needs the record that `release train` wrote for this commit; no Docker.

    \b
    Example:
      release package churn
    """
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)

    done = each(models, _package)
    if any(record.runtime is None for record in done):
        from release.cli.runtimes import NOTHING_RUNS  # noqa: PLC0415 (as above)

        TerminalProgress().note(NOTHING_RUNS)
    show(done, _text, one=len(models) == 1, as_json=as_json)


def _package(workspace: Workspace, job: Job) -> PackageRecord:
    from release.cli import pipeline  # noqa: PLC0415 (kept off the path of --help)

    return pipeline.package(workspace, job, pipeline.train(workspace, job, known=True))


def _text(record: PackageRecord) -> str:
    carried = f", {record.requests} requests to replay" if record.requests else ""
    size = f"{record.size_bytes / 1e6:.0f} MB" if record.runtime else f"{record.size_bytes / 1000:.0f} kB"
    return f"{record.model}: {record.repository}@{record.digest} ({size}{carried})"
