"""`release dry-run`: the whole sequence here, changing nothing but `.release/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import VerdictRecord


@click.command(short_help="Do all of it here, changing nothing but .release/.")
@models_argument
@click.option("--to", "environment", metavar="ENV", help="The environment whose change to show; the first one unless given.")
@click.option("--base", metavar="REV", help="Read the gate's policy from the merge base of REV and HEAD.")
@json_option
def command(models: tuple[str, ...], environment: str | None, base: str | None, as_json: bool) -> None:  # noqa: FBT001 (click)
    """Train, judge and package each model named, or every model that is due, and show what a promotion would commit.

    Writes only under .release/. A second run on the same commit reuses every stage whose inputs are the same.

    \b
    Examples:
      release dry-run
      release dry-run churn --base main
    """
    from release.cli.due import chosen  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.each import base_of  # noqa: PLC0415 (as above)
    from release.cli.finish import finish  # noqa: PLC0415 (as above)
    from release.cli.jobs import job  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.errors import ReleaseError  # noqa: PLC0415 (as above)

    workspace = Workspace.as_it_is()
    to = workspace.environment(environment or workspace.environments[0]).name
    start = base_of(workspace, base)
    results: list[dict[str, Any]] = []
    verdicts: list[VerdictRecord] = []
    failed: list[ReleaseError] = []
    wanted = chosen(workspace, models, base=base)
    for name, kind in wanted:
        try:
            document, text, verdict = _one(workspace, job(workspace, name, kind=kind, base=start), to)
        except ReleaseError as error:
            if len(wanted) == 1:
                raise
            workspace.progress.note(f"{name}: {error}")
            failed.append(error)
            continue
        results.append(document)
        verdicts.append(verdict)
        if not as_json:
            click.echo(text + "\n")
    if any(document["package"].runtime is None for document in results):
        from release.cli.runtimes import NOTHING_RUNS  # noqa: PLC0415 (as above)

        workspace.progress.note(NOTHING_RUNS)
    if failed:
        # All models had their turn; the first failure decides the exit code.
        raise failed[0]
    if as_json or not results:
        emit({"models": results}, lambda: "nothing to release", as_json=as_json)
    finish(verdicts)


def _one(workspace: Workspace, job: Job, to: str) -> tuple[dict[str, Any], str, VerdictRecord]:
    """Run the sequence for one model and tell it as a document and as text."""
    from release.cli import pipeline, promoting, summary  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.indexing import index  # noqa: PLC0415 (as above)
    from release.judging.feedback import shown_evaluation  # noqa: PLC0415 (as above)
    from release.records import Verdict  # noqa: PLC0415 (as above)

    pipeline.check(workspace, job)
    trained = pipeline.train(workspace, job)
    evaluated = pipeline.evaluate(workspace, job, trained)
    verdict = pipeline.gate(workspace, job, evaluated)
    packaged = pipeline.rehearse_package(workspace, job, trained)
    reported = pipeline.report(workspace, job, trained, evaluated, verdict, packaged)
    told = shown_evaluation(evaluated, verdict)
    index(workspace, trained, told, verdict)
    promotion = None
    if verdict.verdict is Verdict.PASS:
        promotion = promoting.preview(workspace, job, to, evaluated, verdict, packaged)
    folder = pipeline.report_folder(workspace, job.model)
    if promotion is not None:
        workspace.store.write(folder / "promotion.diff", promotion.diff.encode())
    document = {
        "model": job.model,
        "kind": job.kind,
        "verdict": verdict,
        "train": trained,
        "evaluate": told,
        "package": packaged,
        "report": reported,
        "promotion": promotion,
    }
    shown = folder.relative_to(workspace.source.root)
    return document, summary.dry_run_text(told, verdict, packaged, promotion, shown), verdict
