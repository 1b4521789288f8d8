"""Which values and which chart a model has in an environment, at a commit or as it lies in the work tree; and their renders.

A values file of this tree counts before the deploy branch's, and where there is none yet it is drafted as the first
promotion will draft it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from release.artifact.deployment import Deployment, Origin
from release.artifact.intent import ENVIRONMENTS
from release.artifact.serial import digest_json
from release.artifact.values import draft
from release.cli.tools import find
from release.config.names import environment_name
from release.config.project import rollout_in
from release.data.inputs import CHART

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.adapters.helm import Helm
    from release.cli.wiring import Workspace
    from release.config.model import ModelSpec
    from release.config.project import EnvironmentSpec
    from release.ports import Renderer
    from release.records import Commit, ModelName

RENDERING = 1
"""Raised when the same chart and values would be rendered otherwise."""


@dataclass(frozen=True, kw_only=True)
class _Rendered:
    """What is remembered of a render."""

    text: str


@dataclass(frozen=True)
class Deployments:
    """The deployments of one workspace; what several of them share is read once."""

    workspace: Workspace

    @cached_property
    def helm(self) -> Helm | None:
        """The helm that is installed here. Raises BadInputError when RELEASE_HELM names none."""
        from release.adapters.helm import Helm  # noqa: PLC0415 (where something is rendered)

        program = find("helm")
        return Helm(program) if program else None

    @cached_property
    def chart(self) -> Mapping[str, bytes]:
        """The files of charts/model at HEAD, by relative path; empty when there is none."""
        return self.chart_at(self.workspace.head)

    def chart_at(self, commit: Commit, folder: str = CHART) -> Mapping[str, bytes]:
        """Return the files of a chart at a commit of this repository, by relative path."""
        source = self.workspace.source
        files = source.read_many(commit, list(source.tree(commit, folder)))
        return {path.removeprefix(f"{folder}/"): content for path, content in files.items()}

    def chart_of_branch(self, folder: str) -> Mapping[str, bytes]:
        """Return the files of a release's copy of the chart on the deploy branch, by relative path."""
        files = self.workspace.branch.read_all(self._tip, folder)
        return {path.removeprefix(f"{folder}/"): content for path, content in files.items()}

    def in_work_tree(self, model: ModelName, environment: EnvironmentSpec) -> tuple[bytes, Origin] | None:
        """Return the values file as it lies here, committed or not, else the deploy branch's; None where there is none."""
        path = self.workspace.source.root / values_path(model, environment)
        return (path.read_bytes(), Origin.TREE) if path.is_file() else self._on_branch(model, environment)

    def at(self, commit: Commit, model: ModelName, environment: EnvironmentSpec) -> tuple[bytes, Origin] | None:
        """Return the values file at a commit, else the deploy branch's; None where there is none."""
        content = self.workspace.source.read(commit, values_path(model, environment))
        return (content, Origin.TREE) if content is not None else self._on_branch(model, environment)

    def deployment(
        self, model: ModelName, environment: EnvironmentSpec, values: bytes, origin: Origin, chart: Mapping[str, bytes]
    ) -> Deployment:
        """Put a deployment together, and say whose its values are."""
        drafted = f"models/{model}/model.yaml in {environment.name}"
        return Deployment(
            model=model,
            environment=environment_name(environment.name),
            namespace=environment.namespace,
            chart=chart,
            values=values,
            origin=origin,
            where=drafted if origin is Origin.DRAFT else values_path(model, environment),
        )

    def rendered(self, renderer: Renderer, deployment: Deployment) -> str:
        """Render a deployment, or find it rendered. Raises BadInputError as the renderer does."""
        store = self.workspace.store
        key = digest_json({"deployment": deployment.key, "rendering": RENDERING})
        known = store.get_record("manifests", key, _Rendered)
        if known is not None:
            return known.text
        text = renderer.render(deployment)
        store.put_record("manifests", key, _Rendered(text=text))
        return text

    def _on_branch(self, model: ModelName, environment: EnvironmentSpec) -> tuple[bytes, Origin] | None:
        content = self.workspace.branch.read(self._tip, values_path(model, environment))
        return None if content is None else (content, Origin.BRANCH)

    @cached_property
    def _tip(self) -> Commit | None:
        return self.workspace.branch.tip(fetch=False)


def values_path(model: ModelName, environment: EnvironmentSpec) -> str:
    """Return where the values of a model in an environment are kept."""
    return f"{ENVIRONMENTS}/{environment.name}/{model}.yaml"


def drafted(model: ModelName, spec: ModelSpec, environment: EnvironmentSpec) -> bytes:
    """Return the values file that the first promotion of a model to an environment begins with."""
    return draft(
        model=model,
        environment=environment.name,
        serving=spec.serving.model_dump(),
        rollout=rollout_in(environment, spec.rollout),
    )
