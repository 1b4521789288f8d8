"""A trained pipeline as an ONNX file, shown to score as the pipeline does before anybody may serve it.

Parity is asked of all training rows, the golden rows, and rows that nobody trained on: gaps, unseen categories and strange
texts. What single steps and estimators become is in `release.learning.onnx_steps` and `onnx_estimators`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from release.artifact.golden import ABSOLUTE, RELATIVE
from release.artifact.onnx_file import Kind
from release.errors import BadInputError, SecurityRefusalError
from release.learning.asked import scores_of
from release.learning.onnx_estimators import scored
from release.learning.onnx_graph import Builder, Texts, Value
from release.learning.onnx_session import NUMBERS, NUMERIC, SCORES, Session, runtime, texts_input
from release.learning.onnx_steps import numbers, through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from release.learning.onnx_graph import Column
    from release.learning.rows import Rows, Task

FIX = "write `serving: {format: skops}`"
STRANGE = "\u00fcberraschend \u0130\u03a3 a_1 \u4f60\u597d x"
"""A category and a text that no training has seen."""
FORMLESS = frozenset({"k-nearest-neighbours"})
"""Estimators that no graph stands for (`release.learning.onnx_estimators` says why)."""
_PROBES = 16


def refuse_early(estimator: str, *, where: str) -> None:
    """Raise BadInputError for what is known before anything is trained: an estimator without a form, no runtime here."""
    if estimator in FORMLESS:
        raise BadInputError(f"{estimator} cannot be served as ONNX", where=where, fix=FIX)
    runtime(where)


def convert(pipeline: Any, *, kinds: Mapping[str, str], estimator: str, where: str) -> bytes:
    """Return a fitted pipeline as an ONNX file, the same bytes for the same pipeline.

    `kinds` names each column's type, in the table's order; `estimator` is what model.yaml calls the last step. Columns of
    numbers are one input, shape (rows, numbers); a category is an input of texts, (rows, 1); a text one of its words
    (`onnx_session.words`). Raises BadInputError naming the step or estimator that has no ONNX form.
    """
    builder = Builder()
    inputs = _inputs(builder, kinds)
    (_, columns), *whole, (_, model) = pipeline.steps
    doing = "features"
    try:
        value = _columns(builder, columns, inputs)
        for called, step in whole:
            doing = f"step {called}"
            value = numbers(builder, through(builder, step, [value]))
        doing = estimator
        result = scored(builder, model, value)
    except BadInputError as error:
        raise BadInputError(f"{doing} cannot be served as ONNX: {error.what}", where=where, fix=FIX) from error
    return builder.finish(result, name=SCORES)


def session(content: bytes, *, kinds: Mapping[str, str], where: str) -> Session:
    """Return what a server would run. Raises BadInputError when our own check or the runtime refuses the file."""
    try:
        return Session(content, kinds=kinds, where=where)
    except SecurityRefusalError as error:
        raise BadInputError(f"the ONNX model would not be served: {error.what}", where=where, fix=FIX) from error


def prove(
    pipeline: Any,
    converted: Session,
    table: Rows,
    task: Task,
    *,
    threshold: float | None,
    golden: pd.DataFrame,
    where: str,
) -> float:
    """Return the largest difference of any score, having found none beyond 1e-6 of its size or 1e-8, and no other label.

    Raises BadInputError naming the first row that differs: a training row by its id, a golden one by its number.
    """
    kinds = {str(name): str(kind) for name, kind in table.kinds.items()}
    asked = {"training row": table.features, "golden row": golden, "made-up row": _probes(table.features, kinds)}
    worst = 0.0
    for what, features in asked.items():
        expected = scores_of(pipeline, features, table.classes, task)
        try:
            found = converted.scores(*arrays(features, kinds))
        except ValueError as error:
            said = str(error).strip().splitlines()[0][:200]
            raise BadInputError(f"the ONNX model cannot score a {what}: {said}", where=where, fix=FIX) from error
        wrong = ~_alike(expected, found, task, threshold)
        if wrong.any():
            at = int(wrong.argmax())
            name = str(table.ids[at]) if what == "training row" else str(at + 1)
            raise BadInputError(
                f"the ONNX model scores {what} {name} {_shown(found[at])}, the trained one {_shown(expected[at])}"
                f" ({int(wrong.sum())} of {len(wrong)} differ)",
                where=where,
                fix=FIX,
            )
        worst = max(worst, float(np.abs(expected - found).max(initial=0.0)))
    return worst


def arrays(features: pd.DataFrame, kinds: Mapping[str, str]) -> tuple[NDArray[np.float64], dict[str, list[Any]]]:
    """Return a table's features as a session takes them."""
    plain = [name for name, kind in kinds.items() if kind in NUMERIC]
    block = features[plain].to_numpy(dtype=np.float64)
    return block, {name: features[name].tolist() for name, kind in kinds.items() if kind not in NUMERIC}


def _inputs(builder: Builder, kinds: Mapping[str, str]) -> dict[str, Column]:
    """Declare the inputs, and return each column by name."""
    plain = [name for name, kind in kinds.items() if kind in NUMERIC]
    found: dict[str, Column] = {}
    if plain:
        block = Value(builder.input(NUMBERS, Kind.DOUBLE, len(plain)), len(plain))
        found |= dict.fromkeys(plain, block)
    for name, kind in kinds.items():
        if kind not in NUMERIC:
            found[name] = Texts(builder.input(texts_input(name), Kind.STRING, None if kind == "text" else 1))
    return found


def _columns(builder: Builder, step: Any, inputs: Mapping[str, Column]) -> Value:
    """Return what a fitted ColumnTransformer makes: its branches side by side."""
    plain = [name for name, column in inputs.items() if isinstance(column, Value)]
    made = []
    for called, part, names in step.transformers_:
        try:
            made.append(numbers(builder, through(builder, part, _chosen(builder, inputs, plain, names))))
        except BadInputError as error:
            raise BadInputError(f"step {called}: {error.what}") from error
    return builder.joined([one for one in made if one.width])


def _chosen(builder: Builder, inputs: Mapping[str, Column], plain: list[str], names: str | list[str]) -> list[Column]:
    wanted = [names] if isinstance(names, str) else list(names)
    block = next((column for column in inputs.values() if isinstance(column, Value)), None)
    if block is not None and all(name in plain for name in wanted):
        return [builder.picked(block, [plain.index(name) for name in wanted])]
    return [
        column if isinstance(column, Texts) else builder.picked(column, [plain.index(name)])
        for name, column in ((name, inputs[name]) for name in wanted)
    ]


def _alike(expected: NDArray[Any], found: NDArray[Any], task: Task, threshold: float | None) -> NDArray[np.bool_]:
    """Say of each row whether scores are near, and its label the same unless the score is as near to the threshold."""
    if expected.shape != found.shape:
        return np.zeros(len(expected), dtype=np.bool_)
    bound = np.maximum(ABSOLUTE, RELATIVE * np.maximum(np.abs(expected), np.abs(found)))
    # A score that is not finite is no score.
    near: NDArray[np.bool_] = (np.abs(expected - found) <= bound).all(axis=1)
    if task == "multiclass":
        # Two classes may be as likely as each other: then either label is right.
        rows = np.arange(len(expected))
        gap = expected.max(axis=1) - expected[rows, found.argmax(axis=1)]
        near &= gap <= 2 * bound.max(axis=1)
    if task == "binary":
        limit = 0.5 if threshold is None else threshold
        same = (expected[:, 0] >= limit) == (found[:, 0] >= limit)
        near &= same | (np.abs(expected[:, 0] - limit) <= bound[:, 0])
    return near


def _probes(features: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Make rows that training never saw: extremes beyond the data, and unseen categories and texts, among known values."""
    columns = {}
    for place, (name, kind) in enumerate(kinds.items()):
        column = features[name]
        known = column[~column.isna()]
        cells = [known.iloc[(row * 7 + place) % len(known)] for row in range(_PROBES)]
        if kind in ("float", "int"):
            low, high = float(known.min()), float(known.max())
            cells[:3] = [math.floor(low - (high - low)), math.ceil(high + (high - low)), 0.0]
        elif kind != "bool":
            cells[:3] = [STRANGE, STRANGE.swapcase(), "x"]
        if column.isna().any():
            cells[3] = np.nan
        columns[name] = pd.Series(cells, dtype=column.dtype)
    return pd.DataFrame(columns, columns=features.columns)


def _shown(scores: NDArray[Any]) -> str:
    return ", ".join(f"{one:.9g}" for one in scores[:4])
