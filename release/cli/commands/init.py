"""`release init`: a model in this repository, from a data file to a first dry-run."""

from __future__ import annotations

from pathlib import Path

import click

from release.cli.render import emit, json_option


@click.command(short_help="Start a model in this repository from a data file.")
@click.argument("model")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV or Parquet with all labelled rows.",
)
@click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
@click.option("--id", "row_id", metavar="COLUMN", help="The column that names a row; one is found or added unless given.")
@click.option("--group", metavar="COLUMN", help="Rows with the same value stay on one side of the split.")
@click.option(
    "--test-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.3,
    show_default=True,
    help="Held out.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of split and training.")
@json_option
def command(
    model: str,
    source: Path,
    target: str,
    row_id: str | None,
    group: str | None,
    test_share: float,
    seed: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Split the data once, draft models/MODEL/model.yaml, and add the release.yaml, chart and workflows that are missing.

    Nothing that exists is overwritten. Read the draft, then run `release dry-run`, then commit.

    \b
    Example:
      release init churn --from customers.csv --target churned
    """
    from release.cli.starting import Start, start  # noqa: PLC0415 (pandas, scikit-learn)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (kept off the path of --help)
    from release.config.names import model_name  # noqa: PLC0415 (as above)

    asked = Start(
        model=model_name(model), source=source, target=target, row_id=row_id, group=group, share=test_share, seed=seed
    )
    written = start(Workspace.here(), asked)
    lines = [
        *(f"wrote {path}" for path in written),
        "",
        "next: read models/" + model + "/model.yaml, then `release dry-run`",
    ]
    emit({"model": model, "written": written}, lambda: "\n".join(lines), as_json=as_json)
