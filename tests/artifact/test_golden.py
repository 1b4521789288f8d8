"""Golden rows are compared with what was recorded, to the digits that processors agree on."""

from __future__ import annotations

import pytest

from release.artifact.golden import Golden, recorded
from release.errors import BadInputError, GateFailedError

GOLDEN = Golden(columns=("age", "note"), rows=((30.0, "a"), (None, "b")), scores=((0.25,), (0.75,)))


def test_golden_rows_survive_writing_and_reading() -> None:
    """Missing values, texts and scores come back as they were, and the bytes are the same."""
    again = Golden.parse(GOLDEN.to_bytes())
    assert again == GOLDEN
    assert again.to_bytes() == GOLDEN.to_bytes()


@pytest.mark.parametrize("scored", [[[0.25], [0.75]], [[0.25 * (1 + 1e-9)], [0.75]], [[0.25], [0.75 - 1e-9]]])
def test_scores_that_differ_in_the_last_bits_are_the_same(scored: list[list[float]]) -> None:
    """Another processor's arithmetic is no other model."""
    GOLDEN.check(scored, where="model")


@pytest.mark.parametrize("wrong", [0.7501, 0.0, float("nan")])
def test_a_row_that_scores_otherwise_is_named(wrong: float) -> None:
    """The first row that differs is told, with both scores."""
    with pytest.raises(GateFailedError, match=r"^model: golden row 2 scores .*, not 0\.75 as recorded; "):
        GOLDEN.check([[0.25], [wrong]], where="model")


def test_another_number_of_classes_is_another_score() -> None:
    """A model of three classes does not score like one of two."""
    with pytest.raises(GateFailedError, match="golden row 1"):
        GOLDEN.check([[0.25, 0.75], [0.75, 0.25]], where="model")


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"columns":["a"],"rows":[[1],[2]],"scores":[[1]]}',
        b'{"columns":["a"],"rows":[[1,2]],"scores":[[1]]}',
        b'{"columns":["a"],"rows":[],"scores":[]}',
    ],
)
def test_what_does_not_fit_together_is_refused(content: bytes) -> None:
    """A file without rows, or with rows of other widths, proves nothing."""
    with pytest.raises(BadInputError, match=r"^model/golden\.json: "):
        Golden.parse(content, where="model/golden.json")


def test_scores_are_recorded_with_nine_digits() -> None:
    """The last bits of a processor do not reach the file."""
    assert recorded(0.1 + 0.2) == 0.3
    assert recorded(123456789.4) == 123456789.0
