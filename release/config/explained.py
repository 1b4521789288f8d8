"""Which metric explanations are told in: the one that decides, where one does. Nothing heavy is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from release.config.model import GateSpec, ModelSpec

_USUAL = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}


def explained_in(spec: ModelSpec, policy: GateSpec) -> str:
    """Name the gate's primary metric, else the search's, else the task's usual loss."""
    if policy.primary is not None:
        return policy.primary.metric
    return _USUAL[spec.task] if spec.search is None else spec.search.metric
