"""The source repository: commits, trees and files, read from real repositories."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.git import bare, commit, git, isolate, repository, snapshot

from release.adapters.git import GitSource
from release.errors import BadInputError, EnvironmentTroubleError, SecurityRefusalError
from release.records import Commit

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"models/a/model.yaml": b"x: 1\r\n", "models/b/data ä.csv": b"1,2\n", "release.yaml": b"tool: x\n"}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "source", FILES)


def shallow_clone(root: Path, into: Path, *, branch: str = "main") -> Path:
    """Clone one commit of one branch, as CI systems do."""
    git(root, "clone", "-q", "--depth=1", f"--branch={branch}", root.as_uri(), str(into))
    return into


def test_a_repository_is_found_from_a_sub_folder_and_from_a_linked_work_tree(root: Path, tmp_path: Path) -> None:
    """The root is the work tree's, wherever in it a command starts."""
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    assert GitSource.find(root / "models" / "a").root == root
    linked = GitSource.find(tmp_path / "linked" / "models")
    assert linked.root == tmp_path / "linked"
    assert linked.read(linked.resolve("side"), "release.yaml") == b"tool: x\n"


def test_outside_of_a_repository_the_remedy_is_named(tmp_path: Path) -> None:
    """One line: what, where, what to do."""
    with pytest.raises(BadInputError) as caught:
        GitSource.find(tmp_path)
    assert str(caught.value) == f"{tmp_path}: not a git repository; run in a clone, or `git init` and commit first"


def test_a_bare_repository_and_a_missing_folder_have_their_own_messages(tmp_path: Path) -> None:
    """Neither is mistaken for a folder outside of git."""
    with pytest.raises(BadInputError, match="without a work tree"):
        GitSource.find(bare(tmp_path / "bare"))
    with pytest.raises(BadInputError, match="no such folder"):
        GitSource.find(tmp_path / "missing")


def test_a_repository_without_commits_says_so(tmp_path: Path) -> None:
    """It can be found, to be filled by `init`, but no revision of it can be named."""
    source = GitSource.find(repository(tmp_path / "empty"))
    with pytest.raises(BadInputError, match="the repository has no commit yet; commit first"):
        source.resolve("HEAD")


def test_branches_tags_and_short_names_are_commits(root: Path) -> None:
    """Whatever people type becomes one full name."""
    head = git(root, "rev-parse", "HEAD")
    git(root, "tag", "-a", "v1", "-m", "one")
    source = GitSource(root)
    assert {source.resolve(name) for name in ("main", "HEAD", "v1", head[:10], head)} == {head}


def test_a_branch_that_is_only_on_origin_is_found(root: Path, tmp_path: Path) -> None:
    """`--base main` works in a clone that has checked out something else."""
    git(root, "branch", "side")
    git(root, "clone", "-q", "--branch=side", str(root), str(tmp_path / "clone"))
    assert GitSource(tmp_path / "clone").resolve("main") == git(root, "rev-parse", "main")


@pytest.mark.parametrize("name", ["", "--all", "-x", "a\nb", "nowhere", "0" * 40])
def test_what_is_no_revision_is_bad_input(root: Path, name: str) -> None:
    """Options and control characters never reach git as a revision."""
    with pytest.raises(BadInputError):
        GitSource(root).resolve(name)


def test_ancestry_is_told_and_unrelated_histories_have_no_base(root: Path) -> None:
    """Older, newer, diverged and unrelated commits are told apart."""
    one = Commit(git(root, "rev-parse", "HEAD"))
    two = Commit(commit(root, {"b": b"2"}))
    git(root, "checkout", "-q", "-b", "side", one)
    three = Commit(commit(root, {"c": b"3"}))
    git(root, "checkout", "-q", "--orphan", "alone")
    four = Commit(commit(root, {"d": b"4"}))
    source = GitSource(root)
    assert source.is_ancestor(one, two)
    assert source.is_ancestor(two, two)
    assert not source.is_ancestor(two, one)
    assert not source.is_ancestor(two, three)
    assert source.merge_base(two, three) == one
    with pytest.raises(BadInputError, match="share no history"):
        source.merge_base(one, four)


@pytest.mark.parametrize("revision", ["side", "origin/side"])
def test_a_shallow_clone_without_the_base_names_a_command_that_fetches_it(root: Path, tmp_path: Path, revision: str) -> None:
    """Exit code 5, and the command in the message is exactly what it takes."""
    base = git(root, "rev-parse", "HEAD")
    git(root, "branch", "side")
    commit(root, {"b": b"2"})
    clone = shallow_clone(root, tmp_path / "clone")
    with pytest.raises(EnvironmentTroubleError, match="shallow clone lacks") as caught:
        GitSource(clone).resolve(revision)
    subprocess.run(shlex.split(caught.value.fix.removeprefix("run: ")), cwd=clone, check=True, capture_output=True)
    source = GitSource(clone)
    assert source.resolve(revision) == base
    assert source.merge_base(Commit(base), source.resolve("HEAD")) == base


def test_a_shallow_clone_does_not_answer_what_it_cannot_know(root: Path, tmp_path: Path) -> None:
    """A plain no would let a cut-off history pass for a diverged one."""
    old = Commit(git(root, "rev-parse", "HEAD"))
    commit(root, {"b": b"2"})
    clone = shallow_clone(root, tmp_path / "clone")
    head = GitSource(clone).resolve("HEAD")
    git(clone, "fetch", "-q", "--depth=1", "origin", old)
    with pytest.raises(EnvironmentTroubleError, match="git fetch --unshallow origin"):
        GitSource(clone).is_ancestor(old, head)
    with pytest.raises(EnvironmentTroubleError, match="git fetch --unshallow origin"):
        GitSource(clone).merge_base(old, head)


def test_a_commit_that_the_clone_lacks_is_not_an_empty_one(root: Path, tmp_path: Path) -> None:
    """Every read of an absent commit is exit code 5, never "no such file"."""
    old = Commit(git(root, "rev-parse", "HEAD"))
    commit(root, {"b": b"2"})
    source = GitSource(shallow_clone(root, tmp_path / "clone"))
    head = source.resolve("HEAD")
    for ask in (
        lambda: source.tree(old, "models"),
        lambda: source.read(old, "release.yaml"),
        lambda: source.changed(old, head),
        lambda: source.is_ancestor(old, head),
    ):
        with pytest.raises(EnvironmentTroubleError, match=f"shallow clone lacks {old}"):
            ask()


def test_trees_and_files_are_read_byte_for_byte(root: Path) -> None:
    """Names with spaces and umlauts, and line ends, arrive as committed, whatever the work tree holds now."""
    (root / "release.yaml").write_bytes(b"changed")
    source = GitSource(root)
    head = source.resolve("HEAD")
    assert set(source.tree(head, "models", "release.yaml")) == set(FILES)
    assert source.tree(head, "models/a") == {"models/a/model.yaml": git(root, "rev-parse", "HEAD:models/a/model.yaml")}
    assert source.read_many(head, [*FILES, "missing", "models"]) == FILES
    assert source.read(head, "missing") is None
    assert source.tree(head, "missing") == {}


def test_objects_are_named_in_one_call(root: Path) -> None:
    """Files and folders have names, absent ones and absent commits have none; spaces do not confuse the answer."""
    head = git(root, "rev-parse", "HEAD")
    asked = [f"{head}:models", f"{head}:models/b/data ä.csv", f"{head}:no such", f"{'1' * 40}:models"]
    found = GitSource(root).objects(asked)
    assert found == [git(root, "rev-parse", asked[0]), git(root, "rev-parse", asked[1]), None, None]
    assert GitSource(root).objects([]) == []


def test_changes_between_two_commits_are_listed_by_path(root: Path) -> None:
    """Added, changed, removed; a rename is both."""
    one = Commit(git(root, "rev-parse", "HEAD"))
    git(root, "mv", "models/b/data ä.csv", "models/b/new.csv")
    two = Commit(commit(root, {"release.yaml": b"2"}))
    source = GitSource(root)
    assert source.changed(one, two) == ["models/b/data ä.csv", "models/b/new.csv", "release.yaml"]
    assert source.changed(one, two, "models") == ["models/b/data ä.csv", "models/b/new.csv"]


def test_a_path_with_a_line_break_is_refused(root: Path) -> None:
    """Git is asked line by line; such a path could ask for another file."""
    source = GitSource(root)
    head = source.resolve("HEAD")
    for ask in (lambda: source.read(head, "a\nHEAD:release.yaml"), lambda: source.objects([f"{head}:a\nb"])):
        with pytest.raises(SecurityRefusalError, match="a path with a line break"):
            ask()


def test_uncommitted_work_is_listed_below_the_paths_asked(root: Path) -> None:
    """Changed, staged, removed and untracked files count; ignored ones and other folders do not."""
    commit(root, {".gitignore": b".release/\n"})
    (root / "models/a/model.yaml").write_bytes(b"edited")
    (root / "models/b/data ä.csv").unlink()
    (root / "models/new").mkdir()
    (root / "models/new/model.yaml").write_bytes(b"")
    (root / "models/.release").mkdir()
    (root / "models/.release/x").write_bytes(b"")
    (root / "release.yaml").write_bytes(b"edited")
    source = GitSource(root)
    assert sorted(source.dirty("models")) == ["models/a/model.yaml", "models/b/data ä.csv", "models/new/model.yaml"]
    assert source.dirty("charts") == []
    assert "release.yaml" in source.dirty()


def test_reading_writes_nothing(root: Path) -> None:
    """Not even the index is refreshed."""
    (root / "release.yaml").touch()
    before = snapshot(root)
    source = GitSource(root)
    head = source.resolve("HEAD")
    source.dirty()
    source.tree(head, "models")
    source.read(head, "release.yaml")
    assert snapshot(root) == before


def test_reading_many_files_takes_one_process(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of starting git does not grow with the number of models."""
    files = {f"models/m{number}/model.yaml": b"%d" % number for number in range(100)}
    commit(root, files)
    source = GitSource(root)
    head = source.resolve("HEAD")
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(tmp_path / "trace"))
    assert len(source.tree(head, "models")) == len(files) + 2
    assert source.read_many(head, list(files)) == files
    events = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    assert [event["event"] for event in events].count("start") == 2


def test_links_and_submodules_are_refused_below_what_is_asked(root: Path, tmp_path: Path) -> None:
    """Either could name anything; elsewhere in the repository they are nobody's business."""
    (root / "models/a/link.yaml").symlink_to("/etc/passwd")
    linked = Commit(commit(root, {}))
    source = GitSource(root)
    with pytest.raises(SecurityRefusalError, match=r"'models/a/link.yaml' is a symbolic link"):
        source.tree(linked, "models")
    with pytest.raises(SecurityRefusalError):
        source.export(linked, "models/a", tmp_path / "out")
    assert source.tree(linked, "models/b")
    assert "models/a/link.yaml" not in source.tree(linked)
    git(root, "rm", "-q", "models/a/link.yaml")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{linked},models/a/sub")
    git(root, "commit", "-q", "-m", "sub")
    with pytest.raises(SecurityRefusalError, match="is a submodule"):
        source.tree(source.resolve("HEAD"), "models")


def test_an_export_is_what_was_committed_below_a_folder(root: Path, tmp_path: Path) -> None:
    """Paths are relative to the folder, bytes are the commit's, and nothing else is written."""
    source = GitSource(root)
    head = source.resolve("HEAD")
    (root / "models/a/model.yaml").write_bytes(b"edited")
    source.export(head, "models", tmp_path / "out")
    assert snapshot(tmp_path / "out") == {"a/model.yaml": b"x: 1\r\n", "b/data ä.csv": b"1,2\n"}
    source.export(head, "release.yaml", tmp_path / "one")
    assert snapshot(tmp_path / "one") == {"release.yaml": b"tool: x\n"}
    with pytest.raises(BadInputError, match="there is no 'nothing' at"):
        source.export(head, "nothing", tmp_path / "out")


def test_a_tree_that_points_out_of_its_folder_is_not_exported(root: Path, tmp_path: Path) -> None:
    """A crafted tree with an entry `..` is refused before anything is written."""
    blob = bytes.fromhex(git(root, "hash-object", "-w", "--stdin", content=b"evil"))
    inner = git(root, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", content=b"100644 evil\0" + blob)
    outer = b"40000 ..\0" + bytes.fromhex(inner)
    top = git(root, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", content=outer)
    whole = git(root, "hash-object", "-t", "tree", "-w", "--stdin", content=b"40000 models\0" + bytes.fromhex(top))
    crafted = Commit(git(root, "commit-tree", whole, "-m", "crafted"))
    with pytest.raises(SecurityRefusalError, match="leaves the folder"):
        GitSource(root).export(crafted, "models", tmp_path / "out" / "deep")
    assert not (tmp_path / "out").exists()


def test_a_branch_of_origin_is_fetched_without_moving_anything_here(root: Path, tmp_path: Path) -> None:
    """The newest commit of the remote is returned, also after a force-push; work tree and branches stay."""
    git(tmp_path, "clone", "-q", str(root), "clone")
    clone, before = tmp_path / "clone", git(root, "rev-parse", "HEAD")
    source = GitSource(clone)
    for args in (("--allow-empty", "-m", "next"), ("--allow-empty", "--amend", "-m", "rewritten")):
        git(root, "commit", "-q", *args)
        assert source.fetch("main") == git(root, "rev-parse", "HEAD")
    assert source.resolve("HEAD") == before
    assert source.dirty() == []


def test_a_branch_that_cannot_be_fetched_is_worth_another_try(root: Path) -> None:
    """Without a remote, as with one that does not answer: git's reason, and what to check."""
    with pytest.raises(EnvironmentTroubleError, match=r"origin: cannot fetch main: fatal: .*; check the address"):
        GitSource(root).fetch("main")
