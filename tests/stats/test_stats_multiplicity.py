"""Holm's adjustment."""

import pytest

from release.stats.multiplicity import holm


def test_the_worked_family() -> None:
    """(.01 .04 .03 .005) becomes (.03 .06 .06 .02), in the order given."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_no_value_exceeds_one_and_one_value_is_itself() -> None:
    """Adjusted values stay probabilities; a family of one needs no adjustment, a family of none has no values."""
    assert holm([0.6, 0.9]) == (1.0, 1.0)
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()
