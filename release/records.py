"""The frozen records that stages exchange, and the names of the things in them.

Records are plain data: no behaviour beyond small derivations, no I/O, no third-party imports (this module is on the path of
`release plan`, which must start fast). `release.artifact.serial` turns them into canonical JSON and back.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping  # noqa: TC003 (read at run time when records are loaded)
from dataclasses import dataclass, field
from typing import NewType

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

Commit = NewType("Commit", str)
"""A full Git object name, 40 or 64 hex digits."""

ModelName = NewType("ModelName", str)
EnvironmentName = NewType("EnvironmentName", str)


JsonScalar = None | bool | int | float | str


class Kind(enum.StrEnum):
    """What a change asks for, by what it touched."""

    TRAIN = "train"
    REPACKAGE = "repackage"
    REDEPLOY = "redeploy"
    POLICY = "policy"
    TEST_SET = "test-set"
    RETIRE = "retire"


class Verdict(enum.StrEnum):
    """What the evidence says; never a boolean."""

    PASS = "PASS"  # noqa: S105 (a verdict)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class EventKind(enum.StrEnum):
    """The kinds of line a ledger may hold."""

    EVALUATED = "evaluated"
    JUDGED = "judged"
    PACKAGED = "packaged"
    PROMOTED = "promoted"
    VERIFIED = "verified"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    HELD = "held"
    OVERRIDDEN = "overridden"
    APPROVED = "approved"
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Digests of everything that decides a model's release, by the part of the release it decides.

    Two commits with equal `Inputs` need no second release. `train` covers task, data contract, training data, features,
    estimator, search, seed, the toolkit's pin and a serving format other than skops; `test` the held-out file; `policy` the
    gate; `package` the serving format and the digest of its runtime image; `deploy` serving resources, rollout and chart.
    """

    train: Digest
    test: Digest
    policy: Digest
    package: Digest
    deploy: Digest


@dataclass(frozen=True, kw_only=True)
class PlanItem:
    """One model that is due: its kind, and the reasons in words."""

    model: ModelName
    kind: Kind
    why: tuple[str, ...]
    inputs: Inputs | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is due at `commit`, compared with `base` (a commit) or, when None, with the ledger."""

    commit: Commit
    base: Commit | None
    items: tuple[PlanItem, ...]


@dataclass(frozen=True, kw_only=True)
class CheckRecord:
    """What was found in order before any training: rows and columns counted, and notes on what to know."""

    model: ModelName
    key: Digest
    train_rows: int
    test_rows: int
    columns: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainRecord:
    """One training: which model came out of which inputs.

    `files` names the blobs of the model (`model.json` is the one whose digest is the model's). `parameters` are the
    estimator's parameters as trained, after the search. `cross_validation` holds mean and standard deviation over folds
    of the search metric for the chosen candidate, empty when nothing was searched.
    """

    model: ModelName
    commit: Commit
    key: Digest
    model_digest: Digest
    files: Mapping[str, Digest]
    size_bytes: int
    task: str
    estimator: str
    parameters: Mapping[str, JsonScalar]
    threshold: float | None
    train_digest: Digest
    rows: int
    columns: int
    cross_validation: Mapping[str, float]
    candidates: int
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One model's predictions on the test set, stored as a CSV blob; `source` says where the predictions came from.

    `source` is one of `store`, `registry`, `rebuild`, `committed-predictions`. `latency_ms` holds the median of each timed
    block of single requests, empty when nothing was timed.
    `metrics` are point estimates over all rows, by metric name.
    """

    model_digest: Digest
    predictions: Digest
    source: str
    metrics: Mapping[str, float]
    threshold: float | None = None
    size_bytes: int | None = None
    latency_ms: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvaluateRecord:
    """Challenger and champion scored on the same held-out rows. `champion` is None for a first release.

    `anchor` is the last release that was shown better (else the first), None where that is the champion or there is none.
    `invalid` lists what makes any verdict on these rows worthless, such as rows that were trained on.
    """

    model: ModelName
    commit: Commit
    key: Digest
    task: str
    test_digest: Digest
    rows: int
    threshold: float | None
    classes: tuple[str, ...]
    challenger: Scored
    champion: Scored | None
    notes: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    anchor: Scored | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One requirement of the gate and what the rows say of it; field names are those of the verdict record.

    `difference` is challenger minus champion, positive always better; for a floor it is the challenger's own value. `low`
    and `high` bound the two-sided interval at `level`; `high_family` is the upper end at one-sided alpha/m. `asks` says what
    `margin` is where the role does not: `margin` (absolute), `relative` (a share of the champion), `better_by`. `against`
    is `champion` or `anchor`; where it is the anchor, the field `champion` holds the anchor's value.
    """

    metric: str
    role: str
    slice: str | None
    n: int
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: float
    high_family: float | None
    margin: float | None
    p_value: float | None
    p_margin: float | None
    method: str
    verdict: Verdict
    rows_needed: int | None
    when_unsure: str = "block"
    asks: str = "margin"
    reason: str | None = None
    against: str = "champion"


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """The held-out rows as a budget: how many challengers they have judged, this one included, of how many they may.

    `inherited` of the looks were at other files that share rows with this one.
    """

    __test__ = False

    digest: Digest
    looks: int
    budget: int
    inherited: int = 0


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """The gate's judgement, as `gate --json` and `compare --json` print it."""

    verdict: Verdict
    model: ModelName | None
    challenger: Digest
    champion: Digest | None
    alpha: float
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    test_set: TestSet
    review: tuple[str, ...] = ()
    rows_needed: int | None = None
    key: Digest | None = None
    evaluation: Digest | None = None
    commit: Commit | None = None
    anchor: Digest | None = None
    feedback: str = "full"


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much a model loses on the test rows when one input column is shuffled: (mean, standard deviation) by model.

    In units of the metric, positive when the column helps; None where a model does not have the column or has no bytes.
    """

    column: str
    champion: tuple[float, float] | None
    challenger: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class LearningPoint:
    """The challenger's recipe on `rows` training rows: (mean, standard deviation) of the metric over training folds."""

    rows: int
    fitted: tuple[float, float]
    held_out: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class SignatureChange:
    """One difference of what two models take or give: `what` is a column or `classes`, None where one has it not."""

    what: str
    champion: str | None
    challenger: str | None


@dataclass(frozen=True, kw_only=True)
class InspectRecord:
    """What explains a judgement and decides nothing.

    `metric` is what importance and learning curve are in; `parameters` and `data` are lines of (name, champion's,
    challenger's) that differ.
    """

    model: ModelName
    key: Digest
    metric: str
    importance: tuple[Importance, ...] = ()
    learning: tuple[LearningPoint, ...] = ()
    signature: tuple[SignatureChange, ...] = ()
    parameters: tuple[tuple[str, str, str], ...] = ()
    data: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecipeRecord:
    """Two recipes compared on training rows alone; it says what retraining would give, and judges no artifact.

    `resamples` is `10x10` (repeats x folds) with the corrected resampled t-test of Nadeau & Bengio (2003): `difference` is
    challenger minus champion, positive better, in units of `metric`. `by_seed` holds the metric of each rerun, by model.
    """

    model: ModelName
    key: Digest
    metric: str
    resamples: str | None = None
    champion: float | None = None
    challenger: float | None = None
    difference: float | None = None
    se: float | None = None
    df: int | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p_value: float | None = None
    seeds: tuple[int, ...] = ()
    by_seed: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportRecord:
    """Where the two renderings of a verdict are, as blobs and as files under `.release/`."""

    model: ModelName
    key: Digest
    markdown: Digest
    html: Digest


@dataclass(frozen=True, kw_only=True)
class PackageRecord:
    """A model's image in the registry. `digest` is the manifest's; `diff_id` the uncompressed model layer's.

    `runtime` is the image it was put on, None for one that runs nothing; `requests` counts those it carries for a replay.
    """

    model: ModelName
    key: Digest
    model_digest: Digest
    repository: str
    digest: Digest
    base: Digest
    layer: Digest
    diff_id: Digest
    size_bytes: int
    runtime: str | None = None
    requests: int = 0


@dataclass(frozen=True, kw_only=True)
class ReleaseId:
    """What is verified, rejected or withdrawn: model, image and chart in one environment, never a model alone."""

    model_digest: Digest
    image_repository: str
    image_digest: Digest
    chart: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The judgement that a promotion rests on, small enough to live in a ledger line.

    `metrics` holds, for each comparison that was judged, `name: (champion, challenger, low, high)`.
    """

    verdict: Verdict
    record: Digest
    champion: Digest | None
    test: Digest
    metrics: Mapping[str, tuple[float | None, float | None, float | None, float | None]]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a model's ledger. `prev` is the digest of the line before, None for the first.

    `challenger` is the model that a test set looked at before there is any release of it.
    """

    seq: int
    prev: Digest | None
    kind: EventKind
    at: str
    model: ModelName
    environment: EnvironmentName | None = None
    operation: Digest | None = None
    commit: Commit | None = None
    challenger: Digest | None = None
    release: ReleaseId | None = None
    inputs: Inputs | None = None
    evidence: Evidence | None = None
    predictions: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    cause: str | None = None
    by: str | None = None
    until: str | None = None


class Outcome(enum.StrEnum):
    """How a promotion ended."""

    PROMOTED = "promoted"
    ALREADY = "already"
    SHOWN = "shown"
    REFUSED = "refused"
    """Nobody asked, and the ledger says now that it is not promoted."""
    WAITING = "waiting"
    """Nobody asked, and the ledger says now that approvals are missing."""
    PROPOSED = "proposed"
    """It is in a pull request."""


@dataclass(frozen=True, kw_only=True)
class PromoteRecord:
    """A promotion as it was committed (`PROMOTED`), found done (`ALREADY`), only shown (`SHOWN`), or refused, or proposed.

    `diff` is the unified diff of the deploy branch; `deploy_commit` the commit that holds it, None when only shown.
    `verdict` is what the evidence says, `why` what stands in its way, with `fix`; of a proposal `pull` is the number, and
    `deploy_branch` and `deploy_commit` are the pull request's own.
    """

    model: ModelName
    environment: EnvironmentName
    outcome: Outcome
    operation: Digest
    release: ReleaseId
    deploy_branch: str
    deploy_commit: Commit | None
    attempts: int
    diff: str
    verdict: Verdict | None = None
    why: str | None = None
    fix: str | None = None
    pull: int | None = None
