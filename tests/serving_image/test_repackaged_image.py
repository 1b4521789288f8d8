"""A patched runtime under a model that serves: repackaged by the commands alone, it starts and answers as before.

Needs what test_runtime_image.py needs.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import docker
import pytest
import requests
from serving_models import free_port
from support.git import git
from test_packaged_image import ROOT, release
from test_runtime_image import HARDENED

from release.adapters.registry_http import HttpRegistry
from release.artifact.golden import GOLDEN
from release.artifact.layer import members
from release.artifact.reference import check_digest
from release.records import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "diabetes"
PREFIX = "test/repackaged"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of one shipped model, and a runtime for it."""
    folder, registry = tmp_path_factory.mktemp("repackaged") / "repository", os.environ["RELEASE_TEST_REGISTRY"]
    shutil.copytree(ROOT / "models" / MODEL, folder / "models" / MODEL)
    shutil.copytree(ROOT / "charts/model", folder / "charts/model")
    settings = f"registry: {registry}/{PREFIX}\nenvironments: [{{name: staging}}]\ntracking: http://127.0.0.1:9\n"
    (folder / "release.yaml").write_text(settings)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    asked = [("--index", os.environ.get("RELEASE_TEST_INDEX")), ("--ca", os.environ.get("RELEASE_TEST_CA"))]
    options = [part for name, value in asked if value for part in (name, value)]
    built = release(folder, "runtime", "--base", os.environ["RELEASE_TEST_BASE"], *options)
    name_runtime(folder, built["image"])
    return folder


def name_runtime(folder: Path, image: str) -> None:
    text = (folder / "release.yaml").read_text().partition("runtime:")[0]
    (folder / "release.yaml").write_text(f"{text}runtime:\n  images: {{skops: {image}}}\n")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Name a runtime")


def patched(image: str) -> str:
    """Build a runtime that differs from another one as a security fix would, and push it."""
    client, repository = docker.from_env(), image.partition("@")[0]
    try:
        recipe = f'FROM {image}\nUSER root\nRUN touch /patched\nUSER 1000\nLABEL patched="{time.time_ns()}"\n'
        built, _ = client.images.build(
            fileobj=io.BytesIO(recipe.encode()), rm=True, forcerm=True, tag=f"{repository}:patched"
        )
        lines = client.api.push(repository, tag="patched", stream=True, decode=True)
        digest = [line["aux"]["Digest"] for line in lines if "Digest" in line.get("aux", {})][-1]
        client.images.remove(built.id, force=True)
    finally:
        client.close()
    return f"{repository}@{check_digest(digest)}"


def promoted(folder: Path) -> dict[str, Any]:
    """Run every stage, and return the package."""
    for verb in ("train", "evaluate", "gate"):
        release(folder, verb, MODEL)
    package: dict[str, Any] = release(folder, "package", MODEL)
    assert release(folder, "promote", MODEL, "--to", "staging")["outcome"] == "promoted"
    return package


@contextmanager
def served(package: dict[str, Any]) -> Iterator[str]:
    """Run an image as a cluster would, and wait until it is ready."""
    client, port = docker.from_env(), free_port()
    image = f"{package['repository']}@{package['digest']}"
    client.images.pull(image)
    environment = {"MODEL_NAME": MODEL, "MODEL_DIGEST": package["model_digest"]}
    ports = {"8080/tcp": ("127.0.0.1", port)}
    running = client.containers.run(image, detach=True, ports=ports, environment=environment, **HARDENED)
    try:
        deadline = time.monotonic() + 120
        while not _ready(f"http://127.0.0.1:{port}"):
            running.reload()
            assert running.status in ("created", "running"), running.logs().decode()
            assert time.monotonic() < deadline, "the container did not become ready"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.remove(force=True)
        client.close()


def _ready(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{url}/v2/health/ready", timeout=5).status_code == requests.codes.ok
    return False


def answers(url: str, package: dict[str, Any]) -> Any:
    """Ask for the model's golden rows."""
    repository = package["repository"].partition("/")[2]
    layer = HttpRegistry(os.environ["RELEASE_TEST_REGISTRY"]).blob(repository, Digest(package["layer"]))
    assert layer is not None
    golden = json.loads(members(layer, prefix="model")[GOLDEN])
    columns = dict(zip(golden["columns"], zip(*golden["rows"], strict=True), strict=True))
    asked = requests.get(f"{url}/v2/models/{MODEL}", timeout=30).json()["inputs"]
    rows = [len(golden["rows"])]
    inputs = [{**one, "shape": rows, "data": columns[one["name"]]} for one in asked]
    answer = requests.post(f"{url}/v2/models/{MODEL}/infer", json={"inputs": inputs}, timeout=30)
    assert answer.status_code == requests.codes.ok, answer.text
    return answer.json()["outputs"]


def test_a_patched_runtime_serves_the_same_model_and_the_same_answers(repository: Path) -> None:
    """Nothing is trained; the model's layer is the same, the image is another, it becomes ready and says the same."""
    before = promoted(repository)
    with served(before) as url:
        said = answers(url, before)
    runtime = (repository / "release.yaml").read_text().rpartition("skops: ")[2].rstrip().rstrip("}")
    name_runtime(repository, patched(runtime))
    [due] = release(repository, "plan")["due"]
    assert (due["model"], due["kind"]) == (MODEL, "repackage")
    trained = sorted((repository / ".release/records/train").iterdir())
    after = promoted(repository)
    assert sorted((repository / ".release/records/train").iterdir()) == trained
    assert (after["model_digest"], after["layer"]) == (before["model_digest"], before["layer"])
    assert after["digest"] != before["digest"]
    with served(after) as url:
        assert answers(url, after) == said
