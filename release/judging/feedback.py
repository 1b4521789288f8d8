"""What may be told of a judgement: everything, or, until a challenger has passed on this test set, no number at all.

`gate.feedback` promises it: whoever tunes on what is shown has tuned on the test set. The records themselves stay whole, in
the store of whoever holds the rows; this is for where they leave it. Which judgements are concerned, and what has been shown
before, is the caller's to find out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from release.config.names import loss
from release.records import Verdict
from release.stats.ladder import rung

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison, EvaluateRecord, InspectRecord, VerdictRecord

FULL = "full"
LADDER = "ladder"
WITHHELD = "numbers are withheld until a challenger passes on this test set (gate.feedback)"
OWNER = "what the test rows leave unsure"
"""What stands for the names of requirements that an owner may decide."""
_OWN = frozenset({"size"})
"""Roles that no test row has a part in."""


def shown(verdict: VerdictRecord, *, passed: bool, before: Sequence[float] = ()) -> VerdictRecord:
    """Return what may be told of a judgement under the feedback it names; `feedback` says in the answer what was withheld.

    Whole (and `full`) where that is what the policy says, where a challenger has `passed` on this test set, this one
    included, and where no look was spent, because a model met itself. Otherwise the verdict's word, digests and looks
    remain, what makes it INVALID (which is about rows and budget, not about the challenger), and what is no matter of test
    rows. Under `ladder` the primary's value remains too, as far as the Ladder moves it from the values shown `before`.
    """
    if verdict.feedback == FULL or passed or verdict.verdict is Verdict.PASS or verdict.challenger == verdict.champion:
        return replace(verdict, feedback=FULL)
    kept = tuple(one for one in verdict.comparisons if one.role in _OWN)
    if verdict.feedback == LADDER and verdict.verdict is not Verdict.INVALID:
        kept = (*(_on_the_ladder(one, before) for one in verdict.comparisons if _climbs(one)), *kept)
    return replace(
        verdict,
        comparisons=kept,
        reasons=_reasons(verdict),
        review=(OWNER,) if verdict.review else (),
        rows_needed=None,
    )


def shown_evaluation(evaluated: EvaluateRecord, verdict: VerdictRecord) -> EvaluateRecord:
    """Return what may be told of an evaluation beside a verdict as told: whole, or without the challenger's numbers."""
    return evaluated if verdict.feedback == FULL else without_numbers(evaluated)


def without_numbers(evaluated: EvaluateRecord) -> EvaluateRecord:
    """Return an evaluation without what its test rows say of the challenger; the champion's numbers are known already."""
    return replace(evaluated, challenger=replace(evaluated.challenger, metrics={}, latency_ms=()))


def shown_inspection(inspected: InspectRecord, verdict: VerdictRecord) -> InspectRecord:
    """Return what may be told of an inspection beside a verdict as it is told: importance is measured on test rows."""
    return inspected if verdict.feedback == FULL else replace(inspected, importance=())


def ladder_value(verdict: VerdictRecord) -> Comparison | None:
    """Return the comparison of a told verdict that carries the Ladder's value, None where there is none."""
    if verdict.feedback != LADDER:
        return None
    return next((one for one in verdict.comparisons if _climbs(one)), None)


def _climbs(comparison: Comparison) -> bool:
    return comparison.role == "primary" and comparison.against == "champion" and comparison.challenger is not None


def _on_the_ladder(comparison: Comparison, before: Sequence[float]) -> Comparison:
    """Keep of the primary the champion's value and, as the challenger's, the best one shown so far or its successor.

    The verdict of the comparison is not told apart from the whole one's: it is INCONCLUSIVE here, whatever it was. The step
    is the error of the difference to the champion, in place of that to the best challenger, whose predictions are elsewhere.
    """
    better = not loss(comparison.metric)
    start = comparison.champion if comparison.champion is not None else comparison.challenger
    known = [*([start] if start is not None else []), *before]
    best = max(known) if better else min(known)
    value = comparison.challenger if comparison.challenger is not None else best
    told = rung(best, value, se=_error(comparison), n=comparison.n, greater_is_better=better)
    return replace(
        comparison,
        challenger=told,
        difference=None,
        low=None,
        high=None,
        high_family=None,
        p_value=None,
        p_margin=None,
        method=LADDER,
        verdict=Verdict.INCONCLUSIVE,
        rows_needed=None,
        reason="the best value shown so far on this test set; it moves by more than its error, or not at all",
    )


def _error(comparison: Comparison) -> float:
    """Return about one standard error of the comparison, from its interval; without one no value is ever beaten.

    What was on the Ladder before is told as it is, if it is higher than what is known here.
    """
    from scipy.special import ndtri  # noqa: PLC0415 (where something is withheld only)

    if comparison.method == LADDER:
        return 0.0
    if comparison.low is None or comparison.high is None or not 0 < comparison.level < 1:
        return float("inf")
    return (comparison.high - comparison.low) / (-2 * float(ndtri((1 - comparison.level) / 2)))


def _reasons(verdict: VerdictRecord) -> tuple[str, ...]:
    """Return the reasons that no number of the challenger is in, and that the others are withheld."""
    told = [one.reason for one in verdict.comparisons if one.reason and one.verdict is not Verdict.INVALID]
    told = [reason for reason in told if reason]
    own = [reason for reason in verdict.reasons if not any(reason.endswith(f": {one}") for one in told)]
    sizes = [one.reason for one in verdict.comparisons if one.role in _OWN and one.reason]
    invalid = own if verdict.verdict is Verdict.INVALID else []
    return tuple(dict.fromkeys([*invalid, *sizes, WITHHELD]))
