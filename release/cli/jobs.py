"""One model at one commit: what every stage needs to know of it, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.config.build import effective_gate
from release.data.inputs import MODELS
from release.errors import BadInputError
from release.records import Kind
from release.stages.plan import inputs_at

if TYPE_CHECKING:
    from release.artifact.ledger import Ledger
    from release.cli.wiring import Workspace
    from release.config.model import GateSpec, ModelSpec
    from release.records import Commit, Inputs, ModelName


@dataclass(frozen=True, kw_only=True)
class Job:
    """One model at one commit, and what every stage needs to know of it."""

    model: ModelName
    spec: ModelSpec
    inputs: Inputs
    kind: Kind
    ledger: Ledger
    policy: GateSpec
    base: Commit | None = None

    @property
    def folder(self) -> str:
        """The model's folder, relative to the repository."""
        return f"{MODELS}/{self.model}"


def job(
    workspace: Workspace,
    model: ModelName,
    *,
    kind: Kind = Kind.TRAIN,
    base: Commit | None = None,
) -> Job:
    """Gather one model's configuration, inputs and ledger at HEAD.

    With `base`, the gate's policy is the base commit's where the model exists there: no change relaxes the margin that
    judges it. Raises BadInputError for files that are wrong or not committed.
    """
    spec = workspace.spec(model)
    workspace.require_clean([model])
    workspace.source.tree(workspace.head, f"{MODELS}/{model}")  # refuses links, which could name anything
    inputs = inputs_at(workspace.source, workspace.head, model)
    if inputs is None:
        raise BadInputError("model.yaml is not in the commit", where=f"{MODELS}/{model}", fix="commit it")
    judged_by, project = spec, workspace.project
    if base is not None and workspace.source.read(base, f"{MODELS}/{model}/model.yaml") is not None:
        judged_by, project = workspace.spec(model, base), workspace.project_at(base)
    policy = effective_gate(judged_by, project, where=f"{MODELS}/{model}/model.yaml")
    ledger = workspace.ledger(model, tip=workspace.branch.tip(fetch=False))
    return Job(model=model, spec=spec, inputs=inputs, kind=kind, ledger=ledger, policy=policy, base=base)
