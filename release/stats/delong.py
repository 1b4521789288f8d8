"""Areas under correlated ROC curves, exactly, in O(n log n).

DeLong, DeLong & Clarke-Pearson (1988) for the covariance; counting pairs by sorting is due to Sun & Xu (2014). Near one,
where Normal limits are too narrow, the envelope with limits recovered from logit intervals (MOVER, Zou & Donner 2008).
Nothing is resampled here; weighted or grouped rows are the bootstrap's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from release.stats.arrays import Array, Bools, Floats, binary, finite, same_rows
from release.stats.contrast import Normal, Unjudged, envelope, identical, no_tighter_than_identical
from release.stats.curve import GRID, Curve, monotone
from release.stats.intervals import ExtremeAuc, LogitAuc, auc_limits

if TYPE_CHECKING:
    from release.stats.contrast import Contrast

# Where simulation (binormal, .99 against .98, 64 and 107 rows) showed limits on the plain scale to miss too often.
_NEAR_ONE = 0.9
_EXPECTED_FAILURES = 20
# A variance needs two rows of each class.
_ROWS_OF_A_CLASS = 2


@dataclass(frozen=True)
class _Components:
    """For one score: the share of negatives below each positive, and of positives above each negative."""

    positive: Floats
    negative: Floats

    @property
    def auc(self) -> float:
        return float(self.positive.mean())


def _components(positive: Bools, score: Floats) -> _Components:
    """Return DeLong's structural components, ties counted half; their means are the AUC."""
    ups, downs = score[positive], score[~positive]
    up_sorted, down_sorted = np.sort(ups), np.sort(downs)
    below = np.searchsorted(down_sorted, ups, "left") + np.searchsorted(down_sorted, ups, "right")
    above = np.searchsorted(up_sorted, downs, "left") + np.searchsorted(up_sorted, downs, "right")
    return _Components(below / (2 * len(downs)), 1 - above / (2 * len(ups)))


def _variance(parts: _Components) -> float:
    """Return the variance of the mean that the components (or a linear combination of them) belong to."""
    return float(parts.positive.var(ddof=1) / len(parts.positive) + parts.negative.var(ddof=1) / len(parts.negative))


def _too_few(positive: Bools) -> str | None:
    """Say why these outcomes have no AUC with an error, None when they have."""
    ups = int(positive.sum())
    smaller = min(ups, len(positive) - ups)
    if smaller >= _ROWS_OF_A_CLASS:
        return None
    return "only one class among the rows" if smaller == 0 else "only one row of one of the classes"


def delong_covariance(y: Array, scores: Array) -> tuple[Floats, Floats]:
    """Return the AUCs, shape (k,), and their covariance, shape (k, k), of scores of shape (k, n) on outcomes (n,).

    Raises ValueError when a class has fewer than two rows.
    """
    positive, values = binary(y), finite(scores, "the scores")
    same_rows(positive, values.T)
    if reason := _too_few(positive):
        raise ValueError(reason)
    parts = [_components(positive, score) for score in values]
    ups, downs = np.array([p.positive for p in parts]), np.array([p.negative for p in parts])
    covariance = np.atleast_2d(np.cov(ups)) / ups.shape[1] + np.atleast_2d(np.cov(downs)) / downs.shape[1]
    return ups.mean(axis=1), covariance


def delong_equality(y: Array, scores: Array) -> tuple[float, int, float]:
    """Test that scores of shape (k, n) have equal AUCs: chi-square, degrees of freedom, p-value."""
    aucs, covariance = delong_covariance(y, scores)
    contrasts = np.eye(len(aucs))[1:] - np.eye(len(aucs))[0]
    spread = contrasts @ covariance @ contrasts.T
    difference = contrasts @ aucs
    chi2 = float(difference @ np.linalg.pinv(spread) @ difference)
    df = int(np.linalg.matrix_rank(spread))
    return chi2, df, float(chdtrc(df, chi2)) if df else 1.0


def delong_difference(y: Array, champion: Array, challenger: Array, *, ratio: float = 1.0) -> Contrast | Unjudged:
    """Judge AUC(challenger) - ratio * AUC(champion) on the same rows, all of shape (n,).

    Method "delong"; "delong-mover" where the larger AUC is above .9 and the smaller class has fewer than 20 expected
    misplaced rows; "identical" where the scores order every pair of rows alike. Unjudged when a class has fewer than two
    rows. Raises BadInputError on scores that are not finite.
    """
    positive = binary(y)
    one, two = finite(champion, "the champion's scores"), finite(challenger, "the challenger's scores")
    same_rows(positive, one, two)
    if reason := _too_few(positive):
        return Unjudged(reason=reason, n=len(positive))
    smaller = int(min(positive.sum(), (~positive).sum()))
    first, second = _components(positive, one), _components(positive, two)
    same = bool((first.positive == second.positive).all() and (first.negative == second.negative).all())
    if same and ratio == 1:
        return identical(smaller, bounded=True, n=len(positive), value=first.auc)
    # From the components of the difference, so that scores that nearly agree do not lose their variance to rounding.
    variance = _variance(_Components(second.positive - ratio * first.positive, second.negative - ratio * first.negative))
    wald = Normal(
        estimate=second.auc - ratio * first.auc,
        champion=first.auc,
        challenger=second.auc,
        se=float(np.sqrt(variance)),
        n=len(positive),
        method="delong",
    )
    if same:
        return no_tighter_than_identical(wald, smaller, "identical")
    furthest = max(first.auc, second.auc, 1 - first.auc, 1 - second.auc)
    if furthest > _NEAR_ONE and smaller * (1 - furthest) < _EXPECTED_FAILURES:
        return envelope(wald, _mover(wald, first, second, ratio), "delong-mover")
    return wald


def _mover(wald: Normal, first: _Components, second: _Components, ratio: float) -> Curve:
    """Return limits of the difference recovered from logit limits of each AUC and their correlation.

    Zou & Donner (2008), equation for a difference of correlated parameters: the distance to a limit is
    sqrt(x^2 + y^2 - 2 r x y), x and y being the distances of the two single limits on the sides that matter.
    """
    variances = _variance(first), _variance(second)
    r = 0.0
    if min(variances) > 0:
        both = _variance(_Components(first.positive + second.positive, first.negative + second.negative))
        r = (both - sum(variances)) / (2 * float(np.sqrt(variances[0] * variances[1])))
    smaller = min(len(first.positive), len(first.negative))
    z = np.abs(GRID)
    low_1, high_1 = auc_limits(first.auc, float(np.sqrt(variances[0])), smaller, z)
    low_2, high_2 = auc_limits(second.auc, float(np.sqrt(variances[1])), smaller, z)

    def distance(x: Floats, y: Floats) -> Floats:
        return np.sqrt(np.maximum(x * x + y * y - 2 * r * x * y, 0.0))

    lowers = wald.estimate - distance(second.auc - low_2, ratio * (high_1 - first.auc))
    uppers = wald.estimate + distance(high_2 - second.auc, ratio * (first.auc - low_1))
    return Curve(
        estimate=wald.estimate,
        champion=wald.champion,
        challenger=wald.challenger,
        se=wald.se,
        n=wald.n,
        method="mover",
        limits=monotone(np.where(GRID < 0, uppers, lowers)),
    )


def delong_single(y: Array, score: Array) -> Contrast | Unjudged:
    """Judge one AUC alone, outcomes and score of shape (n,): logit interval on DeLong's error; a^(1/n_min) when perfect.

    Unjudged when a class has fewer than two rows. Raises BadInputError on scores that are not finite.
    """
    positive, values = binary(y), finite(score, "the challenger's scores")
    same_rows(positive, values)
    if reason := _too_few(positive):
        return Unjudged(reason=reason, n=len(positive))
    parts = _components(positive, values)
    auc, n = parts.auc, len(positive)
    if auc in (0.0, 1.0):
        smaller = min(len(parts.positive), len(parts.negative))
        return ExtremeAuc(estimate=auc, champion=None, challenger=auc, se=0.0, n=n, method="auc-extreme", k=smaller)
    se = float(np.sqrt(_variance(parts)))
    return LogitAuc(estimate=auc, champion=None, challenger=auc, se=se, n=n, method="delong-logit")
