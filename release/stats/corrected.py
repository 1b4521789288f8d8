"""The corrected resampled t-test: two recipes trained again and again on parts of the same rows.

Scores of overlapping training sets are not independent, and a plain t-test finds differences that are none. Nadeau & Bengio
(2003), "Inference for the Generalization Error", Machine Learning 52, 239-281, widen the variance. It is about recipes, not
about any one artifact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """Mean of the differences, its corrected standard error, and degrees of freedom."""

    mean: float
    se: float
    df: int

    @property
    def t(self) -> float:
        """The mean in standard errors; 0 where both are 0, infinite where only the error is."""
        if self.se == 0:
            return math.copysign(math.inf, self.mean) if self.mean else 0.0
        return self.mean / self.se

    @property
    def p_one_sided(self) -> float:
        """The probability, if there were no difference, of a t at least as far on this side."""
        return float(student.sf(abs(self.t), self.df))

    @property
    def p_two_sided(self) -> float:
        """The probability, if there were no difference, of a t at least as far on either side."""
        return min(1.0, 2 * self.p_one_sided)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the two-sided interval of the mean."""
        half = float(student.ppf((1 + level) / 2, self.df)) * self.se if self.se else 0.0
        return self.mean - half, self.mean + half


def corrected(differences: Sequence[float], *, test_share: float) -> Corrected:
    """Return the corrected test of n differences, one for each resample.

    `test_share` is n_test/n_train, the rows judged by over those trained on (1/(folds - 1) in cross-validation). The
    variance of the mean is (1/n + n_test/n_train) times the sample variance, df = n - 1 (Nadeau & Bengio 2003, section
    3.5; Bouckaert & Frank 2004, equation 1, for repeated cross-validation). Raises ValueError for fewer than two.
    """
    n = len(differences)
    if n < 2:  # noqa: PLR2004 (a variance needs two)
        raise ValueError("a variance needs two differences")
    spread = float(np.var(differences, ddof=1))
    return Corrected(mean=float(np.mean(differences)), se=math.sqrt((1 / n + test_share) * spread), df=n - 1)
