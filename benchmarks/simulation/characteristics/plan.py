"""What is simulated, and in which tables: verdicts, one test set used again, what no test set excludes.

The grid of single methods is grid.py's, the words are prose.py's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from characteristics import prose
from characteristics.cells import cell
from characteristics.coverage import A
from characteristics.grid import methods
from characteristics.tables import Column, Section, Share, Table, decimal, draws, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from characteristics.cells import Cell, Found
    from characteristics.effort import Effort

_VIOLATED = {"roc_auc": "AUC, by .02", "recall": "recall, by .05", "brier_score": "Brier score, by .01"}
_KINDS = {
    "margin": "margin",
    "better_by": "better_by",
    "relative": "relative margin",
    "floor": "floor",
    "slice": "slice, half the rows",
}


def sections(effort: Effort) -> tuple[Section, ...]:
    """Return the document's sections in order."""
    verdicts = (_violated(effort), _holding(effort), _pairing(effort), _regression(effort), _kinds(effort))
    return (
        Section("The verdict as a whole", prose.VERDICT, verdicts),
        Section("Each method by itself", prose.METHODS, methods(effort)),
        Section("One test set, used again", prose.REUSE, (_retries(effort), _creep(effort), _looks(effort))),
        Section("What no test set excludes", prose.HIDDEN, (_hidden(),)),
    )


def whole(effort: Effort, what: str, n: int, *, correlation: float = 0.95, looks: int = 1) -> Cell:
    """Name a cell of whole verdicts."""
    return cell("verdicts:binary", effort.whole, what=what, n=n, prevalence=0.3, correlation=correlation, looks=looks)


def _others() -> tuple[Column, ...]:
    return (
        share("new ≥ old (AUC)", "newer"),
        share("new ≥ old (all three)", "all newer"),
        share("new ≥ old - margin (all)", "within"),
        share("unpaired", "unpaired"),
        share("Holm over all", "holm"),
        draws(),
    )


def _violated(effort: Effort) -> Table:
    rows = [((f"{n:,}", text), (whole(effort, what, n),)) for n in (500, 2_000) for what, text in _VIOLATED.items()]
    rows += [((f"{n:,}", "AUC, by .04"), (whole(effort, "double", n),)) for n in (500, 2_000)]
    columns = (share("PASS", "PASS", promised=A), share("INCONCLUSIVE", "INCONCLUSIVE"), share("FAIL", "FAIL"), *_others())
    return Table("False PASS: a requirement is truly violated", prose.VIOLATED, ("n", "violated"), columns, tuple(rows))


def _holding(effort: Effort) -> Table:
    worlds = {"better": "AUC .01 better", "equal": "equal", "half": "AUC .01 worse"}
    rows = [((f"{n:,}", text), (whole(effort, what, n),)) for n in (200, 500, 2_000) for what, text in worlds.items()]
    columns = (share("PASS", "PASS"), share("INCONCLUSIVE", "INCONCLUSIVE"), share("FAIL", "FAIL", promised=A), *_others())
    return Table("True PASS: nothing is violated", prose.HOLDING, ("n", "challenger"), columns, tuple(rows))


def _pairing(effort: Effort) -> Table:
    rows = [
        ((f"{n:,}", decimal(r)), (whole(effort, "equal", n, correlation=r),))
        for n in (500, 2_000)
        for r in (0.0, 0.5, 0.9, 0.99)
    ]
    each = [share(f"PASS of {name} alone", f"{metric} PASS") for metric, name in prose.NAMES.items()]
    columns = (share("PASS", "PASS"), *each, *_others()[3:])
    return Table("What pairing is worth: equal models", prose.PAIRING, ("n", "correlation"), columns, tuple(rows))


def _regression(effort: Effort) -> Table:
    rows = []
    for n in (200, 1_000):
        for name, tail in (("Normal", 0), ("t(5)", 5)):
            count = effort.of("rmse", n)
            pair = [
                cell("verdicts:regression", count, n=n, worse=worse, correlation=0.9, tail=tail) for worse in (0.02, 0.0)
            ]
            rows.append(((f"{n:,}", name), tuple(pair)))
    columns = (
        share("PASS of 2% worse", "PASS", promised=A),
        share("new ≤ old of 2% worse", "newer"),
        share("PASS of equal", "PASS", cell=1),
        share("INCONCLUSIVE of equal", "INCONCLUSIVE", cell=1),
        share("FAIL of equal", "FAIL", cell=1, promised=A),
        draws(),
    )
    return Table("Regression: RMSE not worse by 2%", prose.REGRESSION, ("n", "errors"), columns, tuple(rows))


def _kinds(effort: Effort) -> Table:
    rows = []
    for kind, text in _KINDS.items():
        for metric, name in prose.NAMES.items():
            count = effort.whole * 2
            found = (cell("verdicts:one", count, kind=kind, metric=metric, n=500),)
            rows.append(((text, name), found))
    columns = (
        share("PASS", "PASS", promised=A),
        share("INCONCLUSIVE", "INCONCLUSIVE"),
        share("FAIL", "FAIL", promised=A),
        draws(),
    )
    return Table(
        "Every kind of requirement, exactly at its threshold", prose.KINDS, ("asked", "metric"), columns, tuple(rows)
    )


def _retries(effort: Effort) -> Table:
    rows = []
    for text, how, feedback in prose.HABITS:
        found = tuple(
            cell("reuse:retries", effort.histories * 4, n=1_000, looks=looks, how=how, feedback=feedback)
            for looks in (1, 20)
        )
        rows.append(((text, feedback), found))
    # Climbing on numbers is what a budget cannot cover: shown, and not promised.
    columns = (share("looks: 1", "any"), Column("looks: 20", _covered), draws())
    return Table(
        "Twenty attempts, each truly worse by the margin", prose.RETRIES, ("attempts", "feedback"), columns, tuple(rows)
    )


def _covered(found: Sequence[Found]) -> Share:
    return Share(found[1]["any"], found[1]["draws"])


def _creep(effort: Effort) -> Table:
    rows = [
        ((f"{n:,}", text), (cell("reuse:creep", effort.histories, n=n, anchored=anchored),))
        for n in (1_000, 2_000)
        for text, anchored in (("champion alone", 0), ("champion and anchor", 1))
    ]
    columns = (
        Column("margins lost after 20 proposals", lost),
        Column("proposals that PASS", lambda found: decimal(found[0]["passed"])),
        draws(),
    )
    return Table("Creep: each proposal half a margin worse", prose.CREEP, ("n", "judged against"), columns, tuple(rows))


def lost(found: Sequence[Found]) -> str:
    """Say how many margins a history lost, on average over draws."""
    one = found[0]
    mean = one["lost"] / one["draws"]
    spread = math.sqrt(max(one["squares"] / one["draws"] - mean * mean, 0.0) / one["draws"])
    return f"{mean:.2f} ± {spread:.2f}"


def _looks(effort: Effort) -> Table:
    first = cell("reuse:looks_cost", effort.whole * 2, looks=1)
    rows = [((str(h),), (cell("reuse:looks_cost", effort.whole * 2, looks=h), first)) for h in (1, 5, 20, 100)]
    columns = (
        Column("rows", lambda found: f"{found[0]['rows']:,.0f}"),
        Column("of those for one look", lambda found: f"{found[0]['rows'] / found[1]['rows']:.2f}"),
        share("PASS of equal models there", "PASS"),
        Column("draws", lambda found: f"{found[0]['draws']:,.0f}"),
    )
    return Table("What looks cost", prose.LOOKS, ("looks",), columns, tuple(rows))


def _hidden() -> Table:
    rows = []
    for n in (500, 2_000, 10_000):
        for expected in (1.0, 2.0, 3.7, 7.4):
            found = (cell("traps:hidden", 0, n=n, expected=expected, margin=0.02),)
            rows.append(((f"{n:,}", f"{expected:g}/n = {expected / n:.2%}"), found))
    columns = (
        share("no test row shows it", "unseen"),
        share("PASS, accuracy within .02", "PASS"),
        Column("PASS allows it on so many rows", lambda found: f"{found[0]['most']:.0f}"),
    )
    return Table("A defect on a share of cases", prose.SHARES, ("n", "share of cases"), columns, tuple(rows))
