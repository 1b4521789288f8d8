"""What a test set can never show: the same answer as the gate gives to predictions that do not differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from release.config.model import GateSpec as Gate
from release.config.model import Guard, Primary, Relative, Slice
from release.judging.case import Case
from release.judging.reachable import Held, shortfalls
from release.judging.rows import Outputs, Rows
from release.judging.rule import judge, requirements
from release.records import Verdict

BINARY = np.repeat([1, 0], [40, 90])
MANY = np.arange(130) % 3
NUMBERS = np.linspace(1, 2, 130)
GROUPS = np.array([f"g{one // 5}" for one in range(130)])


def lines(policy: Gate, held: Held, *, first: bool = False) -> list[tuple[str, bool]]:
    return [(".".join(map(str, one.path)), one.blocks) for one in shortfalls(policy, held, first=first)]


def gate(metric: str, margin: float | Relative, looks: int = 1) -> Gate:
    return Gate(primary=Primary(metric=metric, margin=margin), looks=looks)


def outputs(y: np.ndarray, task: str, *, wrong: bool) -> Outputs:
    """Return predictions without an error (or, for a loss in a ratio, with nothing right)."""
    if task == "regression":
        return Outputs(y + (0.5 if wrong else 0.0))
    if task == "multiclass":
        return Outputs(np.eye(3)[(y + wrong) % 3])
    return Outputs(np.abs(y - wrong).astype(float), 0.5)


CASES = [
    *(("binary", name) for name in ("roc_auc", "recall", "accuracy", "f1", "balanced_accuracy", "brier_score", "log_loss")),
    *(("multiclass", name) for name in ("accuracy", "macro_f1", "balanced_accuracy")),
    *(("regression", name) for name in ("rmse", "mae", "r2")),
]


@pytest.mark.parametrize("kind", ["absolute", "relative"])
@pytest.mark.parametrize("rows", ["rows", "groups"])
@pytest.mark.parametrize(("task", "metric"), CASES)
def test_what_is_refused_here_could_not_pass_there(task: str, metric: str, rows: str, kind: str) -> None:
    """Just below the bound the gate does not pass identical predictions, just above it does, and so says this module."""
    y = {"binary": BINARY, "multiclass": MANY, "regression": NUMBERS}[task]
    groups = np.random.default_rng(0).permutation(GROUPS) if rows == "groups" else None
    held = Held(y=y, groups=groups, slices={})
    [*_, found] = [None, *shortfalls(gate(metric, 1e-4), held, first=False)]
    unbounded = found is None
    for size in (0.002, 0.9) if unbounded else (0.8 * bound(metric, held), 1.2 * bound(metric, held)):
        margin = Relative(relative=f"{100 * size:.4f}%") if kind == "relative" else size
        policy = gate(metric, margin)
        said = outputs(y, task, wrong=kind == "relative" and metric in ("brier_score", "rmse", "mae", "log_loss"))
        case = Case(rows=Rows(y=y, champion=said, challenger=said, groups=groups, seed=1), slices={}, same=False)
        judged = judge(requirements(policy, first=False), case, alpha=policy.alpha, looks=policy.looks, first=False)
        refused = [one for one in shortfalls(policy, held, first=False) if one.blocks]
        assert bool(refused) == (judged.verdict is not Verdict.PASS), (size, judged.comparisons)


def bound(metric: str, held: Held) -> float:
    """Return the margin that the refusal itself recommends."""
    [one] = shortfalls(gate(metric, 1e-4), held, first=False)
    return float(one.fix.split(" or more")[0].rsplit(" ", 1)[1])


@pytest.mark.parametrize(("metric", "looks"), [("roc_auc", 1), ("accuracy", 5), ("f1", 20)])
def test_the_least_margin_that_is_named_would_do(metric: str, looks: int) -> None:
    """A fix that is refused again would be none."""
    held = Held(y=BINARY, slices={})
    [one] = shortfalls(gate(metric, 0.001, looks), held, first=False)
    least = float(one.fix.split(" or more")[0].rsplit(" ", 1)[1])
    assert shortfalls(gate(metric, least, looks), held, first=False) == ()
    assert len(shortfalls(gate(metric, 0.97 * least, looks), held, first=False)) == 1


def test_what_is_said_of_a_margin() -> None:
    """How many rows it takes, how many there are, and what to write."""
    [one] = shortfalls(gate("roc_auc", 0.02, 5), Held(y=BINARY, slices={}), first=False)
    assert one.path == ("gate", "primary", "margin")
    assert one.what == (
        "roc_auc: not even identical predictions can show a margin of 0.02 here: it takes 263 deciding rows, and the test "
        "set has 40"
    )
    assert one.fix == "write a margin of 0.125 or more, or hold out more rows"


@pytest.mark.parametrize(("when_unsure", "blocks"), [("block", True), ("review", False), ("note", False)])
def test_what_an_owner_may_decide_does_not_block(when_unsure: Any, blocks: bool) -> None:  # noqa: FBT001 (a parameter)
    """No challenger passes by such a guard alone, but owners or the policy let it."""
    policy = Gate(guards=(Guard(metric="recall", margin=0.01, when_unsure=when_unsure),))
    assert lines(policy, Held(y=BINARY, slices={})) == [("gate.guards.0.margin", blocks)]


def part(name: str, margin: float = 0.5, when_unsure: Any = "block") -> Slice:
    return Slice(name=name, where={"x": 1}, metric="recall", margin=margin, when_unsure=when_unsure)


def test_slices_are_judged_on_their_own_rows() -> None:
    """None: nothing could ever be judged. Under ten that decide: cannot tell. Too few for the margin: as everywhere."""
    slices = {"none": np.arange(0), "few": np.arange(9), "some": np.arange(20), "negatives": np.arange(60, 100)}
    held = Held(y=BINARY, slices=slices)
    policy = Gate(
        slices=(
            part("none", when_unsure="note"),
            part("few"),
            part("few", when_unsure="review"),
            part("some"),
            part("some", 0.05),
            part("negatives", when_unsure="note"),
        )
    )
    assert lines(policy, held) == [
        ("gate.slices.0", True),
        ("gate.slices.1", True),
        ("gate.slices.2", False),
        ("gate.slices.4.margin", True),
        ("gate.slices.5", False),
    ]
    told = shortfalls(policy, held, first=False)
    assert told[0].what == 'no test row is in slice "none"'
    assert told[1].what == 'recall of slice "few": cannot tell, only 9 rows decide and 10 are needed'


def test_groups_are_what_evidence_is_counted_in() -> None:
    """Twenty-six groups decide, not 130 rows; nine cannot tell."""
    assert lines(gate("accuracy", 0.1), Held(y=BINARY, slices={})) == []
    [one] = shortfalls(gate("accuracy", 0.1), Held(y=BINARY, groups=GROUPS, slices={}), first=False)
    assert "it takes 36 deciding groups, and the test set has 26" in one.what
    nine = np.array([f"g{one % 9}" for one in range(130)])
    [one] = shortfalls(gate("rmse", 0.5), Held(y=NUMBERS, groups=nine, slices={}), first=False)
    assert one.what == "rmse: cannot tell, only 9 groups decide and 10 are needed"


def test_weights_count_for_the_equal_rows_they_are_worth() -> None:
    """A test set in which one row counts for all others has few."""
    weights = np.ones(130)
    weights[:5] = 500.0
    [one] = shortfalls(gate("accuracy", 0.1), Held(y=BINARY, weights=weights, slices={}), first=False)
    assert "and the test set has 5" in one.what


@pytest.mark.parametrize(
    ("metric", "floor", "refused"),
    [
        ("roc_auc", 0.9, False),
        ("roc_auc", 0.92, True),
        ("accuracy", 0.96, False),
        ("accuracy", 0.98, True),
        ("brier_score", 0.03, False),
        ("brier_score", 0.02, True),
        ("log_loss", 0.1, False),
    ],
)
def test_a_floor_must_be_in_reach_of_a_model_without_an_error(metric: str, floor: float, refused: bool) -> None:  # noqa: FBT001 (a parameter)
    """For a first release too, and as the gate would judge it."""
    policy = Gate(floors={metric: floor}, looks=1)
    held = Held(y=BINARY, slices={})
    assert lines(policy, held, first=True) == ([(f"gate.floors.{metric}", True)] if refused else [])
    said = outputs(BINARY, "binary", wrong=False)
    case = Case(rows=Rows(y=BINARY, champion=None, challenger=said, seed=1), slices={}, same=False)
    judged = judge(requirements(policy, first=True), case, alpha=policy.alpha, looks=policy.looks, first=True)
    assert (judged.verdict is Verdict.PASS) is not refused


def test_a_first_release_has_no_margins() -> None:
    """There is nobody to be compared with."""
    assert lines(gate("roc_auc", 0.001), Held(y=BINARY, slices={}), first=True) == []


def test_what_does_not_exist_on_these_rows_is_refused() -> None:
    """One class alone has no ranking; a target of zero has no relative error."""
    assert lines(gate("roc_auc", 0.5), Held(y=np.ones(50, dtype=int), slices={})) == [("gate.primary", True)]
    assert lines(gate("mape", 0.5), Held(y=np.zeros(50), slices={})) == [("gate.primary", True)]


def test_a_gain_that_no_model_can_make_is_refused() -> None:
    """Of a share there is no more than all."""
    policy = Gate(primary=Primary(metric="accuracy", better_by=1.0))
    assert lines(policy, Held(y=BINARY, slices={})) == [("gate.primary.better_by", True)]
    assert lines(Gate(primary=Primary(metric="rmse", better_by=1.0)), Held(y=NUMBERS, slices={})) == []
