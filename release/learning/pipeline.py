"""A model.yaml's features and estimator as one unfitted scikit-learn pipeline.

Steps that name columns become one ColumnTransformer: columns that go through the same steps share a branch, in which the
steps follow each other. `select` and `pca` come after it, on everything so far. Nothing is trained here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from release.config.estimators import Bin, Polynomial, Scale, Select, TfIdf
from release.errors import BadInputError
from release.learning.columns import State, Whole, after, listed, refuse_gaps, refuse_unusable, resolve, start, title
from release.learning.estimators import TAKES_GAPS, TAKES_SPARSE, estimator
from release.learning.seeds import derive
from release.learning.steps import as_it_is, transformer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.config.model import ModelSpec

Chain = tuple[int, ...]
"""The steps a column goes through, by their position in `features`."""

CALIBRATION_FOLDS = 5


def build(
    spec: ModelSpec, kinds: Mapping[str, str], *, where: str = "", calibration_folds: int = CALIBRATION_FOLDS
) -> Pipeline:
    """Return the unfitted pipeline for a table with these columns, `kinds` naming each column's type in the table's order.

    Columns that no step touches are taken as they are. `calibration_folds` is how many folds calibrate an svm. Raises
    BadInputError, `where` being what it is about, for a step that means no column or cannot work on what a column holds, for
    columns that are no numbers when the steps are done, and for missing values that would reach what cannot take them.
    """
    steps = [feature.step for feature in spec.features]
    first_whole = next((number for number, step in enumerate(steps) if isinstance(step, Whole)), len(steps))
    chains, states = _chains(steps[:first_whole], spec, kinds, where)
    refuse_unusable(states, where=where)
    whole = _whole_steps(steps[first_whole:], where)
    if whole:
        refuse_gaps(states, title(whole[0]), where=where)
    if spec.estimator.kind not in TAKES_GAPS:
        refuse_gaps(states, spec.estimator.kind, where=where)
    stages = [
        ("columns", _columns(steps, chains, spec, keep_sparse=_stays_sparse(steps, whole, spec.estimator.kind))),
        *(
            (f"{number}-{title(step)}", transformer(step, task=spec.task, seed=spec.seed))
            for number, step in _numbered(whole)
        ),
        (
            "estimator",
            estimator(
                spec.estimator.params,
                spec.task,
                seed=derive(spec.seed, "estimator"),
                folds=calibration_folds,
                where=where,
            ),
        ),
    ]
    return Pipeline(stages)


def _chains(
    steps: Sequence[Any], spec: ModelSpec, kinds: Mapping[str, str], where: str
) -> tuple[dict[str, Chain], dict[str, State]]:
    states = start(spec.data, kinds)
    chains: dict[str, Chain] = dict.fromkeys(kinds, ())
    for number, step in enumerate(steps):
        for name in resolve(step, kinds, where=where):
            states[name] = after(step, states[name], name, where=where)
            chains[name] += (number,)
    for number, step in enumerate(steps):
        if isinstance(step, Polynomial):
            _refuse_mixed(number, chains, where)
    return chains, states


def _refuse_mixed(number: int, chains: Mapping[str, Chain], where: str) -> None:
    """Refuse products of columns that are treated differently: they could not share a branch."""
    together = [name for name, chain in chains.items() if number in chain]
    different = [name for name in together if chains[name] != chains[together[0]]]
    if different:
        raise BadInputError(
            f"polynomial: {together[0]} and {listed(different)} go through different steps",
            where=where,
            fix="give all columns of a polynomial step the same other steps",
        )


def _whole_steps(steps: Sequence[Any], where: str) -> list[Any]:
    """Return the steps from the first `select` or `pca` on, where columns have no names any more."""
    for step in steps:
        if isinstance(step, Whole):
            continue
        numeric = isinstance(step, Scale | Polynomial | Bin)
        if step.columns != "all" or not numeric:
            raise BadInputError(
                f"{title(step)}: after {title(steps[0])} columns have no names any more",
                where=where,
                fix=f"move it before {title(steps[0])}" + (", or say columns: all" if numeric else ""),
            )
    return list(steps)


def _columns(steps: Sequence[Any], chains: Mapping[str, Chain], spec: ModelSpec, *, keep_sparse: bool) -> ColumnTransformer:
    """Return the branches: columns of one chain together, text columns alone (a vectoriser reads one column)."""
    branches: dict[tuple[Chain, str], list[str]] = {}
    for name, chain in chains.items():
        by_itself = any(isinstance(steps[number], TfIdf) for number in chain)
        branches.setdefault((chain, name if by_itself else ""), []).append(name)
    transformers = []
    for position, ((chain, alone), names) in enumerate(branches.items(), start=1):
        parts = [(title(steps[one]), transformer(steps[one], task=spec.task, seed=spec.seed)) for one in chain]
        called = "-".join([str(position), *(name for name, _ in parts)]) if parts else f"{position}-as-it-is"
        transformers.append((called, _branch(parts), alone or names))
    # A threshold of 0 never gives a sparse matrix; 0.3 is scikit-learn's own share of cells below which one pays.
    return ColumnTransformer(transformers, remainder="drop", sparse_threshold=0.3 if keep_sparse else 0, n_jobs=1)


def _branch(parts: list[tuple[str, Any]]) -> Any:
    if not parts:
        return as_it_is()
    if len(parts) == 1:
        return parts[0][1]
    return Pipeline([(f"{number}-{name}", part) for number, (name, part) in _numbered(parts)])


def _stays_sparse(steps: Sequence[Any], whole: Sequence[Any], kind: str) -> bool:
    """Say whether the columns may leave as a sparse matrix: words make one, and nothing after them needs a dense one."""
    words = any(isinstance(step, TfIdf) for step in steps)
    bearing = all(isinstance(step, Select) and step.method == "f-test" for step in whole)
    return words and bearing and kind in TAKES_SPARSE


def _numbered(parts: Sequence[Any]) -> Any:
    return enumerate(parts, start=1)
