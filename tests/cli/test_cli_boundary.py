"""The error boundary: bugs, interruptions, closed pipes, and options that come from the environment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING

import click
import pytest
from cli_running import DEADLINE, RELEASE, commit_all, edit, files, here, ok, start_repository
from support.git import git

if TYPE_CHECKING:
    from pathlib import Path

from release.cli.boundary import guarded
from release.cli.render import json_option
from release.errors import ReleaseError


@click.command()
@json_option
def broken(as_json: bool) -> None:  # noqa: FBT001 (click passes it)
    """Fail as no command should."""
    click.echo("so far", err=True)
    raise ZeroDivisionError("the integer is zero")


@pytest.mark.parametrize("args", [[], ["--json"]])
def test_a_bug_is_one_line_and_a_file_with_the_traceback(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1; the line says that it is our fault and names the file that a report needs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert guarded(broken, args) == 1
    out, err = capsys.readouterr()
    [file] = tmp_path.iterdir()
    what, fix = "this is a bug in release: ZeroDivisionError: the integer is zero", f"please report it with {file}"
    assert err == f"so far\nerror: {what}; {fix}\n"
    assert "Traceback (most recent call last)" in file.read_text()
    assert "in broken" in file.read_text()
    expected = {"error": {"code": 1, "where": "", "what": what, "fix": fix}} if args else None
    assert (json.loads(out) if args else out) == (expected or "")


def test_a_bug_on_a_full_disk_says_where_it_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no file can be written, the line names the source line instead."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert guarded(broken, []) == 1
    assert re.search(rf"; please report it: it happened at {re.escape(__file__)}:\d+\n\Z", capsys.readouterr().err)


def test_every_documented_code_has_one_error_class() -> None:
    """Codes are distinct, so that a pipeline can tell a retry from a refusal."""
    codes = sorted(
        kind.code for kind in [ReleaseError, *ReleaseError.__subclasses__()] if kind.__module__ == "release.errors"
    )
    assert codes == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_that_it_can_go_on(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C and a runner's SIGTERM end with 130 and one line, as one document with --json, and leave nothing behind."""
    folder = tmp_path / "own"
    start_repository(folder)
    before = files(folder)
    os.mkfifo(tmp_path / "rows.csv")
    running = subprocess.Popen(
        [RELEASE, "init", "churn", "--from", "../rows.csv", "--target", "y", "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # Opening it waits until the command has begun to read rows, which never come.
    with (tmp_path / "rows.csv").open("wb"):
        running.send_signal(how)
        try:
            out, err = running.communicate(timeout=DEADLINE / 10)
        except subprocess.TimeoutExpired:
            # It came between looking for signals and the read that waits for ever: people press the keys again.
            running.send_signal(how)
            out, err = running.communicate(timeout=DEADLINE)
    fix = "running it again goes on where this stopped"
    assert running.returncode == 130
    # Ahead of it comes a line end, because a terminal shows ^C.
    assert err.decode() == f"\nerror: interrupted; {fix}\n"
    assert json.loads(out) == {"error": {"code": 130, "where": "", "what": "interrupted", "fix": fix}}
    assert files(folder) == before


def test_a_reader_that_has_gone_is_told_quietly_and_never_as_success(tmp_path: Path) -> None:
    """`release gate | head -1` prints no traceback, and its code is not that of a PASS: the verdict was not told."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [RELEASE, "schema"], cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, timeout=DEADLINE, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_options_come_from_variables_named_after_them(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RELEASE_PLAN_BASE` is `release plan --base`, and what is typed wins over it."""
    git(served, "switch", "-q", "-c", "change")
    edit(served, "models/churn/model.yaml", "seed: 1", "seed: 2")
    commit_all(served)
    monkeypatch.setenv("RELEASE_PLAN_BASE", "main")
    assert ok(here(served, "plan")).out == "churn  train       what is trained changed since the base\n"
    assert ok(here(served, "plan", "--base", "HEAD")).out == "nothing to release\n"
    monkeypatch.setenv("RELEASE_PROMOTE_TO", "qa")
    assert here(served, "promote", "churn").errors == [
        'error: release.yaml: there is no environment "qa"; one of: staging, production'
    ]
    monkeypatch.setenv("RELEASE_INIT_TEST_SHARE", "2")
    (served.parent / "rows.csv").write_text("a,y\n1,0\n")
    told = here(served, "init", "next", "--from", "../rows.csv", "--target", "y")
    assert told.err.startswith("error: release init: Invalid value for '--test-share'")


def test_json_from_the_environment_holds_for_errors_too(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline that asked for JSON once never has to parse a line of text."""
    monkeypatch.setenv("RELEASE_TRAIN_JSON", "1")
    told = here(shop, "train", "nope")
    assert (told.code, told.document["error"]["what"]) == (2, "there is no model nope")


def test_a_time_that_is_none_is_refused(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELEASE_NOW sets the clock for rehearsals, and must be a time."""
    monkeypatch.setenv("RELEASE_NOW", "yesterday")
    told = here(shop, "promote", "churn", "--to", "staging")
    assert (told.code, told.errors) == (
        2,
        ["error: RELEASE_NOW: 'yesterday' is no time; write it like 2026-01-31T12:00:00+00:00"],
    )
