"""The bootstrap against published limits, exact methods, and its own promises."""

import re

import numpy as np
import pytest

from release.stats.arrays import Array
from release.stats.bootstrap import Interval, affordable, bootstrap_difference, bootstrap_single
from release.stats.contrast import Envelope, Identical, Unjudged
from release.stats.delong import delong_difference, delong_single
from release.stats.metrics import METRICS
from release.stats.tango import tango_difference

SIXTEEN = np.array([10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213])


def rows(seed: int = 0, n: int = 300, noise: tuple[float, float] = (0.4, 0.6)) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.4).astype(int)
    shared = rng.normal(size=n) + 1.5 * y - 0.7
    return y, *(1 / (1 + np.exp(-shared - size * rng.normal(size=n))) for size in noise)


@pytest.mark.parametrize(
    ("interval", "low", "high"),
    [(Interval.BCA, 32.31, 91.43), (Interval.PERCENTILE, 28.86, 84.21), (Interval.BASIC, 23.77, 79.12)],
)
def test_sixteen_numbers_have_their_published_limits(interval: Interval, low: float, high: float) -> None:
    """The mean of 16 skewed numbers; as mean absolute error of a prediction of nothing it is a loss, so turned round."""
    found = bootstrap_single(METRICS["mae"], np.zeros(16), SIXTEEN, seed=1, resamples=1_000_000, interval=interval)
    assert (-found.upper(0.025), -found.lower(0.025)) == pytest.approx((low, high), rel=0.005)
    assert found.challenger == pytest.approx(SIXTEEN.mean())
    assert found.estimate == -found.challenger


def test_few_numbers_have_expanded_limits() -> None:
    """Percentile limits at the t quantile, the error mended for n - 1, are wider than percentile limits."""
    values = np.random.default_rng(2).normal(10, 1, size=12)
    found, plain = (
        bootstrap_single(METRICS["mae"], np.zeros(12), values, seed=1, resamples=50_000, interval=kind)
        for kind in (Interval.EXPANDED, Interval.PERCENTILE)
    )
    student = 2.200985 * values.std(ddof=1) / np.sqrt(12)
    assert found.upper(0.025) - found.lower(0.025) == pytest.approx(2 * student, rel=0.05)
    assert plain.upper(0.025) - plain.lower(0.025) < 0.9 * 2 * student


def test_a_small_sample_chooses_expanded_limits_and_a_large_one_bca() -> None:
    """By the degrees of freedom of its error."""
    y = np.linspace(0, 1, 200)
    values = y + np.random.default_rng(3).uniform(-1, 1, size=200)
    small = bootstrap_single(METRICS["mae"], y[::10], values[::10], seed=0, resamples=999)
    large = bootstrap_single(METRICS["mae"], y, values, seed=0, resamples=999)
    assert (small.method, large.method) == ("bootstrap-expanded-t", "bootstrap-bca-t")


def test_the_area_agrees_with_delong() -> None:
    """Limits of a difference of AUCs end within a fifth of a standard error of the exact method's."""
    y, one, two = rows(n=600)
    exact = delong_difference(y, one, two)
    found = bootstrap_difference(METRICS["roc_auc"], y, one, two, seed=0, resamples=4000)
    assert found.estimate == pytest.approx(exact.estimate)
    assert found.se == pytest.approx(exact.se, rel=0.1)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx(
        (exact.lower(0.025), exact.upper(0.025)), abs=0.2 * exact.se
    )


def test_a_share_agrees_with_tango() -> None:
    """Limits of a difference of recalls end within a third of a standard error of the score interval's."""
    y, one, two = rows(n=1500)
    metric = METRICS["recall"]
    one, two = (metric.reads(p, threshold=0.5) for p in (one, two))
    exact = tango_difference(one[y == 1] == 1, two[y == 1] == 1)
    found = bootstrap_difference(metric, y, one, two, seed=0, resamples=4000)
    assert found.estimate == pytest.approx(exact.estimate)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx(
        (exact.lower(0.025), exact.upper(0.025)), abs=0.33 * exact.se
    )


def test_losses_are_turned_round() -> None:
    """A challenger with less noise has a positive difference of Brier scores, and its own values are as people know them."""
    y, good, bad = rows(n=800, noise=(0.1, 1.5))
    metric = METRICS["brier_score"]
    found = bootstrap_difference(metric, y, bad, good, seed=0, resamples=999)
    assert found.lower(0.025) > 0
    assert (found.champion, found.challenger) == pytest.approx((metric.compute(y, bad), metric.compute(y, good)))
    assert found.estimate == pytest.approx(found.champion - found.challenger)


def test_a_relative_margin_scales_the_champion() -> None:
    """A loss is contrasted with (1 + r) times the champion's, draw by draw."""
    y, one, two = rows()
    found = bootstrap_difference(METRICS["log_loss"], y, one, two, seed=0, resamples=999, ratio=1.02)
    assert found.estimate == pytest.approx(1.02 * found.champion - found.challenger)


@pytest.mark.parametrize("name", ["brier_score", "f1", "average_precision", "rmse"])
def test_the_order_of_rows_is_immaterial_and_the_seed_decides(name: str) -> None:
    """Shuffled rows give the same limits; the same seed gives the same bits; another seed does not."""
    y, one, two = rows(n=90)
    metric = METRICS[name]
    one, two = (metric.reads(p, threshold=0.5) for p in (one, two))
    mixed = np.random.default_rng(1).permutation(90)
    found = [
        bootstrap_difference(metric, y[order], one[order], two[order], seed=seed, resamples=999)
        for order, seed in ((slice(None), 5), (slice(None), 5), (mixed, 5), (slice(None), 6))
    ]
    first, again, shuffled, other = ([found.se, *(part.lower(0.013) for part in found.parts)] for found in found)
    assert first == again
    assert shuffled == pytest.approx(first, abs=1e-9)
    assert other[:2] != pytest.approx(first[:2], abs=1e-9)
    assert other[2:] == pytest.approx(first[2:], abs=1e-12)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "average_precision", "rmse", "median_absolute_error"])
def test_swapping_the_models_mirrors_the_limits(name: str) -> None:
    """Whichever model is called champion, the same resamples are drawn."""
    metric, (y, one, two) = METRICS[name], rows()
    one, two = (metric.reads(p, threshold=0.5) for p in (one, two))
    there = bootstrap_difference(metric, y, one, two, seed=0, resamples=999)
    back = bootstrap_difference(metric, y, two, one, seed=0, resamples=999)
    assert back.estimate == pytest.approx(-there.estimate)
    for a in (0.1, 0.025, 0.001):
        assert (back.lower(a), back.upper(a)) == pytest.approx((-there.upper(a), -there.lower(a)), abs=1e-9)


def test_a_monotone_transformation_of_the_scores_changes_nothing() -> None:
    """A metric of ranks is drawn and judged alike whatever scale the scores have."""
    y, one, two = rows()
    plain, stretched = (
        bootstrap_difference(METRICS["average_precision"], y, first, second, seed=0, resamples=999)
        for first, second in ((one, two), (np.exp(7 * one), two**3 - 5))
    )
    for a in (0.1, 0.001):
        assert (stretched.lower(a), stretched.upper(a)) == pytest.approx((plain.lower(a), plain.upper(a)), abs=1e-12)


def test_the_tail_goes_on_beyond_the_draws() -> None:
    """With 199 draws a limit at one in a million is still farther out than one at one in a thousand."""
    found = bootstrap_difference(METRICS["brier_score"], *rows(), seed=0, resamples=199).parts[0]
    assert found.lower(1e-6) < found.lower(1e-3) - found.se
    assert 0 < found.p_above(found.lower(1e-6)) < 2e-6


def test_a_row_that_outweighs_the_rest_is_no_judgement() -> None:
    """One error of a hundred hides all others of a root mean squared error; the values are still told."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=200)
    one, two = y + 0.1 * rng.normal(size=200), y + 0.1 * rng.normal(size=200)
    two[7] = y[7] + 100
    found = bootstrap_difference(METRICS["rmse"], y, one, two, seed=0, resamples=999)
    assert isinstance(found, Unjudged)
    assert re.fullmatch(r"one row holds \d+% of the squared deviations of rmse: no interval can be trusted", found.reason)
    assert found.challenger == pytest.approx(METRICS["rmse"].compute(y, two))
    assert found.champion == pytest.approx(METRICS["rmse"].compute(y, one))


def test_one_gained_row_is_no_stronger_evidence_than_none() -> None:
    """Labels that differ in a single row have limits no tighter than identical labels would."""
    y, one, _ = rows()
    label = (one > 0.5).astype(int)
    other = label.copy()
    other[np.flatnonzero((y == 1) & (label == 0))[0]] = 1
    found = bootstrap_difference(METRICS["f1"], y, label, other, seed=0, resamples=999)
    assert isinstance(found, Envelope)
    assert found.method.endswith("-identical")
    assert found.lower(0.025) == pytest.approx(found.estimate - (1 - 0.025 ** (1 / y.sum())))


@pytest.mark.parametrize("name", ["brier_score", "f1", "average_precision", "balanced_accuracy"])
def test_identical_predictions_of_a_bounded_metric(name: str) -> None:
    """0 -+ (1 - a^(1/k)), k the deciding rows, and a p-value of 1."""
    y, one, _ = rows()
    metric = METRICS[name]
    one = metric.reads(one, threshold=0.5)
    found = bootstrap_difference(metric, y, one, one.copy(), seed=0, resamples=199)
    assert isinstance(found, Identical)
    k = metric.deciding_rows(y).sum()
    assert (found.estimate, found.lower(0.025), found.p_two_sided()) == (0, pytest.approx(0.025 ** (1 / k) - 1), 1)


def test_identical_predictions_of_an_unbounded_metric() -> None:
    """[0, 0], and the method says that it is no evidence about other rows."""
    y, one, _ = rows()
    found = bootstrap_difference(METRICS["log_loss"], y, one, one, seed=0, resamples=199)
    assert (found.lower(0.025), found.upper(0.025), found.method) == (0, 0, "identical-unbounded")


def test_identical_predictions_with_a_relative_margin() -> None:
    """A bounded metric must have the rows to show it; an unbounded one needs no more than its own spread."""
    y, one, _ = rows()
    bounded = bootstrap_difference(METRICS["brier_score"], y, one, one, seed=0, resamples=999, ratio=1.02)
    unbounded = bootstrap_difference(METRICS["log_loss"], y, one, one, seed=0, resamples=999, ratio=1.02)
    assert bounded.lower(0.025) == pytest.approx(bounded.estimate - (1 - 0.025 ** (1 / 300)))
    assert unbounded.lower(0.025) > 0


def test_a_perfect_score_is_not_certain() -> None:
    """An F1 of 1 has the lower limit that its positives support, like a perfect AUC."""
    y = rows()[0]
    found = bootstrap_single(METRICS["f1"], y, y, seed=0, resamples=199)
    assert (found.estimate, found.lower(0.025)) == (1, pytest.approx(0.025 ** (1 / y.sum())))


@pytest.mark.parametrize("name", ["brier_score", "roc_auc"])
def test_rows_that_belong_together_count_as_one(name: str) -> None:
    """Every row four times over, grouped, is as uncertain as once, and twice as uncertain as ungrouped rows claim."""
    y, one, two = rows(n=120)
    many = [np.repeat(column, 4) for column in (y, one, two)]
    groups = np.repeat(np.arange(120), 4)
    once = bootstrap_difference(METRICS[name], y, one, two, seed=0, resamples=4000)
    grouped = bootstrap_difference(METRICS[name], *many, seed=0, resamples=4000, groups=groups)
    naive = bootstrap_difference(METRICS[name], *many, seed=0, resamples=4000)
    assert grouped.method == "bootstrap-groups"
    assert grouped.se == pytest.approx(once.se, rel=0.1)
    assert naive.se == pytest.approx(once.se / 2, rel=0.1)
    assert grouped.n == 480


def test_limits_by_groups_cover() -> None:
    """With twenty groups whose rows share an error, 95% limits miss about 5% of the time."""
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(20), 5)
        errors = 50 + rng.normal(size=20)[groups] + 0.5 * rng.normal(size=100)
        found = bootstrap_single(METRICS["mae"], np.zeros(100), errors, seed=seed, resamples=499, groups=groups)
        missed += isinstance(found, Unjudged) or not found.lower(0.025) <= -50 <= found.upper(0.025)
    assert missed <= 20


def test_groups_that_seldom_hold_a_positive_are_no_judgement() -> None:
    """When resamples often have no positive the reason says so."""
    y = np.repeat([1, 0], [3, 37])
    groups = np.concatenate([np.zeros(8), np.arange(1, 33) % 11 + 1])
    found = bootstrap_single(METRICS["recall"], y, np.ones(40, dtype=int), seed=0, resamples=499, groups=groups)
    assert isinstance(found, Unjudged)
    assert found.reason.startswith("recall is undefined on ")
    assert found.reason.endswith("too few groups")


def test_whole_number_weights_are_repeated_rows_in_the_estimate() -> None:
    """A row of weight 2 counts twice."""
    y, one, two = rows(n=100)
    weights = np.random.default_rng(0).integers(1, 4, size=100)
    weighted = bootstrap_difference(METRICS["average_precision"], y, one, two, seed=0, resamples=499, weights=weights)
    repeated = [np.repeat(column, weights) for column in (y, one, two)]
    assert weighted.estimate == pytest.approx(
        bootstrap_difference(METRICS["average_precision"], *repeated, seed=0, resamples=9).estimate
    )
    assert weighted.n == 100


def test_strata_can_be_given() -> None:
    """Sites with different levels of error add nothing to the error of a mean drawn within sites."""
    site = np.repeat([0, 1], 100)
    values = 10.0 + 20 * site + np.random.default_rng(0).uniform(-1, 1, size=200)
    within = bootstrap_single(METRICS["mae"], np.zeros(200), values, seed=0, resamples=999, strata=site)
    across = bootstrap_single(METRICS["mae"], np.zeros(200), values, seed=0, resamples=999)
    assert within.se < across.se / 5


def test_one_class_is_no_judgement() -> None:
    """The gate is told why, instead of an exception or a number."""
    found = bootstrap_single(METRICS["average_precision"], np.zeros(9), np.arange(9.0), seed=0)
    assert found == Unjudged(reason="no positive among the rows", n=9)


def test_a_single_area_agrees_with_delong() -> None:
    """Limits of one AUC end within a third of a standard error of the logit interval's."""
    y, one, _ = rows(n=500)
    exact, found = delong_single(y, one), bootstrap_single(METRICS["roc_auc"], y, one, seed=0, resamples=4000)
    assert (found.lower(0.025), found.upper(0.025)) == pytest.approx(
        (exact.lower(0.025), exact.upper(0.025)), abs=0.33 * exact.se
    )


@pytest.mark.parametrize(
    ("resamples", "units", "expected"),
    [(50_000, 1000, 50_000), (50_000, 10_000, 20_000), (50_000, 10**6, 1999), (999, 10**6, 999)],
)
def test_large_samples_make_do_with_fewer_draws(resamples: int, units: int, expected: int) -> None:
    """As many as are wanted, or the work allows, and never fewer than 1,999 unless fewer are asked for."""
    assert affordable(resamples, units, 200_000_000) == expected


def test_too_few_draws_never_narrow_the_limits() -> None:
    """With 19 draws the limits still hold Student's t on the influence of rows between them."""
    found = bootstrap_difference(METRICS["average_precision"], *rows(), seed=0, resamples=19)
    curve, plain, corrected = found.parts
    for a in (0.025, 1e-5):
        assert found.lower(a) == min(part.lower(a) for part in (curve, plain, corrected)) <= plain.lower(a)
        assert found.upper(a) == max(part.upper(a) for part in (curve, plain, corrected)) >= plain.upper(a)


def test_very_large_samples_are_judged_by_influence() -> None:
    """A quarter of a million rows are not drawn again where work is limited; error and limits are those of the draws."""
    rng = np.random.default_rng(0)
    one, two = rng.uniform(-1, 1, size=(2, 250_001))
    y = np.zeros(250_001)
    found = bootstrap_difference(METRICS["rmse"], y, one, two, seed=0, resamples=9999, work=1)
    drawn = bootstrap_difference(METRICS["rmse"], y, one, two, seed=0, resamples=200)
    assert (found.method, drawn.method) == ("influence", "bootstrap-bca-t")
    assert found.se == pytest.approx(drawn.se, rel=0.15)
    assert found.lower(0.1) == pytest.approx(drawn.lower(0.1), abs=0.4 * found.se)


@pytest.mark.parametrize(("count", "parts"), [(30, 2), (60, 3)])
def test_many_groups_are_no_narrower_than_bca(count: int, parts: int) -> None:
    """Student's t on the error of groups, corrected for skewness, and above fifty groups BCa's limits too."""
    y, one, two = rows()
    found = bootstrap_difference(
        METRICS["f1"], y, one > 0.5, two > 0.5, seed=0, resamples=999, groups=np.arange(300) % count
    )
    assert found.method == "bootstrap-groups"
    assert len(found.parts) == parts


@pytest.mark.parametrize(("name", "n"), [("f1", 100), ("precision", 300)])
def test_limits_of_labels_cover_where_bca_alone_does_not(name: str, n: int) -> None:
    """Two equal models at one-sided .005: BCa is beyond the truth about four times too often, the wider of it and t not."""
    metric, missed, plain, draws = METRICS[name], 0, 0, 300
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        y = (rng.random(n) < 0.3).astype(int)
        shared = 0.95 * rng.normal(size=n) + 2 * y - 1.85
        one, two = ((shared + 0.32 * rng.normal(size=n) > 0).astype(int) for _ in range(2))
        found = bootstrap_difference(metric, y, one, two, seed=seed, resamples=999)
        curve = getattr(found, "parts", (found,))[0]
        missed += not found.lower(0.005) <= 0 <= found.upper(0.005)
        plain += not curve.lower(0.005) <= 0 <= curve.upper(0.005)
    assert missed / draws <= 0.02
    assert plain / draws > 0.02
