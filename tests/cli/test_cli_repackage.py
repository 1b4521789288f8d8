"""A patched runtime for models that serve: packaged again, equal to themselves, and nothing trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cli_running import commit_all, edit, here, ledger, ok, scalar
from support.git import git

from release.adapters.deploy_branch import open_branch
from release.adapters.registry_http import HttpRegistry
from release.artifact import ledger as events
from release.artifact.model import installed_versions
from release.artifact.oci import EMPTY_BASE, build
from release.artifact.runtime import VERSION
from release.cli import patching, repackaging
from release.cli.wiring import Workspace
from release.config.names import environment_name
from release.records import EventKind, ModelName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

VALUES = "charts/environments/staging/churn.yaml"
OTHER = ("kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")


@pytest.fixture(scope="session")
def runtimes(start_registry: Callable[..., str]) -> Callable[..., str]:
    """Return a function that pushes a runtime of a version and returns its name by digest."""
    address = start_registry()

    def make(version: str, sklearn: str = installed_versions()["scikit-learn"]) -> str:
        said = {VERSION: version, "release.runtime.scikit-learn": sklearn}
        image = build(EMPTY_BASE, {"server": version.encode()}, labels=said, annotations={})
        HttpRegistry(address).push("ml/runtime", image, f"v{version}")
        return f"{address}/ml/runtime@{image.digest}"

    return make


def on_runtime(shop: Path, image: str, more: str = "") -> None:
    """Name a runtime in release.yaml, in a commit."""
    file = shop / "release.yaml"
    text = file.read_text().partition("runtime:")[0]
    file.write_text(text + f"runtime:\n  images: {{skops: {image}}}\n{more}")
    commit_all(shop, "Another runtime")


def verify(shop: Path, model: str) -> None:
    """Write the event that a content cluster would bring about."""
    path = f"charts/environments/ledger/{model}.jsonl"
    branch = open_branch(shop, ".", "deploy", shop / ".release/deploy")
    tip = branch.tip(fetch=True)
    parsed = events.parse(branch.read(tip, path) or b"", path)
    staging = environment_name("staging")
    one = events.serving(parsed, staging)
    assert one
    now = Workspace.here().clock.now()
    grown, _ = events.append(
        parsed,
        EventKind.VERIFIED,
        at=now,
        model=ModelName(model),
        environment=staging,
        operation=one.operation,
        release=one.release,
        commit=one.commit,
    )
    made = branch.commit(tip, {path: grown.content}, "Verified\n", now)
    assert branch.publish(made, tip)


def looks(shop: Path) -> list[str]:
    return sorted(str(path) for path in (shop / ".release/looks").rglob("*") if path.is_file())


def judged(shop: Path) -> Any:
    """Run the stages up to the package, each a command of its own, and return the verdict."""
    ok(here(shop, "train", "churn"))
    ok(here(shop, "evaluate", "churn"))
    verdict = ok(here(shop, "gate", "churn", "--json")).document
    ok(here(shop, "package", "churn"))
    return verdict


@pytest.fixture
def at_home(served: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the shop with both models in staging, on no runtime yet, as the working directory."""
    monkeypatch.chdir(served)
    return served


def test_a_runtime_reaches_a_model_that_is_not_trained_again(at_home: Path, runtimes: Callable[..., str]) -> None:
    """Due as a repackage, equal to what it said, the same version in another image, a canary, and settled."""
    before, seen = ledger(at_home)[-1], looks(at_home)
    on_runtime(at_home, runtimes("0.1.0"))
    assert ok(here(at_home, "plan")).out.splitlines() == [
        f"{name}  repackage   the serving format or runtime changed since its last release" for name in ("churn", "spend")
    ]
    trained = sorted((at_home / ".release/records/train").iterdir())
    verdict = judged(at_home)
    [row] = verdict["comparisons"]
    assert (verdict["verdict"], verdict["reasons"]) == ("PASS", [])
    assert (row["metric"], row["method"], row["reason"]) == (
        "predictions",
        "identical",
        "73 held-out and 8 golden rows score as recorded",
    )
    assert verdict["challenger"] == verdict["champion"] == before["release"]["model_digest"]
    told = ok(here(at_home, "promote", "churn", "--to", "staging", "--json")).document
    now = ledger(at_home)[-1]
    assert (now["kind"], now["cause"], now["evidence"]["verdict"]) == ("promoted", "repackage", "PASS")
    assert told["release"]["image_digest"] != before["release"]["image_digest"]
    assert {**told["release"], "image_digest": ""} == {**before["release"], "image_digest": ""}
    assert scalar(at_home, VALUES, "fast") == "false"
    assert sorted((at_home / ".release/records/train").iterdir()) == trained
    assert looks(at_home) == seen
    assert verdict["test_set"]["looks"] == len(events.looks(_parsed(at_home), verdict["test_set"]["digest"])) == 1
    assert [line.split()[0] for line in ok(here(at_home, "plan")).out.splitlines()] == ["spend"]
    again = ok(here(at_home, "promote", "churn", "--to", "staging")).out
    assert "serves already, nothing to do" in again


def _parsed(shop: Path) -> events.Ledger:
    return Workspace.here().ledger(ModelName("churn"), tip=open_branch(shop, ".", "deploy", shop / "x").tip(fetch=False))


def test_a_rehearsal_shows_it_and_changes_nothing(at_home: Path, runtimes: Callable[..., str]) -> None:
    """The report says what was compared; the diff holds the image and no other digest."""
    on_runtime(at_home, runtimes("0.1.0"))
    tip = git(at_home, "rev-parse", "deploy")
    done = ok(here(at_home, "dry-run", "churn"))
    assert "73 held-out and 8 golden rows score as recorded" in done.out
    assert "its bytes are from this machine" in done.err
    assert git(at_home, "rev-parse", "deploy") == tip
    report = (at_home / ".release/reports/churn/report.md").read_text()
    assert "73 held-out and 8 golden rows score as recorded" in report
    assert (at_home / ".release/reports/churn/report.html").stat().st_size > 1000
    diff = (at_home / ".release/reports/churn/promotion.diff").read_text()
    owned = [line[1:].strip().partition(":")[0] for line in diff.splitlines() if line.startswith("+  ")]
    assert sorted(owned) == ["commit", "digest", "operation"]


def test_without_its_bytes_the_commit_is_trained_again_and_that_is_said(
    at_home: Path, runtimes: Callable[..., str], tmp_path: Path
) -> None:
    """A fresh clone that reaches no registry: the last resort; only golden rows are known to compare, which is said too."""
    on_runtime(at_home, runtimes("0.1.0"))
    git(tmp_path, "clone", "-q", str(at_home), "clone")
    clone = tmp_path / "clone"
    git(clone, "config", "user.name", "Ada")
    git(clone, "config", "user.email", "ada@example.org")
    trained = ok(here(clone, "train", "churn"))
    assert "churn v1: its bytes are from its commit, trained again" in trained.err
    ok(here(clone, "evaluate", "churn"))
    verdict = ok(here(clone, "gate", "churn", "--json")).document
    only = "no predictions of these test rows are recorded for it, so only the golden rows it carries were compared"
    assert (verdict["verdict"], verdict["reasons"]) == ("PASS", [only])
    assert verdict["comparisons"][0]["n"] == 8


def test_a_fresh_clone_takes_the_model_from_the_registry(
    at_home: Path, runtimes: Callable[..., str], tmp_path: Path
) -> None:
    """As a job does that shares no disk with the one before: nothing is trained; the server lends the layers."""
    address = runtimes("0.1.0").partition("/")[0]
    edit(at_home, "release.yaml", "registry: oci:.release/registry", f"registry: {address}/models")
    on_runtime(at_home, runtimes("0.1.0"))
    judged(at_home)
    ok(here(at_home, "promote", "churn", "--to", "staging"))
    verify(at_home, "churn")
    on_runtime(at_home, runtimes("0.2.0"))
    git(tmp_path, "clone", "-q", str(at_home), "clone")
    clone = tmp_path / "clone"
    git(clone, "config", "user.name", "Ada")
    git(clone, "config", "user.email", "ada@example.org")
    assert "churn v1: its bytes are from the registry" in ok(here(clone, "train", "churn")).err
    assert not (clone / ".release/records/train").exists()
    assert judged(clone)["verdict"] == "PASS"
    ok(here(clone, "promote", "churn", "--to", "staging", "--automatic"))
    now = ledger(at_home)[-1]
    assert (now["kind"], now["cause"], now["release"]["version"]) == ("promoted", "repackage", "v1")
    manifest = HttpRegistry(address).manifest("models/churn", now["release"]["image_digest"])
    assert manifest is not None


def test_the_next_environment_has_batches_of_its_own(at_home: Path, runtimes: Callable[..., str]) -> None:
    """What is verified in one place waits for its turn in the next; an ordinary release does not."""
    on_runtime(at_home, runtimes("0.1.0"), "  batch: 1\n")
    judged(at_home)
    ok(here(at_home, "promote", "churn", "--to", "staging"))
    workspace = Workspace.here()
    event = _parsed(at_home).events[-1]
    assert (
        repackaging.waits(workspace, event, "staging") == "waits for its batch, at most 1 at once in staging (runtime.batch)"
    )
    assert repackaging.waits(workspace, event, "production") is None
    assert repackaging.waits(workspace, _parsed(at_home).events[0], "staging") is None


def test_a_runtime_that_cannot_carry_the_model_fails_and_names_both(at_home: Path, runtimes: Callable[..., str]) -> None:
    """Exit code 4: its pods would refuse to start; the remedy is to train it again."""
    on_runtime(at_home, runtimes("0.2.0", sklearn="9.9.9"))
    ok(here(at_home, "train", "churn"))
    ok(here(at_home, "evaluate", "churn"))
    done = here(at_home, "gate", "churn")
    mine = installed_versions()["scikit-learn"]
    assert (done.code, len(done.errors)) == (4, 1)
    assert f"it has scikit-learn 9.9.9, the model was trained with {mine}" in done.errors[0]
    assert "or have the model trained again" in done.errors[0]
    for verb in (("dry-run",), ("package",), ("promote", "--to", "staging")):
        refused = here(at_home, *verb, "churn")
        assert (refused.code, refused.errors) == (4, done.errors)
    assert [line.split()[0] for line in ok(here(at_home, "plan")).out.splitlines()] == ["churn", "spend"]


def test_what_answers_otherwise_than_recorded_fails(at_home: Path, runtimes: Callable[..., str]) -> None:
    """Predictions that were committed with the release are the yardstick, to the last digit."""
    digest = ledger(at_home)[-1]["release"]["model_digest"]
    store = Workspace.here().store
    [record] = {
        (at_home / ".release/records/evaluate" / path.name): path
        for path in (at_home / ".release/records/evaluate").iterdir()
        if digest in path.read_text() and '"champion":null' in path.read_text()
    }
    old = record.read_text()
    kept = [
        part for part in old.split('"') if part.startswith("sha256:") and store.get(part) and b",score" in store.get(part)
    ]
    lines = store.get(kept[0]).decode().splitlines()
    name, y, score = lines[1].split(",")
    lines[1] = f"{name},{y},{float(score) / 2!r}"
    for path in (at_home / ".release/records/evaluate").iterdir():
        path.write_text(path.read_text().replace(kept[0], store.put(("\n".join(lines) + "\n").encode())))
    on_runtime(at_home, runtimes("0.1.0"))
    ok(here(at_home, "train", "churn"))
    ok(here(at_home, "evaluate", "churn"))
    done = here(at_home, "gate", "churn")
    assert done.code == 4
    assert "FAIL: predictions: 1 of 73 held-out rows are scored otherwise, by up to" in done.errors[0]
    serves = ok(here(at_home, "status", "churn", "--json")).document["releases"]
    ok(here(at_home, "package", "churn"))
    refused = here(at_home, "promote", "churn", "--to", "staging", "--automatic")
    assert (refused.code, ledger(at_home)[-1]["kind"], ledger(at_home)[-1]["cause"]) == (4, "judged", "repackage")
    assert [line.split()[0] for line in ok(here(at_home, "plan")).out.splitlines()] == ["spend"]
    assert ok(here(at_home, "status", "churn", "--json")).document["releases"] == serves


def test_training_wins_where_both_are_due(at_home: Path, runtimes: Callable[..., str]) -> None:
    """The new model is put on the new runtime, and judged against the old one as ever."""
    edit(at_home, "models/churn/model.yaml", *OTHER)
    on_runtime(at_home, runtimes("0.1.0"))
    assert ok(here(at_home, "plan")).out.startswith("churn  train       what is trained changed since its last release;")
    verdict = judged(at_home)
    assert verdict["comparisons"][0]["metric"] == "roc_auc"
    assert verdict["challenger"] != verdict["champion"]


def test_models_go_to_another_runtime_in_batches(at_home: Path, runtimes: Callable[..., str]) -> None:
    """The first ones until they are verified, then the next: by the ledgers alone, and only where nobody asks."""
    on_runtime(at_home, runtimes("0.1.0"), "  batch: 1\n")
    for verb in ("train", "evaluate", "gate", "package"):
        ok(here(at_home, verb))
    first = ok(here(at_home, "promote", "--to", "staging", "--automatic"))
    assert first.out.startswith("churn v1 ")
    late = "1 more waits for this batch, at most 1 at once in staging (runtime.batch): spend"
    assert late in first.err
    waits = ok(here(at_home, "promote", "--to", "staging", "--automatic"))
    assert (waits.out, late in waits.err) == ("nothing to release\n", True)
    verify(at_home, "churn")
    assert ok(here(at_home, "promote", "--to", "staging", "--automatic")).out.startswith("spend v1 ")
    assert ok(here(at_home, "plan")).out == "nothing to release\n"


@pytest.fixture
def twice(at_home: Path, runtimes: Callable[..., str]) -> Path:
    """Give the shop with `churn` v1 and v2 verified in staging on runtime 0.1.0, and 0.2.0 named since."""
    on_runtime(at_home, runtimes("0.1.0"))
    judged(at_home)
    ok(here(at_home, "promote", "churn", "--to", "staging"))
    verify(at_home, "churn")
    edit(at_home, "models/churn/model.yaml", *OTHER)
    commit_all(at_home, "Another one")
    judged(at_home)
    ok(here(at_home, "promote", "churn", "--to", "staging"))
    verify(at_home, "churn")
    on_runtime(at_home, runtimes("0.2.0"), '  minimum: "0.2"\n')
    return at_home


def test_a_rollback_puts_an_old_model_on_the_present_runtime_first(twice: Path) -> None:
    """The same model and version in a new image, which was never verified: it goes through a canary, and all else holds."""
    v1 = ledger(twice)[-4]["release"]
    assert patching.outdated(Workspace.here())[0].startswith(
        "note: churn v2 in staging has runtime 0.1.0, older than runtime.minimum 0.2; "
    )
    assert "note: churn v2 in staging has runtime 0.1.0" in ok(here(twice, "check", "churn")).out
    told = ok(here(twice, "rollback", "churn", "--json")).document
    assert [(event["kind"], event["cause"]) for event in told["events"]] == [
        ("rejected", "rollback"),
        ("held", "rollback"),
        ("restored", "repackage"),
    ]
    put = told["events"][-1]["release"]
    assert put["image_digest"] != v1["image_digest"]
    assert {**put, "image_digest": ""} == {**v1, "image_digest": ""}
    assert scalar(twice, VALUES, "fast") == "false"
    workspace = Workspace.here()
    [event] = [one for one in workspace.ledgers(fetch=False)[ModelName("churn")].events if one.cause == "repackage"][-1:]
    assert event.release
    assert patching.runtime_of(workspace, event.release) == "0.2.0"
    assert "is back already" in ok(here(twice, "rollback", "churn", "--to", v1["image_digest"])).out
    assert ok(here(twice, "rollback", "churn")).out.endswith("name another by --to; nothing to do\n")


def test_what_was_verified_on_the_present_runtime_needs_no_second_canary(twice: Path, runtimes: Callable[..., str]) -> None:
    """Going back to it once more is a restoration like any other."""
    ok(here(twice, "rollback", "churn"))
    verify(twice, "churn")
    edit(twice, "models/churn/model.yaml", "C: 0.5", "C: 0.25")
    commit_all(twice, "A third")
    judged(twice)
    ok(here(twice, "promote", "churn", "--to", "staging"))
    told = ok(here(twice, "rollback", "churn", "--json")).document
    assert (told["events"][-1]["cause"], told["events"][-1]["release"]["version"]) == ("rollback", "v1")
    assert scalar(twice, VALUES, "fast") == "true"


@pytest.mark.parametrize(
    ("yaml", "code", "line"),
    [
        ('runtime: {minimum: "0.2"}\n', 4, "release.yaml names no runtime.images.skops; name one (`release runtime`"),
        ('runtime:\n  images: {skops: OLD}\n  minimum: "0.2"\n', 4, "it is of version 0.1.0 itself; lower"),
        ('runtime:\n  images: {skops: ODD}\n  minimum: "0.2"\n', 4, "it has scikit-learn 9.9.9, the model was trained with"),
        ('runtime:\n  images: {skops: GONE}\n  minimum: "0.2"\n', 5, "the runtime image is not there"),
    ],
)
def test_a_rollback_that_cannot_be_patched_says_what_to_do(
    twice: Path, runtimes: Callable[..., str], yaml: str, code: int, line: str
) -> None:
    """One line, and nothing is written."""
    file = twice / "release.yaml"
    images = {"OLD": runtimes("0.1.0"), "ODD": runtimes("0.3.0", sklearn="9.9.9")}
    images["GONE"] = images["OLD"].partition("@")[0] + "@sha256:" + "0" * 64
    for name, image in images.items():
        yaml = yaml.replace(name, image)
    file.write_text(file.read_text().partition("runtime:")[0] + yaml)
    commit_all(twice, "Another")
    tip = git(twice, "rev-parse", "deploy")
    done = here(twice, "rollback", "churn")
    assert (done.code, len(done.errors)) == (code, 1)
    assert line in done.errors[0]
    assert git(twice, "rev-parse", "deploy") == tip
