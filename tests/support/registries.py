"""A real Docker distribution on the loopback interface, for everything that talks to a registry server.

Its fixtures are imported by the conftest of every folder that needs them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BINARY = shutil.which("docker-registry") or "/usr/bin/docker-registry"
DEADLINE = 20.0


@pytest.fixture(scope="session")
def start_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Return a function that starts one more registry, with a password file or open to all, and returns its host:port."""
    if not shutil.which(BINARY):
        pytest.fail(
            f"{BINARY} is missing: these tests want a real registry; apt-get install -y docker-registry", pytrace=False
        )
    running = []

    def start(htpasswd: str = "") -> str:
        folder = tmp_path_factory.mktemp("registry")
        auth = {}
        if htpasswd:
            (folder / "htpasswd").write_text(htpasswd)
            auth = {"auth": {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}}
        config = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": "127.0.0.1:0"},  # the kernel chooses a free port, the log tells which
            **auth,
        }
        (folder / "config.yml").write_text(json.dumps(config))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [BINARY, "serve", str(folder / "config.yml")], stdout=log, stderr=log, cwd=folder, env={"HOME": str(folder)}
            )
        running.append(process)
        return _listening(process, folder / "log")

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=DEADLINE)


@pytest.fixture(scope="session")
def registry_address(start_registry: Callable[..., str]) -> str:
    """Return the host:port of a registry that is open to all, one for the whole session."""
    return start_registry()


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.02)
    pytest.fail(f"the registry did not start:\n{log.read_text()}", pytrace=False)
