"""Looks a stage up by the digest of what it depends on before it is run: what every stage of a release does first."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Digest

R = TypeVar("R")


def memo(
    workspace: Workspace,
    job: Job,
    stage: str,
    key: Digest,
    kind: type[R],
    run: Callable[[], R] | None,
    *,
    usable: Callable[[R], bool] = lambda _: True,
    kept: str | None = None,
) -> R:
    """Return what is known under `key`, else run the stage and remember; `run` is None where it must be known.

    `kept` is where records are kept, the stage's own place unless given. Raises BadInputError for what must be known.
    """
    place = kept or stage
    record = workspace.store.get_record(place, key, kind)
    if record is not None and usable(record):
        workspace.progress.note(f"{job.model}: {stage} reused, same inputs ({key[7:19]})")
        return record
    if run is None:
        raise BadInputError(
            f"no `{stage}` record for this commit, data and champion",
            where=job.folder,
            fix=f"run `release {stage} {job.model}`",
        )
    record = run()
    workspace.store.put_record(place, key, record)
    return record
