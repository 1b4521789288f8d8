"""Evaluate: challenger, champion and anchor score the same held-out rows; nothing is judged yet.

A champion, or an anchor, may have bytes (this machine's store, the registry, a rebuild from its commit) or only committed
predictions on this very test set; the caller lists the ways to it, the first that works is taken and named in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from release.artifact import canonical
from release.artifact.model import ONNX, SKOPS, ModelManifest
from release.config.names import reported
from release.data import contract, holdout, migrate, tables
from release.data.held_out import held_out
from release.errors import BadInputError, EnvironmentTroubleError, ReleaseError, SecurityRefusalError
from release.learning import onnx_session, predict, timing
from release.records import Commit, Digest, EvaluateRecord, ModelName, Scored
from release.stats.metrics import metric_named

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from release.config.model import ModelSpec
    from release.data.contract import Table
    from release.data.past import Seen
    from release.learning.predict import Predictions
    from release.learning.timing import Timed
    from release.ports import Progress, Store

Files = Mapping[str, bytes]
_BYTES = ("store", "registry", "rebuild")
"""Ways that lead to a model's files, not to what it said."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to a rival: its name, and a function that gives the model's files, predictions as CSV, or None."""

    name: str
    fetch: Callable[[], Files | bytes | None]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Whom to compare with: the digest that the ledger names, the ways to its predictions in order of preference.

    `name` is what people call it, `threshold` its own. `seen` finds test rows that it was trained on, and raises a
    ReleaseError where its training rows cannot be had; None where there is nothing to find.
    """

    digest: Digest
    ways: Sequence[Way]
    threshold: float | None
    name: str = "the champion"
    seen: Callable[[], Seen] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    """A model that can be asked, or, with `estimator` None, only what it said."""

    digest: Digest
    source: str
    estimator: Any
    predictions: Predictions
    threshold: float | None
    size_bytes: int | None
    timed: Callable[[], Timed] | None = None


def evaluate(
    model: ModelName,
    spec: ModelSpec,
    *,
    commit: Commit,
    key: Digest,
    folder: Path,
    challenger: tuple[Digest, Files],
    champion: Rival | None,
    store: Store,
    progress: Progress,
    time_requests: bool,
    anchor: Rival | None = None,
) -> EvaluateRecord:
    """Score all models on the test set and keep their predictions as blobs.

    With `time_requests`, single requests are timed too, champion and challenger in alternating blocks. Raises BadInputError
    when the test set breaks its contract, SecurityRefusalError when a model's bytes are not what its digest says,
    EnvironmentTroubleError when there is a champion or an anchor and no way to its predictions.
    """
    where = f"models/{model}/{spec.data.test}"
    train_where = f"models/{model}/{spec.data.train}"
    train = contract.conform(
        tables.read(folder / spec.data.train, where=train_where), spec.data, spec.task, where=train_where
    )
    held = held_out(folder / spec.data.test, spec.data, spec.task, where=where, classes=train.classes)
    table = held.table
    with progress.step(f"{model}: scoring the challenger on {table.rows} held-out rows"):
        ours = _load(challenger[0], challenger[1], table, spec, source="store", where=f"{model}'s challenger")
    notes, invalid = list[str](), list(_leaks(train, table))
    loaded = list[_Loaded | None]()
    for rival in (champion, anchor):
        if rival is not None:
            with progress.step(f"{model}: scoring {rival.name}"):
                loaded.append(_rival(rival, table, spec, notes, model, store))
                invalid += _trained_on(rival, notes)
        else:
            loaded.append(None)
    theirs, fixed = loaded
    if anchor is not None:
        notes.append(
            f"{anchor.name} is the last release that was shown better, else the first: "
            "every margin is judged against it too, so that small losses do not add up"
        )
    timed = _timed(ours, theirs, table, notes) if time_requests else ((), ())
    return EvaluateRecord(
        model=model,
        commit=commit,
        key=key,
        task=spec.task,
        test_digest=held.digest,
        rows=table.rows,
        threshold=ours.threshold,
        classes=table.classes,
        challenger=_scored(ours, table, store, timed[0]),
        champion=None if theirs is None else _scored(theirs, table, store, timed[1]),
        notes=tuple(notes),
        invalid=tuple(invalid),
        anchor=None if fixed is None else _scored(fixed, table, store, ()),
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
        timed=lambda: _served(estimator, manifest, files, where=where),
    )


def _served(estimator: Any, manifest: ModelManifest, files: Files, *, where: str) -> Timed:
    """Return what of a model is timed: the file that is served where it can be asked here, else what was trained."""
    if ONNX not in manifest.files:
        return timing.trained(estimator)
    kinds = {column.name: column.type for column in manifest.columns}
    return timing.converted(onnx_session.Session(files[ONNX], kinds=kinds, where=where), kinds)


def _rival(rival: Rival, table: Table, spec: ModelSpec, notes: list[str], model: ModelName, store: Store) -> _Loaded:
    """Take the first way that leads to predictions of these rows; say which ones did not."""
    where = f"{rival.name.removeprefix('the ')} of {model}, {rival.digest[:19]}"
    unreadable: migrate.UnreadableError | None = None
    for way in rival.ways:
        if unreadable is not None and way.name in _BYTES:
            continue  # they are the same bytes, whatever the way
        try:
            found = way.fetch()
            if found is None:
                continue
            if not isinstance(found, bytes):
                return _former(rival, found, table, spec, notes, source=way.name, where=where, model=model, store=store)
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
        except migrate.UnreadableError as error:
            unreadable = error
            notes.append(f"{rival.name} cannot read these rows: {error.what}")
            continue
        except migrate.MigrationError:
            raise
        except ReleaseError as error:
            notes.append(f"{rival.name} could not be had by {way.name}: {error}")
            continue
        return _Loaded(
            digest=rival.digest,
            source=way.name,
            estimator=None,
            predictions=aligned,
            threshold=rival.threshold,
            size_bytes=None,
        )
    if unreadable is not None:
        raise unreadable
    raise EnvironmentTroubleError(
        f"{rival.name} has to be compared with, and no way leads to its predictions: "
        "not here, not in the registry, not rebuilt, not committed",
        where=where,
        fix="make the registry reachable, or fetch the history with its commit (`git fetch --unshallow`)",
    )


def _former(
    rival: Rival,
    files: Files,
    table: Table,
    spec: ModelSpec,
    notes: list[str],
    *,
    source: str,
    where: str,
    model: ModelName,
    store: Store,
) -> _Loaded:
    """Score a model that may have been trained on another schema, as model.yaml says that it is to be read now."""
    manifest = ModelManifest.verify(files, rival.digest, where=where)
    estimator = canonical.load(files[SKOPS], where=where, sklearn_version=manifest.versions["scikit-learn"])
    yaml = f"models/{model}/model.yaml"
    found = migrate.reading(manifest, table, spec.task, spec.evaluation.migration, who=rival.name, where=yaml)
    read = migrate.as_read(table, manifest, found)
    try:
        predictions = predict.predict(estimator, read, spec.task)
    except BadInputError as error:
        fix = f"keep the contract of its columns, or retire {rival.name} first"
        raise migrate.UnreadableError(f"{rival.name}: {error.what}", where=yaml, fix=fix) from error
    if found.unknown or found.gone:
        values = migrate.by_classes(predictions.values, read.classes, table.classes)
        predictions = replace(predictions, values=values, classes=table.classes)
    notes += [f"{rival.name} is scored through a migration: {said}" for said in found.notes]
    for content in files.values():
        store.put(content)  # what a model reads is asked for again when it is judged and explained

    def timed() -> Timed:
        served = _served(estimator, manifest, files, where=where)
        return timing.asked(served, lambda row: migrate.as_read(replace(table, features=row), manifest, found).features)

    return _Loaded(
        digest=rival.digest,
        source=source,
        estimator=estimator,
        predictions=predictions,
        threshold=manifest.threshold,
        size_bytes=sum(len(content) for content in files.values()),
        timed=timed,
    )


def _trained_on(rival: Rival, notes: list[str]) -> tuple[str, ...]:
    """Say which test rows a rival was trained on, which would make it look better than it is."""
    if rival.seen is None:
        return ()
    try:
        found = rival.seen()
    except SecurityRefusalError:
        raise
    except ReleaseError as error:
        notes.append(f"whether {rival.name} was trained on test rows could not be checked: {error}")
        return ()
    if found.note is not None:
        notes.append(f"{rival.name} and the test rows it may have been trained on: {found.note}")
    return tuple(_leak(one.count, one.what, one.example, f"that {rival.name} was trained on") for one in found.common)


def _scored(model: _Loaded, table: Table, store: Store, latency_ms: tuple[float, ...]) -> Scored:
    values, metrics = model.predictions.values, {}
    for name in reported(model.predictions.task, classes=len(table.classes)):
        metric = metric_named(name)
        if metric.absent(table.y) is None:
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


def _timed(
    ours: _Loaded, theirs: _Loaded | None, table: Table, notes: list[str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if ours.timed is None:
        return (), ()
    one, other = ours.timed(), theirs.timed() if theirs is not None and theirs.timed is not None else None
    beside = f", in turn with the champion: {other.what}" if other else ""
    notes.append(f"latency is of {one.what}, {timing.BLOCKS} blocks of {timing.REQUESTS} requests{beside}")
    return timing.alternate(one, other, table.features, blocks=timing.BLOCKS)


def _leaks(train: Table, test: Table) -> tuple[str, ...]:
    """Say what makes a judgement on these rows worthless."""
    found = holdout.overlap(train, test)
    parts = (("ids", found.ids), ("equal rows", found.rows), ("groups", found.groups))
    return tuple(_leak(len(names), what, names[0], "") for what, names in parts if names)


def _leak(count: int, what: str, example: str, whose: str) -> str:
    return f"{count} {what} of the test set are in the training set{f' {whose}' if whose else ''}, {example} for one"
