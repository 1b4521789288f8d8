"""Every contrast's limits and p-values are duals: a picture of the interval and a p-value never disagree."""

from typing import Any

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.bootstrap import Interval, bootstrap_difference, bootstrap_single
from release.stats.contrast import Contrast, Identical, Unjudged, identical
from release.stats.delong import delong_difference, delong_single
from release.stats.intervals import wilson_single
from release.stats.mean import mean_difference, mean_single
from release.stats.metrics import METRICS
from release.stats.tango import tango_difference

LEVELS = (0.2, 0.05, 0.025, 0.005, 0.0005, 0.00002)


def outcomes(seed: int, n: int = 150, separation: float = 1.5) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    y = np.sort((rng.random(n) < 0.4).astype(int))
    shared = rng.normal(size=n) + separation * y
    return y, shared + 0.4 * rng.normal(size=n), shared + 0.6 * rng.normal(size=n)


def bootstrapped(name: str, seed: int, n: int = 150, **more: Any) -> Contrast | Unjudged:
    y, one, two = outcomes(seed, n)
    metric = METRICS[name]
    one, two = (metric.reads(1 / (1 + np.exp(0.75 - s)), threshold=0.5) for s in (one, two))
    return bootstrap_difference(metric, y, one, two, seed=seed, resamples=1999, **more)


def closed(name: str, seed: int, n: int = 150, **more: Any) -> Contrast | Unjudged:
    y, one, two = outcomes(seed, n)
    metric = METRICS[name]
    one, two = (metric.reads(1 / (1 + np.exp(0.75 - s)), threshold=0.5) for s in (one, two))
    return mean_difference(metric, y, one, two, **more)


def weights(seed: int, n: int = 150) -> Array:
    return np.random.default_rng(seed + 90).gamma(2.0, size=n)


def few_differ(seed: int) -> Contrast | Unjudged:
    y, one, _ = outcomes(seed)
    label = (one > 0.75).astype(int)
    other = label.copy()
    other[seed * 7 % 150] ^= 1
    return bootstrap_difference(METRICS["f1"], y, label, other, seed=seed, resamples=999)


CONTRASTS = {
    "delong": lambda seed: delong_difference(*outcomes(seed)),
    "delong, ratio": lambda seed: delong_difference(*outcomes(seed), ratio=0.98),
    "delong near one": lambda seed: delong_difference(*outcomes(seed, separation=3.3)),
    "delong, few rows near one": lambda seed: delong_difference(*outcomes(seed, n=30, separation=3.5)),
    "identical ranks, ratio": lambda seed: delong_difference(*outcomes(seed)[:2], outcomes(seed)[1] * 2, ratio=0.98),
    "single auc": lambda seed: delong_single(*outcomes(seed)[:2]),
    "perfect auc": lambda seed: delong_single(outcomes(seed)[0], outcomes(seed)[0] * 1.0),
    "worst auc": lambda seed: delong_single(outcomes(seed)[0], outcomes(seed)[0] * -1.0),
    "tango": lambda seed: tango_difference(*(s > 0.75 for s in outcomes(seed)[1:])),
    "tango, one pair": lambda seed: tango_difference(np.arange(90) > seed, np.arange(90) >= seed),
    "wilson": lambda seed: wilson_single(outcomes(seed)[1] > 0),
    "wilson, all right": lambda seed: wilson_single(np.ones(50 + seed)),
    "identical": lambda seed: identical(64 + seed, bounded=True, n=171, value=0.9),
    "identical, unbounded": lambda seed: identical(64 + seed, bounded=False, n=171, value=0.9),
    "bootstrap of means": lambda seed: bootstrapped("brier_score", seed),
    "bootstrap of labels": lambda seed: bootstrapped("f1", seed),
    "bootstrap of ranks": lambda seed: bootstrapped("average_precision", seed),
    "bootstrap of few rows": lambda seed: bootstrapped("balanced_accuracy", seed, n=24),
    "bootstrap by groups": lambda seed: bootstrapped("log_loss", seed, groups=np.arange(150) % 30),
    "bootstrap, one row differs": few_differ,
    "bootstrap of a quantile": lambda seed: bootstrap_difference(
        METRICS["median_absolute_error"], np.zeros(150), *outcomes(seed)[1:], seed=seed, resamples=999
    ),
    "mean": lambda seed: closed("log_loss", seed),
    "mean, ratio": lambda seed: closed("log_loss", seed, ratio=1.05),
    "mean, weights": lambda seed: closed("log_loss", seed, weights=weights(seed)),
    "mean, few rows": lambda seed: closed("brier_score", seed, n=4),
    "single mean": lambda seed: mean_single(METRICS["mae"], *outcomes(seed)[1:]),
    "ratio of proportions": lambda seed: closed("accuracy", seed, ratio=0.95),
    "delong, weights": lambda seed: delong_difference(*outcomes(seed), weights=weights(seed)),
    "delong near one, weights": lambda seed: delong_difference(*outcomes(seed, separation=3.3), weights=weights(seed)),
    "tango, weights": lambda seed: tango_difference(*(s > 0.75 for s in outcomes(seed)[1:]), weights=weights(seed)),
    "wilson, weights": lambda seed: wilson_single(outcomes(seed)[1] > 0, weights=weights(seed)),
    "identical with a span": lambda seed: Identical(
        estimate=0.1, champion=1.0, challenger=1.1, se=0.0, n=9, method="identical", k=9 + seed, span=12.5
    ),
    "bootstrap single": lambda seed: bootstrap_single(METRICS["mae"], *outcomes(seed)[1:], seed=seed, resamples=999),
    **{
        f"bootstrap {kind}": lambda seed, kind=kind: bootstrap_single(
            METRICS["rmse"], *outcomes(seed, n=20)[1:], seed=seed, resamples=999, interval=kind
        )
        for kind in Interval
    },
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CONTRASTS)
def test_limits_and_p_values_are_duals(name: str, seed: int) -> None:
    """p_above(t) < a exactly when lower(a) > t, and p_below(t) < a exactly when upper(a) < t."""
    found = CONTRASTS[name](seed)
    scale = max(found.se, 1e-3)
    limits = np.array([limit(a) for a in LEVELS for limit in (found.lower, found.upper)])
    around = np.concatenate([limits + step * scale for step in (-1e-4, 1e-4, -1, 1)])
    for t in (*around, found.estimate, 0.0, 0.5, -0.02):
        for a in LEVELS:
            assert (found.p_above(t) < a) == (found.lower(a) > t)
            assert (found.p_below(t) < a) == (found.upper(a) < t)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CONTRASTS)
def test_more_confidence_is_never_narrower(name: str, seed: int) -> None:
    """Limits move outwards as the level falls, and hold the estimate between them at the usual levels."""
    found = CONTRASTS[name](seed)
    lowers, uppers = [found.lower(a) for a in LEVELS], [found.upper(a) for a in LEVELS]
    assert lowers == sorted(lowers, reverse=True)
    assert uppers == sorted(uppers)
    assert lowers[2] <= found.estimate + 1e-12
    assert uppers[2] >= found.estimate - 1e-12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CONTRASTS)
def test_p_values_are_probabilities(name: str, seed: int) -> None:
    """One-sided and two-sided, far outside the limits too; two-sided below 2a exactly when zero is outside.

    But for whole pairs of labels, whose two-sided p-value is McNemar's mid-p.
    """
    found = CONTRASTS[name](seed)
    for t in (-1e6, -1.0, found.estimate, 1.0, 1e6):
        assert 0 <= found.p_above(t) <= 1
        assert 0 <= found.p_below(t) <= 1
    for a in () if found.method == "tango" else LEVELS:
        assert (found.p_two_sided() < 2 * a) == (found.lower(a) > 0 or found.upper(a) < 0)


def test_identical_predictions_show_what_their_rows_can() -> None:
    """64 deciding rows support a margin of 1 - .025^(1/64) = .056 and no less; the p-value of no difference is 1."""
    found = identical(64, bounded=True, n=171, value=0.97)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((-0.0560, 0.0560), abs=5e-5)
    assert found.p_above(-0.05) == pytest.approx(0.95**64)
    assert (found.p_two_sided(), found.estimate, found.method) == (1, 0, "identical")
    assert (found.champion, found.challenger) == (0.97, 0.97)


def test_identical_predictions_of_an_unbounded_metric_are_equal_and_said_so() -> None:
    """There is no bound to appeal to: the limits are [0, 0] and the method names it."""
    found = identical(64, bounded=False, n=171, value=3.2)
    assert (found.lower(0.025), found.upper(0.025), found.method) == (0, 0, "identical-unbounded")
    assert found.p_two_sided() == 1


def test_student_is_wider_than_normal() -> None:
    """The t limits of a bootstrap of 30 groups are its error times the t quantile, or wider."""
    found = CONTRASTS["bootstrap by groups"](0)
    plain, corrected = found.parts
    assert (plain.upper(0.025) - found.estimate) / found.se == pytest.approx(2.04523, abs=1e-5)
    assert found.upper(0.025) == max(plain.upper(0.025), corrected.upper(0.025))
