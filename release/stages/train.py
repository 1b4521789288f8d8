"""Train: one commit's data and configuration become one model, the same bytes each time.

The files are read from the work tree, which the caller has found to equal the commit. Nothing is logged here: the record is
what tracking indexes later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact import canonical
from release.artifact.bins import REFERENCE
from release.artifact.golden import GOLDEN
from release.artifact.model import MANIFEST, ONNX, SKOPS, Column, ModelManifest, describe
from release.data import contract, tables
from release.learning import golden, onnx_convert, reference
from release.learning import train as learning
from release.records import Commit, Digest, ModelName, TrainRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from release.artifact.golden import Golden
    from release.config.model import ModelSpec
    from release.data.contract import Table
    from release.ports import Progress, Store


def train(
    model: ModelName,
    spec: ModelSpec,
    *,
    commit: Commit,
    key: Digest,
    folder: Path,
    versions: Mapping[str, str],
    store: Store,
    progress: Progress,
) -> TrainRecord:
    """Train a model on the training rows in `folder`, keep its files as blobs, and return the record that names them.

    `key` is the digest of everything the result depends on, `versions` those of the libraries it was made with. Raises
    BadInputError for data that break their contract, and for a model that cannot be served in the format asked for.
    """
    where = f"models/{model}/{spec.data.train}"
    path = folder / spec.data.train
    if spec.serving.format == "onnx":
        onnx_convert.refuse_early(spec.estimator.kind, where=f"models/{model}/model.yaml")
    with progress.step(f"{model}: reading {spec.data.train}"):
        table = contract.conform(tables.read(path, where=where), spec.data, spec.task, where=where)
    trying = f", trying {spec.search.method} search" if spec.search else ""
    with progress.step(f"{model}: training {spec.estimator.kind} on {table.rows} rows{trying}"):
        fitted = learning.fit(spec, table, where=f"models/{model}/model.yaml")
    for note in fitted.notes:
        progress.note(f"{model}: {note}")
    columns = tuple(Column(**column) for column in contract.signature(table, spec.data))
    missing = {column.name: column.missing for column in columns}
    proof = golden.choose(fitted.estimator, table, spec.task, missing=missing)
    files = {
        SKOPS: canonical.dump(fitted.estimator),
        # What the server proves itself with before it takes requests, and counts them by.
        GOLDEN: proof.to_bytes(),
        REFERENCE: reference.describe(fitted.estimator, table, spec.task).to_bytes(),
    }
    if spec.serving.format == "onnx":
        with progress.step(f"{model}: converting to ONNX, and scoring {table.rows} rows with both"):
            files[ONNX] = _converted(fitted, table, spec, proof, where=f"models/{model}/model.yaml")
    manifest = ModelManifest(
        format=spec.serving.format,
        files=describe(files),
        task=spec.task,
        target=spec.data.target.column,
        columns=columns,
        versions=dict(versions),
        positive=table.classes[1] if spec.task == "binary" else None,
        classes=table.classes,
        threshold=fitted.threshold,
    )
    files = {MANIFEST: manifest.to_bytes(), **files}
    return TrainRecord(
        model=model,
        commit=commit,
        key=key,
        model_digest=manifest.digest,
        files={name: store.put(content) for name, content in files.items()},
        size_bytes=sum(len(content) for content in files.values()),
        task=spec.task,
        estimator=spec.estimator.kind,
        parameters=fitted.parameters,
        threshold=fitted.threshold,
        train_digest=tables.digest(path),
        rows=table.rows,
        columns=len(table.features.columns),
        cross_validation=fitted.cross_validation,
        candidates=fitted.candidates,
        versions=versions,
    )


def _converted(fitted: learning.Fitted, table: Table, spec: ModelSpec, proof: Golden, *, where: str) -> bytes:
    """Return the model as an ONNX file, once it has scored every row as the trained one does."""
    kinds = {str(name): str(kind) for name, kind in table.kinds.items()}
    content = onnx_convert.convert(fitted.estimator, kinds=kinds, estimator=spec.estimator.kind, where=where)
    onnx_convert.prove(
        fitted.estimator,
        onnx_convert.session(content, kinds=kinds, where=where),
        table,
        spec.task,
        threshold=fitted.threshold,
        golden=golden.frame(proof, table),
        where=where,
    )
    return content
