"""The one place that starts processes, and git's invariable command line.

Every other program is run through `run`, so that failures look alike: command, exit code and both streams, passwords
removed. `Git` adds what must hold for every git call (language, no prompt, no hooks, no inherited repository) and the object
reads that the git adapters share; `write_whole` is their way to write a file. What a branch, a release or a ledger is must
not live here.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from release.errors import EnvironmentTroubleError, SecurityRefusalError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

LOCAL = 120.0
"""Seconds that a program working on local files may take."""

_SHOWN = 2000
_PASSWORD = re.compile(r"(?<=://)[^/@\s']+@")
_GIT = (
    *("git", "-c", "core.quotepath=off", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false"),
)
# A hook or another git command that calls us exports its own repository; ours is named by the working folder alone.
_INHERITED = (
    *("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"),
)
_GIT_ENVIRONMENT: Mapping[str, str | None] = {
    **dict.fromkeys(_INHERITED),
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a digest names the bytes that were committed, not a local replacement of them
    "GIT_OPTIONAL_LOCKS": "0",
}


class Completed(NamedTuple):
    """What a program that succeeded wrote."""

    stdout: bytes
    stderr: bytes


class CommandFailedError(EnvironmentTroubleError):
    """A program ended with another exit code than 0; keeps the command, the code and both streams."""

    def __init__(self, argv: Sequence[str], code: int, stdout: bytes, stderr: bytes) -> None:
        """Show command, code and both streams in one line, passwords removed."""
        self.argv = tuple(argv)
        self.exit_code = code
        self.stdout = stdout
        self.stderr = stderr
        streams = (("stderr", stderr), ("stdout", stdout))
        shown = [
            f"{name}: {redacted(stream.decode(errors='replace'))[:_SHOWN]}" for name, stream in streams if stream.strip()
        ]
        super().__init__(f"`{redacted(shlex.join(self.argv))}` ended with code {code}; {'; '.join(shown) or 'no output'}")

    @property
    def reason(self) -> str:
        """The lines in which git says why, joined into one, passwords removed."""
        lines = [line.strip() for line in self.stderr.decode(errors="replace").splitlines() + _refusals(self.stdout)]
        telling = [
            line for line in lines if line.startswith(("fatal:", "error:", "remote:", "!")) and len(line) > len("remote:")
        ]
        return redacted(" | ".join((telling or [line for line in lines if line])[:3])) or f"exit code {self.exit_code}"


def _refusals(stdout: bytes) -> list[str]:
    return [line for line in stdout.decode(errors="replace").splitlines() if line.startswith("!")]


def redacted(text: str) -> str:
    """Return the text with user names and passwords in URLs replaced."""
    return _PASSWORD.sub("***@", text)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    input: bytes | None = None,  # noqa: A002 (the word that `subprocess` uses)
    env: Mapping[str, str | None] | None = None,
    timeout: float,
    holding: Collection[int] = (),
) -> Completed:
    """Run a program in `cwd` and return what it wrote; `env` changes the inherited environment, None removes.

    `timeout` is in seconds. Standard input is `input`, or empty: nothing ever waits for a terminal. The file descriptors
    `holding` are open in the program too: a lock on one lasts until the program has ended, though we die before. Raises
    CommandFailedError on another exit code than 0, EnvironmentTroubleError when the program is missing or takes too long.
    """
    environment = dict(os.environ)
    for name, value in (env or {}).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env=environment,
            input=input or b"",
            capture_output=True,
            timeout=timeout,
            check=False,
            pass_fds=tuple(holding),
        )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise EnvironmentTroubleError(
                "the folder to work in is gone", where=str(cwd), fix="run again elsewhere"
            ) from error
        raise EnvironmentTroubleError(f"the program {argv[0]} is not installed", fix=f"install {argv[0]}") from error
    except OSError as error:
        raise EnvironmentTroubleError(f"cannot start {argv[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        command = redacted(shlex.join(argv))
        raise EnvironmentTroubleError(
            f"`{command}` took longer than {timeout:g} s and was stopped", fix="run again"
        ) from error
    if done.returncode:
        raise CommandFailedError(argv, done.returncode, done.stdout, done.stderr)
    return Completed(done.stdout, done.stderr)


class Entry(NamedTuple):
    """A file in a tree: its mode (`100644`, `100755`) and its object's name."""

    mode: str
    name: str


@dataclass(frozen=True)
class Git:
    """Git in one folder, with `env` on top of what holds for every call, and `holding` as for `run`."""

    folder: Path
    env: Mapping[str, str | None] = field(default_factory=dict)
    holding: tuple[int, ...] = ()

    def run(
        self,
        *args: str,
        input: bytes | None = None,  # noqa: A002 (the word that `subprocess` uses)
        env: Mapping[str, str | None] | None = None,
        timeout: float = LOCAL,
    ) -> bytes:
        """Run one git command and return its standard output; raises as `run` does."""
        environment = {**_GIT_ENVIRONMENT, **self.env, **(env or {})}
        argv = (*_GIT, *args)
        return run(argv, cwd=self.folder, input=input, env=environment, timeout=timeout, holding=self.holding).stdout

    def says(self, *args: str) -> str | None:
        """Return the one line a query prints, None when git answers "no" (exit code 1) and nothing is wrong."""
        try:
            return self.run(*args).decode(errors="surrogateescape").rstrip("\n")
        except CommandFailedError as error:
            if error.exit_code == 1:
                return None
            raise

    def files(self, tree: str, *paths: str) -> dict[str, Entry]:
        """Map every file below `paths` (everywhere without) at `tree` to its mode and object; one process.

        Raises SecurityRefusalError for a symbolic link or a submodule below `paths`, because either could name anything;
        without `paths` they are left out.
        """
        listing = self.run("ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths)
        found: dict[str, Entry] = {}
        for record in listing.decode(errors="surrogateescape").split("\0")[:-1]:
            head, path = record.split("\t", 1)
            mode, kind, name = head.split(" ")
            if kind == "blob" and mode != "120000":
                found[path] = Entry(mode, name)
            elif paths:
                what = "a submodule" if kind == "commit" else "a symbolic link"
                raise SecurityRefusalError(f"{path!r} is {what}", where=tree[:12], fix="commit the files themselves")
        return found

    def blobs(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the objects' bytes in order, None for what is missing or no file; one process however many there are."""
        if not names:
            return []
        if any("\n" in name for name in names):
            raise SecurityRefusalError("a path with a line break cannot be read", fix="rename the file")
        request = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
        answer = self.run("cat-file", "--batch", input=request)
        found: list[bytes | None] = []
        at = 0
        for _ in names:
            end = answer.index(b"\n", at)
            head = answer[at:end].rsplit(b" ", 2)
            at = end + 1
            if head[-1] in {b"missing", b"ambiguous"} or not head[-1].isdigit():
                found.append(None)
                continue
            size = int(head[-1])
            found.append(answer[at : at + size] if head[-2] == b"blob" else None)
            at += size + 1
        return found

    def read(self, tree: str, folder: str) -> dict[str, bytes]:
        """Return every file below `folder` at `tree`, by path; two processes."""
        files = self.files(tree, folder)
        contents = self.blobs([entry.name for entry in files.values()])
        return {path: content for path, content in zip(files, contents, strict=True) if content is not None}


def write_whole(path: Path, content: bytes, *, unfinished_in: Path | None = None) -> None:
    """Write a file so that it is there whole or not at all, whenever the process dies; folders are made.

    What is half-written lies beside the file, or in the folder `unfinished_in` of the same file system.
    """
    with whole_file(path, unfinished_in=unfinished_in) as file:
        file.write(content)


@contextlib.contextmanager
def whole_file(path: Path, *, unfinished_in: Path | None = None) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its place when the context ends well; otherwise as `write_whole`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = (unfinished_in or path.parent) / f".unfinished-{secrets.token_hex(8)}"
    try:
        with part.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
