"""One requirement measured on its rows: both values, the difference, its limits, and what the rule makes of them.

The statistics are `release.stats`'. How several comparisons become one verdict is `release.judging.rule`'s business, what is
measured on the artifact and not on rows is `release.judging.budgets`'.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, assert_never

import numpy as np

from release.config.names import COST
from release.judging.needed import needed
from release.judging.streamed_rows import StreamedRows
from release.records import Comparison, Verdict
from release.stats.compare import difference, single
from release.stats.contrast import Unjudged
from release.stats.resample import enough_resamples

if TYPE_CHECKING:
    from release.judging.case import Case, Levels
    from release.judging.requirement import Requirement
    from release.judging.rows import Rows
    from release.judging.streamed_rows import StreamedCase
    from release.records import Digest
    from release.stats.contrast import Contrast

FEWEST = 10
"""Fewer groups, or in a slice fewer rows of a needed class, cannot be judged."""


def compare(one: Requirement, case: Case | StreamedCase, levels: Levels) -> Comparison:
    """Judge one requirement about rows. Raises BadInputError on outputs that its metric cannot read."""
    rows = case.rows_for(one)
    stopped = _stopped(one, rows, levels)
    if stopped is not None:
        return stopped
    if case.same_model(one):
        return _same_model(one, rows, levels)
    return _measured(one, rows, levels, case.rows.n)


def decide(low: float, family: float, threshold: float) -> Verdict:
    """Apply the rule: PASS above the lower limit, FAIL when even the family's upper limit does not clear the threshold."""
    if math.isnan(low) or math.isnan(family):
        return Verdict.INVALID
    if low > threshold:
        return Verdict.PASS
    return Verdict.FAIL if family <= threshold else Verdict.INCONCLUSIVE


def unjudged(one: Requirement, levels: Levels, n: int, verdict: Verdict, reason: str) -> Comparison:
    """Return a comparison without numbers: what stood in the way is the reason."""
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
        margin=one.shown,
        p_value=None,
        p_margin=None,
        method="none",
        verdict=verdict,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=one.asks,
        reason=reason,
        against=one.against,
    )


def number(value: float | None) -> float | None:
    """Return a number that a record can hold, None for one that is not finite."""
    return value if value is not None and math.isfinite(value) else None


def seed_for(test: Digest) -> int:
    """Return what the resampling on a test set starts from; see `seed_of`."""
    return int.from_bytes(hashlib.sha256(f"resampling {test}".encode()).digest()[:4])


def seed_of(base: int, metric: str, part: str | None) -> int:
    """Return the seed of a comparison's resampling: it depends on the test set (`base`), the metric and the slice alone.

    Never on a model: nobody can look for a challenger whose draws are kind.
    """
    return int.from_bytes(hashlib.sha256(f"{base} {metric} {part or ''}".encode()).digest()[:4])


def _stopped(one: Requirement, rows: Rows | StreamedRows, levels: Levels) -> Comparison | None:
    """Return what is said of rows that cannot be judged whatever the models say of them, None for others."""

    def cannot(verdict: Verdict, reason: str) -> Comparison:
        return unjudged(one, levels, rows.n, verdict, reason)

    if rows.n == 0:
        return cannot(Verdict.INVALID, "no test row is in this slice" if one.slice else "no test row counts")
    if (never := rows.invalid(one.metric)) is not None:
        return cannot(Verdict.INVALID, never)
    if one.slice is None and (lacking := rows.undefined(one.metric)) is not None:
        return cannot(Verdict.INVALID, f"{lacking}; hold out rows whose targets differ")
    groups = rows.n if rows.groups is None else len(np.unique(rows.groups))
    if rows.groups is not None and groups < FEWEST:
        return cannot(Verdict.INCONCLUSIVE, f"cannot tell: only {groups} group{'s' * (groups != 1)}")
    if one.slice is not None and (fewest := rows.fewest(one.metric)) < FEWEST:
        return cannot(Verdict.INCONCLUSIVE, f"cannot tell: only {fewest} rows decide")
    return None


def _measured(one: Requirement, rows: Rows | StreamedRows, levels: Levels, whole: int) -> Comparison:
    found = _contrast(one, rows, levels)
    if isinstance(found, Unjudged):
        return unjudged(one, levels, rows.n, Verdict.INCONCLUSIVE, found.reason)
    threshold = one.threshold
    best = _best(one, rows)
    low, high, family = found.lower(levels.a), min(best, found.upper(levels.a)), min(best, found.upper(levels.a / levels.m))
    verdict = Verdict.INVALID if math.isnan(found.estimate) else decide(low, family, threshold)
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=one.slice,
        n=found.n,
        champion=number(found.champion),
        challenger=number(found.challenger),
        difference=number(found.estimate),
        low=number(low),
        high=number(high),
        level=1 - 2 * levels.a,
        high_family=number(family),
        margin=one.shown,
        p_value=None if one.floor is not None else number(found.p_two_sided()),
        p_margin=number(found.p_above(threshold)),
        method=found.method,
        verdict=verdict,
        rows_needed=needed(one, found, rows, levels, whole=whole) if verdict is Verdict.INCONCLUSIVE else None,
        when_unsure=one.when_unsure,
        asks=one.asks,
        reason=_why(one, verdict, low, family),
        against=one.against,
    )


def _contrast(one: Requirement, rows: Rows | StreamedRows, levels: Levels) -> Contrast | Unjudged:
    """Measure what a requirement is about: one model's value for a floor, else the (relative) difference of two."""
    metric = rows.metric(one.metric)
    seed, resamples = seed_of(rows.seed, one.metric, one.slice), enough_resamples(levels.a / levels.m)
    if isinstance(rows, StreamedRows):
        alone = one.floor is not None
        return rows.contrast(one.metric, alone=alone, seed=seed, resamples=resamples, ratio=one.ratio)
    ours = rows.read(metric, rows.challenger)
    if one.floor is not None or rows.champion is None:
        return single(metric, rows.y, ours, seed=seed, resamples=resamples, groups=rows.groups, weights=rows.weights)
    theirs = rows.read(metric, rows.champion)
    return difference(
        metric,
        rows.y,
        theirs,
        ours,
        seed=seed,
        resamples=resamples,
        ratio=one.ratio,
        groups=rows.groups,
        weights=rows.weights,
    )


def _best(one: Requirement, rows: Rows | StreamedRows) -> float:
    """Return the best that a single model can do where the metric has a bound, on the scale where more is better."""
    # What an answer costs is the owner's to say, gains included.
    if one.floor is None or one.metric == COST or not rows.metric(one.metric).bounded:
        return math.inf
    return 0.0 if one.turned(1.0) < 0 else 1.0


def _why(one: Requirement, verdict: Verdict, low: float, family: float) -> str | None:
    limit = f"{one.floor:.4g}" if one.floor is not None else f"{one.threshold:.4g}"
    match verdict:
        case Verdict.PASS:
            return None
        case Verdict.FAIL:
            return f"at best {_signed(one, family)}, which does not clear {limit}"
        case Verdict.INCONCLUSIVE:
            return f"could be {_signed(one, low)}, which does not clear {limit}, or as good as {_signed(one, family)}"
        case Verdict.INVALID:
            return "the measured value is not a number"
    assert_never(verdict)


def _signed(one: Requirement, value: float) -> str:
    return f"{one.turned(value):.4g}" if one.floor is not None else f"{value:+.4g}"


def _same_model(one: Requirement, rows: Rows | StreamedRows, levels: Levels) -> Comparison:
    """Judge a model against itself: no worse, with certainty, and no better."""
    value = number(rows.value(one.metric))
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
        margin=one.shown,
        p_value=1.0,
        p_margin=1.0 if better else 0.0,
        method="same-model",
        verdict=Verdict.FAIL if better else Verdict.PASS,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=one.asks,
        reason="the challenger is the champion, so it cannot be better" if better else None,
        against=one.against,
    )
