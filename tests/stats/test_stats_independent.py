"""Every method against an independent implementation, or its definition by brute force, on random data."""

import math

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import f1_score, roc_auc_score

from release.stats.arrays import Array
from release.stats.bootstrap import Interval, bootstrap_difference, bootstrap_single
from release.stats.delong import delong_difference
from release.stats.intervals import wilson_single
from release.stats.mcnemar import mcnemar_exact, mcnemar_mid_p
from release.stats.metrics import METRICS
from release.stats.tango import tango_counts

SEEDS = pytest.mark.parametrize("seed", range(4))


def rows(seed: int, n: int = 120) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n) + y
    return y, *(np.round(shared + 0.6 * rng.normal(size=n), 1) for _ in range(2))


@SEEDS
@pytest.mark.parametrize("method", ["BCa", "percentile", "basic"])
def test_the_bootstrap_of_a_mean_is_scipys(seed: int, method: str) -> None:
    """Limits of a skewed mean by SciPy's bootstrap, to what 40,000 draws allow."""
    values = np.random.default_rng(seed).gamma(1.5, size=60)
    kind = {"BCa": Interval.BCA, "percentile": Interval.PERCENTILE, "basic": Interval.BASIC}[method]
    found = bootstrap_single(METRICS["mae"], np.zeros(60), values, seed=seed, resamples=40_000, interval=kind)
    other = stats.bootstrap((values,), np.mean, n_resamples=40_000, method=method, rng=seed, batch=2000)
    low, high = other.confidence_interval
    assert (-found.upper(0.025), -found.lower(0.025)) == pytest.approx((low, high), abs=0.09 * found.se)


@SEEDS
def test_the_paired_bootstrap_of_a_root_is_scipys(seed: int) -> None:
    """BCa limits of a difference of root mean squared errors by SciPy's paired bootstrap."""
    rng = np.random.default_rng(seed)
    one, two = (rng.uniform(-1, 1, size=80) for _ in range(2))
    found = bootstrap_difference(METRICS["rmse"], np.zeros(80), one, two, seed=seed, resamples=40_000).parts[0]

    def apart(first: Array, second: Array, axis: int) -> Array:
        return np.sqrt((first**2).mean(axis=axis)) - np.sqrt((second**2).mean(axis=axis))

    other = stats.bootstrap(
        (one, two), apart, paired=True, vectorized=True, n_resamples=40_000, method="BCa", rng=seed, batch=2000
    )
    low, high = other.confidence_interval
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((low, high), abs=0.09 * found.se)


def _f1(y: Array, label: Array) -> float:
    return float(2 * (y & label).sum() / (y.sum() + label.sum()))


@SEEDS
def test_the_bootstrap_of_labels_is_a_loop_over_resampled_rows(seed: int) -> None:
    """Error of a difference of F1 by drawing rows one by one and counting."""
    y, one, two = rows(seed)
    one, two = (one > 0.8).astype(int), (two > 0.8).astype(int)
    found = bootstrap_difference(METRICS["f1"], y, one, two, seed=seed, resamples=20_000)
    drawn = np.random.default_rng(seed).integers(0, 120, size=(2000, 120))
    loop = [_f1(y[i], two[i]) - _f1(y[i], one[i]) for i in drawn]
    assert found.se == pytest.approx(np.std(loop), rel=0.07)
    assert found.estimate == pytest.approx(f1_score(y, two) - f1_score(y, one))


@SEEDS
def test_the_bootstrap_of_groups_is_a_loop_over_resampled_groups(seed: int) -> None:
    """Error of a mean by concatenating whole groups, those drawn twice twice; G / (G - 1) for the lost degree of freedom."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 24, size=200)
    values = 5 + rng.normal(size=24)[groups] + rng.normal(size=200)
    found = bootstrap_single(METRICS["mae"], np.zeros(200), values, seed=seed, resamples=4000, groups=groups)
    members = [values[groups == group] for group in range(24)]
    loop = [np.concatenate([members[i] for i in rng.integers(0, 24, size=24)]).mean() for _ in range(2000)]
    assert found.se == pytest.approx(np.std(loop) * math.sqrt(24 / 23), rel=0.08)


@SEEDS
@pytest.mark.parametrize("weighted", [False, True])
def test_delong_is_its_definition_over_all_pairs(seed: int, weighted: bool) -> None:  # noqa: FBT001 (a pytest parameter)
    """AUCs by scikit-learn, the variance of their difference from the kernel of every pair, ties and weights included."""
    y, one, two = rows(seed, n=60)
    weights = np.random.default_rng(seed).uniform(0.2, 4, size=60) if weighted else np.ones(60)
    found = delong_difference(y, one, two, weights=weights if weighted else None)
    assert (found.champion, found.challenger) == pytest.approx(
        tuple(roc_auc_score(y, score, sample_weight=weights) for score in (one, two))
    )
    ups, downs = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    kernel = np.zeros((len(ups), len(downs)))
    for sign, score in ((1, two), (-1, one)):
        kernel += sign * (np.sign(score[ups][:, None] - score[downs][None, :]) + 1) / 2
    shares = [weights[part] / weights[part].sum() for part in (ups, downs)]
    variance = 0.0
    for values, share in ((kernel @ shares[1], shares[0]), (shares[0] @ kernel, shares[1])):
        variance += (share**2 * (values - (share * values).sum()) ** 2).sum() * len(values) / (len(values) - 1)
    assert found.se == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize(("gained", "lost", "n"), [(3, 9, 60), (0, 4, 200), (7, 7, 40), (12, 1, 150)])
@pytest.mark.parametrize("t", [-0.12, -0.01, 0.0, 0.05])
def test_tangos_score_is_the_constrained_likelihoods(gained: int, lost: int, n: int, t: float) -> None:
    """The nuisance maximises the trinomial likelihood under a difference of t, found here by numerical search."""
    found = tango_counts(gained, lost, n, champion=0.5, challenger=0.5)

    def minus_log_likelihood(q: float) -> float:
        cells = ((gained, q + t), (lost, q), (n - gained - lost, 1 - 2 * q - t))
        return -sum(count * math.log(p) for count, p in cells if count)

    floor = max(0.0, -t) + 1e-12
    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(floor, (1 - t) / 2 - 1e-12), method="bounded", options={"xatol": 1e-13}
    )
    score = (gained - lost - n * t) / math.sqrt(n * (2 * best.x + t - t * t))
    assert found.score(t) == pytest.approx(score, abs=1e-4)


@SEEDS
def test_wilson_is_scipys(seed: int) -> None:
    """Limits of random proportions by SciPy's binomial test: the wider of the score and the exact ones."""
    rng = np.random.default_rng(seed)
    right = rng.random(rng.integers(5, 300)) < rng.random()
    low, high = stats.binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="wilson")
    found = wilson_single(right)
    exact = stats.binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="exact")
    assert found.lower(0.025) == pytest.approx(min(low, exact.low), abs=1e-9)
    assert found.upper(0.025) == pytest.approx(max(high, exact.high), abs=1e-9)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (3, 9), (11, 1), (20, 27)])
def test_mcnemars_exact_forms_are_binomial_tests(b: int, c: int) -> None:
    """Twice the tail by SciPy's binomial test; the mid-p value counts what was seen half, by adding up the table."""
    assert mcnemar_exact(b, c) == pytest.approx(stats.binomtest(b, b + c).pvalue)
    pmf = stats.binom(b + c, 0.5).pmf
    assert mcnemar_mid_p(b, c) == pytest.approx(2 * sum(pmf(range(min(b, c)))) + pmf(min(b, c)))
