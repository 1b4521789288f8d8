"""A model loaded for serving: its files verified, its golden rows scored as recorded, and what it answers to rows.

Needs no network and no clock: a pod must restart at night. HTTP and metrics are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from release.artifact.bins import REFERENCE, Reference
from release.artifact.golden import GOLDEN, Golden
from release.artifact.model import ONNX, SKOPS, ModelManifest
from release.artifact.replay import REPLAY
from release.errors import BadInputError
from release.serving.cells import DATATYPES, NUMERIC
from release.serving.tensors import Rows, Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from release.learning.rows import Task
    from release.records import Digest
    from release.serving.tensors import Features

_UNREADABLE = "copy the model's layer into the image again"


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of some rows: `scores` of shape (rows, classes or 1), `labels` for each row, None in a regression.

    `outputs` are the tensors of the response, by name.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.object_] | None
    outputs: Mapping[str, NDArray[Any]]


class Engine(Protocol):
    """What runs a model; `quick` where a few rows take microseconds, and calls may overlap."""

    quick: bool

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return scores of shape (rows, classes or 1). Raises ValueError when the model cannot read the rows."""


class Scorer:
    """One verified model."""

    def __init__(self, manifest: ModelManifest, digest: Digest, engine: Engine, reference: Reference) -> None:
        """Take the parts of a model, as `load` verified them."""
        self.manifest = manifest
        self.digest = digest
        self.reference = reference
        self.rows = Rows(manifest.columns)
        self.classes = tuple(str(name) for name in manifest.classes)
        self.quick = engine.quick
        self._engine = engine
        self._labels = np.array(self.classes, dtype=object)

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return cast("Task", self.manifest.task)

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return scores of shape (rows, classes or 1). Raises BadInputError when the model cannot read the rows."""
        try:
            return self._engine.scores(features)
        except ValueError as error:
            said = str(error).strip().splitlines()[0][:200]
            raise BadInputError(
                f"the model cannot read these rows: {said}", fix="send rows that keep its contract"
            ) from error

    def answer(self, features: Features) -> Answer:
        """Score rows and decide their labels: `score >= threshold` is the positive class, else the likeliest one."""
        scores = self.scores(features)
        match self.task:
            case "regression":
                return Answer(scores, None, {"prediction": scores[:, 0]})
            case "binary":
                threshold = 0.5 if self.manifest.threshold is None else self.manifest.threshold
                labels = self._labels[(scores[:, 0] >= threshold).astype(np.intp)]
                return Answer(scores, labels, {"score": scores[:, 0], "label": labels})
            case _:
                labels = self._labels[scores.argmax(axis=1)]
                return Answer(scores, labels, {"probabilities": scores, "label": labels})

    def outputs(self) -> list[dict[str, Any]]:
        """Return the model's outputs as V2's metadata lists them."""
        label = {"name": "label", "datatype": "BYTES", "shape": [-1]}
        match self.task:
            case "regression":
                return [{"name": "prediction", "datatype": "FP64", "shape": [-1]}]
            case "binary":
                return [{"name": "score", "datatype": "FP64", "shape": [-1]}, label]
            case _:
                return [{"name": "probabilities", "datatype": "FP64", "shape": [-1, len(self.classes)]}, label]

    def prove(self, golden: Golden) -> None:
        """Score the golden rows through the door that requests take. Raises GateFailedError when they score otherwise."""
        where = f"{self.digest[:19]}/{GOLDEN}"
        if golden.columns != tuple(column.name for column in self.rows.columns):
            raise BadInputError("the golden rows have other columns than the model", where=where, fix="train it again")
        tensors = [
            Tensor(column.name, DATATYPES[column.type], (len(golden.rows),), [row[position] for row in golden.rows])
            for position, column in enumerate(self.rows.columns)
        ]
        golden.check(self.scores(self.rows.features(tensors)).tolist(), where=where)


def load(folder: Path, digest: Digest) -> Scorer:
    """Load the model in a folder, once it is shown to be the one of this digest and to score as recorded.

    Raises SecurityRefusalError when any file is not the digest's; BadInputError when another scikit-learn trained it, or
    when it lacks its golden rows or reference; GateFailedError when the golden rows score otherwise.
    """
    files = _files(folder)
    manifest = ModelManifest.verify(files, digest, where=str(folder))
    for name in (GOLDEN, REFERENCE):
        if name not in files:
            fix = "train the model again with this version"
            raise BadInputError(f"the model has no {name}", where=str(folder), fix=fix)
    reference = Reference.parse(files[REFERENCE], where=f"{folder}/{REFERENCE}")
    scorer = Scorer(manifest, digest, _engine(manifest, files, folder), reference)
    scorer.prove(Golden.parse(files[GOLDEN], where=f"{folder}/{GOLDEN}"))
    return scorer


def _engine(manifest: ModelManifest, files: Mapping[str, bytes], folder: Path) -> Engine:
    """Return what runs a model of this format, importing no other format's libraries."""
    try:
        if manifest.format == "onnx":
            from release.serving.converted import Converted  # noqa: PLC0415 (the runtime of this format only)

            return Converted(files[ONNX], manifest.columns, where=f"{folder}/{ONNX}")
        from release.serving.trained import Trained  # noqa: PLC0415 (scikit-learn takes seconds to import)
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"the model's format is {manifest.format}, and there is no {error.name} here",
            where=str(folder),
            fix=f"put it on a runtime of that format (`release runtime --format {manifest.format}`)",
        ) from error
    return Trained(
        files[SKOPS],
        numeric=[column.name for column in manifest.columns if column.type in NUMERIC],
        classes=tuple(str(name) for name in manifest.classes),
        task=cast("Task", manifest.task),
        where=f"{folder}/{SKOPS}",
        trained=manifest.versions.get("scikit-learn"),
    )


def _files(folder: Path) -> dict[str, bytes]:
    try:
        # Requests to replay lie beside the model, and are none of it.
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != REPLAY}
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise BadInputError(f"the model cannot be read: {said}", where=str(folder), fix=_UNREADABLE) from error
