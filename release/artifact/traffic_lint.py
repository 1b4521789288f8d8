"""Whether live traffic can judge a canary: enough requests must reach it while a step lasts.

Arithmetic on the values of the chart; manifests do not say how much traffic there is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from release.artifact.findings import Finding, error
from release.artifact.rollout_weights import achieved, surge_of
from release.schedule import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REPLAY = "rollout.traffic: replay"
_MOST = 1000
"""The chart allows no more measurements of a step."""


def lint_traffic(where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what keeps live traffic from judging a canary, by the values over the chart's defaults.

    Refused unless rps times the canary's share (as whole pods can have it), interval and count reaches min_requests. The
    first step decides, because the measurements of a later one look back to the canary's start. Replayed requests are sent
    as many as are needed, and a model without steps or pods has no canary.
    """
    try:
        yield from _lint(where, values)
    except (KeyError, TypeError, ValueError, AttributeError):
        fix = "see charts/model/values.schema.json"
        yield error(where, "rollout, serving or autoscaling are not what the chart's schema asks for", fix)


def _lint(where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    rollout, scaling = values["rollout"], values.get("autoscaling") or {}
    replicas = int(values["serving"].get("replicas", 1))
    steps = rollout.get("steps") or ()
    if rollout.get("traffic", "live") != "live" or not steps or replicas == 0:
        return
    if scaling.get("enabled"):
        replicas = int(scaling["min"])
    analysis, rps = rollout["analysis"], rollout.get("rps")
    if rps is None:
        what = "live traffic is to judge the canary, and rollout.rps does not say how much there is"
        yield error(where, what, f"say rollout.rps, the requests a second that the service usually sees, or {_REPLAY}")
        return
    share = achieved(replicas, int(steps[0]), surge=surge_of(replicas, None))
    interval, count = duration(analysis["interval"]).total_seconds(), int(analysis["count"])
    arriving = float(rps) * share.percent / 100 * interval
    needed = int(analysis["min_requests"])
    # Not a request short for want of binary fractions.
    if round(arriving * count, 6) >= needed:
        return
    what = (
        f"live traffic cannot judge the canary: {float(rps):g} requests/s x {share.percent:.3g}% ({share.canary} of "
        f"{share.total} pods) x {interval * count:g} s are {arriving * count:.4g}, and a measurement needs {needed}"
    )
    yield error(where, what, _smallest(needed, arriving, interval))


def _smallest(needed: int, arriving: float, interval: float) -> str:
    """Name the smallest change that would do: more measurements, where any number that is allowed suffices."""
    count = math.ceil(round(needed / arriving, 6)) if arriving else _MOST + 1
    if count > _MOST:
        return f"only {_REPLAY} would do"
    return f"rollout.analysis.count: {count} would do, a step of {count * interval:g} s, or {_REPLAY}"
