"""The verdict as a whole, from the gate's own rule, beside what others would decide on the same draws.

The others: "new >= old", "new >= old - margin", the same margins with errors that ignore the pairing of rows, and Holm's
correction over all requirements.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from characteristics.worlds import Binary, Regression, Scorer, scorer_at
from release.config.model import Relative
from release.judging.rule import Case, Requirement, judge
from release.records import Verdict
from release.stats.delong import delong_covariance
from release.stats.metrics import METRICS
from release.stats.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from characteristics.cells import Found
    from release.judging.rows import Outputs, Rows
    from release.judging.rule import Judgement

ALPHA = 0.05
MARGINS = {"roc_auc": 0.02, "recall": 0.05, "brier_score": 0.01}
BASE = Scorer(auc=0.871, threshold=0.3)


def decide(wanted: Sequence[Requirement], rows: Rows, *, looks: int = 1, anchor: Outputs | None = None) -> Judgement:
    """Ask the gate's rule, as the gate does."""
    case = Case(rows=rows, same=False, anchor=anchor)
    return judge(wanted, case, alpha=ALPHA, looks=looks, first=False)


def primary(metric: str, margin: float | Relative) -> Requirement:
    """Ask for one metric not to be worse by more than a margin."""
    return Requirement(metric=metric, role="primary", margin=margin)


def scenario(name: str, prevalence: float, correlation: float) -> tuple[Binary, dict[str, float]]:
    """Return a world by name, and the margins that are asked in it.

    `equal`; `better` by half a margin of AUC; `half` a margin worse; `double`, two margins worse; `unrelated` errors; or a
    metric's name: that requirement is violated, exactly at its margin, and both others hold with nothing to spare or lose.
    """
    champion, challenger, margins = BASE, BASE, dict(MARGINS)
    step = {"equal": 0.0, "better": 0.5, "half": -0.5, "double": -2.0}
    if name in step:
        challenger = scorer_at("roc_auc", BASE.auc + step[name] * MARGINS["roc_auc"], prevalence, BASE)
    else:
        before = _world(prevalence, correlation, BASE, BASE)
        worse = MARGINS[name] * (1 if name == "brier_score" else -1)
        challenger = scorer_at(name, before.truth(name)[0] + worse, prevalence, BASE)
    world = _world(prevalence, correlation, champion, challenger)
    if name == "roc_auc":
        # A champion bent until its Brier score is no better, and a challenger whose threshold gives the same recall.
        champion = scorer_at("brier_score", world.truth("brier_score")[1], prevalence, BASE)
        challenger = scorer_at("recall", world.truth("recall")[0], prevalence, challenger)
        world = _world(prevalence, correlation, champion, challenger)
    if name in MARGINS:
        margins[name] = -world.gain(name)
    return world, margins


def binary(
    rng: np.random.Generator, draws: int, *, what: str, n: int, prevalence: float, correlation: float, looks: int = 1
) -> Found:
    """Judge AUC, recall and Brier score at once, and ask the others; counts of each answer."""
    world, margins = scenario(what, prevalence, correlation)
    wanted = [
        Requirement(metric=metric, role="primary" if metric == "roc_auc" else "guard", margin=margin)
        for metric, margin in margins.items()
    ]
    counts: Counter[str] = Counter()
    a = ALPHA / (2 * looks)
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        judged = decide(wanted, rows, looks=looks)
        _count(counts, judged)
        seen = {one.metric: one.difference or 0.0 for one in judged.comparisons}
        counts["newer"] += seen["roc_auc"] >= 0
        counts["all newer"] += min(seen.values()) >= 0
        counts["within"] += all(seen[metric] >= -margin for metric, margin in margins.items())
        counts["unpaired"] += _unpaired(rows, margins, a)
        p = [1.0 if one.p_margin is None else one.p_margin for one in judged.comparisons]
        counts["holm"] += max(holm(p)) < a
    return _found(draws, counts)


def regression(rng: np.random.Generator, draws: int, *, worse: float, n: int, correlation: float, tail: int = 0) -> Found:
    """Judge a relative margin of 2% on RMSE and a wide one on the mean error; `worse` is the errors' true excess."""
    world = Regression(correlation=correlation, scales=(1.0, 1.0 + worse), tail=tail)
    wanted = [
        primary("rmse", Relative(relative="2%")),
        Requirement(metric="mae", role="guard", margin=0.1),
    ]
    counts: Counter[str] = Counter()
    for number in range(draws):
        judged = decide(wanted, world.draw(rng, n, seed=number))
        _count(counts, judged)
        counts["newer"] += (judged.comparisons[0].challenger or 0.0) <= (judged.comparisons[0].champion or 0.0)
    return _found(draws, counts)


def one(rng: np.random.Generator, draws: int, *, kind: str, metric: str, n: int, prevalence: float = 0.3) -> Found:
    """Judge one requirement whose truth is exactly its threshold: PASS at most a, FAIL at most a."""
    correlation = 0.9
    worse = scorer_at("roc_auc", BASE.auc - 0.02, prevalence, BASE)
    world = _world(prevalence, correlation, BASE, worse)
    champion, challenger = world.truth(metric)
    gain = world.gain(metric)
    wanted: Requirement
    if kind == "margin":
        wanted = primary(metric, -gain)
    elif kind == "better_by":
        world = _world(prevalence, correlation, worse, BASE)
        wanted = Requirement(metric=metric, role="primary", better_by=-gain)
    elif kind == "relative":
        wanted = primary(metric, Relative(relative=f"{100 * abs(challenger - champion) / champion:.4f}%"))
    elif kind == "floor":
        wanted = Requirement(metric=metric, role="floor", floor=challenger)
    else:
        wanted = Requirement(metric=metric, role="slice", margin=-gain, slice="half")
    counts: Counter[str] = Counter()
    for number in range(draws):
        rows = world.draw(rng, n, seed=number)
        case = Case(rows=rows, slices={"half": np.arange(0, n, 2)}, same=False)
        _count(counts, judge([wanted], case, alpha=ALPHA, looks=1, first=False))
    return _found(draws, counts)


def _world(prevalence: float, correlation: float, champion: Scorer, challenger: Scorer) -> Binary:
    return Binary(prevalence=prevalence, correlation=correlation, champion=champion, challenger=challenger)


def _count(counts: Counter[str], judged: Judgement) -> None:
    counts[judged.verdict] += 1
    for comparison in judged.comparisons:
        counts[f"{comparison.metric} PASS"] += comparison.verdict is Verdict.PASS


def _found(draws: int, counts: Counter[str]) -> Found:
    shown = {str(verdict): counts[verdict] for verdict in Verdict}
    return {"draws": draws, **shown, **{name: count for name, count in sorted(counts.items()) if name not in shown}}


def _unpaired(rows: Rows, margins: Mapping[str, float], a: float) -> bool:
    """Say whether all margins hold by Normal limits that take the two models for judged on different rows."""
    assert rows.champion is not None
    z = -float(ndtri(a))
    for metric, margin in margins.items():
        what = METRICS[metric]
        values, variances = zip(
            *(_mean_and_variance(metric, rows, rows.read(what, outputs)) for outputs in (rows.champion, rows.challenger)),
            strict=True,
        )
        gain = (values[1] - values[0]) * (1 if what.greater_is_better else -1)
        if not gain - z * math.sqrt(sum(variances)) > -margin:
            return False
    return True


def _mean_and_variance(metric: str, rows: Rows, output: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    if metric == "roc_auc":
        auc, covariance = delong_covariance(rows.y, output[None])
        return float(auc[0]), float(covariance[0, 0])
    by_row = (output == rows.y)[rows.y == 1] if metric == "recall" else (output - rows.y) ** 2
    return float(by_row.mean()), float(by_row.var(ddof=1) / len(by_row))
