"""Power: what a test set can and cannot show, before a challenger is scored; or what one would, before there are data.

What is computed is `release.judging.prospects`; where the rows and the champion's predictions come from is settled here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from release.config.model import Guard, Primary
from release.data import contract, tables
from release.data.slices import rows_where
from release.judging.costs import cost_matrix
from release.judging.prospects import ground, prospects, reach
from release.judging.reachable import Held
from release.stats import scenario
from release.stats.joint import DRAWS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from release.config.model import GateSpec, Margin, ModelSpec
    from release.judging.prospects import Power
    from release.learning.predict import Predictions
    from release.records import ModelName
    from release.stats.arrays import Array
    from release.stats.scenario import Models

_PLANNED = 2_000
"""Rows of the made-up test set that a plan without data starts from."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to plan with instead of what there is: margins by metric, looks, rows."""

    margins: Mapping[str, Margin]
    looks: int | None = None
    rows: int | None = None

    def policy(self, policy: GateSpec) -> GateSpec:
        """Return a gate with these margins: of metrics it judges already, else as guards, the first as a missing primary."""
        primary, guards, slices = policy.primary, list(policy.guards), list(policy.slices)
        for metric, margin in self.margins.items():
            known = [index for index, guard in enumerate(guards) if guard.metric == metric]
            if primary is None or primary.metric == metric:
                primary = Primary(metric=metric, margin=margin)
            elif known:
                guards[known[0]] = guards[known[0]].model_copy(update={"margin": margin})
            else:
                guards.append(Guard(metric=metric, margin=margin))
            slices = [part.model_copy(update={"margin": margin}) if part.metric == metric else part for part in slices]
        changed = {"primary": primary, "guards": tuple(guards), "slices": tuple(slices), "looks": self.looks or policy.looks}
        return policy.model_copy(update=changed)


def power(
    model: ModelName,
    spec: ModelSpec,
    policy: GateSpec,
    *,
    folder: Path,
    champion: tuple[Predictions, str] | None,
    asked: Asked,
) -> Power:
    """Say what a model's test set can show; `champion` holds its predictions on these rows and where they are from.

    Raises BadInputError for unusable data.
    """
    where = f"models/{model}/{spec.data.test}"
    table = contract.conform(tables.read(folder / spec.data.test, where=where), spec.data, spec.task, where=where)
    policy = asked.policy(policy)
    held = Held(
        y=table.y,
        groups=table.groups,
        weights=table.weights,
        costs=cost_matrix(policy.costs, table.classes, lambda _: f"models/{model}/model.yaml"),
        slices={part.name: rows_where(part, table, where=f"models/{model}/model.yaml") for part in policy.slices},
    )
    values, source = None, None
    if champion is not None:
        place = {name: number for number, name in enumerate(champion[0].ids.tolist())}
        if all(name in place for name in table.ids.tolist()):
            values, source = champion[0].values[[place[name] for name in table.ids.tolist()]], champion[1]
    threshold = spec.evaluation.threshold if isinstance(spec.evaluation.threshold, float) else 0.5
    base = ground(policy, held, _models(spec.task, held, values, len(table.classes)), rows=asked.rows, threshold=threshold)
    return prospects(base, _said(spec.task, source, held))


def plan(asked: Asked, policy: GateSpec, *, task: str, prevalence: float) -> Power:
    """Plan a test set before there are data: its outcomes are made up, positives a share `prevalence` of them.

    For regression the target has a standard deviation of 1, in which margins of errors are to be read. Without `rows` the
    plan is for as many as the widest of the margins needs.
    """
    rng, n = np.random.default_rng(0), asked.rows or _PLANNED
    y: Array = (np.arange(n) < prevalence * n).astype(np.int64)
    if task == "regression":
        y = rng.normal(size=n)
    policy = asked.policy(policy)
    held = Held(y=y, slices={})
    base = ground(policy, held, _models(task, held, None, 2), rows=n, threshold=0.5)
    if asked.rows is None:
        needed = [one.margin_rows for one in reach(base)[0] if one.margin_rows is not None]
        base = replace(base, size=max(needed, default=n))
    about = "the target's standard deviation is 1" if task == "regression" else f"{prevalence:.0%} of rows are positive"
    return prospects(base, (*_said(task, None, held), about))


def _models(task: str, held: Held, values: Array | None, classes: int) -> Models:
    if task == "binary":
        return scenario.binary(values)
    return scenario.regression(values, held.y) if task == "regression" else scenario.multiclass(values, classes)


def _said(task: str, source: str | None, held: Held) -> tuple[str, ...]:
    """Say what the numbers assume."""
    assumed = {
        "binary": f"a champion with an AUC of {scenario.AUC:g}",
        "multiclass": f"a champion that is right on about {scenario.ACCURACY:.0%} of rows",
        "regression": f"a champion with an R2 of {scenario.R2:g}: its errors' size is not known, so ask again with one",
    }
    base = assumed[task] if source is None else f"the champion's own predictions ({source})"
    said = (
        base,
        f"challengers whose outputs correlate with it by {scenario.CORRELATION:g} within a class",
        f"Normal limits from {DRAWS} simulated test sets: chances are known to a few percent",
        "size, latency and the anchor are left out",
    )
    grouped = () if held.groups is None else ("whole groups are drawn; what is new in a challenger is so row by row",)
    return (*said, *grouped)
