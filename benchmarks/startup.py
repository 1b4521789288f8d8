"""How fast commands answer that compute nothing, beside a trivial click command, `git diff --stat` and a bare Python.

python benchmarks/startup.py --rounds 15
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pairs import pair

RELEASE = str(Path(sys.executable).with_name("release"))
TRIVIAL = """
import click

@click.command()
@click.version_option("1")
def cli():
    pass

cli()
"""
MODEL = Path(__file__).resolve().parents[1] / "models" / "diabetes" / "model.yaml"


def repository(root: Path, models: int) -> None:
    """Make a repository with so many models, in whose last commit one of them changed."""

    def git(*args: str) -> None:
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
        subprocess.run(("git", *identity, *args), cwd=root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (root / "release.yaml").write_text("environments: [{name: staging}]\n")
    for number in range(models):
        folder = root / "models" / f"model-{number:03}" / "data"
        folder.mkdir(parents=True)
        folder.with_name("model.yaml").write_text(MODEL.read_text())
        for part in ("train", "test"):
            (folder / f"{part}.csv").write_text(f"patient_id,progression\n{number},{part}\n")
    git("add", "-A")
    git("commit", "-qm", "models")
    changed = root / "models" / "model-000" / "model.yaml"
    changed.write_text(changed.read_text().replace("seed: 7", "seed: 8"))
    git("commit", "-qam", "one changed")


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("| ours | | beside | ratio | target |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder) / "trivial.py"
        trivial.write_text(TRIVIAL)
        click = [[sys.executable, str(trivial), "--version"]]
        for flag in ("--version", "--help"):
            found = pair([[RELEASE, flag]], click, rounds=rounds)
            print(found.line(f"`release {flag}` / trivial click", "3.5"))
        plan, diff = [RELEASE, "plan", "--base", "HEAD~1"], ["git", "diff", "--stat", "HEAD~1"]
        for models in (200, 800):
            root = Path(folder) / f"models-{models}"
            root.mkdir()
            repository(root, models)
            start = [sys.executable, "-c", "pass"]
            found = pair([plan], [diff, start], rounds=rounds, cwd=root)
            print(found.line(f"`release plan`, {models} models, one changed / `git diff --stat` + bare Python", "3"))
            found = pair([plan], [diff, *click], rounds=rounds, cwd=root)
            print(found.line("the same / `git diff --stat` + trivial click", "-"))


if __name__ == "__main__":
    main()
