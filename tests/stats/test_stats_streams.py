"""Judging rows in blocks: the numbers of the methods that have all rows in memory, whatever blocks and buckets there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from release.stats import bootstrap
from release.stats.blocks import Block, Spread, Stream
from release.stats.cells import counted
from release.stats.compare import difference, single
from release.stats.contrast import Contrast, Identical, Unjudged
from release.stats.metrics import METRICS, metric_named
from release.stats.resample import Design
from release.stats.streams import judged, refused
from release.stats.student import shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from release.stats.arrays import Array

N = 3_000
RESAMPLES = 1_999


def stream(folder: Path, y: Array, *outputs: Array, weights: Array | None = None, block: int = 97, size: int = 61) -> Stream:
    """Return rows in blocks, sorted in buckets of `size`: many of both."""

    def blocks() -> Iterator[Block]:
        for start in range(0, len(y), block):
            part = slice(start, start + block)
            yield Block(y[part], tuple(one[part] for one in outputs), None if weights is None else weights[part])

    return Stream(blocks, len(y), folder, size)


def binary_rows(seed: int, *, ties: int | None = None) -> tuple[Array, Array, Array]:
    """Return outcomes and two models' probabilities; with `ties`, of so many different values."""
    draw = np.random.default_rng(seed)
    y = (draw.random(N) < 0.3).astype(np.int64)
    shared = draw.normal(size=N) + 0.8 * y
    scores = [1 / (1 + np.exp(-shared - 0.5 * draw.normal(size=N))) for _ in range(2)]
    return (y, *(one if ties is None else np.floor(one * ties) / ties for one in scores))


def agree(found: Contrast | Unjudged, wanted: Contrast | Unjudged) -> None:
    """Compare everything a judgement reads of a contrast."""
    assert not isinstance(found, Unjudged)
    assert not isinstance(wanted, Unjudged)
    assert (found.method, found.n) == (wanted.method, wanted.n)

    def numbers(one: Contrast) -> list[float]:
        champion = [] if one.champion is None else [one.champion]
        limits = [one.lower(0.025), one.upper(0.025), one.lower(0.005), one.upper(0.001)]
        return [*champion, one.challenger, one.estimate, one.se, *limits, one.p_above(-0.003), one.p_below(0.01)]

    # A difference of two values carries their rounding.
    assert numbers(found) == pytest.approx(numbers(wanted), rel=1e-10, abs=1e-14)
    assert [found.challenger, found.se] == pytest.approx([wanted.challenger, wanted.se], rel=1e-12)


def both(folder: Path, name: str, y: Array, *outputs: Array, weights: Array | None = None, ratio: float = 1.0) -> None:
    """Judge rows in blocks and in memory, and compare."""
    metric, options = metric_named(name), {"seed": 5, "resamples": RESAMPLES}
    found = judged(metric, stream(folder, y, *outputs, weights=weights), ratio=ratio, **options)
    if len(outputs) == 1:
        wanted = single(metric, y, outputs[0], weights=weights, **options)
    else:
        wanted = difference(metric, y, *outputs, ratio=ratio, weights=weights, **options)
    agree(found, wanted)


@pytest.mark.parametrize("ratio", [1.0, 0.98])
@pytest.mark.parametrize("ties", [None, 40, 2])
def test_areas_sorted_on_disk_are_those_of_memory(tmp_path: Path, ties: int | None, ratio: float) -> None:
    """Also where scores are tied within a bucket, and where one score fills many buckets."""
    y, one, two = binary_rows(1, ties=ties)
    both(tmp_path, "roc_auc", y, one, two, ratio=ratio)
    both(tmp_path, "roc_auc", y, two)
    assert list(tmp_path.iterdir()) == []


def test_weighted_areas_are_those_of_memory(tmp_path: Path) -> None:
    """By weights on both sides of a score, not by rows."""
    y, one, two = binary_rows(2, ties=300)
    weights = np.random.default_rng(3).gamma(2.0, size=N)
    both(tmp_path, "roc_auc", y, one, two, weights=weights)
    both(tmp_path, "roc_auc", y, one, weights=weights)


def test_areas_near_one_have_the_wider_limits_of_memory(tmp_path: Path) -> None:
    """MOVER needs each model's variance too."""
    draw = np.random.default_rng(4)
    y = np.repeat([1, 0], [40, 960])
    one, two = (draw.normal(size=1_000) + 4 * y for _ in range(2))
    both(tmp_path, "roc_auc", y, one, two)
    both(tmp_path, "roc_auc", y, one)
    both(tmp_path, "roc_auc", y, y * 1.0)
    both(tmp_path, "roc_auc", y, one, np.exp(one))
    both(tmp_path, "roc_auc", y, one, np.exp(one), ratio=0.99)


LABELS = ["accuracy", "recall", "specificity", "precision", "f1", "macro_f1", "weighted_f1", "mcc", "balanced_accuracy"]


@pytest.mark.parametrize("name", LABELS)
def test_metrics_of_labels_are_exactly_those_of_memory(tmp_path: Path, name: str) -> None:
    """From a table of counts; where it is resampled, by the same draws."""
    y, one, two = binary_rows(5)
    labels = [(score > 0.55).astype(np.int64) for score in (one, two)]
    both(tmp_path, name, y, *labels)
    both(tmp_path, name, y, *labels[::-1])
    both(tmp_path, name, y, *labels, ratio=0.97)
    both(tmp_path, name, y, labels[1])
    both(tmp_path, name, y, labels[0], labels[0])


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "macro_recall", "macro_precision", "mcc"])
def test_metrics_of_three_classes_are_exactly_those_of_memory(tmp_path: Path, name: str) -> None:
    """Though most blocks lack the rarest class."""
    draw = np.random.default_rng(6)
    y = draw.choice(3, size=N, p=[0.55, 0.44, 0.01])
    one, two = (np.where(draw.random(N) < 0.8, y, draw.integers(0, 3, N)) for _ in range(2))
    both(tmp_path, name, y, one, two)
    both(tmp_path, name, y, two)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["brier_score", "log_loss"])
def test_losses_of_probabilities_are_those_of_memory(tmp_path: Path, name: str, *, weighted: bool) -> None:
    """Means, their errors and their skewness in two passes."""
    y, one, two = binary_rows(7)
    weights = np.random.default_rng(8).gamma(3.0, size=N) if weighted else None
    both(tmp_path, name, y, one, two, weights=weights)
    both(tmp_path, name, y, one, two, weights=weights, ratio=1.02)
    both(tmp_path, name, y, two, weights=weights)
    both(tmp_path, name, y, one, one, weights=weights)


def test_probabilities_of_several_classes_are_read_by_row(tmp_path: Path) -> None:
    """Shape (n, classes) in every block."""
    draw = np.random.default_rng(9)
    y = draw.integers(0, 4, N)
    one, two = (draw.dirichlet(np.ones(4), N) for _ in range(2))
    for name in ("brier_score", "log_loss", "top_2_accuracy"):
        both(tmp_path, name, y, one, two)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["mae", "mape", "pinball_loss_0.9", "rmse", "r2"])
def test_metrics_of_numbers_are_those_of_memory(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, *, weighted: bool
) -> None:
    """With targets far from zero, where sums of squares would lose their digits; ratios of sums by influence."""
    monkeypatch.setattr(bootstrap, "_MANY", N - 1)
    monkeypatch.setattr(bootstrap, "_MANY_DECIDING", N)
    draw = np.random.default_rng(10)
    y = 1e5 + draw.normal(size=N)
    one, two = (y + draw.normal(0, spread, N) for spread in (0.5, 0.45))
    weights = draw.gamma(3.0, size=N) if weighted else None
    for ratio in (1.0, 1.02):
        both(tmp_path, name, y, one, two, weights=weights, ratio=ratio)
    both(tmp_path, name, y, two, weights=weights)


def test_what_the_influence_of_blocks_shows_is_what_that_of_rows_shows() -> None:
    """Error, skewness, heaviest row and degrees of freedom."""
    influence = np.random.default_rng(11).exponential(size=N) / N
    spread = Spread()
    for start in range(0, N, 64):
        spread.add(influence[start : start + 64])
    wanted = shape(Design((N,), np.ones(N, dtype=np.int64)), influence)
    assert vars(spread.shape()) == pytest.approx(vars(wanted), rel=1e-11)


def test_identical_numbers_prove_nothing_beyond_themselves(tmp_path: Path) -> None:
    """As in memory, where every resample gives the same."""
    y, one, _ = binary_rows(12)
    found = judged(METRICS["rmse"], stream(tmp_path, y, one, one), seed=1, resamples=RESAMPLES)
    assert isinstance(found, Identical)
    assert (found.k, found.estimate, found.method) == (None, 0.0, "identical-unbounded")


def test_a_row_that_outweighs_the_others_is_no_judgement(tmp_path: Path) -> None:
    """As in memory, in the same words."""
    draw = np.random.default_rng(13)
    y = draw.normal(size=N)
    one, two = (y + draw.normal(0, 0.1, N) for _ in range(2))
    two[17] += 1_000.0
    for name in ("mae", "rmse"):
        found = judged(METRICS[name], stream(tmp_path, y, one, two), seed=1, resamples=RESAMPLES)
        wanted = difference(METRICS[name], y, one, two, seed=1, resamples=RESAMPLES)
        assert isinstance(found, Unjudged)
        assert isinstance(wanted, Unjudged)
        assert found.reason == wanted.reason


def test_rows_that_do_not_carry_an_area_or_a_share_are_no_judgement(tmp_path: Path) -> None:
    """One row of a class, or none that decides."""
    y = np.repeat([1, 0], [1, 30])
    found = judged(METRICS["roc_auc"], stream(tmp_path, y, y * 1.0), seed=1, resamples=RESAMPLES)
    assert found == Unjudged(reason="only one row of one of the classes", n=31)
    found = judged(METRICS["recall"], stream(tmp_path, y * 0, y), seed=1, resamples=RESAMPLES)
    assert found == Unjudged(reason="no rows decide this metric", n=0)
    found = judged(METRICS["recall"], stream(tmp_path, y * 0, y, y), ratio=0.9, seed=1, resamples=RESAMPLES)
    assert found == Unjudged(reason="no rows decide this metric", n=0)


def test_what_needs_all_rows_at_once_says_so(tmp_path: Path) -> None:
    """A median and average precision; metrics of labels where rows count differently."""
    said: Callable[[str], str | None] = lambda name: refused(metric_named(name), weighted=False)  # noqa: E731 (a table)
    assert said("median_absolute_error") == "needs all rows at once"
    assert said("average_precision") == "needs the ranking of all rows at once"
    assert {said(name) for name in (*LABELS, "roc_auc", "rmse", "r2", "log_loss", "mape")} == {None}
    weighted = partial(refused, weighted=True)
    assert weighted(METRICS["f1"]) == "of weighted rows needs all of them at once"
    assert weighted(METRICS["roc_auc"]) is None
    y, one, _ = binary_rows(14)
    with pytest.raises(ValueError, match="average_precision needs the ranking"):
        judged(METRICS["average_precision"], stream(tmp_path, y, one), seed=1, resamples=RESAMPLES)


@pytest.mark.parametrize("name", [*LABELS, "roc_auc", "mae"])
def test_a_table_counts_the_rows_that_decide(name: str) -> None:
    """As the metric marks them row by row."""
    y, one, _ = binary_rows(15)
    label = (one > 0.7).astype(np.int64)
    metric = METRICS[name]
    assert counted([(y, label)]).deciding(metric) == int(metric.deciding_rows(y, label).sum())
