"""Which share of the traffic a canary step really gets, where the number of pods is all that divides it.

Arithmetic on whole pods; nothing here reads manifests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_ALL = 100


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many canary pods of so many in all."""

    canary: int
    total: int

    @property
    def percent(self) -> float:
        """Return the canary's part in percent, 0 where there are no pods."""
        return 100 * self.canary / self.total if self.total else 0.0


def achieved(replicas: int, weight: int, *, surge: int) -> Share:
    """Return the share that Argo Rollouts gives a step of `weight` percent, with `surge` pods beyond `replicas` allowed.

    Without a traffic router it rounds to whole pods, up or down, of `replicas` or, when any surge is allowed, of one more,
    whichever comes nearest. With a surge, 1 to 99 percent is never rounded to none or all; without one it may be none.
    Source: the controller's behaviour, `approximateWeightedCanaryStableReplicaCounts`, argo-rollouts 1.10,
    https://github.com/argoproj/argo-rollouts/blob/v1.10.1/utils/replicaset/canary.go
    """
    if replicas == 0:
        return Share(canary=0, total=0)
    up, down = math.ceil(replicas * weight / 100), replicas * weight // 100
    none_allowed = weight in {0, _ALL} or (replicas == 1 and surge == 0)
    options = []
    for total in (replicas, replicas + 1) if surge > 0 else (replicas,):
        # With all the usual pods taken, only the one beyond them leaves room for a stable one.
        if total > replicas or up < replicas or none_allowed:
            options.append(Share(canary=up, total=total))
        halfway = (2 * total * weight) % 200 == _ALL
        if not halfway and (down != 0 or none_allowed):
            options.append(Share(canary=down, total=total))
    if not options:
        return Share(canary=0, total=replicas)
    return min(options, key=lambda share: abs(share.percent - weight))


def surge_of(replicas: int, allowed: object) -> int:
    """Return how many pods `maxSurge` is: a number, or a percentage of the replicas, rounded up; 25% where it is not set."""
    text = "25%" if allowed is None else str(allowed)
    return math.ceil(replicas * int(text[:-1]) / 100) if text.endswith("%") else int(text)
