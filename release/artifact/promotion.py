"""What a promotion is: the intent, the tip it meets, and the one commit that follows, or the reason why none does.

Pure: nothing is asked of git, a clock or a registry. Publishing the commit, and trying again when somebody else was faster,
is `release.stages.promote`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from release.artifact import ledger as events
from release.artifact.serial import digest_json, digest_of
from release.artifact.strict import canonical_line
from release.artifact.values import patch
from release.errors import BadInputError, ConflictError, GateFailedError, InconclusiveError, SecurityRefusalError
from release.records import EventKind, Evidence, ReleaseId, Verdict
from release.schedule import closing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.records import (
        Commit,
        Comparison,
        Digest,
        EnvironmentName,
        Event,
        Inputs,
        ModelName,
        PackageRecord,
        VerdictRecord,
    )
    from release.schedule import Window

ENVIRONMENTS = "charts/environments"
VERSIONS = "charts/versions"


class Asked(enum.Enum):
    """Who wants a promotion: what nobody asks for stops where the environment is held."""

    BY_A_PERSON = enum.auto()
    AUTOMATICALLY = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """The package of a promotion as a ledger names it, where there is no record of its making."""

    model_digest: Digest
    repository: str
    digest: Digest


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The intent, whatever the deploy branch looks like: it is applied anew to every tip.

    `verdict` is None where none is known here: then the ledger must hold one on the same release, or somebody must judge.

    `after` is the environment that must have verified the same release first. `commit` is the source commit, `inputs` the
    digests at it. `chart` holds the files of `charts/model` at that commit by relative path, `draft` the values file for the
    case that there is none. `predictions` is a repository path and a CSV to commit with the rest. `by` is who
    asked, `threshold` the model's own (binary), without which committed predictions are no labels. `soak` is how long the
    environment `after` must have served the release, verified; in the windows `freeze` nothing is promoted.
    """

    model: ModelName
    environment: EnvironmentName
    after: EnvironmentName | None
    commit: Commit
    inputs: Inputs
    package: PackageRecord | Packaged
    verdict: VerdictRecord | None
    environments: tuple[EnvironmentName, ...]
    chart: Mapping[str, bytes]
    draft: bytes
    predictions: tuple[str, bytes] | None
    by: str | None
    threshold: float | None = None
    asked: Asked = Asked.BY_A_PERSON
    soak: timedelta = timedelta()
    freeze: tuple[Window, ...] = ()

    @property
    def values_path(self) -> str:
        """Where the values are."""
        return f"{ENVIRONMENTS}/{self.environment}/{self.model}.yaml"

    @property
    def ledger_path(self) -> str:
        """Where the events are."""
        return f"{ENVIRONMENTS}/ledger/{self.model}.jsonl"

    @property
    def chart_path(self) -> str:
        """Where the release's own copy of the chart is: a folder named by what is in it."""
        files = {path: digest_of(content) for path, content in self.chart.items()}
        return f"{VERSIONS}/{digest_json(files).removeprefix('sha256:')[:16]}"


class Lineage(enum.Enum):
    """How the promotion's source commit relates to the one that serves."""

    FORWARD = enum.auto()
    """Nothing serves, or what serves comes from this commit or an ancestor of it."""
    BACKWARD = enum.auto()
    DIVERGED = enum.auto()


@dataclass(frozen=True, kw_only=True)
class DeployState:
    """What a promotion needs to know of one tip: the files that it may touch, as they are, and the ledger among them."""

    files: Mapping[str, bytes]
    ledger: Ledger
    lineage: Lineage


@dataclass(frozen=True, kw_only=True)
class Change:
    """A commit to be made: whole files by path, and the event that it records."""

    changes: Mapping[str, bytes]
    message: str
    event: Event
    operation: Digest
    release: ReleaseId


@dataclass(frozen=True, kw_only=True)
class Already:
    """The release serves there by the ledger; nothing to do."""

    event: Event
    operation: Digest
    release: ReleaseId


@dataclass(frozen=True, kw_only=True)
class Rejudge:
    """The verdict is about another champion than this tip's."""

    champion: Event | None


def decide(promotion: Promotion, state: DeployState, now: datetime) -> Change | Already | Rejudge:
    """Say what promoting means at this tip; pure.

    Raises GateFailedError for FAIL and INVALID, for a release or a model that was rejected and for one that the environment
    before has not verified; InconclusiveError; ConflictError when a newer or unrelated commit serves; BadInputError when the
    verdict is about another model than the package's; SecurityRefusalError when the chart's copy is not what its name says.
    """
    environment, verdict = promotion.environment, promotion.verdict
    if verdict is not None and verdict.challenger != promotion.package.model_digest:
        what = f"the verdict is about {verdict.challenger[:19]}, the package holds {promotion.package.model_digest[:19]}"
        raise BadInputError(what, where=promotion.model, fix="run `release gate` and `release package` on the same commit")
    release = ReleaseId(
        model_digest=promotion.package.model_digest,
        image_repository=promotion.package.repository,
        image_digest=promotion.package.digest,
        chart=promotion.chart_path,
        version=events.version_of(state.ledger, promotion.package.model_digest),
    )
    before = events.previous(state.ledger, environment)
    preceding = digest_of(canonical_line(before)) if before else None
    operation = digest_json([promotion.model, environment, release, preceding])
    current = events.serving(state.ledger, environment)
    done = _done(promotion, state, release, operation, now)
    if done is not None:
        return done
    _require_welcome(promotion, state.ledger, release, now)
    _require_time(promotion, state.ledger, release, now)
    _require_forward(promotion, state.lineage, current)
    # The verdict that brought a release into one environment stands for the next: by then it is its own champion.
    stands = next((event for event in reversed(state.ledger.events) if _passed(event, release)), None)
    if stands is not None:
        return _change(promotion, state, release, operation, now, stands.evidence, stands.predictions)
    if verdict is None:
        return Rejudge(champion=events.champion(state.ledger, promotion.environments))
    if not _waived(promotion, state.ledger, release, verdict, now):
        _require_pass(verdict, promotion.model)
    champion = events.champion(state.ledger, promotion.environments)
    beaten = champion.release.model_digest if champion and champion.release else None
    if beaten not in {verdict.champion, release.model_digest}:
        return Rejudge(champion=champion)
    return _change(promotion, state, release, operation, now, _evidence(verdict), _predicted(promotion, verdict))


def _done(
    promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime
) -> Already | Change | None:
    """Return what is left to do about a release that serves already: nothing, or to record that new inputs give it too."""
    current = events.serving(state.ledger, promotion.environment)
    if current is not None and current.release == release:
        if events.last_inputs(state.ledger) in {None, promotion.inputs} or state.lineage is not Lineage.FORWARD:
            return Already(event=current, operation=current.operation or operation, release=release)
        return _settlement(promotion, state, release, operation, now)
    for event in state.ledger.events:
        if event.operation == operation:
            return Already(event=event, operation=operation, release=release)
    return None


def _waived(promotion: Promotion, ledger: Ledger, release: ReleaseId, verdict: VerdictRecord, now: datetime) -> bool:
    """Say whether owners took a verdict upon themselves; what is INVALID says nothing, and cannot be."""
    override = events.overridden(ledger, "gate", environment=promotion.environment, release=release, now=now)
    return override is not None and verdict.verdict is not Verdict.INVALID


def _passed(event: Event, release: ReleaseId) -> bool:
    """Say whether an event promoted this model in this image, on a PASS."""
    passed = event.evidence is not None and event.evidence.verdict is Verdict.PASS
    return event.kind is EventKind.PROMOTED and passed and events.same(event.release, release)


def _require_pass(verdict: VerdictRecord, model: ModelName) -> None:
    told = [_told(comparison) for comparison in verdict.comparisons if comparison.verdict is not Verdict.PASS]
    # The record's own reasons repeat those of its comparisons, which are told already.
    other = [reason for reason in verdict.reasons if not any(c.reason and c.reason in reason for c in verdict.comparisons)]
    why = "; ".join([*told, *other]) or "no reason was recorded"
    match verdict.verdict:
        case Verdict.PASS:
            return
        case Verdict.FAIL | Verdict.INVALID:
            fix = "see `release report`; nothing was promoted"
            raise GateFailedError(f"the verdict is {verdict.verdict}: {why}", where=model, fix=fix)
        case Verdict.INCONCLUSIVE:
            fix = f"{verdict.rows_needed} test rows would tell" if verdict.rows_needed else "see `release report`"
            raise InconclusiveError(f"the verdict is INCONCLUSIVE: {why}", where=model, fix=fix)
        case _:
            assert_never(verdict.verdict)


def _told(comparison: Comparison) -> str:
    return f"{_name(comparison)} {comparison.verdict}" + (f" ({comparison.reason})" if comparison.reason else "")


def _name(comparison: Comparison) -> str:
    """Name a comparison uniquely: a metric may be primary, a floor and judged on slices at once."""
    if comparison.slice is not None:
        return f"{comparison.metric}:{comparison.slice}"
    return f"{comparison.metric}:floor" if comparison.role == "floor" else comparison.metric


def _require_welcome(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> None:
    """Refuse what was rejected, and what the environment before has not verified."""
    environment = promotion.environment
    bar = events.barred(ledger, release.model_digest, now=now)
    if bar is not None:
        fix = f"`release override {promotion.model} --kind rejected` if that was wrong"
        what = f"this model was rejected on {bar.at}: {bar.reason or 'no reason was recorded'}"
        raise GateFailedError(what, where=f"{promotion.model} {release.version}", fix=fix)
    refused = events.rejected(ledger, release, environment=environment, now=now)
    if refused is not None:
        fix = f"release another, or `release override {promotion.model} --kind rejected`"
        what = f"{environment} rejected this release on {refused.at}: {refused.reason or 'no reason was recorded'}"
        raise GateFailedError(what, where=f"{promotion.model} {release.version}", fix=fix)
    if promotion.after is None or events.verified(ledger, promotion.after, release) is not None:
        return
    if events.overridden(ledger, "environment", environment=environment, release=release, now=now) is None:
        fix = f"promote it to {promotion.after} and wait until `release reconcile` has verified it there"
        what = f"{promotion.after} has not verified this release, and {environment} comes after it"
        raise GateFailedError(what, where=f"{promotion.model} {release.version}", fix=fix)


def _require_time(promotion: Promotion, ledger: Ledger, release: ReleaseId, now: datetime) -> None:
    """Refuse what comes too early: before it has soaked, in a freeze window, or of itself where somebody holds."""
    environment, where = promotion.environment, f"{promotion.model} {release.version}"
    hold = events.held(ledger, environment)
    if hold is not None and promotion.asked is Asked.AUTOMATICALLY:
        what = f"{environment} is held since {hold.at}: {hold.reason or 'no reason was recorded'}"
        fix = f"`release promote {promotion.model} --to {environment}` by hand, or `release resume {promotion.model}`"
        raise GateFailedError(what, where=where, fix=fix)
    closed = closing(promotion.freeze, now)
    if closed is not None and not events.overridden(ledger, "freeze", environment=environment, release=release, now=now):
        fix = f"wait until it is over, or `release override {promotion.model} --kind freeze`"
        raise GateFailedError(f'{environment} is frozen now, by "{closed.text}"', where=where, fix=fix)
    if promotion.after is None or not promotion.soak:
        return
    left = promotion.soak - events.soaked(ledger, promotion.after, release, now=now)
    if left > timedelta() and not events.overridden(
        ledger, "environment", environment=environment, release=release, now=now
    ):
        until = events.instant(now + left)
        what = f"it has to serve in {promotion.after} for {promotion.soak} before {environment}, {left} more"
        raise GateFailedError(what, where=where, fix=f"promote it after {until}, or override --kind environment")


def _require_forward(promotion: Promotion, lineage: Lineage, current: Event | None) -> None:
    serves = f"{promotion.environment} serves commit {(current.commit if current and current.commit else '?')[:12]}"
    ours = promotion.commit[:12]
    match lineage:
        case Lineage.FORWARD:
            return
        case Lineage.BACKWARD:
            fix = "promote from the newer commit, or `release rollback`"
            raise ConflictError(f"{serves}, which is newer than {ours}", where=promotion.model, fix=fix)
        case Lineage.DIVERGED:
            fix = "merge the two and promote from the merge"
            raise ConflictError(f"{serves}, which {ours} does not contain", where=promotion.model, fix=fix)
        case _:
            assert_never(lineage)


def _settlement(promotion: Promotion, state: DeployState, release: ReleaseId, operation: Digest, now: datetime) -> Change:
    """Record that new inputs ask for nothing new: what serves is what they give, so they are due no longer."""
    grown, _ = events.append(
        state.ledger,
        EventKind.JUDGED,
        at=now,
        model=promotion.model,
        environment=promotion.environment,
        operation=operation,
        commit=promotion.commit,
        release=release,
        inputs=promotion.inputs,
        reason="the same release from new inputs",
        by=promotion.by,
    )
    return Change(
        changes={promotion.ledger_path: grown.content},
        message=_message(promotion, release, operation, EventKind.JUDGED),
        event=grown.events[-1],
        operation=operation,
        release=release,
    )


def _change(
    promotion: Promotion,
    state: DeployState,
    release: ReleaseId,
    operation: Digest,
    now: datetime,
    evidence: Evidence | None,
    predictions: Mapping[str, str],
) -> Change:
    grown, _ = events.append(
        state.ledger,
        EventKind.PROMOTED,
        at=now,
        model=promotion.model,
        environment=promotion.environment,
        operation=operation,
        commit=promotion.commit,
        release=release,
        inputs=promotion.inputs,
        evidence=evidence,
        predictions=predictions,
        by=promotion.by,
    )
    scalars: dict[str, str | bool] = {
        "image.repository": release.image_repository,
        "image.digest": release.image_digest,
        "model.digest": release.model_digest,
        "model.version": release.version,
        "release.operation": operation,
        "release.commit": promotion.commit,
        "release.fast": False,
        "chart.path": release.chart,
    }
    values = patch(state.files.get(promotion.values_path, promotion.draft), scalars, where=promotion.values_path)
    wanted = {promotion.values_path: values, promotion.ledger_path: grown.content, **_chart(promotion, state)}
    if promotion.predictions:
        path, content = promotion.predictions
        wanted[path] = content
    return Change(
        changes={path: content for path, content in wanted.items() if state.files.get(path) != content},
        message=_message(promotion, release, operation, EventKind.PROMOTED),
        event=grown.events[-1],
        operation=operation,
        release=release,
    )


def _chart(promotion: Promotion, state: DeployState) -> dict[str, bytes]:
    """Return the release's copy of the chart when the branch has none yet; one that is there is never written again."""
    if not promotion.chart:
        raise BadInputError("there is no chart", where="charts/model", fix="commit charts/model, see `release init`")
    folder = promotion.chart_path
    wanted = {f"{folder}/{path}": content for path, content in promotion.chart.items()}
    there = {path: content for path, content in state.files.items() if path.startswith(f"{folder}/")}
    if there and there != wanted:
        fix = "restore the folder from the deploy branch's history"
        raise SecurityRefusalError("this copy of the chart is not what its name says", where=folder, fix=fix)
    return {} if there else wanted


def _evidence(verdict: VerdictRecord) -> Evidence:
    return Evidence(
        verdict=verdict.verdict,
        record=digest_json(verdict),
        champion=verdict.champion,
        test=verdict.test_set.digest,
        metrics={_name(c): (c.champion, c.challenger, c.low, c.high) for c in verdict.comparisons},
    )


def _predicted(promotion: Promotion, verdict: VerdictRecord) -> dict[str, str]:
    if promotion.predictions is None:
        return {}
    path, content = promotion.predictions
    said = {"path": path, "digest": digest_of(content), "test": verdict.test_set.digest}
    return said if promotion.threshold is None else said | {"threshold": repr(promotion.threshold)}


def _message(promotion: Promotion, release: ReleaseId, operation: Digest, kind: EventKind) -> str:
    trailers = {
        "Release-Model": promotion.model,
        "Release-Environment": promotion.environment,
        "Release-Model-Digest": release.model_digest,
        "Release-Image-Digest": release.image_digest,
        "Release-Operation": operation,
        "Release-Event": kind,
    }
    lines = "".join(f"{name}: {value}\n" for name, value in trailers.items())
    what = "to" if kind is EventKind.PROMOTED else "serves in"
    return f"release: {promotion.model} {release.version} {what} {promotion.environment}\n\n{lines}"
