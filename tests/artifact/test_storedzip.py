"""The stored zip: one layout, readable by everybody, believed by nobody."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from release.artifact.storedzip import MOST_ENTRIES, Limits, pack, unpack
from release.errors import BadInputError, SecurityRefusalError

ENTRIES = {"b.txt": b"second in the alphabet", "a.txt": b"", "c.txt": bytes(range(256))}
NAMES = re.compile(r"[a-z0-9]+\.txt")
LIMITS = Limits()


def test_an_ordinary_reader_understands_it() -> None:
    """Python's zip reader finds the same entries in the same order, and nothing wrong with them."""
    with zipfile.ZipFile(io.BytesIO(pack(ENTRIES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == ENTRIES
        assert archive.namelist() == list(ENTRIES)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_it_reads_what_it_writes() -> None:
    """Entries come back in order, and are written as the same bytes again."""
    content = pack(ENTRIES)
    found = unpack(content, names=NAMES, limits=LIMITS)
    assert {name: bytes(body) for name, body in found.items()} == ENTRIES
    assert list(found) == list(ENTRIES)
    assert pack(found) == content


def test_the_bytes_are_known() -> None:
    """The layout is pinned: a change of it would change the digest of every model."""
    assert pack({"a.txt": b"hi"}).hex() == (
        "504b030414000000000000002100ac2a93d8020000000200000005000000612e7478746869"
        "504b0102140314000000000000002100ac2a93d80200000002000000050000000000000000000000a48100000000612e747874"
        "504b0506000000000100010033000000250000000000"
    )


def test_a_directory_that_says_something_else() -> None:
    """A second opinion in the directory is not read, and shows when the archive is written again."""
    content = bytearray(pack({"a.txt": b"hi"}))
    content[content.rfind(b"a.txt")] = ord("b")
    found = unpack(bytes(content), names=NAMES, limits=LIMITS)
    assert list(found) == ["a.txt"]
    assert pack(found) != content


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (6, 1, "encrypted or of unknown size"),
        (6, 8, "encrypted or of unknown size"),
        (8, 8, "compressed"),
        (21, 255, "compressed"),
        (14, 0, "damaged"),
        (26, 255, "unknown"),
        (28, 255, "cut short"),
    ],
)
def test_headers_are_not_believed(at: int, value: int, reason: str) -> None:
    """A byte of a local header that we never write is refused by what it claims."""
    content = bytearray(pack({"a.txt": b"hi"}))
    content[at] = value
    with pytest.raises(SecurityRefusalError, match=reason):
        unpack(bytes(content), names=NAMES, limits=LIMITS)


def test_both_sizes_may_lie() -> None:
    """An entry that claims more bytes than the file has is cut short, however large the claim."""
    content = bytearray(pack({"a.txt": b"hi"}))
    content[18:26] = b"\xff" * 8
    with pytest.raises(SecurityRefusalError, match="cut short"):
        unpack(bytes(content), names=NAMES, limits=LIMITS)


def test_every_shorter_file_is_refused() -> None:
    """No beginning of an archive passes for an archive."""
    content = pack({"a.txt": b"hi"})
    for size in range(len(content)):
        with pytest.raises(SecurityRefusalError):
            unpack(content[:size], names=NAMES, limits=LIMITS)


def test_more_entries_than_a_zip_has() -> None:
    """What would need another format of zip is refused when it is written."""
    with pytest.raises(BadInputError, match="65535 entries"):
        pack({f"{number}.txt": b"" for number in range(MOST_ENTRIES + 1)})
