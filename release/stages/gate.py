"""Gate: an evaluation, a policy and the looks its test set has had become the verdict record.

Predictions are read back from the store and aligned by id; the decision rule itself is `release.judging.rule`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.artifact.model import ModelManifest
from release.data import migrate
from release.data.held_out import held_out
from release.data.slices import rows_where
from release.errors import EnvironmentTroubleError
from release.judging.comparison import seed_for
from release.judging.costs import cost_matrix
from release.judging.migrated import reviewed, rows_known
from release.judging.rows import Outputs, Rows
from release.judging.rule import Case, judge, no_first_release, requirements
from release.learning.predict import Predictions, align, from_csv
from release.records import TestSet, VerdictRecord

if TYPE_CHECKING:
    from pathlib import Path

    from release.config.model import GateSpec, ModelSpec
    from release.data.contract import Table
    from release.ports import Progress, Store
    from release.records import Commit, Digest, EvaluateRecord, Scored


def gate(
    evaluated: EvaluateRecord,
    spec: ModelSpec,
    policy: GateSpec,
    *,
    key: Digest,
    commit: Commit,
    looks: int,
    folder: Path,
    store: Store,
    progress: Progress,
) -> VerdictRecord:
    """Judge an evaluation by a policy. `looks` counts the challengers its test set has judged, this one included.

    Raises BadInputError when a slice names a column that is not there, EnvironmentTroubleError when predictions are gone.
    """
    where = f"models/{evaluated.model}/{spec.data.test}"
    table = held_out(folder / spec.data.test, spec.data, spec.task, where=where, classes=evaluated.classes).table
    champion = None if evaluated.champion is None else _outputs(evaluated.champion, table, store)
    rows = Rows(
        y=table.y,
        champion=champion,
        challenger=_outputs(evaluated.challenger, table, store),
        groups=table.groups,
        weights=table.weights,
        costs=cost_matrix(policy.costs, evaluated.classes, lambda _: f"models/{evaluated.model}/model.yaml"),
        seed=seed_for(evaluated.test_digest),
    )
    first, anchor = evaluated.champion is None, evaluated.anchor
    readings = {
        who: _reading(one, who, table, spec, store, where=f"models/{evaluated.model}/model.yaml")
        for who, one in (("the champion", evaluated.champion), ("the anchor", anchor))
    }
    invalid = list(evaluated.invalid)
    if looks > policy.looks:
        invalid.append(f"this test set has judged {looks - 1} challengers of {policy.looks}: hold out new rows")
    if first and policy.floors and (lacking := no_first_release(policy)) is not None:
        invalid.append(lacking)
    case = Case(
        rows=rows,
        slices={part.name: rows_where(part, table, where=f"models/{evaluated.model}/model.yaml") for part in policy.slices},
        same=_same(evaluated.champion, evaluated),
        anchor=None if anchor is None else _outputs(anchor, table, store),
        same_anchor=_same(anchor, evaluated),
        size_bytes=evaluated.challenger.size_bytes,
        latency_ms=(evaluated.challenger.latency_ms, evaluated.champion.latency_ms if evaluated.champion else ()),
        known=rows_known(readings["the champion"], table.y, table.classes),
        known_to_anchor=rows_known(readings["the anchor"], table.y, table.classes),
    )
    with progress.step(f"{evaluated.model}: judging on {rows.n} rows"):
        wanted = requirements(policy, first=first, anchored=anchor is not None)
        found = judge(wanted, case, alpha=policy.alpha, looks=policy.looks, first=first, invalid=invalid)
        found = reviewed(found, readings, table.y, table.classes)
    return VerdictRecord(
        verdict=found.verdict,
        model=evaluated.model,
        challenger=evaluated.challenger.model_digest,
        champion=evaluated.champion.model_digest if evaluated.champion else None,
        alpha=policy.alpha,
        comparisons=found.comparisons,
        reasons=found.reasons,
        test_set=TestSet(digest=evaluated.test_digest, looks=looks, budget=policy.looks),
        review=found.review,
        rows_needed=found.rows_needed,
        key=key,
        evaluation=evaluated.key,
        commit=commit,
        anchor=anchor.model_digest if anchor else None,
    )


def _same(rival: Scored | None, evaluated: EvaluateRecord) -> bool:
    return rival is not None and rival.model_digest == evaluated.challenger.model_digest


def _reading(
    scored: Scored | None, who: str, table: Table, spec: ModelSpec, store: Store, *, where: str
) -> migrate.Reading | None:
    """Find how a model was read when it was scored; None where it was read as it is, or its predictions were committed."""
    # Where only its predictions were to be had nobody knows its size.
    manifest = None if scored is None or scored.size_bytes is None else store.get(scored.model_digest)
    if scored is None or manifest is None:
        return None
    model = ModelManifest.parse(manifest, where=scored.model_digest)
    return migrate.reading(model, table, spec.task, spec.evaluation.migration, who=who, where=where)


def _outputs(scored: Scored, table: Table, store: Store) -> Outputs:
    content = store.get(scored.predictions)
    if content is None:
        raise EnvironmentTroubleError(
            "its predictions are gone", where=scored.predictions, fix="run `release evaluate` again"
        )
    predictions = from_csv(content, scored.predictions)
    order = Predictions(
        task=predictions.task, ids=table.ids, y=table.y, values=predictions.values, classes=predictions.classes
    )
    return Outputs(align(order, predictions, where=scored.predictions)[1].values, scored.threshold)
