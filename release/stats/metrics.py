"""The metrics a gate may name: what each one means, needs, and is decided by.

The one table of metrics. Their formulas are in definitions.py, how they are judged in compare.py.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    ROWWISE = "rowwise"
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
    SMALLEST_CLASS = "smallest class"


class UndefinedMetricError(ValueError):
    """The metric does not exist on these rows; the message says why, in words fit for a report."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric: `build` makes it a function of row weights from outcomes and outputs of the kind in `needs`."""

    name: str
    tasks: frozenset[Task]
    greater_is_better: bool
    bounded: bool
    kind: Kind
    needs: Needs
    deciding: Deciding
    build: Callable[[Array, Array], Statistic]

    def compute(self, y: Array, pred: Array, *, weights: Array | None = None) -> float:
        """Return the metric of `pred` (as `needs` says; see `reads`) on outcomes `y`, (n,), rows weighted if given.

        Raises UndefinedMetricError where `undefined` gives a reason, BadInputError on outputs that are not finite.
        """
        if reason := self.undefined(y):
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

    def undefined(self, y: Array) -> str | None:
        """Say why the metric does not exist on outcomes `y`, None when it does."""
        if len(y) == 0:
            return "no rows"
        if self.name == "r2" and bool(np.all(y == y[0])):
            return "all targets are equal"
        match self.deciding:
            case Deciding.POSITIVES | Deciding.PREDICTED_POSITIVES:
                return None if bool(binary(y).any()) else "no positive among the rows"
            case Deciding.NEGATIVES:
                return "no negative among the rows" if bool(binary(y).all()) else None
            case Deciding.SMALLEST_CLASS:
                return "only one class among the rows" if bool(np.all(y == y[0])) else None
            case Deciding.ROWS:
                return None
        assert_never(self.deciding)

    def deciding_rows(self, y: Array, pred: Array | None = None) -> Bools:
        """Return which rows are in the metric's deciding denominator, (n,).

        `pred`, the labels, is needed for precision alone, whose denominator is what a model calls positive.
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
            case Deciding.SMALLEST_CLASS:
                present, counts = np.unique(y, return_counts=True)
                return np.asarray(y == present[np.argmin(counts)]) if len(present) else np.zeros(0, dtype=np.bool_)
        assert_never(self.deciding)

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


_BINARY = frozenset({"binary"})
_LABELLED = frozenset({"binary", "multiclass"})
_MULTICLASS = frozenset({"multiclass"})
_REGRESSION = frozenset({"regression"})

_Build = Callable[[Array, Array], Statistic]


def _gain(name: str, tasks: frozenset[Task], kind: Kind, needs: Needs, deciding: Deciding, *, build: _Build) -> Metric:
    """Return a metric between 0 and 1 of which more is better."""
    return Metric(
        name=name,
        tasks=tasks,
        greater_is_better=True,
        bounded=True,
        kind=kind,
        needs=needs,
        deciding=deciding,
        build=build,
    )


def _loss(name: str, tasks: frozenset[Task], kind: Kind, needs: Needs, build: _Build, *, bounded: bool = False) -> Metric:
    """Return a metric over all rows of which less is better."""
    return Metric(
        name=name,
        tasks=tasks,
        greater_is_better=False,
        bounded=bounded,
        kind=kind,
        needs=needs,
        deciding=Deciding.ROWS,
        build=build,
    )


_R2 = Metric(
    name="r2",
    tasks=_REGRESSION,
    greater_is_better=True,
    bounded=False,
    kind=Kind.OTHER,
    needs=Needs.VALUE,
    deciding=Deciding.ROWS,
    build=of.r2,
)

_TABLE = (
    _gain("roc_auc", _BINARY, Kind.AUC, Needs.SCORE, Deciding.SMALLEST_CLASS, build=of.roc_auc),
    _gain("average_precision", _BINARY, Kind.OTHER, Needs.SCORE, Deciding.POSITIVES, build=of.average_precision),
    _gain("accuracy", _LABELLED, Kind.PROPORTION, Needs.LABEL, Deciding.ROWS, build=of.accuracy),
    _gain("balanced_accuracy", _LABELLED, Kind.OTHER, Needs.LABEL, Deciding.SMALLEST_CLASS, build=of.balanced_accuracy),
    _gain("precision", _BINARY, Kind.OTHER, Needs.LABEL, Deciding.PREDICTED_POSITIVES, build=of.precision),
    _gain("recall", _BINARY, Kind.PROPORTION, Needs.LABEL, Deciding.POSITIVES, build=of.recall),
    _gain("specificity", _BINARY, Kind.PROPORTION, Needs.LABEL, Deciding.NEGATIVES, build=of.specificity),
    _gain("f1", _BINARY, Kind.OTHER, Needs.LABEL, Deciding.POSITIVES, build=of.f1),
    _gain("macro_f1", _MULTICLASS, Kind.OTHER, Needs.LABEL, Deciding.SMALLEST_CLASS, build=of.macro_f1),
    _loss("brier_score", _BINARY, Kind.ROWWISE, Needs.PROBA, of.brier_score, bounded=True),
    _loss("log_loss", _LABELLED, Kind.ROWWISE, Needs.PROBA, of.log_loss),
    _loss("rmse", _REGRESSION, Kind.OTHER, Needs.VALUE, of.rmse),
    _loss("mae", _REGRESSION, Kind.ROWWISE, Needs.VALUE, of.mae),
    _R2,
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
