"""The decision rule: a gate's requirements, two models' outputs on the same rows, one of four verdicts.

A requirement PASSes if the lower limit of what is measured exceeds its threshold, FAILs if even the family-wise upper limit
does not, and is INCONCLUSIVE otherwise; the point estimate never decides. How one requirement is measured is
`release.judging.comparison`'s and `release.judging.budgets`' business; where the predictions come from is nobody's here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.judging.budgets import latency, size
from release.judging.case import Case, Levels
from release.judging.comparison import compare
from release.judging.requirement import ANCHOR, Requirement, no_first_release, requirements
from release.judging.streamed_rows import StreamedCase
from release.records import Comparison, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Case", "Judgement", "Requirement", "judge", "label", "no_first_release", "requirements"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict and everything that led to it."""

    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    review: tuple[str, ...]
    rows_needed: int | None


def judge(
    wanted: Sequence[Requirement],
    case: Case | StreamedCase,
    *,
    alpha: float,
    looks: int,
    first: bool,
    invalid: Sequence[str] = (),
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
    """Name a comparison: its metric, its slice if it has one, and the anchor where that is whom it is compared with."""
    about = f"{comparison.metric} of {comparison.slice}" if comparison.slice else comparison.metric
    return f"{about} against the anchor" if comparison.against == ANCHOR else about


def _compare(one: Requirement, case: Case | StreamedCase, levels: Levels) -> Comparison:
    if one.role not in ("size", "latency"):
        return compare(one, case, levels)
    if isinstance(case, StreamedCase):
        raise ValueError(f"files of predictions say nothing of {one.role}")  # noqa: TRY004 (the role is wrong, not the type)
    return size(one, case, levels) if one.role == "size" else latency(one, case, levels)


def _overall(comparisons: Sequence[Comparison], invalid: Sequence[str]) -> Verdict:
    verdicts = {c.verdict for c in comparisons if not (c.verdict is Verdict.INCONCLUSIVE and c.when_unsure == "note")}
    if invalid or Verdict.INVALID in verdicts:
        return Verdict.INVALID
    for worst in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.PASS
