"""The table of the gate's requirements in HTML, with each one's words below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.records import Verdict
from release.report.cells import MARKS, difference, interval, interval_heading, theirs, value, verdict_words
from release.report.escape import attribute
from release.report.format import count, plain
from release.report.judged import limit
from release.report.tags import items, table
from release.report.words import explanations, requirement, subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Comparison, VerdictRecord

KINDS = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.INCONCLUSIVE: "unsure", Verdict.INVALID: "invalid"}
_GROUPS = (
    ("primary", "Primary"),
    ("guard", "Guards"),
    ("floor", "Floors"),
    ("slice", "Slices"),
    ("latency", "Budgets"),
    ("size", "Budgets"),
)


def requirements(verdict: VerdictRecord) -> str:
    """Return all comparisons as a table, then in words; nothing where there are none."""
    if not verdict.comparisons:
        return ""
    return f"{_table(verdict)}<h3>In words</h3>{items(explanations(verdict))}"


def word(comparison: Comparison) -> str:
    """Return a comparison's verdict with its mark and colour."""
    said = f"{MARKS[comparison.verdict]} {verdict_words(comparison)}"
    return f'<span class="word {KINDS[comparison.verdict]}">{said}</span>'


def _grouped(verdict: VerdictRecord) -> list[tuple[str, list[Comparison]]]:
    """Group comparisons by role, in the order people judge them; unknown roles come last under their own name."""
    names = dict(_GROUPS)
    groups: dict[str, list[Comparison]] = {name: [] for _, name in _GROUPS}
    for c in verdict.comparisons:
        groups.setdefault(names.get(c.role, plain(c.role, limit=40).capitalize()), []).append(c)
    return [(name, members) for name, members in groups.items() if members]


def _table(verdict: VerdictRecord) -> str:
    first = verdict.champion is None
    sure = interval_heading(verdict.comparisons)
    numeric = ["Challenger", sure] if first else ["Champion", "Challenger", "Difference", sure]
    heads = ["Requirement", "Verdict", *numeric, "Limit", "Rows"]
    body = ""
    for group, members in _grouped(verdict):
        body += f'<tbody><tr><th scope="rowgroup" colspan="{len(heads)}" class="muted">{attribute(group)}</th></tr>'
        body += "".join(_row(c, numeric) for c in members) + "</tbody>"
    alone = "The challenger by itself: there is no champion yet."
    caption = alone if first else "Differences are challenger minus champion, turned so that more is always better."
    return table(caption, heads, body, numeric=(*numeric, "Rows"))


def _row(comparison: Comparison, columns: Sequence[str]) -> str:
    required = attribute(requirement(limit(comparison), comparison.role))
    known = {
        "Champion": theirs(comparison),
        "Challenger": value(comparison, comparison.challenger),
        "Difference": difference(comparison),
    }
    numbers = "".join(f'<td class="n">{known.get(column, interval(comparison))}</td>' for column in columns)
    return (
        f'<tr><th scope="row">{attribute(subject(comparison))}</th><td>{word(comparison)}</td>{numbers}'
        f'<td class="w">{required}</td><td class="n">{count(comparison.n)}</td></tr>'
    )
