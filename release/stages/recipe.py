"""Recipe: what retraining would give, of the challenger's recipe and the champion's, on the training rows alone.

It answers another question than the gate: the gate judges one artifact on held-out rows, this compares two ways of making
artifacts. It is shown beside the verdict and never judged.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from release.data import contract, migrate, tables
from release.errors import BadInputError
from release.judging.explained import explaining_metric
from release.learning.recipes import SEED_FOLDS, Recipe, other_seeds, resampled, reseeded
from release.learning.search import candidates
from release.learning.train import fit
from release.records import RecipeRecord
from release.stats.corrected import corrected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from release.artifact.model import ModelManifest
    from release.config.model import GateSpec, ModelSpec
    from release.data.contract import Table
    from release.ports import Progress
    from release.records import Digest, ModelName
    from release.stats.metrics import Metric

LEVEL = 0.95
_OURS, _THEIRS = "challenger", "champion"


@dataclass(frozen=True, kw_only=True)
class Former:
    """The champion's recipe: model.yaml at the commit it was trained at, and what its model reads, where its bytes are here.

    `notes` say what could not be had.
    """

    spec: ModelSpec | None
    manifest: ModelManifest | None
    notes: tuple[str, ...] = ()


def recipe(
    model: ModelName,
    spec: ModelSpec,
    policy: GateSpec,
    *,
    key: Digest,
    folder: Path,
    former: Former | None,
    progress: Progress,
) -> RecipeRecord:
    """Train both recipes as often as `evaluation.resamples` and `evaluation.seeds` ask, whole recipes each time.

    Resamples give the corrected resampled t-test (`release.stats.corrected`); seeds give the metric by seed, the declared
    seed first, which is the one released whatever the others show. Raises BadInputError when the rows are too few for the
    folds, or the challenger's recipe cannot be trained on parts of them.
    """
    where, path = f"models/{model}/model.yaml", folder / spec.data.train
    at = f"models/{model}/{spec.data.train}"
    table = contract.conform(tables.read(path, where=at), spec.data, spec.task, where=at)
    metric = explaining_metric(spec, policy, table.classes, where=where)
    theirs, notes = _theirs(spec, table, former, where=where)
    recipes = {_OURS: Recipe(spec=spec, table=table), **({_THEIRS: theirs} if theirs else {})}
    asked = spec.evaluation
    seed = _seed(tables.digest(path))
    found = RecipeRecord(model=model, key=key, metric=metric.name, notes=notes)
    if asked.resamples is not None:
        repeats, folds = map(int, asked.resamples.split("x"))
        with progress.step(f"{model}: {_work(recipes, repeats * folds)} on {repeats * folds} resamples"):
            drawn = resampled(
                recipes, metric, repeats=repeats, count=folds, seed=seed, where=where, say=_say(progress, model)
            )
        found = _compared(found, metric, asked.resamples, drawn.scores, drawn.test_share)
    if asked.seeds is not None:
        seeds = other_seeds(spec.seed, asked.seeds)
        with progress.step(f"{model}: {_work(recipes, len(seeds) * SEED_FOLDS)} with {len(seeds)} seeds"):
            by_seed = reseeded(recipes, metric, seeds, seed=seed, where=where, say=_say(progress, model))
        found = replace(found, seeds=seeds, by_seed=dict(by_seed), notes=(*found.notes, *_steady(by_seed)))
    return found


def _theirs(spec: ModelSpec, table: Table, former: Former | None, *, where: str) -> tuple[Recipe | None, tuple[str, ...]]:
    """Return the champion's recipe with the rows as it reads them, or why there is none to compare with."""
    if former is None:
        return None, ("there is no champion, so the recipe is compared with none",)
    if former.spec is None:
        return None, (*former.notes, "the champion's recipe is not known here, so the challenger's is shown alone")
    try:
        rows = _rows(spec, table, former, former.spec, where=where)
        theirs = Recipe(spec=former.spec, table=rows)
        # Once on all rows first, so that what cannot work is known before the hundredth training.
        fit(theirs.spec, theirs.table, where="the champion's recipe")
    except BadInputError as error:
        return None, (*former.notes, f"the champion's recipe cannot be trained on these rows: {error.what}")
    if _same(spec, former.spec) and list(rows.features.columns) == list(table.features.columns):
        said = "both recipes are the same: what differs between the two models is what they were trained on"
        return None, (*former.notes, said)
    return theirs, former.notes


def _rows(spec: ModelSpec, table: Table, former: Former, theirs: ModelSpec, *, where: str) -> Table:
    if former.manifest is None:
        if theirs.data.columns == spec.data.columns:
            return table
        raise BadInputError("its columns are others, and the model that says which is not here")
    found = migrate.reading(former.manifest, table, spec.task, spec.evaluation.migration, who="the champion", where=where)
    # A recipe is trained anew: it learns the classes that there are now.
    return migrate.with_columns(table, former.manifest, found)


def _same(ours: ModelSpec, theirs: ModelSpec) -> bool:
    parts = [
        (one.features, one.estimator, one.search, one.seed, one.evaluation.threshold, one.task) for one in (ours, theirs)
    ]
    return parts[0] == parts[1]


def _compared(
    found: RecipeRecord, metric: Metric, resamples: str, scores: Mapping[str, tuple[float, ...]], test_share: float
) -> RecipeRecord:
    ours = scores[_OURS]
    found = replace(found, resamples=resamples, challenger=float(np.mean(ours)))
    if _THEIRS not in scores:
        return found
    turn = 1.0 if metric.greater_is_better else -1.0
    theirs = scores[_THEIRS]
    test = corrected([turn * (one - other) for one, other in zip(ours, theirs, strict=True)], test_share=test_share)
    low, high = test.interval(LEVEL)
    return replace(
        found,
        champion=float(np.mean(theirs)),
        difference=test.mean,
        se=test.se,
        df=test.df,
        low=low,
        high=high,
        level=LEVEL,
        p_value=test.p_two_sided,
    )


def _steady(by_seed: Mapping[str, tuple[float, ...]]) -> tuple[str, ...]:
    """Say of which recipes the seed changes nothing."""
    return tuple(
        f"the seed changes nothing of the {name}'s recipe" for name, found in by_seed.items() if len(set(found)) == 1
    )


def _work(recipes: Mapping[str, Recipe], times: int) -> str:
    """Say how many trainings are ahead."""
    count = 0
    for one in recipes.values():
        searched = 0 if one.spec.search is None else len(candidates(one.spec)) * one.spec.search.folds
        count += times * (searched + 1)
    return f"about {count:,} trainings"


def _say(progress: Progress, model: ModelName) -> Callable[[str], None]:
    return lambda line: progress.note(f"{model}: {line}")


def _seed(digest: Digest) -> int:
    """Derive the divisions' seed from the training rows, so that nobody can choose it."""
    return int.from_bytes(hashlib.sha256(f"recipes {digest}".encode()).digest()[:4]) & 0x7FFF_FFFF
