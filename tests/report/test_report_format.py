"""Numbers, digests and user text as reports write them."""
# ruff: noqa: RUF001 (the typographic minus and dash are what is tested)

from __future__ import annotations

import math
import random

import pytest

from release.report.format import count, listed, megabytes, number, p_value, percent, plain, short, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.9951, "0.9951"),
        (0.99512345, "0.9951"),
        (0.95, "0.95"),
        (0.0439, "0.0439"),
        (0.021034, "0.021"),
        (-0.0023456, "−0.0023"),
        (-0.00004, "−0.00004"),
        (0.000234, "0.00023"),
        (0.99999, "0.99999"),
        (1.0, "1"),
        (53.2749, "53.27"),
        (2987.4, "2,987"),
        (53271.3, "53,271"),
        (4.2e-9, "4.2e−9"),
        (None, "–"),
    ],
)
def test_numbers_have_about_four_digits(value: float | None, text: str) -> None:
    """Numbers are short, lose no sign and never round to what they are not."""
    assert number(value) == text


def test_no_number_is_ever_written_as_minus_zero() -> None:
    """A small negative number keeps a digit, and zero has no sign."""
    for exponent in range(-12, 3):
        text = number(-(10.0**exponent))
        assert text.startswith("−")
        assert any(digit in text for digit in "123456789")


def test_a_value_is_never_written_like_the_limit_it_misses() -> None:
    """What differs from its limit by a hair shows the hair."""
    draw = random.Random(1)
    for _ in range(300):
        limit = round(draw.random(), 2)
        value = limit + draw.choice([-1, 1]) * 10 ** -draw.uniform(2, 9)
        assert number(value, unlike=limit) != number(limit), (value, limit)


def test_differences_carry_their_sign() -> None:
    """A gain has a plus, a loss a minus, no difference neither."""
    assert [signed(v) for v in (0.02, -0.02, 0.0, None)] == ["+0.02", "−0.02", "0", "–"]


def test_confidence_is_never_rounded_to_certainty() -> None:
    """Levels close to 1 spend digits instead of reading 100%."""
    assert [percent(v) for v in (0.95, 0.99, 0.9975, 0.99999, 1.0, 0.02)] == [
        "95%",
        "99%",
        "99.75%",
        "99.999%",
        "100%",
        "2%",
    ]


def test_small_things() -> None:
    """Counts, sizes, p-values, digests and lists are written one way."""
    assert count(1234567) == "1,234,567"
    assert [megabytes(18_432), megabytes(1_234_567), megabytes(None)] == ["18.43 kB", "1.235 MB", "–"]
    assert [p_value(v) for v in (0.00001, 0.0021, 0.21, None)] == ["< 0.0001", "0.0021", "0.21", "–"]
    assert short("sha256:" + "ab" * 32) == "ab" * 6
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    assert number(math.inf) == "inf"


def test_user_text_becomes_one_visible_line() -> None:
    """Line ends, control, zero-width and direction marks cannot reach a reader; length is bounded."""
    assert plain("a\r\nb\u202ec\u200bd\x1be\u2028f\x00") == "a b c d e f"
    assert len(plain("x" * 10_000)) == 200
