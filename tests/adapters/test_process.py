"""The subprocess wrapper: what a failure shows, and what git never inherits."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from support.git import git, isolate, repository

from release.adapters.process import CommandFailedError, Git, run, write_whole
from release.adapters.work_tree import locked
from release.errors import EnvironmentTroubleError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_failure_shows_command_code_and_both_streams_on_one_line(tmp_path: Path) -> None:
    """Whoever reads the error can repeat the command and sees all that it said."""
    script = "import sys; print('said'); print('wrong\\nagain', file=sys.stderr); sys.exit(7)"
    with pytest.raises(CommandFailedError) as caught:
        run([sys.executable, "-c", script], cwd=tmp_path, timeout=20)
    line = str(caught.value)
    assert "import sys" in line
    assert "ended with code 7; stderr: wrong again ; stdout: said" in line
    assert "\n" not in line
    assert caught.value.code == 5


def test_passwords_in_addresses_are_not_shown(tmp_path: Path) -> None:
    """Neither the command nor its output gives away what stands before the @ of a URL."""
    script = "import sys; sys.exit('no https://me:hunter2@example.org/x')"
    with pytest.raises(CommandFailedError) as caught:
        run([sys.executable, "-c", script, "https://token@example.org"], cwd=tmp_path, timeout=20)
    assert "hunter2" not in str(caught.value)
    assert "token" not in str(caught.value)
    assert "https://***@example.org" in str(caught.value)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """A program that is not installed is an environment's trouble with the remedy."""
    with pytest.raises(
        EnvironmentTroubleError, match="the program no-such-program is not installed; install no-such-program"
    ):
        run(["no-such-program"], cwd=tmp_path, timeout=20)


def test_a_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    """When the working folder is gone, that is what the message says."""
    with pytest.raises(EnvironmentTroubleError, match="the folder to work in is gone"):
        run([sys.executable, "-c", ""], cwd=tmp_path / "gone", timeout=20)


def test_a_program_that_may_not_be_run_is_named(tmp_path: Path) -> None:
    """What the system says is passed on."""
    (tmp_path / "program").write_text("")
    with pytest.raises(EnvironmentTroubleError, match="Permission denied"):
        run([str(tmp_path / "program")], cwd=tmp_path, timeout=20)


def test_a_lock_lasts_as_long_as_the_program_that_holds_it(tmp_path: Path) -> None:
    """Whoever started the program may be gone: nobody comes between until it has ended."""
    os.mkfifo(tmp_path / "pipe")
    with locked(tmp_path / "lock") as lock:
        run(["sh", "-c", "(read line <pipe) >/dev/null 2>&1 &"], cwd=tmp_path, timeout=20, holding=(lock,))
    script = "import fcntl; fcntl.flock(open('lock'), fcntl.LOCK_EX{})"
    with pytest.raises(CommandFailedError, match="BlockingIOError"):
        run([sys.executable, "-c", script.format(" | fcntl.LOCK_NB")], cwd=tmp_path, timeout=20)
    (tmp_path / "pipe").write_text("go\n")
    run([sys.executable, "-c", script.format("")], cwd=tmp_path, timeout=20)


def test_a_program_that_hangs_is_stopped(tmp_path: Path) -> None:
    """Nothing waits for ever."""
    with pytest.raises(EnvironmentTroubleError, match=r"took longer than 0\.2 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path, timeout=0.2)


def test_input_and_environment_reach_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Input is fed, variables are set, and None removes an inherited one."""
    monkeypatch.setenv("GONE", "1")
    script = "import os, sys; print(sys.stdin.read(), os.environ.get('GONE'), os.environ['NEW'])"
    done = run([sys.executable, "-c", script], cwd=tmp_path, input=b"fed", env={"GONE": None, "NEW": "x"}, timeout=20)
    assert done.stdout == b"fed None x\n"


def test_git_ignores_the_repository_of_a_calling_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR and its like, which hooks export, do not redirect us."""
    isolate(monkeypatch)
    here = repository(tmp_path / "here", {"a": b"1"})
    other = repository(tmp_path / "other", {"b": b"2"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert list(Git(here).files("HEAD")) == ["a"]


def test_git_shows_the_bytes_that_were_committed_not_their_replacements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git replace` is a local view; a digest must mean the same everywhere."""
    isolate(monkeypatch)
    here = repository(tmp_path / "here", {"a": b"true"})
    fake = git(here, "hash-object", "-w", "--stdin", content=b"fake")
    git(here, "replace", git(here, "rev-parse", "HEAD:a"), fake)
    assert Git(here).blobs(["HEAD:a"]) == [b"true"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failing write leaves the old file and nothing beside it."""
    write_whole(tmp_path / "new" / "file", b"old")
    with pytest.raises(TypeError):
        write_whole(tmp_path / "new" / "file", "text")  # type: ignore[arg-type]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
    assert (tmp_path / "new" / "file").read_bytes() == b"old"
