"""How often a whole gate passes: all its requirements at once, on simulated test sets and simulated models.

Each draw is a test set of its own and two models of it; estimates and their errors (from the influence of single rows) are
kept, and scaled to the number of rows that is asked about. Limits are taken as Normal, and no tighter than identical
predictions allow; the gate's own methods are a little wider on few rows. Planning only: no verdict rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from release.stats.contrast import Unjudged
from release.stats.sample import sample
from release.stats.student import shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.stats.arrays import Array, Bools, Floats, Ints
    from release.stats.metrics import Metric
    from release.stats.scenario import Models

DRAWS = 200
_MOST_ROWS = 600
"""A draw has no more rows than this: with more, estimates are Normal and their errors follow from the number of rows."""
_FEWEST = 10
_CALIBRATIONS, _CALIBRATING = 12, 4_000
_SHIFTS = np.array([0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Wanted:
    """One requirement: `metric` on the rows of a slice (`part`, (n,); None: all), compared with `threshold`.

    What is compared is challenger - ratio * champion, more being better, or, with ratio None, the challenger alone.
    `decides` is False where being unsure is only noted.
    """

    metric: Metric
    threshold: float
    ratio: float | None = 1.0
    part: Bools | None = None
    decides: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """A test set to draw others from: outcomes, (n,), and what else decides how rows count; thresholds by model."""

    y: Array
    groups: Array | None
    weights: Array | None
    threshold: float | None

    def draw(self, size: int, rng: np.random.Generator) -> tuple[Ints, Ints | None]:
        """Return numbers of rows drawn with replacement, about `size`, by whole groups where there are any, and groups."""
        if self.groups is None:
            return rng.integers(0, len(self.y), size), None
        names, code = np.unique(self.groups, return_inverse=True)
        members = [np.flatnonzero(code == one) for one in range(len(names))]
        drawn = rng.integers(0, len(names), max(2, round(len(names) * size / len(self.y))))
        parts = [members[one] for one in drawn]
        # A group that is drawn twice stands for two groups.
        return np.concatenate(parts), np.repeat(np.arange(len(drawn)), [len(part) for part in parts])


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """What simulated test sets of about `rows` rows gave: estimates, errors and deciding units, (draws, requirements)."""

    rows: int
    estimate: Floats
    error: Floats
    deciding: Floats
    champion: Floats

    def truth(self) -> Floats:
        """Return what the requirements' quantities are on average, (requirements,)."""
        return mean(self.estimate)

    def error_at(self, n: int) -> Floats:
        """Return the errors to expect on n rows, (requirements,)."""
        return np.asarray(np.sqrt(mean(self.error**2) * self.rows / n))


def mean(values: Floats) -> Floats:
    """Return the mean over draws of what could be told, (requirements,); not a number where nothing could."""
    told = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(told, values, 0.0).sum(axis=0) / told.sum(axis=0))


def simulate(
    wanted: Sequence[Wanted], rows: Rows, models: Models, *, size: int, shift: float, seed: int, draws: int = DRAWS
) -> Draws:
    """Draw test sets of `size` rows (at most 600) and score two models on them, the challenger moved by `shift`."""
    rng = np.random.default_rng(seed)
    size = min(size, _MOST_ROWS)
    found = np.full((4, draws, len(wanted)), np.nan)
    for draw in range(draws):
        chosen, groups = rows.draw(size, rng)
        y = rows.y[chosen]
        outputs = models.outputs(chosen, y, shift, rng)
        weights = None if rows.weights is None else rows.weights[chosen]
        for index, one in enumerate(wanted):
            mine = np.arange(len(chosen)) if one.part is None else np.flatnonzero(one.part[chosen])
            found[:, draw, index] = _measured(one, rows.threshold, y, outputs, groups, weights, mine)
    return Draws(rows=size, estimate=found[0], error=found[1], deciding=found[2], champion=found[3])


def _measured(
    one: Wanted,
    threshold: float | None,
    y: Array,
    outputs: tuple[Array, Array],
    groups: Ints | None,
    weights: Array | None,
    mine: Ints,
) -> tuple[float, float, float, float]:
    """Return estimate, error, deciding units and the champion's value; not numbers where nothing can be said."""
    nothing = (np.nan, np.nan, np.nan, np.nan)
    if len(mine) == 0 or (weights is not None and not weights[mine].any()):
        return nothing
    read = [one.metric.reads(output, threshold=threshold)[mine] for output in outputs]
    named = {"challenger": read[1]} if one.ratio is None else {"champion": read[0], "challenger": read[1]}
    found = sample(
        one.metric,
        y[mine],
        named,
        ratio=1.0 if one.ratio is None else one.ratio,
        groups=None if groups is None else groups[mine],
        weights=None if weights is None else weights[mine],
    )
    if isinstance(found, Unjudged):
        return nothing
    with np.errstate(invalid="ignore", divide="ignore"):
        error = shape(found.design, found.influence()).se
    value, champion = found.estimate(), found.values()[0]
    return value, error, float(found.deciding), np.nan if champion is None else champion


def passes(wanted: Sequence[Wanted], found: Draws, *, n: int, a: float, few: bool = True) -> tuple[float, float]:
    """Return the shares of test sets of n rows on which the whole gate passes, and on which it fails.

    `a` is the one-sided level of a PASS; a FAIL is at a over the number of requirements. With `few`, a slice that has
    fewer than ten deciding units cannot tell.
    """
    narrower = np.sqrt(found.rows / n)
    truth = found.truth()
    at = truth + (found.estimate - truth) * narrower
    error, deciding = found.error * narrower, found.deciding / narrower**2
    limits = np.array([one.threshold for one in wanted])
    least = np.array([one.metric.span if one.metric.bounded else 0.0 for one in wanted])
    bound = least * (1 - a ** (1 / np.maximum(deciding, 1)))
    low = at - np.where(error > 0, -float(ndtri(a)) * error, bound)
    high = at - float(ndtri(a / len(wanted))) * np.where(error > 0, error, 0.0)
    told = np.isfinite(low) & ~(np.array([few and one.part is not None for one in wanted]) & (deciding < _FEWEST))
    failed = told & (high <= limits)
    passed = told & (low > limits)
    noted = np.array([not one.decides for one in wanted])
    return float((passed | (noted & ~failed)).all(axis=1).mean()), float(failed.any(axis=1).mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Climb:
    """How a challenger's metric moves with the shift: differences to the champion, more being better, rising."""

    shifts: Floats
    differences: Floats

    def shift(self, difference: float) -> float:
        """Return the shift that makes this difference; the nearest there is where the metric ends before."""
        return float(np.interp(difference, self.differences, self.shifts))


def climb(wanted: Wanted, rows: Rows, models: Models, *, seed: int) -> Climb:
    """Measure a metric at several shifts, on the same test sets each time."""
    shifts = np.array([*(-_SHIFTS[::-1]), 0.0, *_SHIFTS])
    found = np.array([_gain(wanted.metric, rows, models, float(shift), seed) for shift in shifts])
    # The same draws at each shift: what still falls is noise at the metric's end.
    return Climb(shifts=shifts, differences=np.maximum.accumulate(found))


def _gain(metric: Metric, rows: Rows, models: Models, shift: float, seed: int) -> float:
    """Return by how much a challenger is better on average, 0 where the metric does not exist."""
    rng, gains = np.random.default_rng(seed), []
    for _ in range(_CALIBRATIONS):
        chosen, _groups = rows.draw(_CALIBRATING, rng)
        y = rows.y[chosen]
        read = [metric.reads(one, threshold=rows.threshold) for one in models.outputs(chosen, y, shift, rng)]
        weights = None if rows.weights is None else rows.weights[chosen]
        if metric.absent(y) is None:
            one, two = (metric.compute(y, each, weights=weights) for each in read)
            gains.append(two - one if metric.greater_is_better else one - two)
    return float(np.mean(gains)) if gains else 0.0
