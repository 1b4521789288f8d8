"""The metrics agree with scikit-learn, and say what they need and when they do not exist."""

import itertools
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as theirs

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.metrics import CALIBRATION, METRICS, Deciding, Kind, Needs, UndefinedMetricError, metric_named

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
    "macro_f1": partial(theirs.f1_score, average="macro"),
    "weighted_f1": partial(theirs.f1_score, average="weighted"),
    "mcc": theirs.matthews_corrcoef,
}
REGRESSION = {
    "rmse": theirs.root_mean_squared_error,
    "mae": theirs.mean_absolute_error,
    "median_absolute_error": theirs.median_absolute_error,
    "mape": theirs.mean_absolute_percentage_error,
    "r2": theirs.r2_score,
    "pinball_loss_0.9": partial(theirs.mean_pinball_loss, alpha=0.9),
    "pinball_loss_0.05": partial(theirs.mean_pinball_loss, alpha=0.05),
}
MULTICLASS_LABELS = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "macro_precision": partial(theirs.precision_score, average="macro", zero_division=0),
    "macro_recall": partial(theirs.recall_score, average="macro", zero_division=0),
    "macro_f1": partial(theirs.f1_score, average="macro"),
    "weighted_f1": partial(theirs.f1_score, average="weighted"),
    "mcc": theirs.matthews_corrcoef,
}
MULTICLASS_SCORES = {
    "log_loss": theirs.log_loss,
    "brier_score": partial(theirs.brier_score_loss, scale_by_half=True),
    "top_2_accuracy": partial(theirs.top_k_accuracy_score, k=2),
    "top_3_accuracy": partial(theirs.top_k_accuracy_score, k=3),
}
COSTS = ((0.0, 5.0), (50.0, 2.0))


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


def multiclass_rows(seed: int, digits: int = 8) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, size=200)
    proba = rng.dirichlet(np.ones(5) / 2, size=200) * 0.4
    proba[np.arange(200), y] += 0.6 * rng.random(200)
    proba = np.round(proba / proba.sum(axis=1, keepdims=True), digits)
    return y, proba


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("digits", [1, 8])
@pytest.mark.parametrize("name", ["top_2_accuracy", "top_3_accuracy"])
def test_the_most_probable_classes_agree_with_scikit_learn(name: str, digits: int, weighting: str) -> None:
    """With ties, which it breaks in favour of the later class, and without; each model its own probabilities."""
    y, proba = multiclass_rows(5, digits)
    weights = weights_of(weighting, len(y))
    expected = MULTICLASS_SCORES[name](y, proba, labels=range(5), sample_weight=weights)
    assert metric_named(name).compute(y, proba, weights=weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
@pytest.mark.parametrize("name", [*MULTICLASS_LABELS, "log_loss", "brier_score"])
def test_multiclass_metrics_agree_with_scikit_learn(name: str, weighting: str) -> None:
    """Labels are the most probable class; a class that is predicted but never true counts in the macro averages."""
    y, proba = multiclass_rows(3)
    proba /= proba.sum(axis=1, keepdims=True)
    weights = weights_of(weighting, len(y))
    output = METRICS[name].reads(proba)
    if name in MULTICLASS_SCORES:
        expected = MULTICLASS_SCORES[name](y, proba, labels=range(5), sample_weight=weights)
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
    assert metric_named(name).compute(y, value, weights=weights) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_the_median_agrees_with_scikit_learn_whatever_is_tied_or_weighs_nothing(seed: int) -> None:
    """Few rows, equal errors and weights of zero, where a median is decided by which side a tie falls."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    y, value = np.zeros(n), rng.integers(0, 4, size=n).astype(float)
    weights = rng.integers(0, 3, size=n).astype(float)
    weights[rng.integers(n)] = 1
    metric = METRICS["median_absolute_error"]
    assert metric.compute(y, value) == theirs.median_absolute_error(y, value)
    assert metric.compute(y, value, weights=weights) == pytest.approx(
        theirs.median_absolute_error(np.repeat(y, weights.astype(int)), np.repeat(value, weights.astype(int)))
    )


def test_two_classes_have_one_brier_score_however_they_are_written() -> None:
    """P(positive), or a probability a class: halving the second makes them the same, and keeps both within 1."""
    y, score = binary_rows(6, 3)
    both = np.stack([1 - score, score], axis=1)
    metric = METRICS["brier_score"]
    assert metric.compute(y, both) == pytest.approx(metric.compute(y, score), rel=1e-12)
    assert metric.compute(np.array([0]), np.array([[0.0, 1.0, 0.0]])) == 1


@pytest.mark.parametrize("weighting", ["plain", "weighted"])
def test_cost_is_what_the_matrix_says(weighting: str) -> None:
    """The mean over rows of the cell of truth and label, and right labels may cost something too."""
    y, score = binary_rows(7, 2)
    weights = weights_of(weighting, len(y))
    metric = metric_named("cost", COSTS)
    label = metric.reads(score, threshold=0.4)
    table = theirs.confusion_matrix(y, label, sample_weight=weights)
    assert metric.compute(y, label, weights=weights) == pytest.approx((table * np.array(COSTS)).sum() / table.sum())
    assert metric.span == 48


def test_one_cost_for_every_error_is_the_share_of_errors() -> None:
    """With ones off the diagonal, cost and accuracy are two names of one thing."""
    y, score = binary_rows(8, 2)
    label = METRICS["accuracy"].reads(score, threshold=0.5)
    cost = metric_named("cost", ((0.0, 1.0), (1.0, 0.0))).compute(y, label)
    assert cost == pytest.approx(1 - METRICS["accuracy"].compute(y, label))


def test_the_calibration_error_is_the_mean_gap_of_fifteen_bins() -> None:
    """Counted by hand, bin by bin: for two classes by P(positive), for more by the largest probability."""
    y, score = binary_rows(9, 2)
    weights = weights_of("weighted", len(y))
    edges = np.arange(16) / 15
    edges[-1] = 1.1
    bins = [(score >= low) & (score < high) for low, high in itertools.pairwise(edges)]
    gaps = [abs((weights * (score - y))[inside].sum()) for inside in bins]
    assert CALIBRATION.compute(y, score, weights=weights) == pytest.approx(sum(gaps) / weights.sum())
    proba = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]])
    assert CALIBRATION.compute(np.array([0, 0, 2]), proba) == pytest.approx((abs(2 * 0.6 - 1) + 0.2) / 3)
    assert metric_named("expected_calibration_error") is CALIBRATION


def test_the_calibration_error_of_a_calibrated_model_is_above_zero() -> None:
    """It is biased, which is why it is shown and never judged."""
    rng = np.random.default_rng(0)
    score = rng.random((20, 500))
    found = [CALIBRATION.compute((rng.random(500) < row).astype(int), row) for row in score]
    assert np.mean(found) > 10 * np.std(found) / np.sqrt(20)
    assert np.mean(found) > 0.03


def test_certain_and_wrong_costs_a_finite_log_loss() -> None:
    """A probability of 0 for what happened is kept one rounding error from 0, as scikit-learn does."""
    y, proba = np.array([1, 0, 1]), np.array([0.0, 0.2, 0.9])
    assert METRICS["log_loss"].compute(y, proba) == pytest.approx(theirs.log_loss(y, proba))


def test_a_model_that_calls_nothing_positive_has_no_precision_and_no_f1() -> None:
    """All are 0, so that such a model loses instead of escaping judgement."""
    y, label = np.array([0, 1, 1, 0]), np.zeros(4, dtype=int)
    assert [METRICS[name].compute(y, label) for name in ("precision", "f1", "recall", "mcc")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "y", "reason"),
    [
        ("roc_auc", [1, 1], "only one class"),
        ("balanced_accuracy", [2, 2], "only one class"),
        ("mcc", [1, 1], "only one class"),
        ("macro_precision", [1, 1], "only one class"),
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
        ("f1", [1, 0, 0, 1, 0]),
        ("mcc", [1, 0, 0, 1, 0]),
        ("weighted_f1", [1, 1, 1, 1, 1]),
    ],
)
def test_the_deciding_rows_are_the_denominator(name: str, expected: list[int]) -> None:
    """All rows, positives, negatives, the smaller class, or what is called positive."""
    y, label = np.array([1, 0, 0, 1, 0]), np.array([0, 1, 0, 1, 0])
    assert METRICS[name].deciding_rows(y, label).astype(int).tolist() == expected


def test_positives_that_are_hardly_ever_called_are_little_evidence_of_f1() -> None:
    """The fewer of the true and the called ones decide: one more of few moves it far."""
    y, few = np.array([1, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 0])
    assert METRICS["f1"].deciding_rows(y, few).tolist() == few.astype(bool).tolist()
    assert METRICS["f1"].deciding_rows(y).tolist() == y.astype(bool).tolist()
    assert METRICS["mcc"].deciding_rows(y, few).sum() == 1


def test_the_table_holds_what_the_gate_may_name() -> None:
    """Names, directions, bounds and families are the promised ones."""
    of_value = {"rmse", "mae", "mape", "median_absolute_error"}
    losses = {name for name, metric in METRICS.items() if not metric.greater_is_better}
    assert losses == {"brier_score", "log_loss", *of_value}
    assert {name for name, metric in METRICS.items() if not metric.bounded} == {"log_loss", "r2", *of_value}
    assert {name for name, metric in METRICS.items() if metric.kind is Kind.PROPORTION} == {
        "accuracy",
        "recall",
        "specificity",
    }
    rowwise = {name for name, metric in METRICS.items() if metric.kind is Kind.ROWWISE}
    assert rowwise == {"brier_score", "log_loss", "mae", "mape"}
    assert {name for name, metric in METRICS.items() if metric.kind is Kind.QUANTILE} == {"median_absolute_error"}
    assert METRICS["roc_auc"].deciding is Deciding.SMALLEST_CLASS
    checked = {*BINARY_SCORES, *BINARY_LABELS, *MULTICLASS_LABELS, *MULTICLASS_SCORES, *REGRESSION}
    assert {metric_named(name).name for name in checked} == checked
    assert set(METRICS) == {name for name in checked if "top_" not in name and "pinball" not in name}


@pytest.mark.parametrize("name", [name for name in METRICS if "regression" not in METRICS[name].tasks])
def test_class_conditional_metrics_are_those_that_class_shares_leave_alone(name: str) -> None:
    """Counting every positive three times changes all the others: only these may be resampled within classes."""
    metric = METRICS[name]
    y, score = binary_rows(12, 2)
    output = metric.reads(score, threshold=0.4)
    once, thrice = metric.compute(y, output), metric.compute(y, output, weights=1.0 + 2 * y)
    assert (once == pytest.approx(thrice)) == metric.class_conditional


@pytest.mark.parametrize(
    "name", ["mcc", "macro_precision", "macro_f1", "weighted_f1", "f1", "balanced_accuracy", "precision"]
)
def test_one_changed_label_moves_a_bounded_metric_by_no_more_than_its_span_over_the_deciding_rows(name: str) -> None:
    """What identical predictions prove rests on it, also where a class is hardly ever called; but for the row itself."""
    metric, rng = METRICS[name], np.random.default_rng(13)
    classes = 2 if "multiclass" not in metric.tasks else 3
    for _ in range(60):
        y = np.concatenate([np.arange(classes).repeat(5), rng.choice(classes, 40, p=rng.dirichlet(np.ones(classes)))])
        other_labels = rng.choice(classes, len(y), p=rng.dirichlet(np.ones(classes) / 4))
        label = np.where(rng.random(len(y)) < rng.uniform(0, 1), other_labels, y)
        before, k = metric.compute(y, label), int(metric.deciding_rows(y, label).sum())
        for row, other in itertools.product(range(len(y)), range(classes)):
            changed = label.copy()
            changed[row] = other
            assert abs(metric.compute(y, changed) - before) <= metric.span / max(k - 1, 1) + 1e-12


@pytest.mark.parametrize("name", ["accuracy", "recall", "specificity", "top_2_accuracy"])
def test_a_proportion_is_the_share_of_its_deciding_rows_that_are_right(name: str) -> None:
    """What Tango's and Wilson's intervals count is what the metric counts."""
    metric = metric_named(name)
    y, output = multiclass_rows(14) if "multiclass" in metric.tasks else binary_rows(14, 2)
    output = metric.reads(output, threshold=0.4)
    assert metric.correct(y, output)[metric.deciding_rows(y)].mean() == pytest.approx(metric.compute(y, output))
    with pytest.raises(ValueError, match="f1 is no proportion"):
        METRICS["f1"].correct(y, y)


@pytest.mark.parametrize("name", [*MULTICLASS_SCORES, "accuracy", "mae"])
def test_one_number_a_row_is_all_that_a_metric_reads(name: str) -> None:
    """Rows with the same outcome and number can stand for each other, however many classes there are."""
    metric = metric_named(name)
    y, proba = multiclass_rows(15, 1)
    output = metric.reads(proba) if "multiclass" in metric.tasks else proba[:, 0]
    _, first, like = np.unique(np.stack([y, metric.by_row(y, output)]), axis=1, return_index=True, return_inverse=True)
    swapped = first[like.reshape(-1)]
    assert metric.compute(y[swapped], output[swapped]) == pytest.approx(metric.compute(y, output), rel=1e-12)
    assert len(first) < len(y)


def test_a_share_of_a_target_of_zero_is_never_judged() -> None:
    """More rows would not help, unlike with too few of a class, and the row is named."""
    y = np.array([3.0, 1.0, 0.0, 2.0])
    reason = "mape is not defined: row 3 of 4 has target 0; use mae or rmse"
    assert METRICS["mape"].invalid(y) == METRICS["mape"].absent(y) == reason
    assert METRICS["mape"].undefined(y) is None
    assert METRICS["mape"].invalid(y[:2]) is None
    assert METRICS["recall"].invalid(np.zeros(2)) is None
    with pytest.raises(UndefinedMetricError, match="row 3 of 4 has target 0"):
        METRICS["mape"].compute(y, y)


@pytest.mark.parametrize(("k", "fix"), [(5, "use a k from 2 to 4"), (9, "use a k from 2 to 4")])
def test_more_places_than_classes_are_refused(k: int, fix: str) -> None:
    """A metric that is always 1 holds nobody."""
    y, proba = multiclass_rows(16)
    with pytest.raises(BadInputError, match=f"top_{k}_accuracy of 5 classes is always 1; {fix}"):
        metric_named(f"top_{k}_accuracy").compute(y, proba)


def test_names_that_mean_no_metric_are_bugs() -> None:
    """What people write has been checked before; a cost needs its matrix, and the others do without."""
    for name in ("auc", "top_accuracy", "pinball_loss_", "top_two_accuracy"):
        with pytest.raises(KeyError):
            metric_named(name)
    with pytest.raises(ValueError, match="cost needs a matrix"):
        metric_named("cost")
    assert metric_named("accuracy", COSTS) is METRICS["accuracy"]


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
