"""How many rows a judgement needs, and what a given number of rows can show.

Planning only: nothing here looks at predictions beyond the standard error that a contrast reports.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

_POWER = 0.8


def rows_needed(n: int, se: float, d: float, t: float, a: float, m: int) -> int | None:
    """Return the rows at which "above t" would be shown at level a with overall power .8 over m comparisons.

    n * ((z(1 - a) + z(1 - .2 / m)) * se / (d - t))^2 for an error `se` seen on `n` rows, if the true difference is d.
    None when d is not above t: then no number of rows would do.
    """
    if d <= t:
        return None
    z = -float(ndtri(a)) - float(ndtri((1 - _POWER) / m))
    return math.ceil(n * (z * se / (d - t)) ** 2)


def least_rows_identical(a: float, margin: float) -> int:
    """Return how many deciding rows even identical predictions need: ceil(ln a / ln(1 - margin)), 0 < margin < 1."""
    return math.ceil(math.log(a) / math.log1p(-margin))


def mcnemar_rows(discordance: float, effect: float, *, a: float, power: float = _POWER) -> float:
    """Return the pairs that show a difference of proportions, at one-sided level a (Connor 1987).

    `discordance` is the share of pairs on which the models differ in being right, `effect` the true difference. The number
    is not rounded.
    """
    z_a, z_power = -float(ndtri(a)), float(ndtri(power))
    spread = z_a * math.sqrt(discordance) + z_power * math.sqrt(discordance - effect**2)
    return (spread / effect) ** 2


def non_inferiority_rows(discordance: float, margin: float, *, a: float, power: float = _POWER) -> int:
    """Return the pairs that show equal proportions to be within `margin`, at one-sided level a."""
    z = float(ndtri(power)) - float(ndtri(a))
    return math.ceil(z * z * discordance / margin**2)


def auc_difference_se(champion: float, challenger: float, *, positives: int, negatives: int, correlation: float) -> float:
    """Return the standard error to expect of a paired AUC difference, before any model is scored.

    Obuchowski & McClish (1997), binormal scores of equal spread in both classes; `correlation` is that of the two models'
    scores within a class.
    """
    k = negatives / positives
    # For AUC = Phi(u / sqrt(1 + v^2)) at v = 1: the derivatives by u (the separation) and v (the ratio of spreads).
    u = [math.sqrt(2) * float(ndtri(auc)) for auc in (champion, challenger)]
    density = [math.exp(-x * x / 4) / math.sqrt(2 * math.pi) for x in u]
    by_u = [g / math.sqrt(2) for g in density]
    by_v = [-x * g / math.sqrt(8) for x, g in zip(u, density, strict=True)]

    def covariance(i: int, j: int, r: float) -> float:
        """Return the covariance of AUCs i and j, times the number of positives, when their scores correlate by r."""
        of_u = r + r / k + r * r * u[i] * u[j] / 2
        of_v = r * r * (1 + k) / (2 * k)
        across = by_u[i] * by_v[j] * u[i] + by_u[j] * by_v[i] * u[j]
        return by_u[i] * by_u[j] * of_u + by_v[i] * by_v[j] * of_v + r * r * across / 2

    variance = covariance(0, 0, 1.0) + covariance(1, 1, 1.0) - 2 * covariance(0, 1, correlation)
    return math.sqrt(max(variance, 0.0) / positives)


def detectable(se: float, *, a: float, power: float = _POWER) -> float:
    """Return the smallest difference that is shown at one-sided level a with the given power."""
    return (float(ndtri(power)) - float(ndtri(a))) * se
