"""The Ladder: what may be shown of a score so that climbing on it gains little.

Blum & Hardt, "The Ladder: A Reliable Leaderboard for Machine Learning Competitions" (ICML 2015), the parameter-free form:
the number shown moves only when a challenger beats it by more than one standard error of the paired difference, and is
rounded to 1/n. Where the best value is kept is the caller's business.
"""

from __future__ import annotations


def rung(best: float, value: float, *, se: float, n: int, greater_is_better: bool) -> float:
    """Return the value to show: `best`, what is shown already, unless `value` beats it by more than `se`.

    `se` is the standard error of the paired difference on n rows; a new value is rounded to 1/n where the metric is a share
    (at most 1 in size), and to three digits of `se` otherwise.
    """
    gain = value - best if greater_is_better else best - value
    if not gain > se:
        return best
    if abs(value) <= 1 and n > 0:
        return round(value * n) / n
    return float(f"{value:.6g}") if se <= 0 else round(value / (se / 1000)) * (se / 1000)
