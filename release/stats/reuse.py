"""How long one test set may be used: rows for H looks, told nothing of each other's answers or everything.

ease.ml/ci (Renggli et al., "Continuous Integration of Machine Learning Models with ease.ml/ci", MLSys 2019): Bennett's
inequality for the difference of two accuracies, a union bound over looks. It holds for whatever models and data, which is
why it asks for many more rows than a plan that assumes a spread (power.py). Nothing is judged by it.
"""

from __future__ import annotations

import math


def rows_for_looks(tolerance: float, *, discordance: float, delta: float, looks: int, adaptive: bool) -> int:
    """Return the rows on which `looks` differences of accuracies all come out within `tolerance` of the truth.

    All of them with probability 1 - delta, if no two models differ on more than a share `discordance` of rows:
    n = (ln of the number of possible tests + ln(4/delta)) / (p h(tolerance/p)), h(u) = (1 + u) ln(1 + u) - u. There are H
    tests when nobody learns an answer before the last model is made, and 2^H when each model may depend on every answer
    (PASS or not) before it. To the nearest row, as the paper prints it. Raises ValueError for what is no probability, or no
    number of looks.
    """
    if not (0 < tolerance <= 1 and 0 < discordance <= 1 and 0 < delta < 1 and looks >= 1):
        raise ValueError("tolerance, discordance and delta are shares above 0, and there is at least one look")
    tests = looks * math.log(2) if adaptive else math.log(looks)
    u = tolerance / discordance
    return round((tests + math.log(4 / delta)) / (discordance * ((1 + u) * math.log1p(u) - u)))


def undetected_share(n: int, a: float = 0.025) -> float:
    """Return the share of cases below which a defect may leave no trace among n rows, at confidence 1 - a.

    A defect on a share s of cases is on none of n rows with probability (1 - s)^n; at a = .025 that is s = 3.7/n.
    """
    return float(-math.expm1(math.log(a) / n)) if n > 0 else 1.0
