"""Populations of which the truth is known: rows drawn from them, and every metric's value over all of them.

The truth is the metric's own formula on a fine grid of the population, so that no simulation error is in it. Nothing is
judged here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

from release.judging.rows import Outputs, Rows
from release.stats.metrics import Metric, metric_named

if TYPE_CHECKING:
    from release.stats.arrays import Floats

_FARTHEST = 9.0  # Normal quantiles beyond which there is nobody
_GRID = 40_001
_GOLDEN = 0.618033988749895
_COSTS = ((0.0, 1.0), (5.0, 0.0))
"""For the metric `cost`: a missed positive is five times as dear as a false alarm."""


def named(metric: str) -> Metric:
    """Return a metric by name; `cost` has the costs of these worlds."""
    return metric_named(metric, _COSTS if metric == "cost" else None)


def separation(auc: float) -> float:
    """Return how far apart two Normal classes of unit spread are whose AUC is this: sqrt(2) * Phi^-1(AUC)."""
    return math.sqrt(2) * float(ndtri(auc))


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """One binary classifier: its AUC, its threshold, and how its probabilities are bent away from the right ones.

    `stretch` multiplies their log-odds (1: calibrated). `levels` rounds them to so many values, for ties; 0 does not.
    """

    auc: float
    threshold: float
    stretch: float = 1.0
    levels: int = 0

    def says(self, latent: Floats, prevalence: float) -> Floats:
        """Return P(positive) for a latent score that is Normal(0, 1) in negatives, Normal(separation, 1) in positives."""
        mu = separation(self.auc)
        odds = logit(prevalence) + mu * latent - mu * mu / 2
        found = expit(self.stretch * odds)
        return np.asarray(found if not self.levels else (np.floor(found * self.levels) + 0.5) / self.levels)


@dataclass(frozen=True, kw_only=True)
class Binary:
    """Two classifiers of the same rows, their latent scores correlated by `correlation` within each class."""

    prevalence: float
    correlation: float
    champion: Scorer
    challenger: Scorer

    def draw(self, rng: np.random.Generator, n: int, *, seed: int) -> Rows:
        """Draw n rows; how many of them are positive is chance too, as in a real test set."""
        y = (rng.random(n) < self.prevalence).astype(np.int64)
        return self.on(rng, y, seed=seed)

    def on(self, rng: np.random.Generator, y: np.ndarray[tuple[int], np.dtype[np.int64]], *, seed: int) -> Rows:
        """Draw both models' outputs for given classes, (n,)."""
        shared, one, two = rng.standard_normal((3, len(y)))
        r = self.correlation
        outputs = [
            Outputs(
                model.says(separation(model.auc) * y + math.sqrt(r) * shared + math.sqrt(1 - r) * own, self.prevalence),
                model.threshold,
            )
            for model, own in ((self.champion, one), (self.challenger, two))
        ]
        return Rows(y=y, champion=outputs[0], challenger=outputs[1], seed=seed)

    def truth(self, metric: str) -> tuple[float, float]:
        """Return the metric of champion and challenger over the whole population."""
        return tuple(_binary_truth(metric, self.prevalence, model) for model in (self.champion, self.challenger))  # type: ignore[return-value] # two

    def gain(self, metric: str) -> float:
        """Return the true difference, positive when the challenger is better."""
        return _gain(metric, *self.truth(metric))


@dataclass(frozen=True, kw_only=True)
class Regression:
    """Two predictors of the same rows, errors correlated by `correlation`: Normal, or Student's t of `tail` freedom.

    `scales` are the errors' scales, the champion's first. The target is 10 -+ 2, Normal and kept above 1.
    """

    correlation: float
    scales: tuple[float, float]
    tail: int = 0

    def draw(self, rng: np.random.Generator, n: int, *, seed: int) -> Rows:
        """Draw n rows."""
        y = _target(rng.standard_normal(n))
        shared, one, two = rng.standard_normal((3, n))
        # A row on which one model is far off is one on which the other is as well.
        wild = np.sqrt(self.tail / rng.chisquare(self.tail, n)) if self.tail else 1.0
        r = self.correlation
        errors = [
            scale * (math.sqrt(r) * shared + math.sqrt(1 - r) * own) * wild
            for scale, own in zip(self.scales, (one, two), strict=True)
        ]
        return Rows(y=y, champion=Outputs(y - errors[0]), challenger=Outputs(y - errors[1]), seed=seed)

    def truth(self, metric: str) -> tuple[float, float]:
        """Return the metric of champion and challenger over the whole population."""
        return tuple(_regression_truth(metric, scale, self.tail) for scale in self.scales)  # type: ignore[return-value] # two

    def gain(self, metric: str) -> float:
        """Return the true difference, positive when the challenger is better."""
        return _gain(metric, *self.truth(metric))


@dataclass(frozen=True, kw_only=True)
class Multiclass:
    """Two equally good classifiers of three classes, so that every true difference is nothing.

    `shares` are the classes', `lead` is how far the true class's log-odds stand out.
    """

    correlation: float
    shares: tuple[float, float, float] = (0.5, 0.3, 0.2)
    lead: float = 1.5

    def draw(self, rng: np.random.Generator, n: int, *, seed: int) -> Rows:
        """Draw n rows."""
        y = rng.choice(3, size=n, p=self.shares).astype(np.int64)
        shared, one, two = rng.standard_normal((3, n, 3))
        r = self.correlation
        outputs = []
        for own in (one, two):
            odds = np.log(self.shares) + self.lead * np.eye(3)[y] + math.sqrt(r) * shared + math.sqrt(1 - r) * own
            chance = np.exp(odds)
            outputs.append(Outputs(chance / chance.sum(axis=1, keepdims=True)))
        return Rows(y=y, champion=outputs[0], challenger=outputs[1], seed=seed)

    def gain(self, metric: str) -> float:
        """Return the true difference: none, by symmetry."""
        del metric
        return 0.0


World = Binary | Regression | Multiclass


def _gain(metric: str, champion: float, challenger: float) -> float:
    return challenger - champion if named(metric).greater_is_better else champion - challenger


def _target(z: Floats) -> Floats:
    return np.maximum(10 + 2 * z, 1.0)


@cache
def _quantiles() -> tuple[Floats, Floats]:
    """Return Normal quantiles on an even grid, and the share of the population at each."""
    z = np.linspace(-_FARTHEST, _FARTHEST, _GRID)
    weight = np.exp(-z * z / 2)
    return z, weight / weight.sum()


@cache
def _binary_truth(metric: str, prevalence: float, model: Scorer) -> float:
    z, weight = _quantiles()
    latent = np.concatenate([z, z + separation(model.auc)])
    y = np.repeat([0, 1], len(z))
    weights = np.concatenate([(1 - prevalence) * weight, prevalence * weight])
    what = named(metric)
    read = what.reads(model.says(latent, prevalence), threshold=model.threshold)
    return what.compute(y, read, weights=weights)


@cache
def _regression_truth(metric: str, scale: float, tail: int) -> float:
    z, weight = _quantiles()
    # From the lower tail, where probabilities keep their digits.
    errors = scale * (-np.sign(z) * stdtrit(tail, ndtr(-np.abs(z))) if tail else z)
    # Targets spread evenly over every stretch of errors: the fractional parts of multiples of the golden ratio.
    y = _target(ndtri(np.modf(_GOLDEN * np.arange(1, len(z) + 1))[0]))
    what = named(metric)
    return what.compute(y, y - errors, weights=weight)


@cache
def scorer_at(metric: str, value: float, prevalence: float, base: Scorer) -> Scorer:
    """Return `base` changed in one thing so that its `metric` is `value`: roc_auc, recall or brier_score.

    Recall changes by the threshold alone, the Brier score by bending the probabilities and moving the threshold along:
    the other two metrics stay (or, for the AUC, do what they must).
    """
    if metric == "roc_auc":
        return Scorer(auc=value, threshold=base.threshold, stretch=base.stretch, levels=base.levels)
    low, high = (1e-6, 1 - 1e-6) if metric == "recall" else (base.stretch, 8 * base.stretch)
    for _ in range(45):
        middle = (low + high) / 2
        found = _with(metric, middle, base)
        # Recall falls as the threshold rises, the Brier score rises as probabilities are stretched.
        short = (
            _binary_truth(metric, prevalence, found) > value
            if metric == "recall"
            else (_binary_truth(metric, prevalence, found) < value)
        )
        low, high = (middle, high) if short else (low, middle)
    return _with(metric, (low + high) / 2, base)


def _with(metric: str, setting: float, base: Scorer) -> Scorer:
    if metric == "recall":
        return Scorer(auc=base.auc, threshold=setting, stretch=base.stretch, levels=base.levels)
    threshold = float(expit(setting / base.stretch * logit(base.threshold)))
    return Scorer(auc=base.auc, threshold=threshold, stretch=setting, levels=base.levels)
