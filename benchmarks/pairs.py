"""Whole processes timed in turn, A B A B …, so that a machine whose speed drifts hurts both sides alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """Seconds a run of both sides, and the ratio within each round."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median over rounds of ours divided by theirs."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def line(self, name: str, target: str) -> str:
        """One row of a Markdown table."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return f"| {name} | {1000 * ours:.0f} ms | {1000 * theirs:.0f} ms | {self.ratio:.2f} | {target} |"


def pair(ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]], *, rounds: int, cwd: Path | None = None) -> Pair:
    """Time two sequences of commands in turn, after a warm-up of each; the commands of a side run one after another."""
    _seconds(ours, cwd)
    _seconds(theirs, cwd)
    timed = [(_seconds(ours, cwd), _seconds(theirs, cwd)) for _ in range(rounds)]
    return Pair(tuple(one for one, _ in timed), tuple(other for _, other in timed))


def _seconds(commands: Sequence[Sequence[str]], cwd: Path | None) -> float:
    start = time.perf_counter()
    for command in commands:
        subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start
