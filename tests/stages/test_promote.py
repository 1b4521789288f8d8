"""Promote: what is committed, what is refused, and that once is once whoever races or dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.git import bare, commit, daemon, git, isolate, log, repository, snapshot, sound
from support.promotions import CHART, PRODUCTION, STAGING, Ticking, digest, promotion, rejudged, values_of, verdict

from release.adapters.deploy_branch import open_branch
from release.adapters.git import GitSource
from release.artifact import ledger as events
from release.errors import (
    BadInputError,
    ConflictError,
    EnvironmentTroubleError,
    GateFailedError,
    InconclusiveError,
    SecurityRefusalError,
)
from release.records import Commit, EventKind, ModelName, Outcome, Verdict
from release.stages.promote import PATIENCE, preview, promote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from release.artifact.ledger import Ledger
    from release.ports import DeployBranch
    from release.records import Event, PromoteRecord
    from release.stages.promote import Promotion

LEDGER = "charts/environments/ledger/churn.jsonl"
VALUES = "charts/environments/staging/churn.yaml"
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    base = tmp_path_factory.mktemp("served")
    with daemon(base) as url:
        yield base, url


@dataclass
class World:
    """A source repository and the repository that holds its deploy branch, and one run after another."""

    root: Path
    holder: Path
    branch_name: str
    head: str
    repository: str = "."
    clock: Ticking = field(default_factory=Ticking)
    pauses: list[float] = field(default_factory=list)
    judged: list[Event | None] = field(default_factory=list)

    @property
    def branch(self) -> DeployBranch:
        """The branch as a new run opens it."""
        return open_branch(self.root, self.repository, self.branch_name, self.root / ".release/deploy")

    @property
    def tip(self) -> str:
        """Where the branch is, by git's own word."""
        return git(self.holder, "rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch_name}", check=False)

    @property
    def ledger(self) -> Ledger:
        """The ledger at the tip."""
        return events.parse((git(self.holder, "show", f"{self.tip}:{LEDGER}") + "\n").encode(), LEDGER)

    def intent(self, name: str, **changes: Any) -> Promotion:
        """Want to promote a model from HEAD."""
        return promotion(changes.pop("commit", self.head), name, **changes)

    def promote(self, intent: Promotion, **collaborators: Any) -> PromoteRecord:
        """Promote, with a judge that lets everything pass and pauses that are only written down."""

        def judge(champion: Event | None) -> Any:
            self.judged.append(champion)
            return replace(rejudged("", champion), challenger=intent.package.model_digest)

        defaults: dict[str, Any] = {
            "branch": self.branch,
            "source": GitSource(self.root),
            "clock": self.clock,
            "rejudge": judge,
            "pause": self.pauses.append,
            "rng": random.Random(7),
        }
        return promote(intent, **{**defaults, **collaborators})

    def preview(self, intent: Promotion) -> PromoteRecord:
        """Show what promoting would do."""
        return preview(intent, branch=self.branch, source=GitSource(self.root), clock=self.clock)

    def put(self, files: dict[str, bytes], message: str = "By hand\n") -> Commit:
        """Commit files to the deploy branch as somebody else."""
        branch = open_branch(self.root, self.repository, self.branch_name, self.root / ".release/other")
        tip = branch.tip(fetch=True)
        made = branch.commit(tip, files, message, self.clock.now())
        assert branch.publish(made, tip)
        return made

    def tell(self, kind: EventKind, **fields: Any) -> None:
        """Append an event, as reconcile or override would."""
        grown, _ = events.append(self.ledger, kind, at=self.clock.now(), model=ModelName("churn"), **fields)
        self.put({LEDGER: grown.content})


@pytest.fixture
def local(tmp_path: Path) -> World:
    """Make a repository without a remote, whose deploy branch is new and nowhere checked out: the fastest there is."""
    root = repository(tmp_path / "source", {"models/churn/model.yaml": b"x\n", ".gitignore": b".release/\n"})
    return World(root, root, "deploy", git(root, "rev-parse", "HEAD"))


def remote_world(tmp_path: Path, served: tuple[Path, str], kind: str = "main") -> World:
    """Make a repository with a remote behind git's daemon; the deploy branch is main, another, or elsewhere."""
    base, url = served
    root = repository(tmp_path / "source", {"README.md": b"hello\n", ".gitignore": b".release/\n"})
    holder = bare(base / f"{tmp_path.name}.git")
    git(root, "remote", "add", "origin", f"{url}/{holder.name}")
    git(root, "push", "-q", "origin", "main")
    head = git(root, "rev-parse", "HEAD")
    if kind != "elsewhere":
        return World(root, holder, kind, head)
    other = bare(base / f"{tmp_path.name}-deploy.git")
    return World(root, other, "main", head, repository=f"{url}/{other.name}")


@pytest.fixture
def remote(tmp_path: Path, served: tuple[Path, str]) -> World:
    return remote_world(tmp_path, served)


def test_a_promotion_is_one_commit_with_values_ledger_chart_and_trailers(local: World) -> None:
    """Everything that names the release changes together, and the message says it too."""
    done = local.promote(local.intent("A", by="ada"))
    assert (done.outcome, done.deploy_commit, done.attempts) == (Outcome.PROMOTED, local.tip, 1)
    chart = done.release.chart
    files = git(local.root, "ls-tree", "-r", "--name-only", local.tip).splitlines()
    assert sorted(files) == sorted([VALUES, LEDGER, *(f"{chart}/{path}" for path in CHART)])
    assert git(local.root, "show", f"{local.tip}:{chart}/templates/rollout.yaml") == "kind: Rollout\r"
    assert values_of(local.root, local.tip, VALUES) == {
        "image": {"repository": "registry.example/ml/churn", "digest": digest("image A")},
        "model": {"digest": digest("model A"), "version": "v1"},
        "release": {"operation": done.operation, "commit": local.head, "fast": False},
        "chart": {"path": chart},
        "replicas": 3,
    }
    [event] = local.ledger.events
    assert (event.kind, event.environment, event.operation) == (EventKind.PROMOTED, STAGING, done.operation)
    assert (event.commit, event.release, event.by) == (local.head, done.release, "ada")
    assert event.evidence is not None
    assert event.evidence.metrics == {"roc_auc": (None, 0.95, 0.01, 0.09)}
    assert git(local.root, "log", "-1", "--format=%B", local.tip).splitlines() == [
        "release: churn v1 to staging",
        "",
        "Release-Model: churn",
        "Release-Environment: staging",
        f"Release-Model-Digest: {digest('model A')}",
        f"Release-Image-Digest: {digest('image A')}",
        f"Release-Operation: {done.operation}",
        "Release-Event: promoted",
    ]
    assert (
        git(local.root, "log", "-1", "--format=%(trailers:key=Release-Operation,valueonly)", local.tip).strip()
        == done.operation
    )


def test_twice_is_one(local: World) -> None:
    """The second run finds the release serving, from whatever commit it comes, and commits nothing."""
    first = local.promote(local.intent("A"))
    again = local.promote(local.intent("A"))
    assert (again.outcome, again.deploy_commit, again.operation) == (Outcome.ALREADY, first.deploy_commit, first.operation)
    later = commit(local.root, {"unrelated": b"x"})
    assert local.promote(local.intent("A", commit=later)).outcome is Outcome.ALREADY
    assert log(local.root, "deploy", "%s") == ["release: churn v1 to staging"]


def test_a_repeated_job_needs_no_passing_verdict(local: World) -> None:
    """Judged against itself a model cannot be better; what serves already is not gated again."""
    local.promote(local.intent("A"))
    failed = verdict("A", champion=digest("model A"), outcome=Verdict.FAIL)
    assert local.promote(local.intent("A", verdict=failed)).outcome is Outcome.ALREADY


def test_new_inputs_of_the_same_release_are_settled_by_one_line(local: World) -> None:
    """A gate or rollout edit that changes no bytes is recorded, once, and is due no longer; values stay."""
    local.promote(local.intent("A"))
    before = local.promote(local.intent("A")).deploy_commit
    other = replace(local.intent("A").inputs, policy=digest("another policy"))
    settled = local.promote(local.intent("A", inputs=other))
    assert settled.outcome is Outcome.PROMOTED
    assert settled.deploy_commit != before
    assert settled.diff.count("diff --git") == 1
    assert '"kind":"judged"' in settled.diff
    assert local.promote(local.intent("A", inputs=other)).outcome is Outcome.ALREADY


def test_the_verdict_that_brought_a_release_to_staging_stands_for_production(local: World) -> None:
    """By then it is its own champion: no new look at the test set, and the evidence is carried over."""
    local.promote(local.intent("A"))
    record = local.promote(local.intent("A", environment=PRODUCTION, verdict=None))
    assert record.outcome is Outcome.PROMOTED
    first, second = local.ledger.events
    assert second.evidence == first.evidence
    assert local.judged == []


def test_without_any_verdict_somebody_has_to_judge(local: World) -> None:
    """A job that promotes without a record of the gate asks for a judgement instead of inventing one."""
    assert local.promote(local.intent("A", verdict=None)).outcome is Outcome.PROMOTED
    assert local.judged == [None]


def test_an_operation_that_was_recorded_is_not_repeated(local: World) -> None:
    """Whatever the event was, its operation is done."""
    local.promote(local.intent("A"))
    shown = local.preview(local.intent("B", verdict=verdict("B", champion=digest("model A"))))
    local.tell(EventKind.WITHDRAWN, operation=shown.operation, release=shown.release, cause="infrastructure")
    found = local.promote(local.intent("B"))
    assert (found.outcome, found.operation) == (Outcome.ALREADY, shown.operation)


def test_every_other_byte_of_the_values_is_kept(local: World) -> None:
    """Carriage returns, comments, quotes, order and a missing last line end survive; only owned scalars change."""
    local.promote(local.intent("A"))
    before = git(local.root, "show", f"{local.tip}:{VALUES}") + "\n"
    styled = (
        before.replace("\n", "\r\n").replace("replicas: 3", "# by hand\r\nreplicas:   '5'   # five").removesuffix("\r\n")
    )
    local.put({VALUES: styled.encode()})
    done = local.promote(local.intent("B"))
    after = subprocess.run(
        ["git", "show", f"{local.tip}:{VALUES}"], cwd=local.root, capture_output=True, check=True
    ).stdout.decode()
    expected = styled
    for old, new in (
        (digest("image A"), digest("image B")),
        (digest("model A"), digest("model B")),
        ("v1", "v2"),
        (str(local.ledger.events[0].operation), str(done.operation)),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert after == expected


def test_nothing_else_on_the_branch_moves(local: World) -> None:
    """Other models, other environments, other files: the same objects before and after."""
    local.put(
        {"charts/environments/staging/other.yaml": b"a: 1\r\n", "notes.txt": b"x", "charts/environments/ledger/x": b"y"}
    )
    before = git(local.root, "ls-tree", "-r", local.tip).splitlines()
    local.promote(local.intent("A"))
    assert set(before) < set(git(local.root, "ls-tree", "-r", local.tip).splitlines())
    second = local.promote(local.intent("B"))
    changed = git(local.root, "diff", "--name-only", f"{second.deploy_commit}~1", str(second.deploy_commit)).splitlines()
    assert sorted(changed) == sorted([VALUES, LEDGER])


def test_a_charts_copy_is_written_once_and_must_be_what_its_name_says(local: World) -> None:
    """A changed chart gets a folder of its own; a tampered copy is exit code 3."""
    first = local.promote(local.intent("A"))
    changed = {**CHART, "Chart.yaml": b"name: model\nversion: 2\n"}
    second = local.promote(local.intent("A", chart=changed))
    assert second.outcome is Outcome.PROMOTED
    assert second.release.chart != first.release.chart
    assert second.release.version == "v1"
    local.put({f"{first.release.chart}/Chart.yaml": b"name: evil\n"})
    with pytest.raises(SecurityRefusalError, match="this copy of the chart is not what its name says"):
        local.promote(local.intent("B"))
    with pytest.raises(BadInputError, match="there is no chart"):
        local.promote(local.intent("B", chart={}))


def test_predictions_are_committed_beside_the_ledger_and_named_in_it(local: World) -> None:
    """A clone without the registry can then still judge a challenger."""
    local.promote(local.intent("A", predictions=("charts/environments/predictions/churn/a.csv", b"id,p\r\n1,0.5\n")))
    path = "charts/environments/predictions/churn/a.csv"
    assert git(local.root, "show", f"{local.tip}:{path}") == "id,p\r\n1,0.5"
    told = local.ledger.events[0].predictions
    assert told == {"path": path, "digest": digest("id,p\r\n1,0.5\n"), "test": digest("test")}


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [
        (Verdict.FAIL, GateFailedError, 4),
        (Verdict.INVALID, GateFailedError, 4),
        (Verdict.INCONCLUSIVE, InconclusiveError, 7),
    ],
)
def test_only_a_pass_promotes(local: World, outcome: Verdict, error: type[GateFailedError], code: int) -> None:
    """The line names the metric and why; nothing is committed."""
    judged = verdict("A", outcome=outcome, reason="worse by more than 0.01")
    with pytest.raises(
        error, match=rf"churn: the verdict is {outcome}: roc_auc {outcome} \(worse by more than 0\.01\)"
    ) as caught:
        local.promote(local.intent("A", verdict=judged))
    assert caught.value.code == code
    assert local.tip == ""


def test_evidence_keeps_every_comparison_apart(local: World) -> None:
    """One metric may be primary, a floor and judged on a slice; the ledger names all three."""
    judged = verdict("A")
    [primary] = judged.comparisons
    floor, smokers = replace(primary, role="floor", low=0.93), replace(primary, role="slice", slice="smokers", low=0.92)
    local.promote(local.intent("A", verdict=replace(judged, comparisons=(primary, floor, smokers))))
    evidence = local.ledger.events[0].evidence
    assert evidence is not None
    lows = {name: low for name, (_, _, low, _) in evidence.metrics.items()}
    assert lows == {"roc_auc": 0.01, "roc_auc:floor": 0.93, "roc_auc:smokers": 0.92}


def test_an_inconclusive_verdict_says_how_many_rows_would_tell(local: World) -> None:
    """The remedy is a number."""
    unsure = replace(verdict("A", outcome=Verdict.INCONCLUSIVE), rows_needed=1200)
    with pytest.raises(InconclusiveError, match="1200 test rows would tell"):
        local.promote(local.intent("A", verdict=unsure))


def test_a_verdict_about_another_model_is_no_verdict(local: World) -> None:
    """Records of two runs cannot be mixed."""
    with pytest.raises(BadInputError, match="the verdict is about"):
        local.promote(local.intent("A", verdict=verdict("B")))


def test_names_cannot_leave_their_folders(local: World) -> None:
    """They become paths; a name that is a path is exit code 3."""
    with pytest.raises(SecurityRefusalError):
        local.promote(local.intent("A", model=ModelName("../../etc")))


def test_production_waits_for_staging(local: World) -> None:
    """Not promoted, promoted but not verified, verified as another image, verified, and taken back."""
    to_production = local.intent("A", environment=PRODUCTION, after=STAGING)
    with pytest.raises(GateFailedError, match="staging has not verified this release, and production comes after it"):
        local.promote(to_production)
    release = local.promote(local.intent("A")).release
    with pytest.raises(GateFailedError):
        local.promote(to_production)
    local.tell(EventKind.VERIFIED, environment=STAGING, release=replace(release, image_digest=digest("another")))
    with pytest.raises(GateFailedError):
        local.promote(to_production)
    local.tell(EventKind.VERIFIED, environment=STAGING, release=release)
    assert local.promote(to_production).outcome is Outcome.PROMOTED
    assert local.judged == []
    assert "charts/environments/production/churn.yaml" in git(local.root, "ls-tree", "-r", "--name-only", local.tip)


def test_an_override_opens_production_while_it_lasts(local: World) -> None:
    """A recorded decision of a person stands in for the verification, until it expires."""
    local.promote(local.intent("A"))
    until = events.instant(local.clock.now())
    local.tell(EventKind.OVERRIDDEN, environment=PRODUCTION, cause="environment", until=until)
    to_production = local.intent("A", environment=PRODUCTION, after=STAGING)
    with pytest.raises(GateFailedError):
        local.promote(to_production)
    local.tell(EventKind.OVERRIDDEN, environment=PRODUCTION, cause="environment", until="2030-01-01T00:00:00Z")
    assert local.promote(to_production).outcome is Outcome.PROMOTED


def test_what_was_rejected_stays_out(local: World) -> None:
    """A bad model is barred everywhere, a bad release where it was bad; infrastructure's faults bar nothing."""
    local.promote(local.intent("A"))
    release = local.promote(local.intent("B")).release
    local.tell(EventKind.WITHDRAWN, environment=STAGING, release=release, cause="infrastructure")
    assert local.promote(local.intent("B")).outcome is Outcome.PROMOTED
    local.tell(EventKind.REJECTED, environment=STAGING, release=release, cause="serving", reason="p99 latency")
    with pytest.raises(GateFailedError, match=r"staging rejected this release on .*: p99 latency"):
        local.promote(local.intent("B"))
    assert local.promote(local.intent("B", environment=PRODUCTION)).outcome is Outcome.PROMOTED
    local.tell(EventKind.REJECTED, environment=PRODUCTION, release=release, cause="model", reason="score drift")
    with pytest.raises(GateFailedError, match=r"churn v2: this model was rejected on .*: score drift"):
        local.promote(local.intent("B", chart={**CHART, "new": b""}))


def test_an_older_commit_never_replaces_a_newer_one(local: World) -> None:
    """Descendants and the same commit may follow; ancestors and strangers are exit code 6."""
    old = local.head
    new = commit(local.root, {"a": b"1"})
    git(local.root, "checkout", "-q", "-b", "side", old)
    side = commit(local.root, {"b": b"1"})
    local.promote(local.intent("A", commit=new))
    tip = local.tip
    with pytest.raises(ConflictError, match=f"staging serves commit {new[:12]}, which is newer than {old[:12]}") as caught:
        local.promote(local.intent("B", commit=old))
    assert caught.value.code == 6
    with pytest.raises(ConflictError, match=f"staging serves commit {new[:12]}, which {side[:12]} does not contain"):
        local.promote(local.intent("B", commit=side))
    assert local.tip == tip
    assert local.promote(local.intent("B", commit=new)).outcome is Outcome.PROMOTED


def test_a_new_champion_is_judged_against_before_it_is_replaced(local: World) -> None:
    """The judge is given the event, and the evidence in the ledger is the new verdict."""
    local.promote(local.intent("A"))
    local.promote(local.intent("B"))
    assert [event.release.model_digest for event in local.judged if event and event.release] == [digest("model A")]
    evidence = local.ledger.events[1].evidence
    assert evidence is not None
    assert evidence.champion == digest("model A")


def test_a_challenger_that_loses_to_the_new_champion_is_not_promoted(local: World) -> None:
    """Its PASS was about somebody else."""
    local.promote(local.intent("A"))
    tip = local.tip
    lost = verdict("B", champion=digest("model A"), outcome=Verdict.FAIL, reason="worse")
    with pytest.raises(GateFailedError, match="worse"):
        local.promote(local.intent("B"), rejudge=lambda _: lost)
    with pytest.raises(ConflictError, match="still about another champion"):
        local.promote(local.intent("B"), rejudge=lambda _: verdict("B", champion=digest("model Z")))
    assert local.tip == tip


@dataclass
class Rival:
    """A clock at whose first ticks somebody else is faster: between reading the tip and moving it."""

    clock: Ticking
    moves: list[Callable[[], object]]

    def now(self) -> datetime:
        """Let the next rival move, then tell the time."""
        if self.moves:
            self.moves.pop(0)()
        return self.clock.now()


def test_a_lost_race_is_decided_again_on_the_fresh_tip(remote: World) -> None:
    """The winner stays, the loser is judged against it and goes on top."""
    remote.promote(remote.intent("A"))
    champion = verdict("C", champion=digest("model A"))
    rival = World(remote.root, remote.holder, "main", remote.head, clock=remote.clock)
    intent = remote.intent("C", verdict=champion)
    done = remote.promote(intent, clock=Rival(remote.clock, [lambda: rival.promote(remote.intent("B"))]))
    assert (done.outcome, done.attempts, len(remote.pauses)) == (Outcome.PROMOTED, 2, 1)
    promoted = [event.release.model_digest for event in remote.ledger.events if event.release]
    assert promoted == [digest("model A"), digest("model B"), digest("model C")]
    assert [event.release.model_digest for event in remote.judged if event and event.release] == [digest("model B")]


def test_a_race_against_the_same_promotion_is_one_promotion(remote: World) -> None:
    """Two jobs of one commit: the slower one finds the work done."""
    rival = World(remote.root, remote.holder, "main", remote.head, clock=remote.clock)
    done = remote.promote(remote.intent("A"), clock=Rival(remote.clock, [lambda: rival.promote(remote.intent("A"))]))
    assert (done.outcome, done.attempts, len(remote.ledger.events)) == (Outcome.ALREADY, 2, 1)


def test_races_are_given_up_after_a_bound(local: World) -> None:
    """Somebody who is always faster is reported as trouble of the environment, not waited for for ever."""
    moves = [lambda number=number: local.put({"notes": b"%d" % number}) for number in range(9)]
    with pytest.raises(EnvironmentTroubleError, match="others were faster 4 times in a row; nothing was promoted") as caught:
        local.promote(local.intent("A"), clock=Rival(local.clock, moves), bound=4)
    assert caught.value.code == 5
    assert LEDGER not in git(local.root, "ls-tree", "-r", "--name-only", local.tip)
    assert all(0 <= pause <= 1 for pause in local.pauses)


def test_a_preview_shows_the_very_commit_and_writes_nothing(remote: World, tmp_path: Path) -> None:
    """The diff, applied to the branch by git, is what the promotion then commits."""
    remote.promote(remote.intent("A"))
    git(remote.root, "fetch", "-q", "origin")
    judged = verdict("B", champion=digest("model A"))
    intent = remote.intent(
        "B", verdict=judged, chart={**CHART, "Chart.yaml": b"name: model"}, predictions=("p/a.csv", b"1\r\n2")
    )
    clock = Ticking(remote.clock.time)
    before = snapshot(remote.root), remote.tip
    shown = replace(remote.preview(intent))
    assert (snapshot(remote.root), remote.tip) == before
    assert (shown.outcome, shown.deploy_commit) == (Outcome.SHOWN, None)
    git(tmp_path, "clone", "-q", str(remote.holder), "applied")
    git(tmp_path / "applied", "apply", "--index", "--whitespace=nowarn", "-", content=shown.diff.encode())
    done = remote.promote(intent, clock=clock)
    assert git(tmp_path / "applied", "write-tree") == git(remote.holder, "rev-parse", f"{done.deploy_commit}^{{tree}}")
    assert (done.diff, done.operation, done.release) == (shown.diff, shown.operation, shown.release)


def test_a_preview_decides_like_a_promotion(local: World) -> None:
    """Served already, refused, or judged against somebody else: the same answers, without a commit."""
    local.promote(local.intent("A"))
    again = local.preview(local.intent("A"))
    assert (again.outcome, again.diff, again.deploy_commit) == (Outcome.ALREADY, "", local.tip)
    with pytest.raises(ConflictError, match="there is no verdict about this tip's champion"):
        local.preview(local.intent("B"))
    with pytest.raises(GateFailedError):
        local.preview(local.intent("B", environment=PRODUCTION, after=STAGING))


@pytest.mark.parametrize("kind", ["main", "deploy", "elsewhere"])
def test_the_branch_may_be_main_another_one_or_in_another_repository(
    kind: str, tmp_path: Path, served: tuple[Path, str]
) -> None:
    """One line of release.yaml; the promotions are the same."""
    world = remote_world(tmp_path, served, kind)
    world.promote(world.intent("A"))
    world.promote(world.intent("B"))
    assert world.promote(world.intent("B")).outcome is Outcome.ALREADY
    assert log(world.holder, world.branch_name, "%s")[:2] == ["release: churn v2 to staging", "release: churn v1 to staging"]
    assert sound(world.holder)
    assert sound(world.root)


def test_a_checked_out_branch_without_a_remote_follows(tmp_path: Path) -> None:
    """On a laptop with one repository and one branch, the files appear where people look."""
    root = repository(tmp_path / "source", {"README.md": b"x\n", ".gitignore": b".release/\n"})
    world = World(root, root, "main", git(root, "rev-parse", "HEAD"))
    world.promote(world.intent("A"))
    world.promote(world.intent("B"))
    assert git(root, "status", "--porcelain") == ""
    assert events.parse((root / LEDGER).read_bytes(), LEDGER).events[-1].operation is not None
    assert log(root, "main", "%s")[:2] == ["release: churn v2 to staging", "release: churn v1 to staging"]


def hook(holder: Path, script: str) -> None:
    path = holder / "hooks" / "post-receive"
    path.write_text(f"#!/bin/sh\n{script}\nkill -9 $PPID\n")
    path.chmod(0o755)


def test_a_lost_reply_does_not_promote_twice(remote: World) -> None:
    """The push was accepted, the answer never came: one commit, and it is reported as made."""
    hook(remote.holder, "")
    done = remote.promote(remote.intent("A"))
    assert (done.outcome, done.deploy_commit) == (Outcome.PROMOTED, remote.tip)
    assert len(remote.ledger.events) == 1


def test_a_lost_reply_below_somebody_elses_commit_is_found_in_the_ledger(remote: World) -> None:
    """The branch has moved on meanwhile; the event says that the promotion is ours and done."""
    other = 'git -c user.name=x -c user.email=x commit-tree -p main -m other "main^{tree}"'
    hook(remote.holder, f'git update-ref refs/heads/main "$({other})"')
    done = remote.promote(remote.intent("A"))
    assert (done.outcome, done.attempts) == (Outcome.PROMOTED, 2)
    assert done.deploy_commit == git(remote.holder, "rev-parse", "main~1")
    assert len(remote.ledger.events) == 1


def test_a_stale_lock_on_the_server_is_reported_after_a_few_tries(remote: World) -> None:
    """A lock may pass, so it is tried again; one that stays is exit code 5 with the server's words."""
    (remote.holder / "refs/heads/main.lock").touch()
    with pytest.raises(EnvironmentTroubleError, match="the remote refuses the push") as caught:
        remote.promote(remote.intent("A"))
    assert caught.value.code == 5
    assert len(remote.pauses) == PATIENCE - 1
    (remote.holder / "refs/heads/main.lock").unlink()
    assert remote.promote(remote.intent("A")).outcome is Outcome.PROMOTED


@pytest.mark.parametrize("damage", ["shorter", "cut", "forked"])
def test_a_ledger_that_lost_lines_stops_everything(remote: World, tmp_path: Path, damage: str) -> None:
    """Force-pushed to fewer, cut or other lines: exit code 3, and nothing is put on top."""
    remote.promote(remote.intent("A"))
    remote.promote(remote.intent("B"))
    lines = remote.ledger.content.splitlines(keepends=True)
    contents = {
        "shorter": lines[0],
        "cut": remote.ledger.content[:-5],
        "forked": lines[0] + lines[1].replace(b"staging", b"production"),
    }
    git(tmp_path, "clone", "-q", str(remote.holder), "evil")
    commit(tmp_path / "evil", {LEDGER: contents[damage]})
    git(tmp_path / "evil", "push", "-q", "--force", "origin", "main")
    tip = remote.tip
    for _ in range(2):
        with pytest.raises(SecurityRefusalError):
            remote.promote(remote.intent("C"))
    assert remote.tip == tip


def test_a_broken_chain_is_refused_by_who_sees_it_for_the_first_time(local: World) -> None:
    """No memory is needed to see that a line was changed."""
    local.promote(local.intent("A"))
    local.promote(local.intent("B"))
    content = local.ledger.content.replace(b'"v1"', b'"v9"')
    git(local.root, "update-ref", "-d", "refs/heads/deploy")
    fresh = World(local.root, local.root, "fresh", local.head)
    fresh.put({LEDGER: content})
    with pytest.raises(SecurityRefusalError, match="the chain is broken"):
        fresh.promote(fresh.intent("C"))


def start(world: World, cache: Path) -> subprocess.Popen[bytes]:
    """Start a process that promotes as soon as it is told what."""
    command = [sys.executable, "-m", "support.promoting", str(world.root), world.repository, world.branch_name, str(cache)]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def tell(process: subprocess.Popen[bytes], *wanted: str) -> None:
    """Wait until a process is ready, and let it promote."""
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.stdin.write(" ".join(wanted).encode() + b"\n")
    process.stdin.flush()


def finished(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Return the exit code and what was said on standard error."""
    _, said = process.communicate(timeout=DEADLINE)
    return process.returncode, said.decode()


def operations(world: World) -> list[str]:
    """Return the operation of every promotion on the branch."""
    found = log(world.holder, world.branch_name, "%(trailers:key=Release-Operation,valueonly,separator=%x20)")
    return [line for line in found if line]


@pytest.mark.slow
def test_eight_writers_at_once_lose_nothing(remote: World) -> None:
    """Four promote models of their own, four the same one; every promotion is one commit, and every chain is whole."""
    wanted = {
        writer: [f"{'shared' if writer % 2 else f'own-{writer}'}:w{writer}n{number}" for number in range(3)]
        for writer in range(8)
    }
    # Half of them share a cache, as jobs on one machine do.
    caches = {writer: remote.root / f".release/{'shared' if writer < 4 else writer}" for writer in wanted}
    running = [start(remote, caches[writer]) for writer in wanted]
    for process, models in zip(running, wanted.values(), strict=True):
        tell(process, *models)
    assert [finished(process) for process in running] == [(0, "")] * 8
    promoted = Counter[str]()
    for path in git(remote.holder, "ls-tree", "--name-only", "main", "charts/environments/ledger/").splitlines():
        content = git(remote.holder, "show", f"main:{path}") + "\n"
        for event in events.parse(content.encode(), path).events:
            assert event.release
            promoted[f"{event.model}:{event.release.model_digest}"] += 1
    expected = [one.split(":") for models in wanted.values() for one in models]
    assert promoted == Counter(f"{model}:{digest(f'model {name}')}" for model, name in expected)
    assert len(operations(remote)) == len(set(operations(remote))) == 24
    assert git(remote.holder, "show", "main:README.md") == "hello"
    assert sound(remote.holder)
    assert sound(remote.root)


def promoted_under_fire(world: World, kills: int, *, whole_group: bool, within: float) -> int:
    """Promote m0, m1… one after the other, each again until it is done, killing at random; return how many were promoted."""
    rng = random.Random(11)
    cache = world.root / ".release/deploy"
    done = hit = 0
    process = start(world, cache)
    for _ in range(10 * kills):
        ahead = start(world, cache)  # starts while the other one works
        tell(process, f"churn:m{done}")
        if hit < kills:
            time.sleep(rng.uniform(0, within))
            if process.poll() is None:
                (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        code, said = finished(process)
        process = ahead
        if code == -signal.SIGKILL:
            hit += 1
            continue
        assert code in {0, 5}, said
        done += code == 0
        if code == 0 and hit >= kills:
            break
    process.kill()
    finished(process)
    assert hit == kills
    return done


@pytest.mark.slow
def test_killed_at_any_point_each_promotion_is_done_once_or_not_at_all(remote: World) -> None:
    """Forty kills of the whole process group, git included; the next run always converges."""
    done = promoted_under_fire(remote, 40, whole_group=True, within=0.4)
    assert done >= 1
    assert [event.release.model_digest for event in remote.ledger.events if event.release] == [
        digest(f"model m{number}") for number in range(done)
    ]
    assert len(operations(remote)) == len(set(operations(remote))) == done
    assert len(log(remote.holder, "main", "%H")) == done + 1
    assert sound(remote.holder)
    assert sound(remote.root)
    assert git(remote.root, "status", "--porcelain") == ""


@pytest.mark.slow
def test_killed_while_a_work_tree_follows_the_next_run_finishes_it(tmp_path: Path) -> None:
    """Without a remote and with the branch checked out: branch, index and files agree in the end."""
    root = repository(tmp_path / "source", {"README.md": b"x\n", ".gitignore": b".release/\n"})
    world = World(root, root, "main", git(root, "rev-parse", "HEAD"))
    done = promoted_under_fire(world, 15, whole_group=False, within=0.25)
    assert len(operations(world)) == len(set(operations(world))) == done
    assert len(world.ledger.events) == done
    assert git(root, "status", "--porcelain") == ""
    assert (root / LEDGER).read_bytes() == world.ledger.content
    assert sound(root)
