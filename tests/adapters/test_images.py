"""The runtime image's context is the same bytes each time, and holds the server whole and nothing else of the toolkit."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from release.adapters.images import DockerImages, context, labels
from release.errors import EnvironmentTroubleError
from release.version import __version__

if TYPE_CHECKING:
    from pathlib import Path


def unpacked(content: bytes, into: Path) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(into, filter="data")
        return tar.getnames()


def test_the_context_is_the_same_bytes_each_time() -> None:
    """So that the builder's cache, and nothing but a change, decides what is built."""
    assert context() == context()
    assert context(ca=b"certificate") != context()


def test_the_context_holds_what_the_server_imports(tmp_path: Path) -> None:
    """What is below release/ is enough to load and prove a model, and no command, stage or adapter is among it."""
    names = unpacked(context(), tmp_path)
    assert {"Dockerfile", "requirements.txt", "ca/extra.pem", "release/serving/__main__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("release/cli", "release/stages", "release/adapters"))]
    tried = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import release.serving.scorer as s; print(s.__file__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert tried.stdout.startswith(str(tmp_path))


def test_labels_say_what_the_runtime_has() -> None:
    """`runtime.minimum` and people read them."""
    found = labels()
    assert found["release.runtime.version"] == __version__
    assert found["release.runtime.scikit-learn"].startswith("1.")
    assert set(found) >= {"release.runtime.kserve", "release.runtime.numpy", "release.runtime.skops"}


def test_no_daemon_is_trouble_of_the_environment() -> None:
    """One line that says what to start; worth running again."""
    with pytest.raises(EnvironmentTroubleError, match="no Docker daemon answers"):
        DockerImages("tcp://127.0.0.1:1")
