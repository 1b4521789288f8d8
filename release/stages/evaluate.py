"""Evaluate: challenger and champion score the same held-out rows; nothing is judged yet.

A champion may have bytes (this machine's store, the registry, a rebuild from its commit) or only committed predictions on
this very test set; the caller lists the ways to it, the first that works is taken and named in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.artifact import canonical
from release.artifact.model import SKOPS, ModelManifest
from release.config.names import METRICS as NAMES
from release.data import contract, holdout, tables
from release.errors import EnvironmentTroubleError, ReleaseError, SecurityRefusalError
from release.learning import predict
from release.learning.timing import BLOCKS, alternate
from release.records import Commit, Digest, EvaluateRecord, ModelName, Scored
from release.stats.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from release.config.model import ModelSpec
    from release.data.contract import Table
    from release.learning.predict import Predictions
    from release.ports import Progress, Store

Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to a champion: its name, and a function that gives the model's files, predictions as CSV, or None."""

    name: str
    fetch: Callable[[], Files | bytes | None]


@dataclass(frozen=True, kw_only=True)
class Champion:
    """Whom to beat: the digest that the ledger names, the ways to its predictions in order of preference, its threshold."""

    digest: Digest
    ways: Sequence[Way]
    threshold: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    """A model that can be asked, or, with `estimator` None, only what it said."""

    digest: Digest
    source: str
    estimator: Any
    predictions: Predictions
    threshold: float | None
    size_bytes: int | None


def evaluate(
    model: ModelName,
    spec: ModelSpec,
    *,
    commit: Commit,
    key: Digest,
    folder: Path,
    challenger: tuple[Digest, Files],
    champion: Champion | None,
    store: Store,
    progress: Progress,
    time_requests: bool,
) -> EvaluateRecord:
    """Score both models on the test set and keep their predictions as blobs.

    With `time_requests`, single requests are timed too, both models in alternating blocks. Raises BadInputError when the
    test set breaks its contract, SecurityRefusalError when a model's bytes are not what its digest says,
    EnvironmentTroubleError when there is a champion and no way to its predictions.
    """
    where = f"models/{model}/{spec.data.test}"
    train_where = f"models/{model}/{spec.data.train}"
    train = contract.conform(
        tables.read(folder / spec.data.train, where=train_where), spec.data, spec.task, where=train_where
    )
    table = contract.conform(
        tables.read(folder / spec.data.test, where=where), spec.data, spec.task, where=where, classes=train.classes or None
    )
    with progress.step(f"{model}: scoring the challenger on {table.rows} held-out rows"):
        ours = _load(challenger[0], challenger[1], table, spec, source="store", where=f"{model}'s challenger")
    theirs, notes = None, list[str]()
    if champion is not None:
        with progress.step(f"{model}: scoring the champion"):
            theirs = _champion(champion, table, spec, notes, model)
    timed = _timed(ours, theirs, table) if time_requests else ((), ())
    return EvaluateRecord(
        model=model,
        commit=commit,
        key=key,
        task=spec.task,
        test_digest=tables.digest(folder / spec.data.test),
        rows=table.rows,
        threshold=ours.threshold,
        classes=table.classes,
        challenger=_scored(ours, table, store, timed[0]),
        champion=None if theirs is None else _scored(theirs, table, store, timed[1]),
        notes=tuple(notes),
        invalid=_leaks(train, table),
    )


def _load(digest: Digest, files: Files, table: Table, spec: ModelSpec, *, source: str, where: str) -> _Loaded:
    manifest = ModelManifest.verify(files, digest, where=where)
    estimator = canonical.load(files[SKOPS], where=where, sklearn_version=manifest.versions["scikit-learn"])
    return _Loaded(
        digest=digest,
        source=source,
        estimator=estimator,
        predictions=predict.predict(estimator, table, spec.task),
        threshold=manifest.threshold,
        size_bytes=sum(len(content) for content in files.values()),
    )


def _champion(champion: Champion, table: Table, spec: ModelSpec, notes: list[str], model: ModelName) -> _Loaded:
    """Take the first way that leads to predictions of these rows; say which ones did not."""
    where = f"{model}'s champion {champion.digest[:19]}"
    for way in champion.ways:
        try:
            found = way.fetch()
            if found is None:
                continue
            if not isinstance(found, bytes):
                return _load(champion.digest, found, table, spec, source=way.name, where=where)
            predictions = predict.from_csv(found, where)
            wanted = predict.Predictions(
                task=spec.task,
                ids=table.ids,
                y=table.y,
                values=predictions.values,
                classes=table.classes if spec.task == "multiclass" else (),
            )
            _, aligned = predict.align(wanted, predictions, where=where)
        except SecurityRefusalError:
            raise
        except ReleaseError as error:
            notes.append(f"the champion could not be had by {way.name}: {error}")
            continue
        return _Loaded(
            digest=champion.digest,
            source=way.name,
            estimator=None,
            predictions=aligned,
            threshold=champion.threshold,
            size_bytes=None,
        )
    raise EnvironmentTroubleError(
        "there is a champion, and no way to its predictions: not here, not in the registry, not rebuilt, not committed",
        where=where,
        fix="make the registry reachable, or fetch the history with the champion's commit",
    )


def _scored(model: _Loaded, table: Table, store: Store, latency_ms: tuple[float, ...]) -> Scored:
    values, metrics = model.predictions.values, {}
    for name in NAMES[model.predictions.task]:
        metric = METRICS[name]
        if metric.undefined(table.y) is None:
            metrics[name] = metric.compute(table.y, metric.reads(values, threshold=model.threshold), weights=table.weights)
    return Scored(
        model_digest=model.digest,
        predictions=store.put(predict.to_csv(model.predictions)),
        source=model.source,
        metrics=metrics,
        threshold=model.threshold,
        size_bytes=model.size_bytes,
        latency_ms=latency_ms,
    )


def _timed(ours: _Loaded, theirs: _Loaded | None, table: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    other = theirs.estimator if theirs is not None else None
    return alternate(ours.estimator, other, table.features, blocks=BLOCKS)


def _leaks(train: Table, test: Table) -> tuple[str, ...]:
    """Say what makes a judgement on these rows worthless."""
    found = holdout.overlap(train, test)
    parts = (("ids", found.ids), ("equal rows", found.rows), ("groups", found.groups))
    return tuple(
        f"{len(names)} {what} of the test set are in the training set, {names[0]} for one" for what, names in parts if names
    )
