"""A namespace in which the values on a deploy branch are applied, as Argo CD would, to a Rollout without a server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml
from support.amending import PLACE, Site
from support.promotions import STAGING, promotion, rejudged

from release.adapters.cluster import connect
from release.artifact import ledger as events
from release.stages.reconcile import Settings, reconcile

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployed import Cluster

    from release.observed import Observation
    from release.stages.reconcile import ReconcileRecord

SETTINGS = Settings(environment=STAGING)


@dataclass
class Place:
    """A namespace in which the values on the deploy branch are applied, as Argo CD would, to a Rollout without a server."""

    cluster: Cluster
    namespace: str
    site: Site
    image: Callable[[str], tuple[str, str]]

    def promote(self, behaviour: str, digest: str | None = None) -> None:
        """Promote a model in a real image."""
        repository, known = self.image(behaviour)
        package = replace(promotion(self.site.head, behaviour).package, repository=repository, digest=digest or known)
        self.site.promote(behaviour, package=package, verdict=rejudged(behaviour, None))

    def sync(self, query: str = "vector(0)", prometheus: str | None = None, **step: Any) -> None:
        """Apply what the values say, with one metric measured by `query`."""
        values = self.site.values()
        labels = {"app.kubernetes.io/name": "churn", "app.kubernetes.io/part-of": "model-release"}
        notes = {"model-release/operation": values["release"]["operation"], "model-release/timeout": "1s"}
        steps = [] if values["release"]["fast"] else [{"setWeight": 50}, step or _measure()]
        image = f"{values['image']['repository']}@{values['image']['digest']}"
        container = {"name": "model", "image": image, "command": ["sleep", "100000"]}
        metric = {
            "name": "error-rate",
            "interval": "1s",
            "initialDelay": "1s",
            "count": 2,
            "consecutiveErrorLimit": 0,
            "successCondition": "len(result) > 0 && result[0] <= 1",
            "failureCondition": "len(result) > 0 && result[0] > 1",
            "provider": {"prometheus": {"address": prometheus or self.cluster.prometheus, "query": query}},
        }
        spec = {
            "replicas": 1,
            "progressDeadlineSeconds": 10,
            "progressDeadlineAbort": True,
            "selector": {"matchLabels": labels},
            "strategy": {"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        }
        objects = [
            _thing("AnalysisTemplate", self.namespace, "quality", {"metrics": [metric]}),
            _thing("Rollout", self.namespace, "churn-staging", spec, labels=labels, annotations=notes),
        ]
        self.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def look(self) -> Observation | None:
        """Read the cluster."""
        return connect(None).observe(self.namespace, "churn", "staging")

    def settle(self, what: str) -> ReconcileRecord:
        """Reconcile, as a job on a timer would, until something was written."""
        done: list[ReconcileRecord] = []

        def ask() -> bool:
            self.site.clock.forward(seconds=0.5)
            done.append(reconcile(PLACE, self.look(), SETTINGS, desk=self.site.desk, follow=lambda _: ""))
            return done[-1].amended.deploy_commit is not None

        self.site.clock.time = datetime.now(UTC)  # the cluster's own clock
        self.cluster.wait(ask, what)
        return done[-1]

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """The kinds and causes of all events."""
        return [(event.kind.value, event.cause) for event in self.site.ledger.events]

    @property
    def served(self) -> str | None:
        """The image digest that serves by the ledger."""
        event = events.serving(self.site.ledger, STAGING)
        return event.release.image_digest if event and event.release else None


def _measure() -> dict[str, Any]:
    return {"analysis": {"templates": [{"templateName": "quality"}]}}


def _thing(kind: str, namespace: str, name: str, spec: dict[str, Any], **meta: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
