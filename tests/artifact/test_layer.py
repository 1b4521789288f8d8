"""The archive that a layer is made of: the same bytes always, and readable by others."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from release.artifact.layer import archive, members
from release.artifact.serial import digest_of
from release.errors import BadInputError, SecurityRefusalError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"model.json": b"{}", "arrays/b.npy": bytes(range(256)) * 5, "arrays/a.npy": b"", "zoo": b"z"}


def test_archive_is_read_by_tarfile_with_fixed_owners_modes_and_times() -> None:
    """Python's own reader finds every file, every folder, and nothing of the machine that wrote them."""
    with tarfile.open(fileobj=io.BytesIO(archive(FILES, prefix="opt/model")), mode="r:") as tar:
        members = tar.getmembers()
        contents = {one.name: tar.extractfile(one).read() for one in members if one.isfile()}
    assert [one.name for one in members] == [
        "opt",
        "opt/model",
        "opt/model/arrays",
        "opt/model/arrays/a.npy",
        "opt/model/arrays/b.npy",
        "opt/model/model.json",
        "opt/model/zoo",
    ]
    assert contents == {f"opt/model/{name}": content for name, content in FILES.items()}
    assert {(one.mtime, one.uid, one.gid, one.uname, one.gname) for one in members} == {(0, 0, 0, "", "")}
    assert {one.mode for one in members if one.isdir()} == {0o755}
    assert {one.mode for one in members if one.isfile()} == {0o644}


def test_archive_is_extracted_by_gnu_tar_without_a_word(tmp_path: Path) -> None:
    """The system's tar extracts the same bytes and has nothing to complain of."""
    (tmp_path / "layer.tar").write_bytes(archive(FILES, prefix="model"))
    done = subprocess.run(["tar", "-xf", "layer.tar"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert {name: (tmp_path / "model" / name).read_bytes() for name in FILES} == FILES


def test_archive_does_not_depend_on_the_order_of_files() -> None:
    """Mappings that are equal give archives that are equal, down to a digest that no version of Python may change."""
    backwards = dict(reversed(FILES.items()))
    assert archive(FILES, prefix="model") == archive(backwards, prefix="model")
    assert (
        digest_of(archive(FILES, prefix="model"))
        == "sha256:4297bac756d4f2b5c4062571d009521ff0cecc2f46e3071156fc8a5ab6c0c805"
    )


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../../x", "a//b", "", "./a", "a/.wh.b", ".hidden", "a\\b", "a\nb", "-rf", "ü", "a/", "$(id)"],
)
def test_paths_that_could_leave_the_folder_or_hide_files_are_refused(name: str) -> None:
    """Neither escapes nor whiteouts nor odd characters get into a layer."""
    with pytest.raises(SecurityRefusalError, match="cannot be a path in an image"):
        archive({name: b""}, prefix="model")


def test_a_prefix_is_held_to_the_same_rule() -> None:
    """The folder that the files go to cannot escape either."""
    with pytest.raises(SecurityRefusalError):
        archive({"a": b""}, prefix="../model")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "a/b")])
def test_a_name_cannot_be_both_file_and_folder(names: tuple[str, str]) -> None:
    """A file below another file is refused, whichever comes first."""
    with pytest.raises(BadInputError, match="both a file and a folder"):
        archive(dict.fromkeys(names, b""), prefix="model")


def test_a_name_may_have_a_hundred_characters_and_no_more() -> None:
    """The longest path that a plain header holds is written whole; one more character is refused."""
    longest = "a" * (100 - len("model/"))
    with tarfile.open(fileobj=io.BytesIO(archive({longest: b"x"}, prefix="model"))) as tar:
        assert tar.getnames() == ["model", f"model/{longest}"]
    with pytest.raises(BadInputError, match="longer than 100 characters"):
        archive({longest + "a": b"x"}, prefix="model")


@pytest.mark.parametrize("prefix", ["model", "opt/model"])
def test_members_are_the_files_that_went_in(prefix: str) -> None:
    """What was archived is read back, empty files and nested folders included."""
    assert members(archive(FILES, prefix=prefix), prefix=prefix) == FILES


def _by_tarfile() -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("model/a"), io.BytesIO())
        return buffer.getvalue()


OURS = archive(FILES, prefix="model")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        OURS[:-512],
        OURS[:700],
        OURS + bytes(512),
        OURS[:512] + OURS,
        OURS.replace(b"0000644", b"0000755"),
        OURS[:124] + b"-0000000512" + OURS[135:],
        OURS[:124] + b"99999999999" + OURS[135:],
        OURS[:124] + b"77777777777" + OURS[135:],
        archive(FILES, prefix="other"),
        archive(FILES, prefix="model2"),
        _by_tarfile(),
    ],
    ids=lambda content: str(len(content)),
)
def test_an_archive_that_is_not_ours_is_refused(content: bytes) -> None:
    """Cut, padded, altered, negative, huge or foreign archives give no files, and no crash."""
    with pytest.raises(SecurityRefusalError):
        members(content, prefix="model")
