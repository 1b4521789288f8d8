"""The metrics agree with scikit-learn, and say what they need and when they do not exist."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as theirs

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.metrics import METRICS, Deciding, Kind, Needs, UndefinedMetricError

BINARY_SCORES = {
    "roc_auc": theirs.roc_auc_score,
    "average_precision": theirs.average_precision_score,
    "brier_score": theirs.brier_score_loss,
    "log_loss": theirs.log_loss,
}
BINARY_LABELS = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "precision": theirs.precision_score,
    "recall": theirs.recall_score,
    "specificity": lambda y, label, **more: theirs.recall_score(1 - y, 1 - label, **more),
    "f1": theirs.f1_score,
}
REGRESSION = {"rmse": theirs.root_mean_squared_error, "mae": theirs.mean_absolute_error, "r2": theirs.r2_score}
MULTICLASS_LABELS = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "macro_f1": lambda y, label, **more: theirs.f1_score(y, label, average="macro", **more),
}


def weights_of(kind: str, n: int) -> Array | None:
    return None if kind == "plain" else np.random.default_rng(9).uniform(0.1, 3, size=n)


def binary_rows(seed: int, digits: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    y = (rng.random(150) < 0.35).astype(int)
    return y, np.round(1 / (1 + np.exp(-(rng.normal(size=150) + 1.5 * y - 0.8))), digits)


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("digits", [1, 8])
@pytest.mark.parametrize("name", BINARY_SCORES)
def test_binary_scores_agree_with_scikit_learn(name: str, digits: int, weighting: str) -> None:
    """With ties and without, weighted and not."""
    y, score = binary_rows(1, digits)
    weights = weights_of(weighting, len(y))
    expected = BINARY_SCORES[name](y, score, sample_weight=weights)
    assert METRICS[name].compute(y, score, weights=weights) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("name", BINARY_LABELS)
def test_binary_labels_agree_with_scikit_learn(name: str, weighting: str) -> None:
    """Labels are score >= threshold."""
    y, score = binary_rows(2, 2)
    weights = weights_of(weighting, len(y))
    label = METRICS[name].reads(score, threshold=0.4)
    expected = BINARY_LABELS[name](y, (score >= 0.4).astype(int), sample_weight=weights)
    assert METRICS[name].compute(y, label, weights=weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("name", [*MULTICLASS_LABELS, "log_loss"])
def test_multiclass_metrics_agree_with_scikit_learn(name: str, weighting: str) -> None:
    """Labels are the most probable class; a class that is predicted but never true counts in macro F1."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, size=200)
    proba = rng.dirichlet(np.ones(5) / 2, size=200) * 0.4
    proba[np.arange(200), y] += 0.6 * rng.random(200)
    proba /= proba.sum(axis=1, keepdims=True)
    weights = weights_of(weighting, len(y))
    output = METRICS[name].reads(proba)
    if name == "log_loss":
        expected = theirs.log_loss(y, proba, labels=range(5), sample_weight=weights)
    elif name == "balanced_accuracy":
        recalls = theirs.recall_score(y, output, average=None, labels=range(4), sample_weight=weights)
        expected = recalls.mean()
    else:
        expected = MULTICLASS_LABELS[name](y, output, sample_weight=weights)
    assert METRICS[name].compute(y, output, weights=weights) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_agree_with_scikit_learn(name: str, weighting: str) -> None:
    """Also for targets far from zero, where sums of squares lose digits."""
    rng = np.random.default_rng(4)
    y = 1e6 + rng.normal(size=120)
    value = y + 0.4 * rng.normal(size=120)
    weights = weights_of(weighting, len(y))
    expected = REGRESSION[name](y, value, sample_weight=weights)
    assert METRICS[name].compute(y, value, weights=weights) == pytest.approx(expected, rel=1e-8)


def test_certain_and_wrong_costs_a_finite_log_loss() -> None:
    """A probability of 0 for what happened is kept one rounding error from 0, as scikit-learn does."""
    y, proba = np.array([1, 0, 1]), np.array([0.0, 0.2, 0.9])
    assert METRICS["log_loss"].compute(y, proba) == pytest.approx(theirs.log_loss(y, proba))


def test_a_model_that_calls_nothing_positive_has_no_precision_and_no_f1() -> None:
    """Both are 0, so that such a model loses instead of escaping judgement."""
    y, label = np.array([0, 1, 1, 0]), np.zeros(4, dtype=int)
    assert [METRICS[name].compute(y, label) for name in ("precision", "f1", "recall")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "y", "reason"),
    [
        ("roc_auc", [1, 1], "only one class"),
        ("balanced_accuracy", [2, 2], "only one class"),
        ("average_precision", [0, 0], "no positive"),
        ("recall", [0, 0], "no positive"),
        ("specificity", [1, 1], "no negative"),
        ("r2", [3.5, 3.5], "all targets are equal"),
        ("accuracy", [], "no rows"),
    ],
)
def test_an_undefined_metric_says_why(name: str, y: list[float], reason: str) -> None:
    """The reason is a sentence for a report, and computing raises it."""
    y = np.array(y)
    assert reason in METRICS[name].undefined(y)
    with pytest.raises(UndefinedMetricError, match=reason):
        METRICS[name].compute(y, np.zeros(len(y)))


def test_every_metric_exists_on_ordinary_rows() -> None:
    """None of them calls itself undefined on two classes or two values."""
    assert [metric.name for metric in METRICS.values() if metric.undefined(np.array([0, 1, 1]))] == []


def test_scores_that_are_no_probabilities_are_refused_only_where_probabilities_are_needed() -> None:
    """A Brier score of log-odds is an error of the user's, a ROC curve of them is not."""
    y, score = np.array([0, 1, 1, 0]), np.array([-2.0, 3.0, 0.5, 0.1])
    with pytest.raises(BadInputError, match="brier_score needs probabilities"):
        METRICS["brier_score"].compute(y, score)
    assert METRICS["roc_auc"].compute(y, score) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", [1, 1, 1, 1, 1]),
        ("recall", [1, 0, 0, 1, 0]),
        ("specificity", [0, 1, 1, 0, 1]),
        ("roc_auc", [1, 0, 0, 1, 0]),
        ("precision", [0, 1, 0, 1, 0]),
    ],
)
def test_the_deciding_rows_are_the_denominator(name: str, expected: list[int]) -> None:
    """All rows, positives, negatives, the smaller class, or what is called positive."""
    y, label = np.array([1, 0, 0, 1, 0]), np.array([0, 1, 0, 1, 0])
    assert METRICS[name].deciding_rows(y, label).astype(int).tolist() == expected


def test_the_table_holds_what_the_gate_may_name() -> None:
    """Names, directions, bounds and families are the promised ones."""
    losses = {"brier_score", "log_loss", "rmse", "mae"}
    assert {name for name, metric in METRICS.items() if not metric.greater_is_better} == losses
    assert {name for name, metric in METRICS.items() if not metric.bounded} == {"log_loss", "rmse", "mae", "r2"}
    assert {name for name, metric in METRICS.items() if metric.kind is Kind.PROPORTION} == {
        "accuracy",
        "recall",
        "specificity",
    }
    assert METRICS["roc_auc"].deciding is Deciding.SMALLEST_CLASS
    assert set(METRICS) == {*BINARY_SCORES, *BINARY_LABELS, *MULTICLASS_LABELS, *REGRESSION}


def test_labels_need_a_threshold() -> None:
    """A score cannot be turned into labels without one; other metrics do not ask."""
    with pytest.raises(ValueError, match="needs a threshold"):
        METRICS["recall"].reads(np.array([0.2, 0.8]))
    assert METRICS["roc_auc"].needs is Needs.SCORE
    assert METRICS["roc_auc"].reads(np.array([0.2, 0.8])).tolist() == [0.2, 0.8]


def test_precision_is_decided_by_labels() -> None:
    """Its denominator cannot be known from outcomes alone."""
    with pytest.raises(ValueError, match="decided by labels"):
        METRICS["precision"].deciding_rows(np.array([0, 1]))


def test_statistics_load_without_the_slow_part_of_scipy() -> None:
    """Importing every method leaves scipy.stats, a second's worth, alone."""
    code = (
        "import sys, release.stats.compare, release.stats.power, release.stats.mcnemar; print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
