"""The local memory: what is kept comes back or is missing, never wrong, whatever happens to the disk or the process."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from release.adapters.store import FolderStore
from release.artifact.serial import digest_of
from release.errors import EnvironmentTroubleError, SecurityRefusalError
from release.records import CheckRecord, Digest, ModelName, TestSet

if TYPE_CHECKING:
    from pathlib import Path

KEY = Digest("sha256:" + "a" * 64)
OTHER = Digest("sha256:" + "b" * 64)
RECORD = CheckRecord(model=ModelName("churn"), key=KEY, train_rows=3, test_rows=2, columns=1, notes=("ä",))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "state")


def files(store: FolderStore) -> list[Path]:
    return sorted(path for path in store.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [b"", b"text\n", bytes(range(256)) * 1_000])
def test_a_blob_comes_back_under_its_digest(store: FolderStore, content: bytes) -> None:
    """By content, whatever it is."""
    digest = store.put(content)
    assert digest == digest_of(content)
    assert store.get(digest) == content
    assert FolderStore(store.root).get(digest) == content


def test_nothing_is_made_until_something_is_kept(store: FolderStore) -> None:
    """Looking leaves no trace."""
    assert store.get(KEY) is None
    assert store.get_record("check", KEY, CheckRecord) is None
    assert store.records("check", CheckRecord) == []
    assert store.looks(KEY) == frozenset()
    assert not store.root.exists()


def test_keeping_twice_writes_once(store: FolderStore) -> None:
    """The file is the same file, not another with the same bytes."""
    digest = store.put(b"x")
    [path] = files(store)
    before = path.stat()
    assert store.put(b"x") == digest
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", [b"", b"tex", b"text\nand more", b"TEXT\n"])
def test_a_damaged_blob_is_missing_and_can_be_kept_again(store: FolderStore, damage: bytes) -> None:
    """Cut off, grown or changed: the digest tells."""
    digest = store.put(b"text\n")
    files(store)[0].write_bytes(damage)
    assert store.get(digest) is None
    assert store.put(b"text\n") == digest
    assert store.get(digest) == b"text\n"


def test_a_record_comes_back_as_it_was(store: FolderStore) -> None:
    """Under its stage and key, and no other."""
    store.put_record("check", KEY, RECORD)
    assert store.get_record("check", KEY, CheckRecord) == RECORD
    assert store.get_record("train", KEY, CheckRecord) is None
    assert store.get_record("check", OTHER, CheckRecord) is None


def test_the_newest_record_of_a_key_counts(store: FolderStore) -> None:
    """A stage that ran again says something newer."""
    store.put_record("check", KEY, RECORD)
    newer = CheckRecord(model=ModelName("churn"), key=KEY, train_rows=4, test_rows=2, columns=1)
    store.put_record("check", KEY, newer)
    assert store.get_record("check", KEY, CheckRecord) == newer


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"model": "churn"}', b"[]", b"\xff\xfe", b'{"model":1,"key":2,"train_rows":"x"}', b"null"]
)
def test_a_record_that_cannot_be_read_is_none(store: FolderStore, damage: bytes) -> None:
    """Damaged, or written by another version: the stage runs again."""
    store.put_record("check", KEY, RECORD)
    files(store)[0].write_bytes(damage)
    assert store.get_record("check", KEY, CheckRecord) is None
    store.put_record("check", OTHER, RECORD)
    assert store.records("check", CheckRecord) == [RECORD]


def test_a_record_of_another_kind_is_none(store: FolderStore) -> None:
    """What was kept by one stage cannot be read as another's."""
    store.put_record("check", KEY, RECORD)
    assert store.get_record("check", KEY, TestSet) is None


def test_records_are_listed_in_the_order_of_their_keys(store: FolderStore) -> None:
    """The same list on every machine."""
    for key in (OTHER, KEY):
        store.put_record("check", key, CheckRecord(model=ModelName("m"), key=key, train_rows=1, test_rows=1, columns=1))
    assert [record.key for record in store.records("check", CheckRecord)] == [KEY, OTHER]


def test_a_look_is_counted_once_for_each_challenger(store: FolderStore) -> None:
    """Repeats are free, and test sets do not share their looks."""
    for challenger in (KEY, OTHER, KEY):
        store.look(KEY, challenger)
    store.look(OTHER, KEY)
    assert store.looks(KEY) == {KEY, OTHER}
    assert store.looks(OTHER) == {KEY}


def test_what_a_killed_process_left_is_no_look(store: FolderStore) -> None:
    """A half-written file beside the looks must not spend the budget."""
    store.look(KEY, OTHER)
    (files(store)[0].parent / ".tmp-half").write_bytes(b"")
    assert store.looks(KEY) == {OTHER}


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../../secret", "sha256:" + "A" * 64, "sha256:" + "a" * 65, "x\n"])
def test_what_is_no_digest_never_becomes_a_path(store: FolderStore, digest: str) -> None:
    """Records come from elsewhere; the files of this machine are not theirs to name."""
    (store.root.parent / "secret").write_bytes(b"")
    for use in (
        lambda: store.get(Digest(digest)),
        lambda: store.put_record("check", Digest(digest), RECORD),
        lambda: store.look(Digest(digest), KEY),
        lambda: store.looks(Digest(digest)),
    ):
        with pytest.raises(SecurityRefusalError, match="is no digest; run the stage that named it again"):
            use()
    assert not store.root.exists()


# A disk that refuses.


def test_a_folder_that_cannot_be_made_is_trouble_of_the_environment(tmp_path: Path) -> None:
    """Exit code 5, with the path and what to do."""
    (tmp_path / "file").write_bytes(b"")
    store = FolderStore(tmp_path / "file" / "state")
    with pytest.raises(EnvironmentTroubleError) as caught:
        store.write(store.root / "x", b"content")
    expected = "cannot write: Not a directory; free disk space or correct permissions, then run again"
    assert str(caught.value) == f"{store.root / 'x'}: {expected}"


def test_a_file_that_cannot_be_read_is_trouble_and_not_missing(store: FolderStore) -> None:
    """To take it for missing would be to train again, in silence, on a broken disk."""
    digest = store.put(b"x")
    [path] = files(store)
    path.unlink()
    path.mkdir()
    with pytest.raises(EnvironmentTroubleError, match="cannot read: Is a directory; correct permissions, then run again"):
        store.get(digest)


def test_a_full_disk_leaves_what_was_there(store: FolderStore) -> None:
    """No half file, no rest of the attempt; the earlier record stays."""
    store.put_record("check", KEY, RECORD)
    before = {path: path.read_bytes() for path in files(store)}
    script = (
        "import sys; from pathlib import Path; from release.adapters.store import FolderStore\n"
        "from release.errors import EnvironmentTroubleError\n"
        f"store = FolderStore(Path({str(store.root)!r}))\n"
        "for attempt in (lambda: store.put(b'x' * 100_000),\n"
        f"                lambda: store.put_record('check', {KEY!r}, {{'long': 'x' * 100_000}})):\n"
        "    try: attempt()\n"
        "    except EnvironmentTroubleError as error: print(error)\n"
        "    else: sys.exit('it was written')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096)),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot write: File too large; free disk space or correct permissions, then run again") == 2
    assert {path: path.read_bytes() for path in files(store)} == before


# Two processes.

WRITER = """
import sys
from pathlib import Path
from release.adapters.store import FolderStore
from release.records import CheckRecord
store, key = FolderStore(Path(sys.argv[1])), "sha256:" + "a" * 64
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    store.put(b"%d" % (number % 40) * 20_000)
    store.put_record("check", key, CheckRecord(model="m", key=key, train_rows=number, test_rows=1, columns=1,
                                               notes=("x" * 30_000,)))
    store.look(key, "sha256:" + f"{number % 40:064x}")
"""


def writer(store: FolderStore, rounds: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(store.root), str(rounds)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_two_writers_and_a_reader_never_see_half_a_file(store: FolderStore) -> None:
    """Every read is some writer's whole record, every blob its digest's."""
    running = [writer(store, 120), writer(store, 120)]
    seen = set()
    while any(process.poll() is None for process in running):
        record = store.get_record("check", KEY, CheckRecord)
        assert record is not None or not seen
        if record is not None:
            seen.add(record.train_rows)
            assert record.notes == ("x" * 30_000,)
    for process in running:
        assert process.wait() == 0
        process.stdout.close()  # type: ignore[union-attr]
    assert len(seen) > 1
    assert [store.get(digest_of(b"%d" % number * 20_000)) is not None for number in range(40)] == [True] * 40
    assert len(store.looks(KEY)) == 40
    assert not [path for path in files(store) if path.name.startswith(".tmp-")]


def test_a_killed_writer_leaves_nothing_that_counts(store: FolderStore) -> None:
    """SIGKILL at some moment of writing, several times: what is there can be read, and writing goes on."""
    for delay in (0.0, 0.004, 0.009, 0.015, 0.022):
        process = writer(store, 100_000)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        blobs = list((store.root / "blobs").glob("[0-9a-f]*")) if store.root.exists() else []
        assert all(store.get(Digest(f"sha256:{path.name}")) is not None for path in blobs)
        names = list((store.root / "records").rglob("*.json")) if store.root.exists() else []
        assert len(names) == len(store.records("check", CheckRecord))
        assert all(len(challenger) == len(KEY) for challenger in store.looks(KEY))
    store.put_record("check", KEY, RECORD)
    assert store.records("check", CheckRecord) == [RECORD]


def test_files_are_as_readable_as_the_umask_says(store: FolderStore) -> None:
    """What is written for people, such as a drafted model.yaml, is no secret of the one who ran the command."""
    before = os.umask(0o022)
    try:
        store.write(store.root / "model.yaml", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((store.root / "model.yaml").stat().st_mode) == 0o644
