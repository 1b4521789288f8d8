"""What the cells of a comparison table say, the same words in Markdown and HTML; nothing is escaped here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.records import Verdict
from release.report.format import NOTHING, number, percent, signed
from release.report.judged import UNITS, alone, limit, natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison

ANCHOR = "anchor"
"""What `Comparison.against` says where the other model is the last release that was shown better."""

MARKS = {Verdict.PASS: "✔", Verdict.FAIL: "✘", Verdict.INCONCLUSIVE: "?", Verdict.INVALID: "!"}


def value(comparison: Comparison, one: float | None) -> str:
    """Write a model's own value, with its unit where it has one."""
    unit = UNITS.get(comparison.role)
    return number(one) if unit is None or one is None else f"{number(one)} {unit}"


def theirs(comparison: Comparison) -> str:
    """Write the other model's value, and which model that is where it is not the champion."""
    shown = value(comparison, comparison.champion)
    return f"{shown} (anchor)" if comparison.against == ANCHOR and comparison.champion is not None else shown


def difference(comparison: Comparison) -> str:
    """Write the difference, positive better; a dash where a model is judged by itself."""
    at = limit(comparison)
    return NOTHING if alone(at) else signed(comparison.difference, unlike=None if at is None else at.at)


def interval(comparison: Comparison) -> str:
    """Write an interval in the quantity's own sense: signed differences, plain values where a model is judged by itself."""
    at, low, high = limit(comparison), comparison.low, comparison.high
    if low is None or high is None or comparison.role == "size":
        return NOTHING
    if at is None or not alone(at):
        ends = [signed(end, unlike=None if at is None else at.at) for end in (low, high)]
    else:
        ends = [number(end, unlike=at.written) for end in sorted((natural(at, low), natural(at, high)))]
    return " to ".join(ends)


def interval_heading(comparisons: Sequence[Comparison]) -> str:
    """Head the interval's column with the confidence, where it is the same in every row."""
    levels = confidences(comparisons)
    return f"Interval ({levels[0]})" if len(levels) == 1 else "Interval"


def confidences(comparisons: Sequence[Comparison]) -> list[str]:
    """List the levels of the intervals; what is known exactly, such as a size, has none."""
    return [percent(level) for level in sorted({c.level for c in comparisons if c.level < 1})]


def verdict_words(comparison: Comparison) -> str:
    """Say a comparison's verdict in a word, and what policy makes of it when the rows cannot tell."""
    if comparison.verdict is Verdict.INCONCLUSIVE:
        return "cannot tell" + {"note": ", noted", "review": ", review"}.get(comparison.when_unsure, "")
    return comparison.verdict.value
