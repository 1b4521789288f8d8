"""The rules of the OCI distribution protocol that need no network: addresses, calls and answers, waits.

Requests are sent by `release.adapters.registry_http`; who we are to a registry is in `release.artifact.credentials`.
Protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlencode, urljoin, urlsplit

from release.artifact.reference import check_host, check_repository
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.records import Digest

_ERROR_CODE = re.compile(r"[A-Z][A-Z_]{1,39}", re.ASCII)

# What registries must accept of a manifest, and few exceed.
MANIFEST_LIMIT = 4 << 20

# Docker Hub goes by one name in references and by another on the network.
HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a registry answers. `name` is what image names start with: host, port and prefix, no scheme."""

    scheme: str
    host: str
    prefix: str

    @property
    def name(self) -> str:
        """Host and prefix, as in `image.repository`."""
        return f"{self.host}/{self.prefix}" if self.prefix else self.host

    @property
    def root(self) -> str:
        """The URL of the protocol's version 2."""
        return f"{self.scheme}://{_HUB_SERVER if self.host == HUB else self.host}/v2/"

    def repository(self, name: str) -> str:
        """Return the full name of a repository below the prefix. Raises BadInputError."""
        return check_repository(f"{self.prefix}/{name}" if self.prefix else name)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `scope` is what it needs to be granted, as in `repository:ml/churn:pull`; `limit` bounds the answer.

    What is too large for memory is read from a `body` that is a file, or written `into` one when the answer is 200.
    """

    method: str
    url: str
    scope: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | BinaryIO | None = field(default=None, repr=False)
    limit: int = MANIFEST_LIMIT
    into: BinaryIO | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the status, the headers (by names in any case) and the body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def told(self) -> str:
        """The status and, if there is one, the error's code."""
        return f"{self.status} {error_code(self.content)}".rstrip()


def parse_address(text: str) -> Address:
    """Read `[http://|https://]host[:port][/prefix]`; without a scheme it is HTTPS, but HTTP for a loopback address.

    Raises BadInputError, without repeating the text where it may hold a password.
    """
    scheme, separator, rest = text.rpartition("://")
    if "@" in text or (separator and scheme not in {"http", "https"}):
        raise BadInputError(
            "this is no registry address",
            where="registry",
            fix="write host[:port]/prefix; credentials belong into Docker's config.json (docker login)",
        )
    host, _, prefix = rest.rstrip("/").partition("/")
    name, _port = check_host(host)
    if prefix:
        check_repository(prefix)
    return Address(scheme=scheme or ("http" if is_loopback(name) else "https"), host=host, prefix=prefix)


def is_loopback(name: str) -> bool:
    """Say whether a host name (no port) is this machine by definition: `localhost` or 127.0.0.0/8."""
    try:
        return name == "localhost" or ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Say whether what is sent to a URL stays between us and its host: HTTPS, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs have scheme, host and port in common, so that what one is told the other may know."""
    left, right = urlsplit(one), urlsplit(other)
    return (left.scheme, left.netloc.lower()) == (right.scheme, right.netloc.lower())


def upload_url(base: str, started: Answer, digest: Digest | None = None) -> str:
    """Return where a blob's bytes go, by the answer to the call of `base` that began the upload.

    Without a digest it is the upload itself, to be given up. Raises EnvironmentTroubleError when the answer names no place,
    SecurityRefusalError when that place is unencrypted and `base` is not.
    """
    where = urlsplit(base).netloc
    try:
        url = urljoin(base, started.headers["Location"])
        downgraded = is_private(base) and not is_private(url)
    except (KeyError, ValueError) as error:
        raise EnvironmentTroubleError(
            "the registry names no place for an upload", where=where, fix="check that this is a registry's address"
        ) from error
    if downgraded:
        raise SecurityRefusalError(
            "the registry wants the upload unencrypted",
            where=where,
            fix="have its external URL corrected (a proxy in front may hide https from it)",
        )
    return url if digest is None else with_query(url, {"digest": digest})


def with_query(url: str, parameters: Mapping[str, str | list[str]]) -> str:
    """Return a URL with parameters added to whatever query it has; a list is a parameter for each of its items."""
    return url + ("&" if "?" in url else "?") + urlencode(parameters, doseq=True)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, None without one that can be read.

    A date counts from the answer's own Date, so that nobody's clock matters.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def error_code(content: bytes) -> str:
    """Return the code of a registry's first error, such as `MANIFEST_UNKNOWN`, or nothing; its prose is not repeated."""
    try:
        code = json.loads(content)["errors"][0]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""
