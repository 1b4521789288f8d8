"""Inputs: what a model's release depends on, part by part, and what does not count."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release.artifact.ledger import parse
from release.artifact.serial import digest_json
from release.data.inputs import data_files, difference, inputs_of, plain_values
from release.errors import BadInputError
from release.records import Inputs, Kind

ROOT = Path(__file__).parents[2]
MODEL = """\
owner: a
task: binary
data:
  train: data/train.csv
  test: data/test.csv
  target: y
  id: key
  columns: {"m_*": float, m_1: {type: int, min: 0}}
features: [{scale: {}}]
estimator: {kind: ridge, params: {alpha: 1.0, fit_intercept: true}}
search: {method: random, params: {alpha: [1.0, 2.0], fit_intercept: [true, false]}, trials: 2, metric: rmse}
seed: 7
gate: {primary: {metric: rmse, margin: 1.0}, looks: 3}
serving: {cpu: 500m, memory: 1Gi}
rollout: {steps: [10]}
"""
PROJECT = {"tool": "==0.1.*", "gates": {"limits": {}}, "registry": "oci:x", "environments": [{"name": "a"}]}
ALL = frozenset(field.name for field in dataclasses.fields(Inputs))


def inputs(text: str = MODEL, project: dict[str, Any] | None = None, **objects: str | None) -> Inputs:
    files: dict[str, str | None] = {"train": "t1", "test": "t2", "chart": "c1", **objects}
    return inputs_of(plain_values(text.encode(), where="m.yaml"), project=PROJECT if project is None else project, **files)


def differing(one: Inputs, other: Inputs) -> set[str]:
    return {name for name in ALL if getattr(one, name) != getattr(other, name)}


def edited(old: str, new: str) -> str:
    assert old in MODEL
    return MODEL.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("task: binary", "task: regression", "train"),
        ("target: y", "target: {column: y, positive: 2}", "train"),
        ("id: key", "id: row", "train"),
        ("train: data/train.csv", "train: data/other.csv", "train"),
        ("min: 0", "min: 1", "train"),
        ("[{scale: {}}]", "[{scale: {method: robust}}]", "train"),
        ("[{scale: {}}]", "[{impute: {}}, {scale: {}}]", "train"),
        ("alpha: 1.0,", "alpha: 1.5,", "train"),
        ("trials: 2", "trials: 3", "train"),
        ("seed: 7", "seed: 8", "train"),
        ("seed: 7", "seed: 7\nevaluation: {threshold: 0.4}", "train"),
        ("looks: 3", "looks: 4", "policy"),
        ("margin: 1.0", "margin: 0.5", "policy"),
        ("cpu: 500m", "cpu: 600m", "deploy"),
        ("memory: 1Gi", "memory: 1Gi, environments: {a: {replicas: 2}}", "deploy"),
        ("steps: [10]", "steps: [20]", "deploy"),
    ],
)
def test_each_field_counts_in_one_part(old: str, new: str, part: str) -> None:
    """What it decides, and nothing else, is done again."""
    assert differing(inputs(), inputs(edited(old, new))) == {part}


@pytest.mark.parametrize(
    "asked", ["resamples: 10x10", "seeds: 5", "migration: {rename: {a: x}, fill: {b: 0}}", "resamples: 2x5, seeds: 3"]
)
def test_what_is_asked_of_the_recipe_trains_nothing(asked: str) -> None:
    """Nor does how a champion of another schema is to be read: the challenger is the same."""
    assert differing(inputs(), inputs(edited("seed: 7", f"seed: 7\nevaluation: {{{asked}}}"))) == set()


@pytest.mark.parametrize(
    ("change", "part"),
    [({"train": "x"}, "train"), ({"test": "x"}, "test"), ({"chart": "x"}, "deploy"), ({"train": None}, "train")],
)
def test_files_count_by_their_objects(change: dict[str, str | None], part: str) -> None:
    """Training rows, held-out rows and the chart, named by Git."""
    assert differing(inputs(), inputs(**change)) == {part}


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"tool": "==0.2.*"}, {"train"}),
        ({"gates": {"limits": {"margin": {"rmse": 1}}}}, {"policy"}),
        ({"runtime": {"images": {"skops": "registry.example/ml/runtime@sha256:" + "1" * 64}}}, {"package"}),
        ({"runtime": {"images": {"onnx": "registry.example/ml/runtime@sha256:" + "1" * 64}}}, set()),
        ({"runtime": {"minimum": "2", "batch": 3, "images": {}}}, set()),
        ({"runtime": 5}, set()),
        ({"runtime": {"images": [1]}}, set()),
        ({"registry": "other"}, set()),
        ({"environments": []}, set()),
    ],
)
def test_of_release_yaml_only_three_parts_count(change: dict[str, Any], parts: set[str]) -> None:
    """Where things are kept and which environments there are decides no model."""
    assert differing(inputs(), inputs(project={**PROJECT, **change})) == parts


def test_another_format_is_another_model() -> None:
    """It is converted when it is trained, so that putting the old one on another runtime would not do."""
    assert differing(inputs(), inputs(edited("cpu: 500m", "cpu: 500m, format: onnx"))) == {"train", "package"}


def on_runtime(**images: str) -> Inputs:
    return inputs(project={**PROJECT, "runtime": {"images": images}})


def test_of_a_runtime_only_the_image_counts_and_only_that_of_the_models_own_format() -> None:
    """Not where it is kept: the same digest elsewhere makes the same image."""
    one, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    mine = on_runtime(skops=f"registry.example/ml/runtime@{one}")
    assert on_runtime(skops=f"mirror.example/runtime@{one}", onnx=f"registry.example/ml/runtime-onnx@{other}") == mine
    assert differing(mine, on_runtime(skops=f"registry.example/ml/runtime@{other}")) == {"package"}


def test_ledgers_from_before_there_were_runtimes_hold() -> None:
    """Where release.yaml names no runtime, and the format is the first one, the digests are those of the shipped ledgers."""
    now = inputs()
    assert now.package == digest_json({"format": "skops", "runtime": None})
    shipped = (ROOT / "charts/environments/ledger").glob("*.jsonl")
    events = [event for path in shipped for event in parse(path.read_bytes(), str(path)).events]
    assert {event.inputs.package for event in events if event.inputs is not None} == {now.package}


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n" + MODEL,
        MODEL.replace("seed: 7\n", "seed:   7   # lucky\n\n"),
        "seed: 7\n" + MODEL.replace("seed: 7\n", ""),
        edited("alpha: 1.0, fit_intercept: true", "fit_intercept: true, alpha: 1.0"),
        edited("cpu: 500m, memory: 1Gi", "memory: 1Gi, cpu: 500m"),
        edited("serving: {cpu: 500m,", "serving:\n  {format: skops, cpu: 500m,"),
        edited("owner: a", "owner: somebody else\ndescription: other words"),
        edited("train: data/train.csv", 'train: "data/train.csv"'),
    ],
)
def test_what_changes_no_release_does_not_count(text: str) -> None:
    """Comments, layout, quotes, the order of fields, the owner's name, a default written out."""
    assert inputs(text) == inputs()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"m_*": float, m_1: {type: int, min: 0}}', '{m_1: {type: int, min: 0}, "m_*": float}'),
        (
            "params: {alpha: [1.0, 2.0], fit_intercept: [true, false]}",
            "params: {fit_intercept: [true, false], alpha: [1.0, 2.0]}",
        ),
    ],
)
def test_where_order_decides_what_is_trained_it_counts(old: str, new: str) -> None:
    """The first glob that matches a column types it, and draws are dealt out to parameters in turn."""
    assert differing(inputs(), inputs(edited(old, new))) == {"train"}


def test_a_data_file_is_the_same_however_its_path_is_spelt() -> None:
    """Git's trees know one spelling only; another must not hide a change of the rows."""
    assert data_files(plain_values(MODEL.encode(), where="m")) == ("data/train.csv", "data/test.csv")
    other = edited("train: data/train.csv", "train: ./data//../data/train.csv")
    assert data_files(plain_values(other.encode(), where="m"))[0] == "data/train.csv"


@pytest.mark.parametrize(
    "text", ["data: 5", "data: [a]\nserving: x\nsearch: 1\nevaluation: 2\ngate: 3", "data: {train: {a: 1}}"]
)
def test_a_file_that_makes_no_sense_still_has_inputs(text: str) -> None:
    """Fields are checked by `check`; planning must be able to say that the model changed."""
    assert differing(inputs(text), inputs()) >= {"train"}
    assert len(data_files(plain_values(text.encode(), where="m"))) == 2


def test_what_cannot_be_read_names_its_place() -> None:
    """Plain values come through the one reader of YAML."""
    with pytest.raises(BadInputError, match=r"^release.yaml:2:1: duplicate key"):
        plain_values(b"a: 1\na: 2\n", where="release.yaml")


@pytest.mark.parametrize(
    ("parts", "kind", "said"),
    [
        ({"train"}, Kind.TRAIN, ("what is trained changed",)),
        ({"test"}, Kind.TEST_SET, ("the held-out rows changed",)),
        ({"policy"}, Kind.POLICY, ("the gate's policy changed",)),
        ({"package"}, Kind.REPACKAGE, ("the serving format or runtime changed",)),
        ({"deploy"}, Kind.REDEPLOY, ("serving, rollout or the chart changed",)),
        (
            {"deploy", "policy", "package"},
            Kind.POLICY,
            (
                "the gate's policy changed",
                "the serving format or runtime changed",
                "serving, rollout or the chart changed",
            ),
        ),
        (
            {"deploy", "package"},
            Kind.REPACKAGE,
            ("the serving format or runtime changed", "serving, rollout or the chart changed"),
        ),
        ({"deploy", "train"}, Kind.TRAIN, ("what is trained changed", "serving, rollout or the chart changed")),
    ],
)
def test_the_most_consequential_part_names_the_kind(parts: set[str], kind: Kind, said: tuple[str, ...]) -> None:
    """Every reason is told."""
    old = inputs()
    new = dataclasses.replace(old, **dict.fromkeys(parts, "sha256:other"))
    assert difference(old, new) == (kind, said)


def test_equal_inputs_differ_in_nothing() -> None:
    """No release is due."""
    assert difference(inputs(), inputs()) is None


def test_planning_needs_no_heavy_library() -> None:
    """pydantic, pandas and scikit-learn would cost more time than the plan itself."""
    script = "import sys, release.data.inputs, release.stages.plan; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "'release'" in loaded
    for heavy in ("pydantic", "pandas", "numpy", "sklearn", "scipy"):
        assert f"'{heavy}'" not in loaded
