"""Which models a command is about: those named, or all that are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.cli.wiring import Workspace
from release.config.names import model_name
from release.errors import BadInputError
from release.records import Kind, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.records import Commit, Inputs, ModelName


def make_plan(base: str | None, *, fetch: bool = False) -> Plan:
    """Plan against a base revision, or, with None, against the ledger."""
    return plan_in(Workspace.here(), base, fetch=fetch)


def plan_in(workspace: Workspace, base: str | None, *, fetch: bool = False) -> Plan:
    """Plan in a workspace. Raises as `release.stages.plan` does."""
    from release.stages.plan import plan_change, plan_due  # noqa: PLC0415 (kept off the path of --help)

    if base is not None:
        return plan_change(workspace.source, base=workspace.source.resolve(base), head=workspace.head)
    from release.artifact.ledger import last_final, serving  # noqa: PLC0415 (pydantic; plans against a base read no ledger)
    from release.artifact.repackage import made_from  # noqa: PLC0415 (as above)

    ledgers = workspace.ledgers(fetch=fetch)
    settled: dict[ModelName, tuple[Commit, Inputs]] = {}
    for model, ledger in ledgers.items():
        event = last_final(ledger)
        if event is not None and event.commit is not None and event.inputs is not None:
            settled[model] = (event.commit, event.inputs)
    first: dict[ModelName, Inputs] = {}
    for model, ledger in ledgers.items():
        here = serving(ledger, workspace.environments[0]) if workspace.environments else None
        inputs = made_from(ledger, here) if here is not None else None
        if inputs is not None:
            first[model] = inputs
    live = frozenset(
        model
        for model, ledger in ledgers.items()
        if any(serving(ledger, environment) for environment in workspace.environments)
    )
    return plan_due(workspace.source, head=workspace.head, settled=settled, serving=live, first=first)


def chosen(workspace: Workspace, names: Sequence[str], *, base: str | None = None) -> list[tuple[ModelName, Kind]]:
    """Return the models a command is about, with the kind of release each is.

    Named models are taken whether due or not, and must exist; without names, all that are due. Models to retire are left to
    `release retire`. Raises BadInputError or SecurityRefusalError for a name that is none.
    """
    wanted = existing(workspace, names)
    due = {item.model: item.kind for item in plan_in(workspace, base).items}
    if wanted:
        return [(name, due.get(name, Kind.TRAIN)) for name in wanted]
    return [(name, kind) for name, kind in due.items() if kind is not Kind.RETIRE]


def existing(workspace: Workspace, names: Sequence[str]) -> list[ModelName]:
    """Check that models are there. Raises BadInputError or SecurityRefusalError for a name that is none."""
    wanted = [model_name(name) for name in names]
    known = set(workspace.models())
    for name in wanted:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none yet"
            raise BadInputError(f"there is no model {name}", where=f"models/{name}/model.yaml", fix=f"models here: {listed}")
    return wanted
