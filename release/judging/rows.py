"""Truth and both models' outputs, aligned row by row: what every comparison of one judgement is made on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.stats.metrics import Deciding, Needs, metric_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.stats.metrics import Costs, Metric

_BOTH_CLASSES = (Deciding.SMALLEST_CLASS, Deciding.SCARCEST_CLASS)


@dataclass(frozen=True, eq=False)
class Outputs:
    """What one model says of the rows.

    `values` is P(positive), shape (n,), a row of class probabilities, (n, k), or a prediction, (n,); `threshold` is the
    model's own (binary). `labels`, class indexes, (n,), are read instead of both where the model gives them itself.
    """

    values: NDArray[Any]
    threshold: float | None = None
    labels: NDArray[Any] | None = None

    def take(self, rows: NDArray[Any]) -> Outputs:
        """Return the outputs on some of the rows."""
        return Outputs(self.values[rows], self.threshold, None if self.labels is None else self.labels[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Aligned rows: truth `y` (0/1, a class index, or a float; shape (n,)), outputs, and what resampling must respect.

    `groups` names rows that belong together, `weights` counts them; both (n,) or None. `costs` is what the metric `cost` is
    judged by, None where no cost is. `seed` starts the resampling.
    """

    y: NDArray[Any]
    champion: Outputs | None
    challenger: Outputs
    groups: NDArray[Any] | None = None
    weights: NDArray[Any] | None = None
    costs: Costs | None = None
    seed: int = 0

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return some of the rows."""
        return Rows(
            y=self.y[rows],
            champion=None if self.champion is None else self.champion.take(rows),
            challenger=self.challenger.take(rows),
            groups=None if self.groups is None else self.groups[rows],
            weights=None if self.weights is None else self.weights[rows],
            costs=self.costs,
            seed=self.seed,
        )

    def metric(self, name: str) -> Metric:
        """Return a metric by its name, with these rows' costs. Raises as `metric_named` does."""
        return metric_named(name, self.costs)

    def invalid(self, name: str) -> str | None:
        """Say why no rows like these could ever be judged by a metric, None when some could."""
        return self.metric(name).invalid(self.y)

    def undefined(self, name: str) -> str | None:
        """Say why a metric does not exist on so few rows, None when it does."""
        return self.metric(name).undefined(self.y)

    def value(self, name: str) -> float | None:
        """Return the challenger's metric on these rows, None where it is undefined."""
        metric = self.metric(name)
        if metric.absent(self.y):
            return None
        return metric.compute(self.y, self.read(metric, self.challenger), weights=self.weights)

    def read(self, metric: Metric, outputs: Outputs) -> NDArray[Any]:
        """Return from a model's outputs what a metric needs."""
        if outputs.labels is not None and metric.needs is Needs.LABEL:
            return outputs.labels
        return metric.reads(outputs.values, threshold=outputs.threshold)

    def deciding(self, name: str) -> int:
        """Count the rows in a metric's deciding denominator (AUC: the smaller class)."""
        metric = self.metric(name)
        pred = self.read(metric, self.challenger) if metric.decided_by_labels else None
        return int(metric.deciding_rows(self.y, pred).sum())

    def fewest(self, name: str) -> int:
        """Count what a slice must have ten of: rows of the scarcest class that the metric needs, or groups."""
        counts = [self.deciding(name)]
        if self.metric(name).deciding in _BOTH_CLASSES and len(np.unique(self.y)) < 2:  # noqa: PLR2004 (two classes)
            counts.append(0)
        if self.groups is not None:
            counts.append(len(np.unique(self.groups)))
        return min(counts)
