"""`release check`: everything that needs no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from release.cli.render import emit, json_option, models_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.cli.checking import Wear
    from release.records import CheckRecord
    from release.stages.manifests import ManifestRecord


@click.command(short_help="Check everything that needs no training.")
@models_argument
@click.option(
    "--base", metavar="REV", help="Compare with the merge base of REV and HEAD; refuse what only the tool may write."
)
@click.option(
    "--schemas",
    metavar="PLACE",
    help="Where Kubernetes' schemas are, a folder or a URL's template as kubeconform takes it (also RELEASE_SCHEMAS).",
)
@json_option
def command(models: tuple[str, ...], base: str | None, schemas: str | None, as_json: bool) -> None:  # noqa: FBT001 (click)
    """Check configuration, data contract, leakage and manifests of each model named, or of all models.

    Where helm is installed, what would be deployed in each environment is rendered and linted: what an analysis asks and
    gets, the weights that whole pods can have, Services, digests; by kubeconform and promtool too where they are installed.
    Live analysis is refused where a canary would see too little traffic. RELEASE_HELM, RELEASE_KUBECONFORM and
    RELEASE_PROMTOOL name programs that are not on PATH; set to nothing, they do without.

    \b
    Example:
      release check churn
      release check --base main
    """
    from release.cli import checking, tools  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.due import existing  # noqa: PLC0415 (as above)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)

    notes = list(checking.check_repository(base))
    workspace = Workspace.as_it_is()
    names = existing(workspace, models or workspace.models())
    done = checking.check_models(workspace, names)
    worn = checking.wear(workspace, names)
    undone, found = checking.check_manifests(workspace, names, tools.schemas(schemas))
    notes += [*undone, *map(str, found.general)]
    document = {"notes": notes, "models": done, "manifests": found.manifests, "test_sets": worn}
    told = [_text(record, found.manifests, one) for record, one in zip(done, worn, strict=True)]
    emit(document, lambda: "\n".join([*notes, *told]) or "no models", as_json=as_json)


def _text(record: CheckRecord, manifests: Sequence[ManifestRecord], worn: Wear) -> str:
    rows = f"{record.train_rows} rows to train on, {record.test_rows} held out"
    head = f"{record.model}: in order ({rows}, {record.columns} columns)"
    inherited = f", {worn.inherited} of them at files with the same rows" if worn.inherited else ""
    notes = [f"  test set {worn.digest[7:19]}: {worn.looks} of {worn.budget} looks used{inherited}"]
    notes += [f"  note: {note}" for note in (*worn.notes, *record.notes)]
    mine = [one for one in manifests if one.model == record.model]
    notes += [f"  {one.environment}: {finding}" for one in mine for finding in one.findings]
    return "\n".join([head, *notes])
