"""Reads the clusters that release.yaml names, and brings the ledgers up to what they show; `watching` does it for ever."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from release.artifact.actions import SPELL, Mode, Next
from release.artifact.amendment import Place
from release.artifact.ledger import previous
from release.artifact.meaning import INFRASTRUCTURE
from release.cli import ordering
from release.cli.following import Board, followed, settle
from release.config.names import environment_name, model_name
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError
from release.records import EventKind
from release.schedule import duration, window
from release.stages.reconcile import Settings, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from release.adapters.cluster import Cluster
    from release.artifact.ledger import Ledger
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.records import ModelName
    from release.stages.reconcile import ReconcileRecord

INTERVAL = 30.0
"""Seconds after which everything is looked at again, whether or not a cluster reported a change: soaks and pauses end."""


class Clusters:
    """The clusters of the environments that a command is about, each connected to once."""

    def __init__(self, environments: Sequence[EnvironmentSpec]) -> None:
        """Connect to nothing yet."""
        self.environments = tuple(environments)
        self.board = Board()
        self._known: dict[str | None, Cluster] = {}

    def of(self, environment: EnvironmentSpec) -> Cluster:
        """Return an environment's cluster. Raises as `connect` does, and without the client's library."""
        try:
            from release.adapters.cluster import connect  # noqa: PLC0415 (slow; only where a cluster is read)
        except ImportError as error:
            fix = "pip install 'model-release[cluster]'"
            raise EnvironmentTroubleError("clusters need the Kubernetes client", where="kubernetes", fix=fix) from error

        if environment.context not in self._known:
            self._known[environment.context] = connect(environment.context)
        return self._known[environment.context]

    def changes(self) -> Iterator[None]:
        """Yield whenever something may have changed, at least every INTERVAL; never ends by itself."""
        namespaces: dict[Cluster, set[str]] = {}
        for environment in self.environments:
            namespaces.setdefault(self.of(environment), set()).add(environment.namespace)
        streams = [cluster.changes(names, max(1.0, INTERVAL / len(namespaces))) for cluster, names in namespaces.items()]
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
    done = list(each(workspace, models, clusters, failed))
    if failed:
        raise failed[0]
    return done


def each(
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
    try:
        settle(workspace, wanted, clusters.environments, clusters.board)
    except ReleaseError as error:
        workspace.progress.note(f"open proposals: {error}")
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
        follow=lambda action: followed(workspace, action, clusters.board),
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
