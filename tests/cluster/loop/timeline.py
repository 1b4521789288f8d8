"""When a promotion reached what, from its push to the end: the figures that the loop's tests and the benchmark show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

PUSHED, SYNCED, READY, HEALTHY, SETTLED = (
    "pushed",
    "Argo CD synced",
    "canary's first pod ready",
    "Healthy",
    "settled in the ledger",
)
STAGES = (PUSHED, SYNCED, READY, HEALTHY, SETTLED)


@dataclass
class Timeline:
    """Times on the monotonic clock by stage; what never came is not in it."""

    title: str
    marks: dict[str, float] = field(default_factory=dict)
    ended: str = ""

    def mark(self, stage: str) -> None:
        """Remember that a stage is reached, the first time it is seen."""
        self.marks.setdefault(stage, time.monotonic())

    def after(self, stage: str) -> float | None:
        """Return the seconds from the push to a stage."""
        return self.marks[stage] - self.marks[PUSHED] if {stage, PUSHED} <= self.marks.keys() else None

    def text(self) -> str:
        """Return one line for a terminal."""
        parts = [f"{stage} {seconds:.1f} s" for stage in STAGES[1:] if (seconds := self.after(stage)) is not None]
        return f"{self.title}: pushed → {' → '.join(parts) or 'nothing yet'}{f' ({self.ended})' if self.ended else ''}"


def markdown(timelines: list[Timeline]) -> str:
    """Return a table of seconds after the push."""
    head = ["from the push of a promotion", *STAGES[1:], "ended"]
    rows = []
    for one in timelines:
        seconds = [one.after(stage) for stage in STAGES[1:]]
        rows.append([one.title, *(f"{found:.1f} s" if found is not None else "" for found in seconds), one.ended])
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
