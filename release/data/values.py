"""Single values as people write them: what a cell is called, and whether two spellings mean the same.

Shared by reading, checking and drafting, so that a spelling means one thing everywhere. Nothing here knows columns.
"""

from __future__ import annotations

import re
from datetime import datetime
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
WHOLE = re.compile(r"[+-]?[0-9]+\Z")
TRUTH = {"true": True, "false": False, "1": True, "0": False}


def label(value: object) -> str:
    """Name a value the way a CSV file and `model.yaml` would: `true`, `3` (also for 3.0), `0.25`, text as it is.

    Floats are written so that reading them gives the same float.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def same(one: str, other: str) -> bool:
    """Say whether two labels mean the same value: equal text, equal numbers, or true and false in any case.

    `1` and `true` are different here; a caller that wants both asks for both.
    """
    if one == other:
        return True
    if NUMBER.match(one) and NUMBER.match(other):
        return float(one) == float(other)
    return one.lower() == other.lower() and one.lower() in ("true", "false")


def is_datetime(text: str) -> bool:
    """Say whether a text is an ISO 8601 date, or date and time; a bare number is not."""
    if NUMBER.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def few(names: Sequence[str], most: int = 6) -> str:
    """List the first names, and how many more there are."""
    return f"{', '.join(names[:most])} and {len(names) - most} more" if len(names) > most else ", ".join(names)
