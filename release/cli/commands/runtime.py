"""`release runtime`: the image that models are put on, built and pushed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from release.cli.render import TerminalProgress, emit, json_option

if TYPE_CHECKING:
    from release.cli.runtimes import Built
    from release.config.project import RuntimeImages

FORMATS = ("skops", "onnx")


@click.command(short_help="Build the image that models are put on, and push it.")
@click.option("--base", required=True, metavar="IMAGE", help="A base image with Python 3.11 and venv, best by its digest.")
@click.option("--format", "serves", type=click.Choice(FORMATS), default="skops", show_default=True, help="What it serves.")
@click.option("--index", metavar="URL", help="A package index instead of PyPI.")
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Certificates (PEM) to trust while building.")
@click.option("--to", "repository", metavar="REPOSITORY", help="Where to push it; REGISTRY/runtime unless given.")
@json_option
def command(*, base: str, serves: str, index: str | None, ca: Path | None, repository: str | None, as_json: bool) -> None:
    """Build the serving runtime with Docker, push it, and print the lines that name it in release.yaml.

    Needed once, and for each patch of what is in it; models are put on it without Docker. The registry must be one that
    Docker is logged in to.

    \b
    Example:
      release runtime --base python:3.11-slim-bookworm
    """
    from release.cli.runtimes import build  # noqa: PLC0415 (kept off the path of --help)

    target, images = _target(repository, serves)
    progress = TerminalProgress()

    def say(line: str) -> None:
        if line.startswith("Step "):
            progress.note(line)

    with progress.step(f"building {target}"):
        built = build(target, serves, images, base=base, index=index, ca=ca, say=say)
    emit(built, lambda: _text(built), as_json=as_json)


def _target(repository: str | None, serves: str) -> tuple[str, RuntimeImages | None]:
    """Return where to push, and the images that release.yaml names now; a repository that is given needs no release.yaml."""
    from release.artifact.reference import check_host, check_repository  # noqa: PLC0415 (kept off the path of --help)
    from release.cli.wiring import Workspace  # noqa: PLC0415 (as above)
    from release.errors import BadInputError, ReleaseError  # noqa: PLC0415 (as above)

    if repository is not None:
        host, _, path = repository.partition("/")
        check_host(host)
        check_repository(path)
    try:
        workspace = Workspace.here()
        project = workspace.project
    except ReleaseError:
        if repository is None:
            raise
        return repository, None
    if repository is None and project.registry.startswith("oci:"):
        raise BadInputError(
            "the registry of release.yaml is a folder, which Docker cannot push to",
            where="release runtime",
            fix="name a repository on a server: --to registry.example/ml/runtime",
        )
    name = "runtime" if serves == "skops" else f"runtime-{serves}"
    return repository or f"{workspace.registry.name}/{name}", project.runtime.images


def _text(built: Built) -> str:
    return f"{built.image}\n\nIn release.yaml:\n\n{built.release_yaml}"
