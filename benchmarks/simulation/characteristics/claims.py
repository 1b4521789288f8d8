"""Figures the design rests on, and the cells that look for them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from characteristics import prose
from characteristics.cells import cell
from characteristics.plan import lost, whole
from characteristics.tables import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from characteristics.cells import Cell, Found
    from characteristics.effort import Effort


@dataclass(frozen=True)
class Claim:
    """One figure: what it is of, what was claimed, and how it is found again."""

    what: str
    claimed: str
    cells: tuple[Cell, ...]
    found: Callable[[Sequence[Found]], str]


def claims(effort: Effort) -> tuple[Claim, ...]:
    """Return the claims in the order they are shown."""
    return (*_of_verdicts(effort), *_of_reuse(effort), *_of_methods(effort))


def _shares(key: str) -> Callable[[Sequence[Found]], str]:
    return lambda found: " / ".join(str(Share(one[key], one["draws"])) for one in found)


def _of_verdicts(effort: Effort) -> tuple[Claim, ...]:
    violated = [tuple(whole(effort, what, n) for n in (500, 2_000)) for what in prose.NAMES]
    equal = tuple(whole(effort, "equal", n) for n in (500, 2_000))
    bare = (cell("traps:point_estimates", effort.closed * 10, n=2_000, discordant=0.06, worse=0.005),)
    return (
        *(
            Claim(f"false PASS, {name} at its margin, n = 500 / 2,000", ".027 / .029", cells, _shares("PASS"))
            for name, cells in zip(prose.NAMES.values(), violated, strict=True)
        ),
        Claim("new ≥ old on AUC alone, recall at its margin, n = 2,000", ".50", violated[1][1:], _shares("newer")),
        Claim("new ≥ old passes half a point worse, n = 2,000, 6% discordant", ".19", bare, _shares("newer")),
        Claim("best of ten equal models shows +.2 points or more", ".99", bare, _shares("lucky")),
        Claim("PASS of equal models, n = 500 / 2,000", ".49 / .99", equal, _shares("PASS")),
        Claim("the same by Holm over all requirements", ".48 / .98", equal, _shares("holm")),
    )


def _of_reuse(effort: Effort) -> tuple[Claim, ...]:
    def histories(how: str) -> tuple[Cell, ...]:
        draws = effort.histories * 4
        return tuple(cell("reuse:retries", draws, n=1_000, looks=looks, how=how, feedback="full") for looks in (1, 20))

    creep = tuple(cell("reuse:creep", effort.histories, n=1_000, anchored=anchored) for anchored in (0, 1))
    return (
        Claim("any false PASS of 20 retries, looks 1 / 20", ".40 / .024", histories("independent"), _shares("any")),
        Claim("the same, climbing on shown numbers", ".80 / .27", histories("climbing"), _shares("any")),
        Claim(
            "margins lost to creep, champion alone / with the anchor, n = 1,000",
            "5.2 / .7",
            creep,
            lambda found: " / ".join(lost([one]) for one in found),
        ),
    )


def _of_methods(effort: Effort) -> tuple[Claim, ...]:
    near = tuple(
        cell("traps:near_one", effort.closed, positives=64, negatives=107, champion=0.99, challenger=0.98, correlation=r)
        for r in (0.5, 0.9, 0.95)
    )
    heavy = (cell("traps:heavy_difference", effort.of("rmse", 200) * 2, n=200, tail=3),)
    groups = tuple(cell("traps:grouped", effort.whole * 2, groups=g) for g in (5, 10, 20, 50))
    ece = tuple(cell("traps:calibration", effort.of("rmse", n), n=n) for n in (500, 2_000))
    return (
        Claim("DeLong, AUC .99 → .98, 64 + 107 rows, r .5 / .9 / .95: low > truth", ".09-.11", near, _shares("plain")),
        Claim("the same by the gate's limits", ".006-.015", near, _shares("low")),
        Claim("calibration error, low > truth, n = 500 / 2,000", ".26 / .74", ece, _shares("above")),
        Claim("percentiles over 5 / 10 / 20 / 50 groups miss", ".17 / .11 / .08 / .07", groups, _shares("plain")),
        Claim("the gate's limits (fewer than 10: refused)", ".07 / .07 / .06 / .06", groups, _shares("miss")),
        Claim("squared errors with t(3), n = 200, refusing nothing: misses", ".058", heavy, _shares("plain")),
        Claim("the same, refusing when one row holds over 30%", ".030", heavy, _shares("low")),
    )
