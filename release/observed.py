"""What a cluster was seen to do with one release: its Rollout, ReplicaSets, AnalysisRuns and Application, as records.

Plain data without a Kubernetes type in it. Reading it is `release.adapters.cluster`, what it means is
`release.artifact.meaning`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003 (records are read at run time)
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 (as above)


class Phase(enum.StrEnum):
    """A Rollout's phase, as its controller says it; UNKNOWN is whatever else it says."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


class RunPhase(enum.StrEnum):
    """The phase of an AnalysisRun, or of one metric in it."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of an AnalysisRun: how it stands, how many measurements succeeded, and the last values, oldest first.

    `limit` is what a value has to keep to, such as `<= 0.01`; empty where the condition says something else. `asked` is how
    many measurements there will be, None when that is not said.
    """

    name: str
    phase: RunPhase
    successful: int = 0
    values: tuple[str, ...] = ()
    message: str = ""
    limit: str = ""
    asked: int | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One AnalysisRun without the metrics that are only tried out; `revision` is the Rollout's, None when not said."""

    name: str
    pods: str
    phase: RunPhase
    revision: str | None = None
    message: str = ""
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Pods:
    """One ReplicaSet by its hash: the model container's image, and the Rollout's revision that it is."""

    image: str
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One read of the Application by which Argo CD applies a release: what it applied, and what is in the way.

    `sync` and `health` are Argo CD's words. `revision` is the commit that it compared with, None before the first. `paused`
    says why it applies nothing by itself, None when it does; `drifted` names what differs from Git; `troubles` are its own
    complaints.
    """

    name: str
    sync: str
    health: str
    revision: str | None = None
    paused: str | None = None
    drifted: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One read of a Rollout.

    `operation` is the release operation that the chart wrote on it, None when it bears none. `stable` and `current` are
    pod-template hashes, keys of `pods`. `aborted` is when it was aborted, `late` what was said when it ran out of time,
    `unsure` since when it is paused by an inconclusive analysis. `timeout` is how long it may be, in words of model.yaml.
    `step` counts from 0, None without steps.
    """

    where: str
    generation: str
    observed_generation: str
    phase: Phase
    message: str = ""
    operation: str | None = None
    stable: str | None = None
    current: str | None = None
    pods: Mapping[str, Pods] = field(default_factory=dict)
    aborted: datetime | None = None
    late: str | None = None
    unsure: datetime | None = None
    healthy_since: datetime | None = None
    when_unsure: str = "pause"
    timeout: str = "10m"
    step: int | None = None
    steps: int = 0
    weight: int | None = None
    analyses: tuple[Analysis, ...] = ()

    def image(self, pods: str | None) -> str | None:
        """Return the image of a ReplicaSet by its hash."""
        found = self.pods.get(pods) if pods else None
        return found.image if found else None

    def runs(self) -> tuple[Analysis, ...]:
        """Return the AnalysisRuns of the current pods in the current revision: those of earlier attempts say nothing now."""
        pods = self.pods.get(self.current) if self.current else None
        revision = pods.revision if pods else None
        mine = [one for one in self.analyses if one.pods == self.current]
        return tuple(one for one in mine if None in {one.revision, revision} or one.revision == revision)
