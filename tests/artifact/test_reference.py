"""Names of images: one accepted form each."""

from __future__ import annotations

import pytest

from release.artifact.reference import (
    Reference,
    check_digest,
    check_host,
    check_repository,
    check_tag,
    keeping_tag,
    parse_reference,
)
from release.errors import BadInputError
from release.records import Digest

DIGEST = "sha256:" + "0a" * 32


def test_a_reference_by_digest_is_read_and_written_back() -> None:
    """Registry with port, nested repository, digest."""
    text = f"127.0.0.1:5000/ml/churn-model@{DIGEST}"
    reference = parse_reference(text)
    assert reference == Reference(registry="127.0.0.1:5000", repository="ml/churn-model", digest=check_digest(DIGEST))
    assert str(reference) == text


def test_a_reference_by_tag_is_read_and_written_back() -> None:
    """Host name, repository, tag."""
    reference = parse_reference("registry.example/churn:v12")
    assert (reference.registry, reference.repository, reference.digest, reference.tag) == (
        "registry.example",
        "churn",
        None,
        "v12",
    )
    assert str(reference) == "registry.example/churn:v12"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "churn:v1",
        "ml/churn:v1",
        "registry.example/churn",
        f"registry.example/churn:v1@{DIGEST}",
        f"registry.example/churn@{DIGEST}\n",
        f"registry.example/churn@{DIGEST.upper()}",
        "registry.example/churn@sha256:00",
        "registry.example/Churn:v1",
        "registry.example//churn:v1",
        "registry.example/churn/:v1",
        "registry.example/../churn:v1",
        "registry.example/churn:",
        "registry.example/churn:-v1",
        "registry.example/churn:" + "v" * 129,
        "https://registry.example/churn:v1",
        "registry.example:99999/churn:v1",
        "registry.example:0/churn:v1",
        "-registry.example/churn:v1",
        "registry.example/" + "a" * 256 + ":v1",
        "registry.exämple/churn:v1",
    ],
)
def test_anything_that_leaves_room_for_guessing_is_refused(text: str) -> None:
    """No default registry, no default tag, no second spelling."""
    with pytest.raises(BadInputError):
        parse_reference(text)


def test_a_password_in_a_reference_is_not_repeated() -> None:
    """What stands before a stray @ stays out of the message."""
    with pytest.raises(BadInputError) as caught:
        parse_reference("https://me:canary@registry.example/churn:v1")
    assert "canary" not in str(caught.value)


def test_hosts_are_told_from_repositories_by_a_dot_a_port_or_localhost() -> None:
    """The rule of Docker's references."""
    assert check_host("registry.example") == ("registry.example", None)
    assert check_host("registry:5000") == ("registry", 5000)
    assert check_host("localhost") == ("localhost", None)
    for text in ("registry", "a..b", "a_b.c", "x" * 300 + ".example"):
        with pytest.raises(BadInputError, match="is no registry"):
            check_host(text)


def test_names_are_returned_as_they_are() -> None:
    """Checking changes nothing."""
    assert check_repository("a/b--c/d_e__f.g") == "a/b--c/d_e__f.g"
    assert check_tag("V1.2_x-3") == "V1.2_x-3"


def test_a_keeping_tag_is_a_tag_and_tells_images_apart() -> None:
    """It is made of the digest's first digits."""
    digest = Digest("sha256:" + "0123456789abcdef" * 4)
    assert check_tag(keeping_tag(digest)) == "sha256-0123456789abcdef0123456789abcdef01234567"
