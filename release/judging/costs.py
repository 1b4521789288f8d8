"""What a gate says of classes, held against the classes there are: the matrix of the metric `cost`, and k of the top k.

What a cost may be is `release.config.rules`' business, what the metric is `release.stats.metrics`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.names import top
from release.config.nearest import one_of
from release.config.source import shown
from release.data.values import same
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from release.config.model import GateSpec
    from release.config.source import Path
    from release.stats.metrics import Costs

_AT = ("gate", "costs")


def cost_matrix(costs: Mapping[str, Mapping[str, float]], classes: Sequence[str], at: Callable[[Path], str]) -> Costs | None:
    """Return what each true class (a row) costs when it is called another (a column), 0 where nothing is written.

    `classes` are in the order of their indices, of two the negative first; `at` says where a path of model.yaml is. None
    where no costs are written. Raises BadInputError for a class that the data do not have, and for one that is named twice.
    """
    if not costs:
        return None
    matrix = [[0.0] * len(classes) for _ in classes]
    for name, true in _indices(costs, classes, _AT, at).items():
        for other, called in _indices(costs[name], classes, (*_AT, name), at).items():
            matrix[true][called] = float(costs[name][other])
    return tuple(map(tuple, matrix))


def refuse_unfit(gate: GateSpec, classes: Sequence[str], at: Callable[[Path], str]) -> None:
    """Raise BadInputError where a gate counts more classes than there are, or names one that is not; see cost_matrix."""
    cost_matrix(gate.costs, classes, at)
    primary = [] if gate.primary is None else [(("gate", "primary", "metric"), gate.primary.metric)]
    named: list[tuple[Path, str]] = [
        *primary,
        *((("gate", "guards", index, "metric"), guard.metric) for index, guard in enumerate(gate.guards)),
        *((("gate", "slices", index, "metric"), part.metric) for index, part in enumerate(gate.slices)),
        *((("gate", "floors", name), name) for name in gate.floors),
    ]
    for path, name in named:
        if (top(name) or 0) >= len(classes) > 0:
            raise BadInputError(
                f"{name} of {len(classes)} classes is always 1", where=at(path), fix="use a smaller k, or accuracy"
            )


def _indices(names: Iterable[str], classes: Sequence[str], path: Path, at: Callable[[Path], str]) -> dict[str, int]:
    """Return which class each name means."""
    found: dict[str, int] = {}
    for name in names:
        index = next((number for number, known in enumerate(classes) if same(name, known)), None)
        if index is None:
            what = f'"{shown(name)}" in gate.costs is no class of the target'
            raise BadInputError(what, where=at((*path, name)), fix=one_of(classes, name, all_of_them=True))
        if index in found.values():
            what = f'"{shown(classes[index])}" is twice in gate.costs'
            raise BadInputError(what, where=at((*path, name)), fix="name it once")
        found[name] = index
    return found
