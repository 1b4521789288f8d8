"""What `release check` looks at beyond a model's own data: the repository's files, and who changed what."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from release.artifact.deployment import Origin, complete
from release.artifact.findings import Severity
from release.artifact.looks import pace
from release.artifact.values import read
from release.cli import budget, patching
from release.cli.champions import champion_event
from release.cli.deployments import Deployments, drafted
from release.cli.each import base_of
from release.cli.edits import refuse_unsettled
from release.cli.jobs import job
from release.cli.owned import refuse_tool_owned
from release.cli.pipeline import check
from release.cli.tools import find
from release.cli.wiring import EMBEDDED, Workspace
from release.config.places import check_serving
from release.config.source import parse
from release.errors import BadInputError
from release.stages.check import refuse_unreachable
from release.stages.manifests import Inspection, inspect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from release.artifact.deployment import Deployment
    from release.cli.jobs import Job
    from release.ports import Validator
    from release.records import CheckRecord, Digest, ModelName

ENVIRONMENTS = "charts/environments"
_SOON = 0.25
"""With this share of the looks left it is time for new rows, which take a while to label."""


def check_repository(base: str | None) -> tuple[str, ...]:
    """Check `release.yaml` and every values file; with `base`, that nobody wrote what only the tool may.

    Returns notes. Raises BadInputError for files that cannot be read or patched, SecurityRefusalError for a forbidden
    change, ConflictError for one that comes before the release is settled.
    """
    workspace = Workspace.here()
    notes = []
    if workspace.project.deploy.branch == "main":
        notes.append("note: release.yaml deploys to main; `branch: deploy`, where only the tool pushes, is safer")
    if workspace.registry.name == EMBEDDED:
        notes.append("note: images are kept in a folder, which no cluster can pull from; name a registry in release.yaml")
    for environment in workspace.environments:
        for path in sorted((workspace.source.root / ENVIRONMENTS / environment).glob("*.yaml")):
            read(path.read_bytes(), where=path.relative_to(workspace.source.root).as_posix())
    notes.extend(patching.outdated(workspace))
    start = base_of(workspace, base)
    if start is not None:
        refuse_tool_owned(workspace, start)
        refuse_unsettled(workspace, start, workspace.source.resolve(base or ""))
    return tuple(notes)


def check_models(workspace: Workspace, models: Sequence[ModelName]) -> list[CheckRecord]:
    """Check models as they are in the work tree, committed or not. Raises BadInputError for the first thing wrong.

    A gate that no challenger could pass is refused here, where it is proposed; elsewhere it is a note, because the gate that
    judges may be an older commit's.
    """
    for name in models:
        path = f"models/{name}/model.yaml"
        document = parse(workspace.source.read(workspace.head, path) or b"", where=path)
        check_serving(workspace.spec(name), workspace.project, document)
    jobs = [job(workspace, name) for name in models]
    done = [check(workspace, one) for one in jobs]
    for one in jobs:
        first = champion_event(workspace, one) is None
        folder = workspace.source.root / one.folder
        refuse_unreachable(one.model, one.spec, one.policy, folder=folder, first=first)
    return done


@dataclass(frozen=True, kw_only=True)
class Wear:
    """How worn a test set is: looks used, of how many, how many of them at other files, and what to know about it."""

    model: ModelName
    digest: Digest
    looks: int
    budget: int
    inherited: int
    notes: tuple[str, ...]


def wear(workspace: Workspace, models: Sequence[ModelName]) -> list[Wear]:
    """Say of each model how much of its test set's budget is left, and when to hold out new rows."""
    return [_wear(workspace, job(workspace, name)) for name in models]


def _wear(workspace: Workspace, one: Job) -> Wear:
    from release.data import tables  # noqa: PLC0415 (pandas)

    test = tables.digest(workspace.source.root / one.folder / one.spec.data.test)
    spent = budget.spent(workspace, one, test)
    left = one.policy.looks - spent.used
    notes = list(budget.notes(spent))
    if left <= 0:
        notes.append("no look is left: the next new challenger is INVALID; hold out new rows, with ids of their own, now")
    elif left <= one.policy.looks * _SOON:
        rate = pace(one.ledger, test)
        days = None if rate is None else math.ceil(left * rate / timedelta(days=1))
        at_pace = f", at the present pace in about {days} day{'s' * (days != 1)}" if days is not None else ""
        notes.append(f"{left} look{'s' * (left != 1)} left: hold out new rows before the budget is spent{at_pace}")
    return Wear(
        model=one.model,
        digest=test,
        looks=spent.used,
        budget=one.policy.looks,
        inherited=spent.inherited,
        notes=tuple(notes),
    )


def check_manifests(workspace: Workspace, models: Sequence[ModelName], schemas: str | None) -> tuple[list[str], Inspection]:
    """Look at what each model would deploy in each environment, after a promotion; `schemas` is where Kubernetes' are.

    Returns notes on what could not be looked at, and what was found. Raises BadInputError for the first error, when all
    others have been told.
    """
    deployments = Deployments(workspace)
    if not models:
        return [], Inspection(manifests=(), general=())
    if not deployments.chart:
        return ["note: there is no charts/model: manifests were not looked at"], Inspection(manifests=(), general=())
    notes, validators = _validators(deployments, schemas)
    with workspace.progress.step("looking at the manifests"):
        found = inspect(
            list(_planned(deployments, models)),
            renderer=deployments.helm,
            validators=validators,
            render=deployments.rendered,
        )
    errors = [
        BadInputError(one.what, where=f"{record.values}: {one.where}", fix=one.fix)
        for record in found.manifests
        for one in record.findings
        if one.severity is Severity.ERROR
    ]
    errors += [
        BadInputError(one.what, where=one.where, fix=one.fix) for one in found.general if one.severity is Severity.ERROR
    ]
    for error in errors[1:]:
        workspace.progress.note(str(error))
    if errors:
        raise errors[0]
    return notes, found


def _planned(deployments: Deployments, models: Sequence[ModelName]) -> Iterator[Deployment]:
    """Yield what each environment would have of each model after a promotion, by the values that are there, else a draft."""
    workspace = deployments.workspace
    for name in models:
        for environment in workspace.project.environments:
            there = deployments.in_work_tree(name, environment)
            values, origin = there or (drafted(name, workspace.spec(name), environment), Origin.DRAFT)
            one = deployments.deployment(name, environment, values, origin, deployments.chart)
            yield replace(one, values=complete(values, repository=f"{workspace.registry.name}/{name}", where=one.where))


def _validators(deployments: Deployments, schemas: str | None) -> tuple[list[str], list[Validator]]:
    """Return who else is here to look at manifests, and a note on each who is not."""
    from release.adapters.validators import Kubeconform, Promtool  # noqa: PLC0415 (where something is rendered)

    if deployments.helm is None:
        return ["note: manifests were not rendered, nor linted: helm is not installed (PATH, RELEASE_HELM)"], []
    notes: list[str] = []
    found: list[Validator] = []
    kubeconform, promtool = find("kubeconform"), find("promtool")
    if kubeconform is None:
        notes.append(
            "note: manifests were not held against schemas: kubeconform is not installed (PATH, RELEASE_KUBECONFORM)"
        )
    else:
        found.append(Kubeconform(kubeconform, schemas))
    if promtool is None:
        notes.append("note: PromQL was not checked: promtool is not installed (PATH, RELEASE_PROMTOOL)")
    else:
        found.append(Promtool(promtool))
    return notes, found
