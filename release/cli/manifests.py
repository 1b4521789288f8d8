"""What a change does to the manifests of one model: base against head, in every environment, without a cluster.

In a pull request the base's chart and values are compared with the head's; without a base, what was promoted last with what
a promotion would bring. Operation and commit stay as they are on both sides: they annotate, and change with every release.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from release.artifact import ledger as events
from release.artifact.deployment import Deployment, Origin, complete
from release.artifact.manifest_change import ManifestChange, Manifests, compare
from release.artifact.serial import digest_json
from release.artifact.values import patch, read
from release.cli.deployments import Deployments, drafted, values_path
from release.errors import BadInputError, EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from release.cli.jobs import Job
    from release.cli.wiring import Workspace
    from release.config.model import ModelSpec
    from release.config.project import EnvironmentSpec
    from release.records import Digest, PackageRecord, TrainRecord

NO_HELM = "The manifests are not shown: helm is not installed here (PATH, or RELEASE_HELM)."
NO_CHART = "The manifests are not shown: there is no charts/model."
_COPIED = ("serving", "rollout")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One environment before and after; `before` is None where nothing was deployed, `trouble` why there is nothing."""

    environment: str
    before: Deployment | None = None
    after: Deployment | None = None
    remarks: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What is to be compared, gathered; nothing is rendered yet."""

    deployments: Deployments
    pairs: tuple[Pair, ...]
    remark: str = ""

    @property
    def key(self) -> Digest:
        """The digest of all that decides what is shown."""
        sides = [[one.before and one.before.key, one.after and one.after.key] for one in self.pairs]
        said = [[one.environment, list(one.remarks), one.trouble] for one in self.pairs]
        return digest_json({"sides": sides, "said": said, "remark": self.remark})

    def compared(self) -> Manifests:
        """Render both sides and say what differs."""
        return Manifests(changes=tuple(self._changes()), remark=self.remark)

    def _changes(self) -> Iterator[ManifestChange]:
        helm = self.deployments.helm
        for one in self.pairs if helm is not None else ():
            assert helm is not None  # noqa: S101 (for the types: the loop is empty without)
            if one.after is None:
                yield ManifestChange(environment=one.environment, remarks=(one.trouble,))
                continue
            try:
                after = self.deployments.rendered(helm, one.after)
                before = None if one.before is None else self.deployments.rendered(helm, one.before)
                yield compare(one.environment, before, after, remarks=one.remarks)
            except BadInputError as refused:
                yield ManifestChange(environment=one.environment, remarks=(f"cannot be rendered: {refused}",))


def gather(workspace: Workspace, job: Job, trained: TrainRecord, packaged: PackageRecord | None) -> Pairs:
    """Gather what a release of this job's model would change, environment by environment."""
    deployments = Deployments(workspace)
    if deployments.helm is None:
        return Pairs(deployments=deployments, pairs=(), remark=NO_HELM)
    if not deployments.chart:
        return Pairs(deployments=deployments, pairs=(), remark=NO_CHART)
    scalars = _promoted(job, trained, packaged)
    pairs = []
    for environment in workspace.project.environments:
        try:
            pairs.append(_pair(deployments, job, environment, scalars))
        except BadInputError as refused:
            pairs.append(Pair(environment=environment.name, trouble=f"cannot be compared: {refused}"))
    return Pairs(deployments=deployments, pairs=tuple(pairs))


def _promoted(job: Job, trained: TrainRecord, packaged: PackageRecord | None) -> dict[str, str | bool]:
    """Return the scalars that a promotion would write, as far as they are known."""
    image = {} if packaged is None else {"image.repository": packaged.repository, "image.digest": packaged.digest}
    version = events.version_of(job.ledger, trained.model_digest)
    return {**image, "model.digest": trained.model_digest, "model.version": version, "release.fast": False}


def _pair(deployments: Deployments, job: Job, environment: EnvironmentSpec, scalars: Mapping[str, str | bool]) -> Pair:
    workspace, where = deployments.workspace, values_path(job.model, environment)
    there = deployments.at(workspace.head, job.model, environment)
    content, origin = there or (drafted(job.model, job.spec, environment), Origin.DRAFT)
    values = complete(patch(content, scalars, where=where), repository=job.model, where=where)
    after = deployments.deployment(job.model, environment, values, origin, deployments.chart)
    if job.base is None:
        before = None if there is None else _as_promoted(deployments, job, environment, content, origin)
        return Pair(environment=environment.name, before=before, after=after)
    return Pair(
        environment=environment.name,
        before=_at_base(deployments, job, environment, scalars),
        after=after,
        remarks=_copied(workspace, job, environment, content) if there else (),
    )


def _as_promoted(
    deployments: Deployments, job: Job, environment: EnvironmentSpec, content: bytes, origin: Origin
) -> Deployment | None:
    """Return what was promoted last: today's values with the release's own copy of the chart."""
    where = values_path(job.model, environment)
    folder = str(read(content, where=where)["chart.path"] or "")
    chart = deployments.chart_of_branch(folder) if folder else {}
    values = complete(content, repository=job.model, where=where)
    return deployments.deployment(job.model, environment, values, origin, chart) if chart else None


def _at_base(
    deployments: Deployments, job: Job, environment: EnvironmentSpec, scalars: Mapping[str, str | bool]
) -> Deployment | None:
    """Return what the base would deploy: its chart with its values, which a model that was never promoted drafts."""
    workspace, base, where = deployments.workspace, job.base, values_path(job.model, environment)
    assert base is not None  # noqa: S101 (asked for only where there is one)
    chart = deployments.chart_at(base)
    if not chart:
        return None
    place = environment
    with contextlib.suppress(BadInputError):
        project = workspace.project_at(base)
        place = next((one for one in project.environments if one.name == environment.name), environment)
    there = deployments.at(base, job.model, environment)
    if there is not None:
        values = complete(there[0], repository=job.model, where=where)
        return deployments.deployment(job.model, place, values, there[1], chart)
    spec = _spec_at_base(workspace, job)
    if spec is None:
        return None
    # The release's own scalars on both sides: what differs is what the files say.
    first = patch(drafted(job.model, spec, place), scalars, where=where)
    values = complete(first, repository=job.model, where=where)
    return deployments.deployment(job.model, place, values, Origin.DRAFT, chart)


def _spec_at_base(workspace: Workspace, job: Job) -> ModelSpec | None:
    """Return the base's model.yaml, None where there is none that can be read."""
    with contextlib.suppress(BadInputError, EnvironmentTroubleError):
        return workspace.spec(job.model, job.base)
    return None


def _copied(workspace: Workspace, job: Job, environment: EnvironmentSpec, content: bytes) -> tuple[str, ...]:
    """Name what this change says in model.yaml and the values file says otherwise: that was copied once, and is people's."""
    spec = _spec_at_base(workspace, job)
    if spec is None:
        return ()
    old, new = (_flat(drafted(job.model, one, environment)) for one in (spec, job.spec))
    now = _flat(content)
    return tuple(
        f"model.yaml now says {name}: {text}, and {values_path(job.model, environment)} says {now.get(name, 'nothing')}: "
        "it was copied at the first release and is people's since, edit it too if that is meant"
        for name, text in new.items()
        if old.get(name) != text and now.get(name) != text
    )


def _flat(content: bytes) -> dict[str, str]:
    """Return what a values file says of serving and rollout, by dotted name."""
    data = yaml.safe_load(content) or {}
    return {key: text for part in _COPIED for key, text in _entries(part, data.get(part))}


def _entries(at: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _entries(f"{at}.{key}", one)
    elif value is not None:
        yield at, str(value)
