"""Helm, as a program that turns a chart and values into manifests: no cluster, no network, nobody's configuration.

What the manifests mean, and which charts and values are rendered, must not live here.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from release.adapters.process import CommandFailedError, run
from release.artifact.findings import Finding, error
from release.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from release.artifact.deployment import Deployment

KUBERNETES = "1.34.0"
"""The version that charts are rendered for: Helm's own default differs from release to release."""

_SECONDS = 60.0
_INHERITED = (
    *("HELM_DEBUG", "HELM_NAMESPACE", "HELM_PLUGINS", "HELM_REGISTRY_CONFIG", "HELM_REPOSITORY_CONFIG", "HELM_DRIVER"),
    *("HELM_KUBECONTEXT", "HELM_KUBEAPISERVER", "HELM_KUBETOKEN", "HELM_KUBECAFILE", "HELM_KUBEASUSER"),
)
_CHART, _VALUES = "chart", "values.yaml"
_SHOWN = 600


@dataclass(frozen=True)
class Helm:
    """One helm, version 3 or 4; satisfies `release.ports.Renderer`."""

    program: str

    def render(self, deployment: Deployment) -> str:
        """Return the manifests of a deployment as one YAML text.

        Raises BadInputError, with what Helm says, for values that the chart's schema refuses or templates that fail.
        """
        with tempfile.TemporaryDirectory(prefix="release-helm-") as place:
            words = ("template", deployment.name, _CHART, f"--namespace={deployment.namespace}")
            try:
                return self._run(Path(place), deployment, *words).decode()
            except CommandFailedError as failed:
                said = _said(failed.stderr)
                raise BadInputError(said, where=deployment.where, fix="correct the values or the chart") from failed

    def lint(self, deployment: Deployment) -> tuple[Finding, ...]:
        """Return what `helm lint --strict` says of a deployment's chart with its values."""
        with tempfile.TemporaryDirectory(prefix="release-helm-") as place:
            try:
                self._run(Path(place), deployment, "lint", "--strict", _CHART)
            except CommandFailedError as failed:
                lines = failed.stdout.decode(errors="replace").splitlines()
                told = [line.partition("] ")[2] for line in lines if line.startswith(("[ERROR]", "[WARNING]"))]
                return tuple(error("helm lint", " ".join(one.split())[:_SHOWN]) for one in told or [_said(failed.stderr)])
        return ()

    def _run(self, place: Path, deployment: Deployment, *words: str) -> bytes:
        for path, content in (
            (_VALUES, deployment.values),
            *((f"{_CHART}/{path}", c) for path, c in deployment.chart.items()),
        ):
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        argv = (self.program, *words, f"--kube-version={KUBERNETES}", f"--values={_VALUES}")
        return run(argv, cwd=place, env=_alone(place), timeout=_SECONDS).stdout


def _alone(place: Path) -> Mapping[str, str | None]:
    """Return what keeps settings, plugins and clusters of whoever runs us out of Helm."""
    homes = {f"HELM_{kind}_HOME": str(place / "home") for kind in ("CACHE", "CONFIG", "DATA")}
    return {**dict.fromkeys(_INHERITED), **homes, "KUBECONFIG": os.devnull}


def _said(stderr: bytes) -> str:
    """Join what Helm says into one line."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    telling = [line for line in lines if line and not line.startswith("Use --debug")]
    return " ".join(telling).removeprefix("Error: ").replace(f"{_CHART}/templates/", "templates/")[:_SHOWN] or "helm failed"
