"""The judgement as a ledger keeps it: names that are unique, and limits that mean the same in every line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.promotions import digest, verdict

from release.artifact.ledger import better
from release.artifact.promotion_commit import evidence_of

if TYPE_CHECKING:
    from release.records import Comparison, VerdictRecord

JUDGED = verdict("B", champion=digest("model A"))
PRIMARY = replace(JUDGED.comparisons[0], champion=0.9, challenger=0.91, difference=0.01, low=0.002, high=0.018)


def kept(*comparisons: Comparison) -> VerdictRecord:
    return replace(JUDGED, comparisons=comparisons)


def test_each_comparison_has_a_name_of_its_own() -> None:
    """A metric may be primary, a floor, on slices, and each against the anchor; no slice's name hides another."""
    floor = replace(PRIMARY, role="floor", champion=None)
    part = replace(PRIMARY, role="slice", slice="anchor")
    anchors = [replace(one, against="anchor") for one in (PRIMARY, part)]
    names = list(evidence_of(kept(PRIMARY, floor, part, *anchors)).metrics)
    assert names == ["roc_auc", "roc_auc:floor", "roc_auc:anchor", "anchor:roc_auc", "anchor:roc_auc:anchor"]


@pytest.mark.parametrize(("low", "shown"), [(0.002, True), (0.0, False), (-0.001, False), (None, False)])
def test_shown_better_is_a_lower_limit_above_zero(low: float | None, shown: bool) -> None:  # noqa: FBT001 (a pytest parameter)
    """Of the primary metric, in evidence against a champion."""
    told = evidence_of(kept(replace(PRIMARY, low=low)))
    assert better(told, "roc_auc") is shown
    assert not better(told, "recall")
    assert not better(replace(told, champion=None), "roc_auc")
    assert not better(None, "roc_auc")


@pytest.mark.parametrize(("low", "shown"), [(0.01, False), (0.0179, False), (0.0181, True)])
def test_a_relative_margin_that_holds_is_not_yet_better(low: float, shown: bool) -> None:  # noqa: FBT001 (as above)
    """Its contrast has the allowance in it, 2% of .9 here, which is taken off before anybody reads the ledger."""
    contrast = replace(PRIMARY, asks="relative", margin=0.02, low=low, high=0.05)
    told = evidence_of(kept(contrast)).metrics["roc_auc"]
    assert told == (0.9, 0.91, pytest.approx(low - 0.018), pytest.approx(0.032))
    assert better(evidence_of(kept(contrast)), "roc_auc") is shown


def test_a_model_that_met_itself_is_not_better() -> None:
    """Zero is zero, whatever is allowed."""
    same = replace(PRIMARY, asks="relative", margin=0.02, low=0.0, high=0.0, method="same-model")
    assert evidence_of(kept(same)).metrics["roc_auc"] == (0.9, 0.91, 0.0, 0.0)
