"""The reconciler's image as it is written down: pinned to what this checkout is tested with, and documented as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGE = ROOT / "release" / "reconciler"


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\\n]+)", text, re.MULTILINE))


def test_every_package_is_pinned_to_the_version_of_the_constraints() -> None:
    """And what is asked for is among them, each with its hashes."""
    text = (IMAGE / "requirements.txt").read_text()
    found, known = pins(text), pins((ROOT / "constraints.txt").read_text())
    assert found.items() <= known.items()
    asked = [line for line in (IMAGE / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    assert set(asked) <= set(found)
    assert all("--hash=sha256:" in part for part in re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:])


def test_the_build_arguments_are_those_of_the_readme() -> None:
    """What may be given to a build is said where people look for it."""
    given = set(re.findall(r"^ARG (\w+)", (IMAGE / "Dockerfile").read_text(), re.MULTILINE))
    readme = (ROOT / "charts" / "reconciler" / "README.md").read_text()
    assert set(re.findall(r"^\| `([A-Z]+)` \|", readme, re.MULTILINE)) == given


def test_what_it_may_come_to_need_is_in_it() -> None:
    """Proposing, following and speaking to a forge import nothing that the image lacks, not even when they are called."""
    modules = ("cli.watching", "cli.proposing", "cli.repackaging", "report.proposals", "adapters.forge", "adapters.cluster")
    heavy = ("numpy", "pandas", "scipy", "sklearn", "skops", "mlflow", "docker", "onnx")
    imported = "; ".join(f"import release.{name}" for name in modules)
    check = f"{imported}; import sys; sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
