"""What a verdict is worth beside a model that was read through a migration."""

from __future__ import annotations

import numpy as np
import pytest

from release.data.migrate import Reading
from release.judging.migrated import reviewed, rows_known
from release.judging.requirement import Requirement
from release.judging.rows import Outputs, Rows
from release.judging.rule import Case, Judgement, judge
from release.records import Verdict

FILLED = Reading(filled=(("dose", "0"), ("age", "40")))
Y = np.array([0, 1, 2] * 40)
CLASSES = ("a", "b", "c")


def judgement(verdict: Verdict, *review: str) -> Judgement:
    return Judgement(verdict=verdict, comparisons=(), reasons=("before",), review=review, rows_needed=None)


@pytest.mark.parametrize(
    ("verdict", "review", "then", "to_review"),
    [
        (Verdict.PASS, (), Verdict.INCONCLUSIVE, ("the champion with dose, age filled",)),
        (Verdict.INCONCLUSIVE, ("recall",), Verdict.INCONCLUSIVE, ("recall", "the champion with dose, age filled")),
        (Verdict.INCONCLUSIVE, (), Verdict.INCONCLUSIVE, ()),
        (Verdict.FAIL, (), Verdict.FAIL, ()),
        (Verdict.INVALID, (), Verdict.INVALID, ()),
    ],
)
def test_a_filled_champion_leaves_no_pass(
    verdict: Verdict, review: tuple[str, ...], then: Verdict, to_review: tuple[str, ...]
) -> None:
    """An owner decides where the rest would have passed; what is lost even to a crippled champion is lost."""
    found = reviewed(judgement(verdict, *review), {"the champion": FILLED, "the anchor": None}, Y, CLASSES)
    assert (found.verdict, found.review) == (then, to_review)
    assert found.reasons[0] == "before"
    assert "dose, age filled may be worse than it was" in found.reasons[1]


@pytest.mark.parametrize("reading", [None, Reading(), Reading(renamed=(("age", "years"),)), Reading(gone=("d",))])
def test_other_readings_leave_the_verdict_as_it_is(reading: Reading | None) -> None:
    """A column's name is no reason for review."""
    judged = judgement(Verdict.PASS)
    assert reviewed(judged, {"the champion": reading}, Y, CLASSES) == judged


def test_a_filled_anchor_counts_too() -> None:
    """Both must hold, so neither may be crippled."""
    found = reviewed(judgement(Verdict.PASS), {"the champion": Reading(), "the anchor": FILLED}, Y, CLASSES)
    assert (found.verdict, found.review) == (Verdict.INCONCLUSIVE, ("the anchor with dose, age filled",))


def test_rows_of_a_class_that_a_model_never_saw_are_left_out() -> None:
    """And the reasons say how many are judged by floors alone."""
    found = Reading(unknown=("b",))
    known = rows_known(found, Y, CLASSES)
    assert known is not None
    assert set(Y[known]) == {0, 2}
    assert rows_known(Reading(), Y, CLASSES) is None
    said = reviewed(judgement(Verdict.PASS), {"the champion": found}, Y, CLASSES)
    assert said.verdict is Verdict.PASS
    assert said.reasons[1].startswith("the champion has never seen b: it is compared with on the other 80 rows, and the 40")


def test_gains_on_a_new_class_do_not_hide_losses_on_the_others() -> None:
    """A challenger that trades the old classes for the new one is better on all rows, and fails where both can be right."""
    drawn = np.random.RandomState(1)
    champion, challenger = (np.where(drawn.random_sample(len(Y)) < right, Y, 0) for right in (0.99, 0.6))
    champion[Y == 2] = 0
    challenger[Y == 2] = 2
    rows = Rows(
        y=Y,
        champion=Outputs(np.eye(3)[champion]),
        challenger=Outputs(np.eye(3)[challenger]),
        groups=None,
        weights=None,
        seed=1,
    )
    wanted = [Requirement(metric="accuracy", role="primary", margin=0.05)]
    blind = judge(wanted, Case(rows=rows, same=False), alpha=0.05, looks=1, first=False)
    assert blind.verdict is Verdict.PASS
    known = rows_known(Reading(unknown=("c",)), Y, CLASSES)
    fair = judge(wanted, Case(rows=rows, same=False, known=known), alpha=0.05, looks=1, first=False)
    assert (fair.verdict, fair.comparisons[0].n) == (Verdict.FAIL, 80)
