"""From the push of a promotion to Argo CD's sync, to the canary's first ready pod, and to Healthy: a timeline of each.

python benchmarks/rollout.py --rounds 3

On real parts, whose addresses the environment gives as for `tox -e cluster`; tests/cluster/conftest.py lists them. Each
round pushes a model to the main branch of a repository on the forge; the loop that the tests use takes it to production.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "cluster")]

from loop.repository import COUNT, ENVIRONMENTS, INTERVAL, PRODUCTION, STAGING  # noqa: E402 (on the path by now)
from loop.timeline import STAGES, Timeline, markdown  # noqa: E402 (as above)
from loop.world import World, addresses  # noqa: E402 (as above)


def rounds(number: int) -> list[Timeline]:
    """Release so many models one after the other under load, and return the timelines of their canaries."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        world = stack.enter_context(World(addresses(), Path(folder), lambda line: print(line, file=sys.stderr)))
        world.start(stack)
        for turn in range(number):
            then = world.now()
            world.release(world.another((0.1, 0.15)[turn % 2]), "Another model")
            for name in ENVIRONMENTS:
                world.settled(world.put(name, then))
        world.recorded()
        return world.recorder.timelines[len(ENVIRONMENTS) :]  # a first release has no canary


def medians(timelines: list[Timeline]) -> list[Timeline]:
    """Return one timeline an environment, of the medians."""
    found = []
    for name in (STAGING, PRODUCTION):
        mine = [one for one in timelines if one.title.startswith(f"{name} ")]
        seconds = {stage: [after for one in mine if (after := one.after(stage)) is not None] for stage in STAGES}
        marks = {stage: statistics.median(each) for stage, each in seconds.items() if each}
        found.append(Timeline(f"{name}, median of {len(mine)}", marks))
    return found


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    found = rounds(parser.parse_args().rounds)
    print(f"The analysis itself takes {INTERVAL * COUNT} s: {COUNT} measurements, {INTERVAL} s apart, in one step.\n")
    print(markdown([*found, *medians(found)]))


if __name__ == "__main__":
    main()
