"""A registry that is a server: images by digest over the OCI distribution protocol, spoken with `requests`.

Sends, waits and tries again; the protocol's rules are in `release.artifact.distribution` and `credentials` beside it.
Reads no environment, no file and no clock: credentials, proxies and certificates are given. No secret, and nothing that a
server wrote but its error codes, gets into a message.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import requests

from release.artifact import distribution, oci
from release.artifact.credentials import granted_token, parse_challenge, read_entry, token_request
from release.artifact.distribution import MANIFEST_LIMIT, Answer, Call
from release.artifact.reference import check_digest, check_tag
from release.artifact.serial import digest_of
from release.errors import EnvironmentTroubleError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from release.artifact.credentials import Credentials
    from release.artifact.oci import Descriptor, Image
    from release.records import Digest

T = TypeVar("T")

_OK, _CREATED, _ACCEPTED = 200, 201, 202
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_TIMEOUT, _TOO_MANY, _SERVER = 408, 429, 500

_BLOB_LIMIT = 4 << 30
_CHUNK = 1 << 20

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0

_ACCEPT = {"Accept": f"{oci.MANIFEST}, {oci.DOCKER_MANIFEST}"}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait for a server, in seconds, and how often: `timeout` is to connect, and between two reads.

    `sleep` waits, `jitter` returns a number from 0 to 1 that spreads the waits of many clients.
    """

    timeout: tuple[float, float] = (10.0, 60.0)
    attempts: int = 5
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def again(self, attempt: Callable[[], T], *, where: str) -> T:
        """Repeat an attempt while its trouble is transient. Raises EnvironmentTroubleError when it stays."""
        number = 1
        while True:
            try:
                return attempt()
            except _TransientError as trouble:
                if number >= self.attempts:
                    raise EnvironmentTroubleError(
                        f"the registry {trouble} ({number} attempts)", where=where, fix="run the command again later"
                    ) from trouble
                backoff = _FIRST_WAIT * 2 ** (number - 1) * (0.5 + self.jitter() / 2)
                self.sleep(min(_LONGEST_WAIT, max(backoff, trouble.wait or 0.0)))
                number += 1


class _TransientError(Exception):
    """Trouble that may be over in a moment; `wait` is what the server asked for, in seconds."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class HttpRegistry:
    """Images in a registry server, below a prefix.

    Every call has a timeout; 429, 408, 5xx and broken connections are tried again with growing, jittered waits.
    """

    def __init__(
        self,
        address: str,
        *,
        auth: Mapping[str, object] | None = None,
        patience: Patience | None = None,
        proxies: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """Talk to `address`, `[scheme://]host[:port][/prefix]`, HTTPS unless it says http:// or is this machine.

        `auth` is the registry's entry in Docker's config.json, as `credentials.docker_entry` finds it. Raises BadInputError
        for an address that is none, SecurityRefusalError for credentials that would travel unencrypted.
        """
        self._address = distribution.parse_address(address)
        credentials = read_entry(auth)
        if credentials and not distribution.is_private(self._address.root):
            raise SecurityRefusalError(
                "credentials would travel unencrypted", where=self.name, fix="use https://, or no credentials"
            )
        self._patience = patience or Patience()
        session = requests.Session()
        session.trust_env = False  # neither proxies nor .netrc from the environment: the caller decides
        session.proxies = dict(proxies or {})
        session.verify = ca_bundle or True
        self._wire = _Wire(self._address, credentials, session, self._patience.timeout)

    @property
    def name(self) -> str:
        """The address that `image.repository` starts with."""
        return self._address.name

    def has(self, repository: str, digest: Digest) -> bool:
        """Say whether a manifest is there.

        Raises SecurityRefusalError when the registry answers for another digest, EnvironmentTroubleError when it cannot be
        reached, refuses, or goes on failing.
        """
        full = self._address.repository(repository)
        return self._again(partial(self._there, full, f"manifests/{check_digest(digest)}", digest, "pull"))

    def push(self, repository: str, image: Image, tag: str) -> None:
        """Store an image and tag it, sending only what is not there yet; afterwards the registry must know it by its digest.

        Raises as `has`, and EnvironmentTroubleError when a layer that the image only names is not in the repository.
        """
        full = self._address.repository(repository)
        check_tag(tag)
        for one in oci.contents(image):
            self._again(partial(self._put_blob, full, one, image.blobs.get(one.digest)))
        self._again(partial(self._put_manifest, full, image, tag))
        self._again(partial(self._confirm, full, image.digest))

    def manifest(self, repository: str, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, digest checked; None when it is not there. Raises as `has`."""
        full = self._address.repository(repository)
        return self._again(partial(self._get, full, "manifests", check_digest(digest), MANIFEST_LIMIT))

    def blob(self, repository: str, digest: Digest) -> bytes | None:
        """Return a blob's bytes, digest checked; None when it is not there. Raises as `has`."""
        full = self._address.repository(repository)
        return self._again(partial(self._get, full, "blobs", check_digest(digest), _BLOB_LIMIT))

    # What follows is one attempt each; `_again` repeats it.

    def _there(self, full: str, path: str, digest: Digest, actions: str) -> bool:
        answer = self._ask("HEAD", full, path, actions=actions, headers=_ACCEPT)
        if answer.status == _NOT_FOUND:
            return False
        self._expect(answer, _OK, f"HEAD {path}")
        self._same(answer, digest)
        return True

    def _get(self, full: str, kind: str, digest: Digest, limit: int) -> bytes | None:
        answer = self._ask("GET", full, f"{kind}/{digest}", headers=_ACCEPT if kind == "manifests" else {}, limit=limit)
        if answer.status == _NOT_FOUND:
            return None
        self._expect(answer, _OK, f"GET {kind}")
        self._same(answer, digest)
        if digest_of(answer.content) != digest:
            self._another(digest_of(answer.content), digest)
        return answer.content

    def _put_blob(self, full: str, one: Descriptor, content: bytes | None) -> None:
        if self._there(full, f"blobs/{one.digest}", one.digest, "pull,push"):
            return
        if content is None:
            raise EnvironmentTroubleError(
                f"layer {one.digest} of the base image is not there, and the image does not carry it",
                where=f"{self._address.host}/{full}",
                fix="copy the base image into this repository first, then run the command again",
            )
        started = self._ask("POST", full, "blobs/uploads/", actions="pull,push", headers={"Content-Length": "0"})
        self._expect(started, _ACCEPTED, "POST blobs/uploads")
        url = distribution.upload_url(f"{self._address.root}{full}/blobs/uploads/", started, one.digest)
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._wire.send(
            Call(method="PUT", url=url, scope=f"repository:{full}:pull,push", headers=headers, body=content)
        )
        if answer.status in {400, _NOT_FOUND, 416}:
            # The upload was forgotten (another replica, a restart) or its bytes were hurt on the way: begin a new one.
            raise _TransientError(f"answered {answer.told} to an upload")
        self._expect(answer, _CREATED, "PUT blobs/uploads")
        self._same(answer, one.digest)

    def _put_manifest(self, full: str, image: Image, tag: str) -> None:
        tagged = self._ask("HEAD", full, f"manifests/{tag}", actions="pull,push", headers=_ACCEPT)
        if tagged.status == _OK and tagged.headers.get("Docker-Content-Digest") == image.digest:
            return
        headers = {"Content-Type": oci.media_type(image.manifest)}
        answer = self._ask("PUT", full, f"manifests/{tag}", actions="pull,push", headers=headers, body=image.manifest)
        self._expect(answer, _CREATED, "PUT manifests")
        self._same(answer, image.digest)

    def _confirm(self, full: str, digest: Digest) -> None:
        if not self._there(full, f"manifests/{digest}", digest, "pull,push"):
            raise _TransientError("accepted an image that is not there")

    def _ask(
        self,
        method: str,
        full: str,
        path: str,
        *,
        headers: Mapping[str, str],
        actions: str = "pull",
        body: bytes | None = None,
        limit: int = MANIFEST_LIMIT,
    ) -> Answer:
        url = f"{self._address.root}{full}/{path}"
        scope = f"repository:{full}:{actions}"
        return self._wire.send(Call(method=method, url=url, scope=scope, headers=headers, body=body, limit=limit))

    def _again(self, attempt: Callable[[], T]) -> T:
        return self._patience.again(attempt, where=self.name)

    def _same(self, answer: Answer, digest: Digest) -> None:
        told = answer.headers.get("Docker-Content-Digest")
        if told is not None and told != digest:
            self._another(told, digest)

    def _another(self, told: str, digest: Digest) -> NoReturn:
        raise SecurityRefusalError(
            f"the registry answers with {told[:80]!r} for {digest}",
            where=self.name,
            fix="trust nothing it serves under that name until its operator has explained it",
        )

    def _expect(self, answer: Answer, status: int, what: str) -> None:
        if answer.status != status:
            raise EnvironmentTroubleError(
                f"the registry answered {answer.told} to {what}",
                where=self.name,
                fix="check that this is a registry's address, then run the command again",
            )


class _Wire:
    """Sends requests, with a token where the registry wants one; knows nothing of images."""

    def __init__(
        self,
        address: distribution.Address,
        credentials: Credentials | None,
        session: requests.Session,
        timeout: tuple[float, float],
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._session = session
        self._timeout = timeout
        self._authorization: dict[str, str] = {}

    def send(self, call: Call) -> Answer:
        """Send one request and return its answer. Raises _TransientError, EnvironmentTroubleError, SecurityRefusalError."""
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
                content = self._read(response, call.limit)
        except requests.exceptions.SSLError as error:
            raise EnvironmentTroubleError(
                "the registry cannot prove over TLS who it is",
                where=self._address.name,
                fix="give the certificate of its authority, or write http:// before its address if it has no TLS",
            ) from error
        except requests.exceptions.Timeout as error:
            raise _TransientError("does not answer in time") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise _TransientError("cannot be reached, or the connection broke") from error
        except (OSError, ValueError) as error:  # every other exception of requests, and those that slip through it
            raise EnvironmentTroubleError(
                f"the registry's answer cannot be used ({type(error).__name__})",
                where=self._address.name,
                fix="check that this is a registry's address",
            ) from error
        if response.status_code in {_TIMEOUT, _TOO_MANY} or response.status_code >= _SERVER:
            raise _TransientError(f"answered {response.status_code}", distribution.retry_after(response.headers))
        return Answer(status=response.status_code, headers=response.headers, content=content)

    def _read(self, response: requests.Response, limit: int) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > limit:
                raise EnvironmentTroubleError(
                    f"the registry sends more than {limit} bytes for one thing",
                    where=self._address.name,
                    fix="check that this is a registry's address",
                )
        # urllib3 before 2 returns a body that was cut short as if it were whole.
        announced = response.headers.get("Content-Length", "")
        if response.request.method != "HEAD" and announced.isdecimal() and len(content) < int(announced):
            raise _TransientError("stopped in the middle of an answer")
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
        _, full, actions = scope.split(":")
        permission = "push" if "push" in actions else "pull"
        who = "these credentials" if self._credentials else "anonymous access"
        raise EnvironmentTroubleError(
            f"the registry refuses {who}: no permission to {permission} {full}",
            where=self._address.name,
            fix=f"run docker login {self._address.host}, or ask its operator for the {permission} permission",
        )
