"""Check: what can be wrong before anything is trained: data contract, leakage, and a gate that nothing could pass.

Mistakes raise; what is allowed but worth knowing becomes a note in the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.config.names import METRICS as METRICS_OF
from release.config.source import parse
from release.data import contract, holdout, tables
from release.data.slices import rows_where
from release.errors import BadInputError
from release.judging.costs import cost_matrix, refuse_unfit
from release.judging.reachable import Held, Shortfall, shortfalls
from release.judging.rule import no_first_release
from release.learning.pipeline import build
from release.records import CheckRecord, Digest, ModelName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from release.config.model import GateSpec, ModelSpec
    from release.config.source import Path as FieldPath
    from release.data.contract import Table
    from release.ports import Progress


def check(
    model: ModelName, spec: ModelSpec, policy: GateSpec, *, key: Digest, folder: Path, first: bool, progress: Progress
) -> CheckRecord:
    """Check one model's files. Raises BadInputError for the first thing that is wrong, with file and line or row."""
    where = f"models/{model}/model.yaml"
    if first and (lacking := no_first_release(policy)) is not None:
        metric = policy.primary.metric if policy.primary else METRICS_OF[spec.task][0]
        raise BadInputError(lacking, where=where, fix=f"say what it must reach, such as floors: {{{metric}: …}}")
    with progress.step(f"{model}: checking data"):
        at = {name: f"models/{model}/{getattr(spec.data, name)}" for name in ("train", "test")}
        train = contract.conform(
            tables.read(folder / spec.data.train, where=at["train"]), spec.data, spec.task, where=at["train"]
        )
        test = contract.conform(
            tables.read(folder / spec.data.test, where=at["test"]),
            spec.data,
            spec.task,
            where=at["test"],
            classes=train.classes or None,
        )
        holdout.refuse_overlap(train, test, where=at["test"])
        build(spec, train.kinds, where=where)
        for part in policy.slices:
            rows_where(part, test, where=where)
        places = _places(folder / "model.yaml", where)
        refuse_unfit(policy, train.classes, places)
        unreachable = _out_of_reach(policy, test, places, first=first)
    return CheckRecord(
        model=model,
        key=key,
        train_rows=train.rows,
        test_rows=test.rows,
        columns=len(train.features.columns),
        notes=tuple(f"{one.what}; {one.fix}" for one in unreachable),
    )


def _places(file: Path, where: str) -> Callable[[FieldPath], str]:
    """Return what says where a field is; without the file, which a policy of an older commit may not be in, the name."""
    return parse(file.read_bytes(), where=where).at if file.is_file() else lambda _: where


def refuse_unreachable(model: ModelName, spec: ModelSpec, policy: GateSpec, *, folder: Path, first: bool) -> None:
    """Refuse a policy by which no challenger can PASS on the model's test set, and say the least that would do.

    Raises BadInputError, with the line and column of the margin, for the first requirement that not even predictions
    identical to the champion's (for a floor, predictions without an error) would meet.
    """
    where = f"models/{model}/{spec.data.test}"
    test = contract.conform(tables.read(folder / spec.data.test, where=where), spec.data, spec.task, where=where)
    at = _places(folder / "model.yaml", f"models/{model}/model.yaml")
    for one in _out_of_reach(policy, test, at, first=first):
        if one.blocks:
            raise BadInputError(one.what, where=at(one.path), fix=one.fix)


def _out_of_reach(policy: GateSpec, test: Table, at: Callable[[FieldPath], str], *, first: bool) -> tuple[Shortfall, ...]:
    held = Held(
        y=test.y,
        groups=test.groups,
        weights=test.weights,
        costs=cost_matrix(policy.costs, test.classes, at),
        slices={part.name: rows_where(part, test, where=at(("gate", "slices"))) for part in policy.slices},
    )
    return shortfalls(policy, held, first=first)
