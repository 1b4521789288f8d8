"""`release check`: everything that needs no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from release.records import CheckRecord


@click.command(short_help="Check everything that needs no training.")
@models_argument
@click.option(
    "--base", metavar="REV", help="Compare with the merge base of REV and HEAD; refuse what only the tool may write."
)
@json_option
def command(models: tuple[str, ...], base: str | None, as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Check configuration, data contract, leakage and values files of each model named, or of all models.

    \b
    Example:
      release check churn
    """
    from release.cli.checking import check_models, check_repository  # noqa: PLC0415 (kept off the path of --help)

    notes = check_repository(base)
    done = check_models(models)
    document = {"notes": list(notes), "models": done}
    emit(document, lambda: "\n".join([*notes, *map(_text, done)]) or "no models", as_json=as_json)


def _text(record: CheckRecord) -> str:
    rows = f"{record.train_rows} rows to train on, {record.test_rows} held out"
    head = f"{record.model}: in order ({rows}, {record.columns} columns)"
    return "\n".join([head, *(f"  note: {note}" for note in record.notes)])
