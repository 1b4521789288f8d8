"""Which test rows a model of the ledger was trained on: its training file as Git has it, beside the test file here.

What counts as the same row is `release.data.past`'s. The answer is remembered by the digests of the two files.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from release.artifact.serial import digest_json, digest_of
from release.data import tables
from release.data.past import Seen, seen
from release.errors import EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.records import Commit, Event

_STAGE = "trained-rows"
_RECIPE = 1


def seen_by(workspace: Workspace, job: Job, made: Event) -> Callable[[], Seen]:
    """Return what finds the test rows that a model was trained on; `made` is the event that first promoted it.

    Calling it raises EnvironmentTroubleError where the model's training rows are not in this clone.
    """

    def find() -> Seen:
        if made.commit is None:
            what, fix = "the ledger does not say which commit it was trained at", "see `release history`"
            raise EnvironmentTroubleError(what, where=job.folder, fix=fix)
        return _found(workspace, job, made.commit)

    return find


def _found(workspace: Workspace, job: Job, commit: Commit) -> Seen:
    then, now = workspace.spec(job.model, commit).data, job.spec.data
    path = f"{job.folder}/{then.train}"
    content = workspace.source.read(commit, path)
    if content is None:
        what = f"its training rows are not in commit {commit[:12]}"
        raise EnvironmentTroubleError(what, where=path, fix="git fetch --unshallow, where the clone is shallow")
    here = workspace.source.root / job.folder
    digests = {"train": digest_of(content), "test": tables.digest(here / now.test)}
    if digests["train"] == tables.digest(here / now.train) and then == now:
        return Seen()  # the challenger was trained on the very same rows, which is checked always
    key = digest_json({**digests, "then": then.model_dump_json(), "now": now.model_dump_json(), "recipe": _RECIPE})
    known = workspace.store.get_record(_STAGE, key, Seen)
    if known is None:
        train = _frame(workspace, content, path)
        known = seen(train, then, tables.read(here / now.test, where=f"{job.folder}/{now.test}"), now)
        workspace.store.put_record(_STAGE, key, known)
    return known


def _frame(workspace: Workspace, content: bytes, path: str) -> pd.DataFrame:
    workspace.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="rows-") as folder:
        file = Path(folder) / Path(path).name
        file.write_bytes(content)
        return tables.read(file, where=path)
