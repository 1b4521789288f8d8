"""How long one request takes a model, measured in blocks that alternate between two models.

Alternation makes a machine's moods hit both alike; each block's median forgets single interruptions. What a budget allows is
not decided here.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from release.learning.onnx_convert import arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from release.learning.onnx_session import Session

BLOCKS = 24
REQUESTS = 15


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A model to time: `answer` takes what `request` makes of a table of one row, which is not timed."""

    what: str
    request: Callable[[pd.DataFrame], Any]
    answer: Callable[[Any], object]


def trained(pipeline: Any) -> Timed:
    """Time a trained pipeline on tables of one row, as it was trained."""
    ask = getattr(pipeline, "predict_proba", None) or pipeline.predict
    return Timed(what="the trained pipeline on tables of one row", request=lambda row: row, answer=ask)


def converted(session: Session, kinds: Mapping[str, str]) -> Timed:
    """Time an ONNX file as it is served; `kinds` names each column's type, in the model's order."""
    return Timed(
        what="the ONNX file, as it is served",
        request=lambda row: arrays(row, kinds),
        answer=lambda request: session.scores(*request),
    )


def asked(model: Timed, read: Callable[[pd.DataFrame], pd.DataFrame]) -> Timed:
    """Time a model of another schema: `read` makes of a row what the model reads, which is not timed."""
    return replace(model, request=lambda row: model.request(read(row)))


def alternate(
    challenger: Timed, champion: Timed | None, features: pd.DataFrame, *, blocks: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each model's block medians in milliseconds for one-row predictions; nothing for a champion without bytes."""
    rows = [features.iloc[[number % len(features)]] for number in range(REQUESTS)]
    models = [(one, [one.request(row) for row in rows]) for one in (challenger, champion) if one is not None]
    timed: list[list[float]] = [[] for _ in models]
    for block in range(blocks + 1):
        # Who goes first changes from block to block: what runs second finds another cache.
        for place in range(len(models)) if block % 2 else reversed(range(len(models))):
            model, requests = models[place]
            median = _median_ms(model.answer, requests)
            # The first block warms caches up.
            timed[place].extend([median] if block else [])
    return tuple(timed[0]), tuple(timed[1]) if champion is not None else ()


def _median_ms(answer: Callable[[Any], object], requests: Sequence[Any]) -> float:
    taken = []
    for request in requests:
        start = time.perf_counter()
        answer(request)
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)
