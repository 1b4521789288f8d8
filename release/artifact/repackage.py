"""What the ledger says of repackaging: which release is to be put on another runtime, and how many of them are under way.

Pure. A repackaged release is the same model, and the same version, in another image; nothing is trained for it and no test
set is looked at. That its predictions are the same is shown by `release.judging.equality`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from release.artifact import admission, settling
from release.artifact import ledger as events
from release.errors import ConflictError
from release.records import EventKind, Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from release.artifact.intent import Promotion
    from release.artifact.ledger import Ledger
    from release.records import EnvironmentName, Event, Evidence, Inputs, ReleaseId

CAUSE = Kind.REPACKAGE.value
"""The cause of an event that put a model into an image that never served before, without judging the model anew."""

_NUMBERS = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(.*)", re.ASCII | re.DOTALL)
_BEFORE = re.compile(r"[._-]?(?:dev|a|b|c|rc|alpha|beta|pre|preview)", re.ASCII)


def only_the_package(old: Inputs, new: Inputs) -> bool:
    """Say whether nothing that is trained or judged differs, and what the model is put on does."""
    same = (old.train, old.test, old.policy) == (new.train, new.test, new.policy)
    return same and old.package != new.package


def made_from(ledger: Ledger, event: Event) -> Inputs | None:
    """Return the inputs that gave an event's release; what a cluster's word restored does not say them itself."""
    if event.inputs is not None:
        return event.inputs
    told = (one for one in reversed(ledger.events[: event.seq]) if one.inputs is not None and one.release == event.release)
    return next((one.inputs for one in told), None)


def subject(ledger: Ledger, first: EnvironmentName, inputs: Inputs) -> Event | None:
    """Return the event of the release that `inputs` ask to put on another runtime, None where they ask to train.

    That is what serves in the `first` environment, where it differs in the package alone; or, where these inputs were
    settled by a repackaged release already, that release.
    """
    here = events.serving(ledger, first)
    if here is not None and here.release is not None:
        before = made_from(ledger, here)
        if before is not None and only_the_package(before, inputs):
            return here
    final = events.last_final(ledger)
    if final is None or final.inputs != inputs or final.release is None:
        return None
    return final if final.kind is EventKind.PROMOTED and final.cause == CAUSE else None


def trained_by(ledger: Ledger, event: Event) -> Event:
    """Return the first event that promoted an event's model: its commit is the one that the model was trained at."""
    digest = event.release.model_digest if event.release else None
    made = (one for one in ledger.events if one.kind is EventKind.PROMOTED and one.commit and one.release)
    return next((one for one in made if one.release and one.release.model_digest == digest), event)


def require_serving(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> None:
    """Refuse to put a model back that no longer serves: equal to itself is all that was shown of it.

    Owners may take that upon themselves (an override of kind `gate`). Raises ConflictError.
    """
    if promotion.cause != CAUSE or admission.waived(promotion, ledger, release, Verdict.PASS, now):
        return
    here = events.serving(ledger, promotion.environment)
    if here is None or here.release is None or here.release.model_digest != release.model_digest:
        serves = f"serves {here.release.version}" if here and here.release else "serves nothing"
        what = f"{promotion.environment} {serves}, and {release.version} was only packaged again, not judged against it"
        fix = "run again if that changed just now, or promote a release that was judged"
        raise ConflictError(what, where=promotion.model, fix=fix)


def inherited(promotion: Promotion, ledger: Ledger, evidence: Evidence) -> Evidence:
    """Return the evidence of a release; of one that was packaged again it is worth no more than its model's had been.

    So what owners once let pass in one environment does not reach the next one as a PASS.
    """
    here = events.serving(ledger, promotion.environment)
    if promotion.cause != CAUSE or here is None or here.release is None:
        return evidence
    stands = admission.standing(ledger, here.release, promotion.environments)
    if stands is not None and stands.kind is EventKind.PROMOTED:
        return evidence
    told = (one for one in reversed(ledger.events) if one.evidence and events.same(one.release, here.release))
    worth = next((one.evidence.verdict for one in told if one.evidence), evidence.verdict)
    return replace(evidence, verdict=worth)


def unsettled(ledger: Ledger, environment: EnvironmentName) -> Event | None:
    """Return the event of a repackaged release of which an environment has not been told yet how it does."""
    waiting = settling.unsettled(ledger, environment)
    return waiting if waiting is not None and waiting.cause == CAUSE else None


def room(ledgers: Iterable[Ledger], environment: EnvironmentName, batch: int) -> int:
    """Return how many more models may be repackaged in an environment now, `batch` at once."""
    return max(0, batch - sum(unsettled(ledger, environment) is not None for ledger in ledgers))


def older(version: str | None, minimum: str) -> bool:
    """Say whether a runtime's version comes before `minimum` (numbers and dots); what says none, or nonsense, does.

    A pre-release comes before its release, whatever its number; what follows it (`.post1`, `+local`) does not.
    """
    found = _NUMBERS.fullmatch(version or "")
    if found is None:
        return True
    here, there = _numbers(found[1]), _numbers(minimum)
    return here < there or (here == there and _BEFORE.match(found[2].lower()) is not None)


def _numbers(text: str) -> tuple[int, ...]:
    """Read a release's numbers; zeros at the end say nothing: 1.0 is 1."""
    parts = [int(part) for part in text.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
