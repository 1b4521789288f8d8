"""Which cluster, and whose account: the kubeconfig, or the account of the pod that this runs in.

Contacts nothing. What is read from a cluster is `release.adapters.cluster`.
"""

from __future__ import annotations

import contextlib
from typing import Any, NoReturn

import yaml
from kubernetes import client, config

from release.errors import BadInputError, EnvironmentTroubleError

_config: Any = config
"""Of the client only parts are typed."""

DEFAULT = "~/.kube/config"


def api(context: str | None) -> client.ApiClient:
    """Return a client of a context's cluster (the current one's for None); without a kubeconfig, of the one around us.

    It tries nothing twice: who calls does, and says so. Raises BadInputError for a kubeconfig that cannot be used or lacks
    the context, EnvironmentTroubleError when there is neither.
    """
    settings = client.Configuration()
    try:
        _config.load_kube_config(context=context, client_configuration=settings)
    except config.ConfigException as error:
        _within(settings, context, error)
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, OSError) as error:
        _unusable(error)
    settings.retries = False
    try:
        return client.ApiClient(settings)
    except (ValueError, OSError) as error:  # certificates and keys that are none
        _unusable(error)


def _within(settings: client.Configuration, context: str | None, error: Exception) -> None:
    """Use the account of the pod that this runs in; outside of a cluster, say what was wrong with the kubeconfig."""
    known = _contexts()
    if context is not None and known and context not in known:
        fix = f"one of: {', '.join(known)}"
        raise BadInputError(f'the kubeconfig has no context "{context}"', where="release.yaml", fix=fix) from error
    if known or _place() != DEFAULT:
        _unusable(error)
    try:
        _config.load_incluster_config(client_configuration=settings)
    except config.ConfigException:
        what = f"no cluster is known here: {one_line(error)}"
        raise EnvironmentTroubleError(what, where="KUBECONFIG", fix="set KUBECONFIG to a kubeconfig file") from error


def _contexts() -> list[str]:
    with contextlib.suppress(config.ConfigException):
        listed, _ = _config.list_kube_config_contexts()
        return sorted(one["name"] for one in listed)
    return []


def _place() -> str:
    """Return where the client looks for the kubeconfig: KUBECONFIG as it was when we started, else its default."""
    return str(_config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION)


def _unusable(error: Exception) -> NoReturn:
    fix = "correct the file, or set KUBECONFIG to another; `kubectl config view` shows it"
    raise BadInputError(f"the kubeconfig cannot be used: {one_line(error)}", where=_place(), fix=fix) from error


def one_line(error: Exception) -> str:
    """Return the reason that a client's exception gives, as one line."""
    return " ".join(str(getattr(error, "reason", None) or error).split())[:200]
