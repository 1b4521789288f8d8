"""Landing on a deploy branch: decided anew on each tip, published once, and never for ever."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.git import isolate, log, repository
from support.promotions import Ticking

from release.adapters.deploy_branch import open_branch
from release.errors import EnvironmentTroubleError
from release.landing import Done, Landed, Proposal, Settled, land

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from release.records import Commit

FILE = "charts/environments/ledger/churn.jsonl"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate(monkeypatch)
    return repository(tmp_path / "source", {"README.md": b"x\n", ".gitignore": b".release/\n"})


def test_what_is_decided_lands_on_the_tip_it_was_decided_for(root: Path) -> None:
    """When somebody is faster, the decision is asked for again with the new tip, after a pause."""
    branch = open_branch(root, ".", "deploy", root / ".release/deploy")
    other = open_branch(root, ".", "deploy", root / ".release/other")
    clock, pauses, tips = Ticking(), list[float](), list[object]()

    def decide(tip: Commit | None, now: datetime) -> Proposal[str] | Done[None]:
        tips.append(tip)
        if len(tips) == 1:
            assert other.publish(other.commit(tip, {FILE: b"theirs\n"}, "Theirs\n", now), tip)
        before = branch.read(branch.tip(fetch=True), FILE) if len(tips) > 1 else b""
        return Proposal(changes={FILE: (before or b"") + b"ours\n"}, message="Ours\n", what="done")

    end = land(decide, branch=branch, clock=clock, pause=pauses.append, rng=random.Random(1))
    assert isinstance(end, Landed)
    assert (end.what, end.attempts, len(pauses), tips[0]) == ("done", 2, 1, None)
    assert branch.read(end.commit, FILE) == b"theirs\nours\n"
    assert log(root, "deploy", "%s") == ["Ours", "Theirs"]


def test_what_is_done_already_is_not_committed(root: Path) -> None:
    """The reason comes back, and nothing was tried."""
    branch = open_branch(root, ".", "deploy", root / ".release/deploy")
    end = land(
        lambda _tip, _now: Done(what="there"), branch=branch, clock=Ticking(), pause=lambda _: None, rng=random.Random(1)
    )
    assert end == Settled(what="there", tip=None, attempts=1, tried=())


def test_a_branch_that_others_always_move_first_is_given_up_with_a_word_for_what_was_not_done(root: Path) -> None:
    """After the bound it is trouble of the environment; the branch holds the others' commits only."""
    branch = open_branch(root, ".", "deploy", root / ".release/deploy")
    other = open_branch(root, ".", "deploy", root / ".release/other")

    def decide(tip: Commit | None, now: datetime) -> Proposal[None] | Done[None]:
        grown = (other.read(tip, FILE) or b"") + b"theirs\n"
        assert other.publish(other.commit(tip, {FILE: grown}, "Theirs\n", now), tip)
        return Proposal(changes={FILE: b"ours\n"}, message="Ours\n", what=None)

    with pytest.raises(EnvironmentTroubleError, match="others were faster 3 times in a row; nothing was recorded"):
        land(
            decide,
            branch=branch,
            clock=Ticking(),
            pause=lambda _: None,
            rng=random.Random(1),
            bound=3,
            verb="recorded",
        )
    assert log(root, "deploy", "%s") == ["Theirs"] * 3
