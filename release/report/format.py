"""How numbers, digests and user text look in every report, in one place.

Only values become text here; no sentence is composed and nothing is escaped for a markup language.
"""

from __future__ import annotations

import math
import unicodedata

MINUS = "\N{MINUS SIGN}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
NOTHING = "\N{EN DASH}"

_TINY = 1e-6
_HUGE = 1e15
_SMALLEST_P = 1e-4


def number(value: float | None, *, unlike: float | None = None) -> str:
    """Write a number with about four significant digits, a dash for None.

    Below one, four decimals are enough beside a metric, except for numbers that they would swallow. More digits are spent
    where rounding would lie: a share below one is never written as 1, and a value is never written like the limit
    `unlike` that it misses by a hair.
    """
    if value is None:
        return NOTHING
    text = _rounded(value, 0)
    against = _rounded(unlike, 0) if unlike is not None and unlike != value else None
    for extra in range(1, 12):
        if text != against and not (abs(value) < 1 and text.lstrip(MINUS) == "1"):
            break
        text = _rounded(value, extra)
    return text


def signed(value: float | None, *, unlike: float | None = None) -> str:
    """Write a difference with its sign; zero has none."""
    text = number(value, unlike=unlike)
    return f"+{text}" if value is not None and value > 0 else text


def _rounded(value: float, extra: int) -> str:
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value).replace("-", MINUS)
    size = math.floor(math.log10(abs(value)))
    if abs(value) < _TINY or abs(value) >= _HUGE:
        mantissa, exponent = f"{value:.{2 + extra}e}".split("e")
        return f"{_trimmed(mantissa)}e{int(exponent)}".replace("-", MINUS)
    decimals = max(0, 3 - size)
    if size < 0:
        decimals = min(decimals, max(4, 1 - size))
    return _trimmed(f"{value:,.{decimals + extra}f}").replace("-", MINUS)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: int | None) -> str:
    """Write a whole number with commas, a dash for None."""
    return NOTHING if value is None else f"{value:,}".replace("-", MINUS)


def percent(share: float) -> str:
    """Write a share such as 0.9975 as `99.75%`; rounding never reaches 0% or 100% from inside."""
    for decimals in range(2, 9):
        text = _trimmed(f"{100 * share:.{decimals}f}")
        if text not in ("100", "0", "-0") or share in (0, 1):
            break
    return text.replace("-", MINUS) + "%"


def p_value(value: float | None) -> str:
    """Write a probability with three decimals at least, never as 0."""
    if value is None:
        return NOTHING
    return "< 0.0001" if value < _SMALLEST_P else _trimmed(f"{value:.{4 if value < 0.01 else 3}f}")  # noqa: PLR2004 (a digit more for small ones)


def megabytes(size: int | None) -> str:
    """Write bytes as decimal megabytes or kilobytes, as budgets count them."""
    if size is None:
        return NOTHING
    return f"{number(size / 1e6)} MB" if size >= 100_000 else f"{number(size / 1e3)} kB"  # noqa: PLR2004 (0.1 MB)


def short(name: str | None) -> str:
    """Shorten a digest or commit to the 12 digits that people compare."""
    return NOTHING if name is None else plain(name.removeprefix("sha256:"), limit=12, ellipsis="")


def plain(text: str, *, limit: int = 200, ellipsis: str = ELLIPSIS) -> str:
    """Make user text one line of at most `limit` visible characters.

    Control, format (zero-width, bidirectional), private and unpaired surrogate characters become spaces: they could break
    lines, hide text or turn its direction.
    """
    kept = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text[: 4 * limit]
    )
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - len(ellipsis)] + ellipsis


def listed(names: list[str], *, limit: int = 5) -> str:
    """Join names with commas and a last "and"; beyond `limit`, say how many more."""
    shown = names if len(names) <= limit else [*names[:limit], f"{count(len(names) - limit)} more"]
    if len(shown) < 2:  # noqa: PLR2004 (one name needs no "and")
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
