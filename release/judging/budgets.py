"""What serving a model may cost, measured on the artifact itself: its size, and how long one request takes.

A budget is judged on the challenger's own blocks. The champion is timed in turn with it, and that is what tells a slow model
from a slow machine.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from release.judging.comparison import decide, number, unjudged
from release.records import Comparison, Verdict
from release.stats.contrast import Normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.judging.case import Case, Levels
    from release.judging.requirement import Requirement

FEWEST_BLOCKS = 20
"""Fewer timed blocks do not carry an interval."""
_DEPENDENT = 0.9
"""The most dependence between blocks that is reckoned with."""


def size(one: Requirement, case: Case, levels: Levels) -> Comparison:
    """Judge the size of the challenger's files, in megabytes of a million bytes; it is known exactly."""
    if case.size_bytes is None or one.limit is None:
        return unjudged(one, levels, 0, Verdict.INVALID, "the model's size is not known")
    measured = case.size_bytes / 1e6
    left = one.limit - measured
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=None,
        n=1,
        champion=None,
        challenger=measured,
        difference=left,
        low=left,
        high=left,
        level=1.0,
        high_family=left,
        margin=one.limit,
        p_value=None,
        p_margin=None,
        method="exact",
        verdict=Verdict.PASS if measured <= one.limit else Verdict.FAIL,
        rows_needed=None,
        when_unsure=one.when_unsure,
        asks=one.asks,
        reason=None if measured <= one.limit else f"{measured:.3g} MB exceeds the budget of {one.limit:g} MB",
    )


def latency(one: Requirement, case: Case, levels: Levels) -> Comparison:
    """Judge blocks of timed requests against the budget, by Student's t over the challenger's blocks of this run.

    What would FAIL is INCONCLUSIVE where the champion's blocks, which took turns with it, break the budget as surely and the
    challenger is not surely slower: then the machine may be what is slow. `reason` says how the two compare, block by block.
    """
    challenger, champion = (np.asarray(blocks, dtype=np.float64) for blocks in case.latency_ms)
    if one.limit is None or len(challenger) < FEWEST_BLOCKS:
        return unjudged(one, levels, len(challenger), Verdict.INVALID, f"fewer than {FEWEST_BLOCKS} blocks were timed")
    if not bool(np.isfinite(challenger).all()):
        return unjudged(one, levels, len(challenger), Verdict.INVALID, "a block's time is not a number")
    left = _mean(one.limit - challenger)
    low, family = left.lower(levels.a), left.upper(levels.a / levels.m)
    verdict, mean = decide(low, family, 0.0), float(challenger.mean())
    paired = _mean(champion - challenger) if len(champion) == len(challenger) else None
    over = f"{mean:.3g} ms a request is not surely within the budget of {one.limit:g} ms"
    said = [] if verdict is Verdict.PASS else [over]
    if verdict is Verdict.FAIL and paired is not None and paired.upper(levels.a) >= 0:
        theirs = _mean(one.limit - champion)
        if theirs.upper(levels.a / levels.m) <= 0:
            verdict = Verdict.INCONCLUSIVE
            said.append("nor is the champion here, so this may be the machine: judge again on a quiet one")
    said += [beside] if (beside := _beside(paired, levels, has_champion=case.rows.champion is not None)) else []
    return Comparison(
        metric=one.metric,
        role=one.role,
        slice=None,
        n=left.n,
        champion=number(float(champion.mean())) if paired is not None else None,
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
        asks=one.asks,
        reason="; ".join(said) or None,
    )


def _beside(paired: Normal | None, levels: Levels, *, has_champion: bool) -> str | None:
    """Say how much faster than the champion the challenger was in the same blocks, with its interval."""
    if paired is None:
        return "nothing was timed beside it: the champion is known by its predictions alone" if has_champion else None
    low, high = paired.lower(levels.a), paired.upper(levels.a)
    if low > 0 or high < 0:
        near, far = sorted((abs(low), abs(high)))
        return f"{near:.3g} to {far:.3g} ms {'faster' if low > 0 else 'slower'} than the champion in the same blocks"
    return f"{-low:.3g} ms slower to {high:.3g} ms faster than the champion in the same blocks"


def _mean(blocks: NDArray[Any]) -> Normal:
    """Return the mean over blocks with Student's limits, the error widened where a block takes after the one before.

    By sqrt((1 + r)/(1 - r)) for a first-order dependence r, as seen (Box, Jenkins & Reinsel 1994, section 2.1.4).
    """
    centred = blocks - blocks.mean()
    total = float(centred @ centred)
    r = min(max(float(centred[1:] @ centred[:-1]) / total, 0.0), _DEPENDENT) if total > 0 else 0.0
    return Normal(
        estimate=float(blocks.mean()),
        champion=None,
        challenger=float(blocks.mean()),
        se=float(blocks.std(ddof=1)) / math.sqrt(len(blocks)) * math.sqrt((1 + r) / (1 - r)),
        n=len(blocks),
        method="blocks",
        df=len(blocks) - 1,
    )
