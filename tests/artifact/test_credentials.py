"""Credentials as Docker keeps them, and answers to challenges; a secret is never shown."""

from __future__ import annotations

import base64
import json

import pytest

from release.artifact.credentials import (
    Challenge,
    Credentials,
    docker_entry,
    granted_token,
    parse_challenge,
    read_entry,
    token_request,
)
from release.errors import BadInputError, SecurityRefusalError

AUTH = base64.b64encode(b"me:can:ary").decode()


@pytest.mark.parametrize(
    ("keys", "address", "found"),
    [
        (["registry.example"], "registry.example/ml", "registry.example"),
        (["https://registry.example/v1/"], "registry.example/ml", "https://registry.example/v1/"),
        (["registry.example", "registry.example/ml"], "registry.example/ml", "registry.example/ml"),
        (["registry.example/m"], "registry.example/ml", None),
        (["registry.example"], "registry.example:5000", None),
        (["https://index.docker.io/v1/"], "docker.io/acme", "https://index.docker.io/v1/"),
        ([], "registry.example", None),
    ],
)
def test_the_entry_of_a_registry_is_the_longest_that_fits(keys: list[str], address: str, found: str | None) -> None:
    """Docker's and Podman's spellings of a registry are found, a neighbour's is not."""
    config = json.dumps({"auths": {key: {"username": key} for key in keys}}).encode()
    assert docker_entry(config, address) == (None if found is None else {"username": found})


@pytest.mark.parametrize("config", [b"", b"[]", b'{"auths": []}', b'{"auths": "x"}'])
def test_a_broken_configuration_is_bad_input_or_empty(config: bytes) -> None:
    """What cannot be read as a configuration is said to be none; an empty list of entries is none at all."""
    if config == b'{"auths": []}':
        assert docker_entry(config, "registry.example") is None
    else:
        with pytest.raises(BadInputError, match="no Docker configuration"):
            docker_entry(config, "registry.example")


def test_passwords_are_read_from_both_forms() -> None:
    """`auth` and `username` with `password` mean the same; a password may hold colons."""
    expected = Credentials(username="me", password="can:ary")  # noqa: S106 (a canary, not a secret)
    assert read_entry({"auth": AUTH}) == expected
    assert read_entry({"username": "me", "password": "can:ary"}) == expected
    assert expected.basic == f"Basic {AUTH}"


def test_tokens_are_read() -> None:
    """Refresh tokens and ready tokens are credentials without a password."""
    assert read_entry({"identitytoken": "i"}) == Credentials(identity_token="i")  # noqa: S106 (a canary, not a secret)
    assert read_entry({"registrytoken": "r"}) == Credentials(registry_token="r")  # noqa: S106 (a canary, not a secret)
    assert Credentials(identity_token="i").basic is None  # noqa: S106 (a canary, not a secret)


@pytest.mark.parametrize("entry", [None, {}, {"auth": ""}, {"username": "me"}, {"auth": 7}])
def test_an_entry_without_a_secret_is_none(entry: dict[str, object] | None) -> None:
    """Docker leaves empty entries behind when a helper keeps the secret."""
    assert read_entry(entry) is None


@pytest.mark.parametrize(
    "entry", [{"auth": "canary!"}, {"auth": "canar"}, {"auth": "////"}, {"registrytoken": "canary\nX: y"}]
)
def test_an_unreadable_secret_is_not_repeated(entry: dict[str, object]) -> None:
    """The message says where to look, and nothing of what is there."""
    with pytest.raises(BadInputError) as caught:
        read_entry(entry)
    assert "canar" not in str(caught.value)
    assert caught.value.where == "config.json"


def test_credentials_do_not_show_their_secrets() -> None:
    """Neither repr nor str of credentials holds a secret."""
    shown = repr(Credentials(username="me", password="canary", identity_token="canary", registry_token="canary"))  # noqa: S106 (canaries)
    assert "canary" not in shown
    assert "me" in shown


def test_challenges_are_read() -> None:
    """Scheme and parameters in any letter case; other schemes are not ours."""
    challenge = parse_challenge('BEARER Realm="https://auth.example/t",service="r",scope="repository:a:pull,push"')
    assert challenge == Challenge(
        scheme="bearer", parameters={"realm": "https://auth.example/t", "service": "r", "scope": "repository:a:pull,push"}
    )
    assert parse_challenge('Basic realm="x"') == Challenge(scheme="basic", parameters={"realm": "x"})
    assert parse_challenge("Negotiate") is None
    assert parse_challenge("") is None


@pytest.mark.parametrize("realm", ["http://auth.example/t", "", "file:///x", "http://[broken"])
def test_a_token_server_in_the_open_is_refused(realm: str) -> None:
    """No password and no token travels unencrypted."""
    with pytest.raises(SecurityRefusalError, match=r"registry\.example: .*token server"):
        token_request(Challenge(scheme="bearer", parameters={"realm": realm}), "s", None, where="registry.example")


def test_a_token_is_asked_for_anonymously_by_password_or_by_refresh_token() -> None:
    """Three ways to ask; secrets are in headers and bodies, never in the URL."""
    challenge = Challenge(scheme="bearer", parameters={"realm": "https://auth.example/t?a=1", "service": "r"})
    anonymous = token_request(challenge, "repository:a:pull", None, where="r")
    assert (anonymous.method, anonymous.headers) == ("GET", {})
    assert anonymous.url == "https://auth.example/t?a=1&service=r&scope=repository%3Aa%3Apull&client_id=model-release"
    password = token_request(challenge, "repository:a:pull", read_entry({"auth": AUTH}), where="r")
    assert (password.url, password.headers) == (anonymous.url, {"Authorization": f"Basic {AUTH}"})
    refresh = token_request(challenge, "s", read_entry({"identitytoken": "canary"}), where="r")
    assert (refresh.method, refresh.url) == ("POST", "https://auth.example/t?a=1")
    assert refresh.body is not None
    assert b"refresh_token=canary" in refresh.body
    assert "canary" not in repr(refresh)


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (b'{"token":"a"}', "a"),
        (b'{"access_token":"b"}', "b"),
        (b'{"token":"a\\nX: y"}', None),
        (b'{"token":7}', None),
        (b"[]", None),
        (b"x", None),
    ],
)
def test_a_granted_token_must_fit_into_a_header(content: bytes, token: str | None) -> None:
    """Both names of the field are known; what could inject a header is no token."""
    assert granted_token(content) == token
