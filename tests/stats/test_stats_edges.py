"""What users' files hold: ties, constants, one row, one class, nothing to weigh. Never a warning, never a NaN."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.compare import difference, single
from release.stats.contrast import Contrast, Unjudged
from release.stats.metrics import METRICS, Metric, metric_named

EVERY = [*METRICS, "top_2_accuracy", "pinball_loss_0.9", "cost"]
EXTRAS = [  # weights, groups, ratio
    (None, None, 1.0),
    (None, None, 0.95),
    ("first alone", None, 1.0),
    ("rising", None, 1.0),
    (None, "pairs", 1.0),
    ("rising", "own", 0.95),
]


def named(name: str) -> Metric:
    return metric_named(name, ((0.0, 5.0), (1.0, 0.0)) if name == "cost" else None)


def outcomes(n: int) -> Iterator[Array]:
    """Give no positive, all positive, alternating, and a single one."""
    yield from (np.zeros(n, dtype=int), np.ones(n, dtype=int), np.arange(n) % 2, (np.arange(n) == 0).astype(int))


def models(y: Array) -> Iterator[tuple[Array, Array]]:
    """Give outputs of two models: constant, identical, perfect, reversed, tied, and different in one row."""
    rng = np.random.default_rng(len(y))
    scores = rng.random(len(y))
    yield np.full(len(y), 0.5), np.full(len(y), 0.7)
    yield scores, scores.copy()
    yield y * 1.0, 0.2 + 0.5 * y
    yield 1.0 - y, y * 1.0
    yield np.round(scores, 1), np.round(scores[::-1], 1)
    yield scores, np.where(np.arange(len(y)) == 0, 1 - scores, scores)


def judged(metric: Metric, task: str, y: Array, outputs: tuple[Array, Array]) -> Iterator[tuple[Contrast | Unjudged, bool]]:
    """Judge two models in every way, and whether they predict the same."""
    if task == "multiclass":
        outputs = tuple(np.stack([1 - score, 0.6 * score, 0.4 * score], axis=1) for score in outputs)
    one, two = (metric.reads(output, threshold=0.5) for output in outputs)
    truth = y + 1.0 if task == "regression" else y
    n = len(y)
    for weights, groups, ratio in EXTRAS:
        w = {None: None, "first alone": np.eye(n)[0], "rising": np.arange(n) + 1.0}[weights]
        g = {None: None, "own": np.arange(n), "pairs": np.arange(n) // 2}[groups]
        more = {"seed": 0, "resamples": 29, "weights": w, "groups": g}
        yield difference(metric, truth, one, two, ratio=ratio, **more), np.array_equal(one, two) and ratio == 1
        if ratio == 1:
            yield single(metric, truth, two, **more), False


@pytest.mark.parametrize("n", [1, 2, 12])
@pytest.mark.parametrize("name", EVERY)
def test_every_judgement_is_finite_or_says_why_there_is_none(name: str, n: int) -> None:
    """Limits are finite and hold the estimate, p-values are probabilities, no library warns (warnings are errors here)."""
    metric = named(name)
    for task, y in itertools.product(sorted(metric.tasks), outcomes(n)):
        for outputs in models(y):
            for found, alike in judged(metric, task, y, outputs):
                if isinstance(found, Unjudged):
                    assert found.reason
                    continue
                low, high = found.lower(0.025), found.upper(0.025)
                assert all(math.isfinite(number) for number in (found.challenger, found.se, low, high, found.lower(1e-6)))
                assert low - 1e-9 <= found.estimate <= high + 1e-9
                assert all(0 <= p <= 1 for p in (found.p_above(-0.01), found.p_below(0.0), found.p_two_sided()))
                if alike:
                    assert (found.estimate, found.p_two_sided()) == (pytest.approx(0, abs=1e-12), 1)
                if metric.bounded and not alike:
                    assert low < high


@pytest.mark.parametrize("name", [name for name in EVERY if named(name).bounded])
def test_identical_predictions_prove_what_their_rows_can(name: str) -> None:
    """Whatever the method: a difference of zero, p = 1, and a margin of span * (1 - a^(1/k))."""
    metric, rng = named(name), np.random.default_rng(0)
    y, score = np.arange(80) % 2, rng.random(80)
    if "multiclass" in metric.tasks and "binary" not in metric.tasks:
        y, score = np.arange(80) % 3, rng.dirichlet(np.ones(3), size=80)
    output = metric.reads(score, threshold=0.5)
    found = difference(metric, y, output, output.copy(), seed=0, resamples=99)
    k = int(metric.deciding_rows(y, output if metric.decided_by_labels else None).sum())
    assert (found.estimate, found.p_two_sided()) == (0, 1)
    assert found.lower(0.025) == pytest.approx(-metric.span * (1 - 0.025 ** (1 / k)))
