"""The runtime image's context is the same bytes each time, and holds the server whole and nothing else of the toolkit."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from release.adapters.images import RECIPE, REQUIREMENTS, DockerImages, context, labels
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
    assert context() == context() == context(format="skops")
    assert context(ca=b"certificate") != context()
    assert context(format="onnx") == context(format="onnx")
    assert context(format="onnx") != context()


def test_the_context_holds_what_the_server_imports(tmp_path: Path) -> None:
    """What is below release/ is enough to load and prove a model, and no command, stage or adapter is among it."""
    names = unpacked(context(), tmp_path)
    assert {"Dockerfile", "requirements.txt", "ca/extra.pem", "release/serving/__main__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("release/cli", "release/stages", "release/adapters"))]
    imports = "import release.serving.scorer, release.serving.trained, release.serving.converted"
    tried = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {imports}; print(release.serving.scorer.__file__)",
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
    assert found["release.runtime.format"] == "skops"
    assert "release.runtime.onnxruntime" not in found


def test_a_runtime_has_its_own_formats_libraries_only(tmp_path: Path) -> None:
    """ONNX models are served without scikit-learn; neither runtime has what the SDK asks for and no server imports."""
    found = labels("onnx")
    assert found["release.runtime.format"] == "onnx"
    assert found["release.runtime.onnxruntime"].startswith("1.")
    assert not {"release.runtime.scikit-learn", "release.runtime.skops"} & set(found)
    names = unpacked(context(format="onnx"), tmp_path)
    assert "requirements-onnx.txt" in names
    assert "requirements.txt" not in names
    pinned = {name: requirements(file) for name, file in REQUIREMENTS.items()}
    assert {"scikit-learn", "scipy", "skops"} <= pinned["skops"].keys()
    assert not {"scikit-learn", "scipy", "skops"} & pinned["onnx"].keys()
    for versions in pinned.values():
        assert not {"pandas", "kubernetes", "pip", "setuptools"} & versions.keys()
    both = pinned["skops"].keys() & pinned["onnx"].keys()
    assert {name: pinned["skops"][name] for name in both} == {name: pinned["onnx"][name] for name in both}


@pytest.mark.parametrize("file", sorted(REQUIREMENTS.values()))
def test_whatever_is_installed_is_pinned_by_hash(file: str) -> None:
    """Nothing else is installed."""
    lines = [line for line in (RECIPE / file).read_text().splitlines() if not line.startswith("#")]
    for line, after in pairwise([*lines, ""]):
        if not line.startswith(" "):
            assert re.fullmatch(r"[a-z0-9-]+==[^ ]+ \\", line)
            assert after.startswith("    --hash=sha256:")


def requirements(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (RECIPE / file).read_text(), re.MULTILINE))


def test_no_daemon_is_trouble_of_the_environment() -> None:
    """One line that says what to start; worth running again."""
    with pytest.raises(EnvironmentTroubleError, match="no Docker daemon answers"):
        DockerImages("tcp://127.0.0.1:1")
