"""The names that images go by: registry, repository, tag, digest, each with the one form we accept.

Pure text: nothing here asks a registry whether a name exists.
Grammar: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, and for hosts that of Docker's references.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from release.errors import BadInputError
from release.records import Digest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?", re.ASCII)
_NAME_LIMIT = 255
_PORT_LIMIT = 65535


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image by name: a registry's host, a repository, and either a digest or a tag."""

    registry: str
    repository: str
    digest: Digest | None = None
    tag: str | None = None

    def __str__(self) -> str:
        """Write the reference as people and tools write it."""
        return f"{self.registry}/{self.repository}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


def check_digest(text: object) -> Digest:
    """Return `text` as a digest. Raises BadInputError."""
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise BadInputError(f"{str(text)[:100]!r} is no digest", fix="write sha256: and 64 lower-case hex digits")
    return Digest(text)


def check_repository(text: str) -> str:
    """Return `text` as the name of a repository, `/` between its parts. Raises BadInputError."""
    if len(text) > _NAME_LIMIT or not _REPOSITORY.fullmatch(text):
        raise BadInputError(
            f"{text[:100]!r} is no repository name", fix="use lower-case letters, digits, and single . _ - or / between them"
        )
    return text


def check_tag(text: str) -> str:
    """Return `text` as a tag. Raises BadInputError."""
    if not _TAG.fullmatch(text):
        raise BadInputError(f"{text[:100]!r} is no tag", fix="use up to 128 letters, digits and . _ -")
    return text


def keeping_tag(digest: Digest) -> str:
    """Return the tag that keeps an image: registries collect what no tag names."""
    return f"sha256-{digest.removeprefix('sha256:')[:40]}"


def check_host(text: str) -> tuple[str, int | None]:
    """Return host name and port of a registry. Raises BadInputError unless it can be told from a repository's first part."""
    found = _HOST.fullmatch(text) if len(text) <= _NAME_LIMIT else None
    if found:
        name, port = found["name"], found["port"]
        if port is None and ("." in name or name == "localhost"):
            return name, None
        if port is not None and 1 <= int(port) <= _PORT_LIMIT:
            return name, int(port)
    raise BadInputError(
        f"{text[:100]!r} is no registry", fix="write its host, such as registry.example, localhost or 10.0.0.7:5000"
    )


def parse_reference(text: str) -> Reference:
    """Read `registry/repository@sha256:…` or `registry/repository:tag`; nothing is left to defaults.

    Raises BadInputError when the registry, or digest and tag, or the form of either is missing or wrong.
    """
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        # What stands before a stray @ may be a password: not repeated.
        raise BadInputError("what follows the @ of an image is no digest", fix="write REGISTRY/REPOSITORY@sha256:…")
    registry, slash, path = name.partition("/")
    repository, colon, tag = path.partition(":")
    if not slash or bool(at) == bool(colon):
        raise BadInputError(
            f"{text[:200]!r} is no image in a registry",
            fix="write REGISTRY/REPOSITORY@sha256:… (or :TAG, not both)",
        )
    check_host(registry)
    return Reference(
        registry=registry,
        repository=check_repository(repository),
        digest=Digest(digest) if at else None,
        tag=check_tag(tag) if colon else None,
    )
