"""Uncommitted changes as a commit that only this machine has: what it holds, and what it leaves alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.git import commit, git, isolate, repository, snapshot

from release.adapters.git import GitSource
from release.adapters.snapshot import Snapshot, take

if TYPE_CHECKING:
    from pathlib import Path

PATHS = ("models", "release.yaml", "charts/model")
FILES = {
    "models/a/model.yaml": b"x: 1\n",
    "models/a/data/train.csv": b"1\n",
    "models/b/model.yaml": b"x: 2\n",
    "release.yaml": b"tool: x\n",
    "charts/model/Chart.yaml": b"c\n",
    "other.txt": b"o\n",
    ".gitignore": b".release/\nmodels/*/cache/\n",
}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "source", FILES)


def taken(root: Path) -> Snapshot:
    found = take(root, root / ".release" / "snapshot", PATHS)
    assert found is not None
    return found


def held(root: Path, found: Snapshot) -> dict[str, bytes]:
    """Return every file of the snapshot's commit, read through the source that a rehearsal uses."""
    source = GitSource(root, found.env)
    return dict(source.read_many(found.commit, sorted(source.tree(found.commit))))


def test_without_changes_there_is_nothing_to_take(root: Path) -> None:
    """Nor is a folder made for it; changes elsewhere are no changes."""
    (root / "other.txt").write_bytes(b"changed\n")
    (root / "models" / "a" / "cache").mkdir()
    (root / "models" / "a" / "cache" / "x").write_bytes(b"ignored\n")
    assert take(root, root / ".release" / "snapshot", PATHS) is None
    assert not (root / ".release").exists()


def test_the_commit_holds_the_work_tree_below_the_paths_and_head_elsewhere(root: Path) -> None:
    """Edited, new, deleted, renamed and staged files; an ignored one and an edit elsewhere are not in it."""
    (root / "models/a/model.yaml").write_bytes(b"x: 10\n")
    (root / "models/a/data/train.csv").unlink()
    (root / "models/c/data").mkdir(parents=True)
    (root / "models/c/model.yaml").write_bytes(b"x: 3\n")
    (root / "models/c/data/with space ä\n.csv").write_bytes(b"3\n")
    (root / "models/a/cache").mkdir()
    (root / "models/a/cache/x").write_bytes(b"ignored\n")
    git(root, "mv", "models/b", "models/d")
    (root / "other.txt").write_bytes(b"changed\n")
    found = taken(root)
    source = GitSource(root, found.env)
    assert {path: source.read(found.commit, path) for path in source.tree(found.commit) if "\n" not in path} == {
        **{path: content for path, content in FILES.items() if path in (".gitignore", "release.yaml", "other.txt")},
        "charts/model/Chart.yaml": b"c\n",
        "models/a/model.yaml": b"x: 10\n",
        "models/c/model.yaml": b"x: 3\n",
        "models/d/model.yaml": b"x: 2\n",
    }
    assert "models/c/data/with space ä\n.csv" in source.tree(found.commit)
    assert source.is_ancestor(source.resolve("HEAD"), found.commit)
    assert sorted(source.changed(source.resolve("HEAD"), found.commit)) == [
        "models/a/data/train.csv",
        "models/a/model.yaml",
        "models/b/model.yaml",
        "models/c/data/with space ä\n.csv",
        "models/c/model.yaml",
        "models/d/model.yaml",
    ]
    assert found.summary == "models/a/data/train.csv and 5 more"


def test_the_work_tree_counts_and_not_the_index(root: Path) -> None:
    """What is staged and then edited again is taken as it is on disk."""
    (root / "release.yaml").write_bytes(b"staged\n")
    git(root, "add", "release.yaml")
    (root / "release.yaml").write_bytes(b"later\n")
    found = taken(root)
    assert held(root, found)["release.yaml"] == b"later\n"
    assert found.summary == "release.yaml"


def test_nothing_but_its_folder_is_touched(root: Path) -> None:
    """No ref, index, object, configuration or file of the repository changes, and no lock stays.

    Git renews the time of an object that it finds written already, which keeps it from being collected.
    """
    (root / "models/a/model.yaml").write_bytes(b"x: 10\n")
    (root / "models/new.txt").write_bytes(b"n\n")
    git(root, "add", "models/new.txt")
    before = snapshot(root)
    times = {path: (root / path).stat().st_mtime_ns for path in before if "/objects/" not in path}
    taken(root)
    after = snapshot(root)
    new = set(after) - set(before)
    assert new
    assert all(path.startswith(".release/snapshot/objects/") for path in new)
    assert {path: after[path] for path in before} == before
    assert {path: (root / path).stat().st_mtime_ns for path in times} == times


def test_the_commit_is_not_the_repositorys(root: Path) -> None:
    """Only who is told where its objects are can read it, so that nothing can be promoted from it by accident."""
    (root / "release.yaml").write_bytes(b"y\n")
    found = taken(root)
    assert git(root, "cat-file", "-t", found.commit, check=False) == ""
    assert GitSource(root, found.env).read(found.commit, "release.yaml") == b"y\n"
    assert git(root, "for-each-ref", "--contains", "HEAD", "--format=%(refname)") == "refs/heads/main"


def test_the_same_changes_are_the_same_commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes it, whenever, so that a second rehearsal reuses every stage; other changes are another."""
    (root / "models/a/model.yaml").write_bytes(b"x: 10\n")
    first = taken(root).commit
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2031-01-01T00:00:00Z")
    os.utime(root / "models/a/model.yaml", (1, 1))
    assert taken(root).commit == first
    (root / "models/a/model.yaml").write_bytes(b"x: 11\n")
    second = taken(root).commit
    assert second != first
    (root / "models/a/model.yaml").write_bytes(b"x: 10\n")
    assert taken(root).commit == first
    commit(root, {"other.txt": b"p\n", "models/a/model.yaml": b"x: 1\n"})
    (root / "models/a/model.yaml").write_bytes(b"x: 10\n")
    assert taken(root).commit not in (first, second)


def test_a_repository_without_commits_can_be_taken(tmp_path: Path) -> None:
    """The commit has no parent: `init` and a rehearsal come before the first commit."""
    root = repository(tmp_path / "empty")
    for path in ("models/a/model.yaml", "release.yaml"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x\n")
    found = taken(root)
    assert held(root, found) == {"models/a/model.yaml": b"x\n", "release.yaml": b"x\n"}
    assert git(root, "rev-list", "--all") == ""
    assert taken(root).commit == found.commit


def test_everything_deleted_is_an_empty_folder(root: Path) -> None:
    """A model that is removed but not committed is rehearsed as removed."""
    git(root, "rm", "-r", "-q", "models")
    assert [path for path in held(root, taken(root)) if path.startswith("models/")] == []


def test_a_linked_work_tree_has_its_own_changes(root: Path, tmp_path: Path) -> None:
    """Its HEAD and files, with the objects of the repository that it belongs to."""
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "-q", "-b", "side", str(linked))
    commit(linked, {"models/b/model.yaml": b"x: 22\n"})
    (linked / "release.yaml").write_bytes(b"linked\n")
    before = snapshot(root)
    found = taken(linked)
    assert held(linked, found)["release.yaml"] == b"linked\n"
    assert held(linked, found)["models/b/model.yaml"] == b"x: 22\n"
    assert snapshot(root) == before
    assert take(root, root / ".release" / "snapshot", PATHS) is None


@pytest.mark.parametrize("name", ["with:colon", 'with "quotes"', "with space ä", "back\\slash"])
def test_the_repository_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    """A colon would end a path in git's list of object folders."""
    root = repository(tmp_path / name, FILES)
    (root / "release.yaml").write_bytes(b"y\n")
    assert held(root, taken(root)) == {**FILES, "release.yaml": b"y\n"}


def test_a_shared_clone_finds_the_objects_that_it_borrows(root: Path, tmp_path: Path) -> None:
    """Its own alternates are followed too."""
    git(tmp_path, "clone", "-q", "--shared", str(root), "clone")
    (tmp_path / "clone" / "release.yaml").write_bytes(b"y\n")
    assert held(tmp_path / "clone", taken(tmp_path / "clone")) == {**FILES, "release.yaml": b"y\n"}


def test_line_ends_are_committed_as_git_would_commit_them(root: Path) -> None:
    """A rehearsal has the digests that the commit will have."""
    commit(root, {".gitattributes": b"*.csv text eol=lf\n"})
    (root / "models/a/data/train.csv").write_bytes(b"1\r\n2\r\n")
    found = taken(root)
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "the same")
    tree = GitSource(root, found.env).tree(found.commit, "models")
    assert tree == GitSource(root).tree(GitSource(root).resolve("HEAD"), "models")
