"""Reads Rollouts from a Kubernetes cluster, by its official client; needs `get`, `list` and `watch`, and writes nothing.

What was read becomes a record in `release.artifact.rollouts`; what it means, and Git, must not be known here.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import urllib3
from kubernetes import client, config, watch

from release.artifact.rollouts import HASH, observation
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from release.observed import Observation

_config: Any = config
_watch: Any = watch
"""Of the client only parts are typed."""

ROLLOUTS = ("argoproj.io", "v1alpha1")
_LABELS = "app.kubernetes.io/part-of=model-release,app.kubernetes.io/name={}"
_TIMEOUT = (5, 30)
_READS = 3
_GONE, _REFUSED, _FORBIDDEN, _ABSENT = 410, 401, 403, 404


def connect(context: str | None) -> Cluster:
    """Return the cluster of a context of the kubeconfig; without a kubeconfig, the one that this process runs in.

    Contacts nothing yet. Raises BadInputError for a context that is not there, EnvironmentTroubleError without either.
    """
    settings = client.Configuration()
    try:
        _config.load_kube_config(context=context, client_configuration=settings)
    except config.ConfigException as error:
        _within(settings, context, error)
    settings.retries = False  # who calls tries again, and says so
    return Cluster(client.ApiClient(settings), context or "the current context")


def _within(settings: client.Configuration, context: str | None, error: Exception) -> None:
    """Use the account of the pod that this runs in; outside of a cluster, say what was wrong with the kubeconfig."""
    try:
        _config.load_incluster_config(client_configuration=settings)
    except config.ConfigException:
        known = _contexts()
        if context is not None and known:
            fix = f"one of: {', '.join(known)}"
            raise BadInputError(f'the kubeconfig has no context "{context}"', where="release.yaml", fix=fix) from error
        what = f"no cluster is known here: {' '.join(str(error).split())}"
        raise EnvironmentTroubleError(what, where="KUBECONFIG", fix="set KUBECONFIG to a kubeconfig file") from error


def _contexts() -> list[str]:
    with contextlib.suppress(config.ConfigException):
        listed, _ = _config.list_kube_config_contexts()
        return sorted(one["name"] for one in listed)
    return []


class Cluster:
    """One cluster, as one account sees it."""

    def __init__(self, api: client.ApiClient, name: str) -> None:
        """Work by a configured client; `name` is for messages."""
        self._objects = client.CustomObjectsApi(api)
        self._apps = client.AppsV1Api(api)
        self._api: Any = api
        self._name = name

    def observe(self, namespace: str, model: str, environment: str) -> Observation | None:
        """Read a model's Rollout with its ReplicaSets and AnalysisRuns, None when there is none.

        What belongs together is read until the Rollout stayed the same meanwhile. Raises ConflictError when several Rollouts
        claim to be it; EnvironmentTroubleError when the cluster cannot be reached, refuses, or never stands still.
        """
        for _ in range(_READS):
            rollout = self._rollout(namespace, model, environment)
            if rollout is None:
                return None
            replica_sets, runs = self._owned(namespace, rollout)
            again = self._rollout(namespace, model, environment)
            if again is not None and _same(rollout, again):
                return observation(rollout, replica_sets, runs)
        what = "the Rollout changes faster than it can be read"
        raise EnvironmentTroubleError(what, where=f"{self._name}: {namespace}/{model}", fix="run again")

    def changes(self, namespaces: set[str], seconds: float) -> Iterator[None]:
        """Yield whenever a Rollout in one of the namespaces changed, and at least every `seconds`; never ends by itself.

        Each namespace is watched from the version that was listed, and listed again when the server has forgotten that one.
        Raises EnvironmentTroubleError as `observe` does.
        """
        told: queue.Queue[Exception | None] = queue.Queue()
        stop = threading.Event()
        for namespace in sorted(namespaces):
            threading.Thread(target=self._watch, args=(namespace, int(seconds), told, stop), daemon=True).start()
        try:
            while True:
                found = None
                with contextlib.suppress(queue.Empty):
                    found = told.get(timeout=seconds)
                    while found is None:  # several changes are one reason to look
                        found = told.get_nowait()
                if found is not None:
                    raise found
                yield
        finally:
            stop.set()

    def _watch(self, namespace: str, seconds: int, told: queue.Queue[Exception | None], stop: threading.Event) -> None:
        where = (*ROLLOUTS, namespace, "rollouts")
        listing = self._objects.list_namespaced_custom_object
        version = None
        while not stop.is_set():
            try:
                if version is None:
                    version = self._ask(lambda: listing(*where), "watch", "rollouts", namespace)["metadata"][
                        "resourceVersion"
                    ]
                    told.put(None)
                stream = _watch.Watch().stream(listing, *where, resource_version=version, timeout_seconds=seconds)
                for event in stream:
                    version = event["object"]["metadata"]["resourceVersion"]
                    told.put(None)
            except client.ApiException as error:
                if error.status != _GONE:
                    told.put(_told(error, self._name, "watch", "rollouts", namespace))
                    return
                version = None  # forgotten by the server: list again
            except urllib3.exceptions.HTTPError:
                version = None  # cut off: listing again says whether it is still there
            except EnvironmentTroubleError as error:
                told.put(error)
                return

    def _rollout(self, namespace: str, model: str, environment: str) -> Mapping[str, Any] | None:
        listing = self._objects.list_namespaced_custom_object
        found = self._ask(
            lambda: listing(
                *ROLLOUTS, namespace, "rollouts", label_selector=_LABELS.format(model), _request_timeout=_TIMEOUT
            ),
            "list",
            "rollouts",
            namespace,
        )["items"]
        mine = [one for one in found if one["metadata"]["name"] == f"{model}-{environment}"] or found
        if len(mine) > 1:
            names = ", ".join(sorted(one["metadata"]["name"] for one in mine))
            fix = f"give each environment its own namespace, or name one {model}-{environment}"
            raise ConflictError(f"several Rollouts are {model}'s: {names}", where=f"{self._name}: {namespace}", fix=fix)
        return mine[0] if mine else None

    def _owned(self, namespace: str, rollout: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        labels = ",".join(f"{name}={value}" for name, value in rollout["spec"]["selector"]["matchLabels"].items())
        sets = self._ask(
            lambda: self._apps.list_namespaced_replica_set(namespace, label_selector=labels, _request_timeout=_TIMEOUT),
            "list",
            "replicasets",
            namespace,
        )
        current = (rollout.get("status") or {}).get("currentPodHash")
        listing = self._objects.list_namespaced_custom_object
        runs = self._ask(
            lambda: listing(
                *ROLLOUTS, namespace, "analysisruns", label_selector=f"{HASH}={current}", _request_timeout=_TIMEOUT
            ),
            "list",
            "analysisruns",
            namespace,
        )["items"]
        return self._api.sanitize_for_serialization(sets)["items"], runs

    def _ask(self, call: Callable[[], Any], verb: str, what: str, namespace: str) -> Any:
        try:
            return call()
        except client.ApiException as error:
            raise _told(error, self._name, verb, what, namespace) from error
        except urllib3.exceptions.HTTPError as error:
            _unreachable(self._name, error)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["metadata"]["resourceVersion"] == other["metadata"]["resourceVersion"])


def _unreachable(name: str, error: Exception) -> NoReturn:
    reason = " ".join(str(getattr(error, "reason", None) or error).split())
    what = f"the cluster cannot be reached: {reason[:200]}"
    raise EnvironmentTroubleError(what, where=name, fix="check its address and the network, then run again") from error


def _told(error: client.ApiException, name: str, verb: str, what: str, namespace: str) -> EnvironmentTroubleError:
    where = f"{name}: {namespace}"
    if error.status == _REFUSED:
        return EnvironmentTroubleError("the cluster refuses the credentials", where=where, fix="log in to it again")
    if error.status == _FORBIDDEN:
        fix = "grant get, list and watch of rollouts, analysisruns and replicasets there, as charts/reconciler does"
        return EnvironmentTroubleError(f"this account may not {verb} {what} there", where=where, fix=fix)
    if error.status == _ABSENT:
        return EnvironmentTroubleError(f"the cluster does not know {what}", where=where, fix="install Argo Rollouts in it")
    said = f"{error.status} {error.reason or ''}".strip()
    return EnvironmentTroubleError(f"the cluster answers {said} to {verb} {what}", where=where, fix="run again")
