"""Who we are to a registry: credentials as Docker keeps them, and the answer to a registry's challenge.

Pure: no files, no network. Secrets stay in `Credentials`, whose repr shows none of them, and in headers and bodies of calls.
Tokens: https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from release.artifact.distribution import HUB, Call, is_private, parse_address, with_query
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETER = re.compile(r'([A-Za-z]+)="([^"\\]*)"')
_HUB_KEY = "index.docker.io"  # what Docker's configuration calls Docker Hub
_CLIENT = "model-release"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who we are to a registry, by password, by a refresh token or by a ready bearer token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str | None:
        """The value of a Basic Authorization header, None without a password."""
        if not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a registry asks for with a 401: `basic`, or `bearer` from the realm of a token server."""

    scheme: str
    parameters: Mapping[str, str]


def docker_entry(config: bytes, address: str) -> Mapping[str, object] | None:
    """Pick a registry's entry from the `auths` of a Docker config.json, the longest matching key first; None without one.

    Raises BadInputError when the file is no such configuration.
    """
    try:
        auths = json.loads(config).get("auths") or {}
        entries = {re.sub(r"^https?://|/(v[12]/?)?$", "", key): entry for key, entry in auths.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise BadInputError("this is no Docker configuration", where="config.json", fix="run docker login again") from error
    at = parse_address(address)
    name = f"{_HUB_KEY}/{at.prefix}" if at.host == HUB else at.name
    for key in sorted(entries, key=len, reverse=True):
        if f"{name}/".startswith(f"{key}/") and isinstance(entries[key], dict):
            return dict(entries[key])
    return None


def read_entry(entry: Mapping[str, object] | None) -> Credentials | None:
    """Read one entry of Docker's `auths`; None when it holds no secret. Raises BadInputError, without what it read."""
    given: dict[str, str] = {key: value for key, value in (entry or {}).items() if isinstance(value, str) and value}
    username, password = given.get("username", ""), given.get("password", "")
    try:
        if "auth" in given:
            username, _, password = base64.b64decode(given["auth"], validate=True).decode().partition(":")
        readable = _fits_header(given.get("registrytoken", ""))
    except (binascii.Error, UnicodeDecodeError):
        readable = False
    if not readable:
        raise BadInputError(
            "the registry's entry in Docker's configuration cannot be read",
            where="config.json",
            fix="run docker login again",
        )
    found = Credentials(
        username=username,
        password=password,
        identity_token=given.get("identitytoken", ""),
        registry_token=given.get("registrytoken", ""),
    )
    return found if password or found.identity_token or found.registry_token else None


def parse_challenge(header: str) -> Challenge | None:
    """Read a WWW-Authenticate header; None when it asks for nothing that we know."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() not in {"basic", "bearer"}:
        return None
    return Challenge(scheme=scheme.lower(), parameters={key.lower(): value for key, value in _PARAMETER.findall(rest)})


def token_request(challenge: Challenge, scope: str, ours: Credentials | None, *, where: str) -> Call:
    """Return the call to a token server that answers a bearer challenge.

    Raises SecurityRefusalError, naming the registry `where`, for a server that is neither HTTPS nor this machine: also
    without credentials, as the token itself is worth stealing.
    """
    realm = challenge.parameters.get("realm", "")
    wanted = {"service": challenge.parameters.get("service", ""), "scope": scope, "client_id": _CLIENT}
    try:
        private = is_private(realm)
    except ValueError:
        private = False
    if not private:
        raise SecurityRefusalError(
            "the registry names a token server that is neither HTTPS nor this machine", where=where, fix="use https"
        )
    if ours and ours.identity_token:
        form = wanted | {"grant_type": "refresh_token", "refresh_token": ours.identity_token}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Call(method="POST", url=realm, scope=scope, headers=headers, body=urlencode(form).encode())
    headers = {"Authorization": ours.basic} if ours and ours.basic else {}
    # Several scopes are several parameters here, and one with spaces in a form.
    return Call(method="GET", url=with_query(realm, wanted | {"scope": scope.split()}), scope=scope, headers=headers)


def granted_token(content: bytes) -> str | None:
    """Return the token that a token server granted, None when its answer holds none that a header can carry."""
    try:
        parsed = json.loads(content)
        found = parsed.get("token") or parsed.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) and _fits_header(found) else None


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
