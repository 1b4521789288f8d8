"""The registry client against Docker's own registry, directly and through a proxy that misbehaves."""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import json
import re
import socket
import traceback
from typing import TYPE_CHECKING

import pytest
from adapters.fault_proxy import BearerProxy, Fault, FaultProxy, Kind

from release.adapters.registry_http import HttpRegistry
from release.artifact import oci
from release.artifact.oci import EMPTY_BASE, Image, build, descriptors, from_parts
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError, SecurityRefusalError
from release.patience import Patience
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOT_THERE = Digest("sha256:" + "00" * 32)
SECRET = "canary-pw-7f3a"  # noqa: S105 (opens the test's own registry only)
# bcrypt, cost 5, of the line above.
HTPASSWD = "lab:$2b$05$abcdefghijklmnopqrstuuhgFx7X8gqZ3JjmIXYnlgFeeWFvr8J5a\n"

_repositories = (f"lab/model-{number}" for number in itertools.count())


@pytest.fixture
def repository() -> str:
    """Name a repository that no other test uses."""
    return next(_repositories)


@pytest.fixture
def waits() -> list[float]:
    """Collect the seconds that a client would have slept."""
    return []


@pytest.fixture
def proxy(registry_address: str) -> Iterator[FaultProxy]:
    """Put a proxy in front of the registry."""
    with FaultProxy(registry_address) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy, waits: list[float]) -> HttpRegistry:
    """Talk through the proxy, and never really sleep."""
    return HttpRegistry(proxy.address, patience=Patience(sleep=waits.append, jitter=lambda: 1.0))


def image_of(content: bytes) -> Image:
    return build(EMPTY_BASE, {"model.json": content}, labels={"a": "b"}, annotations={})


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def ask(address: str, method: str, path: str, body: bytes = b"") -> tuple[int, str | None]:
    """Ask the registry without our client: return status and digest."""
    connection = http.client.HTTPConnection(address, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, f"/v2/{path}", body, {"Accept": oci.MANIFEST, "Content-Type": oci.MANIFEST})
        answer = connection.getresponse()
        return answer.status, answer.headers["Docker-Content-Digest"]


def test_what_is_pushed_comes_back_byte_for_byte(registry_address: str, repository: str) -> None:
    """Manifest and blobs are read back as they were; the registry's digest is the one predicted."""
    registry, image = HttpRegistry(registry_address), image_of(b"1")
    assert not registry.has(repository, image.digest)
    registry.push(repository, image, "v1")
    assert registry.has(repository, image.digest)
    assert registry.manifest(repository, image.digest) == image.manifest
    assert {digest: registry.blob(repository, digest) for digest in image.blobs} == dict(image.blobs)
    assert ask(registry_address, "HEAD", f"{repository}/manifests/v1") == (200, image.digest)


def test_a_prefix_is_part_of_the_name_and_of_the_path(registry_address: str) -> None:
    """Repositories live below the address's prefix; the name has no scheme."""
    registry, image = HttpRegistry(f"http://{registry_address}/team/ml"), image_of(b"1")
    registry.push("churn", image, "v1")
    assert registry.name == f"{registry_address}/team/ml"
    assert HttpRegistry(registry_address).has("team/ml/churn", image.digest)


def test_what_is_not_there_is_none(registry_address: str, repository: str) -> None:
    """A repository that does not exist and one that lacks the digest both say no."""
    registry = HttpRegistry(registry_address)
    assert not registry.has(repository, NOT_THERE)
    assert registry.manifest(repository, NOT_THERE) is None
    assert registry.blob(repository, NOT_THERE) is None
    registry.push(repository, image_of(b"1"), "v1")
    assert not registry.has(repository, NOT_THERE)
    assert registry.manifest(repository, NOT_THERE) is None
    assert registry.blob(repository, NOT_THERE) is None


def test_pushing_twice_sends_nothing_twice(client: HttpRegistry, proxy: FaultProxy, repository: str) -> None:
    """The second push only asks; a new image sends only what differs."""
    client.push(repository, image_of(b"1"), "v1")
    assert (proxy.count("POST"), proxy.count("PUT")) == (3, 4)
    client.push(repository, image_of(b"1"), "v1")
    assert (proxy.count("POST"), proxy.count("PUT")) == (3, 4)
    client.push(repository, image_of(b"2"), "v1")
    assert (proxy.count("POST"), proxy.count("PUT")) == (5, 7)


def test_a_tag_moves_and_its_old_image_stays(registry_address: str, repository: str) -> None:
    """The tag names the newer image, both are there by digest."""
    registry, old, new = HttpRegistry(registry_address), image_of(b"1"), image_of(b"2")
    registry.push(repository, old, "live")
    registry.push(repository, new, "live")
    assert ask(registry_address, "HEAD", f"{repository}/manifests/live") == (200, new.digest)
    assert registry.has(repository, old.digest)


def test_an_image_whose_base_is_elsewhere_is_refused_until_the_layers_are_there(
    registry_address: str, repository: str
) -> None:
    """Layers that are only named must be in the repository already; then nothing but the model travels."""
    config = EMPTY_BASE.blobs[descriptors(EMPTY_BASE.manifest)[0].digest]
    light = build(from_parts(EMPTY_BASE.manifest, config), {"model.json": b"1"}, labels={"a": "b"}, annotations={})
    registry = HttpRegistry(registry_address)
    with pytest.raises(EnvironmentTroubleError, match="of the base image is not there"):
        registry.push(repository, light, "v1")
    registry.push(repository, EMPTY_BASE, "base")
    registry.push(repository, light, "v1")
    assert registry.has(repository, image_of(b"1").digest)


def test_a_base_that_docker_pushed_is_read_and_built_upon(registry_address: str, repository: str) -> None:
    """A schema 2 manifest is stored and returned as such, and serves as a base."""
    (config_at, layer_at), registry = descriptors(EMPTY_BASE.manifest), HttpRegistry(registry_address)
    manifest = json.loads(EMPTY_BASE.manifest) | {"mediaType": oci.DOCKER_MANIFEST}
    manifest["config"]["mediaType"] = "application/vnd.docker.container.image.v1+json"
    manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar"
    docker = Image(json.dumps(manifest, indent=3).encode(), EMPTY_BASE.blobs, layer_at.digest, EMPTY_BASE.diff_id)
    registry.push(repository, docker, "base")
    stored, config = registry.manifest(repository, docker.digest), registry.blob(repository, config_at.digest)
    assert stored == docker.manifest
    assert stored is not None
    assert config is not None
    image = build(from_parts(stored, config), {"model.json": b"1"}, labels={}, annotations={})
    registry.push(repository, image, "v1")
    assert registry.manifest(repository, image.digest) == image.manifest


FAULTS = [
    Fault(Kind.ANSWER, "HEAD", "blobs/", status=500),
    Fault(Kind.ANSWER, "POST", "uploads/", status=503, times=3),
    Fault(Kind.ANSWER, "PUT", "uploads/", status=502),
    Fault(Kind.ANSWER, "PUT", "uploads/", status=404),
    Fault(Kind.ANSWER, "PUT", "manifests/", status=500, times=4),
    Fault(Kind.ANSWER, "HEAD", "manifests/v1", status=429),
    Fault(Kind.CUT_UPLOAD, "PUT", "uploads/", times=2),
    Fault(Kind.CUT_UPLOAD, "PUT", "manifests/"),
    Fault(Kind.LOSE_ANSWER, "POST", "uploads/"),
    Fault(Kind.LOSE_ANSWER, "PUT", "uploads/"),
    Fault(Kind.LOSE_ANSWER, "PUT", "manifests/"),
    Fault(Kind.ANSWER, "HEAD", "manifests/sha256", status=404),
]


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[f"{one.kind.name}-{one.method}-{one.status}" for one in FAULTS])
def test_a_push_gets_over_passing_trouble(
    client: HttpRegistry, proxy: FaultProxy, repository: str, waits: list[float], number: int
) -> None:
    """500, 429, hang-ups in mid-layer, lost answers, forgotten uploads: after it, the image is there as without them."""
    fault, image = FAULTS[number], image_of(bytes(300_000))
    proxy.faults.append(Fault(fault.kind, fault.method, fault.path, fault.times, fault.status))
    client.push(repository, image, "v1")
    assert len(waits) == fault.times
    assert proxy.faults[0].times == 0
    straight = HttpRegistry(proxy.target)
    assert straight.manifest(repository, image.digest) == image.manifest
    assert straight.blob(repository, image.layer) == image.blobs[image.layer]


@pytest.mark.parametrize("kind", [Kind.CUT_ANSWER, Kind.LOSE_ANSWER, Kind.ANSWER])
@pytest.mark.parametrize("path", ["blobs/", "manifests/"])
def test_a_pull_gets_over_passing_trouble(
    client: HttpRegistry, proxy: FaultProxy, repository: str, waits: list[float], *, kind: Kind, path: str
) -> None:
    """A download that breaks off in the middle is begun again, never returned as it is."""
    image = image_of(bytes(300_000))
    HttpRegistry(proxy.target).push(repository, image, "v1")
    proxy.faults.append(Fault(kind, "GET", path, times=2))
    if path == "blobs/":
        assert client.blob(repository, image.layer) == image.blobs[image.layer]
    else:
        assert client.manifest(repository, image.digest) == image.manifest
    assert len(waits) == 2


def test_trouble_that_stays_is_told_after_five_attempts(
    client: HttpRegistry, proxy: FaultProxy, repository: str, waits: list[float]
) -> None:
    """The waits grow, and the message counts the attempts and names the registry."""
    proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "", status=503, times=99))
    with pytest.raises(EnvironmentTroubleError, match=r"the registry answered 503 \(5 attempts\)") as caught:
        client.has(repository, NOT_THERE)
    assert caught.value.where == proxy.address
    assert waits == [0.5, 1.0, 2.0, 4.0]
    assert proxy.count("HEAD") == 5


def test_waits_are_spread_by_jitter(proxy: FaultProxy, repository: str, waits: list[float]) -> None:
    """Two clients that fail together do not come back together."""
    proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "", status=503, times=99))
    registry = HttpRegistry(proxy.address, patience=Patience(sleep=waits.append, jitter=lambda: 0.0, attempts=3))
    with pytest.raises(EnvironmentTroubleError, match="3 attempts"):
        registry.has(repository, NOT_THERE)
    assert waits == [0.25, 0.5]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "86400"}, 30.0),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "x"}, 0.5),
    ],
)
def test_retry_after_is_honoured_up_to_a_bound(
    client: HttpRegistry, proxy: FaultProxy, repository: str, waits: list[float], *, header: dict[str, str], wait: float
) -> None:
    """A busy registry says when to come back, but cannot hold us for a day, nor make us hammer it."""
    proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "", status=429, headers=header))
    assert not client.has(repository, NOT_THERE)
    assert waits == [wait]


def test_a_registry_that_cannot_be_reached_is_trouble(repository: str, waits: list[float]) -> None:
    """Nobody listens: retried, then one line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    registry = HttpRegistry(f"127.0.0.1:{port}", patience=Patience(sleep=waits.append))
    with pytest.raises(EnvironmentTroubleError, match="cannot be reached"):
        registry.has(repository, NOT_THERE)
    assert len(waits) == 4


def test_a_registry_that_does_not_answer_is_trouble(repository: str, waits: list[float]) -> None:
    """A server that accepts and stays silent is given up after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        patience = Patience(timeout=(0.2, 0.05), attempts=2, sleep=waits.append)
        registry = HttpRegistry(f"127.0.0.1:{server.getsockname()[1]}", patience=patience)
        with pytest.raises(EnvironmentTroubleError, match=r"does not answer in time \(2 attempts\)"):
            registry.has(repository, NOT_THERE)


WRONG = {"Docker-Content-Digest": "sha256:" + "ff" * 32}


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", "blobs/"), ("PUT", "uploads/"), ("PUT", "manifests/"), ("HEAD", "manifests/sha256")],
)
def test_a_registry_that_stores_another_digest_is_refused(
    client: HttpRegistry, proxy: FaultProxy, repository: str, waits: list[float], *, method: str, path: str
) -> None:
    """Whatever step answers with another digest: refused at once, both digests named, nothing tried again."""
    if method == "HEAD" and path == "blobs/":
        HttpRegistry(proxy.target).push(repository, image_of(b"1"), "v0")
    proxy.faults.append(Fault(Kind.REWRITE, method, path, headers=WRONG))
    with pytest.raises(SecurityRefusalError, match=r"answers with 'sha256:f{64}' for sha256:"):
        client.push(repository, image_of(b"1"), "v1")
    assert waits == []


@pytest.mark.parametrize("kind", [Kind.CORRUPT, Kind.REWRITE])
def test_bytes_with_another_digest_are_refused(client: HttpRegistry, proxy: FaultProxy, repository: str, kind: Kind) -> None:
    """A manifest or a blob that is not what was asked for is never returned."""
    image = image_of(b"1")
    client.push(repository, image, "v1")
    proxy.faults.append(Fault(kind, "GET", "", times=2, headers=WRONG))
    with pytest.raises(SecurityRefusalError):
        client.manifest(repository, image.digest)
    with pytest.raises(SecurityRefusalError):
        client.blob(repository, image.layer)
    proxy.faults.append(Fault(Kind.REWRITE, "HEAD", "", headers=WRONG))
    with pytest.raises(SecurityRefusalError):
        client.has(repository, image.digest)


def test_a_manifest_that_never_ends_is_cut_off(client: HttpRegistry, repository: str, registry_address: str) -> None:
    """More than a manifest may have is not read into memory."""
    big = image_of(bytes(5 << 20))
    HttpRegistry(registry_address).push(repository, big, "v1")
    registry = HttpRegistry(registry_address)
    assert registry.blob(repository, big.layer) == big.blobs[big.layer]
    redirecting = Fault(Kind.ANSWER, "GET", "manifests/", status=307)
    redirecting.headers = {"Location": f"http://{registry_address}/v2/{repository}/blobs/{big.layer}"}
    with FaultProxy(registry_address) as proxy:
        proxy.faults.append(redirecting)
        with pytest.raises(EnvironmentTroubleError, match="more than 4194304 bytes"):
            HttpRegistry(proxy.address).manifest(repository, big.digest)


def test_a_forged_image_sends_nothing(client: HttpRegistry, proxy: FaultProxy, repository: str) -> None:
    """A blob under another blob's name is refused before the registry hears of it."""
    image = image_of(b"1")
    forged = Image(image.manifest, {**image.blobs, image.layer: b"other"}, image.layer, image.diff_id)
    with pytest.raises(SecurityRefusalError):
        client.push(repository, forged, "v1")
    assert proxy.seen == []


@pytest.mark.parametrize(("repository", "tag"), [("../x", "v1"), ("x?y", "v1"), ("churn", "a/b"), ("churn", "")])
def test_names_that_are_none_send_nothing(client: HttpRegistry, proxy: FaultProxy, repository: str, tag: str) -> None:
    """Repositories and tags are parts of a URL: nothing else gets there."""
    with pytest.raises(BadInputError):
        client.push(repository, EMPTY_BASE, tag)
    assert proxy.seen == []


def test_an_upload_that_moves_elsewhere_takes_no_credentials_along(
    start_registry: Callable[..., str], repository: str
) -> None:
    """A location on another host gets the bytes without our password."""
    target = start_registry(HTPASSWD)
    with FaultProxy(target) as proxy, FaultProxy(target) as elsewhere:
        location = {"Location": f"http://{elsewhere.address}/v2/{repository}/blobs/uploads/1?_state=x"}
        proxy.faults.append(Fault(Kind.REWRITE, "POST", "uploads/", headers=location, times=9))
        with pytest.raises(EnvironmentTroubleError, match="no permission to push"):
            HttpRegistry(proxy.address, auth=auth("lab", SECRET)).push(repository, EMPTY_BASE, "v1")
        assert [method for method, _ in elsewhere.seen] == ["PUT"]


def test_a_password_opens_a_registry_that_wants_one(start_registry: Callable[..., str], repository: str) -> None:
    """Push and pull with Basic credentials, as Docker stores them."""
    registry, image = HttpRegistry(start_registry(HTPASSWD), auth=auth("lab", SECRET)), image_of(b"1")
    registry.push(repository, image, "v1")
    assert registry.manifest(repository, image.digest) == image.manifest


@pytest.mark.parametrize(("given", "who"), [(None, "anonymous access"), (auth("lab", SECRET + "x"), "these credentials")])
def test_refused_credentials_name_registry_and_permission_and_no_secret(
    start_registry: Callable[..., str], repository: str, waits: list[float], given: dict[str, str] | None, who: str
) -> None:
    """The message says who was refused what and how to change it; no secret is in it or in its causes."""
    address = start_registry(HTPASSWD)
    registry = HttpRegistry(address, auth=given, patience=Patience(sleep=waits.append))
    with pytest.raises(EnvironmentTroubleError) as pushed:
        registry.push(repository, image_of(b"1"), "v1")
    with pytest.raises(EnvironmentTroubleError) as pulled:
        registry.has(repository, NOT_THERE)
    assert str(pushed.value) == (
        f"{address}: the registry refuses {who}: no permission to push {repository};"
        f" run docker login {address}, or ask its operator for the push permission"
    )
    assert f"no permission to pull {repository}" in str(pulled.value)
    assert_no_secret(pushed.value)
    assert waits == []


def assert_no_secret(error: ReleaseError) -> None:
    shown = "".join(traceback.format_exception(error))
    for secret in (
        SECRET,
        auth("lab", SECRET)["auth"],
        auth("lab", SECRET + "x")["auth"],
        "granted-canary",
        "refresh-canary",
    ):
        assert secret not in shown
    assert not re.search(r"Basic |Bearer ", str(error))


@pytest.mark.parametrize(
    "given", [auth("lab", SECRET), {"identitytoken": "refresh-canary"}, {"registrytoken": "granted-canary"}]
)
def test_a_token_server_is_asked_once_for_each_scope(registry_address: str, repository: str, given: dict[str, str]) -> None:
    """Password and refresh token are changed into a bearer token, which is kept; a ready token is used as it is."""
    image = image_of(b"1")
    with BearerProxy(registry_address, basic=f"lab:{SECRET}", refresh="refresh-canary") as proxy:
        registry = HttpRegistry(proxy.address, auth=given)
        registry.push(repository, image, "v1")
        assert registry.has(repository, image.digest)
        assert registry.manifest(repository, image.digest) == image.manifest
        asked = [] if "registrytoken" in given else [f"repository:{repository}:pull,push", f"repository:{repository}:pull"]
        assert proxy.scopes == asked
        assert all(SECRET not in path and "canary" not in path for _, path in proxy.seen)


def test_a_token_that_has_expired_is_asked_for_again(registry_address: str, repository: str) -> None:
    """When the registry stops taking a kept token, the client gets another and goes on."""
    with BearerProxy(registry_address, basic=f"lab:{SECRET}") as proxy:
        registry = HttpRegistry(proxy.address, auth=auth("lab", SECRET))
        assert not registry.has(repository, NOT_THERE)
        proxy.token = "granted-canary-2"  # noqa: S105 (a canary, not a secret)
        assert not registry.has(repository, NOT_THERE)
        assert len(proxy.scopes) == 2


@pytest.mark.parametrize("given", [None, auth("lab", "wrong"), {"registrytoken": "stale"}])
def test_a_token_that_is_not_granted_is_a_refusal(
    registry_address: str, repository: str, given: dict[str, str] | None
) -> None:
    """No credentials, wrong ones and a stale token end in the same kind of line."""
    with BearerProxy(registry_address, basic=f"lab:{SECRET}") as proxy:
        with pytest.raises(EnvironmentTroubleError, match="no permission to pull") as caught:
            HttpRegistry(proxy.address, auth=given).has(repository, NOT_THERE)
        assert_no_secret(caught.value)


def test_a_token_server_in_the_open_gets_no_password(registry_address: str, repository: str) -> None:
    """A realm that is plain HTTP somewhere else is refused before anything is sent there."""
    with BearerProxy(registry_address, realm="http://auth.example/token") as proxy:
        with pytest.raises(SecurityRefusalError, match="neither HTTPS nor this machine"):
            HttpRegistry(proxy.address, auth=auth("lab", SECRET)).has(repository, NOT_THERE)
        assert len(proxy.seen) == 1


def test_credentials_do_not_travel_in_the_open() -> None:
    """Plain HTTP to another machine is possible without credentials only."""
    HttpRegistry("http://registry.example/ml")
    with pytest.raises(SecurityRefusalError, match="unencrypted") as caught:
        HttpRegistry("http://registry.example/ml", auth=auth("lab", SECRET))
    assert_no_secret(caught.value)


def test_an_address_that_is_no_registry_is_told_from_an_empty_one(proxy: FaultProxy, repository: str) -> None:
    """A web server that knows no uploads gives one line with the status."""
    proxy.faults.append(Fault(Kind.ANSWER, "POST", "uploads/", status=405))
    with pytest.raises(EnvironmentTroubleError, match="answered 405 to POST blobs/uploads"):
        HttpRegistry(proxy.address).push(repository, image_of(b"1"), "v1")


def test_the_environment_does_not_matter(
    registry_address: str, repository: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies, certificates and .netrc of the environment are not read: the caller decides."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert not HttpRegistry(registry_address, patience=Patience(attempts=1)).has(repository, NOT_THERE)


def test_a_proxy_that_is_given_is_used(registry_address: str, repository: str) -> None:
    """Requests go to the given proxy, with the registry's address in them."""
    with FaultProxy(registry_address) as proxy:
        proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "http://registry.example/v2/", status=404))
        registry = HttpRegistry("http://registry.example", proxies={"http": f"http://{proxy.address}"})
        assert not registry.has(repository, NOT_THERE)
        assert proxy.faults[0].times == 0


def test_a_missing_certificate_file_is_trouble(repository: str, tmp_path: Path) -> None:
    """What requests says of it becomes one line."""
    registry = HttpRegistry("https://127.0.0.1:1", ca_bundle=str(tmp_path / "missing.pem"))
    with pytest.raises(EnvironmentTroubleError, match="cannot be used"):
        registry.has(repository, NOT_THERE)


def test_a_registry_without_tls_is_not_asked_again(registry_address: str, repository: str, waits: list[float]) -> None:
    """HTTPS to a server that speaks none is told at once, with the way out."""
    registry = HttpRegistry(f"https://{registry_address}", patience=Patience(sleep=waits.append))
    with pytest.raises(EnvironmentTroubleError, match="cannot prove over TLS"):
        registry.has(repository, NOT_THERE)
    assert waits == []


def test_a_challenge_that_we_do_not_know_is_a_refusal(proxy: FaultProxy, repository: str) -> None:
    """Kerberos and the like are not spoken here."""
    proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "", status=401, headers={"WWW-Authenticate": "Negotiate"}))
    with pytest.raises(EnvironmentTroubleError, match="refuses these credentials: no permission to pull"):
        HttpRegistry(proxy.address, auth=auth("lab", SECRET)).has(repository, NOT_THERE)
    assert len(proxy.seen) == 1


def test_the_registry_itself_refuses_a_wrong_digest(registry_address: str, repository: str) -> None:
    """The real registry in these tests checks what it is sent: the ground that the tests above stand on."""
    image = image_of(b"1")
    HttpRegistry(registry_address).push(repository, image, "v1")
    assert ask(registry_address, "PUT", f"{repository}/manifests/{NOT_THERE}", image.manifest)[0] == 400
    assert ask(registry_address, "PUT", f"{repository}/manifests/{image.digest}", image.manifest) == (201, image.digest)
