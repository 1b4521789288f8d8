"""Layers of a base that are taken over from another repository: mounted, or copied through us, whatever goes wrong."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from adapters.fault_proxy import BearerProxy, Fault, FaultProxy, Kind

from release.adapters.registry_folder import FolderRegistry
from release.adapters.registry_http import HttpRegistry
from release.artifact.oci import EMPTY_BASE, Image, build, descriptors, from_parts
from release.errors import EnvironmentTroubleError, SecurityRefusalError
from release.patience import Patience
from release.ports import Lender
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE = 3 << 20
_numbers = itertools.count()


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


def runtime_in(address: str, name: str) -> Image:
    """Push a runtime with a layer of its own, and return it as a base that names its layers and carries none."""
    content = next(_numbers).to_bytes(4, "big") * (SIZE // 4)
    full = build(EMPTY_BASE, {"server": content}, labels={}, annotations={})
    HttpRegistry(address).push(name, full, "v1")
    return from_parts(full.manifest, full.blobs[descriptors(full.manifest)[0].digest])


def on(base: Image) -> Image:
    return build(base, {"model.json": b"1"}, labels={}, annotations={})


def names() -> tuple[str, str]:
    number = next(_numbers)
    return f"lend/runtime-{number}", f"lend/model-{number}"


def whole(address: str, name: str, image: Image) -> bool:
    """Say whether every blob that an image names can be read from its repository."""
    registry = HttpRegistry(address)
    named = [one.digest for one in descriptors(image.manifest)]
    return registry.has(name, image.digest) and all(registry.blob(name, one) is not None for one in named)


def test_layers_of_the_same_registry_are_mounted(client: HttpRegistry, proxy: FaultProxy) -> None:
    """No layer of the runtime travels: the registry is told where it has them, and only the model is sent."""
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    client.push(name, image, "v1", lender=Lender(client, lends))
    assert whole(proxy.target, name, image)
    assert proxy.count("GET") == 0
    mounts = [path for method, path in proxy.seen if method == "POST" and "mount=" in path]
    assert len(mounts) == 2
    assert all(f"from={lends.replace('/', '%2F')}" in path for path in mounts)
    assert sum(method == "PUT" and "blobs" in path for method, path in proxy.seen) == 2
    proxy.seen.clear()
    client.push(name, image, "v1", lender=Lender(client, lends))
    assert {method for method, _ in proxy.seen} == {"HEAD"}


def test_a_registry_that_does_not_mount_gets_a_copy(client: HttpRegistry, proxy: FaultProxy) -> None:
    """202 is no error: the upload it began instead is ended, and the layers are read and sent by us."""
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    location = {"Location": f"/v2/{name}/blobs/uploads/not-mounted"}
    proxy.faults.append(Fault(Kind.ANSWER, "POST", "mount=", status=202, times=2, headers=location))
    client.push(name, image, "v1", lender=Lender(client, lends))
    assert whole(proxy.target, name, image)
    ended = [path for method, path in proxy.seen if method == "DELETE"]
    assert ended == [location["Location"]] * 2
    assert proxy.count("GET") == 2


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_mount_that_is_refused_is_a_copy(client: HttpRegistry, proxy: FaultProxy, status: int) -> None:
    """Whether a registry knows no mounts or forbids this one: the copy is what counts."""
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    proxy.faults.append(Fault(Kind.ANSWER, "POST", "mount=", status=status, times=2))
    client.push(name, image, "v1", lender=Lender(client, lends))
    assert whole(proxy.target, name, image)


def test_layers_of_another_registry_are_copied(
    client: HttpRegistry, proxy: FaultProxy, start_registry: Callable[..., str]
) -> None:
    """Nothing is mounted across registries: every layer is read there and sent here."""
    lends, name = names()
    elsewhere = start_registry()
    image = on(runtime_in(elsewhere, lends))
    client.push(name, image, "v1", lender=Lender(HttpRegistry(elsewhere), lends))
    assert whole(proxy.target, name, image)
    assert not any("mount=" in path for _, path in proxy.seen)


FAULTS = [
    Fault(Kind.ANSWER, "POST", "mount=", status=500),
    Fault(Kind.ANSWER, "POST", "mount=", status=429, times=3),
    Fault(Kind.LOSE_ANSWER, "POST", "mount="),
    Fault(Kind.ANSWER, "GET", "blobs/", status=503, times=2),
    Fault(Kind.CUT_ANSWER, "GET", "blobs/", times=2),
    Fault(Kind.CUT_UPLOAD, "PUT", "uploads/"),
    Fault(Kind.LOSE_ANSWER, "PUT", "uploads/"),
    Fault(Kind.ANSWER, "PUT", "uploads/", status=404),
]


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[f"{one.kind.name}-{one.method}-{one.status}" for one in FAULTS])
def test_lending_gets_over_passing_trouble(client: HttpRegistry, proxy: FaultProxy, waits: list[float], number: int) -> None:
    """Whatever fails for a moment, in a mount or in a copy: afterwards the image is there as without it."""
    fault = FAULTS[number]
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    if "mount=" not in fault.path:
        location = {"Location": f"/v2/{name}/blobs/uploads/x"}
        proxy.faults.append(Fault(Kind.ANSWER, "POST", "mount=", status=202, times=2, headers=location))
    proxy.faults.append(Fault(fault.kind, fault.method, fault.path, fault.times, fault.status))
    client.push(name, image, "v1", lender=Lender(client, lends))
    assert proxy.faults[-1].times == 0
    assert len(waits) == fault.times
    assert whole(proxy.target, name, image)


def test_trouble_that_stays_leaves_no_image(client: HttpRegistry, proxy: FaultProxy) -> None:
    """A copy that never succeeds is one line, and no manifest names what is not there."""
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    proxy.faults.append(Fault(Kind.ANSWER, "POST", "mount=", status=405, times=99))
    proxy.faults.append(Fault(Kind.ANSWER, "GET", "blobs/", status=503, times=99))
    with pytest.raises(EnvironmentTroubleError, match=r"answered 503 \(5 attempts\)"):
        client.push(name, image, "v1", lender=Lender(client, lends))
    assert not HttpRegistry(proxy.target).has(name, image.digest)
    assert not any(method == "PUT" and "manifests/" in path for method, path in proxy.seen)


@pytest.mark.parametrize(
    ("kind", "method", "path"),
    [(Kind.CORRUPT, "GET", "blobs/"), (Kind.REWRITE, "GET", "blobs/"), (Kind.REWRITE, "POST", "mount=")],
)
def test_another_digest_is_refused(client: HttpRegistry, proxy: FaultProxy, kind: Kind, method: str, path: str) -> None:
    """A lender that sends other bytes, or a mount of something else, is refused at once."""
    lends, name = names()
    image = on(runtime_in(proxy.target, lends))
    wrong = {"Docker-Content-Digest": "sha256:" + "ff" * 32}
    if method == "GET":
        proxy.faults.append(Fault(Kind.ANSWER, "POST", "mount=", status=405, times=9))
    proxy.faults.append(Fault(kind, method, path, headers=wrong))
    with pytest.raises(SecurityRefusalError, match="answers with 'sha256:"):
        client.push(name, image, "v1", lender=Lender(client, lends))
    assert not HttpRegistry(proxy.target).has(name, image.digest)


def test_a_layer_that_nobody_has_is_told_with_its_lender(client: HttpRegistry) -> None:
    """A base that was removed meanwhile is one line that names where it should have been."""
    base = from_parts(EMPTY_BASE.manifest, EMPTY_BASE.blobs[descriptors(EMPTY_BASE.manifest)[0].digest])
    lends, name = names()
    with pytest.raises(EnvironmentTroubleError, match="of the base image is not there") as caught:
        client.push(name, on(base), "v1", lender=Lender(client, lends))
    assert caught.value.where == f"{client.name}/{lends}"


def test_a_mount_asks_for_both_permissions_in_one_token(registry_address: str) -> None:
    """A token server is asked for push here and pull there together, each scope a parameter of its own."""
    lends, name = names()
    image = on(runtime_in(registry_address, lends))
    auth = {"auth": "bGFiOmNhbmFyeQ=="}
    with BearerProxy(registry_address, basic="lab:canary") as proxy:
        client = HttpRegistry(proxy.address, auth=auth)
        client.push(name, image, "v1", lender=Lender(client, lends))
        push, pull = f"repository:{name}:pull,push", f"repository:{lends}:pull"
        assert proxy.scopes == [push, push, pull]
    assert whole(registry_address, name, image)


def test_a_folder_gets_a_copy_of_the_layers(registry_address: str, tmp_path: Path) -> None:
    """What is packaged into a folder on a runtime of a server is there whole, and nothing unfinished beside it."""
    lends, _ = names()
    image = on(runtime_in(registry_address, lends))
    folder = FolderRegistry(tmp_path)
    lender = Lender(HttpRegistry(registry_address), lends)
    folder.push("churn", image, "v1", lender=lender)
    assert folder.has("churn", image.digest)
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("."))
    folder.push("churn", image, "v1", lender=lender)
    assert files == sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("."))
    assert not list(tmp_path.rglob(".unfinished*"))


def test_a_folder_whose_lender_lacks_a_layer_keeps_no_half_of_it(registry_address: str, tmp_path: Path) -> None:
    """The image is not listed, and no empty blob takes the layer's name."""
    base = from_parts(EMPTY_BASE.manifest, EMPTY_BASE.blobs[descriptors(EMPTY_BASE.manifest)[0].digest])
    lends, _ = names()
    image, folder = on(base), FolderRegistry(tmp_path)
    with pytest.raises(EnvironmentTroubleError, match="is not here"):
        folder.push("churn", image, "v1", lender=Lender(HttpRegistry(registry_address), lends))
    assert not folder.has("churn", image.digest)
    assert not (tmp_path / "churn/blobs/sha256" / base.layer.removeprefix("sha256:")).exists()
    assert not list(tmp_path.rglob(".unfinished*"))


def test_a_folder_lends_to_a_server(client: HttpRegistry, proxy: FaultProxy, tmp_path: Path) -> None:
    """Every kind of registry can lend to every other."""
    _, name = names()
    full = build(EMPTY_BASE, {"server": next(_numbers).to_bytes(4, "big")}, labels={}, annotations={})
    folder = FolderRegistry(tmp_path)
    folder.push("runtime", full, "v1")
    base = from_parts(full.manifest, full.blobs[descriptors(full.manifest)[0].digest])
    client.push(name, on(base), "v1", lender=Lender(folder, "runtime"))
    assert whole(proxy.target, name, on(base))


@pytest.mark.parametrize("where", ["server", "folder"])
def test_what_is_not_there_is_not_fetched(registry_address: str, tmp_path: Path, where: str) -> None:
    """Fetching says no, and leaves the file empty."""
    registry = HttpRegistry(registry_address) if where == "server" else FolderRegistry(tmp_path)
    with (tmp_path / "file").open("w+b") as file:
        assert not registry.fetch("lend/nothing", Digest("sha256:" + "0" * 64), file)
        assert file.seek(0, 2) == 0


@pytest.mark.parametrize("where", ["server", "folder"])
def test_layers_are_never_held_in_memory(registry_address: str, tmp_path: Path, where: str) -> None:
    """Copying a layer of 64 MB takes a few of them."""
    size = 64 << 20
    full = build(EMPTY_BASE, {"server": bytes(size)}, labels={}, annotations={})
    lends, name = names()
    source = FolderRegistry(tmp_path / "from")
    source.push(lends, full, "v1")
    base = from_parts(full.manifest, full.blobs[descriptors(full.manifest)[0].digest])
    del full
    registry = HttpRegistry(registry_address) if where == "server" else FolderRegistry(tmp_path / "to")
    image = on(base)
    tracemalloc.start()
    try:
        registry.push(name, image, "v1", lender=Lender(source, lends))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size // 4
    assert registry.has(name, image.digest)
