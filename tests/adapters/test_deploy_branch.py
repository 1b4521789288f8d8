"""The deploy branch, wherever it lives: reads, commits beside everything, and a move that never loses anybody's commit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.git import bare, commit, git, isolate, repository, snapshot, sound

from release.adapters.deploy_branch import open_branch
from release.adapters.work_tree import Journal
from release.errors import BadInputError, ConflictError, EnvironmentTroubleError, SecurityRefusalError

if TYPE_CHECKING:
    from pathlib import Path

    from release.adapters.deploy_local import LocalBranch
    from release.adapters.deploy_remote import RemoteBranch
    from release.records import Commit

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LEDGER = "charts/environments/ledger/churn.jsonl"
VALUES = "charts/environments/staging/churn.yaml"
START = {VALUES: b"# ours\r\nimage: {}\r\n", LEDGER: b"one\n", "README.md": b"hello\n"}


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    base = tmp_path_factory.mktemp("served")
    return base, base.as_uri()


@dataclass(frozen=True)
class Place:
    """A source repository, the repository that the branch ends up in, and how `release.yaml` names the two."""

    root: Path
    holder: Path
    repository: str
    branch: str

    def open(self, cache: str = ".release/deploy") -> RemoteBranch | LocalBranch:
        """Open the branch anew, as another run of the tool would."""
        return open_branch(self.root, self.repository, self.branch, self.root / cache)

    @property
    def there(self) -> str:
        """The branch's tip where it lives, empty when it does not exist."""
        return git(self.holder, "rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}", check=False)


KINDS = (
    "origin-main",
    "origin-other",
    "origin-new",
    "elsewhere",
    "elsewhere-new",
    "local-shown",
    "local-linked",
    "local-hidden",
)


def make(kind: str, tmp_path: Path, served: tuple[Path, str]) -> Place:
    """Set up one of the ways in which a deploy branch can live; START is on it unless it is new."""
    root = repository(tmp_path / "source", {**START, ".gitignore": b".release/\n"})
    base, url = served
    name = tmp_path.name
    if kind.startswith("local"):
        if kind == "local-linked":
            git(root, "worktree", "add", "-q", "-b", "deploy", str(tmp_path / "linked"))
        elif kind == "local-hidden":
            git(root, "branch", "deploy")
        return Place(root, root, ".", "main" if kind == "local-shown" else "deploy")
    holder = bare(base / f"{name}.git")
    if kind.startswith("elsewhere"):
        other = repository(tmp_path / "other", START)
        commit(other, {"more": b"1"})
        if kind == "elsewhere":
            git(other, "push", "-q", str(holder), "main:deploy")
        return Place(root, holder, f"{url}/{name}.git", "deploy")
    git(root, "remote", "add", "origin", f"{url}/{name}.git")
    git(root, "push", "-q", "origin", "main")
    if kind == "origin-other":
        git(root, "push", "-q", "origin", "main:deploy")
    return Place(root, holder, ".", "main" if kind == "origin-main" else "deploy")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, served: tuple[Path, str]) -> Place:
    return make(request.param, tmp_path, served)


@pytest.fixture
def remote(tmp_path: Path, served: tuple[Path, str]) -> Place:
    return make("origin-main", tmp_path, served)


@pytest.fixture
def local(tmp_path: Path, served: tuple[Path, str]) -> Place:
    return make("local-shown", tmp_path, served)


def advance(branch: RemoteBranch | LocalBranch, changes: dict[str, bytes]) -> Commit:
    """Publish changes on top of the fresh tip."""
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, changes, "Change\n", AT)
    assert branch.publish(made, tip)
    return made


def test_what_is_published_is_read_back_and_nothing_else_moved(place: Place) -> None:
    """One commit, on top of the tip, with exactly the changes; wherever the branch lives."""
    branch = place.open()
    tip = branch.tip(fetch=True)
    assert tip == (place.there or None)
    before = branch.read_all(tip, "charts")
    made = branch.commit(
        tip, {LEDGER: b"one\ntwo\n", "charts/environments/new/ä b.yaml": b"x\n"}, "Subject\n\nRelease-X: y\n", AT
    )
    assert place.there == (tip or "")
    assert branch.publish(made, tip)
    assert place.there == made
    again = place.open()
    assert again.tip(fetch=True) == again.tip(fetch=False) == made
    assert again.read(made, LEDGER) == b"one\ntwo\n"
    assert again.read_all(made, "charts") == {**before, LEDGER: b"one\ntwo\n", "charts/environments/new/ä b.yaml": b"x\n"}
    assert again.read(made, "missing") is None
    assert git(place.holder, "show", "-s", "--format=%B", made).rstrip() == "Subject\n\nRelease-X: y"
    assert git(place.holder, "show", "-s", "--format=%P", made) == (tip or "")
    assert sound(place.root)
    assert sound(place.holder)


def test_a_branch_that_has_moved_is_not_overwritten(place: Place) -> None:
    """Of two commits on the same tip the second is told that it lost, and nothing of the first is undone."""
    one, two = place.open("one"), place.open("two")
    tip = one.tip(fetch=True)
    assert two.tip(fetch=True) == tip
    first = one.commit(tip, {LEDGER: b"one\nfirst\n"}, "First\n", AT)
    second = two.commit(tip, {LEDGER: b"one\nsecond\n"}, "Second\n", AT)
    assert one.publish(first, tip)
    assert not two.publish(second, tip)
    assert place.there == first
    assert two.tip(fetch=True) == first


def test_a_commit_already_there_is_published(remote: Place) -> None:
    """Publishing the same commit again answers True: the branch is where it was to go."""
    branch = remote.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {LEDGER: b"one\ntwo\n"}, "Two\n", AT)
    assert branch.publish(made, tip)
    assert branch.publish(made, tip)


def outside(place: Place) -> dict[str, bytes]:
    """Return everything in the source repository but the cache."""
    return {path: content for path, content in snapshot(place.root).items() if not path.startswith(".release")}


def test_a_fresh_clone_is_looked_at_without_network_or_traces(remote: Place) -> None:
    """What `git clone` brought is enough for a dry-run; not even the cache is made."""
    remote.holder.rename(remote.holder.with_suffix(".gone"))
    before = snapshot(remote.root)
    branch = remote.open()
    tip = branch.tip(fetch=False)
    assert tip == git(remote.root, "rev-parse", "origin/main")
    assert branch.read_all(tip, "charts") == {path: START[path] for path in (VALUES, LEDGER)}
    assert snapshot(remote.root) == before


@pytest.mark.parametrize("kind", ["origin-main", "elsewhere"])
def test_the_tip_last_seen_is_kept_when_the_remote_is_gone(kind: str, tmp_path: Path, served: tuple[Path, str]) -> None:
    """Looking goes on from memory; asking says what is wrong, on one line, with exit code 5."""
    place = make(kind, tmp_path, served)
    made = advance(place.open(), {LEDGER: b"one\ntwo\n"})
    place.holder.rename(place.holder.with_suffix(".gone"))
    branch = place.open()
    assert branch.tip(fetch=False) == made
    assert branch.read(made, LEDGER) == b"one\ntwo\n"
    with pytest.raises(EnvironmentTroubleError, match="cannot read the deploy branch's repository") as caught:
        branch.tip(fetch=True)
    assert "\n" not in str(caught.value)


def test_what_was_never_seen_is_fetched_even_for_a_look(tmp_path: Path, served: tuple[Path, str]) -> None:
    """With no copy of the branch there is nothing to show; the fetch goes to the cache alone."""
    place = make("origin-other", tmp_path, served)
    git(place.root, "update-ref", "-d", "refs/remotes/origin/deploy")
    before = outside(place)
    branch = place.open()
    tip = branch.tip(fetch=False)
    assert tip == place.there
    assert branch.read(tip, LEDGER) == b"one\n"
    assert outside(place) == before


@pytest.mark.parametrize("kind", ["origin-main", "origin-new", "elsewhere"])
def test_a_remote_branch_leaves_the_source_repository_alone(kind: str, tmp_path: Path, served: tuple[Path, str]) -> None:
    """Fetching, committing and pushing write below the cache only: no object, ref or lock of the user's repository."""
    place = make(kind, tmp_path, served)
    other = place.open("other")
    advance(other, {LEDGER: b"one\ntwo\n"})
    before = outside(place)
    branch = place.open()
    advance(branch, {LEDGER: b"one\ntwo\nthree\n"})
    assert {path for path in outside(place) if path not in before} <= {p for p in outside(place) if p.startswith("other/")}
    assert {path: content for path, content in before.items() if outside(place)[path] != content} == {}


def test_a_later_fetch_by_people_is_newer_than_our_memory(remote: Place, tmp_path: Path) -> None:
    """`git fetch` by hand is as good a look as ours."""
    made = advance(remote.open(), {LEDGER: b"one\ntwo\n"})
    git(tmp_path, "clone", "-q", str(remote.holder), "colleague")
    newer = commit(tmp_path / "colleague", {"notes": b"x"})
    git(tmp_path / "colleague", "push", "-q", "origin", "main")
    assert remote.open().tip(fetch=False) == made
    git(remote.root, "fetch", "-q", "origin")
    assert remote.open().tip(fetch=False) == newer


def test_modes_of_files_are_kept_and_links_are_not_followed(local: Place) -> None:
    """A values file that is executable stays so; one that is a symbolic link is refused."""
    (local.root / VALUES).chmod(0o755)
    commit(local.root, {})
    branch = local.open()
    made = advance(branch, {VALUES: b"new\n"})
    assert git(local.root, "ls-tree", made, VALUES).startswith("100755 ")
    (local.root / VALUES).unlink()
    (local.root / VALUES).symlink_to("/etc/passwd")
    commit(local.root, {})
    with pytest.raises(SecurityRefusalError, match="symbolic link"):
        branch.commit(branch.tip(fetch=True), {VALUES: b"new\n"}, "Change\n", AT)


def test_a_file_in_the_place_of_a_folder_is_a_conflict(local: Place) -> None:
    """The tool replaces no file by a folder."""
    commit(local.root, {"charts/versions": b"a file"})
    branch = local.open()
    with pytest.raises(
        ConflictError, match=r"charts/versions is where the release has to put charts/versions/ab/Chart.yaml"
    ):
        branch.commit(branch.tip(fetch=True), {"charts/versions/ab/Chart.yaml": b""}, "Change\n", AT)


def test_commits_carry_the_users_identity_or_the_tools_and_the_given_date(
    local: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who ran the tool is the author; where git knows nobody, the tool is."""
    branch = local.open()
    form = "--format=%an <%ae> %cn <%ce> %aI %cI"
    made = branch.commit(branch.tip(fetch=True), {"a": b"1"}, "A\n", AT)
    tool = "release <release@localhost>"
    assert git(local.root, "show", "-s", form, made) == f"{tool} {tool} 2026-01-31T12:00:00+00:00 2026-01-31T12:00:00+00:00"
    (tmp_path / "config").write_text(
        "[user]\n\tname = Grace Höpper\n\temail = grace@example.org\n[commit]\n\tgpgSign = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    branch = local.open()
    made = branch.commit(branch.tip(fetch=True), {"a": b"2"}, "A\n", AT)
    user = "Grace Höpper <grace@example.org>"
    assert git(local.root, "show", "-s", form, made).startswith(f"{user} {user} ")


def hook(holder: Path, name: str, script: str) -> None:
    path = holder / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_push_whose_reply_is_lost_counts_as_published(remote: Place) -> None:
    """The remote moved the branch and died before it answered: the ref decides."""
    branch = remote.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {LEDGER: b"one\ntwo\n"}, "Two\n", AT)
    hook(remote.holder, "post-receive", "kill -9 $PPID")
    assert branch.publish(made, tip)
    assert remote.there == made
    assert branch.tip(fetch=False) == made


def test_a_remote_that_refuses_says_why_and_is_worth_a_retry(remote: Place) -> None:
    """The branch is where it was expected, yet the push failed: exit code 5 with the remote's own words."""
    branch = remote.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {LEDGER: b"one\ntwo\n"}, "Two\n", AT)
    hook(remote.holder, "pre-receive", "echo 'main is protected here' >&2; exit 1")
    with pytest.raises(EnvironmentTroubleError, match=r"the remote refuses the push: .*main is protected here") as caught:
        branch.publish(made, tip)
    assert caught.value.code == 5
    assert remote.there == tip
    assert branch.tip(fetch=False) == tip


def test_addresses_are_shown_without_their_passwords(remote: Place) -> None:
    """A remote that cannot be reached is named, its credentials are not."""
    branch = open_branch(remote.root, "http://ada:hunter2@127.0.0.1:1/x.git", "main", remote.root / ".release")
    with pytest.raises(EnvironmentTroubleError) as caught:
        branch.tip(fetch=True)
    assert "hunter2" not in str(caught.value)
    assert "http://***@127.0.0.1:1/x.git" in str(caught.value)


def test_hooks_and_settings_of_the_user_do_not_interfere(remote: Place) -> None:
    """A pre-push hook, signed pushes and recursion into submodules are the user's, for the user's pushes."""
    hook(remote.root / ".git", "pre-push", "exit 1")
    hook(remote.root / ".git", "reference-transaction", "exit 1")
    for name, value in (("push.gpgSign", "true"), ("push.recurseSubmodules", "only"), ("fetch.recurseSubmodules", "true")):
        git(remote.root, "config", name, value)
    made = advance(remote.open(), {LEDGER: b"one\ntwo\n"})
    assert remote.there == made


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("origin-main", b""),
        ("origin-main", b"on"),
        ("elsewhere", b"other\n"),
        ("elsewhere", None),
        ("local-hidden", b"other\n"),
    ],
)
def test_a_rewritten_ledger_is_refused_until_somebody_says_otherwise(
    kind: str, content: bytes | None, tmp_path: Path, served: tuple[Path, str]
) -> None:
    """A force-push that takes lines away is exit code 3, now and on every later run."""
    place = make(kind, tmp_path, served)
    advance(place.open(), {LEDGER: b"one\ntwo\n"})
    git(tmp_path, "clone", "-q", "-b", place.branch, str(place.holder), "evil")
    evil = tmp_path / "evil"
    if content is None:
        (evil / LEDGER).unlink()
    commit(evil, {} if content is None else {LEDGER: content})
    git(evil, "push", "-q", "--force", "origin", f"{place.branch}:{place.branch}")
    for _ in range(2):
        with pytest.raises(SecurityRefusalError, match="no longer begins with the lines it had") as caught:
            place.open().tip(fetch=True)
    assert caught.value.where == LEDGER
    git(evil, "push", "-q", "--force", "origin", f"{place.branch}~1:{place.branch}")
    assert place.open().tip(fetch=True) == place.there


def test_a_branch_that_vanished_with_its_ledgers_is_refused(remote: Place) -> None:
    """Deleting the branch deletes history; promoting onto nothing would hide it."""
    advance(remote.open(), {LEDGER: b"one\ntwo\n"})
    git(remote.holder, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(SecurityRefusalError):
        remote.open().tip(fetch=True)


def test_a_shallow_source_can_promote(remote: Place, tmp_path: Path) -> None:
    """CI checks out one commit; that is enough to commit on top of the branch."""
    commit(remote.root, {"b": b"2"})
    git(remote.root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "--depth=1", git(remote.root, "remote", "get-url", "origin"), "ci")
    advance(remote.open(), {LEDGER: b"one\ntwo\n"})
    made = advance(open_branch(tmp_path / "ci", ".", "main", tmp_path / "ci/.release"), {LEDGER: b"one\ntwo\nthree\n"})
    assert remote.there == made
    assert sound(tmp_path / "ci")
    assert sound(remote.holder)


def test_a_linked_work_tree_uses_the_repository_behind_it(remote: Place, tmp_path: Path) -> None:
    """The remote, the objects and the settings are those of the main repository."""
    git(remote.root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    made = advance(open_branch(tmp_path / "linked", ".", "main", tmp_path / "linked/.release"), {LEDGER: b"one\ntwo\n"})
    assert remote.there == made


def test_another_repository_may_be_named_by_a_relative_path(local: Place, tmp_path: Path) -> None:
    """Relative means relative to the source repository, wherever the command was started."""
    holder = bare(tmp_path / "deploy.git")
    branch = open_branch(local.root, "../deploy.git", "deploy", local.root / ".release")
    assert branch.tip(fetch=True) is None
    made = advance(branch, START)
    assert git(holder, "rev-parse", "deploy") == made


def test_a_checked_out_branch_shows_what_was_published(local: Place) -> None:
    """The work tree follows, people's changes elsewhere stay, and git sees nothing out of place."""
    (local.root / "README.md").write_bytes(b"mine\n")
    (local.root / "untracked").write_bytes(b"mine\n")
    advance(local.open(), {LEDGER: b"one\ntwo\n", "charts/versions/ab/Chart.yaml": b"new\n"})
    assert (local.root / LEDGER).read_bytes() == b"one\ntwo\n"
    assert (local.root / "charts/versions/ab/Chart.yaml").read_bytes() == b"new\n"
    assert git(local.root, "status", "--porcelain").splitlines() == [" M README.md", "?? untracked"]
    assert (local.root / "README.md").read_bytes() == b"mine\n"


@pytest.mark.parametrize("how", ["edited", "staged", "removed", "untracked"])
def test_local_changes_in_the_way_are_a_conflict_and_stay(local: Place, how: str) -> None:
    """Exit code 6 before anything has moved; what people wrote is not lost."""
    path = local.root / (VALUES if how != "untracked" else "charts/new.yaml")
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(b"mine\n")
    if how == "staged":
        git(local.root, "add", VALUES)
    branch = local.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {VALUES: b"theirs\n", "charts/new.yaml": b"theirs\n"}, "Change\n", AT)
    before = outside(local)
    with pytest.raises(ConflictError, match="local changes are in the way") as caught:
        branch.publish(made, tip)
    assert caught.value.where == str(path)
    assert local.there == tip
    assert outside(local) == before


def test_line_ends_that_git_converts_are_no_local_changes(local: Place) -> None:
    """With `eol=crlf` the file on disk differs from the blob in every line end, and still follows."""
    commit(local.root, {".gitattributes": b"*.yaml text eol=crlf\n", VALUES: b"a: 1\n"})
    (local.root / VALUES).unlink()
    git(local.root, "checkout", "-q", "--", VALUES)
    assert (local.root / VALUES).read_bytes() == b"a: 1\r\n"
    advance(local.open(), {VALUES: b"a: 2\n"})
    assert (local.root / VALUES).read_bytes() == b"a: 2\r\n"
    assert git(local.root, "status", "--porcelain") == ""


def test_a_locked_index_stops_before_anything_has_moved(local: Place) -> None:
    """Another git command is at work, or one was killed: exit code 5, with the file to look at."""
    branch = local.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {VALUES: b"new\n"}, "Change\n", AT)
    (local.root / ".git/index.lock").touch()
    with pytest.raises(EnvironmentTroubleError, match="the index is locked"):
        branch.publish(made, tip)
    assert local.there == tip
    (local.root / ".git/index.lock").unlink()
    assert branch.publish(made, tip)


def test_a_locked_branch_is_worth_a_retry(local: Place) -> None:
    """A stale ref lock of this repository: exit code 5, nothing moved, and fine once it is gone."""
    branch = local.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {VALUES: b"new\n"}, "Change\n", AT)
    lock = local.root / ".git/refs/heads/main.lock"
    lock.touch()
    with pytest.raises(EnvironmentTroubleError, match=r"cannot move the branch: .*main.lock"):
        branch.publish(made, tip)
    assert git(local.root, "status", "--porcelain") == ""
    lock.unlink()
    assert branch.publish(made, tip)


@pytest.mark.parametrize("reached", ["journal", "branch", "one file"])
def test_what_a_killed_publication_left_is_finished_by_the_next(local: Place, reached: str) -> None:
    """The process died after the journal, after the branch had moved, or between two files."""
    branch = local.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {VALUES: b"new\n", LEDGER: b"one\ntwo\n"}, "Change\n", AT)
    Journal.of(local.root / ".git", "refs/heads/main").begin(tip, made)
    if reached != "journal":
        git(local.root, "update-ref", "refs/heads/main", made)
    if reached == "one file":
        (local.root / VALUES).write_bytes(b"new\n")
    assert local.open().tip(fetch=True) == (tip if reached == "journal" else made)
    assert git(local.root, "status", "--porcelain") == ""
    assert (local.root / VALUES).read_bytes() == (START[VALUES] if reached == "journal" else b"new\n")
    assert Journal.of(local.root / ".git", "refs/heads/main").unfinished() is None


def test_an_unfinished_publication_does_not_overwrite_later_edits(local: Place) -> None:
    """Somebody edited a file that the killed process had not reached: exit code 6 until they have decided."""
    branch = local.open()
    tip = branch.tip(fetch=True)
    made = branch.commit(tip, {VALUES: b"new\n"}, "Change\n", AT)
    Journal.of(local.root / ".git", "refs/heads/main").begin(tip, made)
    git(local.root, "update-ref", "refs/heads/main", made)
    (local.root / VALUES).write_bytes(b"mine\n")
    with pytest.raises(ConflictError):
        local.open().tip(fetch=True)
    assert (local.root / VALUES).read_bytes() == b"mine\n"
    git(local.root, "restore", "--staged", "--worktree", VALUES)
    assert local.open().tip(fetch=True) == made
    assert git(local.root, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "x.lock", "x/", "/x", "a//b", ".x", "a/.b", "x\n", "é"])
def test_names_that_are_no_branches_are_bad_input(local: Place, name: str) -> None:
    """They are refused before git sees them."""
    with pytest.raises(BadInputError, match="is no branch name"):
        open_branch(local.root, ".", name, local.root / ".release")


@pytest.mark.parametrize("name", ["", "--upload-pack=x", "a\nb"])
def test_names_that_are_no_repositories_are_bad_input(local: Place, name: str) -> None:
    """Options never reach git as an address."""
    with pytest.raises(BadInputError, match="is no repository"):
        open_branch(local.root, name, "main", local.root / ".release")


def test_the_leftovers_of_killed_processes_are_swept(remote: Place) -> None:
    """Private folders of long ago go; those of processes that may be at work stay."""
    branch = remote.open()
    tip = branch.tip(fetch=True)
    [home] = (remote.root / ".release/deploy").iterdir()
    for name in ("run-old", "run-new"):
        (home / name).mkdir()
    os.utime(home / "run-old", (0, 0))
    made = branch.commit(tip, {LEDGER: b"one\ntwo\n"}, "Two\n", AT)
    assert branch.publish(made, tip)
    assert sorted(path.name for path in home.glob("run-*")) == ["run-new"]


def test_another_branch_is_moved_whatever_it_held_and_the_deploy_branch_stays(place: Place) -> None:
    """Pushed where nobody was, moved by who knows where it is, refused to who does not; read back with what it changed."""
    branch = place.open()
    if place.there == "":
        advance(branch, {"README.md": b"hello\n"})
    tip = branch.tip(fetch=True)
    assert branch.other("release/staging/churn") is None
    one = branch.commit(tip, {VALUES: b"a: 1\n", "new.txt": b"n\n"}, "One\n", AT)
    assert branch.push("release/staging/churn", one, None)
    other = place.open(cache=".release/another")
    assert other.other("release/staging/churn") == one
    changed = dict(other.change(one))
    assert changed == {VALUES: (branch.read(tip, VALUES), b"a: 1\n"), "new.txt": (None, b"n\n")}
    two = other.commit(other.tip(fetch=True), {VALUES: b"a: 2\n"}, "Two\n", AT)
    assert not other.push("release/staging/churn", two, None)
    assert other.push("release/staging/churn", two, one)
    assert not branch.push("release/staging/churn", one, one)
    assert branch.other("release/staging/churn") == two
    assert git(place.holder, "rev-parse", "refs/heads/release/staging/churn~1") == tip == place.there
    assert branch.tip(fetch=True) == tip
    assert sound(place.holder)


def test_what_the_first_commit_of_a_branch_holds_is_all_new_and_a_merge_changes_nothing(local: Place) -> None:
    """A commit without a parent has nothing before it; a merge is nobody's change."""
    branch = local.open()
    first = branch.commit(None, {"a": b"1\n"}, "First\n", AT)
    assert dict(branch.change(first)) == {"a": (None, b"1\n")}
    git(local.root, "switch", "-q", "-c", "side")
    commit(local.root, {"b": b"1"})
    git(local.root, "switch", "-q", "main")
    commit(local.root, {"c": b"1"})
    git(local.root, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    tip = branch.tip(fetch=True)
    assert tip
    assert branch.change(tip) == {}
