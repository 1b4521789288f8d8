"""What the repository under test holds: one model on data that ships with the toolkit, release.yaml, charts, workflows.

Bytes only; who pushes them where is `loop.world`'s business.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODEL = "nuclei"
STAGING, PRODUCTION = "staging", "production"
ENVIRONMENTS = (STAGING, PRODUCTION)
INTERVAL, COUNT, ENOUGH = 5, 3, 30
"""Seconds between measurements, measurements of a canary, and the requests that each needs."""
MARGIN = 0.08
"""As narrow as so small a test set can show: of two models that predict alike, fewer rows could never say so."""
TIMEOUT = 20
"""Seconds that a canary which cannot be judged may wait, as release.yaml's users declare it in model.yaml."""

_DATA = ROOT / "models" / "breast-cancer" / "data"
_INSTALL = '"$RUNNER_TEMP/release/bin/pip" install --quiet -r .github/release-requirements.txt'


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a person may propose: how strongly the model is regularised, and on how many columns."""

    c: float
    keep: int | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """The one file that a pull request changes."""
        select = "" if self.keep is None else f"\n  - select: {{method: f-test, keep: {self.keep}}}"
        return {f"models/{MODEL}/model.yaml": _MODEL.format(c=self.c, select=select).encode()}


def project(registry: str, runtime: str, namespaces: dict[str, str]) -> dict[str, bytes]:
    """Return release.yaml: a registry, the runtime by digest, and two environments, each in a namespace of its own."""
    return {"release.yaml": _PROJECT.format(registry=registry, runtime=runtime, **namespaces).encode()}


def scaffold() -> dict[str, bytes]:
    """Return data, charts and workflows, as `release init` writes them, but for the line that installs the toolkit."""
    files = {f"models/{MODEL}/data/{name}": (_DATA / name).read_bytes() for name in ("train.csv", "test.csv")}
    files |= {".gitignore": b"/.release/\n", ".github/release-requirements.txt": b"model-release\n"}
    for chart in ("model", "argocd", "reconciler"):
        for path in sorted((ROOT / "charts" / chart).rglob("*")):
            if path.is_file():
                files[path.relative_to(ROOT).as_posix()] = path.read_bytes()
    for path in sorted((ROOT / ".github" / "workflows").glob("release-*.yml")):
        files[path.relative_to(ROOT).as_posix()] = _workflow(path)
    return files


def _workflow(path: Path) -> bytes:
    """Return a shipped workflow; what is installed from where is not these tests' business, and would take a minute."""
    shipped = path.read_text()
    if _INSTALL not in shipped:
        message = f"{path.name} no longer installs the toolkit by the line that these tests replace"
        raise AssertionError(message)
    tool = Path(sys.executable).parent / "release"
    return shipped.replace(_INSTALL, f'ln -sf {tool} "$RUNNER_TEMP/release/bin/release"').encode()


_PROJECT = """\
tool: "==0.1.*"
registry: {registry}
runtime: {{images: {{skops: "{runtime}"}}}}
deploy: {{repository: ., branch: deploy}}
environments:
  - {{name: staging, namespace: {staging}, traffic: replay, promote: automatic}}
  - {{name: production, namespace: {production}, after: staging, promote: automatic}}
"""

_MODEL = f"""\
description: Malignant or benign, from measured cell nuclei
owner: diagnostics
task: binary
data:
  train: data/train.csv
  test: data/test.csv
  target: {{{{column: malignant, positive: 1}}}}
  id: sample_id
  columns:
    "*_area": {{{{type: float, min: 0, max: 10000}}}}
    area_error: {{{{type: float, min: 0, max: 1000}}}}
    "mean_*": {{{{type: float, min: 0, max: 1000}}}}
    "worst_*": {{{{type: float, min: 0, max: 1000}}}}
    "*_error": {{{{type: float, min: 0, max: 100}}}}
features:
  - scale: {{{{columns: numeric, method: standard}}}}{{select}}
estimator:
  kind: logistic-regression
  params: {{{{C: {{c!r}}}}}}
seed: 7
evaluation:
  threshold: 0.5
gate:
  primary: {{{{metric: roc_auc, margin: {MARGIN}}}}}
  floors: {{{{roc_auc: 0.85}}}}
  looks: 20
serving: {{{{format: skops, cpu: 200m, memory: 512Mi, replicas: 1, environments: {{{{production: {{{{replicas: 2}}}}}}}}}}}}
rollout:
  steps: [50]
  traffic: live
  rps: 20
  timeout: {TIMEOUT}s
  analysis: {{{{interval: {INTERVAL}s, count: {COUNT}, min_requests: {ENOUGH}}}}}
"""
