"""Known traps, each with the gate's way past it: AUC near one, heavy tails, few groups, calibration error, hidden defects.

Where few outcomes are possible their probabilities are added up instead of being simulated; such a cell has no draws.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom, norm, t

from characteristics.coverage import A
from characteristics.worlds import Binary, Regression, Scorer
from release.stats.bootstrap import Interval, bootstrap_single
from release.stats.compare import difference, single
from release.stats.contrast import Unjudged, identical
from release.stats.delong import delong_covariance
from release.stats.metrics import metric_named
from release.stats.resample import enough_resamples
from release.stats.tango import tango_counts

if TYPE_CHECKING:
    from characteristics.cells import Found

_ROWS_A_GROUP = 8


def near_one(
    rng: np.random.Generator,
    draws: int,
    *,
    positives: int,
    negatives: int,
    correlation: float,
    champion: float = 0.99,
    challenger: float = 0.98,
) -> Found:
    """Compare two AUCs near one on so many rows of each class: the gate's limits, and DeLong's on the plain scale."""
    y = np.repeat([1, 0], [positives, negatives])
    models = [Scorer(auc=auc, threshold=0.5) for auc in (champion, challenger)]
    world = Binary(prevalence=0.5, correlation=correlation, champion=models[0], challenger=models[1])
    truth, metric, z = challenger - champion, metric_named("roc_auc"), float(norm.isf(A))
    ours = plain = high = refused = 0
    for number in range(draws):
        rows = world.on(rng, y, seed=number)
        assert rows.champion is not None
        scores = rows.champion.values, rows.challenger.values
        found = difference(metric, y, *scores, seed=number, resamples=enough_resamples(A))
        if isinstance(found, Unjudged):
            refused += 1
            continue
        ours += found.lower(A) > truth
        high += found.upper(A) < truth
        auc, covariance = delong_covariance(y, np.stack(scores))
        se = math.sqrt(max(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], 0.0))
        plain += auc[1] - auc[0] - z * se > truth
    return {"draws": draws, "low": ours, "high": high, "refused": refused, "plain": plain}


def heavy(rng: np.random.Generator, draws: int, *, n: int, tail: int) -> Found:
    """Bound one model's RMSE, errors Student's t: as the gate does for a floor, and by BCa limits that refuse nothing."""
    metric = metric_named("rmse")
    spread = math.sqrt(float(t.var(tail)))
    ours = plain = refused = high = 0
    for number in range(draws):
        y = rng.standard_normal(n)
        answer = y - rng.standard_t(tail, n)
        found = single(metric, y, answer, seed=number, resamples=enough_resamples(A))
        always = bootstrap_single(metric, y, answer, seed=number, resamples=1_999, interval=Interval.BCA)
        # The danger is an RMSE that is worse than the whole interval says.
        plain += not isinstance(always, Unjudged) and always.lower(A) > -spread
        if isinstance(found, Unjudged):
            refused += 1
            continue
        ours += found.lower(A) > -spread
        high += found.upper(A) < -spread
    return {"draws": draws, "low": ours, "high": high, "refused": refused, "plain": plain}


def heavy_difference(rng: np.random.Generator, draws: int, *, n: int, tail: int) -> Found:
    """Compare the RMSE of two equal models, errors Student's t: the gate's limits, and percentiles that refuse nothing."""
    metric, world = metric_named("rmse"), Regression(correlation=0.9, scales=(1.0, 1.0), tail=tail)
    ours = plain = refused = high = 0
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        assert rows.champion is not None
        answers = rows.champion.values, rows.challenger.values
        found = difference(metric, rows.y, *answers, seed=number, resamples=enough_resamples(A))
        squares = np.stack([(answer - rows.y) ** 2 for answer in answers], axis=1)
        means = rng.multinomial(n, np.full(n, 1 / n), size=999) @ squares / n
        plain += float(np.quantile(np.sqrt(means[:, 0]) - np.sqrt(means[:, 1]), A)) > 0
        if isinstance(found, Unjudged):
            refused += 1
            continue
        ours += found.lower(A) > 0
        high += found.upper(A) < 0
    return {"draws": draws, "low": ours, "high": high, "refused": refused, "plain": plain}


def grouped(rng: np.random.Generator, draws: int, *, groups: int, metric: str = "mae") -> Found:
    """Compare two predictors on groups of eight rows that err together: the gate's limits, and percentiles over groups.

    Misses on both sides are counted, at 2a.
    """
    what = metric_named(metric)
    member = np.repeat(np.arange(groups), _ROWS_A_GROUP)
    ours = plain = refused = 0
    for number in range(draws):
        shift = rng.standard_normal((2, groups))[:, member]
        own = rng.standard_normal((2, len(member)))
        y = np.zeros(len(member))
        answers = shift + own
        found = difference(what, y, *answers, seed=number, resamples=enough_resamples(A), groups=member)
        gain = np.bincount(member, weights=np.abs(answers[0]) - np.abs(answers[1])) / _ROWS_A_GROUP
        drawn = gain[rng.integers(0, groups, (999, groups))].mean(axis=1)
        low, high = np.quantile(drawn, (A, 1 - A))
        plain += not low <= 0 <= high
        if isinstance(found, Unjudged):
            refused += 1
            continue
        ours += not found.lower(A) <= 0 <= found.upper(A)
    return {"draws": draws, "miss": ours, "refused": refused, "plain": plain}


def calibration(rng: np.random.Generator, draws: int, *, n: int) -> Found:
    """Compare calibration errors, as the gate never does: a calibrated champion, and a challenger that is too sure.

    The truth is the same formula on the whole population.
    """
    metric = metric_named("expected_calibration_error")
    models = [Scorer(auc=0.871, threshold=0.3), Scorer(auc=0.871, threshold=0.3, stretch=1.5)]
    world = Binary(prevalence=0.3, correlation=0.95, champion=models[0], challenger=models[1])
    truth = world.truth(metric.name)
    above = brier = 0
    of_brier, gain = metric_named("brier_score"), world.gain("brier_score")
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        assert rows.champion is not None
        answers = rows.champion.values, rows.challenger.values
        found = difference(metric, rows.y, *answers, seed=number, resamples=enough_resamples(A))
        above += not isinstance(found, Unjudged) and found.lower(A) > truth[0] - truth[1]
        other = difference(of_brier, rows.y, *answers, seed=number, resamples=enough_resamples(A))
        brier += not isinstance(other, Unjudged) and other.lower(A) > gain
    return {"draws": draws, "above": above, "brier": brier}


def few_differences(rng: np.random.Generator, draws: int, *, n: int, margin: float, gained: float) -> Found:
    """Add up P(PASS) and P(FAIL) where accuracy is worse by exactly the margin; a share `gained` of rows is gained."""
    del rng, draws
    good = bad = 0.0
    for up in range(int(binom.isf(1e-9, n, gained)) + 1 if gained else 1):
        weight = float(binom.pmf(up, n, gained)) if gained else 1.0
        # Of the rows that are not gained each is lost with this probability.
        of_others = binom(n - up, (margin + gained) / (1 - gained))
        good += weight * float(of_others.cdf(_most_lost(up, n, margin)))
        bad += weight * float(of_others.sf(_fewest_failed(up, n, margin) - 1))
    return {"PASS": good, "FAIL": bad}


def hidden(rng: np.random.Generator, draws: int, *, n: int, expected: float, margin: float) -> Found:
    """Add up P(PASS) of a challenger that is the champion but for a kind of row, on which it is always wrong.

    `expected` of n rows are of that kind on average. `unseen` is the probability that none is.
    """
    del rng, draws
    most = _most_lost(0, n, margin)
    return {"unseen": (1 - expected / n) ** n, "PASS": float(binom.cdf(most, n, expected / n)), "most": most}


def point_estimates(rng: np.random.Generator, draws: int, *, n: int, discordant: float, worse: float) -> Found:
    """Count what bare numbers do on 6% discordant rows: a worse model shown as no worse, the luckiest of ten equal ones."""
    half = discordant / 2
    lost = rng.multinomial(n, [half + worse / 2, half - worse / 2, 1 - discordant], size=draws)
    equal = rng.multinomial(n, [half, half, 1 - discordant], size=(draws, 10))
    best = (equal[..., 1] - equal[..., 0]).max(axis=1) / n
    return {"draws": draws, "newer": int((lost[:, 1] >= lost[:, 0]).sum()), "lucky": int((best >= 0.002 - 1e-12).sum())}


def _most_lost(gained: int, n: int, margin: float) -> int:
    """Return on how many rows a challenger may lose and still PASS, -1 for none; each more makes it harder."""
    return bisect_left(range(n - gained + 1), 1, key=lambda lost: int(_lower(gained, lost, n) <= -margin)) - 1


def _fewest_failed(gained: int, n: int, margin: float) -> int:
    """Return from how many lost rows on a challenger FAILs."""
    return bisect_left(range(n - gained + 1), 1, key=lambda lost: int(-_lower(lost, gained, n) <= -margin))


def _lower(gained: int, lost: int, n: int) -> float:
    """Return the lower limit; the upper one is that of the models in each other's place."""
    if gained == lost == 0:
        return identical(n, bounded=True, n=n, value=1.0).lower(A)
    return tango_counts(gained, lost, n, champion=0.5, challenger=0.5).lower(A)
