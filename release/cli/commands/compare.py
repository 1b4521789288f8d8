"""`release compare`: the gate alone, on files of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from release.cli.render import emit, json_option

if TYPE_CHECKING:
    from release.config.build import GateFile
    from release.judging.compared import Columns
    from release.records import VerdictRecord

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TASKS = click.Choice(["binary", "multiclass", "regression"])
_ALPHA = 0.05


@click.command(short_help="Judge two files of predictions by metrics, margins and floors.")
@click.option("--challenger", type=_FILE, required=True, help="CSV or Parquet with ids and the output to judge.")
@click.option("--champion", type=_FILE, help="The same rows by the model to replace; without it floors alone are judged.")
@click.option("--truth", type=_FILE, help="The same rows with target, group, weight or slice columns.")
@click.option("--id", "row", metavar="COLUMN", help="What names a row; rows are aligned by it.")
@click.option("--target", metavar="COLUMN", help="The truth: two values, a class, or a number.")
@click.option("--positive", metavar="VALUE", help="The target's value that counts as positive; 1 or true unless given.")
@click.option("--score", metavar="COLUMN", multiple=True, help='P(positive), the prediction, or P(class): "p_*", or each.')
@click.option("--champion-score", metavar="COLUMN", multiple=True, help="The champion's, where they are called otherwise.")
@click.option("--label", metavar="COLUMN", help="The predicted class, for metrics of labels.")
@click.option("--champion-label", metavar="COLUMN", help="The champion's, where it is called otherwise.")
@click.option("--threshold", type=float, help="Makes labels of P(positive); 0.5 unless given.")
@click.option("--champion-threshold", type=float, help="The champion's, where it is another.")
@click.option("--group", metavar="COLUMN", help="Rows that belong together are drawn together.")
@click.option("--weight", metavar="COLUMN", help="How much a row counts.")
@click.option("--metric", "metrics", metavar="METRIC", multiple=True, help="The first is the primary, the others guards.")
@click.option(
    "--margin",
    "margins",
    metavar="[METRIC=]X",
    multiple=True,
    help="Not worse by more than this (2% is relative to the champion); one for each metric.",
)
@click.option("--better-by", type=float, help="The primary: better by more than this.")
@click.option("--floor", "floors", metavar="METRIC=X", multiple=True, help="The challenger alone: surely beyond this.")
@click.option("--slice", "slices", metavar="[NAME=]COLUMN=VALUE", multiple=True, help="The primary's margin on these rows.")
@click.option("--alpha", type=float, help=f"The error rate of the judgement; {_ALPHA} unless given.")
@click.option("--gate", type=_FILE, help="A model.yaml, or its gate: in place of the options for metrics to alpha.")
@click.option("--task", type=_TASKS, help="What is predicted, where the metrics do not say.")
@json_option
def command(**given: Any) -> None:
    """Judge two files of predictions; needs no repository, and no look is counted.

    Exit code 0 is PASS, 4 FAIL or INVALID, 7 INCONCLUSIVE, 2 what cannot be read or meant, with its row.

    \b
    Examples:
      release compare --champion a.csv --challenger b.csv --target y --score p --id id \\
        --metric roc_auc --margin 0.01
      release compare --champion a.parquet --challenger b.csv --truth truth.csv --id id --target y --score p \\
        --metric roc_auc --margin roc_auc=0.01 --metric brier_score --margin brier_score=0.02 \\
        --floor roc_auc=0.9 --slice smoker=true --group patient --weight w
      release compare --champion a.csv --challenger b.csv --id id --target animal --score "p_*" \\
        --metric log_loss --better-by 0 --metric accuracy --margin 0.02
      release compare --champion a.csv --challenger b.csv --gate model.yaml --score p --json
    """
    from release.cli.finish import finish  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.summary import verdict_text  # noqa: PLC0415 (as above)
    from release.config.build import load_gate  # noqa: PLC0415 (pydantic)
    from release.config.comparing import option_at, policy_of  # noqa: PLC0415 (as above)
    from release.stages.compare import Files, compare  # noqa: PLC0415 (numpy, pandas)

    file: GateFile | None = None
    if given["gate"] is not None:
        _refuse_both(given)
        file = load_gate(given["gate"].read_bytes(), where=str(given["gate"]))
    columns = _columns(given, file)
    model = file.model if file is not None else None
    record = compare(
        Files(challenger=given["challenger"], champion=given["champion"], truth=given["truth"]),
        columns,
        file.gate if file is not None else policy_of(_asked(given)),
        file.at if file is not None else option_at,
        task=given["task"] or (model.task if model is not None else None),
    )
    emit(record, lambda: "\n".join([verdict_text(record), *_notes(record)]), as_json=given["as_json"])
    finish([record])


def _notes(record: VerdictRecord) -> list[str]:
    """Say what no comparison says: what makes it INVALID, and what of the gate was not judged."""
    from release.report.words import own_reasons  # noqa: PLC0415 (only when something is shown)

    return [f"  note: {reason}" for reason in own_reasons(record)]


def _refuse_both(given: dict[str, Any]) -> None:
    """Refuse a policy that is said twice, so that nobody wonders which one holds."""
    from release.errors import BadInputError  # noqa: PLC0415 (kept off the path of --help)

    options = {"metrics": "--metric", "margins": "--margin", "better_by": "--better-by", "floors": "--floor"}
    options |= {"slices": "--slice", "alpha": "--alpha"}
    said = [option for name, option in options.items() if given[name] not in (None, ())]
    if said:
        fix = f"write it in {given['gate']}, or leave --gate out"
        raise BadInputError(f"{said[0]} beside --gate", where="release compare", fix=fix)


def _asked(given: dict[str, Any]) -> Any:
    """Return the policy as options say it."""
    from release.config.comparing import Asked  # noqa: PLC0415 (pydantic)
    from release.errors import BadInputError  # noqa: PLC0415 (as above)

    if given["champion"] is None and (given["metrics"] or given["margins"] or given["better_by"] is not None):
        fix = "add --champion, or judge the challenger alone: --floor METRIC=X without --metric"
        raise BadInputError("there is no baseline to compare with", where="--champion", fix=fix)
    return Asked(
        metrics=given["metrics"],
        margins=given["margins"],
        better_by=given["better_by"],
        floors=given["floors"],
        slices=given["slices"],
        alpha=_ALPHA if given["alpha"] is None else given["alpha"],
    )


def _columns(given: dict[str, Any], file: GateFile | None) -> Columns:
    """Return which columns are what: as options say, else as the model.yaml behind `--gate` does."""
    from release.data.scored import OutputColumns  # noqa: PLC0415 (numpy)
    from release.data.values import label  # noqa: PLC0415 (as above)
    from release.judging.compared import Columns  # noqa: PLC0415 (numpy)

    model = file.model if file is not None else None
    data = model.data if model is not None else None
    positive = given["positive"]
    if positive is None and data is not None and data.target.positive is not None:
        positive = label(data.target.positive)
    threshold = _threshold(given, file)
    output = OutputColumns(scores=given["score"], label=given["label"], threshold=threshold)
    other = given["champion_threshold"]
    champion = OutputColumns(
        scores=given["champion_score"] or given["score"],
        label=given["champion_label"] or given["label"],
        threshold=threshold if other is None else other,
    )
    return Columns(
        id=_named("--id", given["row"], data.id if data else None),
        target=_named("--target", given["target"], data.target.column if data else None),
        challenger=output,
        champion=champion,
        positive=positive,
        group=given["group"] or (data.group if data else None),
        weight=given["weight"] or (data.weight if data else None),
    )


def _named(option: str, given: str | None, otherwise: str | None) -> str:
    from release.errors import BadInputError  # noqa: PLC0415 (kept off the path of --help)

    found = given or otherwise
    if found is None:
        raise BadInputError("no column is named", where=option, fix=f"add {option} COLUMN")
    return found


def _threshold(given: dict[str, Any], file: GateFile | None) -> float | None:
    """Return what makes labels of scores; None for one that was chosen on training rows, which are not here."""
    model = file.model if file is not None else None
    if given["threshold"] is not None or model is None:
        return 0.5 if given["threshold"] is None else float(given["threshold"])
    return model.evaluation.threshold if isinstance(model.evaluation.threshold, float) else None
