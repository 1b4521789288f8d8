"""What a verdict may still say where a model that was compared with was scored on another schema than its own.

A constant in the place of a column may cripple a model, and beating a crippled champion shows nothing: an owner decides. A
class that it has never seen is one it cannot be right on: it is compared with on the other rows, and the rest is named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from release.records import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from release.data.migrate import Reading
    from release.judging.rule import Judgement


def rows_known(found: Reading | None, y: NDArray[Any], classes: Sequence[str]) -> NDArray[np.intp] | None:
    """Return the numbers of the rows whose class a model has seen, None where it has seen all."""
    if found is None or not found.unknown:
        return None
    unknown = [number for number, name in enumerate(classes) if name in found.unknown]
    return np.flatnonzero(~np.isin(y, unknown))


def reviewed(
    judged: Judgement, readings: Mapping[str, Reading | None], y: NDArray[Any], classes: Sequence[str]
) -> Judgement:
    """Return a judgement that says how models were read, by name, and that is no PASS where one was filled.

    A PASS beside a filled model is INCONCLUSIVE, for an owner to review; a FAIL stands, since it lost even so.
    """
    said, filled = [], []
    for who, found in readings.items():
        if found is None:
            continue
        if found.filled:
            filled.append(f"{who} with {', '.join(name for name, _ in found.filled)} filled")
        known = rows_known(found, y, classes)
        if known is not None:
            said.append(
                f"{who} has never seen {', '.join(found.unknown)}: it is compared with on the other {len(known)} rows, "
                f"and the {len(y) - len(known)} rows of what is new are judged by floors alone"
            )
    said += [f"{one} may be worse than it was, so that holding one's own beside it shows little" for one in filled]
    verdict, review = judged.verdict, judged.review
    if filled and verdict is Verdict.PASS:
        verdict, review = Verdict.INCONCLUSIVE, tuple(filled)
    elif filled and verdict is Verdict.INCONCLUSIVE and review:
        review = (*review, *filled)
    return replace(judged, verdict=verdict, review=review, reasons=(*judged.reasons, *said))
