"""Reads the clusters that release.yaml names, and brings the ledgers up to what they show: once, or at every change."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from release.adapters.process import CommandFailedError, Git
from release.artifact.actions import SPELL, Follow, Mode, Next
from release.artifact.amendment import Place
from release.artifact.ledger import previous
from release.artifact.meaning import INFRASTRUCTURE
from release.artifact.promotion import Asked, Packaged, Promotion
from release.artifact.values import draft
from release.cli import ordering
from release.config.names import environment_name, model_name
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError
from release.records import EventKind
from release.schedule import duration, window
from release.stages.promote import promote
from release.stages.reconcile import Settings, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from release.adapters.cluster import Cluster
    from release.artifact.ledger import Ledger
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.records import Event, ModelName, VerdictRecord
    from release.stages.reconcile import ReconcileRecord

INTERVAL = 30.0
"""Seconds after which everything is looked at again, whether or not a cluster reported a change: soaks and pauses end."""
_AGAIN = 5.0


class Clusters:
    """The clusters of the environments that a command is about, each connected to once."""

    def __init__(self, environments: Sequence[EnvironmentSpec]) -> None:
        """Connect to nothing yet."""
        self.environments = tuple(environments)
        self._known: dict[str | None, Cluster] = {}

    def of(self, environment: EnvironmentSpec) -> Cluster:
        """Return an environment's cluster. Raises as `release.adapters.cluster.connect` does."""
        from release.adapters.cluster import connect  # noqa: PLC0415 (slow; only where a cluster is read)

        if environment.context not in self._known:
            self._known[environment.context] = connect(environment.context)
        return self._known[environment.context]

    def changes(self) -> Iterator[None]:
        """Yield whenever something may have changed, at least every INTERVAL; never ends by itself."""
        namespaces: dict[Cluster, set[str]] = {}
        for environment in self.environments:
            namespaces.setdefault(self.of(environment), set()).add(environment.namespace)
        streams = [cluster.changes(names, INTERVAL / len(namespaces)) for cluster, names in namespaces.items()]
        while True:
            for stream in streams:
                yield next(stream)


def environments(workspace: Workspace, names: Sequence[str]) -> list[EnvironmentSpec]:
    """Return the environments named, or all. Raises BadInputError for one that is not there."""
    return [workspace.environment(name) for name in names] or list(workspace.project.environments)


def once(workspace: Workspace, models: Sequence[str], clusters: Clusters) -> list[ReconcileRecord]:
    """Reconcile each model in each environment in which anything ever happened; one that fails does not stop the others.

    Raises the first failure when all had their turn.
    """
    failed: list[ReleaseError] = []
    done = list(_each(workspace, models, clusters, failed))
    if failed:
        raise failed[0]
    return done


def always(workspace: Workspace, models: Sequence[str], clusters: Clusters) -> Iterator[ReconcileRecord]:
    """Reconcile whenever a cluster reports a change, yielding what was written; trouble is told and waited out."""
    while True:
        try:
            for _ in clusters.changes():
                failed: list[ReleaseError] = []
                for record in _each(workspace, models, clusters, failed):
                    if record.amended.deploy_commit is not None:
                        yield record
        except EnvironmentTroubleError as error:
            workspace.progress.note(str(error))
            time.sleep(_AGAIN)


def _each(
    workspace: Workspace, models: Sequence[str], clusters: Clusters, failed: list[ReleaseError]
) -> Iterator[ReconcileRecord]:
    """Yield what came of each model in each environment; failures are told, and added to `failed`."""
    ledgers = workspace.ledgers(fetch=True)
    wanted = _wanted(ledgers, models)
    for environment in clusters.environments:
        for name in wanted:
            try:
                yield from _one(workspace, ledgers, name, environment, clusters)
            except ReleaseError as error:
                workspace.progress.note(f"{name} in {environment.name}: {error}")
                failed.append(error)


def _wanted(ledgers: Mapping[ModelName, Ledger], models: Sequence[str]) -> list[ModelName]:
    names = [model_name(name) for name in models]
    for name in names:
        if name not in ledgers:
            known = ", ".join(sorted(ledgers)) or "none yet"
            raise BadInputError(f"nothing of {name} was ever promoted", where=name, fix=f"models with a ledger: {known}")
    return names or sorted(ledgers)


def _one(
    workspace: Workspace,
    ledgers: Mapping[ModelName, Ledger],
    name: ModelName,
    environment: EnvironmentSpec,
    clusters: Clusters,
) -> list[ReconcileRecord]:
    place = Place(model=name, environment=environment_name(environment.name))
    if previous(ledgers[name], place.environment) is None:
        return []
    seen = clusters.of(environment).observe(environment.namespace, name, environment.name)
    record = reconcile(
        place,
        seen,
        settings(workspace, environment, {one: ledger for one, ledger in ledgers.items() if one != name}),
        desk=ordering.desk(workspace),
        follow=lambda action: _followed(workspace, action),
    )
    return [record]


def settings(workspace: Workspace, environment: EnvironmentSpec, others: Mapping[ModelName, Ledger]) -> Settings:
    """Return what release.yaml says of an environment, and when the other models were withdrawn there lately."""
    now = workspace.clock.now()
    withdrawn = [
        datetime.fromisoformat(event.at)
        for ledger in others.values()
        for event in ledger.events
        if (event.kind, event.environment, event.cause) == (EventKind.WITHDRAWN, environment.name, INFRASTRUCTURE)
    ]
    return Settings(
        environment=environment_name(environment.name),
        # With `after` it is the time in the environment before; see `Next`.
        soak=_soak(environment) if environment.after is None else timedelta(),
        following=tuple(
            Next(
                environment=environment_name(one.name),
                mode=Mode(one.promote),
                soak=_soak(one),
                freeze=tuple(window(entry) for entry in one.freeze),
            )
            for one in workspace.project.environments
            if one.after == environment.name
        ),
        withdrawals=tuple(at for at in withdrawn if now - at < SPELL),
    )


def _soak(environment: EnvironmentSpec) -> timedelta:
    return duration(environment.soak) if environment.soak else timedelta()


def _followed(workspace: Workspace, action: Follow) -> str:
    """Take a release on to the next environment as its `promote:` says, and say what was done."""
    subject, to = action.subject, action.next.environment
    match action.next.mode:
        case Mode.AUTOMATIC:
            desk = ordering.desk(workspace)
            record = promote(
                carried(workspace, subject, to),
                branch=desk.branch,
                source=workspace.source,
                clock=desk.clock,
                rejudge=_unjudged,
                pause=desk.pause,
                rng=desk.rng,
            )
            return f"{record.outcome} to {to}"
        case Mode.PULL_REQUEST | Mode.MANUAL:
            return f"ready for {to}: `release promote {subject.model} --to {to}`"
        case _:
            assert_never(action.next.mode)


def carried(workspace: Workspace, subject: Event, to: str) -> Promotion:
    """Return the intent to take what `subject` promoted on to another environment: the same bytes, chart and evidence.

    Raises BadInputError when the event does not say enough.
    """
    environment, release = workspace.environment(to), subject.release
    if release is None or subject.commit is None or subject.inputs is None:
        fix = f"`release promote {subject.model} --to {to}` from its commit"
        raise BadInputError(f"event {subject.seq} does not say what was promoted", where=subject.model, fix=fix)
    _fetch(workspace)
    spec = workspace.spec(subject.model, subject.commit)
    branch = workspace.branch
    files = branch.read_all(branch.tip(fetch=False), release.chart)
    name = environment_name(environment.name)
    return Promotion(
        model=subject.model,
        environment=name,
        after=environment_name(environment.after) if environment.after else None,
        commit=subject.commit,
        inputs=subject.inputs,
        package=Packaged(
            model_digest=release.model_digest, repository=release.image_repository, digest=release.image_digest
        ),
        verdict=None,
        environments=workspace.environments,
        chart={path.removeprefix(f"{release.chart}/"): content for path, content in files.items()},
        draft=draft(
            model=subject.model, environment=name, serving=spec.serving.model_dump(), rollout=spec.rollout.model_dump()
        ),
        predictions=None,
        by=None,
        asked=Asked.AUTOMATICALLY,
        soak=_soak(environment),
        freeze=tuple(window(entry) for entry in environment.freeze),
    )


def _fetch(workspace: Workspace) -> None:
    """Bring the source commits of releases that are newer than this clone; without a remote there is nothing to bring."""
    git = Git(workspace.source.root)
    if git.says("config", "--get", "remote.origin.url") is not None:
        with contextlib.suppress(CommandFailedError):  # what is missing after that is told by name
            git.run("fetch", "--quiet", "--no-tags", "origin", timeout=600.0)


def _unjudged(_: Event | None) -> VerdictRecord:
    fix = "`release promote` it from its commit, where it can be judged"
    raise BadInputError("the ledger holds no PASS of this release", where="reconcile", fix=fix)
