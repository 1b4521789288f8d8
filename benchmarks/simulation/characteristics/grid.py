"""The grid of single methods: one table for each family, every cell an interval drawn where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from characteristics import prose
from characteristics.cells import Setting, cell
from characteristics.coverage import A
from characteristics.effort import CLOSED
from characteristics.tables import Column, Table, decimal, draws, judged_by, refused, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from characteristics.cells import Cell
    from characteristics.effort import Effort

_CORRELATIONS = (0.5, 0.9, 0.99)
_PREVALENCES = (0.05, 0.3, 0.5)
_LARGE = 1_000
_HUGE = 300_000
_BY_INFLUENCE: tuple[tuple[str, str, dict[str, Setting]], ...] = (
    ("average_precision", "coverage:binary", {"prevalence": 0.05}),
    ("rmse", "coverage:regression", {}),
    ("r2", "coverage:regression", {}),
)


def methods(effort: Effort) -> tuple[Table, ...]:
    """Return the tables of single methods in order."""
    return (
        *(_by_correlation(effort, metric, title) for metric, title in prose.EXACT.items()),
        _near_one(effort),
        _few_differences(),
        _by_prevalence(effort, "Means over rows", prose.BY_ROW, ("brier_score", "log_loss", "cost")),
        _by_prevalence(
            effort, "Labels, by resampling", prose.LABELS, ("balanced_accuracy", "precision", "f1", "macro_f1", "mcc")
        ),
        _by_prevalence(effort, "Average precision, by resampling", prose.RANKS, ("average_precision",)),
        _regression(effort),
        _tails(effort),
        _multiclass(effort),
        _ratios(effort),
        _alone(effort),
        _ties(effort),
        _groups(effort),
        _large(effort),
        _calibration(effort),
    )


def limits(labels: Sequence[str]) -> tuple[Column, ...]:
    """Return columns for rows of one cell a label: how often limits miss on either side, and what judged them."""
    lows = [share(f"low > truth{label and f', {label}'}", "low", cell=i, promised=A) for i, label in enumerate(labels)]
    highs = [share(f"high < truth{label and f', {label}'}", "high", cell=i, promised=A) for i, label in enumerate(labels)]
    return (*lows, *highs, refused(), judged_by(), draws())


def _by_correlation(effort: Effort, metric: str, title: str) -> Table:
    rows = []
    for n in (50, 200, 1_000, 10_000):
        for prevalence in _PREVALENCES:
            count = effort.of(metric, n)
            found = [
                cell("coverage:binary", count, metric=metric, n=n, prevalence=prevalence, correlation=r)
                for r in _CORRELATIONS
            ]
            rows.append(((f"{n:,}", decimal(prevalence)), tuple(found)))
    columns = limits([f"r = {decimal(r)}" for r in _CORRELATIONS])
    return Table(title, prose.OF_METHOD[metric], ("n", "prevalence"), columns, tuple(rows))


def _by_prevalence(effort: Effort, title: str, about: str, metrics: Iterable[str]) -> Table:
    rows = []
    for metric in metrics:
        for n in _sizes(effort, metric):
            count = effort.of(metric, n)
            found = [
                cell("coverage:binary", count, metric=metric, n=n, prevalence=prevalence, correlation=0.9)
                for prevalence in _PREVALENCES
            ]
            rows.append(((metric, f"{n:,}"), tuple(found)))
    columns = limits([f"π = {decimal(prevalence)}" for prevalence in _PREVALENCES])
    return Table(title, about, ("metric", "n"), columns, tuple(rows))


def _sizes(effort: Effort, metric: str) -> tuple[int, ...]:
    """Return the numbers of rows to draw: a ranking is resampled at a second a draw beyond a thousand."""
    if metric == "average_precision":
        return tuple(n for n in effort.sizes if n <= _LARGE)
    return effort.sizes


def _regression(effort: Effort) -> Table:
    rows = []
    for metric in prose.OF_VALUES:
        for n in (n for n in effort.sizes if n <= _LARGE or metric in CLOSED):
            count = effort.of(metric, n)
            found = [cell("coverage:regression", count, metric=metric, n=n, correlation=0.9, tail=tail) for tail in (0, 3)]
            rows.append(((metric, f"{n:,}"), tuple(found)))
    columns = limits(["Normal", "t(3)"])
    return Table("Regression", prose.ERRORS, ("metric", "n"), columns, tuple(rows))


def _tails(effort: Effort) -> Table:
    rows = []
    for what, function in (("difference", "traps:heavy_difference"), ("floor", "traps:heavy")):
        for tail in (3, 5):
            for n in (50, 200, 1_000):
                found = cell(function, effort.of("rmse", n) * 2, n=n, tail=tail)
                rows.append(((what, f"t({tail})", f"{n:,}"), (found,)))
    columns = (
        share("low > truth", "low", promised=A),
        share("high < truth", "high", promised=A),
        refused(),
        share("refusing nothing, low > truth", "plain"),
        draws(),
    )
    return Table("RMSE with heavy tails", prose.TAILS, ("asked", "errors", "n"), columns, tuple(rows))


def _multiclass(effort: Effort) -> Table:
    rows = []
    for metric in ("accuracy", "top_2_accuracy", "log_loss", "macro_f1", "weighted_f1", "mcc"):
        for n in (n for n in effort.sizes if n <= _LARGE):
            count = effort.of(metric, n)
            rows.append(((metric, f"{n:,}"), (cell("coverage:multiclass", count, metric=metric, n=n, correlation=0.9),)))
    return Table("Three classes", prose.CLASSES, ("metric", "n"), limits([""]), tuple(rows))


def _ratios(effort: Effort) -> Table:
    rows = []
    for metric in ("roc_auc", "recall", "brier_score", "f1"):
        ratio = 1.02 if metric == "brier_score" else 0.98
        for n in (200, 1_000):
            count = effort.of(metric, n)
            settings: dict[str, Setting] = {"metric": metric, "n": n, "prevalence": 0.3, "correlation": 0.9}
            rows.append(((metric, f"{n:,}"), (cell("coverage:binary", count, ratio=ratio, **settings),)))
    for metric in ("mae", "rmse"):
        for n in (200, 1_000):
            found = cell("coverage:regression", effort.of(metric, n), metric=metric, n=n, correlation=0.9, ratio=1.02)
            rows.append(((metric, f"{n:,}"), (found,)))
    return Table("Relative margins of 2%", prose.RATIOS, ("metric", "n"), limits([""]), tuple(rows))


def _alone(effort: Effort) -> Table:
    rows = []
    for metric in ("roc_auc", "recall", "accuracy", "brier_score", "f1"):
        for n in (50, 200, 1_000):
            count = effort.of(metric, n)
            found = [cell("coverage:alone", count, metric=metric, n=n, prevalence=p) for p in _PREVALENCES]
            rows.append(((metric, f"{n:,}"), tuple(found)))
    columns = limits([f"π = {decimal(prevalence)}" for prevalence in _PREVALENCES])
    return Table("One model alone, against a floor", prose.ALONE, ("metric", "n"), columns, tuple(rows))


def _ties(effort: Effort) -> Table:
    rows = []
    for metric in ("roc_auc", "average_precision", "brier_score"):
        for n in (50, 200, 1_000):
            count = effort.of(metric, n)
            found = [
                cell("coverage:binary", count, metric=metric, n=n, prevalence=0.3, correlation=0.9, levels=levels)
                for levels in (5, 20)
            ]
            rows.append(((metric, f"{n:,}"), tuple(found)))
    return Table("Ties", prose.TIES, ("metric", "n"), limits(["5 values", "20 values"]), tuple(rows))


def _near_one(effort: Effort) -> Table:
    rows: list[tuple[tuple[str, ...], tuple[Cell, ...]]] = []
    for positives, negatives in ((20, 30), (64, 107), (200, 300)):
        for aucs in ((0.99, 0.98), (0.995, 0.99)):
            for r in (0.5, 0.9, 0.95):
                settings = {"champion": aucs[0], "challenger": aucs[1], "correlation": r}
                found = cell("traps:near_one", effort.closed, positives=positives, negatives=negatives, **settings)
                rows.append(((f"{positives} + {negatives}", f"{aucs[0]:g} → {aucs[1]:g}", decimal(r)), (found,)))
    columns = (
        share("low > truth", "low", promised=A),
        share("high < truth", "high", promised=A),
        share("plain DeLong, low > truth", "plain"),
        refused(),
        draws(),
    )
    return Table("AUC near one", prose.NEAR_ONE, ("rows", "AUC", "correlation"), columns, tuple(rows))


def _few_differences() -> Table:
    shares = (0.0, 0.005, 0.02, 0.1)
    rows = []
    for margin in (0.01, 0.05):
        for n in (100, 200, 500, 1_000, 2_000):
            found = tuple(cell("traps:few_differences", 0, n=n, margin=margin, gained=gained) for gained in shares)
            rows.append(((decimal(margin), f"{n:,}"), found))
    columns = [
        share(f"{verdict}, {gained:.1%} gained", verdict, cell=i, promised=A)
        for verdict in ("PASS", "FAIL")
        for i, gained in enumerate(shares)
    ]
    return Table("Few differences: exact probabilities", prose.FEW, ("margin", "n"), tuple(columns), tuple(rows))


def _groups(effort: Effort) -> Table:
    rows = [((f"{g}",), (cell("traps:grouped", effort.whole * 2, groups=g),)) for g in (5, 10, 20, 50, 100, 200)]
    columns = (
        share("either limit misses", "miss", promised=2 * A),
        refused(),
        share("percentiles over groups", "plain"),
        draws(),
    )
    return Table("Groups of rows", prose.GROUPS, ("groups",), columns, tuple(rows))


def _calibration(effort: Effort) -> Table:
    rows = [((f"{n:,}",), (cell("traps:calibration", effort.of("rmse", n), n=n),)) for n in (500, 2_000)]
    columns = (
        share("calibration error, low > truth", "above"),
        share("Brier score, low > truth", "brier", promised=A),
        draws(),
    )
    return Table("Why the calibration error is not gated", prose.CALIBRATION, ("n",), columns, tuple(rows))


def _large(effort: Effort) -> Table:
    rows = [
        ((metric, f"{_HUGE:,}"), (cell(function, effort.huge, metric=metric, n=_HUGE, correlation=0.9, **extra),))
        for metric, function, extra in _BY_INFLUENCE
    ]
    return Table("Very many rows", prose.LARGE, ("metric", "n"), limits([""]), tuple(rows))
