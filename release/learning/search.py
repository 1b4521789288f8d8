"""Trying parameters on the training rows: which candidates there are, and which does best in cross-validation.

The same seed draws the same candidates everywhere. Training one of them is `release.learning.fitting`'s.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from release.config.estimators import ESTIMATORS, Frozen
from release.errors import BadInputError
from release.learning.fitting import out_of_fold, with_parameters
from release.learning.folds import Folds, folds
from release.learning.order import in_proportion
from release.learning.rows import Rows, take
from release.learning.scoring import better, score
from release.learning.seeds import derive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from release.config.model import ModelSpec, SearchRange, SearchSpec

Say = Callable[[str], None]

TRIALS = 20
MOST = 10_000
FACTOR = 3


@dataclass(frozen=True, eq=False)
class Choice:
    """The best candidate, its score over the folds (mean and population standard deviation), and how many were tried."""

    params: Frozen
    mean: float
    std: float
    tried: int


def candidates(spec: ModelSpec, *, where: str = "") -> list[Frozen]:
    """Return the parameters to try, typed and different from each other, in a fixed order.

    A grid is every combination of its lists; a random or halving search draws `trials` (20 unless said) from lists and
    ranges, and is the whole grid when there are only lists and no more combinations than trials. Raises BadInputError naming
    the first parameter or value that the estimator does not take.
    """
    search = spec.search
    if search is None:
        return [spec.estimator.params]
    known, _ = ESTIMATORS[spec.estimator.kind]
    for name in search.params:
        if name not in known.model_fields:
            raise BadInputError(
                f'search: {spec.estimator.kind} has no parameter "{name}"',
                where=where,
                fix=f"it has: {', '.join(known.model_fields) or 'none'}",
            )
    base = spec.estimator.params.model_dump()
    found: dict[str, Frozen] = {}
    for drawn in _drawn(search, spec.seed, where):
        params = _typed(known, {**base, **drawn}, where)
        found.setdefault(params.model_dump_json(), params)
    return list(found.values())


def choose(spec: ModelSpec, table: Rows, *, where: str, say: Say) -> Choice:
    """Return the candidate with the best mean of `search.metric` over the folds; the first of equals.

    Raises BadInputError when candidates or folds are impossible.
    """
    search = spec.search
    assert search is not None  # noqa: S101 (narrowing; only a specification with a search comes here)
    tried = candidates(spec, where=where)
    left = tried
    if search.method == "halving":
        left = _halved(spec, table, tried, where=where, say=say)
    judged = _judge(spec, table, left, where=where, say=say)
    best = max(judged, key=lambda pair: better(search.metric, float(np.mean(pair[1]))))
    return Choice(best[0], float(np.mean(best[1])), float(np.std(best[1])), len(tried))


def divided(spec: ModelSpec, table: Rows, *, where: str) -> Folds:
    """Return the folds by which a specification judges candidates and thresholds."""
    count = 5 if spec.search is None else spec.search.folds
    return folds(table, spec.task, count, seed=derive(spec.seed, "folds"), where=where)


def _judge(
    spec: ModelSpec, table: Rows, tried: list[Frozen], *, where: str, say: Say
) -> list[tuple[Frozen, NDArray[np.float64]]]:
    search = spec.search
    assert search is not None  # noqa: S101 (narrowing)
    division = divided(spec, table, where=where)
    # A threshold from folds is chosen after the search; until then labels are made at a half.
    threshold = spec.evaluation.threshold if isinstance(spec.evaluation.threshold, float) else 0.5
    judged = []
    for number, params in enumerate(tried, start=1):
        values = out_of_fold(with_parameters(spec, params), table, division, where=where)
        scores = np.array(
            [
                score(
                    search.metric,
                    spec.task,
                    table.y[part],
                    values[part],
                    weights=None if table.weights is None else table.weights[part],
                    threshold=threshold,
                )
                for _, part in division
            ]
        )
        say(f"candidate {number} of {len(tried)}: {search.metric} {scores.mean():.4f}")
        judged.append((params, scores))
    return judged


def _halved(spec: ModelSpec, table: Rows, tried: list[Frozen], *, where: str, say: Say) -> list[Frozen]:
    """Judge all on few rows, the better third on three times as many, and so on until the next round takes all rows."""
    search = spec.search
    assert search is not None  # noqa: S101 (narrowing)
    order = in_proportion(table.y, classes=spec.task != "regression", seed=derive(spec.seed, "halving"))
    rounds = math.ceil(math.log(len(tried), FACTOR) - 1e-9) if len(tried) > 1 else 0
    left = tried
    for step in range(rounds, 0, -1):
        part = take(table, np.sort(order[: len(order) // FACTOR**step]))
        try:
            judged = _judge(spec, part, left, where=where, say=say)
        except BadInputError:
            continue  # so few rows that a fold would lack a class: the next round has more
        judged.sort(key=lambda pair: better(search.metric, float(np.mean(pair[1]))), reverse=True)
        left = [params for params, _ in judged[: math.ceil(len(left) / FACTOR)]]
    return left


def _drawn(search: SearchSpec, seed: int, where: str) -> list[dict[str, Any]]:
    lists = {name: values for name, values in search.params.items() if isinstance(values, tuple)}
    size = math.prod(len(values) for values in lists.values())
    trials = TRIALS if search.trials is None else search.trials
    if search.method == "grid" and len(lists) < len(search.params):
        ranges = [name for name in search.params if name not in lists]
        raise BadInputError(
            f"search: a grid needs a list for {ranges[0]}", where=where, fix="list values, or use method: random"
        )
    if search.method == "grid" and size > MOST:
        raise BadInputError(
            f"search: a grid of {size} candidates", where=where, fix="list fewer values, or use method: random"
        )
    if len(lists) == len(search.params) and (search.method == "grid" or size <= trials):
        return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    # RandomState, whose stream NumPy promises never to change.
    stream = np.random.RandomState(derive(seed, "candidates"))
    return [{name: _draw(one, stream.random_sample()) for name, one in search.params.items()} for _ in range(trials)]


def _draw(values: tuple[Any, ...] | SearchRange, share: float) -> Any:
    """Turn a number from 0 to 1 into a listed value or a point of a range, to six digits."""
    if isinstance(values, tuple):
        return values[min(int(share * len(values)), len(values) - 1)]
    if values.log:
        point = values.low * (values.high / values.low) ** share
    else:
        point = values.low + share * (values.high - values.low)
    return round(point) if values.int else float(f"{point:.6g}")


def _typed(known: type[Frozen], given: dict[str, Any], where: str) -> Frozen:
    try:
        return known.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise BadInputError(
            f"search: {name} cannot be {given.get(name)!r}: {first['msg']}", where=where, fix="correct its values or range"
        ) from error
