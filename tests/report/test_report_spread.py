"""The difference's distribution: it goes through the recorded limits and nowhere else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from report_samples import comparison
from scipy.special import ndtri

from release.report.judged import bar
from release.report.spread import Spread, spread


def _spread(**changes: float) -> Spread:
    drawn = bar(comparison(**changes))
    assert drawn is not None
    found = spread(drawn, 0.95)
    assert found is not None
    return found


@pytest.mark.parametrize("middle", [0.0439, 0.025, 0.066])
def test_the_judged_interval_is_what_is_drawn(middle: float) -> None:
    """At the recorded level the picture's limits are the record's, and half of it lies on each side of the estimate."""
    found = _spread(difference=middle)
    assert found.ends(0.95) == pytest.approx((0.021, 0.067))
    assert found.at(0.0) == pytest.approx(middle)


@pytest.mark.parametrize("middle", [0.0439, 0.0215, 0.0665])
def test_more_confidence_never_gives_a_narrower_interval(middle: float) -> None:
    """Quantiles rise, however lopsided the interval is, and their differences are the density."""
    found = _spread(difference=middle)
    values = [found.at(z) for z in np.linspace(-4, 4, 400)]
    assert all(a < b for a, b in itertools.pairwise(values))
    points = found.density()
    assert max(height for _, height in points) == 1
    assert all(a[0] < b[0] for a, b in itertools.pairwise(points))


def test_a_symmetric_interval_is_the_normal_distribution() -> None:
    """With the estimate in the middle, every limit is estimate and quantile times error."""
    found = _spread(difference=0.044)
    error = (0.067 - 0.021) / (2 * float(ndtri(0.975)))
    for level in (0.5, 0.8, 0.99):
        z = float(ndtri((1 + level) / 2))
        assert found.ends(level) == pytest.approx((0.044 - z * error, 0.044 + z * error))


def test_without_a_width_there_is_nothing_to_draw() -> None:
    """One model against itself, or a size, has no distribution; an estimate outside its interval is not taken over."""
    same = bar(comparison(low=0.0, high=0.0, high_family=0.0, difference=0.0))
    assert same is not None
    assert spread(same, 0.95) is None
    drawn = bar(comparison())
    assert drawn is not None
    assert spread(drawn, 1.0) is None
    assert _spread(difference=0.5).at(0.0) == pytest.approx(0.044)
