"""Scores for rows whose truth nobody knows: golden rows and requests. What rows with labels score is `predict`'s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from release.learning.predict import values_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from release.learning.rows import Rows, Task


@dataclass(frozen=True, eq=False)
class _Asked:
    features: pd.DataFrame
    classes: tuple[str, ...]


def scores_of(estimator: Any, features: pd.DataFrame, classes: tuple[str, ...], task: Task) -> NDArray[np.float64]:
    """Return what a fitted estimator says, shape (rows, classes) for multiclass, else (rows, 1).

    The features are as `release.data.contract.Table` has them. Raises ValueError, scikit-learn's, when it cannot read them.
    """
    # Predicting needs no more of a table than these two.
    asked = cast("Rows", _Asked(features, classes))
    return values_of(estimator, asked, task).reshape(len(features), -1)


def one_a_row(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score that a row is counted by: the only one, or that of the likeliest class."""
    highest: NDArray[np.float64] = scores.max(axis=1)
    return highest
