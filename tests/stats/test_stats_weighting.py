"""Weights: what is refused, and how many equal rows weighted ones are worth."""

import numpy as np
import pytest

from release.errors import BadInputError
from release.stats.weighting import counted, effective, effective_share


def test_equal_weights_are_worth_their_number() -> None:
    """Whatever the unit, and however small or large."""
    for weight in (1.0, 7.5, 1e-300, 1e300):
        assert effective(np.full(20, weight)) == pytest.approx(20)


def test_one_heavy_row_is_worth_one() -> None:
    """Rows that hardly count add hardly any evidence; no weight at all is none."""
    assert effective(np.array([1e9, 1, 1, 1])) == pytest.approx(1)
    assert effective(np.zeros(3)) == 0


def test_weights_that_go_with_the_values_are_worth_less_than_kish_says() -> None:
    """A large weight on an unusual row moves the mean more than the same weight elsewhere."""
    weights = np.array([10.0] * 2 + [1.0] * 98)
    unusual, usual = np.arange(100) < 2, np.arange(100) >= 98
    for values, less in ((unusual, True), (usual, False)):
        share = float((weights * values).sum() / weights.sum())
        found = effective_share(share, share, values.astype(float), weights)
        assert (found < 0.9 * effective(weights)) is less
        assert found <= effective(weights)


@pytest.mark.parametrize(
    ("weights", "what"),
    [([1, np.nan], "1 of the weights are not finite"), ([1, -1], "negative"), ([0, 0], "all of the weights are zero")],
)
def test_what_is_no_weight_is_refused(weights: list[float], what: str) -> None:
    """The message says what is wrong, and what to do."""
    with pytest.raises(BadInputError, match=what) as caught:
        counted(np.array(weights))
    assert caught.value.fix
