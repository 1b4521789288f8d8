"""The rules of the distribution protocol that need no network."""

from __future__ import annotations

import pytest

from release.artifact.distribution import (
    Answer,
    error_code,
    is_private,
    parse_address,
    retry_after,
    same_origin,
    upload_url,
)
from release.artifact.serial import digest_of
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError

DIGEST = digest_of(b"")


@pytest.mark.parametrize(
    ("text", "root", "name"),
    [
        ("registry.example/ml", "https://registry.example/v2/", "registry.example/ml"),
        ("registry.example:5000", "https://registry.example:5000/v2/", "registry.example:5000"),
        ("127.0.0.1:5000/a/b/", "http://127.0.0.1:5000/v2/", "127.0.0.1:5000/a/b"),
        ("127.8.9.1:5000", "http://127.8.9.1:5000/v2/", "127.8.9.1:5000"),
        ("localhost:5000", "http://localhost:5000/v2/", "localhost:5000"),
        ("https://localhost:5000", "https://localhost:5000/v2/", "localhost:5000"),
        ("http://registry.example", "http://registry.example/v2/", "registry.example"),
        ("127.0.0.1.example:5000", "https://127.0.0.1.example:5000/v2/", "127.0.0.1.example:5000"),
        ("docker.io/acme", "https://registry-1.docker.io/v2/", "docker.io/acme"),
    ],
)
def test_an_address_is_https_unless_it_is_this_machine_or_says_so(text: str, root: str, name: str) -> None:
    """The scheme follows from the address; the name never has one."""
    address = parse_address(text)
    assert (address.root, address.name) == (root, name)


def test_repositories_are_below_the_prefix() -> None:
    """A prefix goes before each repository, and the whole is checked."""
    assert parse_address("registry.example/ml").repository("churn") == "ml/churn"
    assert parse_address("registry.example").repository("churn") == "churn"
    with pytest.raises(BadInputError, match="no repository name"):
        parse_address("registry.example/ml").repository("../churn")


@pytest.mark.parametrize("text", ["", "registry", "ftp://registry.example", "registry.example/Ml", "registry.example/a//b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Other schemes, bare words and odd prefixes are bad input."""
    with pytest.raises(BadInputError):
        parse_address(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """Credentials belong elsewhere, and not into a message."""
    with pytest.raises(BadInputError) as caught:
        parse_address("https://me:canary@registry.example")
    assert "canary" not in str(caught.value)


def test_private_is_https_or_this_machine() -> None:
    """What may carry a secret."""
    assert is_private("https://anywhere.example/x")
    assert is_private("http://127.0.0.1:1/x")
    assert not is_private("http://anywhere.example/x")
    assert not is_private("http://127.0.0.1@anywhere.example/x")
    assert not is_private("file:///etc/passwd")


def test_an_origin_is_scheme_host_and_port() -> None:
    """Paths and letter case do not matter, everything else does."""
    assert same_origin("https://A.example/x", "https://a.example/y")
    assert not same_origin("https://a.example", "http://a.example")
    assert not same_origin("https://a.example", "https://a.example:8443")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/churn/blobs/uploads/1?_state=x", "https://r.example/v2/churn/blobs/uploads/1?_state=x&digest=sha256%3A"),
        ("https://s3.example/u", "https://s3.example/u?digest=sha256%3A"),
    ],
)
def test_an_upload_goes_where_the_registry_says(location: str, expected: str) -> None:
    """Relative or absolute, with a query or without, the digest is added."""
    url = upload_url(
        "https://r.example/v2/churn/blobs/uploads/", Answer(status=202, headers={"Location": location}, content=b""), DIGEST
    )
    assert url == expected + DIGEST.removeprefix("sha256:")


def test_an_upload_that_is_given_up_is_named_as_the_registry_named_it() -> None:
    """Without a digest nothing is added."""
    started = Answer(status=202, headers={"Location": "/v2/churn/blobs/uploads/1?_state=x"}, content=b"")
    url = upload_url("https://r.example/v2/churn/blobs/uploads/", started)
    assert url == "https://r.example/v2/churn/blobs/uploads/1?_state=x"


def test_an_upload_is_not_moved_to_plain_http() -> None:
    """A registry behind HTTPS cannot send the bytes through the open."""
    with pytest.raises(SecurityRefusalError, match="unencrypted"):
        upload_url(
            "https://r.example/v2/", Answer(status=202, headers={"Location": "http://r.example/u"}, content=b""), DIGEST
        )


@pytest.mark.parametrize("headers", [{}, {"Location": "http://[broken/u"}])
def test_an_upload_without_a_place_is_trouble(headers: dict[str, str]) -> None:
    """No location, or none that can be read."""
    with pytest.raises(EnvironmentTroubleError, match="names no place"):
        upload_url("https://r.example/v2/", Answer(status=202, headers=headers, content=b""), DIGEST)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:10 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:10 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_beside_the_answers_own(headers: dict[str, str], seconds: float | None) -> None:
    """Both forms of the header, and everything that is neither."""
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"x"}]}', "MANIFEST_UNKNOWN"),
        (b'{"errors":[{"code":"\\u001b[31mred"}]}', ""),
        (b'{"errors":[]}', ""),
        (b"<html>", ""),
        (b"[" * 100_000, ""),
        (b"", ""),
    ],
)
def test_only_the_code_of_an_error_is_repeated(content: bytes, code: str) -> None:
    """A server's prose stays out of our messages."""
    assert error_code(content) == code
    assert Answer(status=404, headers={}, content=content).told == f"404 {code}".strip()
