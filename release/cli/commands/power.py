"""`release power`: what a test set can and cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.stages.power import Reach


@click.command(short_help="Say what a test set can and cannot show.")
@models_argument
@json_option
def command(models: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Say for each metric of the gate what the held-out rows can show, before any model is scored.

    \b
    Example:
      release power churn
    """
    from release.cli.each import each  # noqa: PLC0415 (kept off the path of --help)

    done = each(models, _power)
    documents = [{"model": model, "reach": reach} for model, reach in done]
    text = "\n\n".join(_text(model, reach) for model, reach in done) or "nothing to release"
    emit(documents[0] if len(models) == 1 else documents, lambda: text, as_json=as_json)


def _power(workspace: Workspace, job: Job) -> tuple[str, tuple[Reach, ...]]:
    workspace.pin()
    from release.stages.power import power  # noqa: PLC0415 (numpy, pandas)

    return job.model, power(job.model, job.spec, job.policy, folder=workspace.source.root / job.folder)


def _text(model: str, reach: tuple[Reach, ...]) -> str:
    lines = [f"{model}:"]
    for one in reach:
        lines.append(f"  {one.metric}: {one.deciding} rows decide")
        if one.identical is not None:
            lines.append(f"    even identical predictions prove no margin below {one.identical:.4f}")
        if one.detectable is not None:
            lines.append(f"    the smallest difference found 8 times in 10 is {one.detectable:.4f}, assuming {one.assuming}")
        else:
            lines.append(f"    what difference can be found depends on {one.assuming}")
        if one.margin_rows is not None and one.margin is not None:
            enough = "has" if one.margin_rows <= one.deciding else "lacks"
            needs = f"{one.margin_rows} such rows; the test set {enough} them"
            lines.append(f"    equal models pass the margin of {one.margin:g} with {needs}")
    return "\n".join(lines)
