"""The metrics a gate may name: what each one means, needs, and is decided by.

The one table of metrics. Their formulas are in definitions.py, how they are judged in compare.py; which of them people may
write for which task is `release.config.names`, and a test holds the two together.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import assert_never

import numpy as np

from release.errors import BadInputError
from release.stats import definitions as of
from release.stats.arrays import Array, Bools, binary, finite, same_rows
from release.stats.statistics import Statistic

Task = str  # "binary", "multiclass" or "regression", as model.yaml writes it


class Kind(enum.StrEnum):
    """Which family of methods judges the metric."""

    AUC = "auc"
    PROPORTION = "proportion"
    """A share of the deciding rows: `Metric.correct` says which of them count."""
    ROWWISE = "rowwise"
    """A mean over all rows of `Metric.row`."""
    QUANTILE = "quantile"
    OTHER = "other"


class Needs(enum.StrEnum):
    """What of a model's output the metric reads."""

    SCORE = "score"  # any number that ranks the rows, (n,)
    LABEL = "label"  # a class index, (n,)
    PROBA = "proba"  # P(positive), (n,), or a row of probabilities, (n, k)
    VALUE = "value"  # a prediction of the target, (n,)


class Deciding(enum.StrEnum):
    """The rows that can change the metric: the denominator that evidence is counted in."""

    ROWS = "rows"
    POSITIVES = "positives"
    NEGATIVES = "negatives"
    PREDICTED_POSITIVES = "predicted positives"
    SCARCER_POSITIVES = "positives, true or predicted"
    SMALLEST_CLASS = "smallest class"
    SCARCEST_CLASS = "scarcest class, true or predicted"


class UndefinedMetricError(ValueError):
    """The metric does not exist on these rows; the message says why, in words fit for a report."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: `build` makes it a function of row weights from outcomes and outputs of the kind in `needs`.

    `row` gives each row's part of a metric that is a mean over its deciding rows, (n,); None for others. A metric is
    `class_conditional` when the shares of the classes do not change it. `bounded` says what identical predictions prove:
    one of the k deciding rows, predicted otherwise, moves the metric by at most `span`/k, so that at level a they exclude a
    difference above span * (1 - a^(1/k)), k rows being alike with probability (1 - h)^k when a share h of them differ.

    That is exact for proportions and, with their own span, for row-wise means within bounds (a Brier score, a cost). The
    others rest on the most that one changed label can do: balanced accuracy and macro recall 1/(classes * k), k the smallest
    class; macro precision and mcc, which have the calls of a class as a denominator too, 1/k of the scarcest class, true or
    predicted. A class of P rows of which C are called moves its F1 by at most 2/(P + C): f1 by 1/k, k the fewer of the
    two; its mean over two or more classes, which share the label, by 1/k of the smallest; its weighted mean by 3/k of all
    rows. docs/decisions/0016 derives them.
    """

    name: str
    tasks: frozenset[Task]
    greater_is_better: bool
    bounded: bool
    kind: Kind
    needs: Needs
    deciding: Deciding
    build: Callable[[Array, Array], Statistic]
    row: Callable[[Array, Array], Array] | None = None
    class_conditional: bool = False
    span: float = 1.0

    def compute(self, y: Array, pred: Array, *, weights: Array | None = None) -> float:
        """Return the metric of `pred` (as `needs` says; see `reads`) on outcomes `y`, (n,), rows weighted if given.

        Raises UndefinedMetricError where `absent` gives a reason, BadInputError on outputs that are not finite.
        """
        if reason := self.absent(y):
            raise UndefinedMetricError(reason)
        rows = np.ones((1, len(y))) if weights is None else finite(weights, "the weights")[None]
        return float(self.statistic(y, pred).at(rows)[0])

    def statistic(self, y: Array, pred: Array, who: str = "the predictions") -> Statistic:
        """Return the metric as a function of row weights. Raises BadInputError on outputs that `who` must not give."""
        outputs = finite(pred, who)
        same_rows(y, outputs)
        if self.needs is Needs.PROBA and bool(((outputs < 0) | (outputs > 1)).any()):
            raise BadInputError(f"{self.name} needs probabilities, but some of {who} lie outside 0 to 1")
        return self.build(y, outputs)

    def absent(self, y: Array) -> str | None:
        """Say why there is no value on outcomes `y`: what can never be judged, or too few rows; None when there is one."""
        return self.invalid(y) or self.undefined(y)

    def invalid(self, y: Array) -> str | None:
        """Say why no number of rows like outcomes `y` could ever be judged by the metric, None when some could."""
        if self.name != "mape":
            return None
        zero = np.flatnonzero(np.asarray(y) == 0)
        where = f"row {zero[0] + 1} of {len(y)} has target 0" if len(zero) else ""
        return f"mape is not defined: {where}; use mae or rmse" if where else None

    def undefined(self, y: Array) -> str | None:
        """Say why the metric does not exist on so few outcomes `y`, None when it does."""
        if len(y) == 0:
            return "no rows"
        if self.name == "r2" and bool(np.all(y == y[0])):
            return "all targets are equal"
        match self.deciding:
            case Deciding.POSITIVES | Deciding.PREDICTED_POSITIVES | Deciding.SCARCER_POSITIVES:
                return None if bool(binary(y).any()) else "no positive among the rows"
            case Deciding.NEGATIVES:
                return "no negative among the rows" if bool(binary(y).all()) else None
            case Deciding.SMALLEST_CLASS | Deciding.SCARCEST_CLASS:
                return "only one class among the rows" if bool(np.all(y == y[0])) else None
            case Deciding.ROWS:
                return None
        assert_never(self.deciding)

    def deciding_rows(self, y: Array, pred: Array | None = None) -> Bools:
        """Return which rows are in the metric's deciding denominator, (n,).

        `pred`, the labels, is needed for precision, whose denominator is what a model calls positive; elsewhere labels that
        nobody has yet are taken to be as frequent as the classes.
        """
        match self.deciding:
            case Deciding.ROWS:
                return np.ones(len(y), dtype=np.bool_)
            case Deciding.POSITIVES:
                return binary(y)
            case Deciding.NEGATIVES:
                return ~binary(y)
            case Deciding.PREDICTED_POSITIVES:
                if pred is None:
                    raise ValueError("precision is decided by labels")
                return binary(pred)
            case Deciding.SCARCER_POSITIVES:
                return binary(y) if pred is None else min(binary(y), binary(pred), key=np.count_nonzero)
            case Deciding.SMALLEST_CLASS | Deciding.SCARCEST_CLASS:
                called = () if pred is None or self.deciding is Deciding.SMALLEST_CLASS else (pred,)
                return _scarcest(y, *called)
        assert_never(self.deciding)

    @property
    def decided_by_labels(self) -> bool:
        """Whether `deciding_rows` depends on what a model says."""
        return self.deciding in (Deciding.PREDICTED_POSITIVES, Deciding.SCARCER_POSITIVES, Deciding.SCARCEST_CLASS)

    def correct(self, y: Array, pred: Array) -> Bools:
        """Return which rows a proportion counts as right, (n,), deciding or not. Raises ValueError for another metric."""
        if self.kind is not Kind.PROPORTION or self.row is None:
            raise ValueError(f"{self.name} is no proportion")
        same_rows(y, pred)
        return np.asarray(self.row(y, finite(pred, "the predictions")), dtype=np.bool_)

    def by_row(self, y: Array, pred: Array) -> Array:
        """Return one number a row, (n,), that says with the outcome all the metric reads of `pred`, (n,) or (n, k)."""
        if pred.ndim == 1:
            return pred
        if self.row is None:
            raise ValueError(f"{self.name} is no mean over rows")
        return self.row(y, pred)

    def reads(self, output: Array, *, threshold: float | None = None) -> Array:
        """Return from a model's output what the metric needs, each model with its own threshold.

        Output is P(positive), (n,), probabilities, (n, k), or a prediction, (n,). Labels are `output >= threshold`, or the
        most probable class.
        """
        values = np.asarray(output)
        if self.needs is not Needs.LABEL:
            return values
        if values.ndim > 1:
            return np.asarray(values.argmax(axis=1))
        if threshold is None:
            raise ValueError(f"{self.name} needs a threshold")
        return (values >= threshold).astype(np.int64)


def _scarcest(*labels: Array) -> Bools:
    """Return the rows of the class with the fewest, (n,), by one or another of several labellings."""
    present = np.unique(np.concatenate(labels))
    rows = [np.asarray(one == which) for one in labels for which in present]
    return min(rows, key=np.count_nonzero, default=np.zeros(0, dtype=np.bool_))


_BINARY = frozenset({"binary"})
_LABELLED = frozenset({"binary", "multiclass"})
_MULTICLASS = frozenset({"multiclass"})
_REGRESSION = frozenset({"regression"})

_Build = Callable[[Array, Array], Statistic]
_Row = Callable[[Array, Array], Array]


def _gain(
    name: str,
    tasks: frozenset[Task],
    kind: Kind,
    needs: Needs,
    deciding: Deciding,
    *,
    build: _Build,
    row: _Row | None = None,
    span: float = 1.0,
) -> Metric:
    """Return a metric of at most 1 of which more is better."""
    return Metric(
        name=name,
        tasks=tasks,
        greater_is_better=True,
        bounded=True,
        kind=kind,
        needs=needs,
        deciding=deciding,
        build=build,
        row=row,
        class_conditional=name in _CLASS_CONDITIONAL,
        span=span,
    )


def _loss(name: str, tasks: frozenset[Task], needs: Needs, row: _Row, *, span: float | None = None) -> Metric:
    """Return a mean over all rows of which less is better; `span` is how far one row's part can move, None without end."""
    return Metric(
        name=name,
        tasks=tasks,
        greater_is_better=False,
        bounded=span is not None,
        kind=Kind.ROWWISE,
        needs=needs,
        deciding=Deciding.ROWS,
        build=partial(of.mean, row),
        row=row,
        span=1.0 if span is None else span,
    )


def _of_value(name: str, kind: Kind, build: _Build, *, greater_is_better: bool) -> Metric:
    """Return a metric of regression that is no mean over rows."""
    return Metric(
        name=name,
        tasks=_REGRESSION,
        greater_is_better=greater_is_better,
        bounded=False,
        kind=kind,
        needs=Needs.VALUE,
        deciding=Deciding.ROWS,
        build=build,
    )


_CLASS_CONDITIONAL = frozenset({"roc_auc", "balanced_accuracy", "recall", "specificity", "macro_recall"})

_TABLE = (
    _gain("roc_auc", _BINARY, Kind.AUC, Needs.SCORE, Deciding.SMALLEST_CLASS, build=of.roc_auc),
    _gain("average_precision", _BINARY, Kind.OTHER, Needs.SCORE, Deciding.POSITIVES, build=of.average_precision),
    _gain("accuracy", _LABELLED, Kind.PROPORTION, Needs.LABEL, Deciding.ROWS, build=partial(of.mean, of.same), row=of.same),
    _gain("balanced_accuracy", _LABELLED, Kind.OTHER, Needs.LABEL, Deciding.SMALLEST_CLASS, build=of.balanced_accuracy),
    _gain("precision", _BINARY, Kind.OTHER, Needs.LABEL, Deciding.PREDICTED_POSITIVES, build=of.precision),
    _gain("recall", _BINARY, Kind.PROPORTION, Needs.LABEL, Deciding.POSITIVES, build=of.recall, row=of.same),
    _gain("specificity", _BINARY, Kind.PROPORTION, Needs.LABEL, Deciding.NEGATIVES, build=of.specificity, row=of.same),
    _gain("f1", _BINARY, Kind.OTHER, Needs.LABEL, Deciding.SCARCER_POSITIVES, build=of.f1),
    _gain("macro_precision", _MULTICLASS, Kind.OTHER, Needs.LABEL, Deciding.SCARCEST_CLASS, build=of.macro_precision),
    _gain("macro_recall", _MULTICLASS, Kind.OTHER, Needs.LABEL, Deciding.SMALLEST_CLASS, build=of.macro_recall),
    _gain("macro_f1", _LABELLED, Kind.OTHER, Needs.LABEL, Deciding.SMALLEST_CLASS, build=of.macro_f1),
    _gain("weighted_f1", _LABELLED, Kind.OTHER, Needs.LABEL, Deciding.ROWS, build=of.weighted_f1, span=3.0),
    _gain("mcc", _LABELLED, Kind.OTHER, Needs.LABEL, Deciding.SCARCEST_CLASS, build=of.mcc),
    _loss("brier_score", _LABELLED, Needs.PROBA, of.brier, span=1.0),
    _loss("log_loss", _LABELLED, Needs.PROBA, of.surprise),
    _of_value("rmse", Kind.OTHER, of.rmse, greater_is_better=False),
    _loss("mae", _REGRESSION, Needs.VALUE, of.distance),
    _loss("mape", _REGRESSION, Needs.VALUE, of.relative_distance),
    _of_value("median_absolute_error", Kind.QUANTILE, of.median_absolute_error, greater_is_better=False),
    _of_value("r2", Kind.OTHER, of.r2, greater_is_better=True),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""The plain metrics a gate may name; `metric_named` also knows those that carry a parameter."""

CALIBRATION = Metric(
    name="expected_calibration_error",
    tasks=_LABELLED,
    greater_is_better=False,
    bounded=True,
    kind=Kind.OTHER,
    needs=Needs.PROBA,
    deciding=Deciding.ROWS,
    build=of.expected_calibration_error,
)
"""Reported and never judged: biased upwards by noise within bins, so that no interval of it means what it says."""

_TOP = re.compile(r"top_(\d+)_accuracy\Z", re.ASCII)
_PINBALL = re.compile(r"pinball_loss_(0\.\d+)\Z", re.ASCII)

Costs = tuple[tuple[float, ...], ...]
"""What each answer costs: `costs[true][predicted]`, class indices."""


@cache
def metric_named(name: str, costs: Costs | None = None) -> Metric:
    """Return a metric by its name: a plain one, `top_<k>_accuracy`, `pinball_loss_<q>`, `cost`, or the calibration error.

    `costs` is the matrix of `cost`; others do without. Raises KeyError for a name that means no metric, ValueError for
    `cost` without a matrix.
    """
    if name in METRICS:
        return METRICS[name]
    if name == CALIBRATION.name:
        return CALIBRATION
    if name == "cost":
        if costs is None:
            raise ValueError("cost needs a matrix of costs")
        widest = max(max(row) - min(row) for row in costs)
        return _loss(name, _LABELLED, Needs.LABEL, partial(of.cost, np.array(costs)), span=widest)
    if found := _TOP.match(name):
        row = partial(of.among_top, int(found[1]))
        build = partial(of.mean, row)
        return _gain(name, _MULTICLASS, Kind.PROPORTION, Needs.PROBA, Deciding.ROWS, build=build, row=row)
    if found := _PINBALL.match(name):
        return _loss(name, _REGRESSION, Needs.VALUE, partial(of.pinball, float(found[1])))
    raise KeyError(name)
