"""What a gate can be expected to say on given rows: metric by metric, and of a better, an equal and a worse challenger.

Everything is simulated from the rows' outcomes and a champion's predictions, or assumed ones; nothing is judged. Where the
rows come from is not known here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from release.config.model import Relative
from release.config.names import loss
from release.judging.reachable import provable
from release.stats.joint import Rows, Wanted, climb, mean, passes, simulate
from release.stats.metrics import Kind, metric_named
from release.stats.power import detectable, least_rows_identical
from release.stats.reuse import rows_for_looks, undetected_share

if TYPE_CHECKING:
    from release.config.model import GateSpec, Margin
    from release.judging.reachable import Held
    from release.stats.arrays import Array
    from release.stats.joint import Climb, Draws
    from release.stats.metrics import Metric
    from release.stats.scenario import Models

_LEAST_DISCORDANCE = 0.01
_SAMPLED = 2_000
_ERRORS = 80
"""Draws that standard errors are averaged over; shares of passes take more."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the test set can show of one metric, or of one on a slice, by the gate's own error rates.

    `deciding` counts the rows (or groups: `units`) that can change the metric; `identical` is the smallest margin that even
    identical predictions can prove, and `identical_rows` the test rows they need for this `margin` (None: it has no bound,
    or is relative); `error` is the standard error to expect of the difference, `detectable` the smallest true difference
    that is found with 80% power, and `margin_rows` the test rows with which two equal models pass `margin` with 80% power.
    """

    metric: str
    slice: str | None
    rows: int
    deciding: int
    units: str
    identical: float | None
    margin: float | None
    identical_rows: int | None
    margin_rows: int | None
    error: float | None
    detectable: float | None


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How often a challenger whose primary metric truly differs by `difference` (more is better) passes, and fails."""

    challenger: str
    difference: float
    passes: float
    fails: float


@dataclass(frozen=True, kw_only=True)
class Bound:
    """ease.ml/ci's rows for all looks at a share of right rows, for whatever models of which no two differ on more rows."""

    metric: str
    tolerance: float
    discordance: float
    delta: float
    looks: int
    rows: int
    rows_adaptive: int


@dataclass(frozen=True, kw_only=True)
class Power:
    """What a test set of `rows` rows can show in `looks` looks; `assuming` says what the numbers rest on.

    `undetected` is the share of cases below which a defect may leave no trace among the rows, at 97.5% confidence.
    """

    rows: int
    looks: int
    alpha: float
    reach: tuple[Reach, ...]
    chances: tuple[Chance, ...]
    bounds: tuple[Bound, ...]
    undetected: float
    assuming: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What everything is computed from: the policy, rows to draw, their models, and each requirement with its name."""

    policy: GateSpec
    held: Held
    rows: Rows
    models: Models
    wanted: tuple[Wanted, ...]
    names: tuple[tuple[str, str | None, Margin | None], ...]
    size: int

    @property
    def a(self) -> float:
        """alpha/(2H), one-sided."""
        return self.policy.alpha / (2 * self.policy.looks)

    def shift(self, difference: float) -> float:
        """Return the shift of a challenger whose first metric differs by so much; 0 where no metric is asked about."""
        return self.climb.shift(difference) if self.wanted else 0.0

    @cached_property
    def climb(self) -> Climb:
        """How the first metric moves with the shift."""
        return climb(self.wanted[0], self.rows, self.models, seed=1)


def ground(policy: GateSpec, held: Held, models: Models, *, rows: int | None, threshold: float) -> Ground:
    """Gather a gate's requirements about rows: for `rows` rows like `held`, or as many as there are."""
    wanted: list[Wanted] = []
    names: list[tuple[str, str | None, Margin | None]] = []

    def add(name: str, margin: Margin | None, when_unsure: str, part: str | None, better_by: float | None = None) -> None:
        metric, mask = metric_named(name, held.costs), None
        if part is not None:
            mask = np.zeros(len(held.y), dtype=np.bool_)
            mask[held.slices[part]] = True
        limit = better_by if better_by is not None else (0.0 if margin is None or isinstance(margin, Relative) else -margin)
        share = margin.share if isinstance(margin, Relative) else 0.0
        ratio = 1 + share if loss(name) else 1 - share
        wanted.append(Wanted(metric=metric, threshold=limit, ratio=ratio, part=mask, decides=when_unsure != "note"))
        names.append((name, part, margin))

    if policy.primary is not None:
        one = policy.primary
        add(one.metric, one.margin, one.when_unsure, None, one.better_by)
    for guard in policy.guards:
        add(guard.metric, guard.margin, guard.when_unsure, None)
    for part in policy.slices:
        add(part.metric, part.margin, part.when_unsure, part.name)
    for name, floor in sorted(policy.floors.items()):
        limit = -floor if loss(name) else floor
        wanted.append(Wanted(metric=metric_named(name, held.costs), threshold=limit, ratio=None))
        names.append((name, None, None))
    drawn = Rows(y=held.y, groups=held.groups, weights=held.weights, threshold=threshold)
    size = rows or len(held.y)
    return Ground(policy=policy, held=held, rows=drawn, models=models, wanted=tuple(wanted), names=tuple(names), size=size)


def prospects(ground: Ground, assuming: tuple[str, ...]) -> Power:
    """Compute everything that a plan or a test set can be told."""
    reaches, equal = reach(ground)
    return Power(
        rows=ground.size,
        looks=ground.policy.looks,
        alpha=ground.policy.alpha,
        reach=reaches,
        chances=_chances(ground, equal, reaches),
        bounds=tuple(_bounds(ground)),
        undetected=undetected_share(ground.size),
        assuming=assuming,
    )


def reach(ground: Ground) -> tuple[tuple[Reach, ...], Draws]:
    """Return what can be shown metric by metric, and the draws of two equal models that it was found with."""
    plain = tuple(replace(one, ratio=1.0) for one in ground.wanted)
    shift = ground.shift(0.0)
    drawn = simulate(plain, ground.rows, ground.models, size=ground.size, shift=shift, seed=2, draws=_ERRORS)
    errors = drawn.error_at(ground.size)
    champion = mean(drawn.champion)
    found: dict[tuple[str, str | None], Reach] = {}
    for index, (name, part, margin) in enumerate(ground.names):
        value, error = float(champion[index]), float(errors[index])
        if (name, part) not in found:
            found[name, part] = _reach(ground, name, part, margin, value if math.isfinite(value) else 0.0, error)
    return tuple(found.values()), drawn


def _reach(ground: Ground, name: str, part: str | None, margin: Margin | None, value: float, error: float) -> Reach:
    metric, held = metric_named(name, ground.held.costs), ground.held
    rows = held if part is None else held.take(held.slices[part])
    scale = ground.size / max(len(held.y), 1)
    deciding = 0 if len(rows.y) == 0 or metric.absent(rows.y) else rows.deciding(metric)
    there = round(deciding * scale)
    # A share of the champion's value, where the margin is relative.
    size = margin.share * abs(value) if isinstance(margin, Relative) else margin
    known = error if math.isfinite(error) and error > 0 else None
    identical_rows = None
    if metric.bounded and size is not None and 0 < size < metric.span and deciding and not isinstance(margin, Relative):
        identical_rows = math.ceil(least_rows_identical(ground.a, size / metric.span) * len(held.y) / deciding)
    needed = None
    if known is not None and size:
        needed = max(math.ceil(ground.size * (detectable(known, a=ground.a) / size) ** 2), identical_rows or 0)
    return Reach(
        metric=name,
        slice=part,
        rows=round(len(rows.y) * scale),
        deciding=there,
        units=held.units,
        identical=provable(metric, there, ground.a) if metric.bounded else None,
        margin=size,
        identical_rows=identical_rows,
        margin_rows=needed,
        error=known,
        detectable=None if known is None else detectable(known, a=ground.a),
    )


def _chances(ground: Ground, equal: Draws, reaches: tuple[Reach, ...]) -> tuple[Chance, ...]:
    """Return how often an equal, a slightly better and a slightly worse challenger pass everything at once.

    Slightly is half the primary's margin, or half of what can be detected where it has none.
    """
    if not ground.wanted or ground.wanted[0].ratio is None or not np.isfinite(equal.truth()[0]):
        return ()
    step, word = reaches[0].margin, "margin"
    if not step:
        step, word = reaches[0].detectable, "detectable difference"
    if not step:
        return ()
    kinds = (
        (f"better by half a {word}", step / 2),
        ("equal", 0.0),
        (f"worse by half a {word}", -step / 2),
        (f"worse by a {word}", -step),
    )
    if word != "margin":
        kinds = ((f"better by a {word}", step), *kinds[:3])
    told = []
    for name, difference in kinds:
        shift = ground.shift(difference)
        drawn = simulate(ground.wanted, ground.rows, ground.models, size=ground.size, shift=shift, seed=3)
        won, lost = passes(ground.wanted, drawn, n=ground.size, a=ground.a)
        told.append(Chance(challenger=name, difference=difference, passes=won, fails=lost))
    return tuple(told)


def _bounds(ground: Ground) -> list[Bound]:
    """Return ease.ml/ci's rows for each margin of a share of right rows."""
    found, looks = [], ground.policy.looks
    rng = np.random.default_rng(4)
    chosen, _ = ground.rows.draw(min(ground.size, _SAMPLED), rng)
    y = ground.rows.y[chosen]
    outputs = ground.models.outputs(chosen, y, 0.0, rng)
    for (name, part, margin), one in zip(ground.names, ground.wanted, strict=True):
        if one.metric.kind is not Kind.PROPORTION or part is not None or not isinstance(margin, int | float):
            continue
        differ = _discordance(one.metric, y, outputs, ground.rows.threshold)
        delta = ground.policy.alpha
        least, most = (
            rows_for_looks(margin, discordance=differ, delta=delta, looks=looks, adaptive=adaptive)
            for adaptive in (False, True)
        )
        found.append(
            Bound(
                metric=name,
                tolerance=margin,
                discordance=differ,
                delta=delta,
                looks=looks,
                rows=least,
                rows_adaptive=most,
            )
        )
    return found


def _discordance(metric: Metric, y: Array, outputs: tuple[Array, Array], threshold: float | None) -> float:
    """Return the share of deciding rows that one of two equal models gets right and the other does not, at least 1%."""
    chosen = metric.deciding_rows(y)
    one, two = (metric.correct(y, metric.reads(output, threshold=threshold))[chosen] for output in outputs)
    return max(_LEAST_DISCORDANCE, float((one != two).mean()))
