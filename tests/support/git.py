"""Real git for tests: repositories, commits, and a daemon that serves and accepts pushes on the loopback interface."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgSign=false", "-c", "gc.auto=0")
DEADLINE = 20.0


def isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's git configuration out of a test, and the test out of any repository around it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *args: str, content: bytes | None = None, check: bool = True) -> str:
    """Run git in a folder and return what it printed, without the last line end."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *AUTHOR, *args], cwd=folder, input=content, capture_output=True, check=False, env=environment
    )
    if check and done.returncode:
        raise AssertionError(f"git {args} in {folder}: {done.returncode}\n{done.stdout!r}\n{done.stderr!r}")
    return done.stdout.decode().removesuffix("\n")


def repository(folder: Path, files: Mapping[str, bytes] | None = None) -> Path:
    """Make a repository with one commit of `files` on `main`; an empty one without `files`."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    if files is not None:
        commit(folder, files)
    return folder


def bare(folder: Path) -> Path:
    """Make a bare repository that git's daemon may change."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "--bare", "-b", "main")
    return folder


def commit(folder: Path, files: Mapping[str, bytes], message: str = "Change") -> str:
    """Commit files to what is checked out and return the commit."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes, to show that nothing was written."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def sound(folder: Path) -> bool:
    """Say whether git finds a repository whole, dangling objects aside."""
    return (
        subprocess.run(["git", "fsck", "--full", "--strict"], cwd=folder, capture_output=True, check=False).returncode == 0
    )


def log(folder: Path, ref: str, form: str) -> list[str]:
    """Return one line of `form` for every commit of a ref, newest first."""
    return git(folder, "log", f"--format={form}", ref).splitlines()


@contextlib.contextmanager
def daemon(base: Path) -> Iterator[str]:
    """Serve the repositories below `base`, pushes allowed; yields the URL that their paths are relative to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["git", "daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", "--max-connections=64"]
    process = subprocess.Popen(
        [*command, f"--base-path={base}", "--listen=127.0.0.1", f"--port={port}"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _await(port, process)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(DEADLINE)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError("git daemon does not answer; it comes with git on most systems, on some as a package git-daemon")
