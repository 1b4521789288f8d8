"""Repackage: judge a model that goes to another runtime as it is, by whether it still says what it said.

Nothing is trained, and no look at the test set is spent. Which model that is, where its bytes and what it said come from,
and what the runtime says of itself, is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.errors import EnvironmentTroubleError
from release.judging.equality import comparison, golden_rows, held_out_rows
from release.records import TestSet, Verdict, VerdictRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from release.config.model import GateSpec
    from release.ports import Progress, Store
    from release.records import Commit, Digest, EvaluateRecord

GOLDEN_ONLY = "no predictions of these test rows are recorded for it, so only the golden rows it carries were compared"


def repackage(
    evaluated: EvaluateRecord,
    files: Mapping[str, bytes],
    policy: GateSpec,
    *,
    unfit: Sequence[str],
    key: Digest,
    commit: Commit,
    looks: int,
    store: Store,
    progress: Progress,
) -> VerdictRecord:
    """Judge by equality: `evaluated` holds the model's predictions now, and as its champion's those that were recorded.

    `unfit` says in words why the runtime cannot carry the model: any makes the verdict FAIL, as its pods would not start.
    `looks` counts the challengers that the test set has judged so far; this is none. Raises what
    `release.judging.equality` raises, EnvironmentTroubleError when predictions are gone.
    """
    where = f"models/{evaluated.model}"
    digest = evaluated.challenger.model_digest
    with progress.step(f"{evaluated.model}: comparing predictions"):
        golden = golden_rows(files, digest, where=where)
        held_out = None
        if evaluated.champion is not None:
            before, now = (_predictions(store, one.predictions) for one in (evaluated.champion, evaluated.challenger))
            held_out = held_out_rows(before, now, where=where)
    judged = comparison(held_out, golden)
    reasons = list(unfit)
    if judged.verdict is not Verdict.PASS:
        reasons.append(f"{judged.metric}: {judged.reason}")
    elif held_out is None:
        reasons.append(GOLDEN_ONLY)
    return VerdictRecord(
        verdict=Verdict.FAIL if unfit and judged.verdict is Verdict.PASS else judged.verdict,
        model=evaluated.model,
        challenger=digest,
        champion=digest,
        alpha=policy.alpha,
        comparisons=(judged,),
        reasons=tuple(reasons),
        test_set=TestSet(digest=evaluated.test_digest, looks=looks, budget=policy.looks),
        key=key,
        evaluation=evaluated.key,
        commit=commit,
    )


def _predictions(store: Store, digest: Digest) -> bytes:
    content = store.get(digest)
    if content is None:
        raise EnvironmentTroubleError("its predictions are gone", where=digest, fix="run `release evaluate` again")
    return content
