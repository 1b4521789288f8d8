"""What the tests on a real cluster need, by address. Without one of them every test fails and says so: none is skipped.

`RELEASE_TEST_KUBECONFIG` names the cluster, `RELEASE_TEST_REGISTRY` a registry that the cluster's nodes pull from,
`RELEASE_TEST_PROMETHEUS` the address at which both this machine and Argo Rollouts find a Prometheus that scrapes pods by
annotation, `RELEASE_TEST_BASE` a Python image, for which `RELEASE_TEST_INDEX` and `RELEASE_TEST_CA` may name a package
index and certificates. Services' addresses must be reachable from here, Argo CD must read this machine's files (for its
tests), and `helm`, `kubectl` and `docker` be on PATH. The loop's tests also need a Gitea that runs workflows on this
machine (`RELEASE_TEST_FORGE`, `RELEASE_TEST_FORGE_LOGIN`), and shell commands that kill a part of the cluster and start it
again: `RELEASE_TEST_RESTART_ROLLOUTS`, the Argo Rollouts controller, and `RELEASE_TEST_RESTART_API`, the API server.
"""

from __future__ import annotations

import os
import shutil
import uuid
from typing import TYPE_CHECKING

import pytest
from deployed import Cluster, Model, build_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEEDED = tuple(f"RELEASE_TEST_{name}" for name in ("KUBECONFIG", "PROMETHEUS", "REGISTRY", "BASE"))
PROGRAMS = ("docker", "helm", "kubectl")


def require(variables: tuple[str, ...], programs: tuple[str, ...] = ()) -> None:
    """Fail with what is missing."""
    missing = [name for name in variables if not os.environ.get(name)]
    missing += [f"{name} on PATH" for name in programs if shutil.which(name) is None]
    if missing:
        pytest.fail(f"these tests need a real cluster; missing: {', '.join(missing)}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def parts() -> Callable[[tuple[str, ...]], None]:
    """Fail where a part is not named; return what asks for more of them."""
    require(NEEDED, PROGRAMS)
    return require


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster(os.environ["RELEASE_TEST_KUBECONFIG"], os.environ["RELEASE_TEST_PROMETHEUS"])


@pytest.fixture(scope="session")
def image() -> Callable[[str], tuple[str, str]]:
    """Return what builds and pushes the stand-in's image for a behaviour, once, and names it by repository and digest."""
    registry, base, known = (
        os.environ["RELEASE_TEST_REGISTRY"],
        os.environ["RELEASE_TEST_BASE"],
        dict[str, tuple[str, str]](),
    )

    def build(behaviour: str) -> tuple[str, str]:
        if behaviour not in known:
            known[behaviour] = build_image(f"{registry}/test/model", base, behaviour)
        return known[behaviour]

    return build


@pytest.fixture
def model(cluster: Cluster, image: Callable[[str], tuple[str, str]]) -> Iterator[Model]:
    """Return a model that serves its first release, three good pods, in a namespace of its own."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    try:
        one = Model(cluster, namespace, image)
        one.release("good", version="v1")
        one.wait(lambda status: status.get("phase") == "Healthy", "the first release to be Healthy")
        yield one
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
