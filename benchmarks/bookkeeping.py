"""What it costs to write one challenger into MLflow, beside the same done with `mlflow.sklearn.log_model`.

Both sides log the same parameters, metrics, tags and the same fitted model to one sqlite file each, register a version and
point an alias at it. The peer lets MLflow infer the model's requirements, its default. Making the file (migrations) and
importing mlflow happen before the clock starts, on both sides; rounds alternate, so that a busy machine hurts both.

    python benchmarks/bookkeeping.py --rounds 5
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from release.adapters.tracking_mlflow import MlflowTracking
from release.artifact.serial import digest_of
from release.records import (
    Commit,
    Comparison,
    EvaluateRecord,
    ModelName,
    Scored,
    TestSet,
    TrainRecord,
    Verdict,
    VerdictRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 0.1
MODEL = ModelName("breast-cancer")
METRICS = {"roc_auc": 0.994, "recall": 0.95, "precision": 0.96, "f1": 0.955, "brier_score": 0.03, "log_loss": 0.1}


def records(number: int) -> tuple[TrainRecord, EvaluateRecord, VerdictRecord]:
    """Return what the stages hand over for the round `number`: another digest and commit in each."""
    model, data = digest_of(b"model %d" % number), digest_of(b"data")
    commit = Commit(f"{number:040x}")
    train = TrainRecord(
        model=MODEL,
        commit=commit,
        key=model,
        model_digest=model,
        files={"model.json": model},
        size_bytes=4096,
        task="binary",
        estimator="logistic-regression",
        parameters={name: str(value) for name, value in LogisticRegression().get_params().items()},
        threshold=0.5,
        train_digest=data,
        rows=284,
        columns=30,
        cross_validation={"mean": 0.98, "std": 0.01},
        candidates=1,
        versions={"scikit-learn": "1"},
    )
    challenger = Scored(model_digest=model, predictions=data, source="store", metrics=METRICS)
    evaluate = EvaluateRecord(
        model=MODEL,
        commit=commit,
        key=model,
        task="binary",
        test_digest=data,
        rows=285,
        threshold=0.5,
        classes=("0", "1"),
        challenger=challenger,
        champion=dataclasses.replace(challenger, model_digest=data),
    )
    verdict = VerdictRecord(
        verdict=Verdict.PASS,
        model=MODEL,
        challenger=model,
        champion=data,
        alpha=0.05,
        comparisons=tuple(comparison(metric, value) for metric, value in METRICS.items()),
        reasons=("not worse",),
        test_set=TestSet(digest=data, looks=1, budget=5),
    )
    return train, evaluate, verdict


def comparison(metric: str, value: float) -> Comparison:
    """Return one comparison of a metric with itself."""
    return Comparison(
        metric=metric,
        role="guard",
        slice=None,
        n=285,
        champion=value,
        challenger=value,
        difference=0.0,
        low=-0.01,
        high=0.01,
        level=0.95,
        high_family=0.01,
        margin=0.02,
        p_value=1.0,
        p_margin=0.01,
        method="bootstrap",
        verdict=Verdict.PASS,
        rows_needed=None,
    )


def ours(tracking: MlflowTracking, pipeline: Any, number: int) -> None:
    """Index one challenger and point the alias at it."""
    train, evaluate, verdict = records(number)
    tracking.index(
        train, evaluate, verdict, {"model/model.skops": skops.io.dumps(pipeline), "report/report.md": b"# PASS\n"}
    )
    tracking.alias(MODEL, {"challenger": train.model_digest})


def peer(mlflow: Any, pipeline: Any, shown: Any, number: int) -> None:
    """Log what our run shows, then the model by `log_model`, registered, and the alias."""
    with contextlib.redirect_stderr(io.StringIO()), mlflow.start_run(run_name=f"round {number}"):
        mlflow.log_params(shown.data.params)
        mlflow.log_metrics(shown.data.metrics)
        mlflow.set_tags({key: value for key, value in shown.data.tags.items() if key.startswith("release.")})
        mlflow.log_text("# PASS\n", "report/report.md")
        info = mlflow.sklearn.log_model(pipeline, name="model", registered_model_name=MODEL)
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "challenger", info.registered_model_version)


def seconds(work: Callable[..., None], *arguments: Any) -> float:
    """Return how long a call takes on the wall's clock."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def main() -> int:
    """Measure in alternating rounds, print medians and the ratio within rounds, return 1 when the target is missed."""
    parser = argparse.ArgumentParser(description="the cost of indexing in MLflow, beside log_model's")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(*load_breast_cancer(return_X_y=True))
    with tempfile.TemporaryDirectory(prefix="release-bookkeeping-") as folder:
        os.chdir(folder)
        uri = f"sqlite:///{folder}/ours.db"
        tracking = MlflowTracking(uri, Path(folder, "files"))
        ours(tracking, pipeline, 0)

        import mlflow.sklearn  # noqa: PLC0415 (after the adapter has set it up)

        mlflow.set_tracking_uri(f"sqlite:///{folder}/peer.db")
        mlflow.set_registry_uri(f"sqlite:///{folder}/peer.db")
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        (shown,) = client.search_runs([client.get_experiment_by_name(f"release/{MODEL}").experiment_id])
        mlflow.create_experiment("peer", artifact_location=Path(folder, "peer").as_uri())
        mlflow.set_experiment("peer")
        peer(mlflow, pipeline, shown, 0)

        times = [
            (seconds(ours, tracking, pipeline, number), seconds(peer, mlflow, pipeline, shown, number))
            for number in range(1, rounds + 1)
        ]
    print(f"{'round':>8} {'ours, ms':>10} {'log_model, ms':>14} {'ratio':>8}")
    for number, (mine, theirs) in enumerate(times, start=1):
        print(f"{number:>8} {1000 * mine:>10.0f} {1000 * theirs:>14.0f} {mine / theirs:>8.3f}")
    ratio = statistics.median(mine / theirs for mine, theirs in times)
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{'median':>8} {1000 * mine:>10.0f} {1000 * theirs:>14.0f} {ratio:>8.3f}   target: at most {TARGET}")
    return int(ratio > TARGET)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    sys.exit(main())
