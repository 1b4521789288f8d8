"""Made-up challengers of a given champion: what two models say of the same rows, correlated, one better by as much as asked.

A challenger's output is the champion's, on the scale where noise is additive (log-odds, log-probabilities, residuals),
partly replaced by noise of the same spread within each class, and moved towards or away from the truth. Where there is no
champion, one is made up too: binormal scores of an assumed AUC (Obuchowski & McClish 1997), or an assumed accuracy or R2.
Nothing is measured or judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import expit, ndtri, softmax

if TYPE_CHECKING:
    from release.stats.arrays import Array, Floats, Ints

CORRELATION = 0.95
"""Of the two models' outputs within a class (for regression, of their errors)."""
AUC, ACCURACY, R2 = 0.9, 0.9, 0.5
"""How good a champion is taken to be that nobody has seen."""
_TINY = 1e-6


class Models(Protocol):
    """Two models as functions of the rows drawn."""

    def outputs(self, rows: Ints, y: Array, shift: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return what champion and challenger say of rows (numbers of the test set's) with outcomes `y`.

        The challenger is as good as the champion at a `shift` of about 0, and better the larger it is.
        """


@dataclass(frozen=True, eq=False)
class Binary:
    """Two models of a yes or no: log-odds, (n,), of a known champion, or binormal ones of an assumed AUC."""

    known: Floats | None
    correlation: float = CORRELATION

    def outputs(self, rows: Ints, y: Array, shift: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return P(positive) by champion and challenger, (m,) each (see Models)."""
        positive = np.asarray(y) == 1
        if self.known is None:
            apart = np.sqrt(2) * float(ndtri(AUC))
            prior = np.clip(positive.mean(), _TINY, 1 - _TINY)
            # The log-odds of a Normal score that is `apart` further up for positives.
            score = rng.normal(size=len(y)) + apart * positive
            champion = apart * score - apart**2 / 2 + np.log(prior / (1 - prior))
        else:
            champion = self.known[rows]
        challenger = _mixed(champion[:, None], positive, self.correlation, rng)[:, 0]
        moved = challenger + shift * _spread(champion[:, None]) * np.where(positive, 1, -1)
        return expit(champion), expit(moved)


@dataclass(frozen=True, eq=False)
class Multiclass:
    """Two models of several classes: log-probabilities, (n, k), of a known champion, or noise around the right class."""

    known: Floats | None
    classes: int
    correlation: float = CORRELATION

    def outputs(self, rows: Ints, y: Array, shift: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return class probabilities by champion and challenger, (m, k) each (see Models)."""
        truth = np.asarray(y, dtype=np.int64)
        right = np.eye(self.classes)[truth]
        if self.known is None:
            # The right class is above the best of k - 1 others about as often as assumed.
            above = float(ndtri(ACCURACY ** (1 / max(self.classes - 1, 1)))) * np.sqrt(2)
            champion = 3 * (rng.normal(size=right.shape) + above * right)
        else:
            champion = self.known[rows]
        challenger = _mixed(champion, truth, self.correlation, rng) + shift * _spread(champion) * right
        return softmax(champion, axis=1), softmax(challenger, axis=1)


@dataclass(frozen=True, eq=False)
class Regression:
    """Two models of a number: errors, (n,), of a known champion, or Normal ones of an assumed R2."""

    known: Floats | None
    correlation: float = CORRELATION

    def outputs(self, rows: Ints, y: Array, shift: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return predictions by champion and challenger, (m,) each (see Models)."""
        target = np.asarray(y, dtype=np.float64)
        error = rng.normal(size=len(y)) * target.std() * np.sqrt(1 - R2) if self.known is None else self.known[rows]
        mixed = _mixed(error[:, None], np.zeros(len(y)), self.correlation, rng)[:, 0]
        return target + error, target + mixed * np.exp(-shift)


def binary(probability: Array | None) -> Binary:
    """Return models around a champion's P(positive), (n,), or around an assumed one."""
    if probability is None:
        return Binary(None)
    clipped = np.clip(np.asarray(probability, dtype=np.float64), _TINY, 1 - _TINY)
    return Binary(np.log(clipped / (1 - clipped)))


def multiclass(probabilities: Array | None, classes: int) -> Multiclass:
    """Return models around a champion's class probabilities, (n, k), or around an assumed one."""
    known = None if probabilities is None else np.log(np.clip(np.asarray(probabilities, dtype=np.float64), _TINY, 1.0))
    return Multiclass(known, classes)


def regression(prediction: Array | None, y: Array) -> Regression:
    """Return models around a champion's predictions, (n,), of targets `y`, (n,), or around an assumed one."""
    return Regression(None if prediction is None else np.asarray(prediction, dtype=np.float64) - np.asarray(y))


def _spread(champion: Floats) -> float:
    """Return the size of the champion's outputs, so that a shift means about the same for every model."""
    return float(champion.std()) or 1.0


def _mixed(champion: Floats, within: Array, correlation: float, rng: np.random.Generator) -> Floats:
    """Return outputs of the same mean and spread within each class, correlated with the champion's."""
    mixed = np.empty_like(champion)
    for which in np.unique(within):
        mine = within == which
        part = champion[mine]
        centre, spread = part.mean(axis=0), part.std(axis=0)
        noise = rng.normal(size=part.shape) * spread
        mixed[mine] = centre + correlation * (part - centre) + np.sqrt(1 - correlation**2) * noise
    return mixed
