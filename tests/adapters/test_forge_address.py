"""Which forge an address means, and the rules of HTTP that all forges share."""

from __future__ import annotations

import pytest
from adapters.forge_server import DATE, NOON

from release.adapters.forge import FORGES, open_forge
from release.artifact.forge import Address, asked_wait, clean_token, described, detect, goes_on, remote_of
from release.errors import BadInputError, SecurityRefusalError


@pytest.mark.parametrize(
    ("server", "api", "kind", "found"),
    [
        ("https://github.com", "https://api.github.com", "github", "https://api.github.com"),
        ("https://github.com", "", "github", "https://api.github.com"),
        ("https://git.example.org", "https://git.example.org/api/v3", "github", "https://git.example.org/api/v3"),
        ("https://gitlab.com", "", "gitlab", "https://gitlab.com/api/v4"),
        ("https://git.example.org", "https://git.example.org/api/v4", "gitlab", "https://git.example.org/api/v4"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v1", "gitea", "http://127.0.0.1:3000/api/v1"),
        ("https://codeberg.org/", "", "gitea", "https://codeberg.org/api/v1"),
        ("", "https://example.org/git/api/v1/", "gitea", "https://example.org/git/api/v1"),
    ],
)
def test_a_forge_is_known_by_the_end_of_its_address_else_by_its_host(server: str, api: str, kind: str, found: str) -> None:
    """What a CI job's variables say is enough; each kind has an adapter."""
    assert detect(server, api, "acme/ml") == Address(kind=kind, api=found, repository="acme/ml")
    assert kind in FORGES


@pytest.mark.parametrize(
    ("api", "repository", "kind", "what"),
    [
        ("https://git.example.org", "acme/ml", BadInputError, "this forge is not known"),
        ("ftp://git.example.org/api/v1", "acme/ml", BadInputError, "this is no forge's address"),
        ("https://ada:secret@git.example.org/api/v1", "acme/ml", BadInputError, "this is no forge's address"),
        ("", "acme/ml", BadInputError, "this is no forge's address"),
        ("http://git.example.org/api/v1", "acme/ml", SecurityRefusalError, "would travel unencrypted"),
        ("https://git.example.org/api/v1", "ml", BadInputError, "is no repository"),
        ("https://git.example.org/api/v1", "../../admin", BadInputError, "is no repository"),
        ("https://git.example.org/api/v1", "acme/ml?x=1", BadInputError, "is no repository"),
    ],
)
def test_an_address_that_tells_nothing_or_must_not_be_told_a_token_is_refused(
    api: str, repository: str, kind: type[Exception], what: str
) -> None:
    """Credentials in an address are not repeated; a token never travels in the open."""
    with pytest.raises(kind, match=what) as caught:
        detect("", api, repository)
    assert "secret" not in repr(caught.value)


@pytest.mark.parametrize("token", [None, "", "  \n"])
def test_no_token_is_said_before_anything_is_sent(token: str | None) -> None:
    """The message names the variable to set."""
    with pytest.raises(BadInputError, match="there is no token for the forge; set RELEASE_FORGE_TOKEN"):
        open_forge(Address(kind="github", api="https://api.github.com", repository="acme/ml"), token)


def test_a_token_is_taken_as_it_is_but_for_white_space_around_it() -> None:
    """Nothing inside of it is changed."""
    assert clean_token(" ghp_aB-9._~\n") == "ghp_aB-9._~"


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (429, {}, b"", 0.0),
        (429, {"Retry-After": "3"}, b"", 3.0),
        (403, {}, b"forbidden", None),
        (403, {"X-RateLimit-Remaining": "12"}, b"", None),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOON + 9), "Date": DATE}, b"", 9.0),
        (429, {"RateLimit-Remaining": "0", "RateLimit-Reset": str(NOON + 9), "Date": DATE}, b"", 9.0),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, b"", 0.0),
        (403, {}, b"a secondary rate limit", 0.0),
        (500, {}, b"", None),
    ],
)
def test_a_limit_is_told_from_a_refusal(status: int, headers: dict[str, str], body: bytes, wait: float | None) -> None:
    """GitHub writes X-RateLimit, GitLab RateLimit; without a Date a reset time means nothing."""
    assert asked_wait(status, headers, body) == wait


@pytest.mark.parametrize(
    ("headers", "collected", "more"),
    [
        ({"Link": '<https://x/?page=2>; rel="next", <https://x/?page=9>; rel="last"'}, 50, True),
        ({"Link": '<https://x/?page=1>; rel="prev"', "X-Total-Count": "99"}, 60, False),
        ({"X-Total-Count": "60"}, 50, True),
        ({"X-Total-Count": "60"}, 60, False),
        ({"X-Total-Count": "-"}, 0, False),
        ({}, 50, False),
    ],
)
def test_a_list_goes_on_by_its_link_else_by_its_total(headers: dict[str, str], collected: int, more: object) -> None:
    """Gitea gives some lists a total only, and some whole whatever page is asked for."""
    assert goes_on(headers, collected) is more


def test_a_description_is_one_line_of_140_characters() -> None:
    """What is cut ends in an ellipsis; what fits is as it was."""
    assert described("a\r\n\tb \u202e c") == "a b c"
    assert described("x" * 140) == "x" * 140
    assert described("x" * 141) == "x" * 139 + "…"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/acme/ml.git", ("https://github.com", "acme/ml")),
        ("https://ada:secret@git.example.org:8443/a/b/c", ("https://git.example.org:8443", "a/b/c")),
        ("http://127.0.0.1:3000/lab/ml.git/", ("http://127.0.0.1:3000", "lab/ml")),
        ("git@github.com:acme/ml.git", ("https://github.com", "acme/ml")),
        ("ssh://git@git.example.org:2222/acme/ml", ("https://git.example.org", "acme/ml")),
        ("../origin.git", None),
        ("/srv/git/ml.git", None),
        ("file:///srv/git/ml.git", None),
    ],
)
def test_a_remote_names_server_and_repository_without_its_credentials(url: str, found: tuple[str, str] | None) -> None:
    """As people write remotes; a path is nobody's forge."""
    assert remote_of(url) == found
