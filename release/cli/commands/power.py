"""`release power`: what a test set can and cannot show, and what one would have to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.model import Margin
    from release.judging.prospects import Bound, Power, Reach
    from release.learning.predict import Predictions
    from release.stages.power import Asked


@click.command(short_help="Say what a test set can and cannot show.")
@models_argument
@click.option("--margin", "margins", multiple=True, metavar="METRIC=NUMBER|PERCENT", help="Plan with this margin instead.")
@click.option("--looks", type=click.IntRange(1, 10_000), help="Plan with this budget of looks instead.")
@click.option("--rows", type=click.IntRange(20, 1_000_000_000), help="Plan for so many test rows like those there are.")
@click.option(
    "--prevalence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Without a model: the share of positives.",
)
@json_option
def command(
    models: tuple[str, ...],
    margins: tuple[str, ...],
    looks: int | None,
    rows: int | None,
    prevalence: float,
    as_json: bool,  # noqa: FBT001 (click passes it)
) -> None:
    """Say what the held-out rows can show of each metric and slice, and how often the whole gate would pass.

    Challengers that are equal, slightly better and slightly worse are simulated: around the champion's own predictions where
    this machine has them, else around assumed ones, which are named. With --margin and no model, a test set is planned
    before there are data; this needs no repository.

    \b
    Examples:
      release power churn
      release power churn --rows 20000 --looks 10
      release power --margin roc_auc=0.01 --margin recall=0.05 --prevalence 0.1 --looks 20
    """
    from release.stages.power import Asked  # noqa: PLC0415 (numpy, pandas)

    asked = Asked(margins=dict(map(_margin, margins)), looks=looks, rows=rows)
    if margins and not models:
        planned = _planned(asked, prevalence)
        emit({"model": None, **_document(planned)}, lambda: _text("plan", planned), as_json=as_json)
        return
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)

    done = each(models, lambda workspace, job: _power(workspace, job, asked))
    documents = [{"model": model, **_document(found)} for model, found in done]
    text = "\n\n".join(_text(model, found) for model, found in done) or "nothing to release"
    emit(documents[0] if len(models) == 1 else documents, lambda: text, as_json=as_json)


def _margin(text: str) -> tuple[str, Margin]:
    """Read `METRIC=MARGIN`. Raises BadInputError."""
    from release.config.margins import parse_margin  # noqa: PLC0415 (pydantic)
    from release.config.names import known, offered  # noqa: PLC0415 (with a margin only)
    from release.config.nearest import one_of  # noqa: PLC0415 (as above)

    metric, is_there, margin = text.partition("=")
    if not is_there:
        raise BadInputError(f'"{text}" is no margin of a metric', where="--margin", fix="write METRIC=MARGIN: roc_auc=0.01")
    if not known(metric, None):
        raise BadInputError(
            f'"{metric}" is no metric', where="--margin", fix=one_of(offered(None), metric, all_of_them=True)
        )
    return metric, parse_margin(margin, where=f"--margin {metric}")


def _planned(asked: Asked, prevalence: float) -> Power:
    """Plan without a model: for the first task that knows all the metrics."""
    from release.config.model import GateSpec  # noqa: PLC0415 (pydantic)
    from release.config.names import COST, TASKS, known  # noqa: PLC0415 (with a margin only)
    from release.stages.power import plan  # noqa: PLC0415 (numpy)

    task = next((one for one in TASKS if all(known(metric, one) for metric in asked.margins)), None)
    if task is None or task == "multiclass" or COST in asked.margins:
        fix = "name a model: its rows say how many classes there are, and what they cost"
        raise BadInputError("these metrics cannot be planned together without data", where="--margin", fix=fix)
    return plan(asked, GateSpec(), task=task, prevalence=prevalence)


def _power(workspace: Workspace, job: Job, asked: Asked) -> tuple[str, Power]:
    workspace.pin()
    from release.config.names import known  # noqa: PLC0415 (with a margin only)
    from release.stages.power import power  # noqa: PLC0415 (numpy, pandas)

    for metric in asked.margins:
        if not known(metric, job.spec.task):
            fix = f"see `release schema` for those of {job.spec.task}"
            raise BadInputError(f'"{metric}" is no metric for {job.spec.task}', where="--margin", fix=fix)
    folder = workspace.source.root / job.folder
    with workspace.progress.step(f"{job.model}: simulating challengers"):
        found = power(job.model, job.spec, job.policy, folder=folder, champion=_champion(workspace, job), asked=asked)
    return job.model, found


def _champion(workspace: Workspace, job: Job) -> tuple[Predictions, str] | None:
    """Return the champion's predictions of the present test rows, as this machine remembers them, and what to call them."""
    from release.cli.champions import champion_event  # noqa: PLC0415 (kept off the path of --help)
    from release.data import tables  # noqa: PLC0415 (pandas)
    from release.learning.predict import from_csv  # noqa: PLC0415 (numpy)
    from release.records import EvaluateRecord  # noqa: PLC0415 (as above)

    event = champion_event(workspace, job)
    if event is None or event.release is None:
        return None
    digest = event.release.model_digest
    test = tables.digest(workspace.source.root / job.folder / job.spec.data.test)
    for record in workspace.store.records("evaluate", EvaluateRecord):
        for one in (record.challenger, record.champion):
            if one is not None and (record.test_digest, one.model_digest) == (test, digest):
                content = workspace.store.get(one.predictions)
                if content is not None:
                    return from_csv(content, one.predictions), f"{event.release.version}, {digest[7:19]}"
    return None


def _document(found: Power) -> dict[str, object]:
    from release.artifact.serial import plain  # noqa: PLC0415 (kept off the path of --help)

    document: dict[str, object] = plain(found)
    return document


def _text(name: str, found: Power) -> str:
    lines = [f"{name}: {found.rows} test rows, a budget of {found.looks} looks, alpha {found.alpha:g}"]
    for one in found.reach:
        lines += _reach(one)
    if found.chances:
        lines.append("  the whole gate at once, for a challenger whose primary metric is truly")
        lines += [
            f"    {one.challenger:<42} {one.difference:+.4g}: passes {one.passes:.0%}, fails {one.fails:.0%}"
            for one in found.chances
        ]
    lines += [line for one in found.bounds for line in _bound(one)]
    lines.append(
        f"  a defect on fewer than {found.undetected:.2%} of cases (3.7/n) may leave no trace in these rows: "
        "what must not break there needs a slice"
    )
    lines += [f"  assumed: {one}" for one in found.assuming]
    return "\n".join(lines)


def _reach(one: Reach) -> list[str]:
    about = one.metric if one.slice is None else f'{one.metric} of slice "{one.slice}"'
    lines = [f"  {about}: {one.deciding} of {one.rows} rows decide" if one.units == "rows" else _grouped(about, one)]
    if one.identical is not None:
        lines.append(f"    even identical predictions prove no margin up to {one.identical:.4f}")
    if one.detectable is None:
        lines.append("    no difference can be found on these rows")
    else:
        lines.append(f"    the smallest difference found 8 times in 10 is {one.detectable:.4g}")
    if one.margin is not None and one.margin_rows is not None:
        enough = "these rows suffice" if one.margin_rows <= one.rows else f"here are {one.rows}"
        needed = f"    equal models pass the margin of {one.margin:.4g} 8 times in 10 with {one.margin_rows} rows: {enough}"
        lines.append(needed)
    return lines


def _grouped(about: str, one: Reach) -> str:
    return f"  {about}: {one.deciding} groups decide, of {one.rows} rows"


def _bound(one: Bound) -> list[str]:
    kept = f"of these keep all {one.looks} looks within {one.tolerance:g} of the truth, {1 - one.delta:.0%} certain"
    return [
        f"  {one.metric}, whatever the models, if no two differ on over {one.discordance:.1%} of such rows (ease.ml/ci):",
        f"    {one.rows} {kept}, if no result is known before the last model is made;",
        f"    {one.rows_adaptive} if every model may be built on all results before it",
    ]
