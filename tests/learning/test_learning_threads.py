"""Bit-identical training: the pinned environment decides, whatever the machine's own settings say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from release.learning.threads import PINNED

MODELS = Path(__file__).parents[2] / "models"

# One process trains everything, since importing scikit-learn takes longer than that.
SCRIPT = """
import json, sys
from pathlib import Path
import pandas as pd
from release.artifact import canonical
from release.artifact.serial import digest_of
from release.config.estimators import ESTIMATORS
from release.config.model import ModelSpec
from release.data.contract import conform
from release.data.infer import draft_columns
from release.data.tables import read
from release.learning.predict import predict, to_csv
from release.learning.train import fit

QUICK = {"random-forest": {"n_estimators": 10}, "hist-gradient-boosting": {"max_iter": 10}}
KINDS = sys.argv[2:]
digests = {}
for model, target in (("breast-cancer", "malignant"), ("diabetes", "progression"), ("digits", "digit")):
    train, test = (read(Path(sys.argv[1]) / model / "data" / f"{name}.csv", where=name) for name in ("train", "test"))
    draft = draft_columns(pd.concat([train, test]), target=target, where=model)
    for kind in KINDS:
        if draft.task not in ESTIMATORS[kind][1]:
            continue
        spec = ModelSpec.model_validate({
            "owner": "team", "task": draft.task, "seed": 7,
            "data": {"train": "a.csv", "test": "b.csv", "target": target, "id": draft.id, "columns": dict(draft.columns)},
            "features": ({"scale": {}}, {"pca": {"components": 0.99}}),
            "estimator": {"kind": kind, "params": QUICK.get(kind, {})},
        })
        fitted = fit(spec, conform(train, spec.data, spec.task, where="train"))
        rows = conform(test, spec.data, spec.task, where="test", classes=None)
        made = predict(fitted.estimator, rows, spec.task)
        digests[f"{model} {kind}"] = [digest_of(canonical.dump(fitted.estimator)), digest_of(to_csv(made))]
json.dump(digests, sys.stdout)
"""

KINDS = ["logistic-regression", "ridge", "random-forest", "hist-gradient-boosting", "svm"]
MACHINES = [
    {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "SKYLAKEX"},
    {"PYTHONHASHSEED": "2", "OPENBLAS_CORETYPE": "Zen", "NPY_DISABLE_CPU_FEATURES": ""},
    {"PYTHONHASHSEED": "3", "OPENBLAS_CORETYPE": "Nehalem", "MKL_NUM_THREADS": "8"},
]


def start(environment: dict[str, str], kinds: list[str]) -> subprocess.Popen[str]:
    own = {name: value for name, value in os.environ.items() if name not in PINNED}
    return subprocess.Popen(
        [sys.executable, "-W", "error::ImportWarning", "-c", SCRIPT, str(MODELS), *kinds],
        env={**own, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    said, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, list[str]] = json.loads(said)
    return found


@pytest.fixture(scope="module")
def pinned() -> list[dict[str, list[str]]]:
    """Train everything on each machine with the pins set over what the machine says."""
    running = [start({**machine, **PINNED}, KINDS) for machine in MACHINES]
    return [finish(process) for process in running]


@pytest.mark.slow
def test_same_bytes_whatever_the_machine_is_set_to(pinned: list[dict[str, list[str]]]) -> None:
    """Models and their predictions are identical under other hash seeds, thread counts and BLAS kernels, once pinned."""
    assert len(pinned[0]) == 12
    for other in pinned[1:]:
        assert other == pinned[0]


@pytest.mark.slow
@pytest.mark.skipif(PINNED.get("OPENBLAS_CORETYPE") != "Haswell", reason="the other kernel is an x86-64 one")
def test_pinning_is_what_makes_them_equal(pinned: list[dict[str, list[str]]]) -> None:
    """Without the pins another BLAS kernel gives other bytes: were it not so, the test above would show nothing."""
    other = finish(start({"OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "1"}, ["ridge"]))
    assert other["diabetes ridge"] != pinned[0]["diabetes ridge"]


def test_pins_are_for_before_numpy_is_imported() -> None:
    """Reading the pins imports neither NumPy nor anything that does."""
    script = (
        "import sys; from release.learning.threads import PINNED; print(sorted({'numpy', 'sklearn'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"
    assert all(PINNED[name] == "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"))
