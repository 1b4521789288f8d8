"""What the commands that amend a release share: where they write, which place they are about, and what they print."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from release.amending import AmendRecord, Desk
from release.artifact.amendment import Place
from release.artifact.ledger import serving
from release.cli.wiring import LEDGER
from release.config.names import environment_name, model_name
from release.errors import BadInputError

if TYPE_CHECKING:
    from release.cli.wiring import Workspace


def desk(workspace: Workspace) -> Desk:
    """Return where amendments are written."""
    jitter = random.Random(os.urandom(8))  # noqa: S311 (jitter, not a secret)
    return Desk(branch=workspace.branch, clock=workspace.clock, pause=time.sleep, rng=jitter)


def place(workspace: Workspace, model: str, environment: str | None) -> Place:
    """Return the place that a command is about; without an environment, the last one in which the model serves.

    Raises BadInputError for an environment or a model that is not there.
    """
    name = model_name(model)
    if environment is not None:
        return Place(model=name, environment=environment_name(workspace.environment(environment).name))
    ledger = workspace.ledger(name, tip=workspace.branch.tip(fetch=True))
    for one in reversed(workspace.environments):
        if serving(ledger, one) is not None:
            return Place(model=name, environment=one)
    known = ", ".join(sorted(workspace.ledgers(fetch=False))) or "none"
    what = f"{name} serves nowhere" if ledger.events else f"no release of {name} is known"
    raise BadInputError(what, where=f"{LEDGER}/{name}.jsonl", fix=f"models with a ledger: {known}")


def text(record: AmendRecord) -> str:
    """Tell what became of an order in one line, and each event in one more."""
    if record.deploy_commit is None:
        return f"{record.model} in {record.environment}: {record.why}; nothing to do"
    told = [f"  {event.kind} {event.release.version if event.release else ''}".rstrip() for event in record.events]
    return "\n".join([f"{record.why}: commit {record.deploy_commit[:12]} on {record.deploy_branch}", *told])
