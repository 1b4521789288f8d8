"""Check: what can be wrong before anything is trained: data contract, leakage, and a gate that nothing could pass.

Mistakes raise; what is allowed but worth knowing becomes a note in the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.names import METRICS as METRICS_OF
from release.data import contract, holdout, tables
from release.data.slices import rows_where
from release.errors import BadInputError
from release.judging.rule import no_first_release
from release.learning.pipeline import build
from release.records import CheckRecord, Digest, ModelName
from release.stats.metrics import METRICS
from release.stats.power import least_rows_identical

if TYPE_CHECKING:
    from pathlib import Path

    from release.config.model import GateSpec, Guard, ModelSpec, Primary
    from release.data.contract import Table
    from release.ports import Progress


def check(
    model: ModelName, spec: ModelSpec, policy: GateSpec, *, key: Digest, folder: Path, first: bool, progress: Progress
) -> CheckRecord:
    """Check one model's files. Raises BadInputError for the first thing that is wrong, with file and line or row."""
    where = f"models/{model}/model.yaml"
    if first and (lacking := no_first_release(policy)) is not None:
        metric = policy.primary.metric if policy.primary else METRICS_OF[spec.task][0]
        raise BadInputError(lacking, where=where, fix=f"say what it must reach, such as floors: {{{metric}: …}}")
    with progress.step(f"{model}: checking data"):
        at = {name: f"models/{model}/{getattr(spec.data, name)}" for name in ("train", "test")}
        train = contract.conform(
            tables.read(folder / spec.data.train, where=at["train"]), spec.data, spec.task, where=at["train"]
        )
        test = contract.conform(
            tables.read(folder / spec.data.test, where=at["test"]),
            spec.data,
            spec.task,
            where=at["test"],
            classes=train.classes or None,
        )
        holdout.refuse_overlap(train, test, where=at["test"])
        build(spec, train.kinds, where=where)
        for part in policy.slices:
            rows_where(part, test, where=where)
    return CheckRecord(
        model=model,
        key=key,
        train_rows=train.rows,
        test_rows=test.rows,
        columns=len(train.features.columns),
        notes=() if first else _out_of_reach(policy, test),
    )


def _out_of_reach(policy: GateSpec, test: Table) -> tuple[str, ...]:
    """Name the margins that even identical predictions could not show on this test set."""
    a = policy.alpha / (2 * policy.looks)
    wanted: list[Primary | Guard] = [*([policy.primary] if policy.primary else []), *policy.guards]
    notes = []
    for one in wanted:
        metric = METRICS[one.metric]
        if not metric.bounded or not isinstance(one.margin, int | float) or not 0 < one.margin < 1:
            continue
        if metric.undefined(test.y) or metric.name == "precision":
            continue
        have, need = int(metric.deciding_rows(test.y).sum()), least_rows_identical(a, one.margin)
        if have < need:
            notes.append(
                f"{one.metric}: a margin of {one.margin:g} needs {need} deciding rows even from identical predictions, the "
                f"test set has {have}: widen the margin to {1 - a ** (1 / max(have, 1)):.3f} or hold out more rows"
            )
    return tuple(notes)
