"""Reports of what the gate really writes: every limit is recognised, every interval drawn as it was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from report_samples import curves

from release.config.model import Relative
from release.judging.rows import Outputs, Rows
from release.judging.rule import Case, Requirement, judge
from release.report.judged import Form, bar, limit

if TYPE_CHECKING:
    from release.records import Comparison

WANTED = [
    (Requirement(metric="roc_auc", role="primary", margin=0.02), Form.MARGIN),
    (Requirement(metric="roc_auc", role="primary", better_by=0.0), Form.BETTER_BY),
    (Requirement(metric="roc_auc", role="primary", better_by=0.01), Form.BETTER_BY),
    (Requirement(metric="roc_auc", role="primary", better_by=0.3), Form.BETTER_BY),
    (Requirement(metric="brier_score", role="guard", margin=0.02), Form.MARGIN),
    (Requirement(metric="brier_score", role="guard", margin=Relative(relative="5%")), Form.RELATIVE),
    (Requirement(metric="roc_auc", role="primary", margin=Relative(relative="2%")), Form.RELATIVE),
    (Requirement(metric="recall", role="slice", slice="half", margin=0.05), Form.MARGIN),
    (Requirement(metric="roc_auc", role="floor", floor=0.7), Form.FLOOR),
    (Requirement(metric="brier_score", role="floor", floor=0.2), Form.CEILING),
    (Requirement(metric="size_mb", role="size", limit=5.0), Form.BUDGET),
    (Requirement(metric="latency_ms", role="latency", limit=20.0), Form.BUDGET),
]


def _judged(*, turned: bool) -> tuple[Comparison, ...]:
    sample = curves("binary", rows=200)
    assert sample.champion is not None
    models = (sample.challenger, sample.champion) if turned else (sample.champion, sample.challenger)
    rows = Rows(y=sample.y, champion=Outputs(models[0], 0.5), challenger=Outputs(models[1], 0.5), seed=3)
    blocks = tuple(10 + 0.1 * i for i in range(24))
    case = Case(rows=rows, slices={"half": np.arange(100)}, same=False, size_bytes=18_432, latency_ms=(blocks, blocks))
    return judge([one for one, _ in WANTED], case, alpha=0.05, looks=2, first=False).comparisons


@pytest.mark.parametrize("turned", [False, True], ids=["a better challenger", "a worse one"])
def test_the_gates_own_records_are_read_and_drawn(turned: bool) -> None:  # noqa: FBT001 (a pytest parameter)
    """For every kind of requirement the report finds the rule's limit, and its picture says the gate's verdict."""
    judged = _judged(turned=turned)
    for one, (_, form) in zip(judged, WANTED, strict=True):
        found, drawn = limit(one), bar(one)
        assert found is not None
        assert found.form is form, one
        assert drawn is not None, one
        assert drawn.says() is one.verdict
    assert len({one.verdict for one in judged}) > 1
