"""The runtime images beside what `mlflow models generate-dockerfile` makes of the same model: megabytes added to one base.

python benchmarks/images.py --base IMAGE [--ca FILE] [--mlflow PYTHON]   (needs a Docker daemon and the extra `images`)
python benchmarks/images.py … --mlflow PYTHON --registry HOST:PORT/PREFIX   (and the time for a new model)
python benchmarks/images.py --venvs FOLDER                   (both runtimes as environments, for serving.py)

Ours are built as `release runtime` builds them. MLflow's Dockerfile is taken as it is but for its base, which is swapped so
that both start from the same one, and the certificates that this network needs. PYTHON is an interpreter with mlflow. A new
model is `release package`, a process that also pushes, beside MLflow's image built again with Docker's cache, not pushed.
"""

from __future__ import annotations

import argparse
import io
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import docker
from sklearn.datasets import load_breast_cancer

from release.adapters.images import RECIPE, REQUIREMENTS, DockerImages

TARGETS = {"skops": 0.65, "onnx": 0.55}
REBUILT = 0.1
ROUNDS = 3
RELEASE = str(Path(sys.executable).with_name("release"))
MODEL = """
import sys
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LogisticRegression
model = LogisticRegression(C=float(sys.argv[2])).fit(np.arange(20).reshape(-1, 1), np.arange(20) > 9)
mlflow.sklearn.save_model(model, sys.argv[1], serialization_format="skops", skops_trusted_types=["numpy.dtype"])
"""
TRUST = """RUN ln -sf "$(command -v python3)" /usr/local/bin/python
ENV PIP_CERT=/extra.pem SSL_CERT_FILE=/extra.pem REQUESTS_CA_BUNDLE=/extra.pem PIP_BREAK_SYSTEM_PACKAGES=1
COPY extra.pem /extra.pem
"""


def megabytes(client: docker.DockerClient, image: str) -> float:
    """Return an image's size."""
    return float(client.images.get(image).attrs["Size"]) / 1e6


def mlflow_image(client: docker.DockerClient, python: str, base: str, ca: bytes, strength: float = 1.0) -> tuple[str, float]:
    """Build MLflow's image of a model on a base; return its id, and the seconds that Docker took."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, model = Path(scratch) / "image", Path(scratch) / "model"
        subprocess.run([python, "-c", MODEL, str(model), str(strength)], check=True)
        made = ["models", "generate-dockerfile", "-m", str(model), "-d", str(folder), "--env-manager", "local"]
        subprocess.run([python, "-m", "mlflow", *made], check=True)
        recipe = (folder / "Dockerfile").read_text()
        recipe = re.sub(r"^FROM .*$", f"FROM {base}\n{TRUST if ca else ''}", recipe, count=1, flags=re.MULTILINE)
        (folder / "Dockerfile").write_text(recipe)
        (folder / "extra.pem").write_bytes(ca)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, arcname=".")
    archive.seek(0)
    began = time.perf_counter()
    image, _ = client.images.build(fileobj=archive, custom_context=True, rm=True, forcerm=True)
    return str(image.id), time.perf_counter() - began


def new_models(runtime: str, registry: str) -> list[float]:
    """Return the seconds that `release package` takes for models it has never seen, pushed; the first does not count."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)

        def run(*words: str) -> None:
            subprocess.run(words, cwd=root, check=True, capture_output=True)

        def commit(strength: float) -> None:
            spec = root / "models" / "nuclei" / "model.yaml"
            found = re.sub(
                r"(kind: [a-z-]+)\n(  params: .*\n)?", f"\\1\n  params: {{C: {strength}}}\n", spec.read_text(), count=1
            )
            spec.write_text(found)
            run("git", "add", "-A")
            run("git", "commit", "--quiet", "--message", f"C is {strength}")

        run("git", "init", "--quiet", "--initial-branch", "main")
        for name, value in (("user.name", "bench"), ("user.email", "bench@localhost")):
            run("git", "config", name, value)
        load_breast_cancer(as_frame=True).frame.to_csv(root / "rows.csv", index_label="id")
        run(RELEASE, "init", "nuclei", "--from", "rows.csv", "--target", "target", "--id", "id")
        project = root / "release.yaml"
        project.write_text(
            re.sub(r"registry: .*", f"registry: {registry}\nruntime: {{images: {{skops: {runtime}}}}}", project.read_text())
        )
        spec = root / "models" / "nuclei" / "model.yaml"
        spec.write_text(re.sub(r"(?m)^estimator:\n(  .*\n)+", "estimator:\n  kind: logistic-regression\n", spec.read_text()))
        times = []
        for number in range(ROUNDS + 1):
            commit(0.5 + number / 10 + secrets.randbelow(1000) / 1e5)
            run(RELEASE, "train", "nuclei")
            began = time.perf_counter()
            run(RELEASE, "package", "nuclei")
            times.append(time.perf_counter() - began)
        return times[1:]


def venvs(folder: Path) -> None:
    """Make an environment for each format, holding what its image holds."""
    for name, wanted in REQUIREMENTS.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        pip = [str(folder / name / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*pip, "--requirement", str(RECIPE / wanted)], check=True)


def main() -> None:
    """Print a Markdown table of sizes and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base")
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--mlflow")
    parser.add_argument("--registry")
    parser.add_argument("--venvs", type=Path)
    options = parser.parse_args()
    if options.venvs:
        venvs(options.venvs)
    if not options.base:
        return
    client, ca = docker.from_env(timeout=1800), options.ca.read_bytes() if options.ca else b""
    client.images.pull(options.base)
    bottom = megabytes(client, options.base)
    added, built = {}, {}
    for name in REQUIREMENTS:
        began = time.perf_counter()
        image = DockerImages().build(base=options.base, format=name, ca=ca or None)
        built[name] = image
        added[name] = megabytes(client, image) - bottom
        print(f"{name}: {added[name]:.0f} MB added, built in {time.perf_counter() - began:.0f} s", flush=True)
    if options.mlflow:
        other = megabytes(client, mlflow_image(client, options.mlflow, options.base, ca)[0]) - bottom
        print("\n| runtime | MB added to the base | MLflow's | ratio | target | |\n|---|---|---|---|---|---|")
        for name, size in added.items():
            ratio = size / other
            said = "met" if ratio <= TARGETS[name] else "**missed**"
            print(f"| {name} | {size:.0f} | {other:.0f} | {ratio:.2f} | {TARGETS[name]} | {said} |")
    if options.mlflow and options.registry:
        repository = f"{options.registry}/runtime"
        digest = DockerImages().push(built["skops"], repository, "benchmark")
        ours = statistics.median(new_models(f"{repository}@{digest}", options.registry))
        strengths = [2.0 + number for number in range(ROUNDS)]
        theirs = statistics.median(mlflow_image(client, options.mlflow, options.base, ca, one)[1] for one in strengths)
        said = "met" if ours / theirs <= REBUILT else "**missed**"
        print(
            f"\na new model: {ours:.2f} s, MLflow's image again {theirs:.1f} s, ratio {ours / theirs:.3f}, "
            f"at most {REBUILT} ({said})"
        )


if __name__ == "__main__":
    main()
