"""The nearest of the words that would have been right: how a remedy for a misspelt name is worded."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def one_of(known: Iterable[str], given: str, *, all_of_them: bool = False) -> str:
    """Return "did you mean" with the nearest name, else (or also, with `all_of_them`) the list of names."""
    names = list(known)
    by_lower = {name.lower(): name for name in names}
    near = [by_lower[name] for name in difflib.get_close_matches(given.lower(), by_lower, n=1)]
    listed = f"one of: {', '.join(names)}" if names else ""
    if near and not all_of_them:
        return f'did you mean "{near[0]}"?'
    return f'did you mean "{near[0]}"? {listed}' if near else listed
