"""What stands in the way of a model in an environment, by ledger, release.yaml and clock alone; for `release status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from release.artifact import ledger as events
from release.config.names import environment_name
from release.records import EventKind
from release.schedule import closing, window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.config.project import EnvironmentSpec
    from release.records import Event


def standing(ledger: Ledger | None, where: EnvironmentSpec, now: datetime) -> dict[str, Any]:
    """Return the event that holds the environment, the freeze window it is in, and the newest rejection that counts."""
    closed = closing([window(entry) for entry in where.freeze], now)
    known = ledger or events.EMPTY
    return {
        "held": events.held(known, environment_name(where.name)),
        "frozen": closed.text if closed else None,
        "rejected": _rejected(known, where.name, now),
    }


def _rejected(ledger: Ledger, environment: str, now: datetime) -> Event | None:
    for event in reversed(ledger.events):
        if event.kind is not EventKind.REJECTED or event.release is None:
            continue
        if events.barred(ledger, event.release.model_digest, now=now) is not None:
            return event
        here = environment_name(environment)
        if event.environment == environment and events.rejected(ledger, event.release, environment=here, now=now):
            return event
    return None


def lines(shown: Mapping[str, Any], model: str) -> list[str]:
    """Return the lines that say it under a model's own line."""
    told, held, rejected = [], shown["held"], shown["rejected"]
    if held is not None:
        why = held.reason or held.cause or "no reason was given"
        told.append(f"    held since {held.at}: {why}; promote by hand, or `release resume {model}`")
    if shown["frozen"]:
        told.append(f'    frozen now, by "{shown["frozen"]}"')
    if rejected is not None:
        bars = "barred everywhere" if rejected.cause == "model" else f"not again in {rejected.environment}"
        why = rejected.reason or rejected.cause or "no reason was given"
        fix = f"`release override {model} --kind rejected` readmits it"
        told.append(f"    rejected: {rejected.release.version} on {rejected.at}, {why}; {bars}: {fix}")
    return told
