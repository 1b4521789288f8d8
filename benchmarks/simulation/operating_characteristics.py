"""How often the gate is wrong, by simulation: writes docs/operating-characteristics.md.

python benchmarks/simulation/operating_characteristics.py --quick --jobs 2 --cache .release/characteristics

Without `--quick` cells are drawn about ten times as often. They are kept under `--cache`: a run that was stopped goes on
where it was, and a run after a change of the statistics starts anew.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from characteristics.cells import run
from characteristics.document import cells, document
from characteristics.effort import FULL, QUICK

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operating-characteristics.md"


def main() -> None:
    """Simulate what is not there yet, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer draws: minutes on one core")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--cache", type=Path, default=Path(".release/characteristics"), help="where cells are kept")
    parser.add_argument("--write", type=Path, default=DOCUMENT, help="the document")
    asked = parser.parse_args()
    effort = QUICK if asked.quick else FULL
    start = time.monotonic()

    def told(line: str) -> None:
        print(f"{time.monotonic() - start:7.1f} s  {line}", file=sys.stderr, flush=True)

    results = run(cells(effort), cache=asked.cache, jobs=asked.jobs, told=told)
    part = asked.write.with_suffix(f".{os.getpid()}")
    part.write_text(document(effort, results), encoding="utf-8")
    part.replace(asked.write)
    told(f"wrote {asked.write}")


if __name__ == "__main__":
    main()
