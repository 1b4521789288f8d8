"""One stage over every model that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from release.cli.due import chosen
from release.cli.jobs import job
from release.cli.wiring import Workspace
from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from release.cli.jobs import Job
    from release.records import Commit

R = TypeVar("R")


def each(
    models: Sequence[str],
    run: Callable[[Workspace, Job], R],
    *,
    base: str | None = None,
    failures: list[ReleaseError] | None = None,
) -> list[R]:
    """Run one stage for each model named, or for all that are due; one that fails does not stop the others.

    With `failures` they are added to it, to be told by the caller, and what was done is returned; without, the first one is
    raised when all had their turn.
    """
    workspace = Workspace.here()
    start = base_of(workspace, base)
    wanted = chosen(workspace, models, base=base)
    done, failed = list[R](), list[ReleaseError]()
    for name, kind in wanted:
        try:
            done.append(run(workspace, job(workspace, name, kind=kind, base=start)))
        except ReleaseError as error:
            if len(wanted) == 1 and failures is None:
                raise
            if failures is None:
                workspace.progress.note(f"{name}: {error}")
            failed.append(error)
    if failures is not None:
        failures += failed
    elif failed:
        # All models had their turn; the first failure decides the exit code.
        raise failed[0]
    return done


def base_of(workspace: Workspace, base: str | None) -> Commit | None:
    """Return the merge base that policy is read from, None when no base was given."""
    if base is None:
        return None
    return workspace.source.merge_base(workspace.source.resolve(base), workspace.head)
