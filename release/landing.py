"""Lands a commit on the deploy branch by compare-and-swap: decided on the tip, published, decided again when others won.

Stages that write share this loop and nothing else. What a commit holds, and when there is nothing left to do, is theirs: it
must not live here, nor may git or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from release.errors import EnvironmentTroubleError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from release.ports import Clock, DeployBranch
    from release.records import Commit

T = TypeVar("T")
D = TypeVar("D")

PATIENCE = 5
"""How often a remote may refuse, although the branch is where it was expected, before that is final: a lock may pass."""


@dataclass(frozen=True, kw_only=True)
class Proposal(Generic[T]):
    """What to commit on top of one tip; `what` comes back with the commit when it landed."""

    changes: Mapping[str, bytes]
    message: str
    what: T


@dataclass(frozen=True, kw_only=True)
class Done(Generic[D]):
    """Nothing is left to do at a tip, because of `what`."""

    what: D


@dataclass(frozen=True, kw_only=True)
class Landed(Generic[T]):
    """A proposal as a commit: published, or, among `Settled.tried`, perhaps."""

    what: T
    commit: Commit
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Settled(Generic[T, D]):
    """Nothing was left to do at `tip`, because of `what`. Of `tried`, the attempts before, one may have landed after all."""

    what: D
    tip: Commit | None
    attempts: int
    tried: tuple[Landed[T], ...]


def land(
    decide: Callable[[Commit | None, datetime], Proposal[T] | Done[D]],
    *,
    branch: DeployBranch,
    clock: Clock,
    pause: Callable[[float], None],
    rng: random.Random,
    bound: int = 20,
    verb: str = "changed",
) -> Landed[T] | Settled[T, D]:
    """Commit and publish what `decide` proposes for the tip, at most `bound` times, until it is there or needless.

    `decide` is given the tip and the time that its commit will bear; `verb` says what was not done when nothing was.
    Between attempts `pause` is given a random wait in seconds. Raises what `decide` and the branch raise, and
    EnvironmentTroubleError when every attempt was lost.
    """
    tried: list[Landed[T]] = []
    refused = 0
    for number in range(1, bound + 1):
        tip = branch.tip(fetch=True)
        now = clock.now()
        decision = decide(tip, now)
        if isinstance(decision, Done):
            return Settled(what=decision.what, tip=tip, attempts=number, tried=tuple(tried))
        commit = branch.commit(tip, decision.changes, decision.message, now)
        tried.append(Landed(what=decision.what, commit=commit, attempts=number))
        try:
            if branch.publish(commit, tip):
                return tried[-1]
        except EnvironmentTroubleError:
            refused += 1
            if refused >= PATIENCE or number == bound:
                raise
        pause(rng.uniform(0, min(1.0, 0.05 * 2**number)))
    what = f"others were faster {bound} times in a row; nothing was {verb}"
    raise EnvironmentTroubleError(what, where=branch.name, fix="run again when the deploy branch is less busy")
