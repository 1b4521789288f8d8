"""Requests to one registry server, with a token where it wants one; knows nothing of images.

The only module that speaks to registries with `requests`. Sends once: what is tried again, and how often, is for
`release.adapters.registry_http` to say. No secret, and nothing that a server wrote but its error codes, gets into a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NoReturn

import requests

from release.artifact import distribution
from release.artifact.credentials import granted_token, parse_challenge, token_request
from release.artifact.distribution import Answer, Call
from release.errors import EnvironmentTroubleError
from release.patience import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.credentials import Credentials

_OK, _UNAUTHORIZED, _FORBIDDEN, _TIMEOUT, _TOO_MANY, _SERVER = 200, 401, 403, 408, 429, 500

_CHUNK = 1 << 20


class Wire:
    """One registry, and who we are to it."""

    def __init__(
        self,
        address: distribution.Address,
        credentials: Credentials | None,
        *,
        timeout: tuple[float, float],
        proxies: Mapping[str, str] | None,
        ca_bundle: str | None,
    ) -> None:
        """Talk to an address; `timeout` is in seconds, to connect and between two reads."""
        self._address = address
        self._credentials = credentials
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc from the environment: the caller decides
        self._session.proxies = dict(proxies or {})
        self._session.verify = ca_bundle or True
        self._authorization: dict[str, str] = {}

    def send(self, call: Call) -> Answer:
        """Send one request and return its answer. Raises TransientError, EnvironmentTroubleError, SecurityRefusalError."""
        ours = distribution.same_origin(call.url, self._address.root)
        known = self._authorization.get(call.scope) if ours else None
        answer = self._exchange(call, known)
        if answer.status == _UNAUTHORIZED and ours:
            granted = self._authorize(answer, call.scope)
            if granted:
                self._authorization[call.scope] = granted
                answer = self._exchange(call, granted)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            self._refused(call.scope)
        return answer

    def _exchange(self, call: Call, authorization: str | None) -> Answer:
        headers = {"User-Agent": "model-release", "Accept-Encoding": "identity", **call.headers}
        if authorization:
            headers["Authorization"] = authorization
        if call.body is not None and not isinstance(call.body, bytes):
            call.body.seek(0)  # also the second time, with a token
        try:
            with self._session.request(
                call.method,
                call.url,
                headers=headers,
                data=call.body,
                timeout=self._timeout,
                stream=True,
                allow_redirects=call.method in {"GET", "HEAD"},
            ) as response:
                content = self._read(response, call)
        except requests.exceptions.SSLError as error:
            raise EnvironmentTroubleError(
                "the registry cannot prove over TLS who it is",
                where=self._address.name,
                fix="give the certificate of its authority, or write http:// before its address if it has no TLS",
            ) from error
        except requests.exceptions.Timeout as error:
            raise TransientError("does not answer in time") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise TransientError("cannot be reached, or the connection broke") from error
        except (OSError, ValueError) as error:  # every other exception of requests, and those that slip through it
            raise EnvironmentTroubleError(
                f"the registry's answer cannot be used ({type(error).__name__})",
                where=self._address.name,
                fix="check that this is a registry's address",
            ) from error
        if response.status_code in {_TIMEOUT, _TOO_MANY} or response.status_code >= _SERVER:
            raise TransientError(f"answered {response.status_code}", distribution.retry_after(response.headers) or 0.0)
        return Answer(status=response.status_code, headers=response.headers, content=content)

    def _read(self, response: requests.Response, call: Call) -> bytes:
        """Return the answer's body, or nothing when it went into the call's file."""
        content, size = bytearray(), 0
        into = call.into if response.status_code == _OK else None
        if into is not None:
            into.seek(0)
            into.truncate()
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > call.limit:
                raise EnvironmentTroubleError(
                    f"the registry sends more than {call.limit} bytes for one thing",
                    where=self._address.name,
                    fix="check that this is a registry's address",
                )
            if into is None:
                content += chunk
            else:
                _keep(into, chunk, self._address.name)
        # urllib3 before 2 returns a body that was cut short as if it were whole.
        announced = response.headers.get("Content-Length", "")
        if response.request.method != "HEAD" and announced.isdecimal() and size < int(announced):
            raise TransientError("stopped in the middle of an answer")
        return bytes(content)

    def _authorize(self, refusal: Answer, scope: str) -> str | None:
        """Answer a challenge: return an Authorization header's value, None when we have nothing to offer."""
        challenge = parse_challenge(refusal.headers.get("WWW-Authenticate", ""))
        if challenge is None:
            return None
        ours = self._credentials
        if challenge.scheme == "basic":
            return ours.basic if ours else None
        if ours and ours.registry_token:
            return f"Bearer {ours.registry_token}"
        answer = self._exchange(token_request(challenge, scope, ours, where=self._address.name), None)
        token = granted_token(answer.content) if answer.status == _OK else None
        return f"Bearer {token}" if token else None

    def _refused(self, scope: str) -> NoReturn:
        # The first scope is what is asked for; a second one names a lender.
        _, full, actions = scope.split(maxsplit=1)[0].split(":")
        permission = "push" if "push" in actions else "pull"
        who = "these credentials" if self._credentials else "anonymous access"
        raise EnvironmentTroubleError(
            f"the registry refuses {who}: no permission to {permission} {full}",
            where=self._address.name,
            fix=f"run docker login {self._address.host}, or ask its operator for the {permission} permission",
        )


def _keep(into: BinaryIO, chunk: bytes, name: str) -> None:
    try:
        into.write(chunk)
    except OSError as error:  # not the server's doing
        raise EnvironmentTroubleError(
            f"what it sends cannot be kept here: {error.strerror or type(error).__name__}",
            where=name,
            fix="make room on this machine's disk for temporary files, then run the command again",
        ) from error
