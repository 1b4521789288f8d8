"""Power: what a test set of its size can and cannot show, before any model is scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from release.data import contract, tables
from release.stats.metrics import METRICS, Deciding, Kind
from release.stats.power import auc_difference_se, detectable, least_rows_identical, mcnemar_rows, non_inferiority_rows

if TYPE_CHECKING:
    from pathlib import Path

    from release.config.model import GateSpec, Guard, ModelSpec, Primary
    from release.data.contract import Table
    from release.records import ModelName

ASSUMED_DISCORDANCE = 0.06
ASSUMED_AUC = 0.9
ASSUMED_CORRELATION = 0.9


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the test set can show of one metric, by the gate's own error rates.

    `deciding` counts the rows that can change the metric; `identical` is the smallest margin that even identical predictions
    can prove; `detectable` the smallest true difference that is found with 80% power, and `margin_rows` the deciding rows
    with which two equal models pass `margin` with 80% power, both under `assuming`.
    """

    metric: str
    deciding: int
    identical: float | None
    margin: float | None
    margin_rows: int | None
    detectable: float | None
    assuming: str


def power(model: ModelName, spec: ModelSpec, policy: GateSpec, *, folder: Path) -> tuple[Reach, ...]:
    """Say for each metric of the gate what the model's test set can show. Raises BadInputError for unusable data."""
    where = f"models/{model}/{spec.data.test}"
    table = contract.conform(tables.read(folder / spec.data.test, where=where), spec.data, spec.task, where=where)
    a = policy.alpha / (2 * policy.looks)
    margins: dict[str, float | None] = {}
    wanted: list[Primary | Guard] = [*([policy.primary] if policy.primary else []), *policy.guards]
    for one in wanted:
        margins.setdefault(one.metric, one.margin if isinstance(one.margin, int | float) else None)
    for name in policy.floors:
        margins.setdefault(name, None)
    return tuple(_reach(name, margin, table, a) for name, margin in margins.items())


def _reach(name: str, margin: float | None, table: Table, a: float) -> Reach:
    metric = METRICS[name]
    # Precision is decided by what a model calls positive, which is about as many rows as are positive.
    asked = METRICS["recall"] if metric.deciding is Deciding.PREDICTED_POSITIVES else metric
    deciding = int(asked.deciding_rows(table.y).sum())
    identical = 1 - a ** (1 / max(deciding, 1)) if metric.bounded else None
    rows, smallest, assuming = None, None, "its spread, which takes predictions to know"
    if metric.kind is Kind.PROPORTION:
        assuming = f"models that disagree on {ASSUMED_DISCORDANCE:.0%} of these rows"
        smallest = _smallest_effect(deciding, a)
        if margin is not None:
            rows = max(non_inferiority_rows(ASSUMED_DISCORDANCE, margin, a=a), least_rows_identical(a, margin))
    elif metric.kind is Kind.AUC:
        positives = int(np.sum(table.y))
        negatives = table.rows - positives
        assuming = f"an AUC of {ASSUMED_AUC} and scores that correlate by {ASSUMED_CORRELATION}"
        se = auc_difference_se(
            ASSUMED_AUC, ASSUMED_AUC, positives=positives, negatives=negatives, correlation=ASSUMED_CORRELATION
        )
        smallest = detectable(se, a=a)
        if margin is not None:
            rows = int(np.ceil(deciding * (smallest / margin) ** 2))
    return Reach(
        metric=name,
        deciding=deciding,
        identical=identical,
        margin=margin,
        margin_rows=rows,
        detectable=smallest,
        assuming=assuming,
    )


def _smallest_effect(deciding: int, a: float) -> float | None:
    """Find the smallest difference of proportions that so many rows show with 80% power."""
    effects = np.linspace(0.0005, ASSUMED_DISCORDANCE, 400)
    shown = [effect for effect in effects if mcnemar_rows(ASSUMED_DISCORDANCE, float(effect), a=a) <= deciding]
    return float(shown[0]) if shown else None
