"""One test set used again and again: retries, climbing on what is shown, margins that creep, looks that cost rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from characteristics.verdicts import ALPHA, decide, primary
from characteristics.worlds import separation
from release.judging.feedback import ladder_value, shown
from release.judging.requirement import ANCHOR
from release.judging.rows import Outputs, Rows
from release.records import Digest, TestSet, Verdict, VerdictRecord
from release.stats.power import rows_needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from characteristics.cells import Found
    from release.judging.rule import Judgement

ATTEMPTS = 20
MARGIN = 0.02
LOST, GAINED = 0.06, 0.04
"""Of all rows, the shares that a challenger exactly at the margin loses and gains; the champion is right on 85%."""
_RIGHT = 0.85
_PREVALENCE = 0.3


def retries(rng: np.random.Generator, draws: int, *, n: int, looks: int, how: str, feedback: str = "full") -> Found:
    """Count how often any of 20 challengers PASSes that are all worse by exactly the margin of accuracy.

    `independent` challengers have nothing to do with each other. `climbing` ones each change the answers on another
    twentieth of the rows, and the change is kept when the number that is shown is higher than any before; where no number is
    shown, every change is kept.
    """
    wanted = [primary("accuracy", MARGIN)]
    passed = 0
    for number in range(draws):
        right = rng.random(n) < _RIGHT
        order = np.array_split(rng.permutation(n), ATTEMPTS)
        kept = _challenger(rng, right)
        told: list[float] = []
        for attempt in range(ATTEMPTS):
            tried = kept.copy()
            changed = order[attempt] if how == "climbing" else np.arange(n)
            tried[changed] = _challenger(rng, right[changed])
            judged = decide(wanted, _rows(right, tried, seed=number), looks=looks)
            if judged.verdict is Verdict.PASS:
                passed += 1
                break
            value = _told(judged, feedback, told)
            if value is None or not told or value > max(told):
                kept = tried
            told += [value] if value is not None else []
    return {"draws": draws, "any": passed}


def creep(rng: np.random.Generator, draws: int, *, n: int, anchored: bool, releases: int = ATTEMPTS) -> Found:
    """Propose 20 releases in turn, each half a margin of AUC worse than what serves, each on fresh rows.

    `lost` is the sum over draws of how many margins the last one serving is below the first, `squares` of its square.
    """
    margin, start = MARGIN, 0.871
    wanted = [primary("roc_auc", margin), *([replace(primary("roc_auc", margin), against=ANCHOR)] if anchored else [])]
    lost = squares = passed = 0.0
    for number in range(draws):
        serving = start
        for _ in range(releases):
            proposed = serving - margin / 2
            y = (rng.random(n) < _PREVALENCE).astype(np.int64)
            shared = rng.standard_normal(n)
            champion, challenger, first = (_score(rng, y, auc, shared) for auc in (serving, proposed, start))
            rows = Rows(y=y, champion=champion, challenger=challenger, seed=number)
            if decide(wanted, rows, anchor=first if anchored else None).verdict is Verdict.PASS:
                serving = proposed
                passed += 1
        lost += (start - serving) / margin
        squares += ((start - serving) / margin) ** 2
    return {"draws": draws, "lost": lost, "squares": squares, "passed": passed / (draws * releases)}


def looks_cost(rng: np.random.Generator, draws: int, *, looks: int, margin: float = MARGIN) -> Found:
    """Judge equal models on the rows that 80% power asks for at this budget of looks."""
    spread = math.sqrt(LOST + GAINED)
    rows = rows_needed(1, spread, 0.0, -margin, ALPHA / (2 * looks), 1)
    assert rows is not None
    counted = 0
    for number in range(draws):
        right = rng.random(rows) < _RIGHT
        tried = _challenger(rng, right, share=(LOST + GAINED) / 2)
        counted += (
            decide([primary("accuracy", margin)], _rows(right, tried, seed=number), looks=looks).verdict is Verdict.PASS
        )
    return {"draws": draws, "rows": rows, "PASS": counted}


def _challenger(rng: np.random.Generator, right: NDArray[np.bool_], *, share: float | None = None) -> NDArray[np.bool_]:
    """Return on which rows a challenger is right: it loses some that the champion has, and gains some that it has not."""
    lost, gained = (LOST, GAINED) if share is None else (share, share)
    chance = rng.random(len(right))
    return np.where(right, chance >= lost / _RIGHT, chance < gained / (1 - _RIGHT))


def _rows(champion: NDArray[np.bool_], challenger: NDArray[np.bool_], *, seed: int) -> Rows:
    y = np.arange(len(champion)) % 2
    outputs = [Outputs(np.where(right, y, 1 - y).astype(np.float64), 0.5) for right in (champion, challenger)]
    return Rows(y=y, champion=outputs[0], challenger=outputs[1], seed=seed)


def _score(rng: np.random.Generator, y: NDArray[np.int64], auc: float, shared: NDArray[np.float64]) -> Outputs:
    own = rng.standard_normal(len(y))
    return Outputs(separation(auc) * y + math.sqrt(0.95) * shared + math.sqrt(0.05) * own, 0.5)


def _told(judged: Judgement, feedback: str, before: list[float]) -> float | None:
    """Return the number that is shown of a judgement that is no PASS, None where none is."""
    record = VerdictRecord(
        verdict=judged.verdict,
        model=None,
        challenger=Digest("sha256:1"),
        champion=Digest("sha256:0"),
        alpha=ALPHA,
        comparisons=judged.comparisons,
        reasons=judged.reasons,
        test_set=TestSet(digest=Digest("sha256:2"), looks=1, budget=ATTEMPTS),
        feedback=feedback,
    )
    told = shown(record, passed=False, before=before)
    primaries = [one for one in told.comparisons if one.role == "primary"]
    on_ladder = ladder_value(told)
    if on_ladder is not None:
        return on_ladder.challenger
    return primaries[0].challenger if primaries else None
