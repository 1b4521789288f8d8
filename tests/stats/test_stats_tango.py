"""Tango's score interval: published numbers, its dual p-values, and behaviour at the edges."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from release.stats.arrays import Array
from release.stats.contrast import Identical, Unjudged
from release.stats.mcnemar import mcnemar_asymptotic, mcnemar_mid_p
from release.stats.tango import tango_counts, tango_difference


def table(both: int, gained: int, lost: int, neither: int) -> tuple[Array, Array]:
    """Return which rows champion and challenger have right."""
    counts = (both, gained, lost, neither)
    return np.repeat([True, False, True, False], counts), np.repeat([True, True, False, False], counts)


def test_the_worked_table_has_its_published_interval() -> None:
    """(59, 6; 16, 80): estimate -.0621, interval (-.1240, -.0054)."""
    found = tango_difference(*table(59, 6, 16, 80))
    assert found.method == "tango"
    assert found.estimate == pytest.approx(-0.0621, abs=5e-5)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    assert (found.champion, found.challenger) == pytest.approx((75 / 161, 65 / 161))


def test_four_losses_in_two_hundred_are_seen() -> None:
    """(0, 4) of 200: the interval (-.050, -.001) excludes zero although mid-p does not."""
    found = tango_difference(*table(150, 0, 4, 46))
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((-0.050, -0.001), abs=5e-4)
    assert found.p_below(0) < 0.025


@pytest.mark.parametrize("counts", [(59, 6, 16, 80), (150, 0, 4, 46), (3, 2, 0, 1), (0, 10, 0, 0), (40, 1, 1, 40)])
def test_at_its_own_limit_the_score_is_the_quantile(counts: tuple[int, int, int, int]) -> None:
    """A margin equal to the lower limit has z = 1.960: the decision and the interval are one."""
    found = tango_difference(*table(*counts))
    for a, z in ((0.025, 1.959964), (0.005, 2.575829), (0.0005, 3.290527)):
        assert found.score(found.lower(a)) == pytest.approx(z, abs=1e-5)
        if found.upper(a) < 1:
            assert found.score(found.upper(a)) == pytest.approx(-z, abs=1e-5)


def test_no_difference_is_mcnemars_test() -> None:
    """The score at zero is McNemar's asymptotic test; the p-value that people read is his mid-p."""
    found = tango_difference(*table(59, 6, 16, 80))
    assert 2 * found.p_below(0) == pytest.approx(mcnemar_asymptotic(6, 16))
    assert found.p_two_sided() == pytest.approx(mcnemar_mid_p(6, 16))
    assert found.p_two_sided() == pytest.approx(0.034690, abs=5e-7)


def test_weighted_pairs_count_as_many_as_they_are_worth() -> None:
    """Equal weights are none; weights that vary widen the interval, and more so where they go with the difference."""
    one, two = table(59, 6, 16, 80)
    plain, equal = tango_difference(one, two), tango_difference(one, two, weights=np.full(161, 0.1))
    assert (equal.lower(0.01), equal.upper(0.01)) == pytest.approx((plain.lower(0.01), plain.upper(0.01)))
    weights = np.where(np.arange(161) % 10 == 0, 10.0, 1.0)
    varied = tango_difference(one, two, weights=weights)
    assert varied.estimate == pytest.approx(np.average(two.astype(float) - one, weights=weights))
    assert varied.upper(0.01) - varied.lower(0.01) > 1.3 * (plain.upper(0.01) - plain.lower(0.01))
    assert varied.n == 161


def test_weighted_labels_that_agree_are_worth_their_effective_rows() -> None:
    """Identical predictions prove what Kish's number of rows would."""
    one, _ = table(60, 0, 0, 4)
    weights = np.repeat([5.0, 1.0], [32, 32])
    found = tango_difference(one, one, weights=weights)
    assert -found.lower(0.025) == pytest.approx(1 - 0.025 ** (1 / int(192**2 / (32 * 26))))


@pytest.mark.parametrize(("n", "margin"), [(64, 0.0566), (189, 0.02), (73, 0.05)])
def test_a_table_without_discordance_supports_the_known_margins(n: int, margin: float) -> None:
    """The score interval with nothing discordant is z^2 / (n + z^2): 64 rows give .057, .02 needs 189 and .05 needs 73."""
    found = tango_counts(0, 0, n, champion=1, challenger=1)
    z2 = 1.959964**2
    assert -found.lower(0.025) == pytest.approx(z2 / (n + z2), rel=1e-6)
    assert -found.lower(0.025) <= margin + 5e-5
    assert -tango_counts(0, 0, n - 1, champion=1, challenger=1).lower(0.025) > margin


def test_labels_that_agree_are_identical_predictions() -> None:
    """Where both models are right on the same rows the limits are 0 -+ (1 - a^(1/n))."""
    found = tango_difference(*table(60, 0, 0, 4))
    assert isinstance(found, Identical)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx((0.025 ** (1 / 64) - 1, 1 - 0.025 ** (1 / 64)))


def test_swapping_the_models_flips_the_sign() -> None:
    """The mirrored table has the mirrored interval."""
    one, two = table(59, 6, 16, 80)
    there, back = tango_difference(one, two), tango_difference(two, one)
    assert (back.lower(0.01), back.upper(0.01)) == pytest.approx((-there.upper(0.01), -there.lower(0.01)))


def test_models_that_disagree_on_every_row_keep_limits_within_bounds() -> None:
    """All gained: the upper limit is 1 and the lower one is not."""
    found = tango_difference(*table(0, 12, 0, 0))
    assert found.upper(0.025) == pytest.approx(1)
    assert 0 < found.lower(0.025) < 1
    assert (found.p_above(-1), found.p_below(1), found.p_above(1)) == (0, 1, 1)


def test_losses_alone_are_no_surer_than_their_own_share() -> None:
    """29 lost of 2,000: the score excludes a loss of .01, Clopper & Pearson's lower limit of 29 in 2,000 does not."""
    found = tango_counts(0, 29, 2000, champion=0.9, challenger=0.8855)
    assert found.score(-0.01) < -1.959964
    assert found.upper(0.025) == pytest.approx(-beta.ppf(0.025, 29, 1972))
    assert found.upper(0.025) > -0.01
    assert found.p_below(-0.01) == pytest.approx(binom.sf(28, 2000, 0.01))
    assert found.score(found.lower(0.025)) == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(("n", "margin"), [(200, 0.05), (500, 0.01), (2000, 0.01)])
def test_losses_alone_fail_no_more_often_than_they_may(n: int, margin: float) -> None:
    """Added up over all counts of lost pairs where the challenger is worse by just the margin."""
    fails = [tango_counts(0, lost, n, champion=1, challenger=1).p_below(-margin) < 0.025 for lost in range(100)]
    assert binom.pmf(np.flatnonzero(fails), n, margin).sum() + binom.sf(99, n, margin) <= 0.025


def test_no_rows_are_no_judgement() -> None:
    """A slice without deciding rows gives a reason."""
    found = tango_difference(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    assert isinstance(found, Unjudged)
    assert found.reason == "no rows decide this metric"


def test_coverage_of_the_lower_limit_is_nominal() -> None:
    """With 120 pairs and 8% discordance the lower limit exceeds the truth about as often as it may."""
    draws = np.random.default_rng(8).multinomial(120, [0.04, 0.04, 0.92], size=1500)
    tangos = (tango_counts(int(b), int(c), 120, champion=0, challenger=0) for b, c, _ in draws)
    missed = sum(one.p_above(0) < 0.025 for one in tangos)
    assert missed / 1500 < 0.04
