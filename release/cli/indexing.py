"""Keeping the MLflow index: after a run, and later for what was missed. Trouble with MLflow never stops a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.serial import digest_json
from release.cli.budget import told
from release.cli.champions import model_files
from release.cli.pipeline import report_folder
from release.errors import EnvironmentTroubleError
from release.judging.feedback import shown_evaluation
from release.records import EvaluateRecord, TrainRecord, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from release.cli.wiring import Workspace
    from release.records import Digest, ModelName


def index(workspace: Workspace, trained: TrainRecord, evaluated: EvaluateRecord, verdict: VerdictRecord) -> None:
    """Log one challenger unless it is logged; when MLflow cannot be written, say so and go on."""
    try:
        log(workspace, trained, evaluated, verdict)
    except EnvironmentTroubleError as error:
        workspace.progress.note(f"not indexed, the release goes on: {error}")


def log(
    workspace: Workspace,
    trained: TrainRecord,
    evaluated: EvaluateRecord,
    verdict: VerdictRecord,
    *,
    known: Container[Digest] | None = None,
) -> bool:
    """Log one challenger and return True, or False when it is logged already. Raises EnvironmentTroubleError.

    What was logged is remembered here; with `known`, the digests that the index really has, memory alone does not do: an
    index may have been deleted.
    """
    address = workspace.tracking_uri
    key = digest_json({"uri": address, "train": trained.key, "evaluate": evaluated.key, "gate": verdict.key})
    remembered = workspace.store.get_record("index", key, dict) is not None
    if remembered and (known is None or trained.model_digest in known):
        return False
    with workspace.progress.step(f"{trained.model}: writing the MLflow index"):
        workspace.tracking.index(trained, evaluated, verdict, _artifacts(workspace, trained))
        aliases: dict[str, Digest] = {"challenger": trained.model_digest}
        champion = evaluated.champion.model_digest if evaluated.champion else None
        if champion is not None and champion in workspace.tracking.known(trained.model):
            # A champion that was made on another machine has no version in this index to point at.
            aliases["champion"] = champion
        workspace.tracking.alias(trained.model, aliases)
    workspace.store.put_record("index", key, {"model": trained.model, "uri": address})
    return True


def catch_up(workspace: Workspace) -> list[str]:
    """Log every judged challenger that is not logged. Raises EnvironmentTroubleError when MLflow cannot be written."""
    trained = {record.model_digest: record for record in workspace.store.records("train", TrainRecord)}
    evaluated = {record.key: record for record in workspace.store.records("evaluate", EvaluateRecord)}
    done = []
    for verdict in workspace.store.records("gate", VerdictRecord):
        about = evaluated.get(verdict.evaluation) if verdict.evaluation else None
        if about is None or verdict.challenger not in trained:
            continue
        known = workspace.tracking.known(about.model)
        ledger = workspace.ledger(about.model, tip=workspace.branch.tip(fetch=False))
        judged = told(workspace, ledger, verdict)
        if log(workspace, trained[verdict.challenger], shown_evaluation(about, judged), judged, known=known):
            done.append(f"{verdict.model}: {verdict.challenger} ({verdict.verdict})")
    return done


def _artifacts(workspace: Workspace, trained: TrainRecord) -> Mapping[str, bytes]:
    files = {f"model/{name}": content for name, content in model_files(workspace, trained).items()}
    folder = report_folder(workspace, trained.model)
    reports = {name: folder / name for name in ("report.md", "report.html")}
    return files | {name: path.read_bytes() for name, path in reports.items() if path.is_file()}


def champion_alias(workspace: Workspace, model: ModelName, digest: Digest) -> None:
    """Point the champion's alias after a promotion; say so when MLflow cannot be written."""
    try:
        workspace.tracking.alias(model, {"champion": digest})
    except EnvironmentTroubleError as error:
        workspace.progress.note(f"champion not marked in the index: {error}")
