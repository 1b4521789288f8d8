"""`release compare`: the gate alone, on two files of predictions."""

from __future__ import annotations

from pathlib import Path

import click

from release.cli.render import emit, json_option

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Judge two files of predictions by one metric.")
@click.option("--champion", type=_FILE, required=True, help="CSV or Parquet with id, truth and output.")
@click.option("--challenger", type=_FILE, required=True, help="The same rows, scored by the challenger.")
@click.option("--target", required=True, metavar="COLUMN", help="The truth: 0 and 1, or a number for regression.")
@click.option("--score", required=True, metavar="COLUMN", help="P(positive), or the prediction for regression.")
@click.option("--id", "row", required=True, metavar="COLUMN", help="What names a row; rows are aligned by it.")
@click.option("--metric", required=True)
@click.option("--margin", metavar="NUMBER|PERCENT", help="Not worse by more than this (2% is relative to the champion).")
@click.option("--better-by", type=float, help="Better by more than this.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="For metrics of labels.")
@click.option("--alpha", type=click.FloatRange(0, 0.2, min_open=True), default=0.05, show_default=True)
@json_option
def command(
    champion: Path,
    challenger: Path,
    target: str,
    score: str,
    row: str,
    metric: str,
    margin: str | None,
    better_by: float | None,
    threshold: float,
    alpha: float,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Judge two files of predictions by one metric; needs no repository.

    Exit code 0 is PASS, 4 FAIL or INVALID, 7 INCONCLUSIVE.

    \b
    Example:
      release compare --champion a.csv --challenger b.csv --target y --score p --id id \\
        --metric roc_auc --margin 0.01
    """
    from release.cli.finish import finish  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.summary import verdict_text  # noqa: PLC0415 (as above)
    from release.config.margins import parse_margin  # noqa: PLC0415 (as above)
    from release.errors import BadInputError  # noqa: PLC0415 (as above)
    from release.stages.compare import Columns, compare  # noqa: PLC0415 (numpy, pandas)

    if (margin is None) == (better_by is None):
        raise BadInputError("say either --margin or --better-by", where="release compare", fix="for example --margin 0.01")
    record = compare(
        champion,
        challenger,
        Columns(id=row, target=target, score=score),
        metric=metric,
        margin=None if margin is None else parse_margin(margin, where="--margin"),
        better_by=better_by,
        threshold=threshold,
        alpha=alpha,
    )
    emit(record, lambda: verdict_text(record), as_json=as_json)
    finish([record])
