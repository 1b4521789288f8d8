"""DeLong's method: published numbers, its definition by counting pairs, and behaviour at the edges."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from release.errors import BadInputError
from release.stats.arrays import Array
from release.stats.contrast import Envelope, Identical, Normal, Summary, Unjudged
from release.stats.delong import delong_covariance, delong_difference, delong_equality, delong_single

OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1
4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1
4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1
3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""


@pytest.fixture
def ovarian() -> tuple[Array, Array]:
    """Outcomes, and albumin, total protein and K-G scores of DeLong's 43 patients."""
    table = np.array(OVARIAN.split(), dtype=float).reshape(43, 4)
    return table[:, 3], np.array([table[:, 0], table[:, 1], 10 - table[:, 2]])


def binormal(
    seed: int, positives: int, negatives: int, separations: Sequence[float], noise: float = 0.5
) -> tuple[Array, list[Array]]:
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0], [positives, negatives])
    shared = rng.normal(size=len(y))
    return y, [shared + noise * rng.normal(size=len(y)) + separation * y for separation in separations]


def test_the_ovarian_areas_and_errors_are_those_in_print(ovarian: tuple[Array, Array]) -> None:
    """AUCs and standard errors equal the SAS/STAT listing to its five digits."""
    aucs, covariance = delong_covariance(*ovarian)
    assert aucs == pytest.approx([0.73656, 0.64785, 0.72581], abs=5e-6)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.09269, 0.10005, 0.10282], abs=5e-6)


def test_the_ovarian_areas_are_equal_by_the_printed_chi_square(ovarian: tuple[Array, Array]) -> None:
    """The test of all three areas has the printed statistic, degrees of freedom and p-value."""
    chi2, df, p = delong_equality(*ovarian)
    assert (chi2, df, p) == (pytest.approx(2.53398, abs=5e-6), 2, pytest.approx(0.28168, abs=5e-6))


def test_the_ovarian_difference_is_that_in_print(ovarian: tuple[Array, Array]) -> None:
    """ALB - K-G has the printed estimate, interval and p-value."""
    y, (alb, _, kg) = ovarian
    found = delong_difference(y, kg, alb)
    printed = Normal(**{field.name: getattr(found, field.name) for field in fields(Summary)})
    assert found.estimate == pytest.approx(0.01075, abs=5e-6)
    assert (printed.lower(0.025), printed.upper(0.025)) == pytest.approx((-0.17612, 0.19762), abs=5e-6)
    assert printed.p_two_sided() == pytest.approx(0.91021, abs=5e-6)


def test_twelve_rows_of_a_class_are_too_few_for_the_printed_limits(ovarian: tuple[Array, Array]) -> None:
    """The gate's are Student's t of 11 degrees of freedom, or MOVER's where those are wider."""
    y, (alb, _, kg) = ovarian
    found = delong_difference(y, kg, alb)
    assert found.method == "delong-mover"
    few, mover = found.parts
    assert few.upper(0.025) == pytest.approx(found.estimate + 2.200985 * found.se)
    assert (found.lower(0.025), found.upper(0.025)) == (
        min(few.lower(0.025), mover.lower(0.025)),
        max(few.upper(0.025), mover.upper(0.025)),
    )


def test_two_hundred_rows_of_a_class_have_the_printed_kind_of_limits() -> None:
    """From there on the limits are Normal, as long as no AUC is near one."""
    wanted = {199: "delong-mover", 200: "delong"}
    for positives, method in wanted.items():
        y, (one, two) = binormal(8, positives, 300, [1.0, 1.1])
        found = delong_difference(y, one, two)
        assert found.method == method
    assert found.lower(0.025) == pytest.approx(found.estimate - 1.959964 * found.se)


def test_limits_on_ten_positives_cover_where_plain_ones_do_not() -> None:
    """Ten of 200 rows, AUC .87 against .85: plain limits are above the truth .055 of the time, these .011 (10,000 draws)."""
    misses = plain = 0
    for seed in range(500):
        y, (one, two) = binormal(seed, 10, 190, [1.5997, 1.4717], noise=np.sqrt(1 / 9))
        found = delong_difference(y, one, two)
        misses += found.lower(0.025) > -0.0215
        plain += found.estimate - 1.96 * found.se > -0.0215
    assert misses <= 12
    assert plain > 20


@pytest.mark.parametrize("seed", range(5))
def test_the_covariance_is_what_counting_all_pairs_gives(seed: int) -> None:
    """Sorting gives the same components as comparing every positive with every negative, ties included."""
    y, scores = binormal(seed, 17, 23, [1.0, 0.6])
    scores = np.round(np.array(scores), 1)
    ups, downs = scores[:, y == 1], scores[:, y == 0]
    wins = (ups[:, :, None] > downs[:, None, :]) + 0.5 * (ups[:, :, None] == downs[:, None, :])
    expected = np.cov(wins.mean(axis=2)) / 17 + np.cov(wins.mean(axis=1)) / 23
    aucs, covariance = delong_covariance(y, scores)
    assert covariance == pytest.approx(expected, rel=1e-12)
    assert aucs == pytest.approx([roc_auc_score(y, score) for score in scores], rel=1e-12)


def test_a_ratio_weighs_the_champion() -> None:
    """The estimate and error for a relative margin follow from the covariance."""
    y, (one, two) = binormal(3, 60, 80, [0.5, 0.6])
    (a, b), v = delong_covariance(y, np.array([one, two]))
    found = delong_difference(y, one, two, ratio=0.98)
    assert found.estimate == pytest.approx(b - 0.98 * a)
    assert found.se == pytest.approx(np.sqrt(v[1, 1] + 0.98**2 * v[0, 0] - 2 * 0.98 * v[0, 1]))


@pytest.mark.parametrize("separation", [0.8, 3.2])
def test_the_order_of_rows_is_immaterial(separation: float) -> None:
    """Shuffled rows give the same limits."""
    y, (one, two) = binormal(1, 40, 60, [separation, separation + 0.2])
    mixed = np.random.default_rng(0).permutation(len(y))
    first, second = delong_difference(y, one, two), delong_difference(y[mixed], one[mixed], two[mixed])
    assert (second.lower(0.01), second.upper(0.01)) == pytest.approx((first.lower(0.01), first.upper(0.01)), abs=1e-12)


@pytest.mark.parametrize("separation", [0.8, 3.2])
def test_swapping_the_models_flips_the_sign(separation: float) -> None:
    """The mirrored comparison has the mirrored interval and the same two-sided p-value."""
    y, (one, two) = binormal(2, 40, 60, [separation, separation + 0.2])
    there, back = delong_difference(y, one, two), delong_difference(y, two, one)
    assert back.estimate == pytest.approx(-there.estimate)
    assert back.lower(0.01) == pytest.approx(-there.upper(0.01))
    assert back.p_two_sided() == pytest.approx(there.p_two_sided())


def test_near_one_the_interval_is_the_wider_of_two() -> None:
    """With few expected misplaced rows the limits are no tighter than Wald's and than those built from logit limits."""
    y, (one, two) = binormal(4, 64, 107, [3.6, 3.2])
    found = delong_difference(y, one, two)
    assert isinstance(found, Envelope)
    assert found.method == "delong-mover"
    wald, mover = found.parts
    assert found.lower(0.025) == min(wald.lower(0.025), mover.lower(0.025))
    assert found.upper(0.025) == max(wald.upper(0.025), mover.upper(0.025))
    assert mover.lower(0.025) < wald.lower(0.025)


def test_limits_near_one_cover_where_plain_ones_do_not() -> None:
    """AUC .99 against .98, 64 and 107 rows: plain limits are above the truth .097 of the time, these .015 (2,000 draws)."""
    misses = plain = 0
    for seed in range(500):
        y, (one, two) = binormal(seed, 64, 107, np.sqrt(2) * np.array([2.3263, 2.0537]) * np.sqrt(1.1), noise=np.sqrt(0.1))
        found = delong_difference(y, one, two)
        misses += found.lower(0.025) > -0.01
        plain += found.estimate - 1.96 * found.se > -0.01
    assert misses / 500 <= 0.025
    assert 0.07 < plain / 500 < 0.13


def test_two_models_that_order_all_pairs_alike_are_identical() -> None:
    """A monotone transformation of the scores shows no more than the smaller class can."""
    y, (one, _) = binormal(5, 64, 107, [1.0, 1.0])
    found = delong_difference(y, one, np.exp(one))
    assert isinstance(found, Identical)
    assert found.lower(0.025) == pytest.approx(-(1 - 0.025 ** (1 / 64)))
    assert found.p_two_sided() == 1


def test_identical_predictions_clear_a_relative_margin_only_with_enough_rows() -> None:
    """With a ratio the spread of the AUC itself and the bound of identical predictions both count."""
    y, (one, _) = binormal(5, 64, 107, [1.0, 1.0])
    found = delong_difference(y, one, one, ratio=0.98)
    assert found.estimate == pytest.approx(0.02 * roc_auc_score(y, one))
    assert found.lower(0.025) == pytest.approx(found.estimate - (1 - 0.025 ** (1 / 64)))


def test_two_perfect_models_are_not_certain_to_be_equal_to_a_worse_one() -> None:
    """A perfect challenger has a lower limit below its estimate, though its own error is zero."""
    y, (one, _) = binormal(6, 30, 50, [2.0, 2.0])
    perfect = y + 0.1 * np.tanh(one)
    found = delong_difference(y, one, perfect)
    assert found.challenger == 1
    assert found.lower(0.025) < found.estimate < found.upper(0.025)


def test_a_single_area_has_logit_limits() -> None:
    """The interval of one AUC stays inside (0, 1) and is symmetric in the log-odds."""
    y, (one, _) = binormal(7, 30, 50, [1.2, 0.0])
    found = delong_single(y, one)
    assert found.method == "delong-logit"
    low, high = found.lower(0.025), found.upper(0.025)
    log_odds = [np.log(p / (1 - p)) for p in (low, found.estimate, high)]
    assert log_odds[1] - log_odds[0] == pytest.approx(log_odds[2] - log_odds[1])
    assert 0 < low < found.estimate < high < 1
    assert found.champion is None


def test_a_single_area_near_one_is_no_narrower_than_newcombes() -> None:
    """The score interval solves |AUC - t| = z * sqrt(V(t)), V of Newcombe's fifth method; the wider limits count."""
    y, (one, _) = binormal(7, 30, 50, [2.9, 0.0])
    found = delong_single(y, one)
    assert found.method == "delong-score"
    logit, score = found.parts
    for t in (score.lower(0.025), score.upper(0.025)):
        inflated = 1 + 39 * (1 - t) / (2 - t) + 39 * t / (1 + t)
        assert abs(found.estimate - t) == pytest.approx(1.959964 * np.sqrt(t * (1 - t) * inflated / 1500), rel=1e-5)
    assert found.lower(0.025) == min(logit.lower(0.025), score.lower(0.025)) == score.lower(0.025)


def test_a_floor_near_one_is_not_cleared_by_luck() -> None:
    """AUC .983 on 40 and 360 rows: the lower limit exceeds the truth no more often than it may, the logit limit does."""
    misses = plain = 0
    for seed in range(400):
        y, (one, _) = binormal(seed, 40, 360, [3.0 * np.sqrt(1.25), 0.0])
        found = delong_single(y, one)
        misses += found.lower(0.025) > 0.98305
        plain += getattr(found, "parts", (found,))[0].lower(0.025) > 0.98305
    assert misses <= 16
    assert plain > 16


def test_scores_that_are_all_equal_are_not_certain() -> None:
    """An AUC of one half without any error is as well known as its smaller class allows."""
    y = np.repeat([1, 0], [12, 50])
    found = delong_single(y, np.ones(62))
    assert (found.estimate, found.lower(0.025)) == (0.5, pytest.approx(0.5 - (1 - 0.025 ** (1 / 12))))


@pytest.mark.parametrize("separation", [0.8, 3.2])
def test_whole_weights_give_the_area_of_repeated_rows(separation: float) -> None:
    """A row of weight 3 counts three times in both areas, but is one row of evidence."""
    y, (one, two) = binormal(1, 40, 60, [separation, separation + 0.2])
    weights = np.random.default_rng(2).integers(1, 4, size=100)
    found = delong_difference(y, one, two, weights=weights.astype(float))
    repeated = delong_difference(*(np.repeat(column, weights) for column in (y, one, two)))
    assert (found.champion, found.challenger) == pytest.approx((repeated.champion, repeated.challenger))
    assert found.se > repeated.se
    assert found.n == 100


def test_weighted_limits_cover() -> None:
    """Weights from 1 to 10, AUC .76: 95% limits of the difference miss about 5% of the time."""
    missed = 0
    for seed in range(400):
        y, (one, two) = binormal(seed, 80, 120, [1.1, 1.1])
        weights = np.random.default_rng(seed).integers(1, 11, size=200).astype(float)
        found = delong_difference(y, one, two, weights=weights)
        missed += not found.lower(0.025) <= 0 <= found.upper(0.025)
    assert missed <= 33


def test_a_perfect_area_is_bounded_by_the_smaller_class() -> None:
    """64 positives, all above all negatives, support at most .025^(1/64); the mirror image mirrors it."""
    y = np.repeat([1, 0], [64, 107])
    best, worst = delong_single(y, y * 1.0), delong_single(y, -1.0 * y)
    assert best.lower(0.025) == pytest.approx(0.025 ** (1 / 64))
    assert best.upper(0.025) == 1
    assert best.p_above(0.9) == pytest.approx(0.9**64)
    assert (worst.lower(0.025), worst.upper(0.025)) == (0, pytest.approx(1 - 0.025 ** (1 / 64)))


@pytest.mark.parametrize(
    ("y", "reason"), [([1, 1, 1], "only one class"), ([1, 0, 0], "only one row"), ([], "only one class")]
)
def test_without_two_rows_of_each_class_there_is_no_judgement(y: list[int], reason: str) -> None:
    """The gate is told why, instead of an exception or a number."""
    scores = np.arange(len(y), dtype=float)
    for found in (delong_difference(np.array(y), scores, scores[::-1]), delong_single(np.array(y), scores)):
        assert isinstance(found, Unjudged)
        assert reason in found.reason
        assert found.n == len(y)


def test_scores_that_are_not_numbers_are_refused() -> None:
    """The message says whose scores they are."""
    y = np.array([0, 0, 1, 1])
    with pytest.raises(BadInputError, match="1 of the challenger's scores are not finite"):
        delong_difference(y, np.arange(4.0), np.array([1, np.nan, 2, 3]))


def test_misuse_is_a_value_error() -> None:
    """Rows that do not match, and outcomes that are not 0 and 1, are bugs."""
    with pytest.raises(ValueError, match="different length"):
        delong_difference(np.array([0, 1]), np.arange(2.0), np.arange(3.0))
    with pytest.raises(ValueError, match="0 and 1"):
        delong_single(np.array([0, 1, 2]), np.arange(3.0))
