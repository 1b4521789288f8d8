"""Patching one values file in a commit on the deploy branch, among 10 files and among 1,000.

Both sides do what a promotion does: read the file at the tip, splice the scalars, make the commit.

    python benchmarks/values.py --rounds 15
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from release.adapters.deploy_branch import open_branch
from release.artifact.values import draft, patch

AT = datetime(2026, 1, 1, tzinfo=UTC)
SERVING = {"cpu": "500m", "memory": "512Mi", "replicas": 1}
ROLLOUT = {"steps": [10, 50], "analysis": {"interval": "30s", "count": 5}}


def repository(root: Path, files: int) -> str:
    """Make a repository with so many values files; return one's path."""
    for number in range(files):
        path = root / "charts" / "environments" / f"env-{number % 10}" / f"model-{number:04}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = draft(model=path.stem, environment=path.parent.name, serving=SERVING, rollout=ROLLOUT)
        path.write_bytes(patch(content, {"image.digest": "sha256:" + "0" * 64}, where=str(path)))
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "values"]):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True, capture_output=True)
    return path.relative_to(root).as_posix()


def seconds(root: Path, path: str, number: int) -> float:
    """Time one read, splice and commit."""
    branch = open_branch(root, ".", "main", root / ".release" / "deploy")
    start = time.perf_counter()
    tip = branch.tip(fetch=False)
    content = branch.read(tip, path) or b""
    changed = patch(content, {"image.digest": f"sha256:{number:064x}"}, where=path)
    branch.commit(tip, {path: changed}, "patch", AT)
    return time.perf_counter() - start


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        roots = {size: Path(folder) / str(size) for size in (10, 1000)}
        for root in roots.values():
            root.mkdir()
        paths = {size: repository(root, size) for size, root in roots.items()}
        timed: dict[int, list[float]] = {size: [] for size in roots}
        for number in range(1, rounds + 2):
            for size, root in roots.items():
                timed[size].append(seconds(root, paths[size], number))
    few, many = timed[10][1:], timed[1000][1:]
    ratio = statistics.median(b / a for a, b in zip(few, many, strict=True))
    print("| among 10 | among 1,000 | ratio | target |")
    print("|---|---|---|---|")
    print(f"| {1000 * statistics.median(few):.0f} ms | {1000 * statistics.median(many):.0f} ms | {ratio:.2f} | about 1 |")


if __name__ == "__main__":
    main()
