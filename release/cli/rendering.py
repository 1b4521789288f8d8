"""Gathers what a report shows: records, predictions for the curves, and what changed since the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.data import contract, tables
from release.learning.predict import from_csv
from release.report import html, markdown
from release.report.curves import Curves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from release.cli.pipeline import Job
    from release.cli.wiring import Workspace
    from release.records import EvaluateRecord, Scored, TrainRecord, VerdictRecord


def render(
    workspace: Workspace, job: Job, trained: TrainRecord, evaluated: EvaluateRecord, verdict: VerdictRecord
) -> tuple[bytes, bytes]:
    """Return the Markdown and the HTML of one verdict."""
    spec, folder = job.spec, workspace.source.root / job.folder
    table = contract.conform(
        tables.read(folder / spec.data.test, where=f"{job.folder}/{spec.data.test}"),
        spec.data,
        spec.task,
        where=f"{job.folder}/{spec.data.test}",
        classes=evaluated.classes or None,
    )
    curves = Curves(
        task=evaluated.task,
        y=table.y,
        champion=_values(workspace, evaluated.champion) if evaluated.champion else None,
        challenger=_values(workspace, evaluated.challenger),
        classes=evaluated.classes,
        threshold=evaluated.threshold,
    )
    text = markdown.render(trained, evaluated, verdict, curves=curves)
    page = html.render(trained, evaluated, verdict, curves=curves)
    return text.encode(), page.encode()


def _values(workspace: Workspace, scored: Scored) -> NDArray[np.float64]:
    content = workspace.store.get(scored.predictions)
    assert content is not None  # noqa: S101 (the gate has just read it)
    # `evaluate` stores predictions in the test file's order, champion's and challenger's alike.
    return from_csv(content, scored.predictions).values
