"""What a test set can never show, whatever the challenger: margins below what identical predictions prove, and the like.

Before any model is scored: outcomes, groups, weights and slices decide. The bound is the gate's own for predictions that
never differ (a^(1/k)), so what is refused here could not PASS there; a test holds the two together. No verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from release.config.model import Relative
from release.config.names import loss
from release.judging.comparison import FEWEST
from release.stats.metrics import Deciding, Kind, metric_named
from release.stats.power import least_rows_identical
from release.stats.weighting import counted, effective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from release.config.model import GateSpec, Margin
    from release.config.source import Path
    from release.stats.arrays import Array
    from release.stats.metrics import Costs, Metric


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """Held-out rows without any model's outputs: truth, what belongs together, what rows count, each slice's row numbers."""

    y: Array
    groups: Array | None = None
    weights: Array | None = None
    costs: Costs | None = None
    slices: Mapping[str, Array]

    def take(self, rows: Array) -> Held:
        """Return some of the rows."""
        return Held(
            y=self.y[rows],
            groups=None if self.groups is None else self.groups[rows],
            weights=None if self.weights is None else self.weights[rows],
            costs=self.costs,
            slices={},
        )

    @property
    def units(self) -> str:
        """What evidence is counted in."""
        return "rows" if self.groups is None else "groups"

    def deciding(self, metric: Metric) -> int:
        """Count what decides a metric at most: rows (weighted ones by how many equal ones they are worth), or groups."""
        # A model may call every row positive: then all of them decide precision.
        labels = np.ones(len(self.y), dtype=np.int64) if metric.deciding is Deciding.PREDICTED_POSITIVES else None
        chosen = metric.deciding_rows(self.y, labels)
        if self.groups is not None:
            return len(np.unique(self.groups[chosen]))
        if self.weights is not None and chosen.any() and self.weights[chosen].any():
            return int(effective(counted(self.weights[chosen])))
        return int(chosen.sum())


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """One requirement that these rows cannot show, where the policy writes it, and what would do.

    `blocks` says that no challenger can PASS by it; what is only noted, or left to an owner, does not.
    """

    path: Path
    what: str
    fix: str
    blocks: bool


def shortfalls(policy: GateSpec, held: Held, *, first: bool) -> tuple[Shortfall, ...]:
    """Return what no challenger could show on these rows, in the policy's order; a first release has floors alone."""
    floors = _floors(policy, held)
    return tuple(floors if first else [*_margins(policy, held), *floors])


def provable(metric: Metric, k: int, a: float) -> float:
    """Return the margin that k deciding rows with identical predictions just do not prove at level a, 0 without a bound."""
    return metric.span * (1 - a ** (1 / max(k, 1))) if metric.bounded else 0.0


def _margins(policy: GateSpec, held: Held) -> Iterator[Shortfall]:
    a = policy.alpha / (2 * policy.looks)
    if policy.primary is not None and policy.primary.margin is not None:
        one = policy.primary
        yield from _margin(("gate", "primary"), one.metric, policy.primary.margin, one.when_unsure, held, a, None)
    if policy.primary is not None and policy.primary.better_by is not None:
        yield from _gain(policy.primary.metric, policy.primary.better_by, policy.primary.when_unsure, held)
    for index, guard in enumerate(policy.guards):
        yield from _margin(("gate", "guards", index), guard.metric, guard.margin, guard.when_unsure, held, a, None)
    for index, part in enumerate(policy.slices):
        at: Path = ("gate", "slices", index)
        rows = held.take(held.slices[part.name])
        yield from _margin(at, part.metric, part.margin, part.when_unsure, rows, a, part.name)


def _margin(
    at: Path, name: str, margin: Margin, when_unsure: str, held: Held, a: float, part: str | None
) -> Iterator[Shortfall]:
    """Yield what stands against a margin: no rows, too few to be judged at all, or too few for so small a margin."""
    about = name if part is None else f'{name} of slice "{part}"'
    blocks = when_unsure == "block"
    if len(held.y) == 0:
        fix = "hold out rows that are in it, or remove the slice"
        yield Shortfall(path=at, what=f'no test row is in slice "{part}"', fix=fix, blocks=True)
        return
    metric = metric_named(name, held.costs)
    reason = metric.absent(held.y)
    if metric.invalid(held.y) is not None or (reason is not None and part is None):
        yield Shortfall(path=at, what=f"{about}: {reason}", fix="hold out other rows, or judge another metric", blocks=True)
        return
    k = 0 if reason else held.deciding(metric)
    if (part is not None or held.groups is not None) and k < FEWEST:
        what = f"{about}: cannot tell, only {k} {held.units} decide and {FEWEST} are needed"
        yield Shortfall(path=at, what=what, fix=_allow(held.units, FEWEST), blocks=blocks)
        return
    share = isinstance(margin, Relative)
    size = margin.share if isinstance(margin, Relative) else margin
    least = provable(metric, k, a)
    if not metric.bounded or size > least:
        return
    # A relative margin gives most room where the champion's value is largest, which is the metric's span.
    relative = size * metric.span if share else size
    if relative > least:
        return
    need = least_rows_identical(a, relative / metric.span)
    room = _rounded_up(least / metric.span if share else least)
    what = (
        f"{about}: not even identical predictions can show a margin of {_written(margin)} here: it takes {need} deciding "
        f"{held.units}, and the test set has {k}"
    )
    wide = f"{room:.4g}" if not share else f"{{relative: {100 * room:.4g}%}}"
    yield Shortfall(
        path=(*at, "margin"), what=what, fix=f"write a margin of {wide} or more, or hold out more rows", blocks=blocks
    )


def _gain(name: str, better_by: float, when_unsure: str, held: Held) -> Iterator[Shortfall]:
    metric = metric_named(name, held.costs)
    at: Path = ("gate", "primary")
    if (reason := metric.absent(held.y)) is not None:
        yield Shortfall(path=at, what=f"{name}: {reason}", fix="hold out other rows, or judge another metric", blocks=True)
    elif held.groups is not None and (k := held.deciding(metric)) < FEWEST:
        what = f"{name}: cannot tell, only {k} groups decide and {FEWEST} are needed"
        yield Shortfall(path=at, what=what, fix=_allow("groups", FEWEST), blocks=when_unsure == "block")
    elif metric.bounded and better_by >= metric.span:
        what = f"{name}: no model is better by {better_by:g}, which is all there is"
        yield Shortfall(path=(*at, "better_by"), what=what, fix="ask for less", blocks=when_unsure == "block")


def _floors(policy: GateSpec, held: Held) -> Iterator[Shortfall]:
    """Yield the floors that a model without a single error would not clear on these rows."""
    a = policy.alpha / (2 * policy.looks)
    for name, floor in sorted(policy.floors.items()):
        at: Path = ("gate", "floors", name)
        metric = metric_named(name, held.costs)
        if (reason := metric.absent(held.y)) is not None:
            yield Shortfall(
                path=at, what=f"{name}: {reason}", fix="hold out other rows, or judge another metric", blocks=True
            )
            continue
        k = held.deciding(metric)
        if held.groups is not None and k < FEWEST:
            what = f"{name}: cannot tell, only {k} groups decide and {FEWEST} are needed"
            yield Shortfall(path=at, what=what, fix=_allow("groups", FEWEST), blocks=True)
            continue
        best = _best(metric, k, a, grouped=held.groups is not None)
        if (floor > best) if loss(name) else (floor < best):
            continue
        word = "ceiling" if loss(name) else "floor"
        what = (
            f"{name}: a model without one error would show {best:.4g} on these {k} deciding {held.units}, "
            f"which does not clear the {word} of {floor:g}"
        )
        bound = f"{_rounded_up(best):.4g}" if loss(name) else f"{math.floor(best * 1e3) / 1e3:g}"
        side = "above" if loss(name) else "below"
        yield Shortfall(path=at, what=what, fix=f"write a {word} {side} {bound}, or hold out more rows", blocks=True)


def _best(metric: Metric, k: int, a: float, *, grouped: bool) -> float:
    """Return the limit that k deciding rows give a model without an error, on its own scale (shares: Wilson's)."""
    if metric.kind is Kind.PROPORTION and not grouped:
        return k / (k + float(ndtri(a)) ** 2)
    least = provable(metric, k, a)
    return least if loss(metric.name) else 1.0 - least


def _allow(units: str, least: int) -> str:
    return f"hold out {units} until there are {least}, or say when_unsure: note"


def _written(margin: Margin) -> str:
    return margin.relative if isinstance(margin, Relative) else f"{margin:g}"


def _rounded_up(value: float) -> float:
    """Return two more significant digits than the leading one, on the side that works."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2) if value > 0 else 1.0
    return (math.floor(value / unit) + 1) * unit
