"""One environment of the loop as its cluster shows it: the Rollout, its pods, its AnalysisRuns, and what answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from kubernetes import client, config
from loop.repository import MODEL

if TYPE_CHECKING:
    from release.records import Event

GROUP, VERSION = "argoproj.io", "v1alpha1"
HASH = "rollouts-pod-template-hash"
OPERATION = "model-release/operation"
_INFO = re.compile(r'^model_info\{[^}]*model_digest="([^"]*)"', re.MULTILINE)
_SECONDS = 20
_ASKED = 4


def connect(kubeconfig: str) -> client.ApiClient:
    """Return a client of the cluster that a kubeconfig names."""
    settings = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=settings)
    return client.ApiClient(settings)


@dataclass(frozen=True)
class Place:
    """One environment."""

    name: str
    namespace: str
    api: client.ApiClient

    @property
    def release(self) -> str:
        """The name of its Rollout, and of its Application."""
        return f"{MODEL}-{self.name}"

    def close(self) -> None:
        """Close the connections to the cluster."""
        self.api.rest_client.pool_manager.clear()

    def rollout(self) -> dict[str, Any] | None:
        """Return the Rollout, None before there is one."""
        try:
            found: dict[str, Any] = client.CustomObjectsApi(self.api).get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, "rollouts", self.release, _request_timeout=_SECONDS
            )
        except client.ApiException as error:
            if error.status == requests.codes.not_found:
                return None
            raise
        return found

    def status(self) -> dict[str, Any]:
        """Return the Rollout's status when its controller has seen the newest specification, else nothing."""
        rollout = self.rollout()
        status: dict[str, Any] = (rollout or {}).get("status") or {}
        return status if rollout and str(status.get("observedGeneration")) == str(rollout["metadata"]["generation"]) else {}

    def abort(self) -> None:
        """Abort the canary, as a person does by `kubectl argo rollouts abort`."""
        client.CustomObjectsApi(self.api).patch_namespaced_custom_object_status(
            GROUP, VERSION, self.namespace, "rollouts", self.release, {"status": {"abort": True}}
        )

    def pods(self, pods_hash: str | None = None) -> list[dict[str, Any]]:
        """Return the model's pods, or those of one ReplicaSet."""
        labels = f"app.kubernetes.io/instance={self.release}" + (f",{HASH}={pods_hash}" if pods_hash else "")
        answer = client.CoreV1Api(self.api).list_namespaced_pod(
            self.namespace, label_selector=labels, _request_timeout=_SECONDS, _preload_content=False
        )
        found: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return found

    def runs(self, pods_hash: str | None = None) -> list[dict[str, Any]]:
        """Return the AnalysisRuns, oldest first; all of them, or those of one ReplicaSet."""
        found = [one for one in self._list("analysisruns") if pods_hash in {None, one["metadata"]["labels"].get(HASH)}]
        return sorted(({"status": {}} | one for one in found), key=lambda one: str(one["metadata"]["creationTimestamp"]))

    def asks(self) -> set[str]:
        """Return the addresses that the AnalysisTemplates ask for measurements."""
        metrics = [metric for template in self._list("analysistemplates") for metric in template["spec"]["metrics"]]
        return {metric["provider"]["prometheus"]["address"] for metric in metrics if "prometheus" in metric["provider"]}

    def _list(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.CustomObjectsApi(self.api).list_namespaced_custom_object(
            GROUP, VERSION, self.namespace, kind, _request_timeout=_SECONDS
        )["items"]
        return found

    def address(self, suffix: str = "") -> str:
        """Return the address of the live Service, or of `-stable` or `-canary`."""
        found = client.CoreV1Api(self.api).read_namespaced_service(self.release + suffix, self.namespace)
        return str(found.spec.cluster_ip)

    def images(self) -> set[str]:
        """Return the images that the stable pods run, by what the node says it pulled."""
        stable = (self.rollout() or {})["status"]["stableRS"]
        alive = [one for one in self.pods(stable) if not one["metadata"].get("deletionTimestamp")]
        return {one["spec"]["containers"][0]["image"] for one in alive} | {
            status["imageID"].removeprefix("docker-pullable://")
            for one in alive
            for status in one["status"]["containerStatuses"]
        }

    def models(self) -> set[str]:
        """Return the digests of the models that the stable pods say they serve."""
        url = f"http://{self.address('-stable')}/metrics"
        texts = [requests.get(url, timeout=_SECONDS).text for _ in range(_ASKED)]
        return {digest for text in texts for digest in _INFO.findall(text)}


def reached(rollout: dict[str, Any] | None, event: Event) -> str:
    """Say how far a Rollout is with what an event put there: nothing, `synced`, `observed` or `healthy`."""
    if rollout is None or (rollout["metadata"].get("annotations") or {}).get(OPERATION) != event.operation:
        return ""
    status = rollout.get("status") or {}
    if str(status.get("observedGeneration")) != str(rollout["metadata"]["generation"]):
        return "synced"
    current = status.get("currentPodHash")
    return "healthy" if current and current == status.get("stableRS") and status["phase"] == "Healthy" else "observed"


def ready(pod: dict[str, Any]) -> bool:
    """Say whether a pod is ready."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ())
