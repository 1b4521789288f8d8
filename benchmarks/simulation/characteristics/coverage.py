"""One metric's interval, drawn again and again where the truth is known: how often it misses, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from characteristics.worlds import Binary, Multiclass, Regression, Scorer, World, named
from release.stats.compare import difference, single
from release.stats.contrast import Contrast, Unjudged
from release.stats.resample import enough_resamples

if TYPE_CHECKING:
    import numpy as np

    from characteristics.cells import Found

A = 0.025
"""The one-sided level of every limit here: alpha = .05, one look."""

AUC, WORSE = 0.871, 0.851
HEAVY = 3
"""Degrees of freedom of heavy-tailed errors."""


def binary(
    rng: np.random.Generator,
    draws: int,
    *,
    metric: str,
    n: int,
    prevalence: float,
    correlation: float,
    champion: float = AUC,
    challenger: float = WORSE,
    levels: int = 0,
    ratio: float = 1.0,
) -> Found:
    """Cover the true difference of two classifiers; labels are P(positive) >= prevalence."""
    models = [Scorer(auc=auc, threshold=prevalence, levels=levels) for auc in (champion, challenger)]
    world = Binary(prevalence=prevalence, correlation=correlation, champion=models[0], challenger=models[1])
    return _differences(rng, draws, world, metric, n, ratio)


def regression(
    rng: np.random.Generator,
    draws: int,
    *,
    metric: str,
    n: int,
    correlation: float,
    tail: int = 0,
    scales: tuple[float, float] = (1.0, 1.05),
    ratio: float = 1.0,
) -> Found:
    """Cover the true difference of two predictors, the challenger's errors a little wider."""
    world = Regression(correlation=correlation, scales=(scales[0], scales[1]), tail=tail)
    return _differences(rng, draws, world, metric, n, ratio)


def multiclass(rng: np.random.Generator, draws: int, *, metric: str, n: int, correlation: float) -> Found:
    """Cover the difference of two equally good classifiers of three classes."""
    return _differences(rng, draws, Multiclass(correlation=correlation), metric, n, 1.0)


def alone(rng: np.random.Generator, draws: int, *, metric: str, n: int, prevalence: float, auc: float = AUC) -> Found:
    """Cover one classifier's own value, as a floor asks."""
    model = Scorer(auc=auc, threshold=prevalence)
    world = Binary(prevalence=prevalence, correlation=0.5, champion=model, challenger=model)
    what = named(metric)
    value = world.truth(metric)[1]
    truth = value if what.greater_is_better else -value
    tally = _Tally()
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        found = single(what, rows.y, rows.read(what, rows.challenger), seed=number, resamples=enough_resamples(A))
        tally.add(found, truth)
    return tally.found()


def _differences(rng: np.random.Generator, draws: int, world: World, metric: str, n: int, ratio: float) -> Found:
    """Cover challenger - ratio * champion, oriented."""
    what = named(metric)
    if ratio == 1 or isinstance(world, Multiclass):
        truth = world.gain(metric)
    else:
        champion, challenger = world.truth(metric)
        truth = (challenger - ratio * champion) * (1 if what.greater_is_better else -1)
    tally = _Tally()
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        assert rows.champion is not None
        theirs, ours = rows.read(what, rows.champion), rows.read(what, rows.challenger)
        found = difference(what, rows.y, theirs, ours, seed=number, resamples=enough_resamples(A), ratio=ratio)
        tally.add(found, truth)
    return tally.found()


class _Tally:
    """What became of the draws so far."""

    def __init__(self) -> None:
        self.draws = self.refused = self.low = self.high = 0
        self.width = 0.0
        self.methods: dict[str, int] = {}

    def add(self, found: Contrast | Unjudged, truth: float) -> None:
        """Count one interval: its lower limit above the truth is what a false PASS is made of."""
        self.draws += 1
        if isinstance(found, Unjudged):
            self.refused += 1
            return

        low, high = found.lower(A), found.upper(A)
        self.low += low > truth
        self.high += high < truth
        self.width += high - low
        self.methods[found.method] = self.methods.get(found.method, 0) + 1

    def found(self) -> Found:
        """Return the counts, and how often each method was used, as `method NAME`."""
        judged = self.draws - self.refused
        counts = {"draws": self.draws, "refused": self.refused, "low": self.low, "high": self.high}
        methods = {f"method {name}": count for name, count in sorted(self.methods.items())}
        return {**counts, "width": self.width / max(judged, 1), **methods}
