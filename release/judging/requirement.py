"""What a gate asks of a challenger, one requirement at a time: its limit, and on which side of it the champion is.

Policy only: no outputs are measured and no verdicts are reached here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release.config.model import Relative
from release.config.names import loss

if TYPE_CHECKING:
    from release.config.model import GateSpec, Margin

CHAMPION, ANCHOR = "champion", "anchor"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing the challenger must show; exactly one of `margin`, `better_by`, `floor`, `limit` is set.

    `against` says whom it is compared with: the champion, or the anchor, which holds margins alone.
    """

    metric: str
    role: str
    margin: Margin | None = None
    better_by: float | None = None
    floor: float | None = None
    limit: float | None = None
    slice: str | None = None
    when_unsure: str = "block"
    against: str = CHAMPION

    @property
    def threshold(self) -> float:
        """T of the rule, on the scale where more is better."""
        if self.floor is not None:
            return self.turned(self.floor)
        if self.better_by is not None:
            return self.better_by
        return 0.0 if isinstance(self.margin, Relative) or self.margin is None else -self.margin

    @property
    def ratio(self) -> float:
        """What the champion's value is multiplied with before it is subtracted; 1 but for relative margins."""
        if not isinstance(self.margin, Relative):
            return 1.0
        return 1 + self.margin.share if loss(self.metric) else 1 - self.margin.share

    @property
    def asks(self) -> str:
        """What the shown margin is: `margin`, `relative` or `better_by`."""
        if isinstance(self.margin, Relative):
            return "relative"
        return "better_by" if self.better_by is not None else "margin"

    @property
    def shown(self) -> float | None:
        """The number as its owner wrote it."""
        if isinstance(self.margin, Relative):
            return self.margin.share
        return next((one for one in (self.margin, self.better_by, self.floor, self.limit) if one is not None), None)

    def turned(self, value: float) -> float:
        """Turn a value of the metric to where more is better, or back: a loss changes its sign."""
        return -value if loss(self.metric) else value


def requirements(gate: GateSpec, *, first: bool, anchored: bool = False) -> tuple[Requirement, ...]:
    """List a gate's requirements in the order they are shown; a first release, which has no champion, has floors alone.

    With `anchored` every margin is asked a second time, against the anchor.
    """
    floors = [Requirement(metric=metric, role="floor", floor=value) for metric, value in sorted(gate.floors.items())]
    size = gate.budgets.size_mb
    budgets = [Requirement(metric="size_mb", role="size", limit=size)] if size is not None else []
    if gate.budgets.latency_ms is not None:
        budgets.append(Requirement(metric="latency_ms", role="latency", limit=gate.budgets.latency_ms))
    if first:
        return (*floors, *budgets)
    primary = []
    if gate.primary is not None:
        one = gate.primary
        primary = [
            Requirement(
                metric=one.metric, role="primary", margin=one.margin, better_by=one.better_by, when_unsure=one.when_unsure
            )
        ]
    guards = [Requirement(metric=g.metric, role="guard", margin=g.margin, when_unsure=g.when_unsure) for g in gate.guards]
    slices = [
        Requirement(metric=s.metric, role="slice", margin=s.margin, slice=s.name, when_unsure=s.when_unsure)
        for s in gate.slices
    ]
    margins = [one for one in (*primary, *guards, *slices) if one.margin is not None]
    anchors = [replace(one, against=ANCHOR) for one in margins] if anchored else []
    return (*primary, *guards, *floors, *slices, *anchors, *budgets)


def has_margins(gate: GateSpec) -> bool:
    """Say whether a gate allows anything to get worse, and so needs the anchor."""
    return (gate.primary is not None and gate.primary.margin is not None) or bool(gate.guards or gate.slices)


def no_first_release(gate: GateSpec) -> str | None:
    """Say why a gate cannot judge a release that has no champion; None when it can."""
    if not gate.floors:
        return "a first release is judged by floors, and gate.floors is empty"
    if gate.primary is not None and gate.primary.metric not in gate.floors:
        return (
            f"a first release must clear a floor of its primary metric, and gate.floors has none for {gate.primary.metric}"
        )
    return None
