"""Inspect: what explains a judgement and decides nothing: importance, learning curve, and what differs between two models.

Importance is measured on the test rows, so what it says of a challenger is withheld where the gate's numbers are. All of it
is bounded in time; what was left out is in the record's notes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from release.artifact import canonical, signature
from release.artifact.model import SKOPS, ModelManifest
from release.data import contract, differences, migrate, tables
from release.errors import BadInputError, ReleaseError
from release.judging.explained import explaining_metric
from release.learning import importance as by_permutation
from release.learning.fitting import with_parameters
from release.learning.importance import Asked, Limits
from release.learning.learning_curve import learning_curve
from release.learning.predict import values_of
from release.records import Importance, InspectRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from release.config.model import GateSpec, ModelSpec
    from release.data.contract import Table
    from release.learning.rows import Part
    from release.ports import Progress
    from release.records import Digest, LearningPoint, ModelName, TrainRecord
    from release.stats.metrics import Metric

Files = Mapping[str, bytes]

FAMILY = 30
"""Columns that one glob of the contract means are one block from here on."""
SECONDS = 3.0
"""For importance, and again for the learning curve."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """The champion, as far as it can be had: its files, and what its commit says of its training.

    `train` is its training file, None where it is this commit's or cannot be had. `notes` say what could not be had.
    """

    digest: Digest
    files: Files | None
    spec: ModelSpec | None
    train: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Model:
    manifest: ModelManifest
    estimator: Any


def inspect(
    trained: TrainRecord,
    spec: ModelSpec,
    policy: GateSpec,
    *,
    key: Digest,
    folder: Path,
    files: Files,
    former: Former | None,
    progress: Progress,
    clock: Callable[[], float],
) -> InspectRecord:
    """Explain a challenger, beside the champion where there is one; `clock` counts seconds.

    Raises BadInputError when data break their contract, SecurityRefusalError when a model's bytes are not what its digest
    says. Whatever else stands in the way is a note.
    """
    where = f"models/{trained.model}"
    train = _table(folder / spec.data.train, spec, f"{where}/{spec.data.train}")
    test = _table(folder / spec.data.test, spec, f"{where}/{spec.data.test}", classes=train.classes or None)
    ours = _opened(trained.model_digest, files, where=f"{trained.model}'s challenger")
    theirs = None
    if former is not None and former.files is not None:
        theirs = _opened(former.digest, former.files, where=f"{trained.model}'s champion {former.digest[:19]}")
    metric = explaining_metric(spec, policy, train.classes, where=f"{where}/model.yaml")
    limits = Limits(seconds=SECONDS, clock=clock)
    seeds = [_seed(tables.digest(folder / name)) for name in (spec.data.test, spec.data.train)]
    with progress.step(f"{trained.model}: permutation importance on the test rows"):
        weights, left_out = _importance(trained.model, spec, test, (ours, theirs), metric, seed=seeds[0], limits=limits)
    with progress.step(f"{trained.model}: learning curve on the training rows"):
        points, ended = _learning(trained, spec, train, metric, seed=seeds[1], limits=limits)
    seen, data, unread = _data(former, spec, train, where=f"{trained.model}'s champion's training rows")
    return InspectRecord(
        model=trained.model,
        key=key,
        metric=metric.name,
        importance=weights,
        learning=points,
        signature=() if theirs is None else signature.changes(theirs.manifest, ours.manifest, seen=seen),
        parameters=() if theirs is None or former is None else _parameters(trained, former, theirs, ours),
        data=data,
        notes=(*(former.notes if former is not None else ()), *left_out, *ended, *unread),
    )


def _table(path: Path, spec: ModelSpec, where: str, classes: Sequence[str] | None = None) -> Table:
    return contract.conform(tables.read(path, where=where), spec.data, spec.task, where=where, classes=classes)


def _opened(digest: Digest, files: Files, *, where: str) -> _Model:
    manifest = ModelManifest.verify(files, digest, where=where)
    estimator = canonical.load(files[SKOPS], where=where, sklearn_version=manifest.versions["scikit-learn"])
    return _Model(manifest=manifest, estimator=estimator)


def _importance(
    model: ModelName,
    spec: ModelSpec,
    test: Table,
    models: tuple[_Model, _Model | None],
    metric: Metric,
    *,
    seed: int,
    limits: Limits,
) -> tuple[tuple[Importance, ...], tuple[str, ...]]:
    ours, theirs = models
    same = theirs is not None and theirs.manifest.digest == ours.manifest.digest
    notes: tuple[str, ...] = ()
    asked = {"challenger": _asked(model, spec, test, ours, who="the challenger")}
    if theirs is not None and not same:
        try:
            asked["champion"] = _asked(model, spec, test, theirs, who="the champion")
        except BadInputError as error:
            notes = (f"the champion's importance is not known: {error.what}",)
    blocks = families(list(map(str, test.features.columns)), spec)
    try:
        found = by_permutation.importance(asked, test, blocks, metric, seed=seed, limits=limits)
    except (ReleaseError, ValueError) as error:
        return (), (*notes, f"no importance: {error}")
    lines = [
        Importance(
            column=block,
            champion=by_model.get("challenger" if same else "champion"),
            challenger=by_model.get("challenger"),
        )
        for block, by_model in found.found.items()
    ]
    lines.sort(key=lambda line: -max(one[0] for one in (line.champion, line.challenger, (0.0, 0.0)) if one is not None))
    return tuple(lines), (*notes, *found.notes)


def _asked(model: ModelName, spec: ModelSpec, test: Table, one: _Model, *, who: str) -> Asked:
    """Return what asks a model about rows of this schema. Raises BadInputError when it cannot read them."""
    where = f"models/{model}/model.yaml"
    found = migrate.reading(one.manifest, test, spec.task, spec.evaluation.migration, who=who, where=where)
    renamed, filled = dict(found.renamed), dict(found.filled)

    def ask(part: Part) -> NDArray[np.float64]:
        read = migrate.as_read(part, one.manifest, found)
        values = values_of(one.estimator, read, spec.task)
        return migrate.by_classes(values, read.classes, part.classes) if found.unknown or found.gone else values

    columns = [renamed.get(column.name, column.name) for column in one.manifest.columns if column.name not in filled]
    return Asked(ask=ask, columns=frozenset(columns), threshold=one.manifest.threshold)


def families(columns: Sequence[str], spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Return the blocks that columns are shuffled in: one each, but one for each glob that means more than `FAMILY`."""
    blocks: dict[str, tuple[str, ...]] = {}
    by_pattern: dict[str, list[str]] = {}
    for name in columns:
        pattern = next((one for one in spec.data.columns if contract.matches(name, one)), name)
        by_pattern.setdefault(pattern, []).append(name)
    for pattern, names in by_pattern.items():
        if len(names) > FAMILY:
            blocks[pattern] = tuple(names)
        else:
            blocks |= {name: (name,) for name in names}
    return blocks


def _learning(
    trained: TrainRecord, spec: ModelSpec, train: Table, metric: Metric, *, seed: int, limits: Limits
) -> tuple[tuple[LearningPoint, ...], tuple[str, ...]]:
    """Draw the curve of the recipe with the parameters that the search chose."""
    where = f"models/{trained.model}/model.yaml"
    params = type(spec.estimator.params)
    known = {name: value for name, value in trained.parameters.items() if name in params.model_fields}
    chosen = with_parameters(spec, params.model_validate({**spec.estimator.params.model_dump(), **known}))
    return learning_curve(chosen, train, metric, threshold=trained.threshold, seed=seed, limits=limits, where=where)


def _parameters(trained: TrainRecord, former: Former, theirs: _Model, ours: _Model) -> tuple[tuple[str, str, str], ...]:
    """List the parameters as trained that differ, by the names of model.yaml where the estimator knows them."""
    kinds = [former.spec.estimator.kind if former.spec else type(_last(theirs)).__name__, trained.estimator]
    if former.spec is None:
        kinds[1] = type(_last(ours)).__name__
    names = [*trained.parameters, *(type(former.spec.estimator.params).model_fields if former.spec else ())]
    had, has = (_trained_with(_last(one), names) for one in (theirs, ours))
    lines = [("estimator", *kinds)] if kinds[0] != kinds[1] else []
    lines += [(name, had.get(name, "none"), has.get(name, "none")) for name in dict.fromkeys(names)]
    lines.append(("threshold", str(theirs.manifest.threshold), str(ours.manifest.threshold)))
    return tuple((name, before, after) for name, before, after in lines if before != after)


def _last(model: _Model) -> Any:
    return model.estimator.named_steps["estimator"]


def _trained_with(estimator: Any, names: Sequence[str]) -> dict[str, str]:
    """Return an estimator's parameters as text; one that calibrates another has its parameters below it."""
    known = estimator.get_params()
    found = {name: known.get(f"estimator__{name}", known.get(name)) for name in names}
    return {name: "none" if value is None else str(value) for name, value in found.items()}


def _data(
    former: Former | None, spec: ModelSpec, train: Table, *, where: str
) -> tuple[Mapping[str, tuple[str | None, str | None]], tuple[tuple[str, str, str], ...], tuple[str, ...]]:
    """Compare the two models' training rows, where they differ and both are here."""
    if former is None or former.train is None or former.spec is None:
        return {}, (), ()
    try:
        frame = tables.read(former.train, where=where)
        old = contract.conform(frame, former.spec.data, former.spec.task, where=where)
    except ReleaseError as error:
        return {}, (), (f"the champion's training rows cannot be read: {error.what}",)
    if former.spec.task != spec.task:
        return {}, (), ()
    return differences.ranges(old, train), differences.differing(old, train), ()


def _seed(digest: Digest) -> int:
    """Derive a seed from the rows that are asked about, so that nobody can choose it."""
    return int.from_bytes(hashlib.sha256(f"inspecting {digest}".encode()).digest()[:4]) & 0x7FFF_FFFF
