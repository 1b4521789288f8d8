"""What is taken from files that memory should not hold, and what the words in it turned out to mean.

Which columns a policy reads, how a piece of a file becomes numbers, and, once all of it was seen, the classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from release.data import scored
from release.data.alignment import Aligned, means
from release.data.prediction_file import Labels
from release.data.spilling import Words, take
from release.data.values import label
from release.judging.compared import class_columns, columns_by_class, scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.comparing import Task
    from release.config.model import GateSpec
    from release.data.prediction_file import PredictionFile
    from release.data.scored import OutputColumns
    from release.data.spilling import Convert, Taken
    from release.judging.compared import Columns, Compared

TARGET, WEIGHT = "target", "weight"
_TWO = 2


@dataclass(frozen=True, eq=False)
class Meaning:
    """The classes (none for numbers), and for each word that was read its class: of the target, and of labels by field.

    `orders` put the columns of probabilities, by field, in the order of the classes.
    """

    classes: tuple[str, ...]
    target: NDArray[np.int64]
    labels: dict[str, NDArray[np.int64]]
    orders: dict[str, list[int]]


@dataclass(eq=False)
class Reading:
    """What a comparison reads of its files, of which `found` has the headers."""

    found: Compared
    columns: Columns
    policy: GateSpec
    task: Task | None
    target: Words = field(init=False)
    labels: dict[str, Words] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    own: int = 0

    def __post_init__(self) -> None:
        """Start with no words."""
        self.target = Words(self.columns.target, "the target")

    @property
    def models(self) -> list[tuple[PredictionFile, OutputColumns]]:
        """The file of each model and where its output stands, the challenger first."""
        first = [(self.found.challenger, self.columns.challenger)]
        return first if self.found.champion is None else [*first, (self.found.champion, self.columns.champion)]

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """The columns and values that the policy's slices ask for, each once."""
        asked = [(column, label(value)) for part in self.policy.slices for column, value in part.where.items()]
        return list(dict.fromkeys(asked))

    def place(self, column: str, value: Any) -> int:
        """Return the number of a condition of a slice."""
        return self.conditions.index((column, label(value)))

    def take(self, number: int, folder: Path) -> Taken:
        """Read one of the files; the first is authoritative. Raises as its conversions do."""
        head = self.found.rows.files[number]
        fields: dict[str, tuple[Convert, Any]] = {}
        used = {self.columns.target, *(column for column, _ in self.conditions)}
        if head.has(self.columns.target):
            numbers = partial(_numbers, self.columns.target)
            fields[TARGET] = (numbers, "f8") if self.task == "regression" else (self.target, "i4")
        if self.columns.weight is not None and head.has(self.columns.weight):
            fields[WEIGHT] = (partial(_weights, self.columns.weight), "f8")
            used.add(self.columns.weight)
        for place, (column, value) in enumerate(self.conditions):
            if head.has(column):
                fields[f"where-{place}"] = (partial(_where, column, value), "?")
        for place, (file, one) in enumerate(self.models):
            if file is head:
                fields |= self._output(place, head, one, used)
        own = folder / f"file-{number}"
        own.mkdir()
        taken = take(Path(head.path), self.columns.id, fields, used, own)
        self.own = self.own or len(self.target.codes)
        return taken

    def meaning(self) -> Meaning:
        """Return what the words mean, all files having been read. Raises BadInputError at the first that means nothing."""
        if self.task == "regression":
            return Meaning((), np.empty(0, dtype=np.int64), {}, {})
        rows = self.target.distinct(self.own)
        names = tuple(self.target.codes)[: self.own]
        if self.task == "binary" or (self.task is None and len(names) <= _TWO):
            truth, classes = scored.binary_truth(rows, self.columns.target, self.columns.positive)
        else:
            classes = self._classes(names)
            truth = scored.class_truth(rows, self.columns.target, classes)
        orders = {}
        for place, (file, one) in enumerate(self.models):
            if (listed := self.listed.get(f"values-{place}")) is not None:
                named = columns_by_class(file, one, classes, self.columns)
                orders[f"values-{place}"] = [listed.index(column) for column in named.values()]
        labels = {
            name: scored.label_indexes(words.distinct().files[0], words.column, classes)
            for name, words in self.labels.items()
        }
        return Meaning(classes, self._of_all(truth), labels, orders)

    def _of_all(self, truth: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the class of every word of the target: those of other files mean what the first file's do, or nothing."""
        names = list(self.target.codes)
        found = [next((int(truth[n]) for n in range(self.own) if means(names[n], name)), -1) for name in names[self.own :]]
        return np.array([*truth.tolist(), *found], dtype=np.int64)

    def _classes(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if self.columns.challenger.scores:
            return tuple(class_columns(self.found.challenger, self.columns.challenger, names, self.columns))
        words = [names, *(tuple(one.codes) for one in self.labels.values())]
        return scored.label_classes([Labels(np.empty(0, dtype=np.intp), one) for one in words])

    def _output(
        self, place: int, head: PredictionFile, one: OutputColumns, used: set[str]
    ) -> dict[str, tuple[Convert, Any]]:
        """Return the fields of a model's output, and add the columns they need to those `used`."""
        fields: dict[str, tuple[Convert, Any]] = {}
        if one.label is not None:
            head.require(one.label)
            self.labels[f"labels-{place}"] = Words(one.label, "the label")
            fields[f"labels-{place}"] = (self.labels[f"labels-{place}"], "i4")
            used.add(one.label)
        if not one.scores:
            return fields
        columns = list(one.scores)
        if self.task == "multiclass":
            starred = any("*" in name and not head.has(name) for name in columns)
            columns = list(class_columns(head, one, (), self.columns).values()) if starred else columns
            self.listed[f"values-{place}"] = columns
        for name in columns:
            head.require(name)
        used.update(columns)
        if self.task == "multiclass":
            convert = partial(_probabilities, {name: name for name in columns})
            return fields | {f"values-{place}": (convert, ("f8", (len(columns),)))}
        reads: Convert = partial(_numbers, columns[0]) if self.task == "regression" else partial(_scores, one, self.policy)
        return fields | {f"values-{place}": (reads, "f8")}


def _numbers(column: str, file: PredictionFile) -> NDArray[np.float64]:
    return file.numbers(column)


def _scores(one: OutputColumns, policy: GateSpec, file: PredictionFile) -> NDArray[np.float64]:
    return scores(file, one, policy)


def _probabilities(columns: dict[str, str], file: PredictionFile) -> NDArray[np.float64]:
    return scored.class_probabilities(file, columns)


def _weights(column: str, file: PredictionFile) -> NDArray[np.float64]:
    values = file.numbers(column)
    # All may be zero in a piece of a file; a negative weight is refused in the usual words.
    return scored.weights(_alone(file), column) if bool((values < 0).any()) else values


def _where(column: str, value: str, file: PredictionFile) -> NDArray[np.bool_]:
    return scored.meaning(_alone(file), column, value)


def _alone(file: PredictionFile) -> Aligned:
    return Aligned((file,), (np.arange(file.rows),), ())
