"""Areas under correlated ROC curves, exactly, in O(n log n).

DeLong, DeLong & Clarke-Pearson (1988) for the covariance; counting pairs by sorting is due to Sun & Xu (2014). Near one,
and on few rows of a class, where plain limits are too narrow, the envelope with limits recovered from logit intervals
(MOVER, Zou & Donner 2008). Weighted rows have weighted components. Nothing is resampled here; grouped rows are the
bootstrap's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from release.stats.arrays import Array, Bools, Floats, binary, finite, same_rows
from release.stats.contrast import (
    Identical,
    Normal,
    Summary,
    Unjudged,
    envelope,
    identical,
    no_tighter_than_identical,
)
from release.stats.curve import GRID, Curve, monotone
from release.stats.intervals import ExtremeAuc, LogitAuc, ScoreAuc, auc_limits
from release.stats.weighting import effective

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.stats.contrast import Contrast

# Where simulation (binormal, .99 against .98, 64 and 107 rows) showed limits on the plain scale to miss too often.
_NEAR_ONE = 0.9
_EXPECTED_FAILURES = 20
# A good estimate goes with a small error, and the more so the fewer rows (simulated in docs/decisions/0017).
_FEW_OF_A_CLASS = 200
# A variance needs two rows of each class.
_ROWS_OF_A_CLASS = 2


@dataclass(frozen=True)
class _Components:
    """For one score: the share of negatives below each positive, and of positives above each negative.

    `ups` and `downs` are what the rows of the two classes count, in shares of their class; None when all count alike.
    """

    positive: Floats
    negative: Floats
    ups: Floats | None = None
    downs: Floats | None = None

    @property
    def auc(self) -> float:
        if self.ups is None or bool((self.positive == self.positive[0]).all()):
            return float(self.positive.mean())
        return float((self.ups * self.positive).sum())

    @property
    def sizes(self) -> tuple[float, float]:
        """The rows of the two classes, or as many as weighted ones are worth."""
        if self.ups is None or self.downs is None:
            return float(len(self.positive)), float(len(self.negative))
        return effective(self.ups), effective(self.downs)

    @property
    def smaller(self) -> int:
        """The rows of the smaller class."""
        return max(1, int(min(self.sizes)))

    def combined(self, other: _Components, factor: float) -> _Components:
        """Return the components of this score's AUC + factor * the other's."""
        positive, negative = self.positive + factor * other.positive, self.negative + factor * other.negative
        return _Components(positive, negative, self.ups, self.downs)


def _components(positive: Bools, score: Floats, weights: Floats | None) -> _Components:
    """Return DeLong's structural components, ties counted half; their (weighted) means are the AUC."""
    ups, downs = score[positive], score[~positive]
    if weights is None:
        return _Components(_below(ups, downs, None), 1 - _below(downs, ups, None))
    of_ups, of_downs = (part / part.sum() for part in (weights[positive], weights[~positive]))
    return _Components(_below(ups, downs, of_downs), 1 - _below(downs, ups, of_ups), of_ups, of_downs)


def _below(these: Floats, others: Floats, weights: Floats | None) -> Floats:
    """Return the share of `others` (of their `weights`) that lies below each of `these`, ties counted half."""
    order = np.argsort(others, kind="stable")
    ranked = others[order]
    left, right = np.searchsorted(ranked, these, "left"), np.searchsorted(ranked, these, "right")
    if weights is None:
        return np.asarray((left + right) / (2 * len(others)))
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray((sums[left] + sums[right]) / (2 * sums[-1]))


def _variance(parts: _Components) -> float:
    """Return the variance of the mean that the components (or a linear combination of them) belong to."""
    if parts.ups is None or parts.downs is None:
        ups, downs = len(parts.positive), len(parts.negative)
        return float(parts.positive.var(ddof=1) / ups + parts.negative.var(ddof=1) / downs)
    total = 0.0
    for values, shares in ((parts.positive, parts.ups), (parts.negative, parts.downs)):
        squares = float((shares**2 * (values - (shares * values).sum()) ** 2).sum())
        total += squares * len(values) / (len(values) - 1)
    return total


def _too_few(positive: Bools) -> str | None:
    ups = int(positive.sum())
    return too_few(ups, len(positive) - ups)


def too_few(ups: int, downs: int) -> str | None:
    """Say why so many positives and negatives have no AUC with an error, None when they have."""
    smaller = min(ups, downs)
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
    parts = [_components(positive, score, None) for score in values]
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


def delong_difference(
    y: Array, champion: Array, challenger: Array, *, ratio: float = 1.0, weights: Floats | None = None
) -> Contrast | Unjudged:
    """Judge AUC(challenger) - ratio * AUC(champion) on the same rows, all of shape (n,), rows counting `weights`.

    Normal limits: method "delong". "delong-mover" is no narrower than MOVER's, where the larger AUC is above .9 and the
    smaller class has fewer than 20 expected misplaced rows, or has fewer than 200 rows of any kind; then it is no narrower
    than Student's t on these rows less one, either. "identical" where the scores order every pair of rows alike. Unjudged
    when a class has fewer than two rows. Raises BadInputError on scores that are not finite.
    """
    positive = binary(y)
    one, two = finite(champion, "the champion's scores"), finite(challenger, "the challenger's scores")
    same_rows(positive, one, two)
    if reason := _too_few(positive):
        return Unjudged(reason=reason, n=len(positive))
    first, second = _components(positive, one, weights), _components(positive, two, weights)
    smaller = first.smaller
    same = bool((first.positive == second.positive).all() and (first.negative == second.negative).all())
    found = Areas(
        n=len(positive),
        first=first.auc,
        second=second.auc,
        # From the components of the difference, so that scores that nearly agree do not lose their variance to rounding.
        variance=_variance(second.combined(first, -ratio)),
        smaller=smaller,
        same=same,
        apart=lambda: (_variance(first), _variance(second), _variance(first.combined(second, 1.0))),
    )
    return area_difference(found, ratio)


@dataclass(frozen=True, kw_only=True)
class Areas:
    """Two AUCs of the same `n` rows, and what the limits of second - ratio * first rest on, however it was computed.

    `variance` is that of the contrast, `apart` gives those of the first, the second and their sum; `smaller` counts the rows
    of the smaller class, and `same` says that the scores order every pair of rows alike.
    """

    n: int
    first: float
    second: float
    variance: float
    smaller: int
    same: bool
    apart: Callable[[], tuple[float, float, float]]


def area_difference(found: Areas, ratio: float) -> Contrast:
    """Judge two AUCs as delong_difference does."""
    if found.same and ratio == 1:
        return identical(found.smaller, bounded=True, n=found.n, value=found.first)
    wald = Normal(
        estimate=found.second - ratio * found.first,
        champion=found.first,
        challenger=found.second,
        se=float(np.sqrt(found.variance)),
        n=found.n,
        method="delong",
    )
    if found.same:
        return no_tighter_than_identical(wald, found.smaller, "identical")
    furthest = max(found.first, found.second, 1 - found.first, 1 - found.second)
    if found.smaller < _FEW_OF_A_CLASS:
        few = replace(wald, df=max(1, found.smaller - 1))
        return envelope(few, _mover(wald, found, ratio), "delong-mover")
    if _near_one(furthest, found.smaller):
        return envelope(wald, _mover(wald, found, ratio), "delong-mover")
    return wald


def _mover(wald: Normal, found: Areas, ratio: float) -> Curve:
    """Return limits of the difference recovered from logit limits of each AUC and their correlation.

    Zou & Donner (2008), equation for a difference of correlated parameters: the distance to a limit is
    sqrt(x^2 + y^2 - 2 r x y), x and y being the distances of the two single limits on the sides that matter.
    """
    first, second = found.first, found.second
    *variances, both = found.apart()
    r = (both - sum(variances)) / (2 * float(np.sqrt(variances[0] * variances[1]))) if min(variances) > 0 else 0.0
    z = np.abs(GRID)
    low_1, high_1 = auc_limits(first, float(np.sqrt(variances[0])), found.smaller, z)
    low_2, high_2 = auc_limits(second, float(np.sqrt(variances[1])), found.smaller, z)

    def distance(x: Floats, y: Floats) -> Floats:
        return np.sqrt(np.maximum(x * x + y * y - 2 * r * x * y, 0.0))

    lowers = wald.estimate - distance(second - low_2, ratio * (high_1 - first))
    uppers = wald.estimate + distance(high_2 - second, ratio * (first - low_1))
    return Curve(
        estimate=wald.estimate,
        champion=wald.champion,
        challenger=wald.challenger,
        se=wald.se,
        n=wald.n,
        method="mover",
        limits=monotone(np.where(GRID < 0, uppers, lowers)),
    )


def delong_single(y: Array, score: Array, *, weights: Floats | None = None) -> Contrast | Unjudged:
    """Judge one AUC alone, outcomes and score of shape (n,): logit interval on DeLong's error; a^(1/n_min) when perfect.

    Near one (see delong_difference) the envelope with Newcombe's score interval: there the logit interval alone is above
    the truth up to four times as often as it may be (docs/decisions/0017). Scores that are all equal have an AUC of one half
    without any error: as much as the smaller class can show. Unjudged when a class has fewer than two rows. Raises
    BadInputError on scores that are not finite.
    """
    positive, values = binary(y), finite(score, "the challenger's scores")
    same_rows(positive, values)
    if reason := _too_few(positive):
        return Unjudged(reason=reason, n=len(positive))
    parts = _components(positive, values, weights)
    return area_single(parts.auc, float(np.sqrt(_variance(parts))), n=len(positive), sizes=parts.sizes)


def area_single(auc: float, se: float, *, n: int, sizes: tuple[float, float]) -> Contrast:
    """Judge one AUC of `n` rows as delong_single does; `sizes` are those of the classes, or what weighted rows are worth."""
    smaller = max(1, int(min(sizes)))
    known = Summary(estimate=auc, champion=None, challenger=auc, se=se, n=n, method="delong-logit")
    if auc in (0.0, 1.0):
        return ExtremeAuc(**(vars(known) | {"se": 0.0, "method": "auc-extreme"}), k=smaller)
    if se == 0:
        return Identical(**(vars(known) | {"method": "identical"}), k=smaller)
    limits = LogitAuc(**vars(known))
    if not _near_one(max(auc, 1 - auc), smaller):
        return limits
    return envelope(limits, ScoreAuc(**vars(known), ups=sizes[0], downs=sizes[1]), "delong-score")


def _near_one(auc: float, smaller: int) -> bool:
    """Say whether so few misplaced rows are to be expected that the error seen is not to be trusted."""
    return auc > _NEAR_ONE and smaller * (1 - auc) < _EXPECTED_FAILURES
