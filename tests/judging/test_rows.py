"""Aligned rows: what is taken stays together, and what decides a metric is counted."""

from __future__ import annotations

import numpy as np
import pytest

from release.judging.rows import Outputs, Rows

Y = np.array([1, 1, 0, 0, 0, 1])
OURS = Outputs(np.array([0.9, 0.4, 0.6, 0.1, 0.2, 0.8]), 0.5)
THEIRS = Outputs(np.array([0.7, 0.3, 0.2, 0.1, 0.6, 0.9]), 0.25)


def rows(**fields: object) -> Rows:
    return Rows(**{"y": Y, "champion": THEIRS, "challenger": OURS, "seed": 3, **fields})  # type: ignore[arg-type]


def test_taking_rows_takes_everything_of_them() -> None:
    """Truth, both outputs, groups and weights; thresholds and seed stay."""
    chosen = np.array([4, 0])
    taken = rows(groups=np.array(list("aabbcc")), weights=np.arange(6.0)).take(chosen)
    assert taken.y.tolist() == [0, 1]
    assert taken.champion is not None
    assert (taken.champion.values.tolist(), taken.champion.threshold) == ([0.6, 0.7], 0.25)
    assert (taken.challenger.values.tolist(), taken.challenger.threshold) == ([0.2, 0.9], 0.5)
    assert taken.groups is not None
    assert taken.weights is not None
    assert (taken.groups.tolist(), taken.weights.tolist(), taken.seed, taken.n) == (["c", "a"], [4.0, 0.0], 3, 2)


def test_a_first_release_has_no_champion_to_take() -> None:
    """Nor groups and weights, where there are none."""
    taken = rows(champion=None).take(np.array([1]))
    assert (taken.champion, taken.groups, taken.weights) == (None, None, None)


def test_each_model_has_its_own_threshold() -> None:
    """Labels are at or above it."""
    metric_rows = rows()
    assert metric_rows.value("recall") == pytest.approx(2 / 3)
    flat = Outputs(np.array([0.5, 0.5, 0.5, 0.49, 0.49, 0.49]), 0.5)
    assert rows(challenger=flat).value("recall") == pytest.approx(2 / 3)


def test_weights_count() -> None:
    """A row of weight three is three rows."""
    assert rows(weights=np.array([3.0, 1, 1, 1, 1, 1])).value("recall") == pytest.approx(4 / 5)


@pytest.mark.parametrize(("name", "y"), [("recall", [0, 0]), ("specificity", [1, 1]), ("roc_auc", [1, 1]), ("accuracy", [])])
def test_what_rows_cannot_define_has_no_value(name: str, y: list[int]) -> None:
    """None, not a number that means something else."""
    some = Rows(y=np.array(y, dtype=np.int64), champion=None, challenger=Outputs(np.full(len(y), 0.5), 0.5))
    assert some.value(name) is None


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("accuracy", 6), ("brier_score", 6), ("recall", 3), ("f1", 3), ("specificity", 3)),
        *(("roc_auc", 3), ("precision", 3), ("average_precision", 3)),
    ],
)
def test_the_rows_that_decide_are_counted(name: str, count: int) -> None:
    """Of precision, those that the challenger calls positive; of the AUC, the smaller class."""
    assert rows().deciding(name) == count


def test_the_scarcest_of_class_and_groups_is_what_a_slice_has() -> None:
    """Ten rows of one person are one."""
    assert rows().fewest("accuracy") == 6
    assert rows(groups=np.array(list("aaaabb"))).fewest("accuracy") == 2
    assert rows(groups=np.array(list("aaaabb"))).take(np.array([0, 1, 2])).fewest("recall") == 1
    one_class = rows().take(np.array([0, 1, 5]))
    assert one_class.fewest("roc_auc") == 0
    assert one_class.fewest("recall") == 3


def test_costs_stay_with_the_rows() -> None:
    """Each wrong label costs what the matrix says, also on some of the rows."""
    some = rows(costs=((0.0, 2.0), (7.0, 0.0)))
    assert some.value("cost") == pytest.approx((7 + 2) / 6)
    assert some.take(np.array([0, 1])).value("cost") == pytest.approx(7 / 2)
    assert some.deciding("cost") == 6


def test_what_a_model_hardly_ever_says_is_little_evidence() -> None:
    """Of metrics that divide by what is called, the scarcer of the true and the called ones decide."""
    seldom = rows(challenger=Outputs(np.array([0.9, 0.4, 0.1, 0.1, 0.2, 0.3]), 0.5))
    assert (seldom.deciding("mcc"), seldom.deciding("f1"), seldom.deciding("recall")) == (1, 1, 3)
    assert rows().take(np.array([0, 1, 5])).fewest("mcc") == 0


def test_a_share_of_nothing_has_no_value() -> None:
    """Where one target is zero, the mean relative error is left out."""
    some = Rows(y=np.array([0.0, 2.0]), champion=None, challenger=Outputs(np.array([1.0, 1.0])))
    assert some.value("mape") is None
    assert some.value("median_absolute_error") == 1
    assert some.value("pinball_loss_0.9") == pytest.approx((0.1 + 0.9) / 2)


def test_of_many_classes_the_smallest_counts() -> None:
    """Probabilities, a row each, become labels by the most probable class."""
    y = np.array([0, 0, 0, 1, 1, 2])
    some = Rows(y=y, champion=None, challenger=Outputs(np.eye(3)[[0, 0, 1, 1, 1, 2]]))
    assert some.deciding("balanced_accuracy") == 1
    assert some.value("accuracy") == pytest.approx(5 / 6)
    assert some.value("balanced_accuracy") == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert some.value("top_2_accuracy") == pytest.approx(5 / 6)  # of classes at 0 the later one comes first
    assert some.deciding("top_2_accuracy") == 6
