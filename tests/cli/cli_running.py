"""Running commands as users and pipelines do: as processes, or through the same error boundary in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.git import git

from release.cli.boundary import guarded
from release.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Mapping

RELEASE = str(Path(sys.executable).with_name("release"))
DEADLINE = 120.0
NO_INDEX = "http://127.0.0.1:9"
NOT_INDEXED = (
    f"not indexed, the release goes on: {NO_INDEX}: MLflow cannot be written: Connection refused; "
    "run `release index` when it is back"
)
"""What is said of an MLflow server that nobody runs; port 9 refuses at once."""
NO_RUNTIME = "these images hold models and no server, so nothing can run them: name a runtime (`release runtime`)"
"""What is said of images where release.yaml names no runtime."""

PROBE = """
import sys
from release.cli.boundary import guarded
from release.cli.main import cli
code = guarded(cli, sys.argv[2:])
heavy = [name for name in sys.argv[1].split(",") if name in sys.modules]
assert not heavy, f"imported: {heavy}"
sys.exit(code)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """All of standard output as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines of standard error that are no notes."""
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def here(folder: Path, *args: str) -> Done:
    """Run a command in this process: the same group and error boundary, without the seconds that imports take."""
    out, err = io.StringIO(), io.StringIO()
    environment, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = guarded(cli, args)
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.environ.clear()
        os.environ.update(environment)
    return Done(code, out.getvalue(), err.getvalue())


def process(folder: Path, *args: str, env: Mapping[str, str] | None = None) -> Done:
    """Run `release` as a process of its own."""
    return _run([RELEASE, *args], folder, env)


def process_without(modules: str, folder: Path, *args: str, env: Mapping[str, str] | None = None) -> Done:
    """Run a command as a process that fails when it has imported one of `modules`, a list with commas."""
    return _run([sys.executable, "-c", PROBE, modules, *args], folder, env)


def _run(command: list[str], folder: Path, env: Mapping[str, str] | None) -> Done:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def ok(done: Done) -> Done:
    """Return what ran when it went well; show why when it did not."""
    assert done.code == 0, done
    return done


def start_repository(folder: Path) -> None:
    """Make an empty repository of somebody called Ada."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replace text in a file, which must hold it."""
    file = folder / path
    text = file.read_text()
    assert old in text, f"{path} does not hold {old!r}"
    file.write_text(text.replace(old, new))


def commit_all(folder: Path, message: str = "Change") -> str:
    """Commit the work tree as it is and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def files(folder: Path, *, without: str = "") -> dict[str, bytes]:
    """Return every file below a folder, those of git included; `without` names a folder at the top to leave out."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {str(name): path.read_bytes() for name, path in found.items() if name.parts[0] != without}


def customers(rows: int = 240, *, seed: int = 3) -> str:
    """Return a CSV of customers, of which about half churn, for reasons that a linear model finds."""
    draw = random.Random(seed)
    lines = ["customer_id,usage,tenure,noise,churned"]
    for number in range(rows):
        usage, tenure, noise = (draw.gauss(0, 1) for _ in range(3))
        churned = int(2 * usage + tenure + draw.gauss(0, 0.5) > 0)
        lines.append(f"c{number:04},{usage:.3f},{tenure:.3f},{noise:.3f},{churned}")
    return "\n".join(lines) + "\n"


def ledger(folder: Path, model: str = "churn", ref: str = "deploy") -> list[dict[str, Any]]:
    """Return the events of a ledger on a branch."""
    return [json.loads(line) for line in git(folder, "show", f"{ref}:charts/environments/ledger/{model}.jsonl").splitlines()]


def scalar(folder: Path, path: str, name: str, ref: str = "deploy") -> str:
    """Return the first value of a key in a YAML file on a branch, as it is written there."""
    for line in git(folder, "show", f"{ref}:{path}").splitlines():
        if line.strip().startswith(f"{name}:"):
            return line.split(":", 1)[1].split("  #")[0].strip().strip('"')
    raise AssertionError(f"{path} has no {name}")
