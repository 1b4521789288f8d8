"""Reads Rollouts from a Kubernetes cluster, by its official client; needs `list` (`watch` to wait), and writes nothing.

What was read becomes a record in `release.artifact.rollouts` and `release.artifact.applications`; what it means, and Git,
must not be known here.
"""

from __future__ import annotations

import contextlib
import json
import queue
import re
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

import urllib3
from kubernetes import client, watch

from release.adapters.kubeconfig import api, one_line
from release.artifact.applications import delivery
from release.artifact.rollouts import HASH, observation
from release.errors import ConflictError, EnvironmentTroubleError, OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from release.observed import Delivery, Observation

_watch: Any = watch
"""Of the client only parts are typed."""

ARGO = ("argoproj.io", "v1alpha1")
GRANT = "list and watch of rollouts, list of analysisruns and replicasets"
"""What an account must be allowed in the models' namespaces; charts/reconciler grants just that."""

_OURS = "app.kubernetes.io/part-of=model-release"
_TIMEOUT = (5, 30)
_READS, _BREATH = 6, 0.1
"""How often a Rollout is read until it stood still, and how many seconds longer each wait in between is."""
_GONE, _REFUSED, _FORBIDDEN, _ABSENT = 410, 401, 403, 404
_PAUSES = (1.0, 60.0)
"""Seconds to wait before a watch that ended at once is begun again: at first, and at most."""
_WHO = re.compile(r'User "([^"]{1,200})"')


def connect(context: str | None) -> Cluster:
    """Return the cluster of a context of the kubeconfig; without a kubeconfig, the one that this process runs in.

    Contacts nothing yet. Raises as `release.adapters.kubeconfig.api` does.
    """
    return Cluster(api(context), context or "the current context")


class Cluster:
    """One cluster, as one account sees it."""

    def __init__(self, api: client.ApiClient, name: str) -> None:
        """Work by a configured client; `name` is for messages."""
        self._objects = client.CustomObjectsApi(api)
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._api: Any = api
        self._name = name

    def observe(self, namespace: str, model: str, environment: str) -> Observation | None:
        """Read a model's Rollout with its ReplicaSets and AnalysisRuns, None when there is none.

        What belongs together is read until the Rollout stayed the same meanwhile. Raises ConflictError when several Rollouts
        claim to be it; EnvironmentTroubleError when the cluster cannot be reached, refuses, lacks the namespace, or never
        stands still.
        """
        for attempt in range(_READS):
            time.sleep(attempt * _BREATH)
            rollout = self._rollout(namespace, model, environment)
            if rollout is None:
                self._require(namespace)
                return None
            replica_sets, runs = self._owned(namespace, rollout)
            again = self._rollout(namespace, model, environment)
            if again is not None and _same(rollout, again):
                return observation(rollout, replica_sets, runs)
        what = "the Rollout changes faster than it can be read"
        raise EnvironmentTroubleError(what, where=f"{self._name}: {namespace}/{model}", fix="run again")

    def application(self, namespace: str, name: str) -> Delivery | None:
        """Read the Application by which Argo CD delivers a release; None where there is none, or it may not be read."""
        reading = self._objects.get_namespaced_custom_object
        with contextlib.suppress(client.ApiException, urllib3.exceptions.HTTPError):
            found: Any = reading(*ARGO, namespace, "applications", name, _request_timeout=_TIMEOUT)
            return delivery(found)
        return None

    def changes(self, namespaces: set[str], seconds: float) -> Iterator[None]:
        """Yield whenever a Rollout in one of the namespaces changed, and at least every `seconds`; never ends by itself.

        Each namespace is watched from the version that was listed, and listed again when the server has forgotten that one
        or cut us off; a server that does so at once is asked again after growing pauses. Raises EnvironmentTroubleError as
        `observe` does.
        """
        told: queue.Queue[Exception | None] = queue.Queue()
        stop = threading.Event()
        for namespace in sorted(namespaces):
            threading.Thread(target=self._watch, args=(namespace, seconds, told, stop), daemon=True).start()
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

    def _watch(self, namespace: str, seconds: float, told: queue.Queue[Exception | None], stop: threading.Event) -> None:
        version, pause = None, _PAUSES[0]
        while not stop.is_set():
            began = time.monotonic()
            try:
                if version is None:
                    version = self._listed(namespace)
                    told.put(None)
                version = self._followed(namespace, version, seconds, told)
            except EnvironmentTroubleError as error:
                told.put(error)
                return
            if time.monotonic() - began > _PAUSES[0]:
                pause = _PAUSES[0]
                continue
            stop.wait(pause)
            pause = min(2 * pause, _PAUSES[1])

    def _listed(self, namespace: str) -> str:
        """Return the version from which a namespace can be watched."""
        listing = self._objects.list_namespaced_custom_object
        found = self._ask(
            lambda: listing(*ARGO, namespace, "rollouts", label_selector=_OURS, limit=1, _request_timeout=_TIMEOUT),
            "list",
            "rollouts",
            namespace,
        )
        return str(found["metadata"]["resourceVersion"])

    def _followed(self, namespace: str, version: str, seconds: float, told: queue.Queue[Exception | None]) -> str | None:
        """Tell of each change until the server ends the watch; return the version reached, None where that is not known."""
        stream = _watch.Watch().stream(
            self._objects.list_namespaced_custom_object,
            *ARGO,
            namespace,
            "rollouts",
            label_selector=_OURS,
            resource_version=version,
            allow_watch_bookmarks=True,  # in a quiet namespace the version must not grow so old that it is forgotten
            timeout_seconds=max(1, int(seconds)),
            _request_timeout=(_TIMEOUT[0], seconds + _TIMEOUT[1]),  # a connection may die without a word
        )
        try:
            for event in stream:
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    told.put(None)
        except client.ApiException as error:
            if error.status != _GONE:
                raise _told(error, self._name, "watch", "rollouts", namespace) from error
            return None
        except (urllib3.exceptions.HTTPError, OSError, LookupError, TypeError, AttributeError):
            return None  # cut off, or something between us and the server answers: listing says whether it is still there
        return version

    def _require(self, namespace: str) -> None:
        """Raise EnvironmentTroubleError when there is no such namespace; an account that may not know is not in the way."""
        try:
            self._core.read_namespace(namespace, _request_timeout=_TIMEOUT)
        except client.ApiException as error:
            if error.status == _ABSENT:
                fix = "create it, or correct `namespace` in release.yaml"
                raise EnvironmentTroubleError("there is no such namespace", where=self._at(namespace), fix=fix) from error
        except urllib3.exceptions.HTTPError as error:
            _unreachable(self._name, error)

    def _at(self, namespace: str) -> str:
        return f"{self._name}: {namespace}"

    def _rollout(self, namespace: str, model: str, environment: str) -> Mapping[str, Any] | None:
        listing = self._objects.list_namespaced_custom_object
        found = self._ask(
            lambda: listing(
                *ARGO,
                namespace,
                "rollouts",
                label_selector=f"{_OURS},app.kubernetes.io/name={model}",
                _request_timeout=_TIMEOUT,
            ),
            "list",
            "rollouts",
            namespace,
        )["items"]
        mine = [one for one in found if one["metadata"]["name"] == f"{model}-{environment}"] or found
        if len(mine) > 1:
            names = ", ".join(sorted(one["metadata"]["name"] for one in mine))
            fix = f"give each environment its own namespace, or name one {model}-{environment}"
            raise ConflictError(f"several Rollouts are {model}'s: {names}", where=self._at(namespace), fix=fix)
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
            lambda: listing(*ARGO, namespace, "analysisruns", label_selector=f"{HASH}={current}", _request_timeout=_TIMEOUT),
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
    fix = "check its address and the network, then run again"
    raise OutOfReachError(f"the cluster cannot be reached: {one_line(error)}", where=name, fix=fix) from error


def _told(error: client.ApiException, name: str, verb: str, what: str, namespace: str) -> EnvironmentTroubleError:
    where = f"{name}: {namespace}"
    if not error.status:  # the client's word for a certificate that it does not trust
        reason = one_line(error).removeprefix("SSLError ")
        fix = "check its certificate authority in the kubeconfig"
        return OutOfReachError(f"the cluster cannot be reached: {reason}", where=name, fix=fix)
    if error.status == _REFUSED:
        return EnvironmentTroubleError("the cluster refuses the credentials", where=where, fix="log in to it again")
    if error.status == _FORBIDDEN:
        who = _WHO.search(_message(error))
        account = who[1] if who else "this account"
        said = f"{account} may not {verb} {what} in namespace {namespace}"
        return EnvironmentTroubleError(said, where=where, fix=f"ask for {GRANT} there, as charts/reconciler grants it")
    if error.status == _ABSENT:
        return EnvironmentTroubleError(f"the cluster does not know {what}", where=where, fix="install Argo Rollouts in it")
    said = f"{error.status} {error.reason or ''}".strip()
    return EnvironmentTroubleError(f"the cluster answers {said} to {verb} {what}", where=where, fix="run again")


def _message(error: client.ApiException) -> str:
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        return str(json.loads(str(error.body)).get("message", ""))
    return ""
