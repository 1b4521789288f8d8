"""A dry-run of the shipped models in a fresh clone, and the second one on the unchanged commit.

python benchmarks/dry_run.py --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RELEASE = str(Path(sys.executable).with_name("release"))
ROOT = Path(__file__).resolve().parents[1]


def seconds(clone: Path) -> float:
    """Time one dry-run."""
    start = time.perf_counter()
    subprocess.run([RELEASE, "dry-run"], cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    first, second = [], []
    for _ in range(parser.parse_args().rounds):
        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
            first.append(seconds(clone))
            second.append(seconds(clone))
    ratio = statistics.median(again / once for again, once in zip(second, first, strict=True))
    print("| first dry-run | second, unchanged | ratio | target |")
    print("|---|---|---|---|")
    print(f"| {statistics.median(first):.1f} s | {statistics.median(second):.2f} s | {ratio:.2f} | 0.2 |")


if __name__ == "__main__":
    main()
