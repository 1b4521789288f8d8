"""Gathers what a report shows: records, predictions for the curves, and what changed since the champion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from release.cli.champions import champion_event
from release.config.source import parse
from release.data.held_out import held_out
from release.data.slices import rows_where
from release.errors import EnvironmentTroubleError
from release.judging.feedback import FULL, shown_evaluation, shown_inspection
from release.learning.predict import from_csv
from release.report import html, markdown
from release.report.curves import Curves
from release.report.disagreement import Known, disagreement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from release.artifact.manifest_change import Manifests
    from release.cli.explaining import Explained
    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import EvaluateRecord, PackageRecord, Scored, TrainRecord, VerdictRecord


def render(
    workspace: Workspace,
    job: Job,
    trained: TrainRecord,
    evaluated: EvaluateRecord,
    verdict: VerdictRecord,
    packaged: PackageRecord | None,
    manifests: Manifests,
    explained: Explained,
) -> tuple[bytes, bytes]:
    """Return the Markdown and the HTML of one verdict."""
    spec, folder = job.spec, workspace.source.root / job.folder
    where = f"{job.folder}/{spec.data.test}"
    table = held_out(folder / spec.data.test, spec.data, spec.task, where=where, classes=evaluated.classes).table
    curves = Curves(
        task=evaluated.task,
        y=table.y,
        champion=_values(workspace, evaluated.champion) if evaluated.champion else None,
        challenger=_values(workspace, evaluated.challenger),
        classes=evaluated.classes,
        threshold=evaluated.threshold,
        champion_threshold=evaluated.champion.threshold if evaluated.champion else None,
        grouped=table.groups is not None,
        weighted=table.weights is not None,
    )
    known = Known(
        ids=table.ids,
        columns={str(name): table.features[name].to_numpy() for name in table.features.columns},
        parts={one.name: rows_where(one, table, where=f"{job.folder}/model.yaml") for one in job.policy.slices},
    )
    full = verdict.feedback == FULL
    differ = disagreement(curves, known) if full else None
    changes = _changes(workspace, job)
    text, page = (
        each(
            trained,
            shown_evaluation(evaluated, verdict),
            verdict,
            curves=curves if full else None,
            differ=differ,
            package=packaged,
            changes=changes,
            manifests=manifests,
            inspected=explained.inspected and shown_inspection(explained.inspected, verdict),
            recipe=explained.recipe,
        )
        for each in (markdown.render, html.render)
    )
    return text.encode(), page.encode()


def _changes(workspace: Workspace, job: Job) -> list[str]:
    """Say what of model.yaml differs from the champion's commit, field by field; nothing when that is not known here."""
    event, path = champion_event(workspace, job), f"{job.folder}/model.yaml"
    if event is None or event.commit is None:
        return []
    try:
        old, new = (workspace.source.read(commit, path) for commit in (event.commit, workspace.head))
    except EnvironmentTroubleError:
        return []
    if old is None or new is None:
        return []
    before, after = (_flat(parse(content, where=path).data) for content in (old, new))
    return [
        f"{name}: {before.get(name, 'none')} -> {after.get(name, 'none')}"
        for name in [*before, *(name for name in after if name not in before)]
        if before.get(name) != after.get(name)
    ]


def _flat(value: object, at: str = "") -> dict[str, str]:
    """Flatten plain values to `field.field: value`."""
    if isinstance(value, dict) and value:
        return {key: text for name, one in value.items() for key, text in _flat(one, f"{at}.{name}" if at else name).items()}
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return {key: text for number, one in enumerate(value, 1) for key, text in _flat(one, f"{at}.{number}").items()}
    return {at: json.dumps(value, ensure_ascii=False)}


def _values(workspace: Workspace, scored: Scored) -> NDArray[np.float64]:
    content = workspace.store.get(scored.predictions)
    assert content is not None  # noqa: S101 (the gate has just read it)
    # `evaluate` stores predictions in the test file's order, champion's and challenger's alike.
    return from_csv(content, scored.predictions).values
