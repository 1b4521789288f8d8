"""The decision rule, line by line, against numbers that are computed here and not by the code that is judged."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import beta, norm, t

from release.artifact.serial import digest_of
from release.config.model import GateSpec, Relative
from release.judging.comparison import seed_for, seed_of
from release.judging.requirement import has_margins
from release.judging.rows import Outputs, Rows
from release.judging.rule import Case, Judgement, Requirement, judge, label, no_first_release, requirements
from release.records import Comparison, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PASS, FAIL, UNSURE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID
TINY = 1e-6


def primary(metric: str, margin: Any = None, **fields: Any) -> Requirement:
    return Requirement(metric=metric, role="primary", margin=margin, **fields)


def floor(metric: str, value: float, **fields: Any) -> Requirement:
    return Requirement(metric=metric, role="floor", floor=value, **fields)


def part(name: str, metric: str = "recall", margin: float = 0.9, **fields: Any) -> Requirement:
    return Requirement(metric=metric, role="slice", margin=margin, slice=name, **fields)


SIZE = Requirement(metric="size_mb", role="size", limit=10.0)
LATENCY = Requirement(metric="latency_ms", role="latency", limit=20.0)


def case(y: Any, champion: Any, challenger: Any, **fields: Any) -> Case:
    """Return two models' outputs on the same rows, labels at a half."""
    extra = {name: fields.pop(name) for name in ("groups", "weights") if name in fields}
    rows = Rows(
        y=np.asarray(y),
        champion=None if champion is None else Outputs(np.asarray(champion, dtype=np.float64), 0.5),
        challenger=Outputs(np.asarray(challenger, dtype=np.float64), 0.5),
        seed=11,
        **extra,
    )
    return Case(**{"rows": rows, "slices": {}, "same": False, **fields})


def decide(
    wanted: Sequence[Requirement], what: Case, *, alpha: float = 0.05, looks: int = 1, first: bool = False, **fields: Any
) -> Judgement:
    return judge(wanted, what, alpha=alpha, looks=looks, first=first, **fields)


def one(wanted: Requirement, what: Case, **fields: Any) -> Comparison:
    [found] = decide([wanted], what, **fields).comparisons
    return found


def scores(seed: int, n: int = 600, *, shift: float = 0.0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return outcomes and two correlated scores in 0..1 whose AUCs are about .85; `shift` favours the challenger."""
    draw = np.random.default_rng(seed)
    y = (draw.random(n) < 0.4).astype(np.int64)
    shared, first, second = draw.normal(size=(3, n))
    champion = norm.cdf(1.5 * y - 0.7 + 0.9 * shared + 0.45 * first)
    challenger = norm.cdf((1.5 + shift) * y - 0.7 + 0.9 * shared + 0.45 * second)
    return y, champion, challenger


def delong(y: NDArray[Any], *weighted: tuple[float, NDArray[Any]]) -> tuple[float, float]:
    """Return a weighted sum of AUCs and its standard error, by DeLong's definition over all pairs of rows."""
    ups, downs = y == 1, y == 0
    kernel: Any = 0.0
    for weight, score in weighted:
        above = score[ups][:, None] - score[downs][None, :]
        kernel = kernel + weight * ((above > 0) + 0.5 * (above == 0))
    by_up, by_down = kernel.mean(axis=1), kernel.mean(axis=0)
    variance = by_up.var(ddof=1) / len(by_up) + by_down.var(ddof=1) / len(by_down)
    return float(kernel.mean()), math.sqrt(variance)


# One comparison: a margin, absolute, and what is shown of it.


@pytest.mark.parametrize(("alpha", "looks"), [(0.05, 1), (0.05, 5), (0.1, 1), (0.2, 20)])
def test_limits_and_p_values_are_those_of_the_rule(alpha: float, looks: int) -> None:
    """A = alpha/(2H); the shown interval is two-sided 1 - 2a, the family's end one-sided a/m, p_margin against -margin."""
    y, champion, challenger = scores(1)
    d, se = delong(y, (1, challenger), (-1, champion))
    a = alpha / (2 * looks)
    wanted = [primary("roc_auc", 0.03), replace(primary("roc_auc", 0.05), role="guard"), SIZE]
    found = decide(wanted, case(y, champion, challenger, size_bytes=1), alpha=alpha, looks=looks).comparisons[0]
    assert found.difference == pytest.approx(d, abs=1e-12)
    assert found.low == pytest.approx(d - norm.ppf(1 - a) * se, abs=1e-12)
    assert found.high == pytest.approx(d + norm.ppf(1 - a) * se, abs=1e-12)
    assert found.high_family == pytest.approx(d + norm.ppf(1 - a / 2) * se, abs=1e-12)
    assert found.level == pytest.approx(1 - 2 * a, abs=1e-15)
    assert found.p_margin == pytest.approx(norm.sf((d + 0.03) / se), rel=1e-9)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(d) / se), rel=1e-9)
    assert (found.metric, found.role, found.margin, found.n, found.method) == ("roc_auc", "primary", 0.03, 600, "delong")
    assert found.challenger == pytest.approx(found.champion + d)


def test_the_verdict_turns_exactly_at_the_limits() -> None:
    """PASS above the lower limit, FAIL at or below the family's upper limit, INCONCLUSIVE between."""
    y, champion, challenger = scores(2, shift=-0.8)
    d, se = delong(y, (1, challenger), (-1, champion))
    low, family = d - norm.ppf(0.975) * se, d + norm.ppf(0.975) * se
    assert family < 0
    what = case(y, champion, challenger)
    assert one(primary("roc_auc", -low + TINY), what).verdict is PASS
    assert one(primary("roc_auc", -low - TINY), what).verdict is UNSURE
    assert one(primary("roc_auc", -family + TINY), what).verdict is UNSURE
    assert one(primary("roc_auc", -family - TINY), what).verdict is FAIL


def test_a_fail_needs_the_family_level() -> None:
    """What alone would fail is not sure enough beside another requirement that could fail too."""
    y, champion, challenger = scores(2, shift=-0.8)
    d, se = delong(y, (1, challenger), (-1, champion))
    alone, among_three = (d + norm.ppf(1 - 0.025 / m) * se for m in (1, 3))
    between = -(alone + among_three) / 2
    guards = [replace(primary(name, 0.9), role="guard") for name in ("recall", "accuracy")]
    what = case(y, champion, challenger, size_bytes=1)
    assert one(primary("roc_auc", between), what).verdict is FAIL
    assert decide([primary("roc_auc", between), SIZE], what).comparisons[0].verdict is FAIL
    assert decide([primary("roc_auc", between), *guards], what).comparisons[0].verdict is UNSURE


def test_the_point_estimate_never_decides() -> None:
    """A challenger that looks better but may be worse is not passed; one that looks worse may be."""
    y, champion, challenger = scores(3, n=60, shift=0.2)
    d, _ = delong(y, (1, challenger), (-1, champion))
    assert d > 0
    assert one(primary("roc_auc", 0.001), case(y, champion, challenger)).verdict is UNSURE
    y, champion, challenger = scores(4, n=4_000, shift=-0.05)
    d, _ = delong(y, (1, challenger), (-1, champion))
    assert d < 0
    assert one(primary("roc_auc", 0.03), case(y, champion, challenger)).verdict is PASS


@pytest.mark.parametrize(("b", "verdict"), [(-TINY, PASS), (TINY, UNSURE)])
def test_better_by_is_a_threshold_above_zero(b: float, verdict: Verdict) -> None:
    """The lower limit of the difference must exceed it."""
    y, champion, challenger = scores(5, shift=0.9)
    d, se = delong(y, (1, challenger), (-1, champion))
    low = d - norm.ppf(0.975) * se
    assert low > 0
    found = one(primary("roc_auc", better_by=low + b), case(y, champion, challenger))
    assert (found.verdict, found.margin) == (verdict, pytest.approx(low + b))
    assert found.p_margin == pytest.approx(norm.sf((d - low - b) / se), rel=1e-9)


def test_losses_are_turned_round() -> None:
    """A smaller error is a positive difference; the margin is in the metric's unit."""
    draw = np.random.default_rng(6)
    y = draw.normal(size=300)
    champion, challenger = y + draw.normal(0, 1.2, 300), y + draw.normal(0, 1.0, 300)
    found = one(primary("mae", 0.5), case(y, champion, challenger))
    errors = np.abs(champion - y), np.abs(challenger - y)
    assert (found.champion, found.challenger) == (pytest.approx(errors[0].mean()), pytest.approx(errors[1].mean()))
    assert found.difference == pytest.approx(errors[0].mean() - errors[1].mean())
    assert found.difference > 0
    assert found.verdict is PASS
    worse = one(primary("mae", 0.01), case(y, challenger, champion))
    assert worse.difference == pytest.approx(-found.difference)
    assert worse.verdict is FAIL


# Relative margins: the contrast, never a plugged-in margin.


def test_a_relative_margin_of_a_gain_is_a_contrast() -> None:
    """Challenger - (1 - r) champion against zero, with the champion's own error in it."""
    y, champion, challenger = scores(7)
    contrast, se = delong(y, (1, challenger), (-0.95, champion))
    found = one(primary("roc_auc", Relative(relative="5%")), case(y, champion, challenger))
    assert found.difference == pytest.approx(contrast, abs=1e-12)
    assert found.low == pytest.approx(contrast - norm.ppf(0.975) * se, abs=1e-12)
    assert found.p_margin == pytest.approx(norm.sf(contrast / se), rel=1e-9)
    assert (found.margin, found.verdict) == (0.05, PASS if contrast > norm.ppf(0.975) * se else UNSURE)
    d, plugged_se = delong(y, (1, challenger), (-1, champion))
    plugged = d + 0.05 * delong(y, (1, champion))[0] - norm.ppf(0.975) * plugged_se
    assert abs(found.low - plugged) > 1e-5


@pytest.mark.parametrize(("relative", "verdict"), [("20%", PASS), ("1%", FAIL)])
def test_a_relative_margin_of_a_loss_is_a_contrast(relative: str, verdict: Verdict) -> None:
    """(1 + r) champion - challenger against zero."""
    draw = np.random.default_rng(8)
    y = draw.normal(size=2_000)
    shared = draw.normal(size=2_000)
    champion, challenger = y + shared, y + 1.1 * shared + draw.normal(0, 0.05, 2_000)
    r = float(relative[:-1]) / 100
    pairs = (1 + r) * np.abs(champion - y) - np.abs(challenger - y)
    found = one(primary("mae", Relative(relative=relative)), case(y, champion, challenger))
    se = pairs.std(ddof=1) / math.sqrt(2_000)
    assert found.difference == pytest.approx(pairs.mean(), abs=1e-12)
    assert found.low == pytest.approx(pairs.mean() - norm.ppf(0.975) * se, abs=0.25 * se)
    assert found.high == pytest.approx(pairs.mean() + norm.ppf(0.975) * se, abs=0.25 * se)
    assert found.verdict is verdict


# Floors: the challenger alone.


def test_a_floor_of_the_auc_is_a_logit_interval() -> None:
    """logit(AUC) -+ z se / (AUC (1 - AUC)); the champion is not asked."""
    y, champion, challenger = scores(9)
    auc, se = delong(y, (1, challenger))
    z = norm.ppf(0.975)

    def limit(sign: int) -> float:
        return 1 / (1 + math.exp(-(math.log(auc / (1 - auc)) + sign * z * se / (auc * (1 - auc)))))

    for theirs in (champion, None):
        found = one(floor("roc_auc", limit(-1) - TINY), case(y, theirs, challenger))
        assert (found.low, found.high) == (pytest.approx(limit(-1)), pytest.approx(limit(1)))
        assert (found.difference, found.champion, found.p_value) == (pytest.approx(auc), None, None)
        assert found.verdict is PASS
    assert one(floor("roc_auc", limit(-1) + TINY), case(y, champion, challenger)).verdict is UNSURE
    assert one(floor("roc_auc", limit(1) + TINY), case(y, champion, challenger)).verdict is FAIL


@pytest.mark.parametrize("looks", [1, 5])
def test_a_perfect_auc_proves_only_what_its_rows_can(looks: int) -> None:
    """Low = a^(1/n_min)."""
    y = np.array([1] * 30 + [0] * 50)
    found = one(floor("roc_auc", 0.85), case(y, None, y * 0.8 + 0.1), looks=looks)
    a = 0.05 / (2 * looks)
    assert found.low == pytest.approx(a ** (1 / 30), rel=1e-12)
    assert (found.high, found.challenger) == (1.0, 1.0)
    assert found.verdict is (PASS if a ** (1 / 30) > 0.85 else UNSURE)


@pytest.mark.parametrize(("metric", "right", "n"), [("accuracy", 90, 100), ("recall", 45, 50), ("specificity", 45, 50)])
def test_a_floor_of_a_proportion_is_wilsons(metric: str, right: int, n: int) -> None:
    """The wider of the closed form and Clopper & Pearson's limits, on the rows that decide."""
    y = np.array([1] * 50 + [0] * 50)
    wrong = np.zeros(100, dtype=bool)
    wrong[[0, 1, 2, 3, 4, 50, 51, 52, 53, 54]] = True
    p, z = right / n, norm.ppf(0.975)
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    found = one(floor(metric, 0.7), case(y, None, np.where(wrong, 1 - y, y)))
    assert (found.low, found.high) == (
        pytest.approx(min((middle - half) / (1 + z * z / n), beta.ppf(0.025, right, n - right + 1))),
        pytest.approx(max((middle + half) / (1 + z * z / n), beta.ppf(0.975, right + 1, n - right))),
    )
    assert (found.n, found.method, found.verdict) == (n, "wilson", PASS)


@pytest.mark.parametrize(("ceiling", "verdict"), [(1.2, PASS), (0.8, UNSURE), (0.6, FAIL)])
def test_a_floor_of_a_loss_is_a_ceiling(ceiling: float, verdict: Verdict) -> None:
    """What is measured is turned round, what is shown of the model is its own value."""
    draw = np.random.default_rng(10)
    y = np.zeros(400)
    challenger = draw.normal(0, 1, 400)
    mae, se = np.abs(challenger).mean(), np.abs(challenger).std(ddof=1) / 20
    found = one(floor("mae", ceiling), case(y, None, challenger))
    assert found.challenger == pytest.approx(mae)
    assert found.difference == pytest.approx(-mae)
    assert found.low == pytest.approx(-mae - norm.ppf(0.975) * se, abs=0.4 * se)
    assert (found.margin, found.verdict) == (ceiling, verdict)


# Slices.


def sliced(positives: int, negatives: int, **fields: Any) -> Case:
    """Return a hundred rows of which some are in the slice; both models are right, the challenger surer."""
    y = np.array([1] * 50 + [0] * 50)
    chosen = np.r_[np.arange(positives), 50 + np.arange(negatives)]
    return case(y, 0.3 + 0.4 * y, 0.2 + 0.6 * y, slices={"few": chosen}, **fields)


def test_a_slice_without_rows_is_invalid() -> None:
    """A silent pass would be the worst answer."""
    found = one(part("few"), sliced(0, 0))
    assert (found.verdict, found.n, found.reason) == (INVALID, 0, "no test row is in this slice")


@pytest.mark.parametrize(
    ("metric", "positives", "negatives", "fewest"),
    [("recall", 9, 40, 9), ("recall", 0, 40, 0), ("roc_auc", 40, 9, 9), ("roc_auc", 40, 0, 0), ("accuracy", 5, 4, 9)],
)
def test_a_slice_too_small_to_judge_cannot_tell(metric: str, positives: int, negatives: int, fewest: int) -> None:
    """Never pass and never fail: under ten rows of a class that the metric needs."""
    found = one(part("few", metric), sliced(positives, negatives))
    assert (found.verdict, found.n) == (UNSURE, positives + negatives)
    assert found.reason == f"cannot tell: only {fewest} rows decide"
    assert (found.low, found.high, found.difference, found.rows_needed) == (None, None, None, None)


def test_ten_rows_are_judged() -> None:
    """Identical labels on ten positives: 1 - a^(1/10)."""
    found = one(part("few"), sliced(10, 0))
    assert found.low == pytest.approx(-(1 - 0.025 ** (1 / 10)))
    assert (found.verdict, found.slice, found.n) == (PASS, "few", 10)


def test_rows_of_fewer_than_ten_groups_cannot_tell() -> None:
    """Forty rows of nine patients are nine."""
    groups = np.array([f"p{number % 9}" for number in range(100)])
    assert one(part("few"), sliced(40, 40, groups=groups)).verdict is UNSURE
    assert one(part("few"), sliced(40, 40, groups=groups)).reason == "cannot tell: only 9 groups"
    assert one(part("few"), sliced(40, 40, groups=np.arange(100) % 10)).reason is None


@pytest.mark.parametrize("wanted", [primary("roc_auc", 0.5), primary("accuracy", 0.5), floor("accuracy", 0.1)])
def test_fewer_than_ten_groups_cannot_tell_anywhere(wanted: Requirement) -> None:
    """Not only in slices: nine patients carry no interval, however many rows they have."""
    y, champion, challenger = scores(11)
    found = one(wanted, case(y, champion, challenger, groups=np.arange(600) % 9))
    assert (found.verdict, found.reason, found.low) == (UNSURE, "cannot tell: only 9 groups", None)
    assert one(wanted, case(y, champion, challenger, groups=np.arange(600) % 10)).low is not None


def test_a_slice_is_too_small_when_its_rows_weigh_nothing() -> None:
    """Rows of weight 0 are not counted, so nine that weigh something are nine, and none is none."""
    weights = np.r_[np.ones(9), np.zeros(91)]
    assert one(part("few"), sliced(40, 40, weights=weights)).reason == "cannot tell: only 9 rows decide"
    nothing = one(part("few"), sliced(40, 0, weights=np.r_[np.zeros(40), np.ones(60)]))
    assert (nothing.verdict, nothing.n) == (INVALID, 0)


def test_a_slice_is_judged_on_its_rows_alone() -> None:
    """What happens elsewhere does not matter to it."""
    y, champion, challenger = scores(12, n=1_800)
    chosen = np.flatnonzero(np.arange(1_800) % 3 == 0)
    found = one(part("third", "roc_auc"), case(y, champion, challenger, slices={"third": chosen}))
    d, se = delong(y[chosen], (1, challenger[chosen]), (-1, champion[chosen]))
    assert found.difference == pytest.approx(d, abs=1e-12)
    assert found.low == pytest.approx(d - norm.ppf(0.975) * se, abs=1e-12)
    assert label(found) == "roc_auc of third"


# Latency and size.


def timed(mean: float, spread: float, blocks: int = 20) -> tuple[float, ...]:
    """Return blocks of just this mean and standard deviation, each on the other side of the mean than the one before."""
    raw = (np.arange(blocks) - (blocks - 1) / 2) * (-1) ** np.arange(blocks)
    raw -= raw.mean()
    return tuple(mean + spread * raw / raw.std(ddof=1))


@pytest.mark.parametrize(("mean", "verdict"), [(15.0, PASS), (19.9, UNSURE), (20.1, UNSURE), (25.0, FAIL)])
def test_latency_is_judged_by_its_blocks(mean: float, verdict: Verdict) -> None:
    """Student's t over the challenger's blocks; what is left of the budget must be surely above zero."""
    y, champion, challenger = scores(13, n=50)
    what = case(y, champion, challenger, latency_ms=(timed(mean, 2.0), timed(14.0, 1.0)))
    found = decide([primary("roc_auc", 0.5), LATENCY], what).comparisons[1]
    half = t.ppf(0.975, 19) * 2 / math.sqrt(20)
    assert (found.champion, found.challenger) == (pytest.approx(14.0), pytest.approx(mean))
    assert (found.low, found.high) == (pytest.approx(20 - mean - half), pytest.approx(20 - mean + half))
    assert found.reason is not None
    assert found.reason.endswith("than the champion in the same blocks")
    assert found.high_family == pytest.approx(20 - mean + t.ppf(1 - 0.025 / 2, 19) * 2 / math.sqrt(20))
    assert (found.verdict, found.n, found.margin) == (verdict, 20, 20.0)


@pytest.mark.parametrize("blocks", [0, 1, 19])
def test_fewer_than_twenty_blocks_judge_nothing(blocks: int) -> None:
    """Not timed, or hardly, is INVALID and not a pass."""
    y, champion, challenger = scores(13, n=50)
    what = case(y, champion, challenger, latency_ms=(timed(1.0, 0.1, 20)[:blocks], ()))
    found = one(LATENCY, what)
    assert (found.verdict, found.reason) == (INVALID, "fewer than 20 blocks were timed")


def test_a_clock_that_gave_no_number_is_invalid() -> None:
    """NaN is never on the right side of a limit."""
    y, champion, challenger = scores(13, n=50)
    found = one(LATENCY, case(y, champion, challenger, latency_ms=((math.nan, *timed(1.0, 0.1)), ())))
    assert (found.verdict, found.reason, found.challenger) == (INVALID, "a block's time is not a number", None)


def test_blocks_that_take_after_each_other_are_worth_less() -> None:
    """The error is widened by sqrt((1 + r)/(1 - r)), r the first-order autocorrelation that was seen."""
    y, champion, challenger = scores(13, n=50)
    blocks = np.array(timed(15.0, 2.0, 24))
    rising = np.sort(blocks)
    plain, wide = (one(LATENCY, case(y, champion, challenger, latency_ms=(tuple(x), ()))) for x in (blocks, rising))
    centred = rising - rising.mean()
    r = float(centred[1:] @ centred[:-1] / (centred @ centred))
    assert (wide.high - wide.low) / (plain.high - plain.low) == pytest.approx(math.sqrt((1 + r) / (1 - r)))


def moody(mean: float, mood: float, seed: int = 0) -> tuple[float, ...]:
    """Return 24 blocks whose noise is mostly the machine's, the same for whoever shares it."""
    shared, own = np.random.default_rng(99).normal(size=24), np.random.default_rng(seed).normal(size=24)
    return tuple(mean + mood * shared + 0.05 * own)


@pytest.mark.parametrize(
    ("challenger", "said"), [(14.0, "faster than"), (16.0, "slower than"), (15.0, "ms slower to ")], ids=["f", "s", "e"]
)
def test_a_pair_of_models_is_told_apart_in_the_same_blocks(challenger: float, said: str) -> None:
    """The machine's moods, which are most of the noise here, fall out of the difference block by block."""
    y, first, second = scores(13, n=50)
    what = case(y, first, second, latency_ms=(moody(challenger, 1.5, 1), moody(15.0, 1.5, 2)))
    found = one(LATENCY, what)
    blocks = np.array(what.latency_ms[1]) - np.array(what.latency_ms[0])
    half = t.ppf(0.975, 23) * blocks.std(ddof=1) / math.sqrt(24)
    assert said in found.reason
    assert np.corrcoef(blocks[1:], blocks[:-1])[0, 1] < 0, "else the error would be widened"
    if challenger != 15:
        near, far = sorted(abs(blocks.mean() + sign * half) for sign in (-1, 1))
        assert found.reason == f"{near:.3g} to {far:.3g} ms {said} the champion in the same blocks"
    assert half < 0.1 < t.ppf(0.975, 23) * np.std(what.latency_ms[0], ddof=1) / math.sqrt(24)


@pytest.mark.parametrize(
    ("challenger", "champion", "verdict"), [(25.0, 25.0, UNSURE), (25.0, 15.0, FAIL), (27.0, 25.0, FAIL), (25.0, None, FAIL)]
)
def test_a_slow_machine_is_no_proof_against_a_model(challenger: float, champion: float | None, verdict: Verdict) -> None:
    """Where the champion breaks the budget in the same blocks, only a challenger that is slower than it fails."""
    y, first, second = scores(13, n=50)
    blocks = () if champion is None else moody(champion, 0.5, 2)
    found = one(LATENCY, case(y, first, second, latency_ms=(moody(challenger, 0.5, 1), blocks)))
    assert found.verdict is verdict
    assert ("this may be the machine" in found.reason) is (verdict is UNSURE)
    if champion is None:
        assert found.reason.endswith("nothing was timed beside it: the champion is known by its predictions alone")
        assert found.champion is None


@pytest.mark.parametrize(
    ("size", "verdict", "reason"),
    [
        (10_000_000, PASS, None),
        (10_000_001, FAIL, "10 MB exceeds the budget of 10 MB"),
        (25_500_000, FAIL, "25.5 MB exceeds the budget of 10 MB"),
        (None, INVALID, "the model's size is not known"),
    ],
)
def test_size_is_exact(size: int | None, verdict: Verdict, reason: str | None) -> None:
    """Megabytes of a million bytes; the budget itself is allowed."""
    y, champion, challenger = scores(13, n=50)
    found = one(SIZE, case(y, champion, challenger, size_bytes=size))
    assert (found.verdict, found.reason) == (verdict, reason)


# Identical predictions, and the same model.


@pytest.mark.parametrize(
    ("metric", "k"),
    [("accuracy", 100), ("recall", 40), ("specificity", 60), ("roc_auc", 40), ("brier_score", 100), ("f1", 40)],
)
@pytest.mark.parametrize("looks", [1, 5])
def test_identical_predictions_prove_what_their_rows_would_have_shown(metric: str, k: int, looks: int) -> None:
    """0 -+ (1 - a^(1/k)), k the rows of the deciding denominator; p_value 1."""
    y = np.array([1] * 40 + [0] * 60)
    scored = np.random.default_rng(14).random(100)
    a = 0.05 / (2 * looks)
    width = 1 - a ** (1 / k)
    what = case(y, scored, scored)
    found = one(primary(metric, width + TINY), what, looks=looks)
    assert (found.low, found.high, found.difference) == (pytest.approx(-width), pytest.approx(width), 0.0)
    assert (found.p_value, found.verdict) == (1.0, PASS)
    assert found.method.startswith("identical")
    assert one(primary(metric, width - TINY), what, looks=looks).verdict is UNSURE
    assert one(primary(metric, better_by=0.0), what, looks=looks).verdict is UNSURE


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_identical_predictions_of_an_unbounded_metric_say_so(metric: str) -> None:
    """[0, 0]: beyond these rows they prove nothing, and the method's name tells."""
    y = np.random.default_rng(15).normal(size=50)
    found = one(primary(metric, 0.001), case(y, y + 0.1 * np.arange(50), y + 0.1 * np.arange(50)))
    assert (found.low, found.high, found.high_family, found.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert (found.method, found.verdict) == ("identical-unbounded", PASS)
    better = one(primary(metric, better_by=0.0), case(y, y + 1, y + 1))
    assert (better.verdict, better.low) == (FAIL, 0.0)


def test_the_same_model_is_no_worse_and_no_better() -> None:
    """By digest, with certainty; its floors and budgets are judged as ever."""
    y, scored, _ = scores(16)
    what = case(y, scored, scored, same=True, size_bytes=1, slices={"all": np.arange(400)})
    wanted = [primary("roc_auc", TINY), part("all", "accuracy", 0.001), floor("roc_auc", 0.5), SIZE]
    found = decide(wanted, what)
    assert [c.verdict for c in found.comparisons] == [PASS, PASS, PASS, PASS]
    assert [c.method for c in found.comparisons] == ["same-model", "same-model", "delong-logit", "exact"]
    assert (found.comparisons[0].low, found.comparisons[0].p_value) == (0.0, 1.0)
    better = decide([primary("roc_auc", better_by=0.0), floor("roc_auc", 0.5)], what)
    assert better.verdict is FAIL
    assert better.reasons == ("roc_auc: the challenger is the champion, so it cannot be better",)


# What the rows cannot carry.


@pytest.mark.parametrize("metric", ["roc_auc", "recall", "f1"])
def test_a_test_set_of_one_class_is_invalid(metric: str) -> None:
    """No number of such rows would do: new ones have to be held out, which the reason says."""
    found = decide([primary(metric, 0.1)], case(np.zeros(50, dtype=int), np.linspace(0, 1, 50), np.linspace(0, 1, 50) ** 2))
    [comparison] = found.comparisons
    assert (comparison.verdict, comparison.low, comparison.rows_needed) == (INVALID, None, None)
    assert found.verdict is INVALID
    assert found.reasons[0].startswith(f"{metric}: ")
    assert found.reasons[0].endswith(" among the rows; hold out rows whose targets differ")


def test_a_percentage_of_nothing_is_invalid() -> None:
    """One target of 0 makes mape meaningless, in a slice as in the whole; other metrics are judged as ever."""
    y = np.arange(60.0)
    wanted = [primary("mape", 0.1), part("all", "mape", 0.1), replace(primary("mae", 5.0), role="guard")]
    found = decide(wanted, case(y, y + 1, y + 1.01, slices={"all": np.arange(30)}))
    assert [c.verdict for c in found.comparisons] == [INVALID, INVALID, PASS]
    assert found.comparisons[0].reason == "mape is not defined: row 1 of 60 has target 0; use mae or rmse"


# The anchor.

ANCHORED = replace(primary("roc_auc", 0.03), against="anchor")


def test_a_margin_must_hold_against_the_anchor_too() -> None:
    """The same rule, method and limits, with the anchor in the champion's place; both must hold."""
    y, champion, challenger = scores(31, n=2_000)
    anchor = norm.cdf(norm.ppf(champion) + 0.35 * (2 * y - 1))
    what = case(y, champion, challenger, anchor=Outputs(anchor, 0.5))
    found = decide([primary("roc_auc", 0.03), ANCHORED], what)
    near, far = found.comparisons
    assert (near.against, near.verdict, far.against, far.verdict) == ("champion", PASS, "anchor", FAIL)
    assert far.challenger == near.challenger
    d, se = delong(y, (1, challenger), (-1, anchor))
    assert (far.champion, far.difference) == (pytest.approx(delong(y, (1, anchor))[0]), pytest.approx(d))
    assert far.high_family == pytest.approx(d + norm.ppf(1 - 0.025 / 2) * se, abs=1e-9)
    assert (found.verdict, label(far)) == (FAIL, "roc_auc against the anchor")
    assert found.reasons[0].startswith("roc_auc against the anchor: at best ")


def test_what_is_asked_against_the_anchor_counts_in_the_family() -> None:
    """It can fail, so m is two, and the other comparison's upper end is drawn for two."""
    y, champion, challenger = scores(1)
    d, se = delong(y, (1, challenger), (-1, champion))
    what = case(y, champion, challenger, anchor=Outputs(champion, 0.5))
    both = decide([primary("roc_auc", 0.03), ANCHORED], what).comparisons
    assert both[0].high_family == both[1].high_family == pytest.approx(d + norm.ppf(1 - 0.025 / 2) * se, abs=1e-9)
    assert replace(both[1], against="champion") == both[0], "the same model, the same draws"


def test_a_challenger_that_is_the_anchor_is_no_worse_than_it() -> None:
    """By its digest; what is asked against the champion is measured all the same."""
    y, champion, challenger = scores(32)
    what = case(y, champion, challenger, anchor=Outputs(challenger, 0.5), same_anchor=True)
    found = decide([primary("roc_auc", 0.2), ANCHORED], what).comparisons
    assert [c.method for c in found] == ["delong", "same-model"]


def test_margins_alone_are_asked_twice() -> None:
    """Not a gain, a floor or a budget; without an anchor nothing is."""
    found = requirements(gate(), first=False, anchored=True)
    assert [(r.role, r.metric, r.slice) for r in found if r.against == "anchor"] == [
        *(("primary", "roc_auc", None), ("guard", "recall", None), ("slice", "f1", "s"))
    ]
    assert [r.against for r in requirements(gate(), first=False)] == ["champion"] * 7
    gain = gate(primary={"metric": "roc_auc", "better_by": 0}, guards=[], slices=[])
    assert {r.against for r in requirements(gain, first=False, anchored=True)} == {"champion"}
    assert (has_margins(gate()), has_margins(gain)) == (True, False)


# Overall.


def of(*verdicts: tuple[Verdict, str] | Verdict) -> Judgement:
    """Judge slices made to end as asked, each with its `when_unsure`."""
    y = np.array([1] * 600 + [0] * 600)
    good, bad = 0.3 + 0.4 * y, np.where(np.arange(1_200) % 2, 0.3 + 0.4 * y, 0.7 - 0.4 * y)
    rows = {PASS: np.arange(0, 400), FAIL: np.arange(400, 1_200), UNSURE: np.arange(5), INVALID: np.arange(0)}
    challenger = np.where(np.arange(1_200) < 400, good, bad)
    wanted, slices = [], {}
    for number, given in enumerate(verdicts):
        verdict, when = given if isinstance(given, tuple) else (given, "block")
        name = f"s{number}"
        slices[name] = rows[verdict]
        wanted.append(part(name, "accuracy", 0.2, when_unsure=when))
    found = decide(wanted, case(y, good, challenger, slices=slices))
    assert [c.verdict for c in found.comparisons] == [v[0] if isinstance(v, tuple) else v for v in verdicts]
    return found


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [
        ([PASS, PASS], PASS),
        ([PASS, UNSURE], UNSURE),
        ([UNSURE, FAIL, PASS], FAIL),
        ([FAIL, INVALID, UNSURE, PASS], INVALID),
        ([PASS, INVALID], INVALID),
        ([PASS, (UNSURE, "note")], PASS),
        ([PASS, (UNSURE, "note"), UNSURE], UNSURE),
        ([PASS, (FAIL, "note")], FAIL),
        ([PASS, (INVALID, "note")], INVALID),
        ([PASS, (FAIL, "review")], FAIL),
        ([PASS, (UNSURE, "review")], UNSURE),
    ],
)
def test_the_worst_decides(verdicts: list[Any], overall: Verdict) -> None:
    """INVALID, then FAIL, then INCONCLUSIVE; only what is unsure can be noted away."""
    assert of(*verdicts).verdict is overall


@pytest.mark.parametrize(
    ("verdicts", "review"),
    [
        ([PASS, (UNSURE, "review")], ("accuracy of s1",)),
        ([(UNSURE, "review"), PASS, (UNSURE, "review"), (UNSURE, "note")], ("accuracy of s0", "accuracy of s2")),
        ([(UNSURE, "review"), UNSURE], ()),
        ([(UNSURE, "review"), FAIL], ()),
        ([(UNSURE, "review"), INVALID], ()),
        ([PASS, (UNSURE, "note")], ()),
    ],
)
def test_an_owner_may_decide_only_if_all_that_is_unsure_is_for_review(verdicts: list[Any], review: tuple[str, ...]) -> None:
    """The verdict stays INCONCLUSIVE, and names what an approval is asked for."""
    assert of(*verdicts).review == review


def test_reasons_name_what_is_not_passed() -> None:
    """Each with its slice, in the order of the gate."""
    assert [reason.partition(": ")[0] for reason in of(FAIL, PASS, UNSURE, INVALID).reasons] == [
        *("accuracy of s0", "accuracy of s2", "accuracy of s3")
    ]


def test_reasons_found_earlier_make_it_invalid_and_everything_is_still_computed() -> None:
    """A spent budget or a leaked row: the numbers are shown, the verdict is none."""
    y, champion, challenger = scores(17, n=4_000)
    wanted = [primary("roc_auc", 0.05), replace(primary("recall", 0.1), role="guard")]
    found = decide(wanted, case(y, champion, challenger), invalid=["the budget is spent"])
    assert (found.verdict, found.reasons) == (INVALID, ("the budget is spent",))
    assert [c.verdict for c in found.comparisons] == [PASS, PASS]


@pytest.mark.parametrize("wanted", [[], [SIZE], [LATENCY], [SIZE, LATENCY]])
def test_a_gate_without_a_metric_judges_nothing(wanted: list[Requirement]) -> None:
    """No thresholds, or budgets alone, is INVALID and never a silent pass."""
    y, champion, challenger = scores(17, n=50)
    found = decide(wanted, case(y, champion, challenger, size_bytes=1, latency_ms=(timed(1, 0.1), ())))
    assert found.verdict is INVALID
    assert found.reasons == ("there is nothing to judge by: the gate names no primary metric and no floor",)


# A first release.

GATE = {
    "primary": {"metric": "roc_auc", "margin": 0.02, "when_unsure": "review"},
    "guards": [{"metric": "recall", "margin": 0.05}],
    "floors": {"roc_auc": 0.6, "accuracy": 0.5},
    "slices": [{"name": "s", "where": {"x": 1}, "metric": "f1", "margin": 0.1}],
    "budgets": {"size_mb": 5, "latency_ms": 20},
}


def gate(**changes: Any) -> GateSpec:
    return GateSpec.model_validate({**GATE, **changes}, strict=False)


def test_a_gate_lists_its_requirements_in_the_order_of_the_page() -> None:
    """Primary, guards, floors by name, slices, budgets, each with what it says of being unsure."""
    found = requirements(gate(), first=False)
    assert [(r.role, r.metric) for r in found] == [
        ("primary", "roc_auc"),
        ("guard", "recall"),
        ("floor", "accuracy"),
        ("floor", "roc_auc"),
        ("slice", "f1"),
        ("size", "size_mb"),
        ("latency", "latency_ms"),
    ]
    assert found[0] == Requirement(metric="roc_auc", role="primary", margin=0.02, when_unsure="review")
    assert found[4].slice == "s"
    assert requirements(GateSpec(), first=False) == ()


def test_a_first_release_is_judged_by_floors_and_budgets() -> None:
    """There is nobody to compare it with."""
    found = requirements(gate(), first=True)
    assert [(r.role, r.metric) for r in found] == [
        *(("floor", "accuracy"), ("floor", "roc_auc"), ("size", "size_mb"), ("latency", "latency_ms"))
    ]
    y, _, challenger = scores(18, n=2_000)
    done = decide(found[:3], case(y, None, challenger, size_bytes=1), first=True)
    assert done.verdict is PASS
    assert decide([SIZE], case(y, None, challenger, size_bytes=1), first=True).verdict is INVALID


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"primary": None}, None),
        ({"floors": {}}, "a first release is judged by floors, and gate.floors is empty"),
        (
            {"floors": {"accuracy": 0.5}},
            "a first release must clear a floor of its primary metric, and gate.floors has none for roc_auc",
        ),
    ],
)
def test_the_floor_of_the_primary_metric_is_mandatory(changes: dict[str, Any], reason: str | None) -> None:
    """Else a first release could pass on a metric that nobody cares for."""
    assert no_first_release(gate(**changes)) == reason


# How many rows would tell.


def formula(n: int, se: float, d: float, threshold: float, m: int) -> int:
    z = norm.ppf(1 - 0.025) + norm.ppf(1 - 0.2 / m)
    return math.ceil(n * (z * se / (d - threshold)) ** 2)


@pytest.mark.parametrize("m", [1, 3])
def test_rows_needed_for_a_margin_suppose_equal_models(m: int) -> None:
    """N ((z(1-a) + z(1-.2/m)) se / margin)^2, whatever difference was seen."""
    y, champion, challenger = scores(19, n=80)
    _, se = delong(y, (1, challenger), (-1, champion))
    guards = [replace(primary("accuracy", 0.99), role="guard", when_unsure="note")] * (m - 1)
    found = decide([primary("roc_auc", 0.01), *guards], case(y, champion, challenger))
    assert found.comparisons[0].verdict is UNSURE
    assert found.comparisons[0].rows_needed == formula(80, se, 0, -0.01, m)
    assert found.rows_needed == found.comparisons[0].rows_needed


def test_rows_needed_for_an_improvement_suppose_what_was_seen() -> None:
    """None when what was seen would not do even if it were known exactly."""
    y, champion, challenger = scores(20, n=80, shift=0.4)
    d, se = delong(y, (1, challenger), (-1, champion))
    what = case(y, champion, challenger)
    found = one(primary("roc_auc", better_by=d / 2), what)
    assert (found.verdict, found.rows_needed) == (UNSURE, formula(80, se, d, d / 2, 1))
    assert one(primary("roc_auc", better_by=d + TINY), what).rows_needed is None


def test_rows_needed_are_test_rows_not_deciding_ones() -> None:
    """A recall on 20 of 100 rows needs five times as many; at least what identical predictions would."""
    y = np.array([1] * 20 + [0] * 80)
    champion = np.where(np.isin(np.arange(100), [0, 1]), 0.1, 0.2 + 0.6 * y)
    challenger = np.where(np.isin(np.arange(100), [2, 3]), 0.1, 0.2 + 0.6 * y)
    found = one(primary("recall", 0.1), case(y, champion, challenger))
    least = math.ceil(math.log(0.025) / math.log(0.9))
    by_error = formula(20, math.sqrt(4) / 20, 0, -0.1, 1)
    assert by_error > least
    assert (found.n, found.verdict, found.rows_needed) == (20, UNSURE, 5 * by_error)
    same = one(primary("recall", 0.1), case(y, champion, champion))
    assert (same.verdict, same.rows_needed) == (UNSURE, 5 * least)


def test_rows_needed_of_a_slice_are_rows_of_the_whole_test_set() -> None:
    """A tenth of the rows is in it, so ten times as many have to be held out."""
    y, champion, challenger = scores(33, n=800)
    chosen = np.arange(0, 800, 10)
    what = case(y, champion, challenger, slices={"tenth": chosen})
    _, se = delong(y[chosen], (1, challenger[chosen]), (-1, champion[chosen]))
    found = one(part("tenth", "roc_auc", 0.01), what)
    assert (found.verdict, found.rows_needed) == (UNSURE, math.ceil(10 * formula(80, se, 0, -0.01, 1)))


def test_rows_needed_for_a_relative_margin_suppose_equal_models() -> None:
    """Their contrast is that share of the champion's value; its error has the champion's in it."""
    y, champion, challenger = scores(34, n=80)
    _, se = delong(y, (1, challenger), (-0.99, champion))
    found = one(primary("roc_auc", Relative(relative="1%")), case(y, champion, challenger))
    value = delong(y, (1, champion))[0]
    least = math.ceil(math.ceil(math.log(0.025) / math.log(1 - 0.01 * value)) * 80 / min(y.sum(), (1 - y).sum()))
    assert found.verdict is UNSURE
    assert found.rows_needed == max(least, formula(80, se, 0.01 * value, 0, 1))


def test_no_rows_help_a_relative_margin_of_a_negative_value() -> None:
    """A share of an r2 below zero asks equal models to be better; the answer is not a number of rows."""
    draw = np.random.default_rng(35)
    y = draw.normal(size=80)
    found = one(primary("r2", Relative(relative="1%")), case(y, y + 3 + draw.normal(size=80), y + 3 + draw.normal(size=80)))
    assert found.champion < 0
    assert (found.verdict, found.rows_needed) == (UNSURE, None)


@pytest.mark.parametrize(("wanted", "k"), [(floor("roc_auc", 0.95), 30), (floor("recall", 0.95), 30)])
def test_rows_needed_for_a_floor_suppose_what_was_seen(wanted: Requirement, k: int) -> None:
    """By the error that was seen; a faultless model by what so many faultless rows prove, in the classes' proportion."""
    y = np.array([1] * 30 + [0] * 60)
    found = one(wanted, case(y, None, 0.1 + 0.8 * y))
    assert found.verdict is UNSURE
    assert found.rows_needed == math.ceil(math.ceil(math.log(0.025) / math.log(0.95)) * 90 / k)
    wrong = np.where(np.isin(np.arange(90), [0, 40]), 0.9 - 0.8 * y, 0.1 + 0.8 * y)
    seen = one(floor("accuracy", 0.95), case(y, None, wrong))
    se = math.sqrt(88 / 90 * (2 / 90) / 90)
    assert (seen.verdict, seen.rows_needed) == (UNSURE, formula(90, se, 88 / 90, 0.95, 1))


def test_rows_needed_are_converted_by_groups() -> None:
    """Ten rows a group: as many groups as identical predictions need, in rows."""
    y = np.tile([0, 1], 200)
    scored = np.random.default_rng(36).random(400)
    found = one(primary("accuracy", 0.01), case(y, scored, scored, groups=np.arange(400) // 10))
    assert (found.verdict, found.rows_needed) == (UNSURE, 10 * math.ceil(math.log(0.025) / math.log(0.99)))


def test_the_largest_need_is_the_judgements() -> None:
    """Of what is unsure and not merely noted."""
    y, champion, challenger = scores(21, n=80)
    tight, loose = primary("roc_auc", 0.005), replace(primary("roc_auc", 0.02), role="guard")
    found = decide([tight, loose], case(y, champion, challenger))
    needs = [c.rows_needed for c in found.comparisons]
    assert found.rows_needed == needs[0] > needs[1]
    noted = decide([replace(tight, when_unsure="note"), loose], case(y, champion, challenger))
    assert noted.rows_needed == needs[1]
    assert decide([primary("roc_auc", 0.9)], case(y, champion, challenger)).rows_needed is None


# Verdict and picture cannot disagree.

CLASSIFIED = ("roc_auc", "accuracy", "recall", "specificity", "precision", "f1", "brier_score", "log_loss")


def pictures() -> list[tuple[Comparison, float, float]]:
    """Return comparisons on random data of all kinds, with the threshold and the level that each was judged at."""
    found = []
    for seed in range(24):
        draw = np.random.default_rng(seed)
        alpha, looks = float(draw.choice([0.05, 0.2])), int(draw.choice([1, 5]))
        y, champion, challenger = scores(seed, n=int(draw.integers(30, 300)), shift=float(draw.normal(0, 0.6)))
        margins = draw.uniform(0.002, 0.3, size=len(CLASSIFIED))
        wanted = [primary(name, float(margin)) for name, margin in zip(CLASSIFIED, margins, strict=True)]
        wanted += [primary("roc_auc", better_by=0.01), floor("accuracy", 0.75), floor("brier_score", 0.2)]
        thresholds = [*(-margins), 0.01, 0.75, -0.2]
        judged = decide(wanted, case(y, champion, challenger), alpha=alpha, looks=looks)
        found += list(zip(judged.comparisons, thresholds, [alpha / (2 * looks)] * len(wanted), strict=True))
    return found


def test_verdict_limits_and_p_value_are_duals() -> None:
    """PASS if and only if low > t, which is p_margin < a; FAIL if and only if high_family <= t; and limits are in order."""
    seen = set()
    for found, threshold, a in pictures():
        if found.low is None:
            continue
        seen.add(found.verdict)
        about = (found.metric, found.role, found.method)
        assert found.low <= found.difference <= found.high <= found.high_family, about
        assert (found.verdict is PASS) == (found.low > threshold), about
        assert (found.verdict is FAIL) == (found.high_family <= threshold), about
        if abs(found.low - threshold) > 1e-9:
            assert (found.p_margin < a) == (found.low > threshold), about
    assert seen == {PASS, FAIL, UNSURE}


def test_draws_depend_on_the_test_set_the_metric_and_the_slice() -> None:
    """Never on a model: nobody can look for one whose draws are kind."""
    test = digest_of(b"rows")
    assert seed_for(test) == seed_for(test) != seed_for(digest_of(b"other rows"))
    seeds = {seed_of(seed_for(test), metric, name) for metric in ("f1", "mcc") for name in (None, "a", "b")}
    assert len(seeds) == 6


def test_the_same_rows_give_the_same_judgement() -> None:
    """Resampling is seeded by what is judged."""
    y, champion, challenger = scores(22, n=100)
    what = case(y, champion, challenger)
    wanted = [primary("f1", 0.05), primary("log_loss", 0.05)]
    assert decide(wanted, what) == decide(wanted, what)


# How often it is wrong. Enough draws that a level twice as large would be seen: beyond four standard errors.


def at_most(count: int, draws: int, rate: float) -> bool:
    return count <= draws * rate + 4 * math.sqrt(draws * rate * (1 - rate))


def worse_by(margin: float, draw: np.random.Generator, n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return truth and two models' labels; the champion is right on 90%, the challenger on `margin` less."""
    y = np.ones(n, dtype=np.int64)
    u = draw.random(n)
    # 80% right with both; lost and gained pairs make up the difference.
    both, lost = 0.8, 0.1
    champion = u < both + lost
    challenger = (u < both) | ((u >= both + lost) & (u < both + lost + 0.1 - margin))
    return y, champion.astype(float), challenger.astype(float)


def test_a_violated_margin_passes_at_most_at_level_a() -> None:
    """2,000 test sets on which accuracy is worse by exactly the margin, a = .05: about 100 may pass, 200 would be caught."""
    draw = np.random.default_rng(23)
    draws, margin = 2_000, 0.04
    wanted = [primary("accuracy", margin)]
    passed = sum(decide(wanted, case(*worse_by(margin, draw, 300)), alpha=0.1).verdict is PASS for _ in range(draws))
    assert at_most(passed, draws, 0.05)
    assert not at_most(2 * draws // 20, draws, 0.05)
    assert passed > draws * 0.02, "so conservative that the level means something else"


def test_one_violated_requirement_among_many_passes_at_most_at_level_a() -> None:
    """PASS is an intersection: guards that hold do not make the violated one easier."""
    draw = np.random.default_rng(24)
    draws, margin = 1_500, 0.04
    wanted = [primary("accuracy", margin), replace(primary("accuracy", 0.5), role="guard"), floor("recall", 0.5)]
    passed = sum(decide(wanted, case(*worse_by(margin, draw, 300)), alpha=0.1).verdict is PASS for _ in range(draws))
    assert at_most(passed, draws, 0.05)
    assert passed > 0


def test_a_challenger_at_its_margins_fails_at_most_at_level_a() -> None:
    """FAIL is a union over requirements, each at a/m: with three at the limit, 5% of test sets may fail and 15% do not."""
    draw = np.random.default_rng(25)
    draws, failed = 800, 0
    for _ in range(draws):
        y, champion, challenger = worse_by(0.04, draw, 900)
        thirds = {f"s{number}": np.arange(300 * number, 300 * number + 300) for number in range(3)}
        wanted = [part(name, "accuracy", 0.04) for name in thirds]
        failed += decide(wanted, case(y, champion, challenger, slices=thirds), alpha=0.1).verdict is FAIL
    assert at_most(failed, draws, 0.05)
    assert failed > 0


def test_an_auc_below_its_margin_passes_at_most_at_level_a() -> None:
    """Binormal scores whose true AUCs are the margin apart, 1,000 test sets at a = .05."""
    draw = np.random.default_rng(26)
    draws, passed = 1_000, 0
    strong, weak = 1.5, 1.2
    margin = float(norm.cdf(strong / math.sqrt(2)) - norm.cdf(weak / math.sqrt(2)))
    y = np.array([1] * 100 + [0] * 150)
    for _ in range(draws):
        shared, first, second = draw.normal(size=(3, 250))
        champion = norm.cdf(strong * y + 0.8 * shared + 0.6 * first)
        challenger = norm.cdf(weak * y + 0.8 * shared + 0.6 * second)
        passed += one(primary("roc_auc", margin), case(y, champion, challenger), alpha=0.1).verdict is PASS
    assert at_most(passed, draws, 0.05)
    assert passed > draws * 0.02
