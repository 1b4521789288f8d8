"""The decision rule: a gate's requirements, two models' outputs on the same rows, one of four verdicts.

A requirement PASSes if the lower limit of what is measured exceeds its threshold, FAILs if even the family-wise upper limit
does not, and is INCONCLUSIVE otherwise; the point estimate never decides. The statistics are `release.stats`'; where the
predictions come from is not this module's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from release.config.model import Relative
from release.config.names import LOSSES
from release.records import Comparison, Verdict
from release.stats.compare import difference, single
from release.stats.contrast import Identical, Normal, Unjudged
from release.stats.metrics import METRICS
from release.stats.power import least_rows_identical, rows_needed
from release.stats.resample import enough_resamples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from release.config.model import GateSpec, Margin
    from release.judging.rows import Rows
    from release.stats.contrast import Contrast

FEWEST_BLOCKS = 20
"""Fewer timed blocks do not carry an interval."""

FEWEST_IN_SLICE = 10
"""A slice with fewer rows of a needed class, or fewer groups, cannot be judged."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing the challenger must show; exactly one of `margin`, `better_by`, `floor`, `limit` is set."""

    metric: str
    role: str
    margin: Margin | None = None
    better_by: float | None = None
    floor: float | None = None
    limit: float | None = None
    slice: str | None = None
    when_unsure: str = "block"


@dataclass(frozen=True, kw_only=True)
class Levels:
    """The error rates of one judgement: `a` for a PASS, `a`/`m` for a FAIL."""

    alpha: float
    looks: int
    m: int

    @property
    def a(self) -> float:
        """alpha/(2H), one-sided."""
        return self.alpha / (2 * self.looks)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a judgement is about.

    `rows` holds truth and predictions of both models, aligned; `slices` a selection of row numbers for each slice.
    `same` says that challenger and champion are one model, by digest.
    """

    rows: Rows
    slices: Mapping[str, NDArray[Any]]
    same: bool
    size_bytes: int | None = None
    latency_ms: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict and everything that led to it."""

    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    review: tuple[str, ...]
    rows_needed: int | None


def requirements(gate: GateSpec, *, first: bool) -> tuple[Requirement, ...]:
    """List a gate's requirements in the order they are shown; a first release, which has no champion, has floors alone."""
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
    return (*primary, *guards, *floors, *slices, *budgets)


def no_first_release(gate: GateSpec) -> str | None:
    """Say why a gate cannot judge a release that has no champion; None when it can."""
    if not gate.floors:
        return "a first release is judged by floors, and gate.floors is empty"
    if gate.primary is not None and gate.primary.metric not in gate.floors:
        return (
            f"a first release must clear a floor of its primary metric, and gate.floors has none for {gate.primary.metric}"
        )
    return None


def judge(
    wanted: Sequence[Requirement], case: Case, *, alpha: float, looks: int, first: bool, invalid: Sequence[str] = ()
) -> Judgement:
    """Apply the decision rule to every requirement and combine the answers.

    `alpha` is the two-sided error of the whole test-set budget, `looks` that budget H; each PASS is at a = alpha/(2H).
    `invalid` lists reasons found earlier for which no verdict can hold (a spent budget, leaked rows).
    """
    reasons = list(invalid)
    judged = [one for one in wanted if one.role != "size"]
    if all(one.role in ("size", "latency") for one in wanted):
        reasons.append("there is nothing to judge by: the gate names no primary metric and no floor")
    if first and not any(one.role == "floor" for one in wanted):
        reasons.append("a first release is judged by floors, and gate.floors is empty")
    levels = Levels(alpha=alpha, looks=looks, m=max(1, len(judged)))
    comparisons = tuple(_compare(one, case, levels) for one in wanted)
    verdict = _overall(comparisons, reasons)
    unsure = [c for c in comparisons if c.verdict is Verdict.INCONCLUSIVE and c.when_unsure != "note"]
    review: tuple[str, ...] = ()
    if verdict is Verdict.INCONCLUSIVE and all(c.when_unsure == "review" for c in unsure):
        review = tuple(label(c) for c in unsure)
    reasons += [f"{label(c)}: {c.reason}" for c in comparisons if c.reason and c.verdict is not Verdict.PASS]
    needed = [c.rows_needed for c in unsure if c.rows_needed is not None]
    return Judgement(
        verdict=verdict,
        comparisons=comparisons,
        reasons=tuple(reasons),
        review=review,
        rows_needed=max(needed, default=None),
    )


def label(comparison: Comparison) -> str:
    """Name a comparison: its metric, and its slice if it has one."""
    return f"{comparison.metric} of {comparison.slice}" if comparison.slice else comparison.metric


def _overall(comparisons: Sequence[Comparison], invalid: Sequence[str]) -> Verdict:
    verdicts = {c.verdict for c in comparisons if not (c.verdict is Verdict.INCONCLUSIVE and c.when_unsure == "note")}
    if invalid or Verdict.INVALID in verdicts:
        return Verdict.INVALID
    for worst in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.PASS


def _compare(one: Requirement, case: Case, levels: Levels) -> Comparison:
    if one.role == "size":
        return _size(one, case, levels)
    if one.role == "latency":
        return _latency(one, case, levels)
    rows = case.rows
    if one.slice is not None:
        chosen = case.slices[one.slice]
        if len(chosen) == 0:
            return _unjudged(one, levels, 0, Verdict.INVALID, "no test row is in this slice")
        rows = rows.take(chosen)
        fewest = rows.fewest(one.metric)
        if fewest < FEWEST_IN_SLICE:
            return _unjudged(one, levels, rows.n, Verdict.INCONCLUSIVE, f"cannot tell: only {fewest} rows decide")
    if case.same and one.floor is None:
        return _same_model(one, rows, levels)
    return _measured(one, rows, levels)


def _measured(one: Requirement, rows: Rows, levels: Levels) -> Comparison:
    found = _contrast(one, rows, levels)
    if isinstance(found, Unjudged):
        return _unjudged(one, levels, rows.n, Verdict.INCONCLUSIVE, found.reason)
    threshold = _threshold(one)
    best = _best(one)
    low, high, family = found.lower(levels.a), min(best, found.upper(levels.a)), min(best, found.upper(levels.a / levels.m))
    verdict = _decide(low, family, threshold)
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=one.slice,
        n=found.n,
        champion=found.champion,
        challenger=found.challenger,
        difference=found.estimate,
        low=low,
        high=high,
        level=1 - 2 * levels.a,
        high_family=family,
        margin=_shown_margin(one),
        p_value=None if one.floor is not None else found.p_two_sided(),
        p_margin=found.p_above(threshold),
        method=found.method,
        verdict=verdict,
        rows_needed=_needed(one, found, rows, levels) if verdict is Verdict.INCONCLUSIVE else None,
        when_unsure=one.when_unsure,
        asks=_asks(one),
        reason=_why(one, verdict, low, family, threshold),
    )


def _contrast(one: Requirement, rows: Rows, levels: Levels) -> Contrast | Unjudged:
    """Measure what a requirement is about: one model's value for a floor, else the (relative) difference of two."""
    metric = METRICS[one.metric]
    resamples = enough_resamples(levels.a / levels.m, rows.n)
    ours = rows.read(metric, rows.challenger)
    if one.floor is not None or rows.champion is None:
        return single(metric, rows.y, ours, seed=rows.seed, resamples=resamples, groups=rows.groups, weights=rows.weights)
    ratio = 1.0
    if isinstance(one.margin, Relative):
        ratio = 1 + one.margin.share if one.metric in LOSSES else 1 - one.margin.share
    theirs = rows.read(metric, rows.champion)
    return difference(
        metric,
        rows.y,
        theirs,
        ours,
        seed=rows.seed,
        resamples=resamples,
        ratio=ratio,
        groups=rows.groups,
        weights=rows.weights,
    )


def _decide(low: float, family: float, threshold: float) -> Verdict:
    if math.isnan(low) or math.isnan(family):
        return Verdict.INVALID
    if low > threshold:
        return Verdict.PASS
    return Verdict.FAIL if family <= threshold else Verdict.INCONCLUSIVE


def _threshold(one: Requirement) -> float:
    """Return t of the rule, on the scale where more is better."""
    if one.floor is not None:
        return -one.floor if one.metric in LOSSES else one.floor
    if one.better_by is not None:
        return one.better_by
    return 0.0 if isinstance(one.margin, Relative) or one.margin is None else -one.margin


def _turned(one: Requirement, value: float) -> float:
    """Turn a loss, which contrasts carry as more-is-better, back to what people read."""
    return -value if one.metric in LOSSES else value


def _best(one: Requirement) -> float:
    """Return the best that a single model can do where the metric has a bound, on the scale where more is better."""
    if one.floor is None or not METRICS[one.metric].bounded:
        return math.inf
    return 0.0 if one.metric in LOSSES else 1.0


def _asks(one: Requirement) -> str:
    """Name what the shown margin is."""
    if isinstance(one.margin, Relative):
        return "relative"
    return "better_by" if one.better_by is not None else "margin"


def _shown_margin(one: Requirement) -> float | None:
    if isinstance(one.margin, Relative):
        return one.margin.share
    return next((value for value in (one.margin, one.better_by, one.floor, one.limit) if value is not None), None)


def _needed(one: Requirement, found: Contrast, rows: Rows, levels: Levels) -> int | None:
    """Say how many test rows would settle an unsure requirement, None when no number would."""
    absolute = one.margin if isinstance(one.margin, int | float) else None
    least = 0
    if absolute is not None and 0 < absolute < 1 and METRICS[one.metric].bounded:
        # Even identical predictions need this many deciding rows; a test set has them in its own proportion.
        least = math.ceil(least_rows_identical(levels.a, absolute) * rows.n / max(1, rows.deciding(one.metric)))
    if isinstance(found, Identical):
        return least or None
    # With a margin the question is what equal models would need; otherwise what a difference as large as this one would.
    expected = found.estimate
    if isinstance(one.margin, Relative):
        expected = one.margin.share * abs(found.champion or 0.0)
    elif absolute is not None:
        expected = 0.0
    needed = rows_needed(found.n, found.se, expected, _threshold(one), levels.a, levels.m)
    if needed is None:
        return None
    return max(least, math.ceil(needed * rows.n / max(1, found.n)))


def _why(one: Requirement, verdict: Verdict, low: float, family: float, threshold: float) -> str | None:
    if verdict is Verdict.PASS:
        return None
    limit = f"{_turned(one, threshold):.4g}" if one.floor is not None else f"{threshold:.4g}"
    if verdict is Verdict.FAIL:
        return f"at best {_signed(one, family)}, which does not clear {limit}"
    if verdict is Verdict.INCONCLUSIVE:
        return f"could be {_signed(one, low)}, which does not clear {limit}, or as good as {_signed(one, family)}"
    return "the measured value is not a number"


def _signed(one: Requirement, value: float) -> str:
    return f"{_turned(one, value):.4g}" if one.floor is not None else f"{value:+.4g}"


def _unjudged(one: Requirement, levels: Levels, n: int, verdict: Verdict, reason: str) -> Comparison:
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=one.slice,
        n=n,
        champion=None,
        challenger=None,
        difference=None,
        low=None,
        high=None,
        level=1 - 2 * levels.a,
        high_family=None,
        margin=_shown_margin(one),
        p_value=None,
        p_margin=None,
        method="none",
        verdict=verdict,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=_asks(one),
        reason=reason,
    )


def _same_model(one: Requirement, rows: Rows, levels: Levels) -> Comparison:
    """Judge a model against itself: no worse, with certainty, and no better."""
    value = rows.value(one.metric)
    better = one.better_by is not None
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=one.slice,
        n=rows.n,
        champion=value,
        challenger=value,
        difference=0.0,
        low=0.0,
        high=0.0,
        level=1 - 2 * levels.a,
        high_family=0.0,
        margin=_shown_margin(one),
        p_value=1.0,
        p_margin=1.0 if better else 0.0,
        method="same-model",
        verdict=Verdict.FAIL if better else Verdict.PASS,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=_asks(one),
        reason="the challenger is the champion, so it cannot be better" if better else None,
    )


def _size(one: Requirement, case: Case, levels: Levels) -> Comparison:
    if case.size_bytes is None or one.limit is None:
        return _unjudged(one, levels, 0, Verdict.INVALID, "the model's size is not known")
    size = case.size_bytes / 1e6
    fits = size <= one.limit
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=None,
        n=1,
        champion=None,
        challenger=size,
        difference=one.limit - size,
        low=one.limit - size,
        high=one.limit - size,
        level=1.0,
        high_family=one.limit - size,
        margin=one.limit,
        p_value=None,
        p_margin=None,
        method="exact",
        verdict=Verdict.PASS if fits else Verdict.FAIL,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=_asks(one),
        reason=None if fits else f"{size:.3g} MB exceeds the budget of {one.limit:g} MB",
    )


def _latency(one: Requirement, case: Case, levels: Levels) -> Comparison:
    """Judge blocks of timed requests against the budget, by Student's t over the challenger's blocks."""
    challenger, champion = (np.asarray(blocks, dtype=np.float64) for blocks in case.latency_ms)
    if one.limit is None or len(challenger) < FEWEST_BLOCKS:
        return _unjudged(one, levels, len(challenger), Verdict.INVALID, f"fewer than {FEWEST_BLOCKS} blocks were timed")
    mean = float(challenger.mean())
    left = Normal(
        estimate=one.limit - mean,
        champion=float(champion.mean()) if len(champion) else None,
        challenger=mean,
        se=float(challenger.std(ddof=1)) / math.sqrt(len(challenger)),
        n=len(challenger),
        method="blocks",
        df=len(challenger) - 1,
    )
    low, family = left.lower(levels.a), left.upper(levels.a / levels.m)
    verdict = _decide(low, family, 0.0)
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=None,
        n=left.n,
        champion=left.champion,
        challenger=mean,
        difference=left.estimate,
        low=low,
        high=left.upper(levels.a),
        level=1 - 2 * levels.a,
        high_family=family,
        margin=one.limit,
        p_value=None,
        p_margin=left.p_above(0.0),
        method=left.method,
        verdict=verdict,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=_asks(one),
        reason=None
        if verdict is Verdict.PASS
        else f"{mean:.3g} ms a request is not surely within the budget of {one.limit:g} ms",
    )
