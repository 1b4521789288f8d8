"""The shares of traffic that whole pods allow, as the controller of Argo Rollouts rounds them."""

from __future__ import annotations

import pytest

from release.artifact.rollout_weights import achieved, surge_of


@pytest.mark.parametrize(
    ("replicas", "weight", "surge", "canary", "total"),
    [
        (3, 10, 1, 1, 4),  # seen on a cluster: 23% of the requests
        (3, 10, 0, 1, 3),
        (10, 41, 0, 4, 10),
        (10, 41, 1, 4, 10),
        (10, 5, 0, 1, 10),
        (10, 15, 0, 2, 10),
        (10, 15, 1, 2, 11),
        (5, 10, 2, 1, 6),
        (5, 50, 2, 3, 6),
        (2, 1, 0, 1, 2),
        (2, 99, 0, 1, 2),
        (1, 10, 1, 1, 2),
        (1, 10, 0, 0, 1),
        (1, 100, 1, 1, 1),
        (3, 0, 1, 0, 3),
        (0, 50, 1, 0, 0),
        (2, 75, 0, 0, 2),  # halfway between one and both, and neither is taken
    ],
)
def test_rounds_as_the_controller_does(replicas: int, weight: int, surge: int, canary: int, total: int) -> None:
    """Whole pods, one more in all where a surge allows it, none only where it cannot be otherwise."""
    share = achieved(replicas, weight, surge=surge)
    assert (share.canary, share.total) == (canary, total)


@pytest.mark.parametrize("surge", [1, 3])
@pytest.mark.parametrize("replicas", range(1, 30))
def test_a_canary_and_a_stable_pod_share_every_step_between(replicas: int, surge: int) -> None:
    """With a surge, 1 to 99 percent always leaves both kinds of pods, one more in all at most, and never shrinks."""
    shares = [achieved(replicas, weight, surge=surge) for weight in range(1, 100)]
    assert all(0 < share.canary < share.total <= replicas + 1 for share in shares)
    percents = [share.percent for share in shares]
    assert percents == sorted(percents)


@pytest.mark.parametrize(
    ("replicas", "allowed", "pods"),
    [(5, "25%", 2), (1, "25%", 1), (8, "25%", 2), (5, None, 2), (5, 3, 3), (5, "0%", 0), (5, 0, 0)],
)
def test_a_surge_is_rounded_up(replicas: int, allowed: object, pods: int) -> None:
    """As a number, as a percentage, and by default a quarter."""
    assert surge_of(replicas, allowed) == pods
