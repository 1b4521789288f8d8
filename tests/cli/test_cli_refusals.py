"""What is refused: one line with what, where and what to do, its exit code, the same as JSON, and nothing written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from cli_running import commit_all, customers, edit, files, here, process
from support.git import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow  # whole commands on whole repositories

MODEL = "models/churn/model.yaml"
TRAIN = "models/churn/data/train.csv"
TEST = "models/churn/data/test.csv"
INIT = "run `release init MODEL --from data.csv --target y`"
NAMES = "use lower-case letters, digits and inner hyphens, at most 40 in all"
UNCOMMITTED = "commit them: what is released is named by its commit"
ESTIMATORS = (
    *("logistic-regression", "ridge", "random-forest", "hist-gradient-boosting", "svm", "k-nearest-neighbours", "dummy"),
)


def refused(folder: Path, code: int, where: str, what: str, fix: str, *args: str) -> None:
    """Run a command that must be refused, as people and as pipelines read it; what went before may say notes only."""
    head = f"{where}: {what}" if where else what
    line = f"error: {head}; {fix}" if fix else f"error: {head}"
    before = files(folder, without=".release")
    told = here(folder, *args)
    assert (told.code, told.out, told.errors) == (code, "", [line]), told
    assert told.err.endswith(f"{line}\n")
    assert "Traceback" not in told.err
    parsed = here(folder, *args, "--json")
    assert parsed.code == code
    assert parsed.document == {"error": {"code": code, "where": where, "what": what, "fix": fix}}
    assert parsed.errors == [line]
    now = files(folder, without=".release")
    # Held while a local deploy branch is looked at: an empty file, which stays, for the kernel to lock.
    assert now.pop(".git/release.lock", b"") == before.pop(".git/release.lock", b"") == b""
    assert now == before


@pytest.mark.parametrize(
    "args",
    [
        ["plan"],
        ["check"],
        ["dry-run"],
        ["train", "churn"],
        ["promote", "churn", "--to", "staging"],
        ["status"],
        ["history", "churn"],
        ["index"],
    ],
)
def test_outside_of_a_repository_every_command_says_so(tmp_path: Path, args: list[str]) -> None:
    """A folder that no git repository holds is bad input, not a crash of git."""
    refused(tmp_path, 2, str(tmp_path), "not a git repository", "run in a clone, or `git init` and commit first", *args)
    assert not list(tmp_path.iterdir())


def test_init_outside_of_a_repository_writes_nothing(tmp_path: Path) -> None:
    """A model cannot be started where nothing could commit it."""
    (tmp_path / "customers.csv").write_text(customers(40))
    said = ("not a git repository", "run in a clone, or `git init` and commit first")
    refused(tmp_path, 2, str(tmp_path), *said, "init", "churn", "--from", "customers.csv", "--target", "churned")


def test_a_shallow_clone_names_the_command_that_gets_the_base(shop: Path, tmp_path: Path) -> None:
    """What a shallow clone lacks is worth a retry, after a fetch that can be copied from the message."""
    git(shop, "switch", "-q", "-c", "change")
    edit(shop, MODEL, "seed: 1", "seed: 2")
    commit_all(shop)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=change", shop.as_uri(), str(clone))
    fix = "run: git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main"
    what = "this shallow clone lacks main or the history up to it"
    refused(clone, 5, str(clone), what, fix, "plan", "--base", "main")
    git(clone, *fix.removeprefix("run: git ").split())
    assert here(clone, "plan", "--base", "main").out.startswith("churn  train ")


@pytest.mark.parametrize(
    ("code", "where", "what", "fix", "args"),
    [
        (2, "models/nope/model.yaml", "there is no model nope", "models here: churn, spend", ["train", "nope"]),
        (2, "models/nope/model.yaml", "there is no model nope", "models here: churn, spend", ["check", "nope"]),
        (2, "models/nope/model.yaml", "there is no model nope", "models here: churn, spend", ["dry-run", "nope"]),
        (2, "models/nope/model.yaml", "there is no model nope", "models here: churn, spend", ["status", "nope"]),
        (
            2,
            "charts/environments/ledger/nope.jsonl",
            "there is no model nope",
            "models here: churn, spend",
            ["history", "nope"],
        ),
        (3, "", "'../x' is no model name", NAMES, ["train", "../x"]),
        (3, "", "'../x' is no model name", NAMES, ["history", "../x"]),
        (3, "", "'a;b' is no model name", NAMES, ["status", "a;b"]),
        (2, "", "'Churn' is no model name", NAMES, ["train", "Churn"]),
        (2, "release.yaml", 'there is no environment "qa"', "one of: staging, production", ["dry-run", "--to", "qa"]),
        (
            2,
            "release.yaml",
            'there is no environment "qa"',
            "one of: staging, production",
            ["promote", "churn", "--to", "qa"],
        ),
        (2, "release", "No such command 'bogus'", "see `release --help`", ["bogus"]),
        (2, "release promote", "Missing option '--to'", "see `release promote --help`", ["promote", "churn"]),
    ],
)
def test_what_was_typed_is_refused_with_what_may_be_typed(
    shop: Path, code: int, where: str, what: str, fix: str, args: list[str]
) -> None:
    """Unknown models, environments, commands and names that are none end at once, and list what there is."""
    remembered = files(shop / ".release")
    refused(shop, code, where, what, fix, *args)
    assert files(shop / ".release") == remembered


def test_an_unknown_revision_is_told_from_a_shallow_clone(shop: Path) -> None:
    """In a whole clone a base that is not there is a mistake, not worth a retry."""
    fix = "see `git branch --all` for names"
    refused(shop, 2, str(shop), "there is no commit 'mian'", fix, "plan", "--base", "mian")


@pytest.mark.parametrize("args", [["check"], ["train", "churn"], ["dry-run"], ["promote", "churn", "--to", "staging"]])
def test_without_a_release_yaml_it_is_asked_for(shop: Path, args: list[str]) -> None:
    """Every command that needs to know the environments names the one that writes the file."""
    git(shop, "rm", "-q", "release.yaml")
    commit_all(shop)
    refused(shop, 2, "release.yaml", "there is no release.yaml", INIT, *args)


def _emptied(folder: Path) -> None:
    (folder / MODEL).write_text("")


def _scalar(folder: Path) -> None:
    (folder / MODEL).write_text("5\n")


def _lost(folder: Path) -> None:
    (folder / TRAIN).unlink()


def _repeated(folder: Path) -> None:
    row = (folder / TEST).read_text().splitlines()[3]
    with (folder / TRAIN).open("a") as file:
        file.write(row + "\n")


def _one_class(folder: Path) -> None:
    lines = (folder / TRAIN).read_text().splitlines()
    (folder / TRAIN).write_text("\n".join([lines[0], *(line[:-1] + "1" for line in lines[1:])]) + "\n")


def _edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder, path, old, new)


BAD_FILES = {
    "empty model.yaml": (_emptied, MODEL, "the file is empty", "see `release schema` for what it may say"),
    "scalar model.yaml": (_scalar, f"{MODEL}:1:1", "expected fields, found a single value", "write `field: value` lines"),
    "unknown field": (
        _edited(MODEL, "margin:", "marign:"),
        f"{MODEL}:18:30",
        'unknown field "marign" in gate.primary',
        'did you mean "margin"?',
    ),
    "wrong type": (
        _edited(MODEL, "seed: 1", "seed: one"),
        f"{MODEL}:16:7",
        'seed must be a whole number, not the text "one"',
        "write a whole number, without quotes",
    ),
    "unknown estimator": (
        _edited(MODEL, "kind: logistic-regression", "kind: logistic-regresion"),
        f"{MODEL}:15:9",
        'unknown estimator "logistic-regresion"',
        f'did you mean "logistic-regression"? one of: {", ".join(ESTIMATORS)}',
    ),
    "missing data file": (
        _lost,
        TRAIN,
        "there is no such data file",
        "put the file there, or correct data.train and data.test in model.yaml",
    ),
    "columns differ": (
        _edited(TRAIN, ",usage,", ",usages,"),
        TRAIN,
        "columns differ from the contract (missing: usage; not declared: usages (did you mean usage?))",
        "correct the file's header, or data.columns and data.ignore in model.yaml",
    ),
    "one class only": (_one_class, TRAIN, 'target "churned" is 1 in every row', "add rows of another value"),
}


@pytest.mark.parametrize(("change", "where", "what", "fix"), BAD_FILES.values(), ids=BAD_FILES)
def test_what_people_wrote_wrongly_is_refused_by_file_and_line(
    shop: Path, change: Callable[[Path], None], where: str, what: str, fix: str
) -> None:
    """Uncommitted, `check` and `dry-run` say it; committed, `train` does; each the same line."""
    change(shop)
    refused(shop, 2, where, what, fix, "check", "churn")
    refused(shop, 2, where, what, fix, "dry-run", "churn")
    commit_all(shop)
    refused(shop, 2, where, what, fix, "train", "churn")


def test_a_held_out_row_that_is_a_training_row_is_refused(shop: Path) -> None:
    """A test set that was trained on judges nothing; the row is named."""
    row = (shop / TEST).read_text().splitlines()[3].split(",")[0]
    _repeated(shop)
    what = f"1 held-out ids are also training ids ({row})"
    refused(shop, 2, TEST, what, "remove those rows from one of the two files", "check", "churn")
    refused(shop, 2, TEST, what, "remove those rows from one of the two files", "dry-run", "churn")


@pytest.mark.parametrize(
    "args",
    [
        ["train", "churn"],
        ["evaluate", "churn"],
        ["gate", "churn"],
        ["report", "churn"],
        ["package", "churn"],
        ["promote", "churn", "--to", "staging"],
    ],
)
def test_what_is_kept_is_made_from_commits_only(shop: Path, args: list[str]) -> None:
    """A stage whose record others go on from refuses a dirty tree, and names the file."""
    edit(shop, MODEL, "seed: 1", "seed: 2")
    remembered = files(shop / ".release")
    refused(shop, 2, MODEL, "uncommitted changes", UNCOMMITTED, *args)
    (shop / "models/churn/notes.txt").write_text("untracked files count\n")
    refused(shop, 2, MODEL, "uncommitted changes and 1 more", UNCOMMITTED, *args)
    assert files(shop / ".release") == remembered


@pytest.mark.parametrize("args", [["check", "churn"], ["dry-run", "churn"]])
def test_rehearsals_take_a_dirty_tree_and_say_so(shop: Path, args: list[str]) -> None:
    """`check` and `dry-run` go on with what is not committed, because that is when people want them."""
    edit(shop, MODEL, "seed: 1", "seed: 2")
    before = files(shop, without=".release")
    told = here(shop, *args)
    assert told.code == 0
    assert told.err.splitlines()[0] == (f"uncommitted: {MODEL}; judged as they are, a promotion needs them committed")
    assert files(shop, without=".release") == before


def test_another_models_dirt_does_not_matter(shop: Path) -> None:
    """A model is named by the commit of its own files."""
    edit(shop, "models/spend/model.yaml", "rmse: 100", "rmse: 90")
    assert here(shop, "gate", "churn").code == 0


VALUES = "charts/environments/staging/churn.yaml"


@pytest.mark.parametrize("how", ["a mapping where the digest was", "no YAML"])
def test_values_that_would_have_to_be_destroyed_are_left_alone(served: Path, how: str) -> None:
    """A values file that people edited into something that cannot be patched is refused, by line, and stays as it is."""
    git(served, "switch", "-q", "deploy")
    text = (served / VALUES).read_text()
    digest = next(line for line in text.splitlines() if line.startswith("  digest:"))
    changed = "image: [\n" if how == "no YAML" else text.replace(digest, "  digest: {of: nothing}", 1)
    (served / VALUES).write_text(changed)
    commit_all(served, "Edit")
    git(served, "switch", "-q", "main")
    edit(served, MODEL, "kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
    commit_all(served)
    before = files(served, without=".release")
    for args in (["dry-run", "churn"], ["promote", "churn", "--to", "staging"]):
        told = here(served, *args)
        assert (told.code, told.out) == (2, ""), told
        [line] = told.errors
        assert line.startswith(f"error: {VALUES}:")
        parsed = here(served, *args, "--json")
        assert (parsed.code, parsed.document["error"]["code"]) == (2, 2)
        assert parsed.document["error"]["fix"]
    assert files(served, without=".release") == before
    assert git(served, "show", f"deploy:{VALUES}") + "\n" == changed


def test_production_waits_until_staging_has_verified(served: Path) -> None:
    """The order of the environments is policy: exit 4, and what to do first."""
    fix = "promote it to staging and wait until `release reconcile` has verified it there"
    what = "staging has not verified this release, and production comes after it"
    refused(served, 4, "churn v1", what, fix, "promote", "churn", "--to", "production")


@pytest.mark.parametrize(
    ("args", "stage"),
    [
        (["evaluate", "churn"], "train"),
        (["gate", "churn"], "train"),
        (["report", "churn"], "train"),
        (["package", "churn"], "train"),
        (["promote", "churn", "--to", "staging"], "train"),
    ],
)
def test_a_job_that_lost_its_memory_is_told_which_command_to_run(shop: Path, args: list[str], stage: str) -> None:
    """Without `.release/` a stage does not guess: it names the one before."""
    shutil.rmtree(shop / ".release")
    what = "no `train` record for this commit, data and champion"
    refused(shop, 2, "models/churn", what, f"run `release {stage} churn`", *args)


@pytest.mark.parametrize("stage", ["evaluate", "gate", "package"])
def test_promote_names_the_very_stage_that_is_missing(shop: Path, stage: str) -> None:
    """Half a memory is not enough either; nothing is trained or judged behind the user's back."""
    shutil.rmtree(shop / f".release/records/{stage}")
    what = f"no `{stage}` record for this commit, data and champion"
    refused(shop, 2, "models/churn", what, f"run `release {stage} churn`", "promote", "churn", "--to", "staging")
    assert not git(shop, "branch", "--list", "deploy")


@pytest.mark.parametrize("args", [["check"], ["train"], ["gate"], ["dry-run"]])
def test_a_release_folder_that_cannot_be_used_is_the_machines_trouble(shop: Path, args: list[str]) -> None:
    """When `.release/` cannot be a folder the exit code says that a retry may help, once that is corrected."""
    shutil.rmtree(shop / ".release")
    (shop / ".release").write_text("in the way\n")
    told = here(shop, *args, "churn")
    assert (told.code, told.out) == (5, "")
    [line] = told.errors
    assert line.startswith(f"error: {shop}/.release/")
    assert line.endswith("cannot read: Not a directory; correct permissions, then run again")
    parsed = here(shop, *args, "churn", "--json")
    assert parsed.document["error"]["code"] == 5
    assert (shop / ".release").read_text() == "in the way\n"


def test_an_older_commit_never_replaces_a_newer_one(served: Path) -> None:
    """Promoting from the past is a conflict that names both commits, and nothing moves."""
    old = git(served, "rev-parse", "HEAD")
    edit(served, MODEL, "kind: logistic-regression", "kind: logistic-regression\n  params: {C: 0.5}")
    new = commit_all(served)
    assert here(served, "dry-run", "churn").code == 0
    assert here(served, "promote", "churn", "--to", "staging").code == 0
    git(served, "checkout", "-q", "--detach", old)
    what = f"staging serves commit {new[:12]}, which is newer than {old[:12]}"
    fix = "promote from the newer commit, or `release rollback`"
    refused(served, 6, "churn", what, fix, "promote", "churn", "--to", "staging")


def test_one_bad_model_does_not_keep_the_others_from_their_turn(shop: Path) -> None:
    """Without names every due model is tried; the first failure decides the exit code, and the others are shown."""
    edit(shop, MODEL, "seed: 1", "seed: one")
    told = here(shop, "dry-run")
    assert told.code == 2
    assert told.out.startswith("spend: PASS\n")
    assert told.errors == [
        f'error: {MODEL}:16:7: seed must be a whole number, not the text "one"; write a whole number, without quotes'
    ]
    assert here(shop, "dry-run", "--json").document["error"]["where"] == f"{MODEL}:16:7"


def test_a_process_prints_the_line_and_exits_with_the_code(shop: Path) -> None:
    """The real command ends as the calls above do: code, one line on standard error, nothing on standard output."""
    done = process(shop, "gate", "../x")
    assert (done.code, done.out, done.err) == (3, "", f"error: '../x' is no model name; {NAMES}\n")
