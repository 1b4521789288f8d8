"""Helm for the tests of the chart, and the one way golden files are renewed: `pytest tests/charts --update-golden`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from release.artifact import values

if TYPE_CHECKING:
    from collections.abc import Callable

CHART = Path(__file__).resolve().parents[2] / "charts" / "model"
KUBERNETES = "1.34.0"
NAME = "breast-cancer-staging"
GET_HELM = (
    "these tests need Helm 3: put `helm` on PATH or its path into RELEASE_TEST_HELM; "
    "`go install helm.sh/helm/v3/cmd/helm@v3.21.4` builds it"
)

SERVING = {
    "format": "skops",
    "cpu": "500m",
    "memory": "512Mi",
    "replicas": 1,
    "environments": {"production": {"replicas": 5, "cpu": None, "memory": "1Gi"}},
}
ROLLOUT = {
    "steps": (10, 50),
    "traffic": "live",
    "rps": None,
    "when_unsure": "pause",
    "timeout": "10m",
    "analysis": {"interval": "30s", "count": 5, "min_requests": 200},
}
FIRST: dict[str, str | bool] = {
    "image.repository": "registry.example:5000/ml/breast-cancer",
    "image.digest": "sha256:" + "a" * 64,
    "model.digest": "sha256:" + "1" * 64,
    "model.version": "v1",
    "release.operation": "sha256:" + "2" * 64,
    "release.commit": "1" * 36 + "e123",
    "release.fast": False,
    "chart.path": "charts/versions/0123456789abcdef",
}


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Helm:
    """Runs one helm against the chart, untouched by whoever's configuration or cluster."""

    program: str
    home: Path

    def run(self, *words: str) -> Result:
        """Run helm with these words."""
        names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME")
        env = {"PATH": os.defpath, "KUBECONFIG": os.devnull, **dict.fromkeys(names, str(self.home))}
        done = subprocess.run([self.program, *words], env=env, capture_output=True, text=True, timeout=60, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def template(self, content: bytes, name: str = NAME) -> Result:
        """Render the chart with a values file."""
        options = ("--namespace=models", f"--kube-version={KUBERNETES}")
        return self.run("template", name, str(CHART), *options, *self._file(content))

    def lint(self, content: bytes) -> Result:
        """Lint the chart with a values file."""
        return self.run("lint", "--strict", str(CHART), f"--kube-version={KUBERNETES}", *self._file(content))

    def objects(self, content: bytes) -> dict[tuple[str, str], dict[str, Any]]:
        """Render the chart and return its objects by kind and name."""
        result = self.template(content)
        assert result.code == 0, result.err
        found = [one for one in yaml.safe_load_all(result.out) if one]
        return {(one["kind"], one["metadata"]["name"]): one for one in found}

    def rollout(self, content: bytes) -> dict[str, Any]:
        """Render the chart and return its Rollout."""
        return self.objects(content)["Rollout", NAME]

    def _file(self, content: bytes) -> tuple[str, ...]:
        path = self.home / "values.yaml"
        path.write_bytes(content)
        return ("--values", str(path))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    program = os.environ.get("RELEASE_TEST_HELM") or shutil.which("helm")
    if program is None or not Path(program).is_file():
        pytest.fail(GET_HELM, pytrace=False)
    return Helm(program, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubeconform() -> str:
    """Return the path of kubeconform."""
    return _program("kubeconform", "`go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0` builds it")


@pytest.fixture(scope="session")
def promtool() -> str:
    """Return the path of promtool."""
    return _program("promtool", "it comes with Prometheus, on Debian in the package `prometheus`")


def _program(name: str, how: str) -> str:
    variable = f"RELEASE_TEST_{name.upper()}"
    program = os.environ.get(variable) or shutil.which(name)
    if program is None or not Path(program).is_file():
        pytest.fail(f"these tests need {name}: put it on PATH or its path into {variable}; {how}", pytrace=False)
    return program


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Return what compares a text with a golden file, or writes it with `--update-golden`."""
    update = request.config.getoption("--update-golden", default=False)

    def compare(path: Path, text: str) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.is_file(), f"{path} is missing: pytest tests/charts --update-golden"
        assert path.read_text() == text, "if this is meant: pytest tests/charts --update-golden, and read the diff"

    return compare


@pytest.fixture
def first_release() -> bytes:
    """Return the values file of a first release in staging."""
    content = values.draft(model="breast-cancer", environment="staging", serving=SERVING, rollout=ROLLOUT)
    return values.patch(content, FIRST, where="staging.yaml")


@pytest.fixture
def next_release() -> bytes:
    """Return the values file of the second release in production, where serving differs."""
    content = values.draft(model="breast-cancer", environment="production", serving=SERVING, rollout=ROLLOUT)
    second = {"model.version": "v2", "model.digest": "sha256:" + "b" * 64, "image.digest": "sha256:" + "c" * 64}
    return values.patch(content, {**FIRST, **second}, where="production.yaml")
