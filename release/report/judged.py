"""What each requirement of the gate compares with what, and where that lies on a line whose right end is better.

The numbers and the verdict come from the record; nothing is judged again. A picture is only offered where the decision
rule, applied to what would be drawn, says what the record says, so that verdict and picture cannot disagree.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.config.names import loss
from release.records import Verdict

if TYPE_CHECKING:
    from release.records import Comparison

UNITS = {"latency": "ms", "size": "MB"}


class Form(enum.Enum):
    """The ways in which a requirement limits a quantity."""

    MARGIN = "margin"
    BETTER_BY = "better by"
    RELATIVE = "relative margin"
    FLOOR = "floor"
    CEILING = "ceiling"
    BUDGET = "budget"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The limit t of the decision rule (`PASS if low > t`), and the number that its owner wrote in model.yaml."""

    form: Form
    at: float
    written: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """An interval to draw: solid from `low` to `high`, light to `family`.

    `zero` is where the models are equal, None where that is no point of the line.
    """

    at: float
    low: float
    high: float
    family: float
    estimate: float
    zero: float | None

    def says(self) -> Verdict:
        """Apply the decision rule to what is drawn."""
        return _rule(self.low, self.family, self.at)


@dataclass(frozen=True, kw_only=True)
class Offsets:
    """A bar in units of a drawing, measured from the limit; right is positive."""

    low: float
    high: float
    family: float
    estimate: float
    zero: float | None


def limit(comparison: Comparison) -> Limit | None:
    """Read the limit from a comparison; None when the record names none.

    The record's `margin` is the number as written; role and `asks` say what it limits.
    """
    written = comparison.margin
    if written is None:
        return None
    if comparison.role in UNITS:
        return Limit(form=Form.BUDGET, at=0.0, written=written)
    if comparison.role == "floor":
        less = loss(comparison.metric)
        return Limit(form=Form.CEILING if less else Form.FLOOR, at=-written if less else written, written=written)
    if comparison.asks == "relative":
        return Limit(form=Form.RELATIVE, at=0.0, written=written)
    if comparison.asks == "better_by":
        return Limit(form=Form.BETTER_BY, at=written, written=written)
    return Limit(form=Form.MARGIN, at=-written, written=written)


def _rule(low: float, family: float, at: float) -> Verdict:
    if low > at:
        return Verdict.PASS
    return Verdict.FAIL if family <= at else Verdict.INCONCLUSIVE


def natural(at: Limit, value: float) -> float:
    """Turn a judged quantity, of which more is better, into what people read: a loss or a cost has its own sense."""
    if at.form is Form.CEILING:
        return -value
    return at.written - value if at.form is Form.BUDGET else value


def alone(at: Limit | None) -> bool:
    """Say whether the requirement is about the challenger by itself, not about a difference."""
    return at is not None and at.form in (Form.FLOOR, Form.CEILING, Form.BUDGET)


def bar(comparison: Comparison) -> Bar | None:
    """Lay a comparison on a line, or return None when there is nothing to draw or it would not tell the verdict."""
    at, low, high = limit(comparison), comparison.low, comparison.high
    if at is None or low is None or high is None:
        return None
    family = high if comparison.high_family is None else max(high, comparison.high_family)
    estimate = (low + high) / 2 if comparison.difference is None else comparison.difference
    if not all(math.isfinite(v) for v in (low, high, family, estimate, at.at)):
        return None
    # Where "no difference" is the limit itself, or is no point of this line, a second mark would only confuse.
    zero = 0.0 if at.form in (Form.MARGIN, Form.BETTER_BY) and at.at != 0 else None
    drawn = Bar(at=at.at, low=low, high=high, family=family, estimate=estimate, zero=zero)
    return drawn if drawn.says() is comparison.verdict else None


def place(bar: Bar, *, left: float, right: float, gap: float) -> Offsets:
    """Scale a bar so that it fits `left` and `right` of the limit, each mark at least `gap` away on the side it is on.

    The gap keeps what rounding to a character or a pixel would lose: which side of the limit a mark is on. A mark that
    equals the limit has not passed it, and is put on the left.
    """
    points = [bar.low, bar.high, bar.family, bar.estimate, *([] if bar.zero is None else [bar.zero])]
    scales = [(right if p > bar.at else left) / abs(p - bar.at) for p in points if p != bar.at]
    scale = min((s for s in scales if math.isfinite(s)), default=0.0)

    def put(point: float) -> float:
        offset = (point - bar.at) * scale
        return max(offset, gap) if point > bar.at else min(offset, -gap)

    return Offsets(
        low=put(bar.low),
        high=put(bar.high),
        family=put(bar.family),
        estimate=put(bar.estimate),
        zero=None if bar.zero is None else put(bar.zero),
    )
