"""A trained scikit-learn pipeline as a server runs it: the steps it was trained with, on arrays and without pandas.

A pipeline is trained on named columns of a table. Here its first step's branches are given their columns as arrays, which is
the same arithmetic, and spares each request the making of a table. What a pipeline may hold is the business of
`release.artifact.canonical`; a server of another format does not import this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from release.artifact import canonical
from release.artifact.structure import parts
from release.errors import BadInputError
from release.learning.asked import scores_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from release.learning.rows import Task
    from release.serving.tensors import Features

    Branch = tuple[Any, Callable[[Features], NDArray[Any]]]


class Trained:
    """One pipeline, ready to score rows."""

    def __init__(
        self,
        content: bytes,
        *,
        numeric: Sequence[str],
        classes: tuple[str, ...],
        task: Task,
        where: str,
        trained: str | None,
    ) -> None:
        """Load a canonical skops file; `numeric` names the columns of numbers, in the order in which rows have them.

        `trained` is the scikit-learn it was trained with. Raises as `canonical.load`, and BadInputError for a pipeline that
        does not begin with columns, or names one that is none of the model's.
        """
        model: Any = canonical.load(content, where=where, sklearn_version=trained)
        for part in parts(model):
            # It would be compared with the names of columns that arrays do not have, and complain for each request.
            vars(part).pop("feature_names_in_", None)
        if not isinstance(model, Pipeline) or not isinstance(model.steps[0][1], ColumnTransformer):
            raise BadInputError("the model does not begin with its columns", where=where, fix="train it with this version")
        (_, columns), *whole, (_, last) = model.steps
        self.quick = False  # milliseconds a call
        self._branches: list[Branch] = [
            (part, _reader(names, {name: place for place, name in enumerate(numeric)}))
            for _, part, names in columns.transformers_
            if not isinstance(part, str)
        ]
        self._sparse = bool(columns.sparse_output_)
        self._whole = [step for _, step in whole]
        self._last = last
        self._classes, self._task = classes, task

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return scores of shape (rows, classes or 1). Raises ValueError, scikit-learn's, when it cannot read the rows."""
        return scores_of(self, features, self._classes, self._task)  # type: ignore[arg-type]  # of a table, only its length

    @property
    def classes_(self) -> Any:
        """The classes' places, as an estimator has them."""
        return self._last.classes_

    def predict(self, features: Features) -> Any:
        """Return predicted numbers, as an estimator does."""
        return self._last.predict(self._made(features))

    def predict_proba(self, features: Features) -> Any:
        """Return probabilities, as an estimator does."""
        return self._last.predict_proba(self._made(features))

    def _made(self, features: Features) -> Any:
        made = [part.transform(read(features)) for part, read in self._branches]
        if self._sparse:
            found = sparse.hstack([sparse.csr_array(one) for one in made]).tocsr()
        else:
            dense = [one.toarray() if sparse.issparse(one) else one for one in made]
            found = dense[0] if len(dense) == 1 else np.hstack(dense)
        for step in self._whole:
            found = step.transform(found)
        return found


def _reader(names: Any, numeric: Mapping[str, int]) -> Callable[[Features], NDArray[Any]]:
    """Return what picks a branch's columns: one by its name alone is a vector, several are a table."""
    if isinstance(names, str):
        return lambda features: features.texts[names]
    places = [numeric[name] for name in names if name in numeric]
    if places == list(range(len(numeric))) and len(places) == len(names):
        return lambda features: features.numbers
    if len(places) == len(names):
        return lambda features: features.numbers[:, places]
    columns = [(name, numeric.get(name)) for name in names]
    return lambda features: _mixed(features, columns)


def _mixed(features: Features, columns: list[tuple[str, int | None]]) -> NDArray[Any]:
    table = np.empty((len(features), len(columns)), dtype=object)
    for at, (name, place) in enumerate(columns):
        table[:, at] = features.texts[name] if place is None else features.numbers[:, place]
    return table
