"""What learning needs of a table, as a protocol: `release.data.contract.Table` satisfies it.

Learning does not import the data package: it neither reads files nor checks contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression"]


class Rows(Protocol):
    """Rows that keep their contract; `release.data.contract.Table` says what each field holds."""

    @property
    def ids(self) -> NDArray[np.object_]:
        """Names of the rows, unique."""

    @property
    def features(self) -> pd.DataFrame:
        """The feature columns, in canonical order."""

    @property
    def y(self) -> NDArray[Any]:
        """0/1, class indexes, or floats."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What the class indexes mean; empty for regression."""

    @property
    def kinds(self) -> Mapping[str, Any]:
        """Each feature's declared type."""

    @property
    def groups(self) -> NDArray[np.object_] | None:
        """Which rows belong together."""

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """How much each row counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some rows of a table, themselves rows."""

    ids: NDArray[np.object_]
    features: pd.DataFrame
    y: NDArray[Any]
    classes: tuple[str, ...]
    kinds: Mapping[str, Any]
    groups: NDArray[np.object_] | None
    weights: NDArray[np.float64] | None


def take(table: Rows, positions: NDArray[np.intp]) -> Part:
    """Return the rows at these positions; classes keep their indexes even where one does not occur."""
    return Part(
        ids=table.ids[positions],
        features=table.features.iloc[positions],
        y=table.y[positions],
        classes=table.classes,
        kinds=table.kinds,
        groups=None if table.groups is None else table.groups[positions],
        weights=None if table.weights is None else table.weights[positions],
    )
