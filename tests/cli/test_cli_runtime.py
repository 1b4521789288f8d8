"""`release runtime`, as far as it goes without Docker; with it, see tests/serving_image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_running import edit, here, process

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "the registry of release.yaml is a folder, which Docker cannot push to"


@pytest.fixture(autouse=True)
def _no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point Docker's client to a daemon that is not there."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def test_a_folder_is_nothing_that_docker_can_push_to(shop: Path) -> None:
    """Images of the default registry need a repository that is named."""
    told = here(shop, "runtime", "--base", "python:3.11-slim-bookworm")
    assert (told.code, told.errors) == (
        2,
        [f"error: release runtime: {FOLDER}; name a repository on a server: --to registry.example/ml/runtime"],
    )


@pytest.mark.parametrize("where", ["shop", "nowhere"])
def test_without_a_daemon_it_is_worth_another_try(shop: Path, tmp_path: Path, where: str) -> None:
    """One line and exit code 5, in a repository or outside of any."""
    folder = shop if where == "shop" else tmp_path
    told = process(folder, "runtime", "--base", "python:3.11-slim-bookworm", "--to", "registry.example/ml/runtime")
    assert told.code == 5
    assert len(told.errors) == 1
    assert told.errors[0].startswith("error: docker: no Docker daemon answers: ")
    assert told.errors[0].endswith("; start it, or set DOCKER_HOST")


def test_the_registry_of_release_yaml_is_where_it_goes(shop: Path) -> None:
    """Without --to a server's own prefix is taken; that far it gets without Docker."""
    edit(shop, "release.yaml", "registry: oci:.release/registry", "registry: registry.example/ml")
    assert process(shop, "runtime", "--base", "x").code == 5


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["--to", "runtime"], "is no registry"),
        (["--to", "registry.example/runtime:v1"], "is no repository name"),
        (["--to", "registry.example/../x"], "is no repository name"),
        (["--to", "registry.example/runtime", "--format", "pickle"], "'pickle' is not one of 'skops', 'onnx'"),
        (["--to", "registry.example/runtime", "--ca", "missing.pem"], "the certificates cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_built(shop: Path, args: list[str], what: str) -> None:
    """Names, formats and files are looked at first."""
    told = here(shop, "runtime", "--base", "x", *args)
    assert told.code == 2
    assert len(told.errors) == 1
    assert what in told.errors[0]


def test_a_base_must_be_named(shop: Path) -> None:
    """What everything runs on is no default."""
    told = here(shop, "runtime")
    assert told.code == 2
    assert "Missing option '--base'" in told.errors[0]
