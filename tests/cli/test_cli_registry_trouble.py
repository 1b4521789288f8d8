"""A registry that fails, lags, lies or lost the image, met by the commands: one line, its exit code, nothing half-done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapters.fault_proxy import Fault, FaultProxy, Kind
from cli_running import commit_all, edit, here, ok
from support.git import git

from release.adapters.registry_http import HttpRegistry
from release.artifact import oci
from release.artifact.model import installed_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ELSE = "sha256:" + "0" * 64


pytestmark = pytest.mark.slow  # what is waited for in them is real


@pytest.fixture(scope="module")
def proxy(start_registry: Callable[..., str]) -> Iterator[FaultProxy]:
    with FaultProxy(start_registry()) as one:
        yield one


@pytest.fixture
def packed(shop: Path, proxy: FaultProxy) -> Path:
    """Give the shop after its model was packed on a runtime, into the registry behind the proxy."""
    proxy.faults.clear()
    labels = {"release.runtime.scikit-learn": installed_versions()["scikit-learn"]}
    runtime = oci.build(oci.EMPTY_BASE, {"server": b"code"}, labels=labels, annotations={})
    HttpRegistry(proxy.address).push("ml/runtime", runtime, "v1")
    text = (shop / "release.yaml").read_text()
    (line,) = (one for one in text.splitlines() if one.startswith("registry:"))
    image = f"{proxy.address}/ml/runtime@{runtime.digest}"
    edit(shop, "release.yaml", line, f"registry: {proxy.address}/ml\nruntime: {{images: {{skops: '{image}'}}}}")
    commit_all(shop)
    for stage in ("train", "evaluate", "gate", "package"):
        ok(here(shop, stage, "churn"))
    return shop


def promoted(shop: Path) -> bool:
    return bool(git(shop, "branch", "--list", "deploy"))


@pytest.mark.parametrize(
    ("fault", "code", "what"),
    [
        (Fault(Kind.ANSWER, "HEAD", "/manifests/", times=99), 5, "the registry answered 500"),
        (Fault(Kind.ANSWER, "HEAD", "/manifests/", times=99, status=429), 5, "the registry answered 429"),
        (Fault(Kind.REWRITE, "HEAD", "/manifests/", headers={"Docker-Content-Digest": ELSE}), 3, ELSE),
        (Fault(Kind.ANSWER, "HEAD", "/manifests/", times=99, status=403), 5, "no permission to pull ml/churn"),
        (Fault(Kind.ANSWER, "HEAD", "/manifests/", status=404), 2, "release package churn"),
    ],
    ids=["500", "429", "another-digest", "forbidden", "lost"],
)
def test_an_image_that_cannot_be_vouched_for_is_not_promoted(
    packed: Path, proxy: FaultProxy, fault: Fault, code: int, what: str
) -> None:
    """Before anything is committed: trouble is exit 5, another digest than was asked for 3, an image that is gone 2."""
    proxy.faults.append(fault)
    done = here(packed, "promote", "churn", "--to", "staging")
    assert done.code == code, done
    [line] = done.errors
    assert what in line
    assert not promoted(packed)
    proxy.faults.clear()
    if code != 3:
        assert here(packed, "promote", "churn", "--to", "staging").code == 0


def test_a_limit_of_requests_is_waited_for(packed: Path, proxy: FaultProxy) -> None:
    """A registry that asks for a second's patience gets it, and the promotion goes through."""
    proxy.faults.append(Fault(Kind.ANSWER, "HEAD", "/manifests/", times=2, status=429, headers={"Retry-After": "0"}))
    ok(here(packed, "promote", "churn", "--to", "staging"))
    assert promoted(packed)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(Kind.ANSWER, "PUT", "/manifests/", times=99), 5),
        (Fault(Kind.REWRITE, "PUT", "/manifests/", times=99, headers={"Docker-Content-Digest": ELSE}), 3),
    ],
    ids=["500", "another-digest"],
)
def test_an_image_that_was_not_taken_as_it_was_sent_is_no_package(
    packed: Path, proxy: FaultProxy, fault: Fault, code: int
) -> None:
    """The record is not kept, so that nothing can be promoted; run again on a sound registry, it is."""
    edit(packed, "models/churn/model.yaml", "seed: 1", f"seed: {code}")
    commit_all(packed)
    for stage in ("train", "evaluate", "gate"):
        ok(here(packed, stage, "churn"))
    proxy.faults.append(fault)
    done = here(packed, "package", "churn")
    assert (done.code, len(done.errors)) == (code, 1), done
    proxy.faults.clear()
    assert here(packed, "promote", "churn", "--to", "staging").code == 2
    assert not promoted(packed)
    ok(here(packed, "package", "churn"))
    ok(here(packed, "promote", "churn", "--to", "staging"))
