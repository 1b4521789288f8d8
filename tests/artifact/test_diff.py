"""Unified diffs: what is shown is what git would apply."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.git import commit, git, isolate, repository

from release.artifact.diff import unified

if TYPE_CHECKING:
    from pathlib import Path

LINES = b"".join(b"line %d\n" % number for number in range(40))
CASES = {
    "append": (b"a\nb\n", b"a\nb\nc\n"),
    "first line": (LINES, b"zero\n" + LINES),
    "middle": (LINES, LINES.replace(b"line 20\n", b"twenty\n")),
    "two hunks": (LINES, LINES.replace(b"line 5\n", b"five\n").replace(b"line 35\n", b"")),
    "near hunks": (LINES, LINES.replace(b"line 20\n", b"a\n").replace(b"line 25\n", b"b\n")),
    "carriage returns": (b"a: 1\r\nb: 2\r\nc: 3\r\n", b"a: 1\r\nb: 9\r\nc: 3\r\n"),
    "line ends only": (b"a\r\nb\r\n", b"a\nb\n"),
    "last line end lost": (b"a\nb\n", b"a\nb"),
    "last line end found": (b"a\nb", b"a\nb\n"),
    "never a last line end": (b"a\nb", b"a\nc"),
    "appended without line end": (b"a", b"a\nb"),
    "new": (None, b"a\nb\n"),
    "new without line end": (None, b"a"),
    "new and empty": (None, b""),
    "emptied": (b"a\nb\n", b""),
    "filled": (b"", b"a\n"),
    "form feeds": (b"a\x0cb\nc\x1cd\n", b"a\x0cb\nc\x1ce\n"),
    "separators of other alphabets": ("ä\u2028ö\n".encode(), "ä\u2028ü\n".encode()),
    "repeated lines": (b"x\n" * 9, b"x\n" * 12),
    "repeated at both ends": (b"a\nx\nx\nx\nb\n", b"a\nx\nb\n"),
}
PATHS = ("{}", "charts/environments/staging/{}.yaml", "with space/ä {}.yaml", 'odd "{}"\\.yaml')


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate(monkeypatch)
    return repository(tmp_path / "r", {"other": b"x"})


def write(root: Path, files: dict[str, bytes | None]) -> None:
    for path, content in files.items():
        if content is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)


def applied(root: Path, changes: dict[str, tuple[bytes | None, bytes]]) -> dict[str, bytes]:
    """Let git apply the diffs, as one, to files with the old bytes, and return what comes out."""
    write(root, {path: old for path, (old, _) in changes.items()})
    shown = "".join(unified(path, old, new) for path, (old, new) in changes.items())
    git(root, "apply", "--whitespace=nowarn", "-", content=shown.encode())
    return {path: (root / path).read_bytes() for path in changes}


@pytest.mark.parametrize("path", PATHS)
def test_git_applies_what_is_shown(root: Path, path: str) -> None:
    """From the old bytes, the diff leads to the new ones, whatever the line ends and the path."""
    changes = {path.format(name): change for name, change in CASES.items()}
    assert applied(root, changes) == {name: new for name, (_, new) in changes.items()}


def test_random_edits_apply(root: Path) -> None:
    """A thousand small edits of small files, with few distinct lines so that many look alike."""
    rng = random.Random(7)
    pieces = [b"a\n", b"b\n", b"c\r\n", b"\n", b"d"]
    drawn = [tuple(b"".join(rng.choices(pieces, k=rng.randrange(12))) for _ in range(2)) for _ in range(1000)]
    changes = {f"f{number}": (old, new) for number, (old, new) in enumerate(drawn) if old != new}
    assert applied(root, changes) == {name: new for name, (_, new) in changes.items()}


def test_the_text_is_gits_own(root: Path) -> None:
    """Header, names of blobs, hunks: the same as `git diff`, where there is only one shortest edit."""
    ambiguous = {"repeated lines", "repeated at both ends", "line ends only"}
    files = {name: change for name, change in sorted(CASES.items()) if name not in ambiguous}
    write(root, {name: old for name, (old, _) in files.items()})
    before = commit(root, {})
    write(root, {name: new for name, (_, new) in files.items()})
    after = commit(root, {})
    shown = git(root, "diff", "--abbrev=7", before, after) + "\n"
    # Git repeats behind a hunk's header the line that it takes for the section's title.
    lines = [line.split(" @@")[0] + " @@" if line.startswith("@@") else line for line in shown.split("\n")]
    assert "".join(unified(name, old, new) for name, (old, new) in files.items()) == "\n".join(lines)


def test_nothing_is_shown_for_nothing_and_binary_files_are_named() -> None:
    """Equal bytes have no diff; bytes that are no text are not printed."""
    assert unified("f", b"a", b"a") == ""
    assert unified("f", b"\0", b"\1\0").endswith("Binary files a/f and b/f differ\n")
    assert unified("f", None, b"\xff\xfe").endswith("Binary files /dev/null and b/f differ\n")
