"""The gate's statistics and its whole report, beside what people would write or call instead.

    python benchmarks/gate.py methods     # 100,000 rows, 2,000 resamples: loops of scikit-learn, scipy.stats.bootstrap
    python benchmarks/gate.py report      # evaluation, verdict and report, beside mlflow.models.evaluate
    python benchmarks/gate.py scale       # a million rows in memory, ten million from disk

Every measurement is a process of its own, in turn with its peer's. Memory is the peak of resident memory above what was
there when the clock started. Loops run a few resamples and are scaled up to 2,000: their cost is one resample's.
"""

# ruff: noqa: PLC0415, PLR2004 (each measurement is a process that imports what it measures; made-up rows have numbers)

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS, RESAMPLES, LOOPED = 100_000, 2_000, 20
MILLION, MANY = 1_000_000, 10_000_000
A = 0.025
MIB = 1 << 20


def rows(n: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Return outcomes, three in ten positive, and two models' probabilities."""
    draw = np.random.default_rng(seed)
    y = (draw.random(n) < 0.3).astype(np.int64)
    shared = draw.normal(size=n) + y
    scores = [1 / (1 + np.exp(-shared - draw.normal(0, 0.5, n))) for _ in range(2)]
    return y, scores[0], scores[1]


def measured(work: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """Return seconds, the rise of peak memory and what `work` returned."""
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    start = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "mib": (resident("VmHWM") - before) / MIB, **(found or {})}


def resident(what: str) -> float:
    """Return the process's resident memory, or its peak, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return 1024 * float(line.split()[1])


def scores_or_labels(metric: str) -> tuple[Any, Any, Any]:
    """Return what a metric reads of the rows."""
    y, one, two = rows(ROWS)
    return (y, one, two) if metric == "roc_auc" else (y, (one > 0.5).astype(np.int64), (two > 0.5).astype(np.int64))


def delong() -> dict[str, Any]:
    """Judge the difference of two AUCs in closed form."""
    from release.stats.compare import difference
    from release.stats.metrics import METRICS

    return _judge(difference, METRICS["roc_auc"], "roc_auc")


def bootstrap(metric: str) -> dict[str, Any]:
    """Judge a difference by 2,000 of our resamples."""
    from release.stats.bootstrap import bootstrap_difference
    from release.stats.metrics import METRICS

    return _judge(bootstrap_difference, METRICS[metric], metric)


def _judge(method: Any, metric: Any, name: str) -> dict[str, Any]:
    y, one, two = scores_or_labels(name)

    def work() -> dict[str, Any]:
        found = method(metric, y, one, two, seed=1, resamples=RESAMPLES)
        return {"low": found.lower(A), "high": found.upper(A), "se": found.se, "method": found.method}

    return measured(work)


def loop(metric: str) -> dict[str, Any]:
    """Resample row numbers and call scikit-learn's metric on both models, as tutorials do."""
    import sklearn.metrics
    from sklearn.utils import resample

    function = getattr(sklearn.metrics, {"roc_auc": "roc_auc_score", "f1": "f1_score", "accuracy": "accuracy_score"}[metric])
    y, one, two = scores_or_labels(metric)

    def work() -> None:
        for number in range(LOOPED):
            index = resample(np.arange(ROWS), random_state=number)
            function(y[index], two[index]) - function(y[index], one[index])

    found = measured(work)
    return found | {"seconds": found["seconds"] * RESAMPLES / LOOPED}


def scipy_bootstrap() -> dict[str, Any]:
    """Call scipy.stats.bootstrap on row numbers with scikit-learn's AUC."""
    from scipy.stats import bootstrap as resampled
    from sklearn.metrics import roc_auc_score

    y, one, two = rows(ROWS)

    def statistic(index: Any) -> float:
        return float(roc_auc_score(y[index], two[index]) - roc_auc_score(y[index], one[index]))

    def work() -> None:
        options: dict[str, Any] = {"vectorized": False, "method": "percentile", "batch": 10}
        resampled((np.arange(ROWS),), statistic, n_resamples=LOOPED, **options)

    found = measured(work)
    return found | {"seconds": found["seconds"] * RESAMPLES / LOOPED}


MODEL = """\
owner: bench
task: binary
data:
  train: train.parquet
  test: test.parquet
  target: y
  id: key
  columns: {"x*": float}
features: [{scale: {columns: numeric}}]
estimator: {kind: hist-gradient-boosting, params: {max_iter: 100}}
gate:
  primary: {metric: roc_auc, margin: 0.01}
  guards: [{metric: brier_score, margin: 0.01}, {metric: recall, margin: 0.02}]
  floors: {roc_auc: 0.7}
"""


class Quiet:
    """Progress that nobody reads."""

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Let a step pass."""
        del what
        yield

    def note(self, what: str) -> None:
        """Say nothing."""


def prepared(folder: Path) -> None:
    """Write 5,000 training rows and 100,000 test rows of 30 columns."""
    import pandas as pd

    draw = np.random.default_rng(3)
    for name, n in (("train", 5_000), ("test", ROWS)):
        x = draw.normal(size=(n, 30))
        y = (x[:, 0] + x[:, 1] * x[:, 2] + draw.normal(size=n) > 0.5).astype(np.int64)
        frame = pd.DataFrame(x, columns=[f"x{number}" for number in range(30)])
        frame.assign(y=y, key=[f"{name}-{number}" for number in range(n)]).to_parquet(
            folder / f"{name}.parquet", index=False
        )


def report(folder: Path) -> dict[str, Any]:
    """Train two models; then read the test set, score both, judge, and write the report in both forms, plots included."""
    from release.adapters.store import FolderStore
    from release.artifact.model import installed_versions
    from release.config.build import load_model
    from release.data.held_out import held_out
    from release.learning.predict import from_csv
    from release.records import Commit, Digest, ModelName
    from release.report import html, markdown
    from release.report.curves import Curves
    from release.report.disagreement import Known, disagreement
    from release.stages.evaluate import Rival, Way, evaluate
    from release.stages.gate import gate
    from release.stages.train import train

    store, model, quiet = FolderStore(folder / "store"), ModelName("bench"), Quiet()
    key, commit = Digest("sha256:" + "a" * 64), Commit("c" * 40)
    common: dict[str, Any] = {"commit": commit, "key": key, "folder": folder, "store": store, "progress": quiet}
    specs = [load_model(MODEL.replace("100}", f"{trees}}}").encode(), where="model.yaml") for trees in (60, 100)]
    trained = [train(model, spec, versions=installed_versions(), **common) for spec in specs]
    files = [{name: store.get(digest) or b"" for name, digest in one.files.items()} for one in trained]
    champion = Rival(digest=trained[0].model_digest, ways=(Way(name="store", fetch=lambda: files[0]),), threshold=0.5)
    ours = (trained[1].model_digest, files[1])

    def work() -> dict[str, Any]:
        spec = specs[1]
        seen = evaluate(model, spec, challenger=ours, champion=champion, time_requests=False, **common)
        verdict = gate(seen, spec, spec.gate, looks=1, **common)
        path = folder / "test.parquet"
        table = held_out(path, spec.data, spec.task, where=str(path), classes=seen.classes).table
        champion_said, ours_said = (
            from_csv(store.get(one.predictions) or b"", one.predictions).values  # noqa: PD011 (no frame)
            for one in (seen.champion, seen.challenger)
            if one is not None
        )
        curves = Curves(
            task=seen.task,
            y=table.y,
            champion=champion_said,
            challenger=ours_said,
            classes=seen.classes,
            threshold=seen.threshold,
            champion_threshold=seen.threshold,
            grouped=False,
            weighted=False,
        )
        columns = {str(name): table.features[name].to_numpy() for name in table.features.columns}
        differ = disagreement(curves, Known(ids=table.ids, columns=columns, parts={}))
        pages = [each.render(trained[1], seen, verdict, curves=curves, differ=differ) for each in (markdown, html)]
        for name, page in zip(("report.md", "report.html"), pages, strict=True):
            (folder / name).write_text(page)
        return {"bytes": len(pages[1].encode()), "verdict": verdict.verdict.value}

    return measured(work)


def mlflow_evaluate(folder: Path) -> dict[str, Any]:
    """Train and log a model of the same kind; then read the test set and evaluate it by MLflow's defaults but for SHAP."""
    import mlflow
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    train = pd.read_parquet(folder / "train.parquet")
    model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=100)).fit(
        train.drop(columns=["y", "key"]), train["y"]
    )
    with mlflow.start_run():
        trusted = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
        info = mlflow.sklearn.log_model(
            model, name="model", pip_requirements=["scikit-learn"], skops_trusted_types=[*trusted, "numpy.dtype"]
        )

    def work() -> None:
        test = pd.read_parquet(folder / "test.parquet").drop(columns="key")
        with mlflow.start_run():
            options: dict[str, Any] = {
                "targets": "y",
                "model_type": "classifier",
                "evaluator_config": {"log_explainer": False},
            }
            mlflow.models.evaluate(info.model_uri, test, **options)

    return measured(work)


METRICS = ("roc_auc", "accuracy", "brier_score")


def judged(n: int) -> dict[str, Any]:
    """Judge so many rows, in memory already, by three metrics."""
    from release.config.comparing import Asked, policy_of
    from release.judging.rows import Outputs, Rows
    from release.judging.rule import Case, judge, requirements

    policy = policy_of(Asked(metrics=METRICS, margins=("0.01",) * len(METRICS)))
    y, one, two = rows(n)
    case = Case(rows=Rows(y=y, champion=Outputs(one, 0.5), challenger=Outputs(two, 0.5)), same=False)

    def work() -> dict[str, Any]:
        found = judge(requirements(policy, first=False), case, alpha=0.05, looks=1, first=False)
        return {one.metric: [one.low, one.high, one.difference] for one in found.comparisons}

    return measured(work)


def compared(folder: Path) -> dict[str, Any]:
    """Judge two Parquet files by the same, as `release compare` does, however many rows they have."""
    from release.config.comparing import Asked, option_at, policy_of
    from release.data.scored import OutputColumns
    from release.judging.compared import Columns
    from release.stages.compare import Files, compare

    policy = policy_of(Asked(metrics=METRICS, margins=("0.01",) * len(METRICS)))
    output = OutputColumns(scores=("p",))
    columns = Columns(id="id", target="y", challenger=output, champion=output)

    def work() -> dict[str, Any]:
        files = Files(challenger=folder / "challenger.parquet", champion=folder / "champion.parquet")
        found = compare(files, columns, policy, option_at)
        return {one.metric: [one.low, one.high, one.difference] for one in found.comparisons}

    found = measured(work)
    return found | {"whole_mib": resident("VmHWM") / MIB}


def written(folder: Path, n: int) -> None:
    """Write both models' predictions on `rows(n)`, a million rows a group."""
    import pandas as pd

    y, one, two = rows(n)
    for name, scores in (("champion", one), ("challenger", two)):
        frame = pd.DataFrame({"id": np.arange(n), "y": y, "p": scores})
        frame.to_parquet(folder / f"{name}.parquet", index=False, row_group_size=MILLION)


CHILDREN: dict[str, Callable[..., Any]] = {
    "delong": delong,
    "bootstrap": bootstrap,
    "loop": loop,
    "scipy": scipy_bootstrap,
    "prepared": lambda folder: prepared(Path(folder)),
    "report": lambda folder: report(Path(folder)),
    "mlflow": lambda folder: mlflow_evaluate(Path(folder)),
    "judged": lambda n: judged(int(n)),
    "written": lambda folder, n: written(Path(folder), int(n)),
    "compared": lambda folder: compared(Path(folder)),
}


def child(name: str, *given: object, folder: str | None = None) -> dict[str, Any]:
    """Run one measurement in a process of its own, on one thread."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    environment = os.environ | threads | ({"TMPDIR": folder} if folder else {})
    command = [sys.executable, __file__, "child", name, *map(str, given)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} {given}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]) or {})


def median(found: list[dict[str, Any]], what: str) -> float:
    """Return the median of a number over rounds."""
    return statistics.median(one[what] for one in found)


def line(name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], target: float | None) -> str:
    """Return one row of a Markdown table; the ratio is taken within each round."""
    ratio = statistics.median(a["seconds"] / b["seconds"] for a, b in zip(ours, theirs, strict=True))
    met = "" if target is None else "met" if ratio <= target else "**missed**"
    seconds = [median(one, "seconds") for one in (ours, theirs)]
    memory = [median(one, "mib") for one in (ours, theirs)]
    return (
        f"| {name} | {seconds[0]:.3g} s | {seconds[1]:.3g} s | {ratio:.2g} | {target or ''} | {met} "
        f"| {memory[0]:.0f} | {memory[1]:.0f} |"
    )


HEAD = "| ours / beside | ours | beside | ratio | target | | MiB, ours | beside |\n|---|---|---|---|---|---|---|---|"


def methods(rounds: int) -> None:
    """Print the table of methods."""
    asked: dict[str, tuple[object, ...]] = {
        "delong": ("delong",),
        "scipy": ("scipy",),
        **{f"{kind} {metric}": (kind, metric) for metric in ("roc_auc", "f1", "accuracy") for kind in ("loop", "bootstrap")},
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, given in asked.items():
            found[name].append(child(*map(str, given)))
    print(HEAD)
    auc = "bootstrap roc_auc"
    print(line("DeLong, difference of AUCs / loop of `roc_auc_score`", found["delong"], found["loop roc_auc"], 0.002))
    print(line("bootstrap, difference of AUCs / the same loop", found[auc], found["loop roc_auc"], 0.12))
    print(line("the same / `scipy.stats.bootstrap`, batch=10", found[auc], found["scipy"], None))
    print(line("bootstrap of F1 / loop of `f1_score`", found["bootstrap f1"], found["loop f1"], 0.02))
    print(
        line("bootstrap of accuracy / loop of `accuracy_score`", found["bootstrap accuracy"], found["loop accuracy"], 0.02)
    )
    closed, drawn = found["delong"][0], found[auc][0]
    apart = max(abs(closed[end] - drawn[end]) for end in ("low", "high")) / closed["se"]
    print(f"\nEnds of the bootstrap's interval from DeLong's: at most {apart:.3f} of its error (target 0.2).")
    print(f"Peak of the bootstrap of AUCs: {median(found[auc], 'mib'):.0f} MiB (target 200).")


def whole(rounds: int) -> None:
    """Print the table of the report."""
    ours, theirs = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            child("prepared", folder)
            ours.append(child("report", folder))
            theirs.append(child("mlflow", folder))
    print(HEAD)
    print(line("evaluation, verdict and report / `mlflow.models.evaluate`", ours, theirs, 0.2))
    print(f"\n{ours[0]['verdict']}; report.html has {ours[0]['bytes'] / 1e6:.2f} MB.")


def scale(rounds: int) -> None:
    """Print the table of large samples, and how far streaming is from memory."""
    print("| what | rows | seconds | MiB above the start | bytes a row | MiB of the process |\n|---|---|---|---|---|---|")
    for n in (MILLION // 4, MILLION):
        found = [child("judged", n) for _ in range(rounds)]
        memory = median(found, "mib")
        print(
            f"| judging, rows in memory | {n:,} | {median(found, 'seconds'):.2f} | {memory:.0f} | {memory * MIB / n:.0f} | |"
        )
    for n in (MILLION, MANY):
        with tempfile.TemporaryDirectory() as folder:
            child("written", folder, n)
            one = child("compared", folder, folder=folder)
        memory, name = one["mib"], "in memory" if n <= MILLION else "from disk"
        print(
            f"| `release compare`, two Parquet files, {name} | {n:,} | {one['seconds']:.1f} | {memory:.0f} "
            f"| {memory * MIB / n:.0f} | {one['whole_mib']:.0f} |"
        )
    held = child("judged", MANY)
    a_row = held["mib"] * MIB / MANY
    print(f"| judging, rows in memory | {MANY:,} | {held['seconds']:.1f} | {held['mib']:.0f} | {a_row:.0f} | |")
    apart = max(
        abs(a - b) / abs(held[name][1] - held[name][0])
        for name in METRICS
        for a, b in zip(one[name], held[name], strict=True)
        if math.isfinite(a)
    )
    print(f"\nFrom disk and in memory, {MANY:,} rows: ends and differences within {apart:.1g} of the interval's width.")


def main() -> None:
    """Print Markdown tables, or measure in a child."""
    if sys.argv[1:2] == ["child"]:
        warnings.simplefilter("ignore")
        print(json.dumps(CHILDREN[sys.argv[2]](*sys.argv[3:])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["methods", "report", "scale"])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    {"methods": methods, "report": whole, "scale": scale}[given.part](given.rounds)


if __name__ == "__main__":
    main()
