"""Limits and intervals on a line, and the text picture of them: verdict and picture cannot disagree."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from report_samples import comparison, floor, guard, size, unsure

from release.records import Verdict
from release.report.judged import Bar, Form, bar, limit, place
from release.report.textplot import ESTIMATE, LEFT, LIMIT, RIGHT, SOLID, TAIL, ZERO, draw, line

if TYPE_CHECKING:
    from collections.abc import Iterator

BAND = frozenset(SOLID + "├┤" + ESTIMATE)


def _bars(amount: int) -> Iterator[Bar]:
    draw = random.Random(7)
    for i in range(amount):
        at = draw.choice([-0.02, 0.0, 0.01, 0.9, -60.0])
        width = 10 ** draw.uniform(-9, 2)
        low = at if i % 11 == 0 else at + draw.uniform(-2, 1) * width
        high = low + draw.choice([0.0, 1e-9, width])
        family = at if i % 13 == 0 and high < at else high + draw.choice([0.0, width / 7])
        zero = draw.choice([None, 0.0]) if at else None
        yield Bar(at=at, low=low, high=high, family=family, estimate=low + draw.random() * (high - low), zero=zero)


def _seen(cells: str) -> Verdict:
    """Judge a drawn line as its legend tells a reader to."""
    place_of_limit = cells.index(LIMIT)
    band = [i for i, c in enumerate(cells) if c in BAND]
    light = [i for i, c in enumerate(cells) if c in BAND or c == TAIL]
    if min(band) > place_of_limit:
        return Verdict.PASS
    return Verdict.FAIL if max(light) < place_of_limit else Verdict.INCONCLUSIVE


def test_the_text_picture_always_tells_the_verdict() -> None:
    """Whatever the numbers, what a reader sees on the line is what the decision rule says."""
    seen = set()
    for one in _bars(3000):
        cells = line(place(one, left=LEFT, right=RIGHT, gap=1))
        assert len(cells) == LEFT + 1 + RIGHT
        assert cells.index(LIMIT) == LEFT
        assert _seen(cells) is one.says(), one
        seen.add(one.says())
    assert seen == {Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE}


def test_pixels_keep_each_mark_on_its_side_of_the_limit() -> None:
    """Scaling to a strip never moves a mark over the limit, and everything stays inside."""
    for one in _bars(3000):
        at = place(one, left=150, right=250, gap=4)
        marks = [(one.low, at.low), (one.high, at.high), (one.family, at.family), (one.estimate, at.estimate)]
        marks += [(one.zero, at.zero)] if one.zero is not None and at.zero is not None else []
        for value, offset in marks:
            assert (offset > 0) == (value > one.at)
            assert 4 <= abs(offset) <= 250 + 1e-6
        assert at.low <= at.estimate <= at.high <= at.family


@pytest.mark.parametrize(
    ("one", "form", "at"),
    [
        (comparison(), Form.MARGIN, -0.02),
        (guard("brier_score"), Form.MARGIN, -0.02),
        (unsure("recall"), Form.MARGIN, -0.05),
        (comparison(margin=0.0, asks="better_by"), Form.BETTER_BY, 0.0),
        (comparison(margin=0.03, verdict=Verdict.INCONCLUSIVE, asks="better_by"), Form.BETTER_BY, 0.03),
        (comparison(margin=0.02, asks="relative"), Form.RELATIVE, 0.0),
        (guard("rmse", margin=0.02, asks="relative"), Form.RELATIVE, 0.0),
        (floor("roc_auc"), Form.FLOOR, 0.9),
        (floor("rmse", challenger=53.0, difference=-53.0, margin=60.0), Form.CEILING, -60.0),
        (size(), Form.BUDGET, 0.0),
    ],
)
def test_every_kind_of_limit_is_recognised(one: Any, form: Form, at: float) -> None:
    """The limit of the decision rule follows from role, margin and what the record asks."""
    found = limit(one)
    assert found is not None
    assert (found.form, found.at) == (form, at)


def test_a_record_without_a_limit_or_numbers_is_not_drawn() -> None:
    """Nothing is invented where the record says nothing."""
    assert limit(comparison(margin=None)) is None
    assert bar(comparison(low=None)) is None
    assert bar(comparison(high=float("inf"))) is None


def test_what_the_numbers_do_not_tell_is_not_drawn() -> None:
    """A verdict for another reason, such as too few rows, has no picture that would contradict it."""
    forced = comparison(verdict=Verdict.INCONCLUSIVE, role="guard", reason="only 7 rows decide")
    assert bar(forced) is None
    assert "not drawn" in draw([forced])
    assert LIMIT not in draw([forced]).splitlines()[1]


def test_rows_share_the_limits_column() -> None:
    """One column of the picture holds every requirement's limit, whatever the names' lengths."""
    text = draw([comparison(), unsure("recall"), floor("roc_auc"), size()]).splitlines()
    assert len({row.index(LIMIT) for row in text[:5]}) == 1
    assert all(len(row) <= 90 for row in text)


def test_no_difference_is_marked_where_it_lies() -> None:
    """The mark for equal models is right of a margin's limit and left of a required gain's."""
    required = comparison(margin=0.05, verdict=Verdict.INCONCLUSIVE, asks="better_by")
    margin, gain = (draw([c]).splitlines()[1] for c in (comparison(), required))
    assert margin.index(LIMIT) < margin.index(ZERO)
    assert gain.index(ZERO) < gain.index(LIMIT)


def test_names_cannot_leave_the_code_block() -> None:
    """Backticks and line ends in names neither end the fence nor add a line."""
    text = draw([unsure("recall", slice="```\n<b>@all")])
    assert "`" not in text
    assert len(text.splitlines()) == 4
