"""How long one request takes a model, measured in blocks that alternate between two models.

Alternation makes a machine's moods hit both alike; each block's median forgets single interruptions. What a budget allows is
not decided here.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

BLOCKS = 24
_REQUESTS = 15


def alternate(
    challenger: Any, champion: Any | None, features: pd.DataFrame, *, blocks: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each model's block medians in milliseconds for one-row predictions; nothing for a champion without bytes."""
    rows = [features.iloc[[number % len(features)]] for number in range(_REQUESTS)]
    timed: tuple[list[float], list[float]] = ([], [])
    for block in range(blocks + 1):
        for model, into in zip((challenger, champion), timed, strict=True):
            if model is not None:
                median = _median_ms(model, rows)
                # The first block warms caches up.
                into.extend([median] if block else [])
    return tuple(timed[0]), tuple(timed[1])


def _median_ms(model: Any, rows: list[pd.DataFrame]) -> float:
    ask = getattr(model, "predict_proba", None) or model.predict
    taken = []
    for row in rows:
        start = time.perf_counter()
        ask(row)
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)
