"""Waiting for a server: how often, how long, and what is said in the end."""

from __future__ import annotations

import itertools

import pytest

from release.errors import BadInputError, EnvironmentTroubleError
from release.patience import Patience, TransientError


def failing(times: int, wait: float = 0.0) -> tuple[list[int], object]:
    calls: list[int] = []

    def attempt() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise TransientError("answered 503", wait)
        return "done"

    return calls, attempt


@pytest.mark.parametrize(
    ("times", "wait", "slept"),
    [
        (0, 0.0, []),
        (3, 0.0, [0.5, 1.0, 2.0]),
        (2, 0.75, [0.75, 1.0]),
        (2, 99.0, [10.0, 10.0]),
    ],
)
def test_waits_double_and_honour_the_server_up_to_a_bound(times: int, wait: float, slept: list[float]) -> None:
    """What the server asks for counts where it is longer than ours, and never beyond the longest wait."""
    waits: list[float] = []
    calls, attempt = failing(times, wait)
    patience = Patience(sleep=waits.append, jitter=lambda: 1.0)
    assert patience.again(attempt, who="it", where="x", attempts=5, longest=10.0) == "done"
    assert waits == slept
    assert len(calls) == times + 1


@pytest.mark.parametrize(("own", "told"), [(None, 5), (2, 2)])
def test_trouble_that_stays_names_server_place_and_attempts(own: int | None, told: int) -> None:
    """A patience made with a number of attempts keeps to it, else to what suits the server."""
    waits: list[float] = []
    calls, attempt = failing(99)
    with pytest.raises(EnvironmentTroubleError) as caught:
        Patience(attempts=own, sleep=waits.append).again(attempt, who="the forge", where="x.example", attempts=5, longest=9)
    assert str(caught.value) == f"x.example: the forge answered 503 ({told} attempts); run the command again later"
    assert (len(calls), len(waits)) == (told, told - 1)


def test_jitter_spreads_the_waits_of_many_clients() -> None:
    """Between half of a wait and all of it."""
    draws = itertools.cycle([0.0, 1.0])
    waits: list[float] = []
    _, attempt = failing(2)
    Patience(sleep=waits.append, jitter=lambda: next(draws)).again(attempt, who="it", where="x", attempts=3, longest=9)
    assert waits == [0.25, 1.0]


def test_other_trouble_is_not_tried_again() -> None:
    """Only what passes is waited for."""

    def attempt() -> None:
        raise BadInputError("no")

    with pytest.raises(BadInputError):
        Patience(sleep=pytest.fail).again(attempt, who="it", where="x", attempts=3, longest=9)
