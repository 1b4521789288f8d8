"""From a commit to a container by the commands alone: `release runtime`, `package`, and the image answers its replay.

Needs what test_runtime_image.py needs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest
import requests
from serving_models import free_port
from support.git import git
from test_runtime_image import HARDENED

from release.adapters.registry_http import HttpRegistry
from release.artifact.layer import members
from release.artifact.reference import keeping_tag
from release.artifact.replay import REPLAY
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RELEASE = str(Path(sys.executable).with_name("release"))
MODELS = ("breast-cancer", "diabetes")
PREFIX = "test/packaged"


def release(folder: Path, *args: str) -> Any:
    """Run a command and return its document."""
    done = subprocess.run([RELEASE, *args, "--json"], cwd=folder, capture_output=True, timeout=1800, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of shipped models, whose release.yaml names a runtime that was just built for it."""
    folder, registry = tmp_path_factory.mktemp("packaged") / "repository", os.environ["RELEASE_TEST_REGISTRY"]
    for name in MODELS:
        shutil.copytree(ROOT / "models" / name, folder / "models" / name)
    settings = [f"registry: {registry}/{PREFIX}", "environments: [{name: staging, traffic: replay}]"]
    (folder / "release.yaml").write_text("\n".join([*settings, ""]))
    git(folder, "init", "-q", "-b", "main")
    asked = [("--index", os.environ.get("RELEASE_TEST_INDEX")), ("--ca", os.environ.get("RELEASE_TEST_CA"))]
    options = [part for name, value in asked if value for part in (name, value)]
    built = release(folder, "runtime", "--base", os.environ["RELEASE_TEST_BASE"], *options)
    assert built["image"] == f"{registry}/{PREFIX}/runtime@{built['digest']}"
    (folder / "release.yaml").write_text("\n".join([*settings, built["release_yaml"], ""]))
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Start")
    return folder


def test_the_runtime_is_kept_by_a_tag_of_its_digest(repository: Path) -> None:
    """Its version's tag moves with the next build; the one that registries do not collect stays on this image."""
    line = next(line for line in (repository / "release.yaml").read_text().splitlines() if "skops:" in line)
    digest = Digest(line.rpartition("@")[2])
    url = f"http://{os.environ['RELEASE_TEST_REGISTRY']}/v2/{PREFIX}/runtime/manifests/"
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    for tag in (keeping_tag(digest), "0.1.0"):
        assert requests.head(url + tag, headers=accept, timeout=10).headers["Docker-Content-Digest"] == digest


@pytest.fixture(params=MODELS)
def served(request: pytest.FixtureRequest, repository: Path) -> Iterator[tuple[str, str, Any]]:
    """Train and package a model, run its image as a cluster would, and wait until it is ready."""
    name = request.param
    release(repository, "train", name)
    record = release(repository, "package", name)
    client, port = docker.from_env(), free_port()
    image = f"{record['repository']}@{record['digest']}"
    client.images.pull(image)
    running = client.containers.run(
        image,
        detach=True,
        ports={"8080/tcp": ("127.0.0.1", port)},
        environment={"MODEL_NAME": name, "MODEL_DIGEST": record["model_digest"]},
        **HARDENED,
    )
    try:
        _wait(running, f"http://127.0.0.1:{port}")
        yield name, f"http://127.0.0.1:{port}", record
    finally:
        running.remove(force=True)
        client.close()


def _wait(running: Any, url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(requests.ConnectionError):
            if requests.get(f"{url}/v2/health/ready", timeout=5).status_code == requests.codes.ok:
                return
        running.reload()
        assert running.status in ("created", "running"), running.logs().decode()
        time.sleep(0.1)
    raise AssertionError("the container did not become ready")


def test_a_packaged_model_answers_every_request_it_carries(served: tuple[str, str, Any]) -> None:
    """Read-only and without root, on the layers of the runtime: each line of its replay is answered with one row."""
    name, url, record = served
    registry = HttpRegistry(os.environ["RELEASE_TEST_REGISTRY"])
    layer = registry.blob(f"{PREFIX}/{name}", Digest(record["layer"]))
    assert layer is not None
    lines = members(layer, prefix="model")[REPLAY].splitlines()
    assert len(lines) == record["requests"] > 100
    with requests.Session() as session:
        for line in lines:
            answer = session.post(f"{url}/v2/models/{name}/infer", data=line, timeout=30)
            assert answer.status_code == requests.codes.ok, answer.text
            assert answer.json()["outputs"][0]["shape"][0] == 1
