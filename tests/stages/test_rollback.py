"""Rollback, resume, override and retire: one commit each, by real git, once however often they are asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.amending import MODEL, PLACE, Site
from support.git import git, isolate
from support.promotions import CHART, PRODUCTION, STAGING, digest, promotion, verdict

from release.artifact import ledger as events
from release.artifact.amendment import Place
from release.artifact.orders import Overridden, Override, Reach, Resume, Retire
from release.artifact.promotion import Asked
from release.artifact.rollback import Leaves, Patched, Rollback
from release.errors import BadInputError, ConflictError, GateFailedError
from release.records import EventKind, Verdict
from release.schedule import window
from release.stages.override import override
from release.stages.resume import resume
from release.stages.retire import retire
from release.stages.rollback import rollback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.amending import AmendRecord


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Make a place where A and then B were promoted and verified."""
    with pytest.MonkeyPatch.context() as patch:
        isolate(patch)
        made = Site.at(tmp_path_factory.mktemp("made") / "source")
        made.release("A")
        made.release("B")
        yield made


@pytest.fixture
def site(made: Site, tmp_path: Path) -> Site:
    """Give each test a copy of its own."""
    return made.copied(tmp_path / "source")


ORDER = Rollback(place=PLACE, to=None, leaves=Leaves.REJECTED, leaving=None, reason="latency", by="ada")


def back(site: Site, **changes: Any) -> AmendRecord:
    return rollback(replace(ORDER, **changes), desk=site.desk)


def served(site: Site) -> str:
    event = events.serving(site.ledger, STAGING)
    return event.release.version if event and event.release else "nothing"


def test_a_rollback_restores_the_verified_release_before_in_one_commit(site: Site) -> None:
    """Values, rejection, hold and restoration come together; every byte that is not ours stays."""
    first = site.values()
    before = git(site.root, "show", f"deploy:{PLACE.values_path}")
    commits = site.commits
    done = back(site)
    assert site.commits == commits + 1
    assert (done.deploy_commit, done.attempts) == (git(site.root, "rev-parse", "deploy"), 1)
    assert site.kinds[-3:] == ["rejected", "held", "restored"]
    now = site.values()
    assert now["image"]["digest"] == digest("image A")
    assert now["model"] == {"digest": digest("model A"), "version": "v1"}
    assert now["release"]["fast"] is True
    assert now["release"]["operation"] == site.ledger.events[-1].operation != first["release"]["operation"]
    assert now["replicas"] == 3
    assert (
        git(site.root, "show", f"deploy:{PLACE.values_path}").splitlines()[0] == before.splitlines()[0] == "# Ours to edit."
    )
    message = git(site.root, "log", "-1", "--format=%B", "deploy")
    assert message.startswith("release: churn back to v1 in staging\n")
    assert "Release-Event: restored" in message
    assert done.diff.startswith(f"diff --git a/{PLACE.ledger_path}")


def test_what_was_left_is_refused_and_automatic_promotion_is_held(site: Site) -> None:
    """Neither comes back by itself: not the release, and not another one until a person promotes."""
    back(site)
    with pytest.raises(GateFailedError, match="staging rejected this release"):
        site.promote("B")
    with pytest.raises(GateFailedError, match=r"staging is held since .*: rolled back: latency") as caught:
        site.promote("C", asked=Asked.AUTOMATICALLY)
    assert caught.value.code == 4
    site.promote("C")
    assert events.held(site.ledger, STAGING) is None
    site.promote("D", asked=Asked.AUTOMATICALLY)


def test_kept_releases_are_not_rejected(site: Site) -> None:
    """`--keep` is for a rollback that says nothing against the release."""
    back(site, leaves=Leaves.KEPT)
    assert "rejected" not in site.kinds
    assert served(site) == "v1"
    site.promote("B")
    assert served(site) == "v2"
    assert site.values()["release"]["fast"] is False


def test_asked_twice_it_goes_back_once(site: Site) -> None:
    """A repeated job must not go on to the release before; a person names it."""
    site.release("C")
    back(site)
    assert served(site) == "v2"
    again = back(site)
    assert (again.deploy_commit, served(site)) == (None, "v2")
    assert "rolled back to v2" in again.why
    back(site, to="v1")
    assert (served(site), site.kinds[-1]) == ("v1", "restored")
    assert back(site, to="v1").deploy_commit is None


@pytest.mark.parametrize("name", ["v1", digest("model A"), digest("image A")[7:19]])
def test_a_release_is_named_by_version_or_digest(site: Site, name: str) -> None:
    """Of the model or of the image, short or whole."""
    site.release("C")
    back(site, to=name)
    assert served(site) == "v1"


def test_only_what_was_verified_there_is_returned_to(site: Site) -> None:
    """Not what never was, not what was rejected since, not what serves, not what nobody knows."""
    site.promote("C")
    site.release("D")
    with pytest.raises(GateFailedError, match="v3 was not verified there"):
        back(site, to="v3")
    with pytest.raises(BadInputError, match="v4 is what serves there"):
        back(site, to="v4")
    with pytest.raises(BadInputError, match=r"no release is called v9; verified there: v1, v2"):
        back(site, to="v9")
    back(site)
    assert served(site) == "v2"


def test_a_first_release_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    """It says so, and what to do instead."""
    site = Site.at(tmp_path / "source")
    site.release("A")
    with pytest.raises(GateFailedError, match="no release before the serving one was verified") as caught:
        back(site)
    assert "release retire churn --env staging" in caught.value.fix
    with pytest.raises(BadInputError, match="nothing serves there"):
        back(site, place=Place(model=MODEL, environment=PRODUCTION))


def test_another_chart_of_the_same_image_is_another_release(site: Site) -> None:
    """A redeploy is rolled back to the chart before, and bars nothing but itself."""
    site.release("B", chart={**CHART, "Chart.yaml": b"name: newer\n"})
    charts = [event.release.chart for event in site.ledger.events if event.release]
    assert charts[-1] != charts[0]
    back(site)
    assert site.values()["chart"]["path"] == charts[0]
    assert site.values()["image"]["digest"] == digest("image B")
    assert events.barred(site.ledger, digest("model B"), now=site.clock.now()) is None


def test_an_edited_operation_stops_a_rollback(site: Site) -> None:
    """What the ledger does not know of is not overwritten."""
    site.edit(str(events.serving(site.ledger, STAGING).operation), digest("somebody"))  # type: ignore[union-attr]
    with pytest.raises(ConflictError, match="not what the ledger says was put there") as caught:
        back(site)
    assert caught.value.code == 6


def test_a_scalar_that_a_person_changed_meanwhile_is_left_alone(site: Site) -> None:
    """Each is restored only where it is still what the promotion wrote, and the commit names the others."""
    site.edit('version: "v2"', 'version: "hotfix"')
    back(site)
    assert site.values()["model"] == {"digest": digest("model A"), "version": "hotfix"}
    assert "somebody changed them: model.version" in git(site.root, "log", "-1", "--format=%B", "deploy")


def test_a_lost_chart_stops_a_rollback(site: Site) -> None:
    """What cannot be rendered is not restored."""
    lost = site.ledger.events[0].release
    assert lost
    current = site.ledger.events[-1].release
    assert current
    grown, _ = events.append(
        site.ledger,
        EventKind.VERIFIED,
        at=site.clock.now(),
        model=MODEL,
        environment=STAGING,
        release=replace(lost, chart="charts/versions/lost"),
    )
    content = grown.content
    for kind, release in ((EventKind.PROMOTED, replace(lost, chart="charts/versions/lost")), (EventKind.PROMOTED, current)):
        grown, _ = events.append(
            events.parse(content, "x"),
            kind,
            at=site.clock.now(),
            model=MODEL,
            environment=STAGING,
            operation=events.serving(site.ledger, STAGING).operation,  # type: ignore[union-attr]
            release=release,
        )
        content = grown.content
    site.put({PLACE.ledger_path: content})
    with pytest.raises(ConflictError, match="the chart that this release was made with is gone"):
        back(site)


def test_a_release_that_came_meanwhile_is_not_rolled_back_instead(site: Site) -> None:
    """The order was about what served when it was given; a lost race against a promotion is exit code 6."""

    class Racing:
        def __init__(self) -> None:
            self.asked = 0

        def now(self) -> Any:
            self.asked += 1
            if self.asked == 1:
                site.promote("C")
            return site.clock.now()

    with pytest.raises(ConflictError, match="v3 serves by now, not v2"):
        rollback(ORDER, desk=replace(site.desk, clock=Racing()))
    assert served(site) == "v3"


def test_freeze_windows_stop_promotions_but_no_rollback(site: Site) -> None:
    """At night and at the weekend the way back is open; an override of kind freeze opens the way forward."""
    closed = (window("Fri 11:00 - Fri 13:00"),)
    with pytest.raises(GateFailedError, match='staging is frozen now, by "Fri 11:00 - Fri 13:00"'):
        site.promote("C", freeze=closed)
    site.clock.forward(hours=1)
    site.promote("C", freeze=closed)
    site.clock.forward(hours=-1)
    back(site)
    assert served(site) == "v2"
    order(site, Overridden.FREEZE)
    site.promote("D", freeze=closed)


def test_a_release_soaks_in_the_environment_before(site: Site) -> None:
    """The clock runs while it serves there, verified; what is replaced stops, and `environment` overrides it."""
    wanted = {"environment": PRODUCTION, "after": STAGING, "soak": timedelta(hours=24)}
    site.clock.forward(hours=23)
    with pytest.raises(
        GateFailedError, match=r"serve in staging for 1 day, 0:00:00 before production, 1:00:00 more"
    ) as caught:
        site.promote("B", **wanted)
    assert "after 2026-01-31T12:00:00Z" in caught.value.fix
    site.promote("C")
    site.clock.forward(hours=9)
    with pytest.raises(GateFailedError, match="1:00:00 more"):
        site.promote("B", **wanted)
    site.promote("B")
    site.verify()
    site.clock.forward(hours=1)
    site.promote("B", **wanted)
    assert events.serving(site.ledger, PRODUCTION)


def order(site: Site, kind: Overridden, **changes: Any) -> AmendRecord:
    base = Override(
        place=PLACE,
        kind=kind,
        release=None,
        reason="we know better",
        by="ada",
        approvers=("grace", "alan"),
        needed=2,
        longest=timedelta(days=14),
    )
    return override(replace(base, **changes), desk=site.desk)


def test_an_override_is_recorded_with_reason_approvers_and_end(site: Site) -> None:
    """One commit; said twice it is there once."""
    done = order(site, Overridden.GATE)
    assert [event.kind for event in done.events] == [EventKind.APPROVED, EventKind.APPROVED, EventKind.OVERRIDDEN]
    last = site.ledger.events[-1]
    assert (last.cause, last.reason, last.by, last.until) == ("gate", "we know better", "ada", "2026-02-13T12:00:00Z")
    assert order(site, Overridden.GATE).deploy_commit is None


def test_an_override_of_the_gate_promotes_what_failed_but_never_what_is_invalid(site: Site) -> None:
    """INVALID says nothing about the model, so there is nothing to override."""
    now = events.champion(site.ledger, (STAGING, PRODUCTION))
    assert now
    assert now.release
    failed = verdict("C", champion=now.release.model_digest, outcome=Verdict.FAIL)
    with pytest.raises(GateFailedError):
        site.promote("C", verdict=failed)
    order(site, Overridden.GATE)
    with pytest.raises(GateFailedError, match="INVALID"):
        site.promote("C", verdict=replace(failed, verdict=Verdict.INVALID))
    site.promote("C", verdict=failed)
    assert served(site) == "v3"


def test_too_few_approve(site: Site) -> None:
    """Whoever asks does not count, nor does anybody twice."""
    commits = site.commits
    with pytest.raises(GateFailedError, match="2 others must approve, 1 did"):
        order(site, Overridden.GATE, approvers=("ada", "grace", "grace"))
    assert site.commits == commits


def test_an_override_cannot_outlast_what_is_allowed(site: Site) -> None:
    """Nor may it be over already, or come without a reason."""
    now = site.clock.now()
    with pytest.raises(BadInputError, match="later than the 14 days"):
        order(site, Overridden.GATE, until=now + timedelta(days=15))
    with pytest.raises(BadInputError, match="is over already"):
        order(site, Overridden.GATE, until=now)
    with pytest.raises(BadInputError, match="an override needs a reason"):
        order(site, Overridden.GATE, reason=" ")


def test_a_rejection_is_lifted_for_one_release_until_it_expires(site: Site) -> None:
    """Where nothing is rejected, there is nothing to lift."""
    with pytest.raises(BadInputError, match="nothing was rejected there"):
        order(site, Overridden.REJECTED)
    back(site)
    done = order(site, Overridden.REJECTED, until=site.clock.now() + timedelta(hours=1), reach=Reach.EVERYWHERE)
    assert [event.release.version for event in done.events if event.release] == ["v2"] * 3
    site.clock.forward(hours=2)
    with pytest.raises(GateFailedError, match="staging rejected this release"):
        site.promote("B")
    order(site, Overridden.REJECTED, reason="still")
    site.promote("B")
    assert served(site) == "v2"


def test_resuming_ends_a_hold_once(site: Site) -> None:
    """And says so when there is none."""
    back(site)
    resume(Resume(place=PLACE, reason=None, by="ada"), desk=site.desk)
    assert events.held(site.ledger, STAGING) is None
    site.promote("C", asked=Asked.AUTOMATICALLY)
    again = resume(Resume(place=PLACE, reason=None, by="ada"), desk=site.desk)
    assert (again.deploy_commit, again.why) == (None, "staging is not held")


def test_a_retired_model_serves_no_more(site: Site) -> None:
    """Scaled to zero in the same commit, once; without a number to set, or where nothing ever was, nothing is written."""
    with pytest.raises(BadInputError, match=r"there is no number at serving\.replicas to set to 0"):
        retire(Retire(place=PLACE, reason="replaced", by="ada"), desk=site.desk)
    site.edit("replicas: 3", "serving: {cpu: 1, replicas: 3}  # three")
    before = git(site.root, "show", f"deploy:{PLACE.values_path}")
    retire(Retire(place=PLACE, reason="replaced", by="ada"), desk=site.desk)
    assert (served(site), site.kinds[-1]) == ("nothing", "retired")
    assert git(site.root, "show", f"deploy:{PLACE.values_path}") == before.replace("replicas: 3", "replicas: 0")
    assert retire(Retire(place=PLACE, reason="replaced", by="ada"), desk=site.desk).deploy_commit is None
    with pytest.raises(BadInputError, match="nothing was ever promoted there"):
        retire(Retire(place=Place(model=MODEL, environment=PRODUCTION), reason=None, by=None), desk=site.desk)


@pytest.mark.parametrize("value", ["three", "'3'", "&n 3", "!!int 3", "[3]", "", "3.5"])
def test_only_a_plain_number_is_scaled_to_zero(site: Site, value: str) -> None:
    """What a token means elsewhere, or does not mean, is not rewritten."""
    site.edit("replicas: 3", f"serving:\n  replicas: {value}")
    with pytest.raises(BadInputError, match=r"there is no number at serving\.replicas") as caught:
        retire(Retire(place=PLACE, reason=None, by=None), desk=site.desk)
    assert caught.value.where.startswith(f"{PLACE.values_path}:")


def test_promotions_carry_no_waiting_unless_told(site: Site) -> None:
    """The defaults are those of an environment that says nothing: no soak, no freeze, asked by a person."""
    intent = promotion(site.head, "C")
    assert (intent.soak, intent.freeze, intent.asked) == (timedelta(), (), Asked.BY_A_PERSON)


def patched(site: Site, name: str) -> Patched:
    """Say that a model was put on another runtime, in an image of its own."""
    events_of = [one for one in site.ledger.events if one.release and one.release.model_digest == digest(f"model {name}")]
    release = events_of[0].release
    assert release
    return Patched(of=release, release=replace(release, image_digest=digest(f"patched {name}")))


def test_a_model_on_a_newer_runtime_has_to_prove_itself(site: Site) -> None:
    """Its image was never verified: no fast restore, a cause that says why, and the rest of a rollback as ever."""
    done = back(site, patched=patched(site, "A"))
    assert [event.kind for event in done.events] == [EventKind.REJECTED, EventKind.HELD, EventKind.RESTORED]
    event = done.events[-1]
    assert (event.cause, event.release) == ("repackage", patched(site, "A").release)
    now = site.values()
    assert now["image"]["digest"] == digest("patched A")
    assert now["model"] == {"digest": digest("model A"), "version": "v1"}
    assert now["release"]["fast"] is False
    assert back(site, patched=patched(site, "A")).deploy_commit is None
    message = git(site.root, "log", "-1", "--format=%B", "deploy")
    assert f"Put on the present runtime instead of image {digest('image A')}" in message


def test_verified_there_once_it_is_restored_without_a_canary(site: Site) -> None:
    """The next rollback to the same image is like any other, also where its order names the older image."""
    back(site, patched=patched(site, "A"))
    site.verify()
    site.release("C")
    done = back(site, to=digest("image A"), patched=patched(site, "A"))
    assert done.events[-1].cause == "rollback"
    assert site.values()["release"]["fast"] is True


def test_what_follows_restores_every_scalar(site: Site) -> None:
    """A rollback that went through a canary wrote `fast: false`; going on from it finds that as it expects."""
    back(site, patched=patched(site, "A"), leaves=Leaves.KEPT)
    back(site, to="v2")
    assert site.values()["release"]["fast"] is True
    assert site.values()["image"]["digest"] == digest("image B")
    assert "Not touched" not in git(site.root, "log", "-1", "--format=%B", "deploy")


def test_a_patch_for_another_release_than_the_target_is_refused(site: Site) -> None:
    """The ledger moved on between the making of the image and the order."""
    with pytest.raises(ConflictError, match="it would return to v1 by now"):
        back(site, patched=replace(patched(site, "A"), of=patched(site, "B").of))


def test_going_back_from_a_patched_image_to_itself_is_refused(site: Site) -> None:
    """Its own former image is the release before; on the present runtime that is what serves."""
    intent = promotion(site.head, "B")
    package = replace(intent.package, digest=digest("patched B"))
    site.release("B", package=package, inputs=replace(intent.inputs, package=digest("new")))
    with pytest.raises(GateFailedError, match=r"v2 was on an older runtime .*, and on the present one it is what serves"):
        back(site, patched=patched(site, "B"))


def test_a_version_means_its_newest_image(site: Site) -> None:
    """A model that was put on another runtime since is one release to people; a digest names the older image."""
    intent = promotion(site.head, "B")
    site.release("B", package=replace(intent.package, digest=digest("patched B")))
    site.release("C")
    back(site, to="v2")
    assert site.values()["image"]["digest"] == digest("patched B")
    back(site, to=digest("image B"))
    assert site.values()["image"]["digest"] == digest("image B")
