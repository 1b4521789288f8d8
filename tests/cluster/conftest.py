"""What the tests on a real cluster need, by address: collected only where `RELEASE_TEST_KUBECONFIG` names a cluster.

`RELEASE_TEST_REGISTRY` is a registry that the cluster's nodes pull from, `RELEASE_TEST_PROMETHEUS` the address at which both
this machine and Argo Rollouts find a Prometheus that scrapes pods by annotation, `RELEASE_TEST_BASE` a Python image.
Services' addresses must be reachable from here, Argo CD must read this machine's files (for its tests), and `helm`,
`kubectl` and `docker` be on PATH. Asking for these tests without the variables collects nothing, which pytest reports as a
failure.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from deployed import Cluster, Model, build_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

collect_ignore_glob = [] if "RELEASE_TEST_KUBECONFIG" in os.environ else ["test_*.py"]


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
