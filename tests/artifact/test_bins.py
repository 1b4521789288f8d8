"""Bins say where a value is counted, and what share of the training rows was there."""

from __future__ import annotations

import pytest

from release.artifact.bins import Bins, Reference
from release.errors import BadInputError

AGE = Bins(name="age", edges=(30.0, 45.5), shares=(0.5, 0.25, 0.25), missing=0.1)
GRADE = Bins(name="grade", values=("low", "high"), shares=(0.5, 0.5, 0.0))
NOTE = Bins(name="note", missing=0.2)
SCORE = Bins(name="score", edges=(0.5,), shares=(0.9, 0.1))
REFERENCE = Reference(features=(AGE, GRADE, NOTE), score=SCORE)


def test_bins_are_called_by_their_upper_edge_or_value() -> None:
    """The last bin is for everything else; a feature that is not binned has none."""
    assert AGE.labels == ("30", "45.5", "+Inf")
    assert GRADE.labels == ("low", "high", "(other)")
    assert NOTE.labels == ()


def test_a_reference_survives_writing_and_reading() -> None:
    """What was counted when the model was trained is what the server reads."""
    assert Reference.parse(REFERENCE.to_bytes()) == REFERENCE


@pytest.mark.parametrize(
    "bins",
    [
        Bins(name="age", edges=(30.0,), shares=(1.0,)),
        Bins(name="age", edges=(45.0, 30.0), shares=(0.5, 0.25, 0.25)),
        Bins(name="age", edges=(30.0, 30.0), shares=(0.5, 0.25, 0.25)),
        Bins(name="age", values=("a",), shares=()),
    ],
)
def test_bins_that_do_not_fit_are_refused(bins: Bins) -> None:
    """As many shares as bins, and edges that rise."""
    content = Reference(features=(bins,), score=SCORE).to_bytes()
    with pytest.raises(BadInputError, match='the bins of "age" do not match'):
        Reference.parse(content)
