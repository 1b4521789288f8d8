"""A model of the ONNX format as a server runs it. Imports neither scikit-learn nor scipy, skops or pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.learning.onnx_session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from release.artifact.model import Column
    from release.serving.tensors import Features


class Converted:
    """One ONNX file, ready to score rows."""

    def __init__(self, content: bytes, columns: Sequence[Column], *, where: str) -> None:
        """Check and load a file. Raises as `Session` does."""
        self.quick = True
        self._session = Session(content, kinds={column.name: column.type for column in columns}, where=where)

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return scores of shape (rows, classes or 1). Raises ValueError when the runtime cannot read the rows."""
        return self._session.scores(features.numbers, features.texts)
