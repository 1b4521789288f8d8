"""Takes a release on to the next environment as its `promote:` says, and brings open proposals to their end.

What follows is decided by `release.stages.reconcile`; how a proposal is made and counted is `release.cli.proposing`'s.
"""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from release.adapters.process import CommandFailedError, Git
from release.artifact import repackage
from release.artifact.actions import Mode
from release.artifact.intent import Asked, Packaged, Promotion
from release.artifact.proposal import carries, place_of, superseded
from release.artifact.values import draft
from release.cli import forging, ordering, proposing, repackaging
from release.config.names import environment_name, model_name
from release.config.project import rollout_in
from release.errors import BadInputError, ReleaseError
from release.records import Digest, Outcome, Verdict
from release.schedule import duration, window
from release.stages.promote import promote
from release.stages.propose import close, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from release.artifact.actions import Follow
    from release.cli.wiring import Workspace
    from release.config.project import EnvironmentSpec
    from release.ports import Forge
    from release.records import Commit, Event, PromoteRecord, VerdictRecord

_AGAIN = 30.0
"""Seconds in which the forge is not asked the same again: clusters report changes more often than people review."""


class Board:
    """What the forge was asked lately, and what came of it, so that looking often does not mean asking often."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._said: dict[tuple[str, ...], tuple[float, str]] = {}

    def lately(self, *what: str) -> str | None:
        """Return what was said of something a moment ago, None where it is time to ask."""
        at, said = self._said.get(what, (0.0, ""))
        return said if said and time.monotonic() - at < _AGAIN else None

    def say(self, said: str, *what: str) -> str:
        """Remember what is to be said of something."""
        self._said[what] = (time.monotonic(), said)
        return said


def followed(workspace: Workspace, action: Follow, board: Board) -> str:
    """Take a release on to the next environment as its `promote:` says, and say what was done.

    Raises what promoting and the forge raise.
    """
    subject, to = action.subject, action.next.environment
    ready = f"ready for {to}: `release promote {subject.model} --to {to}`"
    match action.next.mode:
        case Mode.MANUAL:
            return ready
        case Mode.AUTOMATIC if (why := repackaging.waits(workspace, subject, to)) is not None:
            return why
        case Mode.AUTOMATIC if workspace.environment(to).approvals.count == 0:
            record = _promoted(workspace, carried(workspace, subject, to), None)
            return f"{record.outcome} to {to}"
        case Mode.AUTOMATIC | Mode.PULL_REQUEST:
            forge = forging.deploys_forge(workspace)
            return ready if forge is None else _reviewed(workspace, subject, to, forge, board)
        case _:
            assert_never(action.next.mode)


def _reviewed(workspace: Workspace, subject: Event, to: str, forge: Forge, board: Board) -> str:
    """Propose a promotion, and make it once enough people approve."""
    about = (to, subject.model, subject.operation or "")
    said = board.lately(*about)
    if said is not None:
        return said
    intent = carried(workspace, subject, to)
    record = proposing.propose(workspace, forge, intent, _unjudged)
    if record.outcome is not Outcome.PROPOSED:
        return board.say(record.why or f"{record.outcome} to {to}", *about)
    if intent.needed == 0:
        return board.say(f"#{record.pull} proposes it for {to}: merging promotes it", *about)
    made = _promoted(workspace, intent, forge)
    if made.outcome is Outcome.WAITING:
        return board.say(f"#{record.pull} proposes it for {to}: {made.why}", *about)
    proposing.done(workspace, forge, made)
    return f"{made.outcome} to {to}, approved in #{record.pull}"


def settle(workspace: Workspace, models: Sequence[str], environments: Sequence[EnvironmentSpec], board: Board) -> None:
    """Close proposals that are out of date, and make those that enough people approve.

    Only those of `models` for an environment that is, or comes after, one of `environments`. Trouble with one is told and
    does not stop the others. Raises EnvironmentTroubleError when the forge cannot be asked at all.
    """
    forge = forging.deploys_forge(workspace)
    if forge is None or board.lately("proposals") is not None:
        return
    board.say("asked", "proposals")
    here = {one.name for one in environments}
    known = {one.name: one for one in workspace.project.environments}
    for branch, number in forge.proposals(workspace.branch.name).items():
        to, model = place_of(branch) or ("", "")
        environment = known.get(to)
        if environment is None or model not in models or not {to, environment.after} & here:
            continue
        try:
            said = _settled(workspace, environment, branch, number, forge)
        except ReleaseError as error:
            said = f"{error}"
        if said is not None:
            workspace.progress.note(f"{model}, pull request #{number}: {said}")


def _settled(workspace: Workspace, environment: EnvironmentSpec, branch: str, number: int, forge: Forge) -> str | None:
    head = workspace.branch.other(branch)
    event = standing(workspace.branch, head)
    if event is None or head is None:
        return None
    ledger = workspace.ledger(event.model, tip=workspace.branch.tip(fetch=False))
    after = environment_name(environment.after) if environment.after else None
    why = superseded(event, ledger, after, workspace.clock.now())
    if why is not None:
        close(number, f"Superseded: {why}.", forge=forge)
        return f"closed, {why}"
    unsure = event.evidence is not None and event.evidence.verdict is Verdict.INCONCLUSIVE
    if (environment.approvals.count == 0 and not unsure) or not carries(ledger, event, workspace.environments):
        return None
    given = proposing.counting(workspace, forge, environment, event.model)(event.operation or Digest(""))
    # Also where an override waives them: whoever may push a branch must not get it promoted by that alone.
    if len(given.by) < max(1, environment.approvals.count) or given.against:
        return None
    made = _promoted(workspace, carried(workspace, event, environment.name, head=head), forge)
    if made.outcome is not Outcome.PROMOTED:
        return None
    proposing.done(workspace, forge, made)
    return f"approved, promoted to {environment.name} as {(made.deploy_commit or '')[:12]}"


def _promoted(workspace: Workspace, intent: Promotion, forge: Forge | None) -> PromoteRecord:
    """Promote by compare-and-swap, all that is asked of it checked anew; without enough approvals it only says so."""
    desk = ordering.desk(workspace)
    environment = workspace.environment(intent.environment)
    return promote(
        intent,
        branch=desk.branch,
        source=workspace.source,
        clock=desk.clock,
        rejudge=_unjudged,
        pause=desk.pause,
        rng=desk.rng,
        approvals=proposing.counting(workspace, forge, environment, intent.model),
    )


def carried(workspace: Workspace, subject: Event, to: str, *, head: Commit | None = None) -> Promotion:
    """Return the intent to take what `subject` promoted on to another environment: the same bytes, chart and evidence.

    Or to make the proposal that `subject` is, whose files are at `head`. Raises BadInputError when the event does not say
    enough.
    """
    environment, release = workspace.environment(to), subject.release
    if release is None or subject.commit is None or subject.inputs is None:
        fix = f"`release promote {subject.model} --to {to}` from its commit"
        raise BadInputError(f"event {subject.seq} does not say what was promoted", where=subject.model, fix=fix)
    _fetch(workspace)
    spec = workspace.spec(model_name(subject.model), subject.commit)
    branch = workspace.branch
    files = branch.read_all(head or branch.tip(fetch=False), release.chart)
    name = environment_name(environment.name)
    path = subject.predictions.get("path")
    predictions = branch.read(head, path) if head and path else None
    return Promotion(
        model=subject.model,
        environment=name,
        after=environment_name(environment.after) if environment.after else None,
        commit=subject.commit,
        inputs=subject.inputs,
        package=Packaged(
            model_digest=release.model_digest, repository=release.image_repository, digest=release.image_digest
        ),
        verdict=None,
        environments=workspace.environments,
        chart={path.removeprefix(f"{release.chart}/"): content for path, content in files.items()},
        draft=draft(
            model=subject.model,
            environment=name,
            serving=spec.serving.model_dump(),
            rollout=rollout_in(environment, spec.rollout),
        ),
        predictions=(path, predictions) if path and predictions is not None else None,
        by=None,
        cause=subject.cause if subject.cause == repackage.CAUSE else None,
        asked=Asked.AUTOMATICALLY,
        soak=duration(environment.soak) if environment.soak else timedelta(),
        freeze=tuple(window(entry) for entry in environment.freeze),
        needed=environment.approvals.count,
    )


def _fetch(workspace: Workspace) -> None:
    """Bring the source commits of releases that are newer than this clone; without a remote there is nothing to bring."""
    git = Git(workspace.source.root)
    if git.says("config", "--get", "remote.origin.url") is not None:
        with contextlib.suppress(CommandFailedError):  # what is missing after that is told by name
            git.run("fetch", "--quiet", "--no-tags", "origin", timeout=600.0)


def _unjudged(_: Event | None) -> VerdictRecord:
    fix = "`release promote` it from its commit, where it can be judged"
    raise BadInputError("the ledger holds no PASS of this release", where="reconcile", fix=fix)
