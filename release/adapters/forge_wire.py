"""HTTP as forges speak it: a token, pages, limits of requests, trouble that passes. Sends, waits and tries again.

Knows nothing of pull requests. Reads no environment and no clock. No token, and nothing that a server wrote but the names of
permissions, gets into a message.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import requests

from release.artifact.forge import asked_wait, goes_on
from release.errors import EnvironmentTroubleError
from release.patience import Patience, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

PAGE = 50
"""Items a page: the most that a Gitea gives unless its operator allows more."""

_STRANGE = "the forge's answer is not what its documentation says"
_ADDRESS = "check the address of its interface"
_MOST_PAGES = 200
_MOST_BYTES = 32 << 20
_CHUNK = 1 << 16
_ATTEMPTS = 6
_LONGEST_WAIT = 120.0
_OK, _MULTIPLE = 200, 300
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TIMEOUT, _SERVER = 401, 403, 404, 408, 500


@dataclass(frozen=True, kw_only=True)
class Need:
    """What an operation is for, and the permission it takes in the words of this forge.

    `late` says which answers of "not found" may pass: a forge may need a moment to know what was just pushed.
    """

    what: str
    permission: str
    late: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that is neither a refusal nor trouble; other statuses than 2xx are for the caller to judge."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def fine(self) -> bool:
        """Say whether the forge did what it was asked."""
        return _OK <= self.status < _MULTIPLE

    @property
    def missing(self) -> bool:
        """Say whether there is no such thing, or none that this token may see."""
        return self.status == _NOT_FOUND


class Wire:
    """Requests to one forge, below the address of its interface."""

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        *,
        patience: Patience | None = None,
        proxies: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """Talk to `api`; `headers` carry the token, which must be clean (`release.artifact.forge.clean_token`)."""
        self.api = api
        self._headers = {"User-Agent": "model-release", "Accept": "application/json", **headers}
        self._patience = patience or Patience()
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc would replace the token
        self._session.proxies = dict(proxies or {})
        self._session.verify = ca_bundle or True

    def again(self, operation: Callable[[], T]) -> T:
        """Repeat a whole operation while its trouble is transient, so that it looks again before it writes again.

        Raises EnvironmentTroubleError when the trouble stays, or the forge asks to wait too long.
        """

        def attempt() -> T:
            try:
                return operation()
            except TransientError as trouble:
                if trouble.wait > _LONGEST_WAIT:
                    self._trouble(
                        f"the forge limits requests for another {trouble.wait:.0f} s", "run the command again then"
                    )
                raise
            except (LookupError, TypeError, AttributeError) as error:  # a field that is not there, or is something else
                raise EnvironmentTroubleError(_STRANGE, where=self.api, fix=_ADDRESS) from error

        return self._patience.again(attempt, who="the forge", where=self.api, attempts=_ATTEMPTS, longest=_LONGEST_WAIT)

    def send(
        self,
        method: str,
        path: str,
        need: Need,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Reply:
        """Send one request. Raises TransientError, or EnvironmentTroubleError naming the permission that is missing."""
        try:
            with self._session.request(
                method,
                f"{self.api}{path}",
                headers=self._headers,
                params=dict(query or {}),
                json=body,
                timeout=self._patience.timeout,
                stream=True,
                allow_redirects=method == "GET",
            ) as response:
                reply = Reply(status=response.status_code, headers=response.headers, content=self._content(response))
        except requests.exceptions.SSLError as error:
            raise EnvironmentTroubleError(
                "the forge cannot prove over TLS who it is", where=self.api, fix="give the certificate of its authority"
            ) from error
        except requests.exceptions.Timeout as error:
            raise TransientError("does not answer in time") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            raise TransientError("cannot be reached, or the connection broke") from error
        except (OSError, ValueError) as error:  # every other exception of requests, and those that slip through it
            raise EnvironmentTroubleError(
                f"the forge's answer cannot be used ({type(error).__name__})", where=self.api, fix="check its address"
            ) from error
        self._judge(reply, need)
        return reply

    def get(self, path: str, need: Need, *, query: Mapping[str, str | int] | None = None) -> Any:
        """Return what is at a path, None when nothing is. Raises as `send`."""
        reply = self.send("GET", path, need, query=query)
        if reply.missing:
            return None
        return self.parsed(self.done(reply, need))

    def pages(self, path: str, need: Need, *, size: str, query: Mapping[str, str | int] | None = None) -> list[Any]:
        """Return a whole list, page by page; `size` is this forge's name for the number of items a page.

        Pages are asked for by number: the addresses that a forge writes into its answers are not followed with our token.
        """
        found: list[Any] = []
        for page in range(1, _MOST_PAGES + 1):
            reply = self.done(self.send("GET", path, need, query={**(query or {}), size: PAGE, "page": page}), need)
            items = self.parsed(reply)
            if not isinstance(items, list):
                self._unusable()
            found += items
            if not items or not goes_on(reply.headers, len(found)):
                return found
        return self._trouble(f"the forge has more than {_MOST_PAGES} pages {need.what}", "close what is not needed")

    def done(self, reply: Reply, need: Need) -> Reply:
        """Return the reply to what must succeed. Raises EnvironmentTroubleError for any other."""
        if not reply.fine:
            self._trouble(f"the forge answered {reply.status} {need.what}", f"check that the token has {need.permission}")
        return reply

    def parsed(self, reply: Reply) -> Any:
        """Return an answer's JSON. Raises EnvironmentTroubleError when it is none."""
        try:
            return json.loads(reply.content)
        except (ValueError, RecursionError):
            self._unusable()

    def _judge(self, reply: Reply, need: Need) -> None:
        if reply.status in {_TIMEOUT, 429} or reply.status >= _SERVER:
            raise TransientError(
                f"answered {reply.status}", asked_wait(reply.status, reply.headers, reply.content[:4096]) or 0.0
            )
        if reply.status in need.late:
            raise TransientError(f"answers {reply.status} {need.what}, as if nothing had been pushed")
        if reply.status == _UNAUTHORIZED:
            self._trouble(f"the forge refuses the token {need.what}", "set RELEASE_FORGE_TOKEN to one that has not expired")
        if reply.status == _FORBIDDEN:
            wait = asked_wait(reply.status, reply.headers, reply.content[:4096])
            if wait is not None:
                raise TransientError("limits requests", wait)
            accepted = reply.headers.get("X-Accepted-GitHub-Permissions", "")
            exact = f" ({accepted})" if re.fullmatch(r"[a-z_=,; ]{1,120}", accepted) else ""
            self._trouble(f"the token may not do what is needed {need.what}", f"give it {need.permission}{exact}")

    def _content(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > _MOST_BYTES:
                raise ValueError("too much")
        # urllib3 before 2 returns a body that was cut short as if it were whole.
        announced = response.headers.get("Content-Length", "")
        whole = "Content-Encoding" in response.headers or response.request.method == "HEAD"
        if not whole and announced.isdecimal() and len(content) < int(announced):
            raise TransientError("stopped in the middle of an answer")
        return bytes(content)

    def _unusable(self) -> NoReturn:
        self._trouble(_STRANGE, _ADDRESS)

    def _trouble(self, what: str, fix: str) -> NoReturn:
        raise EnvironmentTroubleError(what, where=self.api, fix=fix) from None
