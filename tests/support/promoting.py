"""A process that promotes, for tests that race or kill it: `python -m support.promoting ROOT REPOSITORY BRANCH CACHE`.

It says `ready`, reads a line of MODEL:NAME words, promotes one after the other to staging, prints each outcome and exits
with the code of the first error.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from release.adapters.deploy_branch import open_branch
from release.adapters.git import GitSource
from release.errors import ReleaseError
from release.records import ModelName
from release.stages.promote import promote
from support.promotions import Ticking, promotion, rejudged


def main(root: str, repository: str, branch: str, cache: str) -> int:
    """Promote what the line says."""
    source = GitSource(Path(root))
    head = source.resolve("HEAD")
    print("ready", flush=True)  # noqa: T201 (the protocol with the test)
    for model, _, name in (one.partition(":") for one in sys.stdin.readline().split()):
        try:
            done = promote(
                promotion(head, name, model=ModelName(model)),
                branch=open_branch(Path(root), repository, branch, Path(cache)),
                source=source,
                clock=Ticking(),
                rejudge=lambda champion, name=name: rejudged(name, champion),
                pause=time.sleep,
                rng=random.Random(),
                bound=60,
            )
        except ReleaseError as error:
            print(error, file=sys.stderr)  # noqa: T201 (as above)
            return error.code
        print(model, name, done.outcome, flush=True)  # noqa: T201 (as above)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
