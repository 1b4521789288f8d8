"""One stage over every model that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from release.cli.due import chosen
from release.cli.pipeline import job
from release.cli.wiring import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from release.cli.pipeline import Job
    from release.records import Commit

R = TypeVar("R")


def each(models: Sequence[str], run: Callable[[Workspace, Job], R], *, base: str | None = None) -> list[R]:
    """Run one stage for each model named, or for all that are due."""
    workspace = Workspace.here()
    start = base_of(workspace, base)
    return [run(workspace, job(workspace, name, kind=kind, base=start)) for name, kind in chosen(workspace, models, base=base)]


def base_of(workspace: Workspace, base: str | None) -> Commit | None:
    """Return the merge base that policy is read from, None when no base was given."""
    if base is None:
        return None
    return workspace.source.merge_base(workspace.source.resolve(base), workspace.head)
