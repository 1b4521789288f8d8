"""Point lists for charts, against scikit-learn and by hand."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from report_samples import curves
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_auc_score

from release.errors import BadInputError
from release.report.curves import (
    MOST_POINTS,
    Curves,
    at_even_steps,
    calibration,
    confusion,
    counts,
    cumulative,
    errors_by_size,
    labels,
    pairs,
    precision_recall,
    roc,
    thin,
)


def _area(points: tuple[tuple[float, float], ...]) -> float:
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))


def test_the_area_under_the_roc_points_is_the_auc() -> None:
    """Dropping points that lie on a line loses no area, ties included."""
    sample = curves("binary", rows=120)
    for _, score in sample.models():
        for given in (score, score.round(1)):
            assert _area(roc(cumulative(sample.y, given))) == pytest.approx(roc_auc_score(sample.y, given), abs=1e-12)


def test_roc_runs_from_corner_to_corner() -> None:
    """The curve starts at (0, 0), ends at (1, 1) and never falls."""
    sample = curves("binary")
    points = roc(cumulative(sample.y, sample.challenger))
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert all(b[0] >= a[0] and b[1] >= a[1] for a, b in itertools.pairwise(points))


def test_precision_and_recall_agree_with_scikit_learn() -> None:
    """Every point drawn is one of scikit-learn's."""
    sample = curves("binary", rows=90)
    precision, recall, _ = precision_recall_curve(sample.y, sample.challenger)
    known = {(round(float(r), 12), round(float(p), 12)) for p, r in zip(precision, recall, strict=True)}
    points = precision_recall(cumulative(sample.y, sample.challenger))
    assert points
    assert {(round(r, 12), round(p, 12)) for r, p in points} <= known


def test_one_class_has_no_curve() -> None:
    """Curves that are not defined are empty rather than wrong."""
    ones, zeros, score = np.ones(5), np.zeros(5), np.linspace(0, 1, 5)
    assert roc(cumulative(ones, score)) == roc(cumulative(zeros, score)) == precision_recall(cumulative(zeros, score)) == ()
    assert at_even_steps(()) == ()


def test_curves_are_thin() -> None:
    """However many rows, at most 200 points are kept, both ends among them."""
    sample = curves("binary", rows=5000)
    for points in (roc(cumulative(sample.y, sample.challenger)), precision_recall(cumulative(sample.y, sample.challenger))):
        assert len(points) <= MOST_POINTS
    kept = thin(np.column_stack([np.arange(1000.0), np.arange(1000.0)]))
    assert (len(kept), kept[0], kept[-1]) == (MOST_POINTS, (0.0, 0.0), (999.0, 999.0))


def test_even_steps_read_the_curve() -> None:
    """A jump counts with its upper end, between points the line is straight."""
    assert at_even_steps(((0.0, 0.0), (0.0, 0.5), (1.0, 1.0)), steps=2) == (0.5, 0.75, 1.0)


def test_calibration_counts_each_row_once() -> None:
    """Bins hold all rows, their share lies within its limits, and a score of exactly 1 has a bin."""
    y, score = np.array([0, 0, 1, 1, 1]), np.array([0.0, 0.05, 0.95, 1.0, 0.97])
    first, last = calibration(y, score)
    assert (first.rows, first.share, last.rows, last.share) == (2, 0.0, 3, 1.0)
    assert first.low == 0.0 < first.high < 1.0
    assert last.low == pytest.approx(0.4385, abs=1e-4)
    assert calibration(y, score * 3) == ()


def test_histogram_loses_no_row() -> None:
    """Values outside the range count in the end bins."""
    assert counts(np.array([-5.0, 0.1, 0.9, 7.0]), low=0, high=1, bins=2) == (2, 2)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_confusion_agrees_with_scikit_learn(task: str) -> None:
    """Rows are actual classes, columns predicted ones."""
    sample = curves(task)
    k = len(sample.classes) or 2
    for role, predictions in sample.models():
        called = labels(sample, role, predictions)
        assert confusion(sample.y, called, k) == tuple(map(tuple, confusion_matrix(sample.y, called).tolist()))


def test_each_model_is_labelled_by_its_own_threshold() -> None:
    """The champion keeps the threshold it was trained with; without one, one half counts."""
    sample = dataclasses.replace(curves("binary"), threshold=0.9, champion_threshold=0.2)
    assert (sample.cut("challenger"), sample.cut("champion")) == (0.9, 0.2)
    assert dataclasses.replace(curves("binary"), threshold=None).cut("champion") == 0.5
    same = np.full(len(sample.y), 0.5)
    assert labels(sample, "champion", same).all()
    assert not labels(sample, "challenger", same).any()


def test_scatter_is_ordered_and_thin() -> None:
    """Pairs follow the actual values, whatever the order of the rows."""
    sample = curves("regression", rows=400)
    order = np.random.default_rng(0).permutation(400)
    points = pairs(sample.y, sample.challenger)
    assert len(points) == MOST_POINTS
    assert points == pairs(sample.y[order], sample.challenger[order])


def test_predictions_of_another_shape_are_refused() -> None:
    """Misaligned or broken predictions are an error that names the model, never a crooked chart."""
    y = np.zeros(3)
    with pytest.raises(BadInputError, match="champion's predictions have shape"):
        Curves(task="binary", y=y, champion=np.zeros(2), challenger=np.zeros(3))
    with pytest.raises(BadInputError, match="challenger's predictions are not all finite"):
        Curves(task="regression", y=y, champion=None, challenger=np.array([0.0, np.nan, 1.0]))
    with pytest.raises(BadInputError, match="shape"):
        Curves(task="multiclass", y=y, champion=None, challenger=np.zeros((3, 2)), classes=("a", "b", "c"))


def test_errors_are_averaged_by_the_size_of_the_target() -> None:
    """Each row is in one stretch, stretches do not overlap, and their means and errors are numpy's."""
    sample = curves("regression", rows=300)
    found = errors_by_size(sample.y, sample.challenger)
    assert sum(one.rows for one in found) == 300
    assert len(found) == 10
    assert all(one.high < other.low for one, other in itertools.pairwise(found))
    first = np.abs(sample.challenger - sample.y)[sample.y <= found[0].high]
    assert found[0].error == pytest.approx(first.mean())
    assert found[0].se == pytest.approx(first.std(ddof=1) / np.sqrt(len(first)))


def test_equal_targets_stay_together() -> None:
    """A target of few values has as many stretches as values; none at all has none."""
    y = np.array([1.0] * 30 + [2.0] * 5)
    assert [(one.low, one.high, one.rows) for one in errors_by_size(y, y + 1)] == [(1.0, 1.0, 30), (2.0, 2.0, 5)]
    assert errors_by_size(np.array([]), np.array([])) == ()
