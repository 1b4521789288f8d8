"""Timed requests: blocks that alternate between two models, each asked as it is served. No time is asserted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from release.learning import onnx_convert, timing
from release.learning.timing import REQUESTS, Timed
from release.learning.train import fit

FEATURES = pd.DataFrame({"x": np.arange(40.0)})


@dataclass
class Asked:
    """What was asked, in order, by whom."""

    log: list[tuple[str, float]] = field(default_factory=list)

    def model(self, name: str) -> Timed:
        """Return a model that writes down what it is asked."""
        return Timed(
            what=name,
            request=lambda row: float(row["x"].iloc[0]),
            answer=lambda request: self.log.append((name, request)),
        )


def test_blocks_alternate_and_both_answer_the_same_requests() -> None:
    """Whoever went second goes first in the next block; a block of warming up is not kept."""
    asked = Asked()
    ours, theirs = timing.alternate(asked.model("a"), asked.model("b"), FEATURES, blocks=4)
    assert (len(ours), len(theirs)) == (4, 4)
    assert all(median > 0 for median in (*ours, *theirs))
    blocks = [asked.log[at : at + REQUESTS] for at in range(0, len(asked.log), REQUESTS)]
    assert [block[0][0] for block in blocks] == list("baabbaabba")
    assert all([row for _, row in block] == list(range(REQUESTS)) for block in blocks)
    assert all(len({name for name, _ in block}) == 1 for block in blocks)


def test_a_model_without_a_rival_is_timed_alone() -> None:
    """A champion that is known by its predictions has no bytes to time."""
    asked = Asked()
    ours, theirs = timing.alternate(asked.model("a"), None, FEATURES, blocks=3)
    assert (len(ours), theirs, len(asked.log)) == (3, (), 4 * REQUESTS)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_model_is_timed_by_what_answers_requests(make_spec: Any, make_table: Any, task: Any) -> None:
    """The trained pipeline on a table of one row; the ONNX file on arrays that are made before the clock starts."""
    kind = "logistic-regression" if task == "binary" else "ridge"
    numbers = {"columns": {"age": "int", "smoker": "bool"}, "features": [{"scale": {}}]}
    spec = make_spec(task, kind, **numbers)
    table = make_table(spec)
    pipeline = fit(spec, table).estimator
    row = table.features.iloc[[3]]
    trained = timing.trained(pipeline)
    answer = np.asarray(trained.answer(trained.request(row)))
    expected = pipeline.predict_proba(row) if task == "binary" else pipeline.predict(row)
    assert np.array_equal(answer, expected)
    kinds = {str(name): str(type_) for name, type_ in table.kinds.items()}
    content = onnx_convert.convert(pipeline, kinds=kinds, estimator=kind, where="m")
    converted = timing.converted(onnx_convert.session(content, kinds=kinds, where="m"), kinds)
    assert np.asarray(converted.answer(converted.request(row))).ravel() == pytest.approx(np.ravel(expected)[-1:])
    assert trained.what != converted.what
