"""Array types, and the checks every method makes before it computes.

What only a bug can cause is a ValueError; what a user's model or file can cause is a BadInputError. No statistics here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from release.errors import BadInputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]


def binary(y: Array) -> Bools:
    """Return outcomes of 0 and 1 (or booleans), shape (n,), as booleans. Raises ValueError on anything else."""
    values = np.asarray(y)
    if values.ndim != 1 or not bool(np.isin(values, (0, 1)).all()):
        raise ValueError("outcomes must be one row of 0 and 1")
    return values.astype(np.bool_)


def classes(y: Array) -> Ints:
    """Return class indices, shape (n,), as integers. Raises ValueError on negative or fractional ones."""
    values = np.asarray(y)
    indices = values.astype(np.int64)
    if values.ndim != 1 or bool((indices != values).any()) or bool((indices < 0).any()):
        raise ValueError("classes must be one row of indices from 0")
    return indices


def finite(values: Array, who: str) -> Floats:
    """Return `values` as float64. Raises BadInputError when one is NaN or infinite, naming whose they are."""
    numbers = np.asarray(values, dtype=np.float64)
    bad = int(numbers.size - np.isfinite(numbers).sum())
    if bad:
        raise BadInputError(f"{bad} of {who} are not finite numbers", fix="a model must give a number for every row")
    return numbers


def same_rows(*arrays: Array) -> None:
    """Raise ValueError unless all arrays have the same number of rows."""
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"arrays of different length: {', '.join(str(len(array)) for array in arrays)}")
