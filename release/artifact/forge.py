"""What a forge says and is told, as plain data, and the rules of its HTTP interface that need no network.

Which forge it is, how long it asks to wait, whether a list goes on. Sending must not live here, nor anything that only one
of the forges has.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from release.artifact.distribution import is_private, retry_after
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.records import Commit

CONTEXT = "release / verdict"
"""The name of the one required check."""

MAIN = "release / main"
"""The name under which a commit of the main branch is told what became of its models."""

OWNERS = "owners"
"""The group of everybody who may write to the repository."""

DESCRIPTION_LIMIT = 140
"""GitHub refuses longer descriptions of a commit status; the others take more."""

KNOWN = {
    "https://github.com": "https://api.github.com",
    "https://gitlab.com": "https://gitlab.com/api/v4",
    "https://gitea.com": "https://gitea.com/api/v1",
    "https://codeberg.org": "https://codeberg.org/api/v1",
}
"""Where the interface of a forge that everybody knows is, by its own address."""

_HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "gitea.com": "gitea", "codeberg.org": "gitea"}
_PATHS = {"/api/v3": "github", "/api/v4": "gitlab", "/api/v1": "gitea"}
_APIS = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", re.ASCII)
_SSH = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>[\w./~-]+)", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class Check(enum.StrEnum):
    """The state of a commit status. ERROR is trouble that says nothing of the change."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


class Opinion(enum.StrEnum):
    """What a reviewer last said."""

    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Review:
    """One reviewer's standing opinion of the head commit; `official` where the forge says that the author may write here."""

    author: str
    opinion: Opinion
    official: bool = False


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request as it stands. `source` and `target` are repositories, different ones for a fork's.

    `reviews` are about `head` alone, one a reviewer; `files` are changed paths, of a renamed file both; `url` is its page.
    """

    number: int
    head: Commit
    branch: str
    base: str
    author: str
    source: str
    target: str
    reviews: tuple[Review, ...]
    files: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run of a pull request's workflow: what it judged, how it ended, and what it said.

    `pulls` are the open pull requests whose head is that very commit; `conclusion` is `success` or another word, `url` the
    run's page.
    """

    head: Commit
    conclusion: str
    pulls: tuple[int, ...]
    log: bytes
    url: str


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a forge's interface is, which kind it is, and the repository there, `owner/name`."""

    kind: str
    api: str
    repository: str


def detect(server: str, api: str, repository: str) -> Address:
    """Tell which forge it is from the address of its interface, else from its host; `api` may be empty.

    Raises BadInputError when neither tells, SecurityRefusalError for an address that a token must not be sent to.
    """
    parts = urlsplit((api or server).rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password or parts.query:
        # Not repeated: what stands before an @ may be a password.
        raise BadInputError("this is no forge's address", fix="write it like https://git.example.org, without credentials")
    kind = _HOSTS.get(parts.hostname.removeprefix("api."))
    path = parts.path if api else ""
    for ending, name in _PATHS.items():
        if path.endswith(ending):
            kind = name
    if kind is None:
        fix = f"give the address of its interface; it ends in {', '.join(_PATHS)}"
        raise BadInputError("this forge is not known", where=f"{parts.scheme}://{parts.netloc}", fix=fix)
    if not _REPOSITORY.fullmatch(repository):
        raise BadInputError(f"{repository[:100]!r} is no repository", fix="write OWNER/NAME")
    if api:
        url = f"{parts.scheme}://{parts.netloc}{parts.path}"
    elif parts.hostname == "github.com":
        url = "https://api.github.com"
    else:
        url = f"{parts.scheme}://{parts.netloc}{parts.path}{_APIS[kind]}"
    if not is_private(url):
        raise SecurityRefusalError("the token would travel unencrypted", where=url, fix="use https://")
    return Address(kind=kind, api=url, repository=repository)


def remote_of(url: str) -> tuple[str, str] | None:
    """Return server and repository that a git remote's URL names, None for what is no forge's: `(https://host, OWNER/NAME)`.

    Credentials in it are left out.
    """
    found = _SSH.fullmatch(url)
    if found is not None:
        return f"https://{found['host']}", found["path"].strip("/").removesuffix(".git")
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https", "ssh"}:
        return None
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    return f"{scheme}://{parts.hostname}{port}", parts.path.strip("/").removesuffix(".git")


def clean_token(text: str | None) -> str:
    """Return a token without white space around it; what a library would complain about, quoting it, is refused here.

    Raises BadInputError, which does not repeat it.
    """
    token = (text or "").strip()
    if not token:
        raise BadInputError("there is no token for the forge", fix="set RELEASE_FORGE_TOKEN")
    if not _TOKEN.fullmatch(token):
        raise BadInputError("the forge's token has characters that no token has", fix="set RELEASE_FORGE_TOKEN again")
    return token


def described(text: str) -> str:
    """Cut one line to what every forge takes as the description of a commit status."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= DESCRIPTION_LIMIT else line[: DESCRIPTION_LIMIT - 1] + "…"


def asked_wait(status: int, headers: Mapping[str, str], body: bytes) -> float | None:
    """Return the seconds that a refusal asks to wait, 0 when it names none; None when it is no limit of requests.

    GitHub tells both its limits with 403 as well as 429: https://docs.github.com/rest/using-the-rest-api (rate limits).
    A reset time counts from the answer's own Date, so that nobody's clock matters.
    """
    limited = (
        status == 429  # noqa: PLR2004 (Too Many Requests)
        or headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining")) == "0"
        or "Retry-After" in headers
        or b"secondary rate limit" in body
    )
    if not limited:
        return None
    wait = retry_after(headers)
    if wait is not None:
        return wait
    reset = headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset", ""))
    try:
        return max(0.0, int(reset) - parsedate_to_datetime(headers.get("Date", "")).timestamp())
    except (TypeError, ValueError):
        return 0.0


def goes_on(headers: Mapping[str, str], collected: int) -> bool:
    """Say whether a list has another page: by its Link, else by the total that it announces."""
    if re.search(r'rel="?next"?', headers.get("Link", "")):
        return True
    total = headers.get("X-Total-Count", "")
    return "Link" not in headers and total.isdecimal() and collected < int(total)
