"""What a pull request may not touch: scalars, ledgers and chart copies that only the tool writes.

The tool's own promotions come as pull requests too, where people merge or approve them; they are let through when they are
exactly that and the ledger before them carries them. What that means is `release.artifact.proposal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.intent import ENVIRONMENTS, LEDGERS, VERSIONS
from release.artifact.ledger import parse
from release.artifact.proposal import explain, vouch
from release.config.names import environment_name
from release.errors import SecurityRefusalError

if TYPE_CHECKING:
    from release.cli.wiring import Workspace
    from release.records import Commit


def refuse_tool_owned(workspace: Workspace, base: Commit) -> None:
    """Refuse what differs between `base` and HEAD and is the tool's to write, but for promotions that it would make.

    Raises SecurityRefusalError.
    """
    paths = workspace.source.changed(base, workspace.head, ENVIRONMENTS, VERSIONS)
    old = workspace.source.contents([f"{base}:{path}" for path in paths])
    new = workspace.source.contents([f"{workspace.head}:{path}" for path in paths])
    told = explain({path: (was, now) for path, was, now in zip(paths, old, new, strict=True)})
    after = {one.name: one.after for one in workspace.project_at(base).environments} if told else {}
    for event in told:
        path = f"{LEDGERS}/{event.model}.jsonl"
        if event.environment not in after:
            what = f"there is no environment {event.environment} at the base"
            raise SecurityRefusalError(what, where=path, fix="take the change out")
        before = parse(workspace.source.read(base, path) or b"", path)
        place = after[event.environment]
        vouch(
            event,
            before,
            environment_name(place) if place else None,
            tuple(map(environment_name, after)),
            workspace.clock.now(),
        )
