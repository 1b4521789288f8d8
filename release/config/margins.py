"""A margin as one word on the command line: `0.01`, or `2%` of the champion's value."""

from __future__ import annotations

import math

from pydantic import ValidationError

from release.config.model import Margin, Relative
from release.errors import BadInputError


def parse_margin(text: str, *, where: str) -> Margin:
    """Read a margin. Raises BadInputError for what is no number or percentage above zero."""
    try:
        margin: Margin = Relative(relative=text) if text.endswith("%") else float(text)
        size = margin.share if isinstance(margin, Relative) else margin
        if not math.isfinite(size):
            raise ValueError("not finite")  # noqa: TRY301 (told as any other text that is no margin)
    except (ValueError, ValidationError) as error:
        raise BadInputError(
            f'"{text}" is no margin', where=where, fix="write a number such as 0.01, or a percentage such as 2%"
        ) from error
    if size <= 0:
        raise BadInputError(f"a margin must be above 0, not {text}", where=where, fix="use better_by: 0")
    return margin
