"""Cells of the simulation: what is simulated, how often, from which seed; run in processes, kept in a folder.

A cell's seed comes from its name alone, so that neither the order nor the number of processes changes a figure. A kept
result is used again only for the same code. What a cell does is its function's business.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Setting = str | int | float | tuple[str | int | float, ...]
Found = dict[str, float]

_JUDGING = ("release.stats.", "release.judging.")
_CELLS = ("worlds", "coverage", "verdicts", "reuse", "traps")


@dataclass(frozen=True)
class Cell:
    """One function of a module of this package, `module:name`, called with a generator, a number of draws and settings."""

    function: str
    draws: int
    settings: tuple[tuple[str, Setting], ...]

    @property
    def name(self) -> str:
        """The cell's address: what it does with what, and how often."""
        return json.dumps([self.function, self.draws, self.settings])

    def run(self) -> Found:
        """Simulate the cell: the same figures for the same name."""
        module, name = self.function.split(":")
        # What is drawn does not depend on how often, so that a quick run is the beginning of a full one.
        seed = hashlib.sha256(json.dumps([self.function, self.settings]).encode()).digest()
        rng = np.random.default_rng(int.from_bytes(seed[:16], "big"))
        function: Callable[..., Found] = getattr(importlib.import_module(f"characteristics.{module}"), name)
        found = function(rng, self.draws, **dict(self.settings))
        return {key: value.item() if isinstance(value, np.generic) else value for key, value in found.items()}


def cell(function: str, draws: int, **settings: Setting) -> Cell:
    """Name a cell."""
    return Cell(function, draws, tuple(sorted(settings.items())))


def error(share: float, draws: float) -> float:
    """Return the Monte-Carlo standard error of a share seen in so many draws (at least that of half a draw)."""
    if not draws:
        return math.nan
    kept = min(max(share, 0.5 / draws), 1 - 0.5 / draws)
    return math.sqrt(kept * (1 - kept) / draws)


def fingerprint() -> str:
    """Return a digest of the code that figures come from: cells, and what of the statistics and the rule they use."""
    for name in _CELLS:
        importlib.import_module(f"characteristics.{name}")
    used = [name for name in sys.modules if name.startswith(_JUDGING)] + [f"characteristics.{name}" for name in _CELLS]
    files = [Path(module.__file__ or "") for name in sorted(used) if (module := sys.modules[name])]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return hashlib.sha256("".join([*digests, np.__version__]).encode()).hexdigest()


def run(cells: Iterable[Cell], *, cache: Path, jobs: int, told: Callable[[str], None]) -> Mapping[Cell, Found]:
    """Return what every cell gives, from `cache` where it is there, else from one of `jobs` processes."""
    folder = cache / fingerprint()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(dict.fromkeys(cells))
    results = {one: found for one in wanted if (found := _kept(folder, one)) is not None}
    missing = [one for one in wanted if one not in results]
    told(f"{len(wanted)} cells, {len(results)} of them done before")
    for count, (one, found) in enumerate(_each(missing, jobs), start=1):
        _keep(folder, one, found)
        results[one] = found
        told(f"{count}/{len(missing)} {one.function} {dict(one.settings)}")
    return results


def _each(cells: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Found]]:
    # One thread a process: sums in another order differ by rounding, and two processes would fight over the cores.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_done, cells)


def _done(one: Cell) -> tuple[Cell, Found]:
    return one, one.run()


def _path(folder: Path, one: Cell) -> Path:
    return folder / f"{hashlib.sha256(one.name.encode()).hexdigest()}.json"


def _kept(folder: Path, one: Cell) -> Found | None:
    path = _path(folder, one)
    return json.loads(path.read_text()) if path.exists() else None


def _keep(folder: Path, one: Cell, found: Found) -> None:
    path = _path(folder, one)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(found))
    part.replace(path)
