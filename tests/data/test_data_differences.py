"""What is listed of two training files: what moved, and not what chance moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from release.config.model import DataSpec
from release.data.contract import Table, conform
from release.data.differences import differing, ranges

DATA = DataSpec.model_validate_json(
    '{"train": "a.csv", "test": "b.csv", "target": "y", "id": "id", "columns": {"x": {"type": "float", "missing": 0.5},'
    ' "c": "category", "b": "bool", "only": "int"}}'
)


def table(seed: int, rows: int = 400, **moved: float) -> Table:
    """Make rows; `moved` shifts the mean of x, the share of positives, of category u, of true, and of missing."""
    drawn = np.random.RandomState(seed)
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(rows)]})
    x = drawn.normal(moved.get("x", 0.0), 1, rows)
    frame["x"] = np.where(drawn.random_sample(rows) < moved.get("missing", 0.1), np.nan, x)
    frame["c"] = np.where(drawn.random_sample(rows) < moved.get("u", 0.5), "u", "v")
    frame["b"] = drawn.random_sample(rows) < moved.get("true", 0.5)
    frame["only"] = drawn.randint(0, 9, rows)
    frame["y"] = (drawn.random_sample(rows) < moved.get("positive", 0.3)).astype(int)
    return conform(frame, DATA, "binary", where="rows")


def test_chance_is_hardly_ever_listed() -> None:
    """At most a few in forty pairs of files from one source, at 1% over all lines."""
    listed = sum(bool(differing(table(seed), table(seed + 1000))) for seed in range(40))
    assert listed <= 3


@pytest.mark.parametrize(
    ("moved", "name"),
    [("x", "x"), ("positive", "class 1"), ("u", "c "), ("true", "b true"), ("missing", "x missing")],
)
def test_what_moved_is_listed(moved: str, name: str) -> None:
    """Once, with both values."""
    lines = differing(table(1), table(2, **{moved: 0.35 if moved == "missing" else 0.8}))
    assert [line[0][: len(name)] for line in lines] == [name]
    assert all(lines[0])


def test_rows_are_counted_exactly() -> None:
    """A count is no estimate."""
    assert differing(table(1), table(1, rows=1200))[0] == ("training rows", "400", "1,200")


def test_ranges_that_moved_by_a_tenth() -> None:
    """An end further out, or in; other categories; never what hardly moved."""
    one = table(1)
    assert ranges(one, one) == {}
    wide = table(1)
    wide.features.loc[0, "x"] = 40.0
    wide.features.loc[1, "c"] = "w"
    found = ranges(one, wide)
    assert list(found) == ["x", "c"]
    assert (found["x"][1] or "").endswith(" to 40")
    assert found["c"] == ("u, v", "u, v, w")
