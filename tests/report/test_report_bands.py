"""Bands around curves: coverage by simulation, and the edges."""

from __future__ import annotations

import numpy as np
import pytest
from report_samples import curves
from scipy.special import ndtr, ndtri

from release.report.bands import precision_band, roc_band
from release.report.curves import at_even_steps, cumulative, roc

POSITIVES, NEGATIVES, DRAWS = 150, 250, 400


@pytest.mark.parametrize("shift", [1.0, 2.5])
def test_bands_hold_the_true_curve_as_often_as_they_say(shift: float) -> None:
    """Of binormal scores, a point's 95% limits miss the truth in at most 8% of samples, and on average in at most 5%."""
    draw = np.random.default_rng(5)
    y = np.repeat([1, 0], [POSITIVES, NEGATIVES])
    missed: dict[str, list[list[bool]]] = {"roc": [], "precision": []}
    for _ in range(DRAWS):
        counted = cumulative(y, np.concatenate([draw.normal(shift, 1, POSITIVES), draw.normal(0, 1, NEGATIVES)]))
        rates = roc_band(counted, steps=10)[:-1]
        true = [float(ndtr(shift + ndtri(one.x))) for one in rates]
        missed["roc"].append([not one.low <= t <= one.high for one, t in zip(rates, true, strict=True)])
        shares = precision_band(counted, steps=10)
        false = [float(ndtr(ndtri(one.x) - shift)) for one in shares]
        true = [one.x * POSITIVES / (one.x * POSITIVES + f * NEGATIVES) for one, f in zip(shares, false, strict=True)]
        missed["precision"].append([not one.low <= t <= one.high for one, t in zip(shares, true, strict=True)])
    for name, every in missed.items():
        rate = np.mean(every, axis=0)
        assert rate.mean() <= 0.05, name
        assert rate.max() <= 0.08, name


def test_the_curve_lies_in_its_band() -> None:
    """At every step the height is the curve's own, between its limits, within 0 and 1."""
    sample = curves("binary", rows=400)
    counted = cumulative(sample.y, sample.champion)
    band = roc_band(counted, steps=20)
    heights = at_even_steps(roc(counted), steps=20)
    assert len(band) == 20
    assert [one.y for one in band] == pytest.approx(heights[1:], abs=0.02)
    for one in (*band, *precision_band(counted)):
        assert 0 <= one.low <= one.y <= one.high <= 1
    assert (band[-1].x, band[-1].low, band[-1].high) == (1.0, 1.0, 1.0)


def test_a_faultless_ranking_still_has_a_band() -> None:
    """Where every positive is above every negative, the band says what so few rows leave open."""
    y = np.repeat([1, 0], [20, 60])
    band = roc_band(cumulative(y, y.astype(np.float64)))
    assert all(one.y == 1 and one.high == 1 for one in band)
    assert band[0].low < 0.9


def test_few_rows_and_one_class_have_no_band() -> None:
    """Under five rows set no threshold, and without two classes there is no curve."""
    score = np.linspace(0, 1, 8)
    assert roc_band(cumulative(np.ones(8), score)) == precision_band(cumulative(np.zeros(8), score)) == ()
    few = np.repeat([1, 0], [4, 4])
    assert roc_band(cumulative(few, score)) == precision_band(cumulative(few, score)) == ()
    assert roc_band(cumulative(np.array([]), np.array([]))) == ()


def test_ties_everywhere_make_one_straight_line() -> None:
    """A constant score draws the diagonal, without a warning."""
    y = np.repeat([1, 0], [50, 50])
    assert [one.y for one in roc_band(cumulative(y, np.full(100, 0.5)))] == pytest.approx(
        [one.x for one in roc_band(cumulative(y, np.full(100, 0.5)))]
    )
