"""From a judged model to an environment that names it, and what plan, status and history then say."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, edit, files, here, ledger, ok, scalar
from support.git import bare, git, log

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
VALUES = "charts/environments/staging/churn.yaml"
ESTIMATOR = "kind: logistic-regression"
OTHER = (ESTIMATOR, ESTIMATOR + "\n  params: {C: 0.5}")
DEPLOY = "deploy: {repository: ., branch: deploy}"


def test_a_promotion_is_one_commit_that_everything_then_tells_of(shop: Path) -> None:
    """Plan, promote, status, history and plan again: due, promoted, serving, recorded, and nothing left to do."""
    assert ok(here(shop, "plan")).out == (
        "churn  train       the ledger has no release of it\nspend  train       the ledger has no release of it\n"
    )
    head = git(shop, "rev-parse", "HEAD")
    told = ok(here(shop, "promote", "churn", "--to", "staging", "--json")).document
    release, made = told["release"], told["deploy_commit"]
    assert (told["model"], told["environment"], told["outcome"], told["attempts"]) == ("churn", "staging", "promoted", 1)
    assert log(shop, "deploy", "%H %an") == [f"{made} Ada"]
    trailers = dict(
        line.split(": ") for line in git(shop, "log", "-1", "--format=%(trailers)", "deploy").splitlines() if line
    )
    assert trailers == {
        "Release-Model": "churn",
        "Release-Environment": "staging",
        "Release-Model-Digest": release["model_digest"],
        "Release-Image-Digest": release["image_digest"],
        "Release-Operation": told["operation"],
        "Release-Event": "promoted",
    }
    assert scalar(shop, VALUES, "digest") == release["image_digest"]
    assert scalar(shop, VALUES, "commit") == head
    assert (git(shop, "rev-parse", "HEAD"), git(shop, "status", "--porcelain")) == (head, "")

    text = ok(here(shop, "status", "churn")).out
    short = f"model {release['model_digest'][7:19]} image {release['image_digest'][7:19]}"
    assert text.splitlines()[0] == (
        f"churn                staging      v1   {short} since 2026-01-31T12:00:00Z by {head[:12]}, PASS, not verified yet"
    )
    assert text.splitlines()[1] == "churn                production   nothing"
    rows = ok(here(shop, "status", "--json")).document["releases"]
    assert [(row["model"], row["environment"], bool(row["serves"])) for row in rows] == [
        ("churn", "staging", True),
        ("churn", "production", False),
        ("spend", "staging", False),
        ("spend", "production", False),
    ]
    assert rows[0]["serves"] == release

    [event] = ok(here(shop, "history", "churn", "--json")).document["events"]
    assert (event["kind"], event["seq"], event["commit"], event["operation"]) == ("promoted", 1, head, told["operation"])
    assert re.fullmatch(
        rf"   1  2026-01-31T12:00:00Z  promoted    staging      v1 {short}  from {head[:12]}  PASS, first release"
        r"  by Ada <ada@example\.org>\n",
        ok(here(shop, "history", "churn")).out,
    )
    assert ok(here(shop, "plan")).out == "spend  train       the ledger has no release of it\n"


def test_promoting_twice_is_one_promotion(served: Path) -> None:
    """The second says that the release serves already, and writes nothing."""
    before = files(served, without=".release")
    told = ok(here(served, "promote", "churn", "--to", "staging"))
    assert re.fullmatch(r"churn v1 \(sha256:[0-9a-f]{12}\) in staging: serves already, nothing to do\n", told.out), told.out
    assert ok(here(served, "promote", "churn", "--to", "staging", "--json")).document["outcome"] == "already"
    assert files(served, without=".release") == before
    assert ok(here(served, "plan")).out == "nothing to release\n"
    assert ok(here(served, "plan", "--json")).document["matrix"] == {"include": []}


def test_without_names_everything_due_is_promoted(shop: Path) -> None:
    """One commit for each model; then nothing is due, and promoting again has nothing to do."""
    told = ok(here(shop, "promote", "--to", "staging", "--json")).document
    assert [one["model"] for one in told] == ["churn", "spend"]
    assert len(log(shop, "deploy", "%s")) == 2
    assert ok(here(shop, "promote", "--to", "staging")).out == "nothing to release\n"


def test_the_next_release_keeps_what_people_wrote(served: Path) -> None:
    """Promoting a successor changes the owned values only: comments, order and people's own lines stay."""
    git(served, "switch", "-q", "deploy")
    edit(served, VALUES, "  replicas: 1\n", "  replicas: 4   # Black Friday\n")
    commit_all(served, "Scale")
    git(served, "switch", "-q", "main")
    edit(served, MODEL, *OTHER)
    commit_all(served)
    ok(here(served, "dry-run", "churn"))
    ok(here(served, "promote", "churn", "--to", "staging"))
    changed = git(served, "diff", "--unified=0", "deploy~1", "deploy", "--", VALUES).splitlines()
    names = [line[1:].split(":")[0].strip() for line in changed if re.match(r"[+-] ", line)]
    assert sorted(set(names)) == ["commit", "digest", "operation", "version"]
    assert "  replicas: 4   # Black Friday" in git(served, "show", f"deploy:{VALUES}")
    assert [event["release"]["version"] for event in ledger(served)] == ["v1", "v2"]
    assert ledger(served)[1]["evidence"]["champion"] == ledger(served)[0]["release"]["model_digest"]


CHANGES = {
    "policy": (MODEL, "roc_auc: 0.6", "roc_auc: 0.7", "the gate's policy changed since its last release"),
    "redeploy": (
        MODEL,
        "seed: 1\n",
        "seed: 1\nserving: {replicas: 2}\n",
        "serving, rollout or the chart changed since its last release",
    ),
}


@pytest.mark.parametrize(("kind", "change"), CHANGES.items(), ids=CHANGES)
def test_a_change_that_needs_no_new_model_is_settled_once(served: Path, kind: str, change: tuple[str, ...]) -> None:
    """Plan names its kind, dry-run passes without training, promote records one line, then nothing is due."""
    path, old, new, why = change
    edit(served, path, old, new)
    head = commit_all(served)
    assert ok(here(served, "plan")).out == f"churn  {kind:<10}  {why}\n"
    rehearsed = ok(here(served, "dry-run", "--json"))
    assert "churn: train reused" in rehearsed.err
    [model] = rehearsed.document["models"]
    assert (model["kind"], model["verdict"]["verdict"]) == (kind, "PASS")
    values = git(served, "show", f"deploy:{VALUES}")
    ok(here(served, "promote", "--to", "staging"))
    first, second = ledger(served)
    assert (second["kind"], second["commit"], second["release"]) == ("judged", head, first["release"])
    assert git(served, "show", f"deploy:{VALUES}") == values
    assert ok(here(served, "plan")).out == "nothing to release\n"
    ok(here(served, "promote", "churn", "--to", "staging"))
    assert len(ledger(served)) == 2


def test_a_change_of_the_chart_is_a_release_of_the_same_model(served: Path) -> None:
    """The chart reaches every model by a redeploy: the same digests, another copy of the chart."""
    edit(served, "charts/model/values.yaml", "\n", "\n# A note.\n")
    commit_all(served)
    kinds = ok(here(served, "plan", "--json")).document["matrix"]["include"]
    assert kinds == [{"model": "churn", "kind": "redeploy"}, {"model": "spend", "kind": "redeploy"}]
    ok(here(served, "dry-run"))
    ok(here(served, "promote", "--to", "staging"))
    first, second = ledger(served)
    assert (second["kind"], second["release"]["model_digest"]) == ("promoted", first["release"]["model_digest"])
    assert second["release"]["chart"] != first["release"]["chart"]
    assert scalar(served, VALUES, "path") == second["release"]["chart"]
    assert ok(here(served, "plan")).out == "nothing to release\n"


PLACES = {
    "a branch of its own, no remote": (DEPLOY, ".", "deploy"),
    "main, no remote": ("deploy: {repository: ., branch: main}", ".", "main"),
    "a branch of its own on origin": (DEPLOY, "../origin.git", "deploy"),
    "main on origin": ("deploy: {repository: ., branch: main}", "../origin.git", "main"),
    "another repository": ("deploy: {repository: ../other.git, branch: live}", "../other.git", "live"),
}


@pytest.mark.parametrize(("deploy", "place", "branch"), PLACES.values(), ids=PLACES)
def test_the_deploy_branch_is_where_release_yaml_says(shop: Path, deploy: str, place: str, branch: str) -> None:
    """One line of release.yaml moves it; the promotion is one new commit there, and nowhere else."""
    edit(shop, "release.yaml", DEPLOY, deploy.ljust(len(DEPLOY)))
    head = commit_all(shop) if deploy != DEPLOY else git(shop, "rev-parse", "HEAD")
    for name in ("origin.git", "other.git"):
        bare(shop.parent / name)
    remote = place == "../origin.git"
    if remote:
        git(shop, "remote", "add", "origin", "../origin.git")
        git(shop, "push", "-q", "origin", "main")
    told = ok(here(shop, "promote", "churn", "--to", "staging"))
    assert re.search(rf" in staging: promoted, commit [0-9a-f]{{12}} on {branch}\n\Z", told.out)
    where = shop / place
    assert [event["release"]["version"] for event in ledger(where, ref=branch)] == ["v1"]
    assert scalar(where, VALUES, "commit", ref=branch) == head
    assert log(where, branch, "%P|")[0] == (f"{head}|" if branch == "main" else "|")
    moved = place == "." and branch == "main"
    assert (git(shop, "rev-parse", "HEAD") == head) is not moved
    assert git(shop, "status", "--porcelain") == ""
    assert (shop / VALUES).exists() is moved
    if remote and branch != "main":
        assert git(shop / "../origin.git", "rev-parse", "main") == head
    assert ok(here(shop, "plan")).out == "spend  train       the ledger has no release of it\n"
    assert "serves already" in ok(here(shop, "promote", "churn", "--to", "staging")).out
    assert ok(here(shop, "status", "churn")).out.split()[2] == "v1"


def test_an_environments_status_can_be_asked_of_the_remote(served: Path, tmp_path: Path) -> None:
    """A clone shows what it last saw; `--fetch` asks first."""
    git(tmp_path, "clone", "-q", str(served), "clone")
    clone = tmp_path / "clone"
    assert ok(here(clone, "status", "churn")).out.split()[2] == "v1"
    edit(served, MODEL, *OTHER)
    commit_all(served)
    ok(here(served, "dry-run", "churn"))
    ok(here(served, "promote", "churn", "--to", "staging"))
    assert ok(here(clone, "status", "churn")).out.split()[2] == "v1"
    assert ok(here(clone, "status", "churn", "--fetch")).out.split()[2] == "v2"
    assert len(ok(here(clone, "history", "churn", "--json")).document["events"]) == 2


@pytest.fixture
def raced(shop: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two clones of one bare origin, each with a judged first release: the second's commit follows the first's."""
    origin = bare(tmp_path / "origin.git")
    git(shop, "push", "-q", str(origin), "main")
    clones = tmp_path / "first", tmp_path / "second"
    for clone in clones:
        git(tmp_path, "clone", "-q", str(origin), str(clone))
        git(clone, "config", "user.name", "Ada")
        git(clone, "config", "user.email", "ada@example.org")
    shutil.copytree(shop / ".release", clones[0] / ".release")
    return *clones, origin


def test_a_loser_that_has_heard_of_the_winner_is_judged_again_too(shop: Path) -> None:
    """When the new champion is known before promote starts it is the same race: judged again, not sent back."""
    edit(shop, MODEL, *OTHER)
    commit_all(shop)
    ok(here(shop, "dry-run", "churn"))
    git(shop, "switch", "-q", "--detach", "HEAD~1")
    ok(here(shop, "promote", "churn", "--to", "staging"))
    git(shop, "switch", "-q", "main")
    told = ok(here(shop, "promote", "churn", "--to", "staging"))
    one, two = ledger(shop)
    assert f"churn: the champion is {one['release']['model_digest'][:19]} now, judging again\n" in told.err
    assert two["evidence"]["champion"] == one["release"]["model_digest"]


def test_a_loser_of_a_race_is_judged_against_the_new_champion(raced: tuple[Path, Path, Path]) -> None:
    """The verdict it had was about nobody; it passes again, and the evidence names whom it has beaten."""
    first, second, origin = raced
    edit(second, MODEL, *OTHER)
    commit_all(second)
    judged = ok(here(second, "dry-run", "churn", "--json")).document["models"][0]["verdict"]
    assert (judged["verdict"], judged["champion"]) == ("PASS", None)
    ok(here(first, "promote", "churn", "--to", "staging"))
    told = ok(here(second, "promote", "churn", "--to", "staging", "--json"))
    one, two = ledger(origin)
    assert f"churn: the champion is {one['release']['model_digest'][:19]} now, judging again\n" in told.err
    assert two["evidence"]["champion"] == one["release"]["model_digest"]
    assert (two["release"], two["release"]["version"]) == (told.document["release"], "v2")


def test_a_loser_that_the_new_champion_beats_is_not_promoted(raced: tuple[Path, Path, Path]) -> None:
    """What its floors let pass alone fails beside the champion that was promoted meanwhile: exit 4, nothing pushed."""
    first, second, origin = raced
    edit(second, MODEL, ESTIMATOR, "kind: dummy")
    edit(second, MODEL, "roc_auc: 0.6", "roc_auc: 0.35")
    commit_all(second)
    assert ok(here(second, "dry-run", "churn", "--json")).document["models"][0]["verdict"]["verdict"] == "PASS"
    ok(here(first, "promote", "churn", "--to", "staging"))
    tip = git(origin, "rev-parse", "deploy")
    told = here(second, "promote", "churn", "--to", "staging")
    assert (told.code, told.out) == (4, "")
    assert told.errors[0].startswith("error: churn: the verdict is FAIL: roc_auc FAIL ")
    assert git(origin, "rev-parse", "deploy") == tip


def test_a_commit_beside_the_one_that_serves_is_refused(raced: tuple[Path, Path, Path]) -> None:
    """Neither contains the other, so neither may replace the other: exit 6, merge first."""
    first, second, _ = raced
    edit(second, MODEL, *OTHER)
    ours = commit_all(second)
    ok(here(second, "dry-run", "churn"))
    edit(first, "models/spend/model.yaml", "rmse: 100", "rmse: 90")
    theirs = commit_all(first)
    ok(here(first, "promote", "churn", "--to", "staging"))
    git(second, "fetch", "-q", str(first), "main")
    told = here(second, "promote", "churn", "--to", "staging")
    what = f"staging serves commit {theirs[:12]}, which {ours[:12]} does not contain"
    assert (told.code, told.errors) == (
        6,
        [f"error: churn: {what}; merge the two and promote from the merge"],
    )
