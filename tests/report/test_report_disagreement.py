"""Where two models differ, by hand and on the samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from report_samples import TASKS, curves, differ, known

from release.report import differing
from release.report.curves import Curves, labels
from release.report.disagreement import Known, disagreement


def _known(rows: int, **columns: object) -> Known:
    return Known(ids=np.array([f"r{i}" for i in range(rows)], dtype=object), columns=columns, parts={})  # type: ignore[arg-type]


@pytest.mark.parametrize("task", TASKS)
def test_every_row_has_one_outcome(task: str) -> None:
    """Who is right, or nearer, adds up to all rows."""
    found = differ(task)
    assert found is not None
    assert sum(n for _, n in found.outcomes) == 285
    assert found.labels == (task != "regression")


def test_outcomes_are_those_of_the_confusion_matrices() -> None:
    """What both and only one get right is what counting by hand gives, each model at its own threshold."""
    sample = dataclasses.replace(curves(), champion_threshold=0.3)
    found = disagreement(sample, known())
    assert found is not None
    old, new = (labels(sample, role, score) == sample.y for role, score in sample.models())
    assert dict(found.outcomes) == {
        "both right": int((old & new).sum()),
        "only the challenger right": int((~old & new).sum()),
        "only the champion right": int((old & ~new).sum()),
        "both wrong": int((~old & ~new).sum()),
    }
    # Two labels: wherever they differ, just one is right.
    assert found.overall == pytest.approx(float((old != new).mean()))


def test_the_place_where_models_differ_is_found() -> None:
    """A difference put into one value of one column comes first, named by column and value."""
    rows = 2000
    draw = np.random.default_rng(1)
    site = np.array(["left", "right", "none"], dtype=object)[draw.integers(0, 3, rows)]
    area = draw.normal(size=rows)
    flag = (draw.random(rows) < 0.5) * 1.0
    score = draw.random(rows)
    other = np.where((site == "right") & (draw.random(rows) < 0.3), 1 - score, score)
    y = (score > 0.5).astype(np.int64)
    found = disagreement(
        Curves(task="binary", y=y, champion=score, challenger=other), _known(rows, area=area, site=site, flag=flag)
    )
    assert found is not None
    first = found.places[0]
    assert first.name == "site = right"
    assert first.rows == int((site == "right").sum())
    assert first.change == pytest.approx(float(((other >= 0.5) != (score >= 0.5))[site == "right"].mean()))


def test_missing_values_are_a_place_of_their_own() -> None:
    """Rows without a value are counted as missing, not in the highest quarter."""
    area = np.arange(200.0)
    area[:40] = np.nan
    score = np.full(200, 0.9)
    other = np.where(np.isnan(area), 0.1, 0.9)
    sample = Curves(task="binary", y=np.ones(200), champion=score, challenger=other)
    found = disagreement(sample, _known(200, area=area, gone=np.full(200, np.nan)))
    assert found is not None
    assert [(p.name, p.rows, p.change) for p in found.places] == [("area missing", 40, 1.0)]


def test_examples_are_the_rows_farthest_apart() -> None:
    """Rows are listed by how far the scores are apart, with id, truth and both scores."""
    score = np.array([0.1, 0.2, 0.3, 0.4])
    sample = Curves(task="binary", y=np.array([0, 1, 0, 1]), champion=score, challenger=np.array([0.1, 0.7, 0.4, 0.6]))
    found = disagreement(sample, _known(4))
    assert found is not None
    assert [(e.row, e.actual, e.champion, e.challenger) for e in found.examples] == [
        ("r1", "positive", "0.2", "0.7"),
        ("r3", "positive", "0.4", "0.6"),
        ("r2", "negative", "0.3", "0.4"),
    ]


def test_nothing_to_compare_is_nothing_to_say() -> None:
    """Without a champion, or without rows, there is no section; equal models have no places."""
    assert disagreement(curves(case="first"), known()) is None
    empty = Curves(task="binary", y=np.array([]), champion=np.array([]), challenger=np.array([]))
    assert disagreement(empty, _known(0)) is None
    assert differing.html(None) == differing.markdown(None, 5) == ""
    same = dataclasses.replace(curves(), champion=curves().challenger)
    found = disagreement(same, known())
    assert found is not None
    assert (found.places, found.examples, found.overall) == ((), (), 0.0)


def test_numbers_are_told_as_distances() -> None:
    """For predicted numbers the section tells distances, in HTML and Markdown alike."""
    found = differ("regression")
    assert found is not None
    page, comment = differing.html(found), differing.markdown(found, 20)
    assert "apart on average" in page
    assert "mean distance" in page
    assert "apart on average" in comment
    assert "challenger nearer" in page
    assert "challenger nearer" in comment
