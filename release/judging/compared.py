"""Aligned files of predictions as the rows of a judgement: truth, outputs, groups, weights, slices.

Which of a file's numbers must be probabilities follows from the metrics that a gate names. How a cell is read is
`release.data`'s, how rows are judged `release.judging.rule`'s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.artifact.serial import digest_of
from release.config.comparing import metrics_of
from release.config.names import COST
from release.config.source import shown
from release.data import scored
from release.data.values import few, label
from release.errors import BadInputError
from release.judging.comparison import seed_for
from release.judging.costs import cost_matrix, refuse_unfit
from release.judging.rows import Outputs, Rows
from release.stats.metrics import Needs, metric_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.comparing import Place, Task
    from release.config.model import GateSpec
    from release.data.alignment import Aligned
    from release.data.prediction_file import Labels, PredictionFile
    from release.data.scored import OutputColumns
    from release.records import Digest

_TWO = 2


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the columns of the files are; all but the outputs may stand in any of the files.

    `positive` is the target's value that counts as positive; 1 or true where nothing is said.
    """

    id: str
    target: str
    challenger: OutputColumns
    champion: OutputColumns
    positive: str | None = None
    group: str | None = None
    weight: str | None = None


@dataclass(frozen=True, eq=False)
class Compared:
    """The files as they were read, and the same on common rows."""

    challenger: PredictionFile
    champion: PredictionFile | None
    rows: Aligned

    def on_rows(self, file: PredictionFile, values: NDArray[Any]) -> NDArray[Any]:
        """Return values of a file's rows in the order of the common rows."""
        return np.asarray(values[self._order(file)])

    def _order(self, file: PredictionFile) -> NDArray[np.intp]:
        return next(order for one, order in zip(self.rows.files, self.rows.orders, strict=True) if one is file)


@dataclass(frozen=True, eq=False)
class _Known:
    """The truth as indexes into classes, or as numbers (no classes), and both models' outputs on the same rows."""

    y: NDArray[Any]
    classes: tuple[str, ...]
    challenger: scored.Output
    champion: scored.Output | None


def task_of_labels(found: Compared, columns: Columns) -> Task:
    """Tell binary from multiclass by the target, where labels are all there is."""
    return "binary" if len(found.rows.labels(columns.target, "the target").names) <= _TWO else "multiclass"


def rows_of(found: Compared, columns: Columns, policy: GateSpec, task: Task, at: Place) -> tuple[Rows, Digest]:
    """Return the rows that a policy is judged on, and the digest of ids and truth, which starts the resampling.

    Raises BadInputError, with file and row, for values that cannot be meant, and for metrics that the columns do not feed.
    """
    check_outputs(found, columns, policy)
    known = _known(found, columns, policy, task)
    if known.classes:
        refuse_unfit(policy, known.classes, at)
    test = _test_digest(found.rows.ids, known)
    rows = Rows(
        y=known.y,
        champion=None if known.champion is None else outputs_of(known.champion, columns.champion.threshold),
        challenger=outputs_of(known.challenger, columns.challenger.threshold),
        groups=None if columns.group is None else _ranked(found.rows.labels(columns.group, "the group")),
        weights=None if columns.weight is None else scored.weights(found.rows, columns.weight),
        costs=cost_matrix(policy.costs, known.classes, at),
        seed=seed_for(test),
    )
    return rows, test


def slices_of(found: Compared, policy: GateSpec) -> dict[str, NDArray[np.intp]]:
    """Return the numbers of the rows in each slice. Raises BadInputError for a column that no file has."""
    slices = {}
    for part in policy.slices:
        chosen = np.ones(len(found.rows.ids), dtype=np.bool_)
        for column, value in part.where.items():
            if not any(file.has(column) for file in found.rows.files):
                what = f'slice "{shown(part.name)}" asks for column "{shown(column)}", which no file has'
                has = few([shown(str(name)) for name in found.rows.files[0].frame.columns])
                raise BadInputError(what, where=found.rows.files[0].path, fix=f"the file has: {has}")
            chosen &= scored.meaning(found.rows, column, label(value))
        slices[part.name] = np.flatnonzero(chosen)
    return slices


def check_outputs(found: Compared, columns: Columns, policy: GateSpec) -> None:
    """Refuse metrics that read more than a model gives."""
    outputs = [columns.challenger] if found.champion is None else [columns.challenger, columns.champion]
    for name in metrics_of(policy):
        if _needs(name) is not Needs.LABEL and not all(output.scores for output in outputs):
            what = f"{name} reads scores, and a model gives labels alone"
            raise BadInputError(what, where="--label", fix="add --score, or judge by metrics of labels such as accuracy")


def _needs(name: str) -> Needs:
    """Return what of a model's output a metric reads."""
    return Needs.LABEL if name == COST else metric_named(name).needs


def _known(found: Compared, columns: Columns, policy: GateSpec, task: Task) -> _Known:
    """Return truth and outputs as numbers, checked."""
    models = [(found.challenger, columns.challenger)]
    if found.champion is not None:
        models.append((found.champion, columns.champion))
    if task == "regression":
        y: NDArray[Any] = found.rows.numbers(columns.target)
        classes: tuple[str, ...] = ()
        outputs = [scored.Output(found.on_rows(file, file.numbers(one.scores[0])), None) for file, one in models]
    elif task == "binary":
        y, classes = scored.binary_truth(found.rows, columns.target, columns.positive)
        outputs = [_binary_output(found, file, one, classes, policy) for file, one in models]
    else:
        classes = _classes(found, columns, models)
        y = scored.class_truth(found.rows, columns.target, classes)
        outputs = [_class_output(found, file, one, classes, columns) for file, one in models]
    return _Known(y, classes, outputs[0], outputs[1] if len(outputs) > 1 else None)


def _binary_output(
    found: Compared, file: PredictionFile, one: OutputColumns, classes: tuple[str, ...], policy: GateSpec
) -> scored.Output:
    labels = None if one.label is None else found.on_rows(file, scored.label_indexes(file, one.label, classes))
    if not one.scores:
        return scored.Output(None, labels)
    return scored.Output(found.on_rows(file, scores(file, one, policy)), labels)


def scores(file: PredictionFile, one: OutputColumns, policy: GateSpec) -> NDArray[np.float64]:
    """Return P(positive), or any numbers that rank rows where a policy asks for no more, in the file's order."""
    needs = {_needs(name) for name in metrics_of(policy)}
    if Needs.LABEL in needs and one.label is None and one.threshold is None:
        what = "the threshold was chosen on training rows, which are not here"
        raise BadInputError(what, where="--threshold", fix="give the one the model has, or --label")
    # A threshold, and a mean squared error, is about probabilities.
    plain = Needs.PROBA not in needs and (one.label is not None or Needs.LABEL not in needs)
    return file.numbers(one.scores[0]) if plain else scored.probabilities(file, one.scores[0])


def _classes(found: Compared, columns: Columns, models: list[tuple[PredictionFile, OutputColumns]]) -> tuple[str, ...]:
    """Return the classes in order: those that the challenger has columns for, else those that occur."""
    target = found.rows.labels(columns.target, "the target")
    if columns.challenger.scores:
        return tuple(class_columns(found.challenger, columns.challenger, target.names, columns))
    return scored.label_classes([target, *(file.complete(str(one.label), "the label") for file, one in models)])


def class_columns(file: PredictionFile, one: OutputColumns, names: tuple[str, ...], columns: Columns) -> dict[str, str]:
    """Return the column of each class, but for columns that are something else (see `release.data.scored`)."""
    reserved = {columns.id, columns.target, columns.group, columns.weight, one.label} - {None}
    return scored.class_columns(file, one.scores, names, [name for name in reserved if name is not None])


def _class_output(
    found: Compared, file: PredictionFile, one: OutputColumns, classes: tuple[str, ...], columns: Columns
) -> scored.Output:
    labels = None if one.label is None else found.on_rows(file, scored.label_indexes(file, one.label, classes))
    if not one.scores:
        return scored.Output(None, labels)
    named = columns_by_class(file, one, classes, columns)
    return scored.Output(found.on_rows(file, scored.class_probabilities(file, named)), labels)


def columns_by_class(file: PredictionFile, one: OutputColumns, classes: tuple[str, ...], columns: Columns) -> dict[str, str]:
    """Return a model's column of each of the classes, in their order. Raises BadInputError where it has other classes."""
    named = class_columns(file, one, classes, columns)
    if tuple(named) != classes:
        what = f"there are columns for the classes {few(list(named))}, and the challenger has {few(list(classes))}"
        raise BadInputError(what, where=file.path, fix="a class that a model does not know needs a column of zeros")
    return named


def outputs_of(output: scored.Output, threshold: float | None) -> Outputs:
    """Return what a model says as the outputs of a judgement: labels where there are no scores."""
    values = output.labels if output.scores is None else output.scores
    return Outputs(np.asarray(values, dtype=np.float64), threshold, output.labels)


def _ranked(labels: Labels) -> NDArray[np.intp]:
    """Give groups numbers in the order of their names, so that no number depends on the order of a file."""
    rank = np.empty(len(labels.names), dtype=np.intp)
    rank[sorted(range(len(labels.names)), key=labels.names.__getitem__)] = np.arange(len(labels.names))
    return rank[labels.codes]


def _test_digest(ids: tuple[str, ...], known: _Known) -> Digest:
    """Return the digest of ids and truth, in the order of the ids: the same rows whatever the files and the models."""
    truth = np.array(known.classes, dtype=object)[known.y] if known.classes else known.y
    return digest_of(json.dumps([ids, truth.tolist()]).encode())
