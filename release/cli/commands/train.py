"""`release train`: one stage alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import json_option, models_argument, show

if TYPE_CHECKING:
    from release.records import TrainRecord


@click.command(short_help="Train the challenger of each model that is due.")
@models_argument
@json_option
def command(models: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Train the challenger of each model named, or of every model that is due.

    The record and the model's files are kept under .release/ by digest; the same commit gives the same digest anywhere.

    \b
    Example:
      release train churn
    """
    from release.cli import pipeline  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.each import each  # noqa: PLC0415 (as above)

    done = each(models, pipeline.train)
    show(done, _text, one=len(models) == 1, as_json=as_json)


def _text(record: TrainRecord) -> str:
    scores = ", ".join(f"{name} {value:.4g}" for name, value in record.cross_validation.items())
    searched = f", best of {record.candidates} candidates (cross-validation {scores})" if scores else ""
    size = record.size_bytes / 1000
    return f"{record.model}: {record.model_digest} ({record.estimator}, {record.rows} rows, {size:.0f} kB{searched})"
