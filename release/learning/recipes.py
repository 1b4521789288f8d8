"""Recipes trained again: on resamples of the training rows, and with other seeds.

A recipe is all that model.yaml says of training, its search and its threshold included; each time all of it is done anew.
The held-out rows of the gate never come here. What the numbers say about two recipes is `release.stats.corrected`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import GroupKFold

from release.learning.folds import folds
from release.learning.predict import values_of
from release.learning.rows import take
from release.learning.seeds import derive
from release.learning.train import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.model import ModelSpec
    from release.learning.folds import Folds
    from release.learning.rows import Part, Rows
    from release.stats.metrics import Metric

Say = Callable[[str], None]
Fold = tuple["NDArray[np.intp]", "NDArray[np.intp]"]
SEED_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained, and the training rows as it reads them; the rows of two recipes are in the same order."""

    spec: ModelSpec
    table: Rows


@dataclass(frozen=True, kw_only=True)
class Resampled:
    """The metric of each recipe on each resample, and n_test/n_train."""

    scores: Mapping[str, tuple[float, ...]]
    test_share: float


def resampled(
    recipes: Mapping[str, Recipe], metric: Metric, *, repeats: int, count: int, seed: int, where: str, say: Say
) -> Resampled:
    """Train every recipe on the same `repeats` divisions into `count` folds, and score it on the fold left out.

    Classes are in proportion and groups whole, as in a search. `say` hears of every repeat. Raises BadInputError when the
    rows are too few for so many folds, or a recipe cannot be trained on them.
    """
    scores: dict[str, list[float]] = {name: [] for name in recipes}
    shares = []
    first = next(iter(recipes.values()))
    for repeat in range(repeats):
        division = _division(first, count, seed=derive(seed, f"resamples-{repeat}"), where=where)
        for train, judged in division:
            shares.append(len(judged) / len(train))
            for name, recipe in recipes.items():
                scores[name].append(_score(recipe.spec, recipe.table, metric, (train, judged), where=where))
        said = ", ".join(f"{name} {np.mean(found):.4f}" for name, found in scores.items())
        say(f"resample {(repeat + 1) * count} of {repeats * count}: {metric.name} {said}")
    return Resampled(scores={name: tuple(found) for name, found in scores.items()}, test_share=float(np.mean(shares)))


def reseeded(
    recipes: Mapping[str, Recipe], metric: Metric, seeds: tuple[int, ...], *, seed: int, where: str, say: Say
) -> Mapping[str, tuple[float, ...]]:
    """Return each recipe's metric by seed: the mean over five folds of the training rows, the same folds for every seed.

    `seed` divides the rows; `seeds` stand in for the one that model.yaml declares. Raises as `resampled` does.
    """
    division = _division(next(iter(recipes.values())), SEED_FOLDS, seed=derive(seed, "seeds"), where=where)
    found: dict[str, list[float]] = {name: [] for name in recipes}
    for number, one in enumerate(seeds, start=1):
        for name, recipe in recipes.items():
            spec = recipe.spec.model_copy(update={"seed": one})
            scored = [_score(spec, recipe.table, metric, fold, where=where) for fold in division]
            found[name].append(float(np.mean(scored)))
        said = ", ".join(f"{name} {values[-1]:.4f}" for name, values in found.items())
        say(f"seed {number} of {len(seeds)}: {metric.name} {said}")
    return {name: tuple(values) for name, values in found.items()}


def other_seeds(declared: int, count: int) -> tuple[int, ...]:
    """Return `count` seeds: the declared one, which is the one released, and others that follow from it alone."""
    others = (derive(declared, f"rerun-{number}") for number in range(1, count))
    return (declared, *others)


def _division(recipe: Recipe, count: int, *, seed: int, where: str) -> Folds:
    if recipe.spec.task == "regression" and recipe.table.groups is not None:
        folds(recipe.table, recipe.spec.task, count, seed=seed, where=where)  # refuses too few groups
        # A search's folds of groups are always the same; resamples must differ.
        splitter = GroupKFold(count, shuffle=True, random_state=seed)
        return list(splitter.split(np.zeros((len(recipe.table.y), 1)), recipe.table.y, recipe.table.groups))
    return folds(recipe.table, recipe.spec.task, count, seed=seed, where=where)


def _score(spec: ModelSpec, table: Rows, metric: Metric, fold: Fold, *, where: str) -> float:
    train, judged = fold
    fitted = fit(spec, take(table, train), where=where)
    other: Part = take(table, judged)
    said = metric.reads(values_of(fitted.estimator, other, spec.task), threshold=fitted.threshold)
    return metric.compute(other.y, said, weights=other.weights)
