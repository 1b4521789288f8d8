"""The metric that explanations are told in, with the costs that it may need. Nothing is judged here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.explained import explained_in
from release.judging.costs import cost_matrix
from release.stats.metrics import metric_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.config.model import GateSpec, ModelSpec
    from release.stats.metrics import Metric


def explaining_metric(spec: ModelSpec, policy: GateSpec, classes: Sequence[str], *, where: str) -> Metric:
    """Return the metric of `explained_in`. Raises BadInputError for costs of classes that there are not."""
    return metric_named(explained_in(spec, policy), cost_matrix(policy.costs, classes, lambda _: where))
