"""Tables and specifications for the tests of learning, made through the same doors that users go through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from release.config.model import ModelSpec
from release.data.contract import Table, conform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from release.data.target import Task

COLUMNS: dict[str, Any] = {
    "age": {"type": "int"},
    "dose": {"type": "float", "missing": 0.5},
    "smoker": {"type": "bool"},
    "grade": {"type": "category"},
    "note": {"type": "text", "missing": 0.5},
}
TARGETS: dict[str, str] = {"binary": "ill", "multiclass": "kind", "regression": "cost"}


class MakeSpec(Protocol):
    """Makes a specification from what matters to a test."""

    def __call__(self, task: Task, kind: str, params: Any = None, **fields: Any) -> ModelSpec:
        """Make one."""


class MakeTable(Protocol):
    """Makes a table that a specification describes."""

    def __call__(self, spec: ModelSpec, rows: int = 120) -> Table:
        """Make one."""


def _spec(task: Task, kind: str, params: Any = None, **fields: Any) -> ModelSpec:
    columns = fields.pop("columns", COLUMNS)
    data = {
        "train": "a.csv",
        "test": "b.csv",
        "target": TARGETS[task],
        "id": "id",
        "columns": columns,
        "ignore": [name for name in (*COLUMNS, *TARGETS.values(), "who", "w") if name not in columns],
        **fields.pop("data", {}),
    }
    estimator = {"kind": kind, "params": params or {}}
    return ModelSpec.model_validate_json(
        json.dumps({"owner": "team", "task": task, "data": data, "estimator": estimator, "seed": 7, **fields})
    )


def _table(spec: ModelSpec, rows: int = 120) -> Table:
    drawn = np.random.RandomState(3)
    age = drawn.randint(20, 80, rows)
    dose = drawn.random_sample(rows).round(3)
    grade = drawn.choice(["low", "mid", "high"], rows)
    pull = age / 30 + 2 * dose + (grade == "high") + drawn.normal(0, 0.5, rows)
    frame = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(rows)],
            "age": age,
            "dose": np.where(drawn.random_sample(rows) < 0.2, np.nan, dose),
            "smoker": drawn.random_sample(rows) < 0.3,
            "grade": grade,
            "note": [["slept well", "no pain", "pain at night", None][number] for number in drawn.randint(0, 4, rows)],
            "ill": (pull > np.median(pull)).astype(int),
            "kind": np.array(["a", "b", "c"])[np.digitize(pull, np.quantile(pull, [0.3, 0.7]))],
            "cost": pull.round(4),
            "who": [f"g{number // 6}" for number in range(rows)],
            "w": drawn.randint(1, 4, rows),
        }
    )
    return conform(frame, spec.data, spec.task, where="rows")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Keep tests off each other's cores; results are the same."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def make_spec() -> MakeSpec:
    """Give the maker of specifications."""
    return _spec


@pytest.fixture
def make_table() -> MakeTable:
    """Give the maker of tables."""
    return _table
