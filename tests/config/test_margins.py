"""Margins as one word on the command line."""

from __future__ import annotations

import pytest

from release.config.margins import parse_margin
from release.config.model import Relative
from release.errors import BadInputError


@pytest.mark.parametrize(("text", "margin"), [("0.01", 0.01), ("1", 1.0), ("1e-3", 0.001), ("2.5", 2.5)])
def test_a_number_is_an_absolute_margin(text: str, margin: float) -> None:
    """In the metric's own unit."""
    assert parse_margin(text, where="--margin") == margin


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.5%", 0.005), ("99%", 0.99)])
def test_a_percentage_is_relative_to_the_champion(text: str, share: float) -> None:
    """A share of the champion's value."""
    margin = parse_margin(text, where="--margin")
    assert margin == Relative(relative=text)
    assert isinstance(margin, Relative)
    assert margin.share == pytest.approx(share, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "x", "%", "two%", "2 %", "-2%", "100%", "2%%", "0,01", "0x1", "nan", "inf", "-inf", "1e999"]
)
def test_what_is_no_margin_is_told(text: str) -> None:
    """One line with both ways to write it."""
    with pytest.raises(BadInputError) as caught:
        parse_margin(text, where="--margin")
    assert str(caught.value) == f'--margin: "{text}" is no margin; write a number such as 0.01, or a percentage such as 2%'


@pytest.mark.parametrize("text", ["0", "-0.01", "0%"])
def test_a_margin_is_above_zero(text: str) -> None:
    """Not worse by more than nothing is `better_by: 0`."""
    with pytest.raises(BadInputError) as caught:
        parse_margin(text, where="--margin")
    assert str(caught.value) == f"--margin: a margin must be above 0, not {text}; use better_by: 0"
