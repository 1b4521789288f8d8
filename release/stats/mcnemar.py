"""McNemar's test of two paired proportions, in the four forms in use, from the two discordant counts.

Fagerland, Lydersen & Laake (2013) recommend mid-p and asymptotic, and advise against exact and continuity-corrected: those
are here to compare with other tools. The gate decides by Tango's score, which is the asymptotic form with an interval.
"""

from __future__ import annotations

import math

from scipy.special import bdtr, gammaln, ndtr


def mcnemar_z(b: int, c: int) -> float:
    """Return (b - c) / sqrt(b + c), 0 when no pair is discordant."""
    return 0.0 if b == c else (b - c) / math.sqrt(b + c)


def mcnemar_asymptotic(b: int, c: int) -> float:
    """Return the two-sided asymptotic p-value."""
    return 2 * float(ndtr(-abs(mcnemar_z(b, c))))


def mcnemar_corrected(b: int, c: int) -> float:
    """Return the two-sided p-value with Edwards' continuity correction, (|b - c| - 1) / sqrt(b + c)."""
    if b + c == 0:
        return 1.0
    return 2 * float(ndtr(-max(abs(b - c) - 1, 0) / math.sqrt(b + c)))


def mcnemar_exact(b: int, c: int) -> float:
    """Return the two-sided exact conditional p-value, twice the binomial tail, at most 1."""
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))


def mcnemar_mid_p(b: int, c: int) -> float:
    """Return the two-sided mid-p-value: the exact one less the probability of what was seen.

    With b = c both tails hold that point, and the value is 1 - pmf / 2, not 1.
    """
    n = b + c
    pmf = math.exp(float(gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1)) - n * math.log(2))
    if b == c:
        return 1 - pmf / 2
    return 2 * float(bdtr(min(b, c), n, 0.5)) - pmf
