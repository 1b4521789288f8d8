"""A checked ONNX file in a runtime of one thread, and rows in the form that its inputs have.

Needs NumPy and onnxruntime only: this is what a server of the ONNX format runs. Converting models is not known here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.onnx_check import check
from release.artifact.onnx_file import Kind
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NUMERIC = frozenset({"float", "int", "bool"})
"""Types of columns that are numbers: side by side in one input."""
NUMBERS, SCORES = "numbers", "scores"
"""The input of all columns of numbers, and the output. A column of texts is an input `text/<column>`."""
MISSING = "\uffff"
"""What stands for a missing category: no character."""
_WORD = re.compile(r"(?u)\b\w\w+\b")
"""scikit-learn's own token: two letters, digits or underscores, or more."""
_ROWS = 1024
"""Rows at a time: what a row makes on its way through the graph may be wide."""
_ERROR = 3


def texts_input(column: str) -> str:
    """Return the name of a column's input."""
    return f"text/{column}"


def words(texts: Sequence[str] | NDArray[Any]) -> NDArray[np.object_]:
    """Return texts as their words, lower case, shape (rows, most words), filled up with empty ones.

    Splitting is scikit-learn's default, done here because no ONNX operator splits Unicode text as Python does.
    """
    split = [_WORD.findall(text.lower()) for text in texts]
    wide = np.full((len(split), max(1, *map(len, split))) if split else (0, 1), "", dtype=object)
    for row, found in zip(wide, split, strict=True):
        row[: len(found)] = found
    return wide


class Session:
    """One model, ready to score rows."""

    def __init__(self, content: bytes, *, kinds: Mapping[str, str], where: str) -> None:
        """Check a file and load it; `kinds` names each column's type, in the order of the model's rows.

        Raises SecurityRefusalError for a file that `release.artifact.onnx_check` refuses, or whose inputs are not those of
        these columns; BadInputError without onnxruntime.
        """
        graph = check(content, where=where)
        texts = [(name, kind) for name, kind in kinds.items() if kind not in NUMERIC]
        width = len(kinds) - len(texts)
        expected = {texts_input(name): (Kind.STRING, None if kind == "text" else 1) for name, kind in texts}
        expected |= {NUMBERS: (Kind.DOUBLE, width)} if width else {}
        found = {port.name: (port.kind, port.width) for port in graph.inputs}
        if found != expected or [port.name for port in graph.outputs] != [SCORES]:
            raise SecurityRefusalError(
                "its inputs are not those of the model's columns", where=where, fix="train the model again"
            )
        self.width = int(graph.outputs[0].width or 0)
        self._texts = texts
        self._numbers = width > 0
        self._session = _load(content, where)

    def scores(self, numbers: NDArray[np.float64], texts: Mapping[str, Sequence[Any] | NDArray[Any]]) -> NDArray[np.float64]:
        """Return scores of shape (rows, classes or 1).

        `numbers` has all columns of numbers, in the model's order; `texts` the others, missing categories as NaN. Raises
        ValueError, as scikit-learn would, when the runtime cannot read the rows.
        """
        rows = len(numbers)
        if rows <= _ROWS:
            return self._some(numbers, texts)
        parts = [slice(at, at + _ROWS) for at in range(0, rows, _ROWS)]
        return np.concatenate([self._some(numbers[one], {n: t[one] for n, t in texts.items()}) for one in parts])

    def _some(self, numbers: NDArray[np.float64], texts: Mapping[str, Sequence[Any] | NDArray[Any]]) -> NDArray[np.float64]:
        feed: dict[str, NDArray[Any]] = {NUMBERS: np.ascontiguousarray(numbers)} if self._numbers else {}
        for name, kind in self._texts:
            feed[texts_input(name)] = words(texts[name]) if kind == "text" else _categories(texts[name])
        try:
            (found,) = self._session.run(None, feed)
        except Exception as error:  # the runtime's errors have no common base
            raise ValueError(str(error)) from error
        return np.asarray(found, dtype=np.float64)


def _categories(cells: Sequence[Any] | NDArray[Any]) -> NDArray[np.object_]:
    column = np.empty((len(cells), 1), dtype=object)
    column[:, 0] = [cell if isinstance(cell, str) else MISSING for cell in cells]
    return column


def runtime(where: str) -> Any:
    """Return the runtime's module. Raises BadInputError where it is not installed."""
    try:
        import onnxruntime  # noqa: PLC0415 (only where a model has this format)
    except ModuleNotFoundError as error:
        raise BadInputError(
            "`serving: {format: onnx}` needs onnxruntime, which is not installed",
            where=where,
            fix="pip install 'model-release[onnx]'",
        ) from error
    return onnxruntime


def _load(content: bytes, where: str) -> Any:
    onnxruntime = runtime(where)
    options = onnxruntime.SessionOptions()
    # A pod is scaled by replicas; and sums are made in one order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERROR
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        said = str(error).strip().splitlines()[0][:200]
        raise BadInputError(f"the runtime cannot load it: {said}", where=where, fix="train the model again") from error
