"""How often each cell is drawn, by what one draw costs: the quick run and the full one."""

from __future__ import annotations

from dataclasses import dataclass

BY_ROW = frozenset({"brier_score", "log_loss", "cost", "mae", "mape", "pinball_loss_0.9"})
BY_NUMBERS = frozenset({"rmse", "r2"})
BY_RANKS = frozenset({"average_precision", "median_absolute_error"})
CLOSED = frozenset({"roc_auc", "accuracy", "recall", "specificity", "top_2_accuracy"}) | BY_ROW
_FEWEST = 60
_LARGE = 1_000
_UNIT = 200  # rows of which the draws below are meant; more rows are drawn less often


@dataclass(frozen=True)
class Effort:
    """Draws of closed forms, of a bootstrap of labels, numbers and rankings, of verdicts, histories and huge test sets."""

    name: str
    closed: int
    labels: int
    numbers: int
    ranks: int
    whole: int
    histories: int
    huge: int
    sizes: tuple[int, ...]

    def of(self, metric: str, n: int) -> int:
        """Return the draws for one metric on n rows."""
        if metric in BY_RANKS:
            return max(_FEWEST, self.ranks * _UNIT // max(n, _UNIT))
        if metric in BY_NUMBERS:
            return max(_FEWEST, self.numbers * _UNIT // max(n, _UNIT))
        if metric in CLOSED:
            return self.closed if n <= _LARGE else self.closed // 4
        return self.labels


QUICK = Effort(
    name="quick", closed=1_000, labels=300, numbers=200, ranks=100, whole=400, histories=100, huge=40, sizes=(50, 200, 1_000)
)
FULL = Effort(
    name="full", closed=8_000, labels=2_500, numbers=2_000, ranks=1_000, whole=3_000, histories=750, huge=200,
    sizes=(50, 200, 1_000, 10_000),
)  # fmt: skip
