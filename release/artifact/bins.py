"""What the training data looked like, as shares in fixed bins: `reference.json`, which a server's metrics are counted in.

Live traffic is counted in the same bins, so that drift is arithmetic on counters. Which bins there are is decided when the
model is trained (`release.learning.reference`).
"""

from __future__ import annotations

from dataclasses import dataclass

from release.artifact import serial
from release.errors import BadInputError

REFERENCE = "reference.json"
LAST = "+Inf"
OTHER = "(other)"


@dataclass(frozen=True, kw_only=True)
class Bins:
    """One feature or score. Numbers fall into `edges` (value <= edge, the rest above the last one), texts into `values`.

    `shares` are those of the training rows, in the order of `labels`, over the rows that have a value; they sum to 1 but
    for rounding. `missing` is the share of rows that have none. With neither edges nor values nothing but
    missing ones is counted.
    """

    name: str
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    missing: float = 0.0

    @property
    def labels(self) -> tuple[str, ...]:
        """The bins' names: the upper edge, or the value; the last one is for everything else."""
        if self.edges:
            return (*(f"{edge:g}" for edge in self.edges), LAST)
        return (*self.values, OTHER) if self.values else ()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Bins of the features, in the order of the model's columns, and of one score a row.

    The score is that of the positive class (binary), of the likeliest class (multiclass), or the prediction (regression).
    """

    features: tuple[Bins, ...]
    score: Bins

    def to_bytes(self) -> bytes:
        """Return the canonical JSON."""
        return serial.canonical(self)

    @classmethod
    def parse(cls, content: bytes, *, where: str = REFERENCE) -> Reference:
        """Read a `reference.json`. Raises BadInputError when it is none, or when shares and bins do not match."""
        reference = serial.load(cls, content, where=where)
        for bins in (*reference.features, reference.score):
            if len(bins.shares) != len(bins.labels) or list(bins.edges) != sorted(set(bins.edges)):
                raise BadInputError(f'the bins of "{bins.name[:60]}" do not match', where=where, fix="train the model again")
        return reference
