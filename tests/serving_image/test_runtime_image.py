"""The runtime image, built and pushed for real, with a model put on it without a daemon, run as a cluster would run it.

Needs a Docker daemon and RELEASE_TEST_REGISTRY (a registry that the daemon and this machine reach without a login) and
RELEASE_TEST_BASE (a base image with Python 3.11 and venv). RELEASE_TEST_CA names a file of certificates for pip, if it
needs any, RELEASE_TEST_INDEX a package index.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import numpy as np
import pytest
import requests
from serving_models import GOOD, MIXED, MIXED_FEATURES, Trained, free_port, trained

from release.adapters.images import DockerImages, labels
from release.adapters.registry_http import HttpRegistry
from release.artifact import oci
from release.artifact.golden import GOLDEN, Golden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.records import Digest

REPOSITORY = "test/serving"
HARDENED: dict[str, Any] = {
    "user": "65532:65532",
    "read_only": True,
    "tmpfs": {"/tmp": "size=64m"},  # noqa: S108 (the container's own)
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "512m",
}


@dataclass(frozen=True)
class Runtime:
    """A runtime image in the registry, and the local id it was built as."""

    registry: str
    identity: str
    digest: Digest


@pytest.fixture(scope="session", params=["skops", "onnx"])
def serves(request: pytest.FixtureRequest) -> str:
    """Give each serving format in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def runtime(serves: str) -> Runtime:
    """Build the runtime image and push it."""
    registry, ca = os.environ["RELEASE_TEST_REGISTRY"], os.environ.get("RELEASE_TEST_CA")
    images = DockerImages()
    identity = images.build(
        base=os.environ["RELEASE_TEST_BASE"],
        format=serves,
        index=os.environ.get("RELEASE_TEST_INDEX"),
        ca=Path(ca).read_bytes() if ca else None,
    )
    return Runtime(registry, identity, images.push(identity, f"{registry}/{REPOSITORY}", f"runtime-{serves}"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, serves: str) -> Trained:
    """Train a model."""
    return trained("binary", MIXED, MIXED_FEATURES, tmp_path_factory.mktemp("model"), serves)


@pytest.fixture(scope="session")
def image(runtime: Runtime, model: Trained) -> str:
    """Put the model on the runtime, as bytes, and push it."""
    registry = HttpRegistry(runtime.registry)
    manifest = registry.manifest(REPOSITORY, runtime.digest)
    assert manifest is not None
    config = registry.blob(REPOSITORY, oci.descriptors(manifest)[0].digest)
    assert config is not None
    made = oci.build(oci.from_parts(manifest, config), model.files, labels={}, annotations={})
    registry.push(REPOSITORY, made, "model")
    return f"{runtime.registry}/{REPOSITORY}@{made.digest}"


@pytest.fixture
def container(image: str, model: Trained) -> Iterator[tuple[Any, str]]:
    """Run the model's image without root, without capabilities, on a read-only file system; give it and its address."""
    port = free_port()
    client = docker.from_env()
    client.images.pull(image)
    found = client.containers.run(
        image,
        detach=True,
        ports={"8080/tcp": ("127.0.0.1", port)},
        environment={"MODEL_NAME": "demo", "MODEL_DIGEST": model.digest},
        **HARDENED,
    )
    try:
        yield found, f"http://127.0.0.1:{port}"
    finally:
        found.remove(force=True)
        client.close()


def test_a_model_is_served_from_its_image(container: tuple[Any, str], model: Trained) -> None:
    """Golden rows score as recorded, read-only and without root, and the container ends well when it is stopped."""
    running, url = container
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(requests.ConnectionError):
            if requests.get(f"{url}/v2/health/ready", timeout=5).status_code == requests.codes.ok:
                break
        running.reload()
        assert running.status in ("created", "running"), running.logs().decode()
        time.sleep(0.1)
    golden = Golden.parse(model.files[GOLDEN])
    inputs = [
        {"name": name, "datatype": GOOD[name][0], "shape": [8], "data": [row[at] for row in golden.rows]}
        for at, name in enumerate(golden.columns)
    ]
    answer = requests.post(f"{url}/v2/models/demo/infer", data=json.dumps({"inputs": inputs}), timeout=30)
    assert np.allclose(answer.json()["outputs"][0]["data"], [row[0] for row in golden.scores], rtol=1e-6)
    running.stop(timeout=20)
    running.reload()
    assert running.attrs["State"]["ExitCode"] == 0
    assert running.logs() == b""


def test_another_models_digest_is_refused_in_the_image(image: str) -> None:
    """A container told to serve another model ends with one line."""
    client = docker.from_env()
    client.images.pull(image)
    wrong = "sha256:" + "0" * 64
    found = client.containers.run(image, detach=True, environment={"MODEL_DIGEST": wrong}, **HARDENED)
    try:
        assert found.wait(timeout=120)["StatusCode"] == 3
        said = found.logs().decode()
        assert said.startswith("error: /model: the model's digest is sha256:")
        assert said.count("\n") == 1
    finally:
        found.remove(force=True)
        client.close()


def test_the_image_says_what_it_has_and_keeps_no_certificate(runtime: Runtime, serves: str) -> None:
    """Its labels name the versions, its user is not root, and nothing of the build's index or certificate is left."""
    client = docker.from_env()
    config = client.api.inspect_image(runtime.identity)["Config"]
    assert labels(serves).items() <= config["Labels"].items()
    assert config["User"] == "65532:65532"
    found = client.containers.run(
        runtime.identity,
        [
            "-c",
            "import os; print(os.path.exists('/ca'), os.path.exists('/build'), os.path.exists('/opt/runtime/bin/pip'))",
        ],
        entrypoint="/opt/runtime/bin/python",
        remove=True,
        **HARDENED,
    )
    assert found == b"False False False\n"
    client.close()
