"""Edits of values files that come at the wrong time: while a release is not settled, they would start its canary anew.

Which scalars only the tool may write is `release.cli.checking`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.intent import ENVIRONMENTS, LEDGERS
from release.artifact.ledger import parse
from release.artifact.settling import unsettled
from release.cli.wiring import EMBEDDED
from release.errors import ConflictError

if TYPE_CHECKING:
    from release.cli.wiring import Workspace
    from release.records import Commit

_SUFFIX = ".yaml"


def refuse_unsettled(workspace: Workspace, start: Commit, base: Commit) -> None:
    """Refuse edits of values between the merge base `start` and HEAD whose release `base`'s ledger does not call settled.

    A change that brings ledger lines of the same model is the tool's own. Images in a folder reach no cluster, which could
    settle anything. Raises ConflictError.
    """
    if workspace.registry.name == EMBEDDED:
        return
    changed = set(workspace.source.changed(start, workspace.head, ENVIRONMENTS))
    for environment in workspace.environments:
        folder = f"{ENVIRONMENTS}/{environment}/"
        for path in sorted(one for one in changed if one.startswith(folder) and one.endswith(_SUFFIX)):
            ledger = f"{LEDGERS}/{path.removeprefix(folder).removesuffix(_SUFFIX)}.jsonl"
            content = None if ledger in changed else workspace.source.read(base, ledger)
            event = unsettled(parse(content, ledger), environment) if content is not None else None
            if event is not None:
                version = event.release.version if event.release else "its release"
                what = f"{version}, {event.kind} on {event.at}, is not settled yet, and an edit would start its canary anew"
                raise ConflictError(what, where=path, fix="wait until `release reconcile` has verified or restored it")
