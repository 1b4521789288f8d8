"""Golden rows: a few inputs and what the model answered to them when it was trained, carried beside it as `golden.json`.

A server is ready only when they score as recorded. Which rows are chosen is `release.learning.golden`'s business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import serial
from release.errors import BadInputError, GateFailedError
from release.records import JsonScalar  # noqa: TC001 (pydantic reads annotations at run time)

if TYPE_CHECKING:
    from collections.abc import Sequence

GOLDEN = "golden.json"

RELATIVE, ABSOLUTE = 1e-6, 1e-8
"""How far a score may be from the recorded one: processors differ in the last bits, models in far more."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Inputs in the order of `columns`, None where missing, and the scores recorded for each row.

    `scores` holds one number a row (binary: of the positive class; regression) or one for each class.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[JsonScalar, ...], ...]
    scores: tuple[tuple[float, ...], ...]

    def to_bytes(self) -> bytes:
        """Return the canonical JSON. Raises ValueError when a score is not finite."""
        return serial.canonical(self)

    @classmethod
    def parse(cls, content: bytes, *, where: str = GOLDEN) -> Golden:
        """Read a `golden.json`. Raises BadInputError when it is none, or when it holds no row."""
        golden = serial.load(cls, content, where=where)
        wide = {len(row) for row in golden.rows}
        if wide != {len(golden.columns)} or len(golden.rows) != len(golden.scores):
            raise BadInputError("rows, columns and scores do not match", where=where, fix="train the model again")
        return golden

    def check(self, scored: Sequence[Sequence[float]], *, where: str) -> None:
        """Compare scores with the recorded ones. Raises GateFailedError naming the first row that differs."""
        for number, (expected, found) in enumerate(zip(self.scores, scored, strict=True), start=1):
            near = len(expected) == len(found) and all(map(_near, expected, found))
            if not near:
                raise GateFailedError(
                    f"golden row {number} scores {_shown(found)}, not {_shown(expected)} as recorded",
                    where=where,
                    fix="serve it with the runtime it was made for, or train it again",
                )


def recorded(value: float) -> float:
    """Return a score as it is recorded: nine digits, so that the last bits of a processor do not change the file."""
    return float(f"{value:.9g}")


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _shown(scores: Sequence[float]) -> str:
    return ", ".join(f"{one:.6g}" for one in scores[:4])
